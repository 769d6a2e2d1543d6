//! A network namespace for one test: the test program runs itself again inside.
#![allow(unsafe_code, clippy::unwrap_used)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};

/// Runs a body in a new network namespace, or prints why it was skipped.
pub fn in_namespace(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        body();
        return;
    }
    if !try_run("unshare --net ip link") {
        println!("skipped: no right to make a network namespace");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let status = Command::new("unshare")
        .args(["--net", "--"])
        .arg(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside its namespace");
}

/// Runs a command that must succeed.
pub fn run(command: &str) {
    assert!(try_run(command), "{command}");
}

/// Runs a command; true where it succeeded.
pub fn try_run(command: &str) -> bool {
    let mut words = command.split(' ');
    let program = words.next().unwrap();
    let result = Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    result.is_ok_and(|status| status.success())
}

/// A second namespace at the other end of a cable: 10.77.0.1 here, 10.77.0.2 there.
pub struct Neighbour {
    process: Child,
    interface: String,
}

impl Neighbour {
    /// Connects it by an interface of this name.
    pub fn new(interface: &str) -> Neighbour {
        let process = Command::new("unshare").args(["--net", "sleep", "60"]).spawn().unwrap();
        let neighbour = Neighbour { process, interface: interface.to_owned() };
        let pid = neighbour.process.id();
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        while std::fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|other| other == own) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        run(&format!("ip link add {interface} type veth peer name far0 netns {pid}"));
        run(&format!("ip addr add 10.77.0.1/24 dev {interface}"));
        run(&format!("ip link set {interface} up"));
        neighbour.run("ip addr add 10.77.0.2/24 dev far0");
        neighbour.run("ip link set far0 up");
        run("ping -q -c 1 -W 2 10.77.0.2");
        neighbour
    }

    /// Runs a command over there.
    pub fn run(&self, command: &str) {
        run(&format!("nsenter --net=/proc/{}/ns/net {command}", self.process.id()));
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        try_run(&format!("ip link del {}", self.interface));
    }
}

/// An interface without an Ethernet header; it goes away with this value.
pub struct Tun {
    _file: File,
}

impl Tun {
    /// Makes one.
    pub fn new(name: &str) -> io::Result<Tun> {
        let file = File::options().read(true).write(true).open("/dev/net/tun")?;
        // `struct ifreq`: 16 bytes of name, then the flags.
        let mut request = [0u8; 40];
        request[..name.len()].copy_from_slice(name.as_bytes());
        request[16..18].copy_from_slice(&(libc::IFF_TUN as u16 | libc::IFF_NO_PI as u16).to_ne_bytes());
        // SAFETY: the request is as long as `struct ifreq` and lives during the call.
        match unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, request.as_mut_ptr()) } {
            0 => Ok(Tun { _file: file }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

const INSIDE: &str = "LANTERNFISH_TEST_INSIDE";
