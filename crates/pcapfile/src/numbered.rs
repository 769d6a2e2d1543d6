//! Packets with their numbers, as blocks in memory: the form of a ring of raw packets.
//!
//! The blocks are those of pcapng in little-endian order with times in nanoseconds; the number of a packet stands in the option
//! `epb_packetid` (draft-ietf-opsawg-pcapng section 4.3), so that any reader of pcapng reads the file. A block that is
//! torn, at the end of a file that was being written, ends the reading.

use lanternfish_model::Timestamp;

use crate::PcapngWriter;
use crate::block::{self, Frame, kind};
use crate::options::{self, Options, Order};

/// A packet with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedPacket<'a> {
    /// Its number, 0 where the block has none.
    pub number: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// The index of its interface among those of the section.
    pub interface: u32,
    /// Its length on the wire.
    pub wire_len: u32,
    /// The captured bytes.
    pub bytes: &'a [u8],
}

/// What a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberedBlock<'a> {
    /// The beginning of a section: interfaces are counted from 0 again.
    Section,
    /// An interface.
    Interface {
        /// The link type.
        link: u16,
        /// The name, empty where there is none.
        name: &'a str,
    },
    /// A packet.
    Packet(NumberedPacket<'a>),
    /// Anything else.
    Other,
}

/// Appends the beginning of a section.
pub fn append_section(out: &mut Vec<u8>, application: &str) {
    // Writing to memory does not fail.
    let _ = PcapngWriter::new(out, application);
}

/// Appends an interface.
pub fn append_interface(out: &mut Vec<u8>, link: u16, name: &str) {
    let name = name.as_bytes();
    let name = name.get(..MAX_NAME_BYTES).unwrap_or(name);
    let name_bytes = if name.is_empty() { 0 } else { name.len().next_multiple_of(4) + 4 };
    // Type, lengths, link type, snaplen; the time resolution with its header and padding; the end of options.
    let total = ((20 + name_bytes + 8 + 4) as u32).to_le_bytes();
    out.extend_from_slice(&kind::INTERFACE.to_le_bytes());
    out.extend_from_slice(&total);
    out.extend_from_slice(&link.to_le_bytes());
    out.extend_from_slice(&[0; 6]);
    if !name.is_empty() {
        out.extend_from_slice(&IF_NAME.to_le_bytes());
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(name);
        out.resize(out.len() + (name.len().next_multiple_of(4) - name.len()), 0);
    }
    out.extend_from_slice(&IF_TSRESOL.to_le_bytes());
    out.extend_from_slice(&[1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&total);
}

/// Appends a packet, of which at most [`MAX_NUMBERED_BYTES`] are kept. A time before 1970 is written as 1970.
#[inline]
pub fn append_packet(out: &mut Vec<u8>, packet: &NumberedPacket<'_>) {
    let bytes = packet.bytes.get(..MAX_NUMBERED_BYTES).unwrap_or(packet.bytes);
    let captured = bytes.len() as u32;
    let padding = (bytes.len().next_multiple_of(4) - bytes.len()) & 3;
    let total = HEADER_BYTES + captured + padding as u32 + TRAILER_BYTES as u32;
    let time = u64::try_from(packet.time.ns()).unwrap_or(0);
    out.reserve(total as usize);
    let words = [
        kind::ENHANCED_PACKET,
        total,
        packet.interface,
        (time >> 32) as u32,
        time as u32,
        captured,
        packet.wire_len.max(captured),
    ];
    let mut header = [0; HEADER_BYTES as usize];
    for (slot, word) in header.chunks_exact_mut(4).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&header);
    out.extend_from_slice(bytes);
    out.extend_from_slice([0; 3].get(..padding).unwrap_or_default());
    let mut trailer = [0; TRAILER_BYTES];
    let option = u64::from(EPB_PACKETID) | 8 << 16;
    let words = [option as u32, packet.number as u32, (packet.number >> 32) as u32, 0, total];
    for (slot, word) in trailer.chunks_exact_mut(4).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&trailer);
}

/// Reads blocks one after the other, as far as they are whole.
#[derive(Clone, Debug)]
pub struct NumberedBlocks<'a> {
    rest: &'a [u8],
    read: usize,
}

impl<'a> NumberedBlocks<'a> {
    /// Begins at a block.
    pub fn new(bytes: &'a [u8]) -> Self {
        NumberedBlocks { rest: bytes, read: 0 }
    }

    /// How many bytes the whole blocks have that were read so far.
    pub fn read_bytes(&self) -> usize {
        self.read
    }
}

impl<'a> Iterator for NumberedBlocks<'a> {
    type Item = NumberedBlock<'a>;

    fn next(&mut self) -> Option<NumberedBlock<'a>> {
        let Frame::Whole { kind, total_bytes } = block::frame(Order::Little, self.rest, crate::MAX_BLOCK_BYTES) else {
            return None;
        };
        let (block, rest) = self.rest.split_at_checked(total_bytes)?;
        let content = match kind {
            kind::SECTION => NumberedBlock::Section,
            kind::INTERFACE => interface(block)?,
            kind::ENHANCED_PACKET => NumberedBlock::Packet(packet(block)?),
            _ => NumberedBlock::Other,
        };
        self.rest = rest;
        self.read += total_bytes;
        Some(content)
    }
}

fn interface(block: &[u8]) -> Option<NumberedBlock<'_>> {
    let link = Order::Little.u16_at(block, 8)?;
    let options = block.get(16..block.len().checked_sub(4)?)?;
    let name = Options::new(options, Order::Little).find(|&(code, _)| code == IF_NAME);
    Some(NumberedBlock::Interface { link, name: name.map_or("", |(_, name)| options::text(name)) })
}

fn packet(block: &[u8]) -> Option<NumberedPacket<'_>> {
    let word = |at| Order::Little.u32_at(block, at);
    let captured = word(20)? as usize;
    let end = (HEADER_BYTES as usize).checked_add(captured)?;
    let body_end = block.len().checked_sub(4)?;
    let bytes = block.get(..body_end)?.get(HEADER_BYTES as usize..end)?;
    let options = block.get(end.next_multiple_of(4)..body_end).unwrap_or_default();
    let id = Options::new(options, Order::Little).find(|&(code, _)| code == EPB_PACKETID);
    let number = id.and_then(|(_, value)| value.first_chunk::<8>()).map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let ns = u64::from(word(12)?) << 32 | u64::from(word(16)?);
    Some(NumberedPacket {
        number,
        time: Timestamp::from_ns(i64::try_from(ns).unwrap_or(i64::MAX)),
        interface: word(8)?,
        wire_len: word(24)?,
        bytes,
    })
}

/// The most bytes of a packet that are kept.
pub const MAX_NUMBERED_BYTES: usize = 256 << 10;
/// Type, length, interface, time, captured and wire length.
const HEADER_BYTES: u32 = 28;
/// The number with its option's header, the end of options, the length again.
const TRAILER_BYTES: usize = 20;
const EPB_PACKETID: u16 = 5;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const MAX_NAME_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Item, Reader};

    fn sample() -> Vec<u8> {
        let mut out = Vec::new();
        append_section(&mut out, "a test");
        append_interface(&mut out, 1, "eth0");
        append_interface(&mut out, 113, "");
        for number in 0..9u64 {
            let bytes = vec![number as u8; number as usize];
            let time = Timestamp::from_ns(1_700_000_000_123_456_789 + number.cast_signed());
            let packet = NumberedPacket {
                number: number << 33 | number,
                time,
                interface: (number % 2) as u32,
                wire_len: 100,
                bytes: &bytes,
            };
            append_packet(&mut out, &packet);
        }
        out
    }

    #[test]
    fn blocks_come_back() {
        let bytes = sample();
        let mut blocks = NumberedBlocks::new(&bytes);
        assert_eq!(blocks.next(), Some(NumberedBlock::Section));
        assert_eq!(blocks.next(), Some(NumberedBlock::Interface { link: 1, name: "eth0" }));
        assert_eq!(blocks.next(), Some(NumberedBlock::Interface { link: 113, name: "" }));
        for number in 0..9u64 {
            let Some(NumberedBlock::Packet(packet)) = blocks.next() else { panic!("no packet {number}") };
            assert_eq!((packet.number, packet.interface), (number << 33 | number, (number % 2) as u32));
            assert_eq!((packet.wire_len, packet.bytes), (100, vec![number as u8; number as usize].as_slice()));
            assert_eq!(packet.time.ns(), 1_700_000_000_123_456_789 + number.cast_signed());
        }
        assert_eq!(blocks.next(), None);
        assert_eq!(blocks.read_bytes(), bytes.len());
    }

    #[test]
    fn any_reader_of_pcapng_reads_them() {
        let mut reader = Reader::new(Box::new(std::io::Cursor::new(sample()))).unwrap();
        let (mut count, mut ns) = (0, 0);
        while let Some(item) = reader.next().unwrap() {
            if let Item::Packet(packet) = item {
                count += 1;
                ns = packet.time.ns();
                assert_eq!(packet.link, if packet.interface == 0 { 1 } else { 113 });
            }
        }
        assert_eq!((count, ns), (9, 1_700_000_000_123_456_797));
        assert_eq!(reader.interfaces()[0].name, "eth0");
    }

    #[test]
    fn what_is_torn_is_not_read() {
        let bytes = sample();
        let whole = NumberedBlocks::new(&bytes).count();
        for end in 0..bytes.len() {
            let mut blocks = NumberedBlocks::new(&bytes[..end]);
            let count = blocks.by_ref().count();
            assert!(count < whole && blocks.read_bytes() <= end);
        }
    }
}
