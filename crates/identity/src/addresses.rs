//! The addresses of this machine: those of this network namespace and of all others, and which processes are in them.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::diag::SocketDiag;
use crate::proc_net::read_addresses;
use crate::process::network_namespace;

/// Where an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the network namespace of this program.
    Here,
    /// In these other network namespaces, by inode.
    Elsewhere(Vec<u64>),
    /// Not on this machine.
    NotLocal,
}

/// The addresses that any thread may ask for.
#[derive(Clone, Debug, Default)]
pub struct SharedAddresses(Arc<RwLock<HashSet<IpAddr>>>);

impl SharedAddresses {
    /// Whether an address is one of this machine, in whatever network namespace.
    pub fn contains(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&ip)
    }
}

/// The addresses and network namespaces of this machine.
pub struct Addresses {
    here: HashSet<IpAddr>,
    own_namespace: Option<u64>,
    namespaces: HashMap<u64, Namespace>,
    read_at: Option<Instant>,
    /// Private addresses of other machines, and when they were not found here.
    remote: HashMap<IpAddr, Instant>,
    shared: SharedAddresses,
}

struct Namespace {
    /// Processes inside, newest last.
    pids: Vec<u32>,
    addresses: Vec<IpAddr>,
    first_seen: Instant,
    read_at: Instant,
}

impl Addresses {
    /// The most network namespaces that are known; those past it are as if not on this machine.
    pub const MAX_NAMESPACES: usize = 1024;

    /// Knows nothing yet.
    pub fn new(shared: SharedAddresses) -> Addresses {
        let own_namespace = network_namespace(std::process::id());
        let (namespaces, remote) = (HashMap::new(), HashMap::new());
        Addresses { here: HashSet::new(), own_namespace, namespaces, read_at: None, remote, shared }
    }

    /// Where an address is, by what was read last.
    pub fn place(&self, ip: IpAddr) -> Place {
        // Loopback is in every namespace; its packets are only seen in ours.
        if ip.is_loopback() || self.here.contains(&ip) {
            return Place::Here;
        }
        let has = self.namespaces.iter().filter(|(_, namespace)| namespace.addresses.binary_search(&ip).is_ok());
        let mut inodes: Vec<u64> = has.map(|(inode, _)| *inode).collect();
        inodes.sort_unstable();
        if inodes.is_empty() { Place::NotLocal } else { Place::Elsewhere(inodes) }
    }

    /// Whether an address is taken to be on another machine although it could be in a namespace that is newer than what was
    /// read: public addresses always are, and those that were not found here a moment ago.
    pub fn is_surely_remote(&mut self, ip: IpAddr, asked_at: Instant, now: Instant) -> bool {
        if !is_private(ip) {
            return true;
        }
        if self.remote.get(&ip).is_some_and(|then| now.saturating_duration_since(*then) < KEEP_REMOTE) {
            return true;
        }
        if self.read_at.is_none_or(|then| then < asked_at) {
            return false;
        }
        if self.remote.len() >= MAX_REMOTE {
            self.remote.clear();
        }
        self.remote.insert(ip, now);
        true
    }

    /// Whether it is time to read addresses again, so that a new one is found.
    pub fn is_stale(&self, now: Instant) -> bool {
        self.read_at.is_none_or(|then| now.saturating_duration_since(then) >= READ_EVERY)
    }

    /// Notes that a process is in a network namespace.
    pub fn note_process(&mut self, pid: u32, now: Instant) {
        let Some(inode) = network_namespace(pid) else { return };
        if Some(inode) == self.own_namespace {
            return;
        }
        if let Some(namespace) = self.namespaces.get_mut(&inode) {
            if !namespace.pids.contains(&pid) {
                if namespace.pids.len() >= PIDS_PER_NAMESPACE {
                    namespace.pids.remove(0);
                }
                namespace.pids.push(pid);
            }
        } else if self.namespaces.len() < Self::MAX_NAMESPACES {
            let addresses = read_addresses(pid).unwrap_or_default();
            self.shared.0.write().unwrap_or_else(PoisonError::into_inner).extend(&addresses);
            self.namespaces.insert(inode, Namespace { pids: vec![pid], addresses, first_seen: now, read_at: now });
        }
    }

    /// Reads addresses again: ours, and those of namespaces that are young or were not read for long.
    pub fn refresh(&mut self, now: Instant) {
        self.read_at = Some(now);
        if let Ok(all) = SocketDiag::addresses() {
            self.here = all.into_iter().collect();
        }
        self.namespaces.retain(|inode, namespace| {
            let is_young = now.saturating_duration_since(namespace.first_seen) < YOUNG_FOR;
            if !is_young && now.saturating_duration_since(namespace.read_at) < READ_OLD_EVERY {
                return true;
            }
            namespace.read_at = now;
            namespace.pids.retain(|pid| network_namespace(*pid) == Some(*inode));
            if let Some(addresses) = namespace.pids.last().and_then(|pid| read_addresses(*pid).ok()) {
                namespace.addresses = addresses;
            }
            !namespace.pids.is_empty()
        });
        let others = self.namespaces.values().flat_map(|namespace| &namespace.addresses);
        let all: HashSet<IpAddr> = self.here.iter().chain(others).copied().collect();
        let mut shared = self.shared.0.write().unwrap_or_else(PoisonError::into_inner);
        if *shared != all {
            *shared = all;
        }
    }

    /// A process that is in a network namespace now.
    pub fn process_in(&self, namespace: u64) -> Option<u32> {
        let pids = &self.namespaces.get(&namespace)?.pids;
        pids.iter().rev().copied().find(|pid| network_namespace(*pid) == Some(namespace))
    }
}

/// Whether an address is of a range that containers get theirs from (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || (ip.to_bits() >> 22 == 0x6440_0000 >> 22),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

const MAX_REMOTE: usize = 16_384;
const KEEP_REMOTE: Duration = Duration::from_secs(5);
const PIDS_PER_NAMESPACE: usize = 8;
const READ_EVERY: Duration = Duration::from_millis(250);
/// For how long a namespace is taken for one that may still get its addresses.
const YOUNG_FOR: Duration = Duration::from_secs(10);
const READ_OLD_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_here_and_others_are_not() {
        let shared = SharedAddresses::default();
        let mut addresses = Addresses::new(shared.clone());
        let now = Instant::now();
        assert!(addresses.is_stale(now));
        addresses.refresh(now);
        addresses.note_process(std::process::id(), now);
        assert!(!addresses.is_stale(now));
        assert_eq!(addresses.place("127.3.2.1".parse().unwrap()), Place::Here);
        assert_eq!(addresses.place("192.0.2.77".parse().unwrap()), Place::NotLocal);
        assert!(shared.contains("::1".parse().unwrap()));
        assert!(!shared.contains("192.0.2.77".parse().unwrap()));
        assert!(addresses.namespaces.is_empty());
        let later = now + Duration::from_millis(1);
        assert!(addresses.is_surely_remote("192.0.2.77".parse().unwrap(), later, later));
        let container = "100.64.0.9".parse().unwrap();
        assert!(!addresses.is_surely_remote(container, later, later));
        addresses.refresh(later);
        assert!(addresses.is_surely_remote(container, later, later));
        assert!(addresses.is_surely_remote(container, later + READ_EVERY, later + READ_EVERY));
    }
}
