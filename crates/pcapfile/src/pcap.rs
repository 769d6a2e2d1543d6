//! The records of pcap files (draft-ietf-opsawg-pcap): microseconds, nanoseconds and Kuznetzov's "modified" form, in
//! both byte orders.

use lanternfish_model::Timestamp;

use crate::ReadError;
use crate::item::Interface;
use crate::options::Order;

/// The longest packet of a file that does not announce longer ones; a record that claims more is taken for damage.
pub const MAX_PACKET_BYTES: u32 = 256 << 10;

/// The facts of a pcap file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pcap {
    order: Order,
    unit_ns: i64,
    header_bytes: usize,
    limit: u32,
    are_lengths_swapped: bool,
    last_seconds: Option<u32>,
}

/// A record at the beginning of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Record {
    /// It is all there.
    Whole { time: Timestamp, header_bytes: usize, total_bytes: usize, wire_len: u32 },
    /// So many bytes are needed.
    Need(usize),
    /// It can be no record.
    Corrupt,
}

/// The four numbers of a record header.
struct Head {
    seconds: u32,
    fraction: u32,
    captured: u32,
    wire: u32,
}

impl Pcap {
    /// The length of the file header.
    pub const HEADER_BYTES: usize = 24;

    /// Whether the first four bytes are those of a pcap file.
    pub fn is_magic(magic: [u8; 4]) -> bool {
        variant(magic).is_some()
    }

    /// Reads the file header.
    pub fn open(bytes: &[u8]) -> Result<(Pcap, Interface), ReadError> {
        let &[m0, m1, m2, m3, v0, v1, v2, v3, _, _, _, _, _, _, _, _, s0, s1, s2, s3, n0, n1, n2, n3] =
            bytes.first_chunk::<24>().ok_or(ReadError::HeaderCut)?;
        let magic = [m0, m1, m2, m3];
        let (order, unit_ns, header_bytes) = variant(magic).ok_or(ReadError::NotACapture { magic })?;
        let (major, minor) = match (order.u16([v0, v1]), order.u16([v2, v3])) {
            // Some writers have the numbers of the version alone in the other byte order.
            (0x0200, minor) => (2, minor.swap_bytes()),
            version => version,
        };
        if major != 2 {
            return Err(ReadError::UnknownVersion { major, minor });
        }
        let snaplen = order.u32([s0, s1, s2, s3]);
        let is_announced = snaplen > MAX_PACKET_BYTES && snaplen as usize <= crate::MAX_BLOCK_BYTES;
        let pcap = Pcap {
            order,
            unit_ns,
            header_bytes,
            limit: if is_announced { snaplen } else { MAX_PACKET_BYTES },
            // Until version 2.3 the two lengths stood in the other order.
            are_lengths_swapped: minor < 3,
            last_seconds: None,
        };
        // The upper half holds the length of the frame check sequence.
        let link = order.u32([n0, n1, n2, n3]) as u16;
        Ok((pcap, Interface { link, snaplen, ..Interface::default() }))
    }

    /// Reads the record at the beginning of `bytes`.
    #[inline]
    pub fn record(&mut self, bytes: &[u8]) -> Record {
        let Some(head) = self.head(bytes) else {
            return Record::Need(self.header_bytes);
        };
        // A hole in a file reads as zeros, which would be packets without bytes at the epoch.
        if head.captured > self.limit || head.seconds | head.captured | head.wire == 0 {
            return Record::Corrupt;
        }
        let total_bytes = self.header_bytes.saturating_add(head.captured as usize);
        if bytes.len() < total_bytes {
            return Record::Need(total_bytes);
        }
        self.last_seconds = Some(head.seconds);
        let ns = i64::from(head.seconds) * 1_000_000_000 + i64::from(head.fraction) * self.unit_ns;
        Record::Whole {
            time: Timestamp::from_ns(ns),
            header_bytes: self.header_bytes,
            total_bytes,
            wire_len: head.wire.max(head.captured),
        }
    }

    /// Whether a record may begin here, judged more strictly than [`Pcap::record`] does: another one must follow it, or
    /// the end. Gives the bytes that are needed to tell, where there are not enough.
    pub fn is_plausible(&self, bytes: &[u8], is_at_end: bool) -> Result<bool, usize> {
        let Some(head) = self.head(bytes) else {
            return if is_at_end { Ok(false) } else { Err(self.header_bytes) };
        };
        if !self.is_plausible_head(&head) {
            return Ok(false);
        }
        let total = self.header_bytes.saturating_add(head.captured as usize);
        match bytes.get(total..) {
            Some([]) if is_at_end => Ok(true),
            Some(next) => match self.head(next) {
                Some(next) => {
                    Ok(self.is_plausible_head(&next) && next.seconds.abs_diff(head.seconds) <= MAX_PAUSE_SECONDS)
                }
                None if is_at_end => Ok(false),
                None => Err(total.saturating_add(self.header_bytes)),
            },
            None if is_at_end => Ok(false),
            None => Err(total.saturating_add(self.header_bytes)),
        }
    }

    fn is_plausible_head(&self, head: &Head) -> bool {
        let fractions = 1_000_000_000i64.checked_div(self.unit_ns).unwrap_or(0);
        let is_near = match self.last_seconds {
            Some(last) => head.seconds.abs_diff(last) <= MAX_PAUSE_SECONDS,
            None => true,
        };
        is_near
            && (1..=self.limit).contains(&head.captured)
            && (head.captured..=MAX_WIRE_BYTES.max(self.limit)).contains(&head.wire)
            && i64::from(head.fraction) < fractions
    }

    #[inline]
    fn head(&self, bytes: &[u8]) -> Option<Head> {
        if bytes.len() < self.header_bytes {
            return None;
        }
        let &[s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3] = bytes.first_chunk::<16>()?;
        let mut head = Head {
            seconds: self.order.u32([s0, s1, s2, s3]),
            fraction: self.order.u32([f0, f1, f2, f3]),
            captured: self.order.u32([c0, c1, c2, c3]),
            wire: self.order.u32([w0, w1, w2, w3]),
        };
        if self.are_lengths_swapped {
            std::mem::swap(&mut head.captured, &mut head.wire);
        }
        Some(head)
    }
}

/// Byte order, nanoseconds a unit, and length of the record header.
fn variant(magic: [u8; 4]) -> Option<(Order, i64, usize)> {
    let both = [(Order::Little, u32::from_le_bytes(magic)), (Order::Big, u32::from_be_bytes(magic))];
    both.into_iter().find_map(|(order, number)| match number {
        0xa1b2_c3d4 => Some((order, 1000, 16)),
        0xa1b2_3c4d => Some((order, 1, 16)),
        0xa1b2_cd34 => Some((order, 1000, 24)),
        _ => None,
    })
}

/// The longest packet on the wire that is believed when records are looked for.
const MAX_WIRE_BYTES: u32 = 1 << 20;
/// The longest time between two packets that is believed when records are looked for.
const MAX_PAUSE_SECONDS: u32 = 30 * 86_400;
