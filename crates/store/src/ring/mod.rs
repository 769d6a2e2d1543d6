//! The raw packet ring: the newest packets as they were captured, in pcapng files, first in first out.
//!
//! The capture thread copies each packet once, into a block of a file as it will stand there. A thread of the ring writes
//! whole blocks, and an index beside each file says which packets and times a block has.

mod files;
mod index;
mod lookup;
mod writer;

#[cfg(test)]
mod tests;

pub use files::{Ring, RingRange};
pub use lookup::{RingPacket, RingPackets};
pub use writer::RingWriter;

pub(crate) use files::RingFiles;
pub(crate) use index::index_path;

/// The length of a block.
const BLOCK_BYTES: usize = 256 << 10;
/// The most blocks on their way to the disk; past it packets are not kept, and counted.
const MAX_BLOCKS: usize = 16;
/// The longest file; a small ring has shorter ones.
const MAX_FILE_BYTES: u64 = 32 << 20;
/// A ring has at least so many files, so that little goes at once.
const MIN_FILES: u64 = 8;
/// A block that has waited so long is written though it is not full.
const BLOCK_AGE: std::time::Duration = std::time::Duration::from_millis(200);
