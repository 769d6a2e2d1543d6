//! A test in a process of its own, with its memory measured: the peak of RssAnon and RssShmem.

use std::process::{Command, Stdio};
use std::time::Duration;

/// What no hostile input may exceed, with the memory that the test itself needs.
const MAX_MEMORY_MIB: f64 = 64.0;
/// Set in the process of the test.
const CHILD: &str = "LANTERNFISH_TEST_ALONE";

/// Makes a test that runs alone.
macro_rules! alone {
    ($($(#[$meta:meta])* fn $name:ident() $body:block)*) => {
        $(
            #[test]
            $(#[$meta])*
            fn $name() {
                crate::alone::run(concat!(module_path!(), "::", stringify!($name)), || $body);
            }
        )*
    };
}

/// Runs the test, or in the first process: that test alone in another one.
pub fn run(name: &str, test: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return test();
    }
    let name = name.split_once("::").map_or(name, |(_, name)| name);
    let mut child = Command::new(std::env::current_exe().expect("the path of this program"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdout(Stdio::null())
        .spawn()
        .expect("this program runs again");
    let mut peak_mib = 0f64;
    let status = loop {
        peak_mib = peak_mib.max(memory_mib(child.id()));
        if let Some(status) = child.try_wait().expect("the process is ours") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    eprintln!("{name}: {peak_mib:.1} MiB");
    assert!(status.success(), "{name} failed: {status}");
    assert!(peak_mib < MAX_MEMORY_MIB, "{name} took {peak_mib:.1} MiB");
}

/// The memory of a process; 0 where it is gone.
fn memory_mib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0)
    };
    (kib("RssAnon") + kib("RssShmem")) / 1024.0
}
