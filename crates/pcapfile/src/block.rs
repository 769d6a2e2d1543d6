//! The outside of pcapng blocks: type, length in front and behind (draft-ietf-opsawg-pcapng section 3.1).

use crate::MAX_BLOCK_BYTES;
use crate::options::Order;

/// The types of blocks that are read.
pub(crate) mod kind {
    pub const SECTION: u32 = 0x0a0d_0d0a;
    pub const INTERFACE: u32 = 1;
    /// Obsolete, but still found.
    pub const PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const NAMES: u32 = 4;
    pub const STATISTICS: u32 = 5;
    pub const ENHANCED_PACKET: u32 = 6;
    pub const SECRETS: u32 = 10;
    pub const CUSTOM: u32 = 0x0000_0bad;
    pub const CUSTOM_NO_COPY: u32 = 0x4000_0bad;
}

/// A block at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// It is all there.
    Whole { kind: u32, total_bytes: usize },
    /// So many bytes are needed.
    Need(usize),
    /// It can be no block.
    Corrupt,
}

/// Reads the outside of the block at the beginning of `bytes`.
#[inline]
pub(crate) fn frame(order: Order, bytes: &[u8], limit: usize) -> Frame {
    let Some(&[k0, k1, k2, k3, l0, l1, l2, l3, m0, m1, m2, m3]) = bytes.first_chunk::<12>() else {
        return Frame::Need(MIN_BLOCK_BYTES);
    };
    let kind = order.u32([k0, k1, k2, k3]);
    let order = match kind {
        kind::SECTION => match section_order([m0, m1, m2, m3]) {
            Some(order) => order,
            None => return Frame::Corrupt,
        },
        _ => order,
    };
    let total_bytes = order.u32([l0, l1, l2, l3]) as usize;
    if total_bytes < MIN_BLOCK_BYTES || total_bytes > limit {
        return Frame::Corrupt;
    }
    match bytes.get(..total_bytes).and_then(|block| block.last_chunk::<4>()) {
        Some(&trailer) if trailer == [l0, l1, l2, l3] => Frame::Whole { kind, total_bytes },
        Some(_) => Frame::Corrupt,
        None => Frame::Need(total_bytes),
    }
}

/// Whether a block that is looked for behind damage may begin here: another one must follow it, or the end. Gives the bytes that are needed to tell, where
/// there are not enough.
pub(crate) fn is_plausible(order: Order, bytes: &[u8], is_at_end: bool) -> Result<bool, usize> {
    if let Some(kind) = order.u32_at(bytes, 0)
        && !is_known(kind)
    {
        return Ok(false);
    }
    match frame(order, bytes, MAX_RESYNC_BLOCK_BYTES) {
        Frame::Whole { total_bytes, .. } => match bytes.get(total_bytes..).unwrap_or_default() {
            _ if !total_bytes.is_multiple_of(4) => Ok(false),
            [] if is_at_end => Ok(true),
            next => match order.u32_at(next, 0) {
                Some(kind) => Ok(is_known(kind)),
                None if is_at_end => Ok(false),
                None => Err(total_bytes.saturating_add(4)),
            },
        },
        Frame::Need(bytes) if !is_at_end => Err(bytes),
        Frame::Need(_) | Frame::Corrupt => Ok(false),
    }
}

/// The byte order that a section header tells of.
pub(crate) const fn section_order(magic: [u8; 4]) -> Option<Order> {
    match magic {
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(Order::Big),
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(Order::Little),
        _ => None,
    }
}

const fn is_known(kind: u32) -> bool {
    matches!(kind, kind::SECTION | 1..=10 | kind::CUSTOM | kind::CUSTOM_NO_COPY)
}

/// Type and both lengths.
const MIN_BLOCK_BYTES: usize = 12;
/// The longest block that is believed when blocks are looked for.
const MAX_RESYNC_BLOCK_BYTES: usize = MAX_BLOCK_BYTES / 32;
