//! The container of a process, by the path of its control group.

/// The id of the container that a control group path belongs to: of Docker, containerd, CRI-O, Podman and Amazon ECS the 64
/// hexadecimal digits, of systemd-nspawn and LXC the name.
pub fn container_id(cgroup: &str) -> Option<String> {
    // The innermost container counts, as in a cluster that runs inside containers.
    for part in cgroup.rsplit('/') {
        // The process that watches over a container is not inside it.
        if part.contains("-conmon-") {
            return None;
        }
        let unit = part.strip_suffix(".scope").or_else(|| part.strip_suffix(".service")).unwrap_or(part);
        let id = unit.rsplit(['-', ':']).next().unwrap_or(unit);
        if id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Some(id.to_owned());
        }
        let name = match unit {
            _ if part.ends_with(".scope") => unit.strip_prefix("machine-"),
            _ if part.ends_with(".service") => unit.strip_prefix("systemd-nspawn@"),
            _ => unit.strip_prefix("lxc.payload."),
        };
        match name {
            Some(name) if !name.is_empty() => return Some(unescape(name)),
            _ => {}
        }
    }
    let lxc = cgroup.strip_prefix("/lxc/")?.split('/').next()?;
    (!lxc.is_empty()).then(|| lxc.to_owned())
}

/// Takes systemd's escapes out of a unit name (systemd.unit(5)): `\x2d` is `-`.
fn unescape(name: &str) -> String {
    let mut parts = name.split("\\x");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if byte.is_ascii_graphic() => {
                text.push(char::from(byte));
                text.push_str(part.get(2..).unwrap_or_default());
            }
            _ => {
                text.push_str("\\x");
                text.push_str(part);
            }
        }
    }
    text
}

/// Chooses the path that says most in the text of /proc/<pid>/cgroup (cgroups(7)): the unified one, unless it is the root
/// and an older hierarchy knows better.
pub fn cgroup_path(text: &str) -> &str {
    let paths = || text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let unified = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("");
    if unified.len() > 1 {
        return unified;
    }
    let named = text.lines().find_map(|line| line.split_once(":name=systemd:").map(|(_, path)| path)).unwrap_or("");
    if container_id(named).is_some() {
        return named;
    }
    paths().find(|path| container_id(path).is_some()).unwrap_or(if named.len() > 1 { named } else { unified })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f2a9c0d1e4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1";

    #[test]
    fn containers_of_all_engines_are_found() {
        let cases = [
            ("/docker/ID", Some(ID)),
            ("/system.slice/docker-ID.scope", Some(ID)),
            ("/kubepods/burstable/pod0f1e-22/ID", Some(ID)),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f_1.slice/cri-containerd-ID.scope",
                Some(ID),
            ),
            ("/kubepods.slice/kubepods-pod0f.slice/crio-ID.scope", Some(ID)),
            ("/system.slice/containerd.service/kubepods-burstable-pod0f.slice:cri-containerd:ID", Some(ID)),
            ("/machine.slice/libpod-ID.scope/container", Some(ID)),
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", Some(ID)),
            ("/ecs/0f1e2d/ID", Some(ID)),
            ("/docker/ID/kubelet/kubepods/pod1/ID", Some(ID)),
            ("/machine.slice/machine-web\\x2dserver.scope", Some("web-server")),
            ("/machine.slice/systemd-nspawn@web.service/payload", Some("web")),
            ("/lxc.payload.box/system.slice/nginx.service", Some("box")),
            ("/lxc/box/init.scope", Some("box")),
            ("/machine.slice/libpod-conmon-ID.scope", None),
            ("/system.slice/nginx.service", None),
            ("/user.slice/user-1000.slice/session-3.scope", None),
            ("/", None),
            ("", None),
        ];
        for (cgroup, expected) in cases {
            assert_eq!(container_id(&cgroup.replace("ID", ID)).as_deref(), expected, "{cgroup}");
        }
        assert_eq!(unescape("a\\x2d\\xzz\\x0a"), "a-\\xzz\\x0a");
    }

    #[test]
    fn the_richest_hierarchy_is_chosen() {
        let cases = [
            ("0::/system.slice/a.service\n", "/system.slice/a.service"),
            ("9:name=systemd:/x\n0::/\n", "/x"),
            ("5:pids:/docker/ID\n9:name=systemd:/\n0::/\n", "/docker/ID"),
            ("4:memory:/box\n0::/\n", "/"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(cgroup_path(&text.replace("ID", ID)), expected.replace("ID", ID), "{text}");
        }
    }
}
