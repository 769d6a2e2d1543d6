//! Which processes hold a socket: the map from socket inodes to processes, by the links in /proc/<pid>/fd (proc(5)).
//!
//! Nothing tells when a process opens a socket, so the map is filled by looking: first where sockets were found lately, then
//! at new processes, at last at all of them. A walk over all processes can be cut into steps.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use crate::proc_net::read_limited;
use crate::process::{all_pids, started_at};

/// The map from sockets to the processes that hold them.
#[derive(Default)]
pub struct Owners {
    sockets: HashMap<u64, Held>,
    /// When each process was first seen.
    processes: HashMap<u32, Instant>,
    /// Where sockets were found lately, the latest first: process and descriptor.
    recent: VecDeque<(u32, u32)>,
    /// The last process that was started when new ones were looked at.
    newest: u32,
    walk: Option<Vec<u32>>,
    walks_done: u64,
    is_walk_denied: bool,
    /// Whether some process could not be looked at in the last whole walk.
    is_denied: bool,
}

struct Held {
    holders: Vec<(u32, u32)>,
    /// The walk in which it was seen last.
    walk: u64,
}

impl Owners {
    /// The most sockets that are remembered; past it all are forgotten and looked for again.
    pub const MAX_SOCKETS: usize = 131_072;
    /// The most processes that are remembered for one socket.
    pub const MAX_HOLDERS: usize = 64;

    /// The processes that hold a socket now, of those where it was seen.
    pub fn holders(&mut self, inode: u64) -> Vec<u32> {
        let Some(held) = self.sockets.get_mut(&inode) else { return Vec::new() };
        held.holders.retain(|(pid, descriptor)| read_socket_link(*pid, *descriptor) == Some(inode));
        let holders: Vec<u32> = held.holders.iter().map(|(pid, _)| *pid).collect();
        match held.holders.first() {
            Some(&place) => {
                self.recent.retain(|(pid, _)| *pid != place.0);
                self.recent.push_front(place);
                self.recent.truncate(MAX_RECENT);
            }
            None => {
                self.sockets.remove(&inode);
            }
        }
        holders
    }

    /// Whether a socket was seen in some process.
    pub fn knows(&self, inode: u64) -> bool {
        self.sockets.contains_key(&inode)
    }

    /// The walk after which a socket that exists now must have been seen.
    pub fn walk_to_wait_for(&self) -> u64 {
        // A walk that is under way may have passed the process already.
        self.walks_done.saturating_add(if self.walk.is_some() { 2 } else { 1 })
    }

    /// How many whole walks were made.
    pub fn walks_done(&self) -> u64 {
        self.walks_done
    }

    /// Whether some process could not be looked at in the last whole walk.
    pub fn is_denied(&self) -> bool {
        self.is_denied
    }

    /// Looks at the descriptors near those where sockets were found lately: a process that opens one socket after the other
    /// gets the same numbers again.
    pub fn look_nearby(&mut self) {
        for (pid, descriptor) in self.recent.clone() {
            for near in descriptor.saturating_sub(2)..=descriptor.saturating_add(4) {
                if let Some(inode) = read_socket_link(pid, near) {
                    self.note(inode, pid, near);
                }
            }
        }
    }

    /// Looks at all descriptors of one process.
    pub fn look_at(&mut self, pid: u32) {
        let links = match std::fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(links) => links,
            Err(error) => {
                self.is_walk_denied |= error.kind() == io::ErrorKind::PermissionDenied;
                return;
            }
        };
        for link in links.flatten().take(MAX_DESCRIPTORS) {
            let descriptor = link.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(descriptor) = descriptor
                && let Some(inode) = read_socket_link(pid, descriptor)
            {
                self.note(inode, pid, descriptor);
            }
        }
    }

    /// Whether a process was started since new ones were looked at.
    pub fn has_new(&self) -> bool {
        newest_pid() != Some(self.newest)
    }

    /// Looks at processes that are new, and gives each to `each`; the first time it gives all.
    pub fn look_at_new(&mut self, now: Instant, mut each: impl FnMut(u32)) {
        let is_first = self.processes.is_empty();
        self.newest = newest_pid().unwrap_or(0);
        let pids = all_pids();
        // A new process is looked at for a while, since it first has to open its sockets.
        let uptime = if is_first { uptime() } else { Duration::ZERO };
        let mut processes = HashMap::with_capacity(pids.len());
        for pid in pids {
            let then = match self.processes.get(&pid) {
                Some(then) => *then,
                None if is_first => {
                    let started = Duration::from_millis(started_at(pid).unwrap_or(0).saturating_mul(MS_PER_TICK));
                    now.checked_sub(uptime.saturating_sub(started)).unwrap_or(now)
                }
                None => now,
            };
            processes.insert(pid, then);
            let is_new = now.saturating_duration_since(then) < NEW_FOR;
            if is_new {
                self.look_at(pid);
            }
            if is_new || is_first {
                each(pid);
            }
        }
        self.processes = processes;
    }

    /// Goes on with a walk over all processes, or begins one, for as long as `may_go_on` says so.
    pub fn walk(&mut self, mut may_go_on: impl FnMut() -> bool) {
        let mut left = match self.walk.take() {
            Some(left) => left,
            None => {
                self.is_walk_denied = false;
                all_pids()
            }
        };
        while may_go_on() {
            let Some(pid) = left.pop() else {
                self.walks_done = self.walks_done.saturating_add(1);
                self.is_denied = self.is_walk_denied;
                // A socket that this walk and the one before did not see is gone.
                let oldest = self.walks_done.saturating_sub(1);
                self.sockets.retain(|_, held| held.walk >= oldest);
                return;
            };
            self.look_at(pid);
        }
        self.walk = Some(left);
    }

    fn note(&mut self, inode: u64, pid: u32, descriptor: u32) {
        if self.sockets.len() >= Self::MAX_SOCKETS && !self.sockets.contains_key(&inode) {
            self.sockets.clear();
        }
        let held = self.sockets.entry(inode).or_insert_with(|| Held { holders: Vec::new(), walk: 0 });
        held.walk = self.walks_done;
        if let Some((_, known)) = held.holders.iter_mut().find(|(holder, _)| *holder == pid) {
            *known = descriptor;
        } else if held.holders.len() < Self::MAX_HOLDERS {
            held.holders.push((pid, descriptor));
        }
    }
}

/// The process that stands for all that hold one socket: the oldest, since it made the socket and gave it to the others; not
/// the first process of the machine, which opens sockets for services and keeps them.
pub fn first_holder(holders: &[u32]) -> Option<u32> {
    match holders {
        [] => None,
        [one] => Some(*one),
        many => {
            many.iter().copied().filter(|pid| *pid != 1).min_by_key(|pid| (started_at(*pid).unwrap_or(u64::MAX), *pid))
        }
    }
}

/// The process that was started last (proc(5), /proc/loadavg).
fn newest_pid() -> Option<u32> {
    read_limited("/proc/loadavg", 256).ok()?.split_ascii_whitespace().last()?.parse().ok()
}

/// For how long the machine runs (proc(5), /proc/uptime).
fn uptime() -> Duration {
    let text = read_limited("/proc/uptime", 64).unwrap_or_default();
    let seconds = text.split('.').next().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

fn read_socket_link(pid: u32, descriptor: u32) -> Option<u64> {
    let link = std::fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).ok()?;
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Linux shows programs 100 ticks a second on all machines.
const MS_PER_TICK: u64 = 10;
const MAX_RECENT: usize = 16;
/// The most descriptors of a process that are looked at.
const MAX_DESCRIPTORS: usize = 1 << 20;
const NEW_FOR: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn sockets_are_found_nearby_in_one_process_and_by_a_walk() {
        let me = std::process::id();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let inode = read_socket_link(me, socket.as_raw_fd() as u32).unwrap();
        let mut owners = Owners::default();
        assert!(owners.holders(inode).is_empty());
        assert_eq!(owners.walk_to_wait_for(), 1);
        let mut steps = 0;
        while owners.walks_done() == 0 {
            let mut is_first = true;
            owners.walk(|| std::mem::replace(&mut is_first, false));
            steps += 1;
            if owners.walks_done() == 0 {
                assert_eq!(owners.walk_to_wait_for(), 2);
            }
        }
        assert!(steps > 1);
        assert_eq!(first_holder(&owners.holders(inode)), Some(me));
        let second = UdpSocket::bind("127.0.0.1:0").unwrap();
        let second_inode = read_socket_link(me, second.as_raw_fd() as u32).unwrap();
        owners.recent = [(me, second.as_raw_fd() as u32 - 1)].into();
        owners.look_nearby();
        assert!(owners.knows(second_inode));
        drop(second);
        assert!(owners.holders(second_inode).is_empty());
        assert!(!owners.knows(second_inode));
    }

    #[test]
    fn new_processes_are_looked_at_once_they_are_there() {
        let mut owners = Owners::default();
        let now = Instant::now();
        let mut count = 0;
        owners.look_at_new(now, |_| count += 1);
        assert!(count > 0);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut seen = Vec::new();
        owners.look_at_new(now, |pid| seen.push(pid));
        assert!(seen.contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_oldest_holder_stands_for_all() {
        assert_eq!(first_holder(&[]), None);
        assert_eq!(first_holder(&[1]), Some(1));
        assert_eq!(first_holder(&[1, std::process::id()]), Some(std::process::id()));
    }
}
