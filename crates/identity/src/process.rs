//! The facts of a process, from /proc (proc(5)), kept for a moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lanternfish_model::{Identity, ResolutionStatus};

use crate::container::{cgroup_path, container_id};
use crate::proc_net::read_limited;
use crate::users::Users;

/// The identities of processes.
#[derive(Default)]
pub struct Processes {
    known: HashMap<u32, Known>,
    users: Users,
}

struct Known {
    started_at: u64,
    read_at: Instant,
    identity: Arc<Identity>,
}

impl Processes {
    /// The most identities that are kept; past it all are read anew.
    pub const MAX_KNOWN: usize = 16_384;

    /// The identity of a process that lives now.
    pub fn identity(&mut self, pid: u32, now: Instant) -> Option<Arc<Identity>> {
        if let Some(known) = self.known.get(&pid) {
            let age = now.saturating_duration_since(known.read_at);
            if age < TRUST_FOR || (age < KEEP_FOR && started_at(pid) == Some(known.started_at)) {
                return Some(known.identity.clone());
            }
        }
        let started_at = started_at(pid)?;
        let identity = Arc::new(self.read(pid)?);
        if self.known.len() >= Self::MAX_KNOWN {
            self.known.clear();
        }
        // Equal facts stay one value, so that many entries share it.
        let identity = match self.known.get(&pid) {
            Some(known) if known.identity == identity => known.identity.clone(),
            _ => identity,
        };
        self.known.insert(pid, Known { started_at, read_at: now, identity: identity.clone() });
        Some(identity)
    }

    /// An identity of which only the user is known.
    pub fn user_only(&mut self, status: ResolutionStatus, uid: u32) -> Arc<Identity> {
        Arc::new(Identity { status, user: self.users.name(uid), ..Identity::default() })
    }

    fn read(&mut self, pid: u32) -> Option<Identity> {
        let read = |name: &str| read_limited(&format!("/proc/{pid}/{name}"), MAX_BYTES);
        let process_name = read("comm").ok()?.trim_end_matches('\n').to_owned();
        let cgroups = read("cgroup").unwrap_or_default();
        let cgroup = cgroup_path(&cgroups);
        let executable = std::fs::read_link(format!("/proc/{pid}/exe"));
        let executable = executable.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        Some(Identity {
            status: ResolutionStatus::Resolved,
            process_name,
            executable: executable.strip_suffix(" (deleted)").unwrap_or(&executable).to_owned(),
            pid,
            user: effective_user(&read("status").ok()?).map(|uid| self.users.name(uid)).unwrap_or_default(),
            container_id: container_id(cgroup).unwrap_or_default(),
            cgroup: cgroup.to_owned(),
            network_namespace: network_namespace(pid).unwrap_or(0),
        })
    }
}

/// When a process started, in ticks since the machine did: with the pid it names a process for good.
pub fn started_at(pid: u32) -> Option<u64> {
    let text = read_limited(&format!("/proc/{pid}/stat"), MAX_BYTES).ok()?;
    // The name of the program stands in brackets and may hold anything; the start is field 22, the state field 3.
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The inode of the network namespace of a process, where it may be seen.
pub fn network_namespace(pid: u32) -> Option<u64> {
    let link = std::fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

/// All processes, in no order.
pub fn all_pids() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).take(MAX_PIDS).collect()
}

fn effective_user(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// For how long an identity is not looked at again.
const TRUST_FOR: Duration = Duration::from_millis(100);
/// For how long an identity is kept while its process lives: names and executables change.
const KEEP_FOR: Duration = Duration::from_secs(5);
const MAX_BYTES: u64 = 64 << 10;
/// The most processes that are looked at: the kernel's own limit.
const MAX_PIDS: usize = 1 << 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_known_until_it_ends() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut processes = Processes::default();
        let now = Instant::now();
        while processes.identity(child.id(), now).is_none_or(|identity| identity.process_name != "sleep") {
            // Between fork and exec the child still has our name.
            processes.known.clear();
            std::thread::sleep(Duration::from_millis(1));
        }
        let identity = processes.identity(child.id(), now).unwrap();
        assert_eq!((identity.pid, identity.status), (child.id(), ResolutionStatus::Resolved));
        assert!(identity.executable.starts_with('/'), "{}", identity.executable);
        assert_eq!(Some(identity.network_namespace), network_namespace(std::process::id()));
        assert!(!identity.user.is_empty());
        let later = now + KEEP_FOR / 2;
        assert!(Arc::ptr_eq(&identity, &processes.identity(child.id(), later).unwrap()));
        assert!(all_pids().contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(processes.identity(child.id(), later), None);
        assert_eq!(started_at(0), None);
    }
}
