//! What a capture file holds: packets, and what it says about them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use lanternfish_model::Timestamp;

use crate::options::{self, Options, Order};

/// One thing that a capture file holds.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// Names of addresses.
    Names(Names<'a>),
    /// Secrets to decrypt the packets with.
    Secrets(Secrets<'a>),
    /// A comment on the file or an interface; those on a packet are at the packet.
    Comment(Comment<'a>),
    /// What an interface received and dropped so far.
    Drops(Drops),
}

/// A packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it was captured. Where the file does not say it, the time of the packet before.
    pub time: Timestamp,
    /// The index of its interface in its section.
    pub interface: u32,
    /// The link type.
    pub link: u16,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// Its length on the wire, never less than what was captured.
    pub wire_len: u32,
    /// The memory that the captured bytes lie in, and where in it they begin. Who holds on to it finds them there
    /// later: the reader then goes on in other memory. None where there is so little that a copy is cheaper.
    pub memory: Option<(&'a Arc<Vec<u8>>, usize)>,
    pub(crate) options: Options<'a>,
}

impl<'a> Packet<'a> {
    /// The comments on it.
    pub fn comments(&self) -> impl Iterator<Item = &'a str> {
        self.options.filter(|&(code, _)| code == options::COMMENT).map(|(_, value)| options::text(value))
    }
}

/// Names of addresses (draft-ietf-opsawg-pcapng section 4.5).
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub(crate) records: Options<'a>,
}

impl<'a> Names<'a> {
    /// Every address with every name it has; a name that is not UTF-8 is left out.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, &'a str)> {
        self.records.flat_map(|(kind, value)| {
            let found = match kind {
                1 => value.split_first_chunk::<4>().map(|(ip, names)| (IpAddr::V4(Ipv4Addr::from(*ip)), names)),
                2 => value.split_first_chunk::<16>().map(|(ip, names)| (IpAddr::V6(Ipv6Addr::from(*ip)), names)),
                _ => None,
            };
            let (ip, names) = found.unwrap_or((IpAddr::V4(Ipv4Addr::UNSPECIFIED), &[]));
            names
                .split(|&byte| byte == 0)
                .filter_map(|name| std::str::from_utf8(name).ok())
                .filter(|name| !name.is_empty())
                .map(move |name| (ip, name))
        })
    }
}

/// Secrets to decrypt the packets with (draft-ietf-opsawg-pcapng section 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secrets<'a> {
    /// The format, such as [`Secrets::TLS_KEY_LOG`].
    pub kind: u32,
    /// The secrets in that format.
    pub bytes: &'a [u8],
}

impl Secrets<'_> {
    /// Lines as browsers write them to SSLKEYLOGFILE.
    pub const TLS_KEY_LOG: u32 = 0x544c_534b;
}

/// A comment on the file or one of its interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment<'a> {
    /// The index of the interface in its section; none for the file.
    pub interface: Option<u32>,
    /// The text, as far as it is UTF-8.
    pub text: &'a str,
}

/// What an interface received and dropped since its capture began; the last one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// The index of the interface in its section.
    pub interface: u32,
    /// Packets that it received.
    pub received: Option<u64>,
    /// Packets that it dropped.
    pub dropped_by_interface: Option<u64>,
    /// Packets that the operating system dropped.
    pub dropped_by_system: Option<u64>,
}

/// An interface that packets were captured on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// The link type.
    pub link: u16,
    /// The most bytes captured of a packet, 0 for no limit.
    pub snaplen: u32,
    /// Its name, empty where the file has none.
    pub name: String,
    /// Packets that the file says were lost on it.
    pub dropped: u64,
}

pub(crate) const NO_OPTIONS: Options<'static> = Options::new(&[], Order::Little);
