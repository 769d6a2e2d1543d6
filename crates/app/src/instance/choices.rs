//! What can be chosen for capture on this machine.

use lanternfish_api::dto::{CaptureChoices, ContainerChoice, InterfaceChoice, PortChoice, ProcessChoice};
use lanternfish_capture::privileges::{self, Capability};
use lanternfish_identity::survey;

/// Interfaces, processes, containers and ports; what can't be read is not among them.
pub(crate) fn all() -> CaptureChoices {
    let found = survey();
    let mut containers: Vec<ContainerChoice> = Vec::new();
    for process in &found.processes {
        let id = &process.identity.container_id;
        if id.is_empty() {
            continue;
        }
        let name = process.identity.process_name.clone();
        match containers.iter_mut().find(|known| known.id == *id) {
            Some(known) if known.processes.contains(&name) => {}
            Some(known) => known.processes.push(name),
            None => containers.push(ContainerChoice { id: id.clone(), processes: vec![name] }),
        }
    }
    let ports = found.listeners.iter().map(|listener| PortChoice {
        port: listener.port,
        transport: "tcp".to_owned(),
        process: listener.process.clone(),
    });
    let processes = found.processes.iter().map(|process| ProcessChoice {
        pid: process.identity.pid,
        name: process.identity.process_name.clone(),
        user: process.identity.user.clone(),
        container: process.identity.container_id.clone(),
    });
    CaptureChoices { interfaces: interfaces(), processes: processes.collect(), containers, ports: ports.collect() }
}

/// Those of these interfaces that this machine does not have now.
pub(crate) fn absent(names: &[String]) -> Vec<String> {
    let is_absent = |name: &&String| *name != EVERY && !std::path::Path::new(INTERFACES).join(name).exists();
    names.iter().filter(is_absent).cloned().collect()
}

/// The rights that the program has, in words.
pub(crate) fn rights() -> Vec<String> {
    let program = std::env::current_exe().unwrap_or_default();
    // What can't be read is taken for missing.
    let Ok(missing) = privileges::missing_rights(&program) else { return Vec::new() };
    let held = RIGHTS.into_iter().filter(|(right, _)| !missing.iter().any(|lacking| lacking.capability == *right));
    held.map(|(right, does)| format!("{does} ({})", right.name())).collect()
}

/// What the rights that capturing needs are for.
const RIGHTS: [(Capability, &str); 3] = [
    (Capability::NET_RAW, "capture packets"),
    (Capability::SYS_PTRACE, "name processes of other users"),
    (Capability::DAC_READ_SEARCH, "read what they have open"),
];

/// Where the kernel lists the interfaces.
const INTERFACES: &str = "/sys/class/net";
/// Stands for every interface.
const EVERY: &str = "any";

fn interfaces() -> Vec<InterfaceChoice> {
    let root = std::path::Path::new(INTERFACES);
    let mut found: Vec<InterfaceChoice> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .take(MAX_INTERFACES)
        .map(|entry| {
            let read = |name: &str| std::fs::read_to_string(entry.path().join(name)).unwrap_or_default();
            let flags = u32::from_str_radix(read("flags").trim().trim_start_matches("0x"), 16).unwrap_or(0);
            InterfaceChoice {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_up: flags & IFF_UP != 0,
                is_loopback: flags & IFF_LOOPBACK != 0,
                addresses: Vec::new(),
            }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Flags of an interface (netdevice(7)).
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;
/// The most interfaces that are listed.
const MAX_INTERFACES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_loopback_and_this_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let choices = all();
        assert!(choices.interfaces.iter().any(|interface| interface.is_loopback));
        assert!(choices.processes.iter().any(|process| process.pid == std::process::id()));
        let own = choices.ports.iter().find(|known| known.port == port);
        assert!(own.is_some_and(|own| !own.process.is_empty()), "{:?}", choices.ports);
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let names = ["lo", "any", "absent0"].map(str::to_owned);
        assert_eq!(absent(&names), ["absent0"]);
        assert!(absent(&[]).is_empty());
    }
}
