//! Interfaces: their names, their link types and what the kernel counted on them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::sys;

/// The link type of packets whose first header is not known; the value is no `LINKTYPE_…`.
pub const LINKTYPE_UNKNOWN: u16 = u16::MAX;

/// The link type (`LINKTYPE_…`) of packets from an interface of a hardware type (`ARPHRD_…`, linux/if_arp.h).
///
/// Interfaces without a header of their own (tunnels, PPP) give packets that begin with the IP header.
pub const fn link_type(hardware_type: u16) -> u16 {
    match hardware_type {
        ARPHRD_ETHER | ARPHRD_LOOPBACK => 1,
        // PPP, RAWIP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE, NONE.
        512 | 519 | 768 | 769 | 776 | 778 | 823 | 65534 => 101,
        280 => 227,
        801 => 105,
        803 => 127,
        824 => 253,
        826 => 271,
        _ => LINKTYPE_UNKNOWN,
    }
}

/// The hardware types of [`link_type`] 1.
pub(super) const ETHERNET_TYPES: [u16; 2] = [ARPHRD_ETHER, ARPHRD_LOOPBACK];
/// The hardware types of [`link_type`] 101.
pub(super) const RAW_IP_TYPES: [u16; 8] = [512, 519, 768, 769, 776, 778, 823, 65534];
const ARPHRD_ETHER: u16 = 1;
/// The hardware type of loopback interfaces.
pub(crate) const ARPHRD_LOOPBACK: u16 = 772;

/// The names of interfaces by index, remembered past the end of the interface.
#[derive(Debug, Default)]
pub struct InterfaceNames {
    names: HashMap<u32, Arc<str>>,
}

impl InterfaceNames {
    /// The most names that are remembered; past it all are looked up anew.
    pub const MAX_NAMES: usize = 65_536;

    /// The name of an interface, `if7` where it was gone before it was asked for.
    pub fn name(&mut self, index: u32) -> Arc<str> {
        if let Some(name) = self.names.get(&index) {
            return name.clone();
        }
        if self.names.len() >= Self::MAX_NAMES {
            self.names.clear();
        }
        let name: Arc<str> = sys::interface_name(index).unwrap_or_else(|| format!("if{index}")).into();
        self.names.insert(index, name.clone());
        name
    }

    /// Looks all names up again, for interfaces that were renamed; the names of those that are gone stay.
    pub fn refresh(&mut self) {
        for (index, name) in &mut self.names {
            if let Some(current) = sys::interface_name(*index)
                && **name != *current
            {
                *name = current.into();
            }
        }
    }
}

/// What the kernel counted on one interface since it exists (proc(5), /proc/net/dev).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounters {
    /// Its name.
    pub name: String,
    /// Its index, 0 where it is gone by now.
    pub index: u32,
    /// Packets received.
    pub received_packets: u64,
    /// Received packets that it dropped.
    pub received_drops: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Packets for sending that it dropped.
    pub sent_drops: u64,
}

/// Reads the counters of all interfaces of this thread's network namespace.
pub fn interface_counters() -> io::Result<Vec<InterfaceCounters>> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    let mut all: Vec<InterfaceCounters> = text.lines().filter_map(read_counters).collect();
    for counters in &mut all {
        counters.index = sys::interface_index(&counters.name).unwrap_or(0);
    }
    Ok(all)
}

/// Reads one line; the two header lines have no colon behind the first word.
fn read_counters(line: &str) -> Option<InterfaceCounters> {
    let (name, numbers) = line.rsplit_once(':')?;
    let mut numbers = numbers.split_ascii_whitespace().map(|number| number.parse().unwrap_or(0));
    // Received: bytes packets errors drops fifo frame compressed multicast; then sent: bytes packets errors drops …
    Some(InterfaceCounters {
        name: name.trim().to_owned(),
        index: 0,
        received_packets: numbers.nth(1)?,
        received_drops: numbers.nth(1)?,
        sent_packets: numbers.nth(5)?,
        sent_drops: numbers.nth(1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_counters_are_read() {
        let line = "  eth0: 1500 10 0 2 0 0 0 0 900 7 0 3 0 0 0 0";
        let counters = read_counters(line).unwrap();
        assert_eq!((counters.name.as_str(), counters.received_packets, counters.received_drops), ("eth0", 10, 2));
        assert_eq!((counters.sent_packets, counters.sent_drops), (7, 3));
        for other in ["", "Inter-|   Receive  |  Transmit", "eth0:", "eth0: 1 2 3"] {
            assert_eq!(read_counters(other), None);
        }
    }

    #[test]
    fn loopback_has_a_name_and_link_types_agree_with_their_lists() {
        let mut names = InterfaceNames::default();
        assert_eq!(&*names.name(1), "lo");
        assert_eq!(&*names.name(0x7fff_fff0), "if2147483632");
        assert!(ETHERNET_TYPES.iter().all(|&hardware| link_type(hardware) == 1));
        assert!(RAW_IP_TYPES.iter().all(|&hardware| link_type(hardware) == 101));
        assert_eq!(link_type(9999), LINKTYPE_UNKNOWN);
    }
}
