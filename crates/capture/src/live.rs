//! Packets of this machine, live, from the kernel's packet ring (AF_PACKET, TPACKET_V3).
//!
//! One socket sees every interface, and with it interfaces that appear later and the true order of packets across
//! interfaces. Named interfaces are chosen by a filter in the kernel that follows them as they come and go.

mod block;
mod copies;
mod interface;
mod ring;
mod source;
mod sys;

pub(crate) use block::PACKET_OUTGOING;
pub use block::{Block, LivePacket, Packets};
pub(crate) use interface::ARPHRD_LOOPBACK;
pub use interface::{InterfaceCounters, InterfaceNames, LINKTYPE_UNKNOWN, interface_counters, link_type};
pub(crate) use ring::backlogs;
pub use source::LiveSource;

use crate::{BpfProgram, FilterError, compile};

/// What to capture, and with how much memory.
#[derive(Clone, Debug)]
pub struct LiveConfig {
    /// The names of interfaces, present or not yet; all where empty or where one is `any`.
    pub interfaces: Vec<String>,
    /// The size of the ring, rounded down to whole blocks.
    pub ring_bytes: usize,
    /// The size of a block, a power of two from 64 KiB to 4 MiB.
    pub block_bytes: usize,
    /// After how long the kernel hands over a block that is not full.
    pub retire_ms: u32,
    /// The most bytes of a packet.
    pub snaplen: u32,
    /// Whether named interfaces shall receive frames for other stations too.
    pub is_promiscuous: bool,
    /// Which packets are wanted.
    pub filter: Option<LiveFilter>,
}

impl LiveConfig {
    /// The default size of the ring: 64 blocks, which on a quiet machine are full after 64 times [`Self::RETIRE_MS`].
    pub const RING_BYTES: usize = 16 << 20;
    /// The default size of a block.
    pub const BLOCK_BYTES: usize = 256 << 10;
    /// The default time until a block is handed over.
    pub const RETIRE_MS: u32 = 40;
    /// The default for the most bytes of a packet: whole packets, also those that the kernel has merged; none is larger
    /// than a block.
    pub const SNAPLEN: u32 = 256 << 10;
    /// The most interfaces that can be named.
    pub const MAX_INTERFACES: usize = 256;
}

impl Default for LiveConfig {
    fn default() -> Self {
        LiveConfig {
            interfaces: Vec::new(),
            ring_bytes: Self::RING_BYTES,
            block_bytes: Self::BLOCK_BYTES,
            retire_ms: Self::RETIRE_MS,
            snaplen: Self::SNAPLEN,
            is_promiscuous: false,
            filter: None,
        }
    }
}

/// A filter in tcpdump's syntax, and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveFilter {
    /// The expression.
    pub expression: String,
    /// Where it runs.
    pub place: FilterPlace,
}

/// Where a filter runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterPlace {
    /// In the kernel: unwanted packets cost nothing, and are not counted by the socket.
    #[default]
    Kernel,
    /// In this program: unwanted packets pass the ring and are counted exactly.
    Program,
}

/// What became of the packets; at any time `received - dropped` is the sum of the others and of what the ring holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveStats {
    /// Packets that the kernel had, dropped ones and second copies included.
    pub received: u64,
    /// Packets that the kernel dropped because the ring was full.
    pub dropped: u64,
    /// Packets that were given out.
    pub delivered: u64,
    /// Second copies of loopback packets, which the kernel counts and leaves out of the ring.
    pub loopback_copies: u64,
    /// Packets that a filter in this program did not want.
    pub filtered: u64,
    /// Packets of blocks that were given back before they were walked to the end.
    pub unread: u64,
    /// Packets that could not be read because their header in the ring made no sense.
    pub unreadable: u64,
}

impl LiveStats {
    /// Adds the counters of another source.
    pub fn add(&mut self, other: &LiveStats) {
        let LiveStats { received, dropped, delivered, loopback_copies, filtered, unread, unreadable } = *other;
        for (sum, more) in [
            (&mut self.received, received),
            (&mut self.dropped, dropped),
            (&mut self.delivered, delivered),
            (&mut self.loopback_copies, loopback_copies),
            (&mut self.filtered, filtered),
            (&mut self.unread, unread),
            (&mut self.unreadable, unreadable),
        ] {
            *sum = sum.saturating_add(more);
        }
    }

    /// Packets that came out of the ring.
    pub fn taken(&self) -> u64 {
        [self.delivered, self.loopback_copies, self.filtered, self.unread, self.unreadable]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// An expression compiled for the link types of live packets; no packet of another type matches.
pub(crate) struct UserFilter {
    ethernet: Option<BpfProgram>,
    raw_ip: Option<BpfProgram>,
}

impl UserFilter {
    /// Compiles an expression; one that makes sense for one link type only (`ether host …`) is taken.
    fn compile(expression: &str, snaplen: u32) -> Result<UserFilter, FilterError> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if expression.split(|c| !is_word(c)).any(|word| word.eq_ignore_ascii_case("vlan")) {
            return Err(FilterError::LiveVlan { expression: expression.to_owned() });
        }
        let ethernet = compile(expression, LINKTYPE_ETHERNET, snaplen);
        let raw_ip = compile(expression, LINKTYPE_RAW, snaplen);
        match (ethernet, raw_ip) {
            (Err(error), Err(_)) => Err(error),
            (ethernet, raw_ip) => Ok(UserFilter { ethernet: ethernet.ok(), raw_ip: raw_ip.ok() }),
        }
    }

    fn matches(&self, packet: &LivePacket<'_>) -> bool {
        let program = match packet.link {
            LINKTYPE_ETHERNET => &self.ethernet,
            LINKTYPE_RAW => &self.raw_ip,
            _ => &None,
        };
        program.as_ref().is_some_and(|program| program.matches(packet.bytes, packet.wire_len))
    }
}

const LINKTYPE_ETHERNET: u16 = 1;
const LINKTYPE_RAW: u16 = 101;
