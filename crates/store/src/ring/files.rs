//! The files of the ring as its writer and its readers share them.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lanternfish_model::{PacketRun, Timestamp};

use super::index::{self, Block, PACKET_EXTENSION, index_path};
use super::lookup::RingPackets;
use super::{BLOCK_BYTES, MAX_FILE_BYTES, MIN_FILES};
use crate::dir;

/// A file of the ring.
#[derive(Clone, Debug)]
pub(crate) struct RingFile {
    pub path: PathBuf,
    pub sequence: u64,
    pub bytes: u64,
    pub blocks: Vec<Block>,
}

/// What writer and readers share.
#[derive(Debug)]
pub(crate) struct RingFiles {
    dir: PathBuf,
    files: Mutex<VecDeque<RingFile>>,
    changed: Condvar,
    /// The most bytes of all files.
    most_bytes: AtomicU64,
    /// The number of the next file.
    next: AtomicU64,
    /// Packets that were not kept.
    lost: AtomicU64,
    /// Those of them that are in the ledger.
    told: AtomicU64,
    /// The next block begins a new file.
    pub turn: AtomicBool,
    /// Below the disk has so little room that nothing is kept.
    pub is_full: AtomicBool,
}

impl RingFiles {
    /// Finds the files that are there; empty ones are removed where `may_write`. `problem` is told of files that cannot be
    /// read.
    pub(crate) fn open(
        dir: &Path,
        may_write: bool,
        most_bytes: u64,
        mut problem: impl FnMut(&Path, &io::Error),
    ) -> RingFiles {
        let mut files = VecDeque::new();
        let paths = dir::files(dir).unwrap_or_else(|error| {
            problem(dir, &error);
            Vec::new()
        });
        let mut next = 0;
        for path in paths {
            let Some(sequence) = sequence_of(&path) else { continue };
            next = next.max(sequence.saturating_add(1));
            match open_file(&path, sequence, may_write) {
                Ok(Some(file)) => files.push_back(file),
                Ok(None) => {}
                Err(error) => problem(&path, &error),
            }
        }
        files.make_contiguous().sort_by_key(|file| file.sequence);
        RingFiles {
            dir: dir.to_owned(),
            files: Mutex::new(files),
            next: AtomicU64::new(next),
            changed: Condvar::new(),
            most_bytes: AtomicU64::new(most_bytes),
            lost: AtomicU64::new(0),
            told: AtomicU64::new(0),
            turn: AtomicBool::new(true),
            is_full: AtomicBool::new(false),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, VecDeque<RingFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path of a new file.
    pub(crate) fn begin(&self) -> RingFile {
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{sequence:010}.{PACKET_EXTENSION}"));
        RingFile { path, sequence, bytes: 0, blocks: Vec::new() }
    }

    /// Adds a file that has been begun.
    pub(crate) fn push(&self, file: RingFile) {
        self.lock().push_back(file);
    }

    /// Tells of a block that has been written to the newest file.
    pub(crate) fn grow(&self, block: Block) {
        if let Some(file) = self.lock().back_mut() {
            file.bytes = block.offset.saturating_add(u64::from(block.bytes));
            file.blocks.push(block);
        }
        self.changed.notify_all();
    }

    /// The most bytes of one file.
    pub(crate) fn most_file_bytes(&self) -> u64 {
        (self.most_bytes.load(Ordering::Relaxed) / MIN_FILES).clamp(BLOCK_BYTES as u64, MAX_FILE_BYTES)
    }

    /// Keeps so many bytes from now on. The newest file goes with the others when the next block has begun a new one.
    pub(crate) fn resize(&self, most_bytes: u64) {
        if self.most_bytes.swap(most_bytes, Ordering::Relaxed) == most_bytes {
            return;
        }
        self.turn.store(true, Ordering::Relaxed);
        self.shrink();
    }

    /// How many bytes of the oldest files would go for no more than `most` bytes to be left.
    pub(crate) fn going(&self, most: u64) -> u64 {
        let files = self.lock();
        let count = too_many(&files, most);
        files.iter().take(count).map(|file| file.bytes).sum()
    }

    /// Removes the oldest files that are too much; the newest file stays.
    pub(crate) fn shrink(&self) {
        let most = self.most_bytes.load(Ordering::Relaxed);
        let gone: Vec<RingFile> = {
            let mut files = self.lock();
            let count = too_many(&files, most);
            files.drain(..count).collect()
        };
        gone.iter().for_each(|file| remove(&file.path));
    }

    pub(crate) fn lose(&self, packets: u64) {
        self.lost.fetch_add(packets, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Packets that were not kept since this was asked last.
    pub(crate) fn take_lost(&self) -> u64 {
        let lost = self.lost();
        lost.saturating_sub(self.told.swap(lost, Ordering::Relaxed))
    }

    /// The number of the newest packet.
    pub(crate) fn last_number(&self) -> u64 {
        let files = self.lock();
        files
            .iter()
            .flat_map(|file| &file.blocks)
            .filter(|block| block.has_packets())
            .map(|block| block.last)
            .max()
            .unwrap_or(0)
    }

    fn wait_for(&self, number: u64, longest: Duration) -> bool {
        let until = Instant::now() + longest;
        let mut files = self.lock();
        loop {
            let is_there = files.back().and_then(|file| file.blocks.last()).is_some_and(|block| block.last >= number);
            let left = until.saturating_duration_since(Instant::now());
            if is_there || left.is_zero() {
                return is_there;
            }
            files = self.changed.wait_timeout(files, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// How many of the oldest files must go for no more than `most` bytes to be left; the newest one stays.
fn too_many(files: &VecDeque<RingFile>, most: u64) -> usize {
    let mut total: u64 = files.iter().map(|file| file.bytes).sum();
    let goes = files.iter().take(files.len().saturating_sub(1)).take_while(|file| {
        let goes = total > most;
        total = total.saturating_sub(file.bytes);
        goes
    });
    goes.count()
}

/// Reads what a file has; none where it is empty. What a crash tore off at its end is passed over.
fn open_file(path: &Path, sequence: u64, may_write: bool) -> io::Result<Option<RingFile>> {
    let bytes = fs::metadata(path)?.len();
    if bytes == 0 {
        if may_write {
            remove(path);
        }
        return Ok(None);
    }
    let blocks = index::load(path)?;
    if blocks.iter().all(|block| !block.has_packets()) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no packet can be read in it"));
    }
    Ok(Some(RingFile { path: path.to_owned(), sequence, bytes, blocks }))
}

fn sequence_of(path: &Path) -> Option<u64> {
    let is_packets = path.extension().is_some_and(|extension| extension == PACKET_EXTENSION);
    is_packets.then(|| path.file_stem()?.to_str()?.parse().ok()).flatten()
}

fn remove(path: &Path) {
    // One that stays is found again when the ring is opened next.
    let _ = fs::remove_file(path);
    let _ = fs::remove_file(index_path(path));
}

/// The oldest and the newest packet of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingRange {
    /// The earliest time.
    pub from: Timestamp,
    /// The latest time.
    pub to: Timestamp,
    /// The smallest number.
    pub first: u64,
    /// The largest number.
    pub last: u64,
}

/// The packets of a ring, to be read while it is written.
#[derive(Clone, Debug)]
pub struct Ring(pub(crate) Arc<RingFiles>);

impl Ring {
    /// What it has, where it has packets.
    pub fn range(&self) -> Option<RingRange> {
        let files = self.0.lock();
        let mut blocks = files.iter().flat_map(|file| &file.blocks).filter(|block| block.has_packets());
        let first = blocks.next()?;
        let mut range = RingRange { from: first.from, to: first.to, first: first.first, last: first.last };
        for block in blocks {
            range.from = range.from.min(block.from);
            range.to = range.to.max(block.to);
            range.first = range.first.min(block.first);
            range.last = range.last.max(block.last);
        }
        Some(range)
    }

    /// Bytes on the disk.
    pub fn bytes(&self) -> u64 {
        self.0.lock().iter().map(|file| file.bytes).sum()
    }

    /// Packets that were not kept since it was opened.
    pub fn lost(&self) -> u64 {
        self.0.lost()
    }

    /// Waits until a packet is on the disk, for it gets there up to a quarter of a second after its capture; gives whether
    /// it, or a later one, is.
    pub fn wait_for(&self, number: u64, longest: Duration) -> bool {
        self.0.wait_for(number, longest)
    }

    /// The packets of a window, both ends included, whose numbers lie in one of some runs; all of them where no runs are
    /// given. They come in the order in which they were captured.
    pub fn packets(&self, runs: &[PacketRun], from: Timestamp, to: Timestamp) -> RingPackets {
        let files = self.0.lock().iter().cloned().collect();
        RingPackets::new(files, runs, from, to)
    }

    /// The file that may still grow.
    pub(crate) fn newest_path(&self) -> Option<PathBuf> {
        self.0.lock().back().map(|file| file.path.clone())
    }

    /// The files that have packets of a window, with the length of what is whole in them.
    pub(crate) fn files(&self, from: Timestamp, to: Timestamp) -> Vec<(PathBuf, u64)> {
        let files = self.0.lock();
        let is_in = |file: &&RingFile| {
            file.blocks.iter().any(|block| block.has_packets() && block.from <= to && block.to >= from)
        };
        files.iter().filter(is_in).map(|file| (file.path.clone(), file.bytes)).collect()
    }
}
