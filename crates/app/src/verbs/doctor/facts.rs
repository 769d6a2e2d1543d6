//! The facts that the checks judge, read from `/proc`, `/sys` and `/etc`; anything that can't be read is simply not known.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What is known of this machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The effective user.
    pub(super) user: Option<u32>,
    /// The effective capabilities, a bit each.
    pub(super) capabilities: u64,
    /// The release of the kernel (`6.18.0-1`).
    pub(super) kernel: String,
    /// The interfaces.
    pub(super) interfaces: Vec<Interface>,
    /// The network namespaces of processes that we may see, without our own, by inode.
    pub(super) other_namespaces: BTreeSet<u64>,
    /// Whether our own network namespace is known.
    pub(super) is_namespace_known: bool,
    /// Processes whose network namespace may not be read.
    pub(super) hidden_processes: usize,
    /// Whether other users' processes are hidden in `/proc` (`hidepid`).
    pub(super) is_proc_hidden: bool,
    /// The path of libpcap.
    pub(super) libpcap: Option<String>,
    /// Whether the kernel tells its types (BTF).
    pub(super) has_btf: bool,
    /// Whether a cgroup v2 tree is mounted, and where.
    pub(super) cgroup2: Option<String>,
    /// Whether the kernel tracks connections (NAT).
    pub(super) has_conntrack: bool,
    /// Whether the table of tracked connections can be read.
    pub(super) is_conntrack_readable: bool,
    /// Whether there is a group `lanternfish`.
    pub(super) has_group: bool,
    /// Bytes of memory that are free for use.
    pub(super) memory_available: Option<u64>,
    /// Whether we run in a container, as far as the init process tells.
    pub(super) is_container: bool,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interface {
    /// Its name.
    pub(super) name: String,
    /// Whether it is up; the loopback's state reads `unknown` while it is.
    pub(super) is_up: bool,
    /// The hardware type (ARPHRD_ value): 1 Ethernet, 772 loopback.
    pub(super) hardware: u32,
}

impl Facts {
    /// Reads all facts below a root directory.
    pub(super) fn gather(root: &Path) -> Facts {
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let exists = |path: &str| root.join(path).exists();
        let status = text("proc/self/status");
        let mounts = text("proc/self/mounts");
        let mut facts = Facts {
            user: line(&status, "Uid:").and_then(|uids| uids.split_whitespace().nth(1)?.parse().ok()),
            capabilities: line(&status, "CapEff:")
                .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
                .unwrap_or(0),
            kernel: text("proc/sys/kernel/osrelease").trim().to_owned(),
            interfaces: interfaces(root),
            is_proc_hidden: mounts.lines().any(|mount| mount.starts_with("proc ") && hides(mount)),
            libpcap: libpcap(root),
            has_btf: exists("sys/kernel/btf/vmlinux"),
            cgroup2: mounts.lines().find_map(|mount| {
                let mut parts = mount.split(' ');
                let (_, place, kind) = (parts.next()?, parts.next()?, parts.next()?);
                (kind == "cgroup2").then(|| place.to_owned())
            }),
            has_conntrack: exists("proc/sys/net/netfilter/nf_conntrack_count"),
            is_conntrack_readable: fs::File::open(root.join("proc/net/nf_conntrack")).is_ok(),
            has_group: text("etc/group").lines().any(|group| group.starts_with("lanternfish:")),
            memory_available: line(&text("proc/meminfo"), "MemAvailable:")
                .and_then(|kib| kib.split_whitespace().next()?.parse::<u64>().ok())
                .and_then(|kib| kib.checked_mul(1024)),
            is_container: exists(".dockerenv") || exists("run/.containerenv"),
            ..Facts::default()
        };
        namespaces(root, &mut facts);
        facts
    }

    /// Whether a capability is effective.
    pub(super) fn may(&self, capability: u32) -> bool {
        self.capabilities.checked_shr(capability).is_some_and(|mask| mask & 1 == 1)
    }

    /// The major and minor number of the kernel.
    pub(super) fn kernel_version(&self) -> Option<(u32, u32)> {
        let mut parts = self.kernel.split(|character: char| !character.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

fn hides(mount: &str) -> bool {
    let option = mount.split([' ', ',']).find_map(|option| option.strip_prefix("hidepid="));
    option.is_some_and(|value| !matches!(value, "0" | "off"))
}

fn interfaces(root: &Path) -> Vec<Interface> {
    let Ok(directory) = fs::read_dir(root.join("sys/class/net")) else { return Vec::new() };
    let mut interfaces: Vec<Interface> = directory
        .flatten()
        .filter(|entry| entry.path().join("type").exists())
        .map(|entry| {
            let value = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default().trim().to_owned();
            let hardware = value("type").parse().unwrap_or(0);
            let state = value("operstate");
            let name = entry.file_name().to_string_lossy().into_owned();
            Interface { name, is_up: state == "up" || state == "unknown", hardware }
        })
        .collect();
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    interfaces
}

/// Looks at the network namespace of every process, of at most [`MAX_PROCESSES`].
fn namespaces(root: &Path, facts: &mut Facts) {
    let inode = |process: &str| {
        let link = fs::read_link(root.join("proc").join(process).join("ns/net"))?;
        let number = link.to_string_lossy().trim_start_matches("net:[").trim_end_matches(']').parse::<u64>();
        number.map_err(std::io::Error::other)
    };
    let own = inode("self").ok();
    facts.is_namespace_known = own.is_some();
    let Ok(processes) = fs::read_dir(root.join("proc")) else { return };
    let names = processes.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    for process in names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).take(MAX_PROCESSES) {
        match inode(&process) {
            Ok(inode) if Some(inode) != own => {
                facts.other_namespaces.insert(inode);
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => facts.hidden_processes += 1,
            Err(_) => {}
        }
    }
}

fn libpcap(root: &Path) -> Option<String> {
    let directories = ["usr/lib", "usr/lib64", "lib", "lib64", "usr/local/lib"].map(|directory| root.join(directory));
    let multiarch = directories.iter().flat_map(fs::read_dir).flatten().flatten().map(|entry| entry.path());
    let multiarch: Vec<_> = multiarch.filter(|path| path.to_string_lossy().ends_with("-linux-gnu")).collect();
    for directory in directories.iter().chain(&multiarch) {
        let Ok(files) = fs::read_dir(directory) else { continue };
        for entry in files.flatten() {
            if entry.file_name().to_string_lossy().starts_with("libpcap.so") {
                return Some(entry.path().display().to_string());
            }
        }
    }
    None
}

/// The most processes that are looked at.
const MAX_PROCESSES: usize = 100_000;
