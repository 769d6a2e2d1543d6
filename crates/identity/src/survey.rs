//! Who could be watched: the processes with sockets, and the ports that are listened on.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::Instant;

use lanternfish_model::Identity;

use crate::SocketDiag;
use crate::process::{Processes, all_pids};

/// What a look at all processes found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The processes that have a socket, by number.
    pub processes: Vec<Speaker>,
    /// The TCP ports that are listened on, each once.
    pub listeners: Vec<Listener>,
}

/// A process that has a socket.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// Who it is.
    pub identity: Arc<Identity>,
}

/// A port that is listened on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// The name of the process; empty where its rights do not let us see it.
    pub process: String,
}

/// Looks at all processes; at most [`MAX_PROCESSES`] of them, and what may not be read is left out.
pub fn survey() -> Survey {
    let mut known = Processes::default();
    let mut owners: HashMap<u64, u32> = HashMap::new();
    let mut found = Survey::default();
    let mut names: HashMap<u32, String> = HashMap::new();
    for pid in all_pids().into_iter().take(MAX_PROCESSES) {
        let sockets = sockets_of(pid);
        if sockets.is_empty() {
            continue;
        }
        if let Some(identity) = known.identity(pid, Instant::now()) {
            names.insert(pid, identity.process_name.clone());
            found.processes.push(Speaker { identity });
        }
        for inode in sockets {
            owners.entry(inode).or_insert(pid);
        }
    }
    let listeners = SocketDiag::open().and_then(|mut diag| diag.listeners()).unwrap_or_default();
    for socket in listeners {
        let name = owners.get(&socket.inode).and_then(|pid| names.get(pid)).cloned().unwrap_or_default();
        if !found.listeners.iter().any(|known| known.port == socket.local.port) {
            found.listeners.push(Listener { port: socket.local.port, process: name });
        }
    }
    found.listeners.sort_by_key(|listener| listener.port);
    found
}

/// The inodes of the sockets of a process (proc(5), /proc/pid/fd).
fn sockets_of(pid: u32) -> Vec<u64> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files
        .take(MAX_FILES)
        .filter_map(|file| {
            let link = fs::read_link(file.path()).ok()?;
            link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        })
        .collect()
}

/// The most processes that are looked at.
pub const MAX_PROCESSES: usize = 32_768;
/// The most open files of a process that are looked at.
const MAX_FILES: usize = 65_536;
