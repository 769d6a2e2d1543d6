//! A block of packets borrowed from the ring, and the walk over them.
//!
//! The layout is that of `struct tpacket3_hdr` followed by `struct sockaddr_ll` (linux/if_packet.h). The walk is safe
//! code: a header that does not fit ends it, and what was not read is counted.

use lanternfish_model::Timestamp;

use super::interface::{ARPHRD_LOOPBACK, link_type};
use super::ring::RingBlock;
use super::{LiveStats, UserFilter};

/// One packet, borrowed from the ring.
#[derive(Clone, Copy, Debug)]
pub struct LivePacket<'b> {
    /// When the kernel saw it.
    pub time: Timestamp,
    /// The index of its interface.
    pub interface: u32,
    /// How its first header reads (`LINKTYPE_…`).
    pub link: u16,
    /// The captured bytes.
    pub bytes: &'b [u8],
    /// Its length before it was cut.
    pub wire_len: u32,
    /// Whether this machine sends it.
    pub is_outgoing: bool,
    /// The VLAN tag that was taken off: protocol (0x8100, 0x88a8) and control information.
    pub vlan: Option<(u16, u16)>,
}

/// A block of packets; it goes back to the kernel when it is dropped.
pub struct Block<'r> {
    pub(super) ring: RingBlock<'r>,
    pub(super) stats: &'r mut LiveStats,
    pub(super) filter: Option<&'r UserFilter>,
    pub(super) at: usize,
    pub(super) left: u32,
}

/// The walk over the packets of a block; each is given once.
pub struct Packets<'b> {
    data: &'b [u8],
    at: &'b mut usize,
    left: &'b mut u32,
    stats: &'b mut LiveStats,
    filter: Option<&'b UserFilter>,
}

impl<'r> Block<'r> {
    pub(super) fn new(ring: RingBlock<'r>, stats: &'r mut LiveStats, filter: Option<&'r UserFilter>) -> Self {
        let (at, left) = (ring.first, ring.packets);
        Block { ring, stats, filter, at, left }
    }

    /// The packets that were not given yet.
    pub fn packets(&mut self) -> Packets<'_> {
        Packets { data: self.ring.data, at: &mut self.at, left: &mut self.left, stats: self.stats, filter: self.filter }
    }

    /// How many packets the block holds at most, copies and filtered ones included.
    pub fn packet_count(&self) -> u32 {
        self.ring.packets
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.stats.unread = self.stats.unread.saturating_add(u64::from(self.left));
    }
}

impl<'b> Iterator for Packets<'b> {
    type Item = LivePacket<'b>;

    fn next(&mut self) -> Option<LivePacket<'b>> {
        loop {
            *self.left = self.left.checked_sub(1)?;
            let Some((raw, next)) = read(self.data, *self.at) else {
                let lost = u64::from(*self.left).saturating_add(1);
                self.stats.unreadable = self.stats.unreadable.saturating_add(lost);
                *self.left = 0;
                return None;
            };
            *self.at = next;
            // Loopback shows each packet twice, when it is sent and when it arrives a moment later. Mostly the kernel
            // leaves the first one out already.
            if raw.packet.is_outgoing && raw.hardware_type == ARPHRD_LOOPBACK {
                self.stats.loopback_copies = self.stats.loopback_copies.saturating_add(1);
                continue;
            }
            if self.filter.is_some_and(|filter| !filter.matches(&raw.packet)) {
                self.stats.filtered = self.stats.filtered.saturating_add(1);
                continue;
            }
            self.stats.delivered = self.stats.delivered.saturating_add(1);
            return Some(raw.packet);
        }
    }
}

struct RawPacket<'b> {
    packet: LivePacket<'b>,
    hardware_type: u16,
}

/// Reads the packet at an offset, and says where the next one begins.
fn read(data: &[u8], at: usize) -> Option<(RawPacket<'_>, usize)> {
    let frame = data.get(at..)?;
    let header: &[u8; HEADER_BYTES] = frame.first_chunk()?;
    let word = |offset: usize| header.get(offset..)?.first_chunk().map(|raw| u32::from_ne_bytes(*raw));
    let half = |offset: usize| header.get(offset..)?.first_chunk().map(|raw| u16::from_ne_bytes(*raw));
    let status = word(20)?;
    let start = usize::from(half(24)?);
    let end = start.checked_add(word(12)? as usize)?;
    let hardware_type = half(56)?;
    let vlan = match status & TP_STATUS_VLAN_VALID != 0 {
        true if status & TP_STATUS_VLAN_TPID_VALID != 0 => Some((half(36)?, word(32)? as u16)),
        true => Some((TPID_8021Q, word(32)? as u16)),
        false => None,
    };
    let packet = LivePacket {
        time: Timestamp::from_parts(i64::from(word(4)?), word(8)?),
        interface: word(52)?,
        link: link_type(hardware_type),
        bytes: frame.get(start..end)?,
        wire_len: word(16)?,
        is_outgoing: u32::from(*header.get(58)?) == PACKET_OUTGOING,
        vlan,
    };
    // The last packet of a block has no next one, and the walk ends by count.
    let next = at.checked_add(word(0)? as usize)?;
    Some((RawPacket { packet, hardware_type }, next))
}

/// `struct tpacket3_hdr` and the fixed part of `struct sockaddr_ll`.
const HEADER_BYTES: usize = 60;
const TP_STATUS_VLAN_VALID: u32 = 1 << 4;
const TP_STATUS_VLAN_TPID_VALID: u32 = 1 << 6;
const TPID_8021Q: u16 = 0x8100;
/// The packet type of what this machine sends (linux/if_packet.h).
pub(crate) const PACKET_OUTGOING: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_do_not_fit_are_refused() {
        let mut data = vec![0u8; 256];
        data[12..16].copy_from_slice(&100u32.to_ne_bytes());
        data[16..20].copy_from_slice(&1500u32.to_ne_bytes());
        data[20..24].copy_from_slice(&(TP_STATUS_VLAN_VALID).to_ne_bytes());
        data[24..26].copy_from_slice(&82u16.to_ne_bytes());
        data[32..36].copy_from_slice(&7u32.to_ne_bytes());
        data[52..56].copy_from_slice(&3u32.to_ne_bytes());
        data[56..58].copy_from_slice(&1u16.to_ne_bytes());
        let (raw, _) = read(&data, 0).unwrap();
        assert_eq!((raw.packet.bytes.len(), raw.packet.wire_len, raw.packet.interface), (100, 1500, 3));
        assert_eq!(raw.packet.vlan, Some((0x8100, 7)));
        for length in 0..182 {
            assert!(read(&data[..length], 0).is_none(), "{length}");
        }
        assert!(read(&data, usize::MAX).is_none());
    }
}
