//! Giving up rights, in programs of one thread: each case runs this program again.
//!
//! Without root a case prints why it was skipped.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

use lanternfish_capture::background::Background;
use lanternfish_capture::privileges::{
    Capabilities, Capability, denied_hint, drop_all, keep_for_capture, lay_aside, missing_rights, take_up,
};
use lanternfish_capture::{CaptureError, LiveConfig, LiveSource};

const CASES: [(&str, fn()); 5] = [
    ("sudo_goes_on_as_the_invoking_user", sudo_goes_on_as_the_invoking_user),
    ("root_keeps_its_user_and_few_rights", root_keeps_its_user_and_few_rights),
    ("a_reader_keeps_no_right", a_reader_keeps_no_right),
    ("threads_are_refused", threads_are_refused),
    ("odd_sudo_variables_change_no_user", odd_sudo_variables_change_no_user),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = arguments.as_slice()
        && flag == "--case"
    {
        CASES.iter().find(|(case, _)| case == name).unwrap().1();
        return;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    if !fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0\t") {
        println!("skipped: not root");
        return;
    }
    for (case, _) in CASES {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--case", case]).env_remove("SUDO_UID").env_remove("SUDO_GID");
        match case {
            "sudo_goes_on_as_the_invoking_user" => command.env("SUDO_UID", "65534").env("SUDO_GID", "65534"),
            "odd_sudo_variables_change_no_user" => command.env("SUDO_UID", "4294967295").env("SUDO_GID", "x"),
            _ => &mut command,
        };
        assert!(command.status().unwrap().success(), "{case}");
        println!("test {case} ... ok");
    }
}

fn sudo_goes_on_as_the_invoking_user() {
    let mut source = LiveSource::open(LiveConfig::default()).unwrap();
    let standing = keep_for_capture().unwrap();
    assert_eq!((standing.uid, standing.gid, standing.is_changed_user), (65_534, 65_534, true));
    assert_eq!(standing.kept.and(Capabilities::CAPTURE), Capabilities::CAPTURE);
    // What guards the threads goes to the guard.
    let background = Background::begin(&[]);
    assert_eq!(background.is_some(), standing.kept.contains(Capability::SYS_NICE));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    for line in [
        "Uid:\t65534\t65534\t65534\t65534",
        "CapInh:\t0000000000000000",
        "CapEff:\t0000000000082004",
        "CapPrm:\t0000000000082004",
        if background.is_some() { "CapBnd:\t0000000000882004" } else { "CapBnd:\t0000000000082004" },
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.contains(line), "{line} is not in {status}");
    }
    // What is kept is enough to capture on, to open again, and to look at root's processes.
    source.poll(0).unwrap();
    LiveSource::open(LiveConfig::default()).unwrap();
    let parent = std::os::unix::process::parent_id();
    assert!(fs::read_dir(format!("/proc/{parent}/fd")).is_ok());
    assert!(fs::read_link(format!("/proc/{parent}/exe")).is_ok());
    assert!(missing_rights(Path::new("/usr/bin/lanternfish")).unwrap().is_empty());
    // What a user names is read as the user may, while the right is laid aside.
    let is_effective = |bits: &str| fs::read_to_string("/proc/self/status").unwrap().contains(bits);
    lay_aside().unwrap();
    assert!(is_effective("CapEff:\t0000000000082000") && is_effective("CapPrm:\t0000000000082004"));
    assert!(fs::read("/etc/shadow").is_err());
    assert!(missing_rights(Path::new("/usr/bin/lanternfish")).unwrap().is_empty());
    take_up().unwrap();
    assert!(is_effective("CapEff:\t0000000000082004"));
    // There is no way back.
    assert!(fs::write("/proc/sys/kernel/hostname", "x").is_err());
    assert!(!Command::new("setpriv").args(["--reuid", "0", "true"]).status().is_ok_and(|status| status.success()));
}

fn root_keeps_its_user_and_few_rights() {
    let standing = keep_for_capture().unwrap();
    assert_eq!((standing.uid, standing.is_changed_user, standing.was_privileged), (0, false, true));
    assert_eq!(standing.kept.or(Capabilities::GUARD), Capabilities::CAPTURE.or(Capabilities::GUARD));
    assert!(LiveSource::open(LiveConfig::default()).is_ok());
    assert!(!Command::new("mount").args(["-t", "tmpfs", "x", "/mnt"]).status().is_ok_and(|status| status.success()));
}

fn a_reader_keeps_no_right() {
    let folder = std::env::temp_dir().join(format!("lanternfish-privileges-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let path = folder.join("private.pcap");
    fs::write(&path, "x").unwrap();
    std::os::unix::fs::chown(&path, Some(65_534), Some(65_534)).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let standing = drop_all().unwrap();
    let error = fs::read(&path).unwrap_err();
    let _ = fs::remove_file(&path);
    let _ = fs::remove_dir(&folder);
    assert_eq!((standing.uid, standing.kept), (0, Capabilities::default()));
    assert!(denied_hint(&standing, &path, &error).unwrap().contains("root's rights are given up"));
    assert!(matches!(LiveSource::open(LiveConfig::default()), Err(CaptureError::NoRight)));
    let missing = missing_rights(Path::new("/usr/bin/lanternfish")).unwrap();
    assert_eq!(missing.len(), 3);
    assert_eq!(missing[0].capability, Capability::NET_RAW);
    assert!(missing[0].remedy.contains("setcap"));
}

fn threads_are_refused() {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || receiver.recv());
    let error = drop_all().unwrap_err();
    assert_eq!(error.to_string(), "rights can't be given up while 2 threads run");
    drop(sender);
    let _ = thread.join();
}

fn odd_sudo_variables_change_no_user() {
    let standing = keep_for_capture().unwrap();
    assert_eq!((standing.uid, standing.is_changed_user), (0, false));
}
