//! What kinds of packets were not known, counted by name (`ARP 12, STP 3`) in a table of limited size.

use std::collections::BTreeMap;
use std::fmt;

/// A kind of packet that is not dissected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unknown {
    /// An EtherType (IEEE 802 numbers, IANA).
    EtherType(u16),
    /// An IEEE 802.2 LLC destination service access point.
    Llc(u8),
    /// An IP protocol number (IANA).
    IpProtocol(u8),
    /// A link type of a capture file (LINKTYPE_ value).
    LinkType(u32),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, kind, number) = match *self {
            Unknown::EtherType(number) => (ether_type(number), "EtherType", u32::from(number)),
            Unknown::Llc(number) => (llc(number), "LLC", u32::from(number)),
            Unknown::IpProtocol(number) => (ip_protocol(number), "IP protocol", u32::from(number)),
            Unknown::LinkType(number) => ("", "link type", number),
        };
        match self {
            _ if !name.is_empty() => f.write_str(name),
            Unknown::EtherType(_) => write!(f, "{kind} 0x{number:04x}"),
            Unknown::Llc(_) => write!(f, "{kind} 0x{number:02x}"),
            _ => write!(f, "{kind} {number}"),
        }
    }
}

/// Counts of unknown kinds; at most [`UnknownCounts::MAX_KINDS`], the rest is counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownCounts {
    kinds: BTreeMap<Unknown, u64>,
    others: u64,
}

impl UnknownCounts {
    /// The most kinds that are counted apart.
    pub const MAX_KINDS: usize = 64;

    /// Counts packets of a kind.
    pub fn add(&mut self, unknown: Unknown, packets: u64) {
        let is_full = self.kinds.len() >= Self::MAX_KINDS;
        let count = match self.kinds.get_mut(&unknown) {
            Some(count) => count,
            None if is_full => &mut self.others,
            None => self.kinds.entry(unknown).or_default(),
        };
        *count = count.saturating_add(packets);
    }

    /// Adds all counts of another table.
    pub fn merge(&mut self, other: &UnknownCounts) {
        for (&unknown, &count) in &other.kinds {
            self.add(unknown, count);
        }
        self.others = self.others.saturating_add(other.others);
    }

    /// The kinds with their counts, the most frequent first.
    pub fn ranked(&self) -> Vec<(Unknown, u64)> {
        let mut ranked: Vec<(Unknown, u64)> = self.kinds.iter().map(|(unknown, count)| (*unknown, *count)).collect();
        ranked.sort_by_key(|(unknown, count)| (std::cmp::Reverse(*count), *unknown));
        ranked
    }

    /// Packets of kinds that are not counted apart.
    pub fn others(&self) -> u64 {
        self.others
    }
}

fn ether_type(number: u16) -> &'static str {
    match number {
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x22f0 => "AVTP",
        0x6003 => "DECnet",
        0x8035 => "RARP",
        0x809b => "AppleTalk",
        0x80f3 => "AARP",
        0x8137 => "IPX",
        0x8808 => "MAC control",
        0x8809 => "slow protocols (LACP)",
        0x8847 | 0x8848 => "MPLS",
        0x8863 => "PPPoE discovery",
        0x8864 => "PPPoE session",
        0x888e => "EAPOL",
        0x8892 => "PROFINET",
        0x88a2 => "ATA over Ethernet",
        0x88a4 => "EtherCAT",
        0x88cc => "LLDP",
        0x88e1 => "HomePlug",
        0x88e5 => "MACsec",
        0x88f7 => "PTP",
        0x8902 => "CFM",
        0x8906 => "FCoE",
        0x9000 => "loopback test",
        _ => "",
    }
}

fn llc(number: u8) -> &'static str {
    match number {
        0x42 => "STP",
        0xaa => "SNAP",
        0xe0 => "NetWare",
        0xf0 => "NetBIOS",
        0xfe => "IS-IS",
        _ => "",
    }
}

fn ip_protocol(number: u8) -> &'static str {
    match number {
        2 => "IGMP",
        8 => "EGP",
        33 => "DCCP",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        88 => "EIGRP",
        89 => "OSPF",
        94 => "IPIP",
        103 => "PIM",
        108 => "IPComp",
        112 => "VRRP",
        115 => "L2TP",
        136 => "UDP-Lite",
        137 => "MPLS in IP",
        _ => "",
    }
}
