//! The checks: facts in, a state with a remedy out.

use super::facts::Facts;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing stands in the way.
    Ok,
    /// It works with limits.
    Warning,
    /// It does not work.
    Missing,
}

impl State {
    /// The state in a word.
    pub(super) const fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warning => "warn",
            State::Missing => "missing",
        }
    }

    /// The colour on a terminal.
    pub(super) const fn color(self) -> &'static str {
        match self {
            State::Ok => "\x1b[32m",
            State::Warning => "\x1b[33m",
            State::Missing => "\x1b[31m",
        }
    }
}

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// What was checked.
    pub(super) name: &'static str,
    /// How it ended.
    pub(super) state: State,
    /// What was found.
    pub(super) found: String,
    /// What helps; empty where nothing must be done.
    pub(super) remedy: String,
}

/// All checks, the most important first.
pub(super) fn all(facts: &Facts) -> Vec<Check> {
    CHECKS
        .iter()
        .map(|(name, check)| {
            let (state, found, remedy) = check(facts);
            Check { name, state, found, remedy: remedy.to_owned() }
        })
        .collect()
}

/// The state, what was found, and the remedy.
type Verdict = (State, String, &'static str);
type Judge = fn(&Facts) -> Verdict;

const CHECKS: &[(&str, Judge)] = &[
    ("capture rights", capture_rights),
    ("process rights", process_rights),
    ("interfaces", interfaces),
    ("loopback", loopback),
    ("network namespaces", network_namespaces),
    ("processes", processes),
    ("kernel", kernel),
    ("capture filters", capture_filters),
    ("connection tracking", connection_tracking),
    ("control groups", control_groups),
    ("kernel types", kernel_types),
    ("memory", memory),
];

fn capture_rights(facts: &Facts) -> Verdict {
    if facts.may(NET_RAW) {
        return (State::Ok, format!("packets can be captured ({})", who(facts)), "");
    }
    let remedy = if facts.has_group { GRANT_WITH_GROUP } else { GRANT };
    (
        State::Missing,
        "packets can't be captured: CAP_NET_RAW is not granted (capture files can be read)".to_owned(),
        remedy,
    )
}

fn process_rights(facts: &Facts) -> Verdict {
    let has_both = facts.may(SYS_PTRACE) && (facts.may(DAC_READ_SEARCH) || facts.may(DAC_OVERRIDE));
    if has_both {
        return (State::Ok, "the processes of all users can be named".to_owned(), "");
    }
    let found =
        "only your own processes can be named: CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH are not granted".to_owned();
    (State::Warning, found, GRANT)
}

fn interfaces(facts: &Facts) -> Verdict {
    let (up, down): (Vec<_>, Vec<_>) = facts.interfaces.iter().partition(|interface| interface.is_up);
    let names = |interfaces: &[&super::facts::Interface]| {
        let mut names: Vec<&str> = interfaces.iter().take(MAX_NAMED).map(|interface| interface.name.as_str()).collect();
        if interfaces.len() > MAX_NAMED {
            names.push("…");
        }
        names.join(", ")
    };
    if up.is_empty() {
        return (State::Missing, "no interface is up".to_owned(), "bring one up: ip link set NAME up");
    }
    let unknown: Vec<_> =
        up.iter().copied().filter(|interface| !KNOWN_HARDWARE.contains(&interface.hardware)).collect();
    if !unknown.is_empty() {
        let found = format!("up: {}; the link type of {} may not be dissected", names(&up), names(&unknown));
        return (State::Warning, found, "packets of these interfaces are counted as `unknown link type`");
    }
    let down = if down.is_empty() { String::new() } else { format!("; down: {}", names(&down)) };
    (State::Ok, format!("up: {}{down}", names(&up)), "")
}

fn loopback(facts: &Facts) -> Verdict {
    let is_loopback = |interface: &&super::facts::Interface| interface.hardware == LOOPBACK;
    match facts.interfaces.iter().find(is_loopback) {
        Some(interface) if interface.is_up => (
            State::Ok,
            format!("{} is up: calls between processes of this network namespace are seen", interface.name),
            "",
        ),
        Some(interface) => (State::Warning, format!("{} is down", interface.name), "bring it up: ip link set lo up"),
        None => (State::Warning, "there is no loopback".to_owned(), ""),
    }
}

fn network_namespaces(facts: &Facts) -> Verdict {
    if !facts.is_namespace_known {
        return (State::Warning, "the network namespaces can't be read".to_owned(), "mount /proc");
    }
    let hidden = if facts.hidden_processes > 0 {
        let one_or_more = if facts.hidden_processes == 1 { "process" } else { "processes" };
        format!("; those of {} {one_or_more} may not be read", facts.hidden_processes)
    } else {
        String::new()
    };
    match facts.other_namespaces.len() {
        0 => (State::Ok, format!("all processes share this one{hidden}"), ""),
        count => {
            let others = if count == 1 { "one other".to_owned() } else { format!("{count} others") };
            let found = format!(
                "{others}: their traffic is seen where it crosses an interface of this one (veth, bridge), that on their own loopbacks is not{hidden}"
            );
            (State::Warning, found, "run lanternfish inside: nsenter --net=/proc/PID/ns/net lanternfish")
        }
    }
}

fn processes(facts: &Facts) -> Verdict {
    match (facts.is_proc_hidden, facts.may(SYS_PTRACE)) {
        (true, false) => {
            let found = "/proc hides the processes of other users (hidepid)".to_owned();
            (State::Warning, found, "run as root, or as a member of the group that /proc is mounted with (gid=)")
        }
        _ if facts.is_container => {
            let found = "this is a container: processes outside of it can't be named".to_owned();
            (State::Warning, found, "share the process namespace of the host (--pid=host)")
        }
        _ => (State::Ok, "processes can be found in /proc".to_owned(), ""),
    }
}

fn kernel(facts: &Facts) -> Verdict {
    match facts.kernel_version() {
        Some(version) if version >= OLDEST_KERNEL => (State::Ok, format!("Linux {}", facts.kernel), ""),
        Some(_) => {
            let found = format!("Linux {} is older than 4.19, with which nothing was tried", facts.kernel);
            (State::Warning, found, "use a newer kernel")
        }
        None => (State::Warning, "the version of the kernel is not known".to_owned(), "mount /proc"),
    }
}

fn capture_filters(facts: &Facts) -> Verdict {
    match &facts.libpcap {
        Some(path) => (State::Ok, format!("--bpf works: {path}"), ""),
        None => {
            let found = "--bpf does not work: there is no libpcap (KFL filters need none)".to_owned();
            (State::Warning, found, "install it: apt install libpcap0.8, dnf install libpcap, apk add libpcap")
        }
    }
}

fn connection_tracking(facts: &Facts) -> Verdict {
    match (facts.has_conntrack, facts.is_conntrack_readable || facts.may(NET_ADMIN)) {
        (false, _) => (State::Ok, "the kernel translates no addresses here".to_owned(), ""),
        (true, true) => (State::Ok, "address translation can be looked up".to_owned(), ""),
        (true, false) => {
            let found = "address translation can't be looked up: CAP_NET_ADMIN is not granted".to_owned();
            (State::Warning, found, GRANT)
        }
    }
}

fn control_groups(facts: &Facts) -> Verdict {
    match &facts.cgroup2 {
        Some(place) => (State::Ok, format!("version 2 at {place}"), ""),
        None => {
            let found = "version 2 is not mounted: containers are found by the groups of version 1 only".to_owned();
            (State::Warning, found, "mount it: mount -t cgroup2 none /sys/fs/cgroup/unified")
        }
    }
}

fn kernel_types(facts: &Facts) -> Verdict {
    if facts.has_btf {
        (State::Ok, "the kernel tells its types (BTF), as eBPF needs".to_owned(), "")
    } else {
        let found = "the kernel does not tell its types (BTF): eBPF can't be used here".to_owned();
        (State::Warning, found, "use a kernel built with CONFIG_DEBUG_INFO_BTF; packet capture needs none")
    }
}

fn memory(facts: &Facts) -> Verdict {
    match facts.memory_available {
        Some(bytes) if bytes < LITTLE_MEMORY => {
            (State::Warning, format!("{} MiB are available", bytes >> 20), "lower --memory and --body-limit")
        }
        Some(bytes) => (State::Ok, format!("{} MiB are available", bytes >> 20), ""),
        None => (State::Warning, "the memory is not known".to_owned(), "mount /proc"),
    }
}

fn who(facts: &Facts) -> &'static str {
    if facts.user == Some(0) { "as root" } else { "by CAP_NET_RAW" }
}

const GRANT: &str = "run as root, or grant it once: sudo lanternfish doctor --fix";
const GRANT_WITH_GROUP: &str =
    "run as root, or join the group once: sudo usermod -aG lanternfish $USER, and log in again";
/// See capability.h of the kernel.
const DAC_OVERRIDE: u32 = 1;
const DAC_READ_SEARCH: u32 = 2;
const NET_ADMIN: u32 = 12;
const NET_RAW: u32 = 13;
const SYS_PTRACE: u32 = 19;
/// ARPHRD_LOOPBACK.
const LOOPBACK: u32 = 772;
/// Ethernet, PPP, IPIP, IPv6 tunnel, loopback, SIT, GRE, GRE over IPv6, none (TUN), raw IP.
const KNOWN_HARDWARE: &[u32] = &[1, 512, 768, 769, LOOPBACK, 776, 778, 823, 65534, 519];
const OLDEST_KERNEL: (u32, u32) = (4, 19);
const LITTLE_MEMORY: u64 = 768 << 20;
const MAX_NAMED: usize = 8;
