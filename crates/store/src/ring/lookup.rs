//! The packets of some runs and a window, read from the blocks that may have them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::vec::IntoIter;

use lanternfish_model::{PacketRun, Timestamp};
use lanternfish_pcapfile::{NumberedBlock, NumberedBlocks};

use super::files::RingFile;
use super::index::Block;

/// A packet of the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingPacket {
    /// Its number.
    pub number: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// The name of its interface, empty where unknown.
    pub interface: Arc<str>,
    /// The link type.
    pub link: u16,
    /// Its length on the wire.
    pub wire_len: u32,
    /// The captured bytes.
    pub bytes: Vec<u8>,
}

/// Reads packets; it holds one block in memory. An error of one file ends that file only.
#[derive(Debug)]
pub struct RingPackets {
    /// Ascending, without overlaps; first and behind the last.
    runs: Vec<(u64, u64)>,
    from: Timestamp,
    to: Timestamp,
    files: IntoIter<RingFile>,
    file: Option<Reading>,
    ready: IntoIter<RingPacket>,
}

#[derive(Debug)]
struct Reading {
    file: File,
    blocks: IntoIter<Block>,
    interfaces: Vec<(u16, Arc<str>)>,
}

impl RingPackets {
    pub(crate) fn new(files: Vec<RingFile>, runs: &[PacketRun], from: Timestamp, to: Timestamp) -> RingPackets {
        RingPackets {
            runs: merged(runs),
            from,
            to,
            files: files.into_iter(),
            file: None,
            ready: Vec::new().into_iter(),
        }
    }

    fn wants(&self, number: u64, time: Timestamp) -> bool {
        let behind = self.runs.partition_point(|&(first, _)| first <= number);
        let is_in = behind.checked_sub(1).and_then(|at| self.runs.get(at)).is_some_and(|&(_, end)| number < end);
        (is_in || self.runs.is_empty()) && time >= self.from && time <= self.to
    }

    fn may_have(&self, block: &Block) -> bool {
        let behind = self.runs.partition_point(|&(_, end)| end <= block.first);
        let is_in = self.runs.get(behind).is_some_and(|&(first, _)| first <= block.last);
        block.has_packets() && (is_in || self.runs.is_empty()) && block.from <= self.to && block.to >= self.from
    }

    /// Reads the next block that may have packets; `false` at the end.
    fn advance(&mut self) -> io::Result<bool> {
        loop {
            let Some(mut reading) = self.file.take() else {
                let Some(file) = self.files.next() else { return Ok(false) };
                if !file.blocks.iter().any(|block| self.may_have(block)) {
                    continue;
                }
                match File::open(&file.path) {
                    Ok(open) => {
                        let blocks = file.blocks.into_iter();
                        self.file = Some(Reading { file: open, blocks, interfaces: Vec::new() });
                    }
                    // The ring has moved on.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                continue;
            };
            let Some(block) = reading.blocks.next() else { continue };
            let is_wanted = self.may_have(&block);
            if !is_wanted && !block.has_interfaces {
                self.file = Some(reading);
                continue;
            }
            let mut bytes = vec![0; block.bytes as usize];
            reading.file.read_exact_at(&mut bytes, block.offset)?;
            let packets = self.read(&mut reading.interfaces, &bytes);
            self.file = Some(reading);
            if !packets.is_empty() {
                self.ready = packets.into_iter();
                return Ok(true);
            }
        }
    }

    fn read(&self, interfaces: &mut Vec<(u16, Arc<str>)>, bytes: &[u8]) -> Vec<RingPacket> {
        let mut packets = Vec::new();
        for block in NumberedBlocks::new(bytes) {
            match block {
                NumberedBlock::Section => interfaces.clear(),
                NumberedBlock::Interface { link, name } => interfaces.push((link, Arc::from(name))),
                NumberedBlock::Packet(packet) if self.wants(packet.number, packet.time) => {
                    let (link, interface) =
                        interfaces.get(packet.interface as usize).cloned().unwrap_or((0, Arc::from("")));
                    packets.push(RingPacket {
                        number: packet.number,
                        time: packet.time,
                        interface,
                        link,
                        wire_len: packet.wire_len,
                        bytes: packet.bytes.to_vec(),
                    });
                }
                NumberedBlock::Packet(_) | NumberedBlock::Other => {}
            }
        }
        packets
    }
}

impl Iterator for RingPackets {
    type Item = io::Result<RingPacket>;

    fn next(&mut self) -> Option<io::Result<RingPacket>> {
        loop {
            if let Some(packet) = self.ready.next() {
                return Some(Ok(packet));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Sorts runs and joins those that touch.
fn merged(runs: &[PacketRun]) -> Vec<(u64, u64)> {
    let mut sorted: Vec<(u64, u64)> = runs
        .iter()
        .map(|run| (run.first, run.first.saturating_add(run.count)))
        .filter(|(first, end)| first < end)
        .collect();
    sorted.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
    for (first, end) in sorted {
        match merged.last_mut() {
            Some(last) if first <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((first, end)),
        }
    }
    merged
}
