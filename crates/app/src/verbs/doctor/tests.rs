//! Facts are read from a tree of files; checks judge facts.

use std::fs;
use std::os::unix::fs::symlink;

use super::facts::Interface;
use super::*;

fn check<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.name == name).unwrap()
}

fn able() -> Facts {
    Facts {
        user: Some(0),
        capabilities: u64::MAX,
        kernel: "6.18.0-1-amd64".into(),
        interfaces: vec![Interface { name: "lo".into(), is_up: true, hardware: 772 }],
        is_namespace_known: true,
        libpcap: Some("/usr/lib/libpcap.so.0.8".into()),
        has_btf: true,
        cgroup2: Some("/sys/fs/cgroup".into()),
        memory_available: Some(8 << 30),
        ..Facts::default()
    }
}

#[test]
fn nothing_is_missing_for_root() {
    let checks = checks::all(&able());
    assert!(checks.iter().all(|check| check.state == State::Ok && check.remedy.is_empty()), "{checks:#?}");
    assert!(table(&checks, false).ends_with("everything that can be seen is seen\n"));
}

#[test]
fn what_is_missing_has_a_remedy() {
    let checks = checks::all(&Facts { kernel: "3.10.0".into(), ..Facts::default() });
    assert_eq!(check(&checks, "capture rights").state, State::Missing);
    assert!(check(&checks, "capture rights").remedy.contains("doctor --fix"));
    assert_eq!(check(&checks, "interfaces").state, State::Missing);
    assert_eq!(check(&checks, "kernel").state, State::Warning);
    for check in checks.iter().filter(|check| check.state != State::Ok && check.name != "loopback") {
        assert!(!check.remedy.is_empty(), "{check:?}");
    }
}

#[test]
fn other_namespaces_are_named() {
    let facts = Facts { other_namespaces: [7, 8].into(), hidden_processes: 3, ..able() };
    let checks = checks::all(&facts);
    let check = check(&checks, "network namespaces");
    assert_eq!(check.state, State::Warning);
    assert!(check.found.starts_with("2 others") && check.found.contains("own loopbacks is not"));
    assert!(check.found.ends_with("those of 3 processes may not be read"));
}

#[test]
fn facts_come_from_files() {
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("proc/self/status", "Name:\tx\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000002000\n");
    put("proc/self/mounts", "proc /proc proc rw,hidepid=2 0 0\nnone /sys/fs/cgroup/unified cgroup2 rw 0 0\n");
    put("proc/sys/kernel/osrelease", "6.18.0-1\n");
    put("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:  2048 kB\n");
    put("sys/class/net/lo/type", "772\n");
    put("sys/class/net/lo/operstate", "unknown\n");
    put("sys/class/net/eth0/type", "1\n");
    put("sys/class/net/eth0/operstate", "down\n");
    put("usr/lib/x86_64-linux-gnu/libpcap.so.1.10.3", "");
    put("etc/group", "root:x:0:\nlanternfish:x:990:me\n");
    for (process, inode) in [("self", 1), ("10", 1), ("11", 2)] {
        fs::create_dir_all(root.path().join(format!("proc/{process}/ns"))).unwrap();
        symlink(format!("net:[{inode}]"), root.path().join(format!("proc/{process}/ns/net"))).unwrap();
    }
    let facts = Facts::gather(root.path());
    assert_eq!(facts.user, Some(1000));
    assert!(facts.may(13) && !facts.may(12));
    assert_eq!(facts.kernel_version(), Some((6, 18)));
    assert!(facts.is_proc_hidden && facts.has_group && !facts.has_btf);
    assert_eq!(facts.cgroup2.as_deref(), Some("/sys/fs/cgroup/unified"));
    assert_eq!(facts.memory_available, Some(2 << 20));
    assert_eq!(facts.other_namespaces, [2].into());
    assert!(facts.libpcap.is_some());
    let lo = Interface { name: "lo".into(), is_up: true, hardware: 772 };
    assert_eq!(facts.interfaces, [Interface { name: "eth0".into(), is_up: false, hardware: 1 }, lo]);
}

#[test]
fn an_empty_machine_is_no_error() {
    let root = tempfile::tempdir().unwrap();
    assert!(!checks::all(&Facts::gather(root.path())).is_empty());
}

#[test]
fn the_owner_is_set_before_the_capabilities() {
    let steps = fix::steps(Path::new("/usr/bin/lanternfish"), Some("me"), false);
    let programs: Vec<&str> = steps.iter().map(|step| step[0].as_str()).collect();
    assert_eq!(programs, ["groupadd", "usermod", "chown", "chmod", "setcap"]);
    assert_eq!(fix::steps(Path::new("/l"), Some("root"), true).len(), 3);
}
