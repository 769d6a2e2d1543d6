//! Reads and writes capture files: pcap in all its byte orders and resolutions, and pcapng (draft-ietf-opsawg-pcap,
//! draft-ietf-opsawg-pcapng), plain or compressed with gzip or zstd.
//!
//! Packets are given as slices of one buffer that slides over the input. A damaged file is read as far as it goes, and
//! on behind the damage where records can be found again; what was skipped is counted. No files are opened here.

mod block;
mod input;
mod item;
mod numbered;
mod options;
mod pcap;
mod pcapng;
mod reader;
mod resolution;
mod writer;

#[cfg(test)]
mod tests;

pub use input::{BUFFER_BYTES, MAX_BLOCK_BYTES, MAX_COMPRESSION_LAYERS, MAX_ZSTD_WINDOW_LOG};
pub use item::{Comment, Drops, Interface, Item, Names, Packet, Secrets};
pub use numbered::{
    MAX_NUMBERED_BYTES, NumberedBlock, NumberedBlocks, NumberedPacket, append_interface, append_packet, append_section,
};
pub use pcap::MAX_PACKET_BYTES;
pub use pcapng::{MAX_INTERFACE_CHANGES, MAX_INTERFACES};
pub use reader::{Counters, MAX_NOTES, Note, ReadError, Reader};
pub use writer::{PcapWriter, PcapngWriter};
