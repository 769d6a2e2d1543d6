//! Packets to blocks, on the capture thread, and blocks to files, on a thread of the ring.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use lanternfish_model::Timestamp;
use lanternfish_pcapfile::{NumberedPacket, append_interface, append_packet, append_section};

use super::files::RingFiles;
use super::index::{Block, index_path};
use super::{BLOCK_AGE, BLOCK_BYTES, MAX_BLOCKS};
use crate::dir::file_options;

/// A block on its way.
struct Filled {
    bytes: Vec<u8>,
    block: Block,
    packets: u64,
    /// Whether a file begins with it.
    is_first: bool,
}

/// Keeps packets. It belongs to the thread that captures them, and costs it one copy a packet.
#[derive(Debug)]
pub struct RingWriter {
    files: Arc<RingFiles>,
    /// Those of the capture with their link types, in the order of their indexes in the files.
    interfaces: Vec<(u32, u16, String)>,
    /// How many of them the file under way knows.
    told: usize,
    bytes: Vec<u8>,
    block: Block,
    packets: u64,
    is_first: bool,
    file_bytes: u64,
    began: Option<Instant>,
    full: Option<SyncSender<Filled>>,
    empty: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Filled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filled").field("block", &self.block).finish_non_exhaustive()
    }
}

impl RingWriter {
    pub(crate) fn start(files: Arc<RingFiles>) -> io::Result<RingWriter> {
        let (full, to_write) = sync_channel(MAX_BLOCKS);
        let (written, empty) = sync_channel(MAX_BLOCKS);
        let shared = Arc::clone(&files);
        let thread = std::thread::Builder::new()
            .name("ring".to_owned())
            .spawn(move || Disk { files: shared, file: None }.run(&to_write, &written))?;
        Ok(RingWriter {
            files,
            interfaces: Vec::new(),
            told: 0,
            bytes: Vec::new(),
            block: Block::empty(0),
            packets: 0,
            is_first: false,
            file_bytes: 0,
            began: None,
            full: Some(full),
            empty,
            thread: Some(thread),
        })
    }

    /// Names an interface of the capture before its first packet.
    pub fn name_interface(&mut self, interface: u32, link: u16, name: &str) {
        if !self.interfaces.iter().any(|known| known.0 == interface && known.1 == link) {
            self.add_interface(interface, link, name);
        }
    }

    fn add_interface(&mut self, interface: u32, link: u16, name: &str) -> u32 {
        if self.interfaces.len() >= MAX_INTERFACES {
            return 0;
        }
        self.interfaces.push((interface, link, name.to_owned()));
        (self.interfaces.len() - 1) as u32
    }

    /// Keeps a packet; numbers rise from packet to packet.
    #[inline]
    pub fn push(&mut self, number: u64, time: Timestamp, interface: u32, link: u16, wire_len: u32, bytes: &[u8]) {
        let is_known = |known: &(u32, u16, String)| known.0 == interface && known.1 == link;
        let interface = match self.interfaces.iter().position(is_known) {
            Some(position) => position as u32,
            None => self.add_interface(interface, link, ""),
        };
        if self.bytes.len() >= BLOCK_BYTES || self.told < self.interfaces.len() || self.began.is_none() {
            self.prepare();
        }
        self.block.add(number, time);
        self.packets += 1;
        append_packet(&mut self.bytes, &NumberedPacket { number, time, interface, wire_len, bytes });
    }

    /// Makes room for a packet, and tells the interfaces that the file does not know.
    #[inline(never)]
    fn prepare(&mut self) {
        if self.bytes.len() >= BLOCK_BYTES {
            self.send();
        }
        let is_turn = self.packets == 0
            && (self.file_bytes >= self.files.most_file_bytes() || self.files.turn.swap(false, Ordering::Relaxed));
        if is_turn {
            self.bytes.clear();
            append_section(&mut self.bytes, "lanternfish");
            self.told = 0;
            self.file_bytes = 0;
            self.is_first = true;
        }
        for (_, link, name) in self.interfaces.iter().skip(self.told) {
            append_interface(&mut self.bytes, *link, name);
            self.block.has_interfaces = true;
        }
        self.told = self.interfaces.len();
        self.began.get_or_insert_with(Instant::now);
    }

    /// Sends the block to the disk if it has waited long enough; to be called a few times a second at least.
    pub fn tick(&mut self, now: Instant) {
        if self.began.is_some_and(|began| now.saturating_duration_since(began) >= BLOCK_AGE) {
            self.send();
        }
    }

    /// Sends what there is to the disk.
    pub fn flush(&mut self) {
        self.send();
    }

    fn send(&mut self) {
        self.began = None;
        if self.packets == 0 {
            return;
        }
        let next = self.empty.try_recv().unwrap_or_default();
        let filled = Filled {
            bytes: std::mem::replace(&mut self.bytes, next),
            block: std::mem::replace(&mut self.block, Block::empty(0)),
            packets: std::mem::take(&mut self.packets),
            is_first: std::mem::take(&mut self.is_first),
        };
        self.bytes.clear();
        self.file_bytes = self.file_bytes.saturating_add(filled.bytes.len() as u64);
        let Some(full) = &self.full else { return };
        if let Err(TrySendError::Full(filled) | TrySendError::Disconnected(filled)) = full.try_send(filled) {
            self.files.lose(filled.packets);
            self.bytes = filled.bytes;
            self.bytes.clear();
            // What the block told of interfaces is lost with it.
            self.files.turn.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for RingWriter {
    fn drop(&mut self) {
        self.send();
        self.full = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to write.
            let _ = thread.join();
        }
    }
}

/// The side of the disk.
struct Disk {
    files: Arc<RingFiles>,
    file: Option<Open>,
}

struct Open {
    packets: File,
    index: File,
    bytes: u64,
}

impl Disk {
    fn run(mut self, blocks: &Receiver<Filled>, written: &SyncSender<Vec<u8>>) {
        for filled in blocks {
            if let Err(_error) = self.write(&filled) {
                self.files.lose(filled.packets);
                self.give_up();
            }
            let _ = written.try_send(filled.bytes);
        }
    }

    fn write(&mut self, filled: &Filled) -> io::Result<()> {
        if self.files.is_full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if filled.is_first {
            let file = self.files.begin();
            let create = |path| file_options().write(true).create(true).truncate(true).open(path);
            let open = Open { packets: create(&file.path)?, index: create(&index_path(&file.path))?, bytes: 0 };
            self.files.push(file);
            self.file = Some(open);
        }
        let Some(open) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let offset = open.bytes;
        open.packets.write_all(&filled.bytes)?;
        let block = Block { offset, bytes: u32::try_from(filled.bytes.len()).unwrap_or(u32::MAX), ..filled.block };
        open.bytes = open.bytes.saturating_add(filled.bytes.len() as u64);
        // Without its record the block is found by reading the file.
        let _ = open.index.write_all(&block.to_record());
        self.files.grow(block);
        self.files.shrink();
        Ok(())
    }

    /// Ends the file behind its last whole block; the next block that comes begins a new one.
    fn give_up(&mut self) {
        if let Some(open) = self.file.take() {
            let _ = open.packets.set_len(open.bytes);
        }
        self.files.turn.store(true, Ordering::Relaxed);
    }
}

/// The most interfaces of a capture that are told apart; packets of further ones count to the first.
const MAX_INTERFACES: usize = 1024;
