//! Which packets and times the blocks of a ring file have.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use lanternfish_model::Timestamp;
use lanternfish_pcapfile::{NumberedBlock, NumberedBlocks};

use super::BLOCK_BYTES;

/// What a block of a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub offset: u64,
    pub bytes: u32,
    /// Whether it tells interfaces.
    pub has_interfaces: bool,
    pub first: u64,
    pub last: u64,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Block {
    /// One without packets.
    pub(crate) const fn empty(offset: u64) -> Block {
        Block {
            offset,
            bytes: 0,
            has_interfaces: false,
            first: u64::MAX,
            last: 0,
            from: Timestamp::MAX,
            to: Timestamp::MIN,
        }
    }

    /// Takes in a packet.
    #[inline]
    pub(crate) fn add(&mut self, number: u64, time: Timestamp) {
        self.first = self.first.min(number);
        self.last = self.last.max(number);
        self.from = self.from.min(time);
        self.to = self.to.max(time);
    }

    pub(crate) const fn has_packets(&self) -> bool {
        self.first <= self.last
    }

    fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.bytes))
    }

    pub(crate) fn to_record(self) -> [u8; RECORD_BYTES] {
        let mut record = [0; RECORD_BYTES];
        let length = u64::from(self.bytes) | u64::from(self.has_interfaces) << 32;
        let words =
            [self.offset, length, self.first, self.last, self.from.ns().cast_unsigned(), self.to.ns().cast_unsigned()];
        for (slot, word) in record.chunks_exact_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        record
    }

    fn of_record(record: &[u8]) -> Option<Block> {
        let word = |at: usize| record.get(at * 8..)?.first_chunk::<8>().map(|word| u64::from_le_bytes(*word));
        let time = |ns: u64| Timestamp::from_ns(ns.cast_signed());
        let length = word(1)?;
        Some(Block {
            offset: word(0)?,
            bytes: length as u32,
            has_interfaces: length >> 32 != 0,
            first: word(2)?,
            last: word(3)?,
            from: time(word(4)?),
            to: time(word(5)?),
        })
    }
}

/// The index of a file that is on the disk: what stands beside it, and what a crash left out.
pub(crate) fn load(path: &Path) -> io::Result<Vec<Block>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut records = Vec::new();
    match File::open(index_path(path)) {
        Ok(index) => {
            index.take(MAX_INDEX_BYTES).read_to_end(&mut records)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut blocks: Vec<Block> = Vec::new();
    for record in records.chunks_exact(RECORD_BYTES) {
        let Some(block) = Block::of_record(record) else { break };
        let expected = blocks.last().map_or(0, Block::end);
        if block.offset != expected || block.end() > length || block.bytes == 0 {
            break;
        }
        blocks.push(block);
    }
    let end = blocks.last().map_or(0, Block::end);
    // What was written, but not told to the index.
    file.seek(SeekFrom::Start(end))?;
    let mut rest = Vec::new();
    file.take(MAX_SCAN_BYTES).read_to_end(&mut rest)?;
    blocks.extend(scan(&rest, end));
    Ok(blocks)
}

/// Makes an index of blocks by reading them.
fn scan(bytes: &[u8], offset: u64) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut reader = NumberedBlocks::new(bytes);
    let mut block = Block::empty(offset);
    let mut begin = 0;
    while let Some(content) = reader.next() {
        match content {
            NumberedBlock::Packet(packet) => block.add(packet.number, packet.time),
            NumberedBlock::Interface { .. } => block.has_interfaces = true,
            NumberedBlock::Section | NumberedBlock::Other => {}
        }
        let length = reader.read_bytes() - begin;
        block.bytes = u32::try_from(length).unwrap_or(u32::MAX);
        if length >= BLOCK_BYTES {
            begin = reader.read_bytes();
            let next = Block::empty(block.end());
            blocks.push(std::mem::replace(&mut block, next));
        }
    }
    if block.bytes > 0 {
        blocks.push(block);
    }
    blocks
}

/// The file beside a file of packets.
pub(crate) fn index_path(path: &Path) -> PathBuf {
    path.with_extension(INDEX_EXTENSION)
}

/// The extension of files of packets.
pub(crate) const PACKET_EXTENSION: &str = "pcapng";
/// The extension of their indexes.
pub(crate) const INDEX_EXTENSION: &str = "index";
const RECORD_BYTES: usize = 48;
/// The longest index that is read: of a file of 256 GiB.
const MAX_INDEX_BYTES: u64 = RECORD_BYTES as u64 * (1 << 20);
/// The most bytes that are read to find packets without an index.
const MAX_SCAN_BYTES: u64 = 256 << 20;
