//! Packets spread in batches over workers with threads of their own, and what comes back.
//!
//! The worker follows from the hash of the innermost connection, so that both directions of it meet, behind tunnels and
//! fragments too. A worker gives its entries in pieces, the last of which tells that it is through with the batch.

mod work;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use lanternfish_model::{PacketRef, Timestamp};
use lanternfish_reassembly::Whole;
use lanternfish_telemetry::Ledger;
use lanternfish_wire::LinkType;

use self::work::work;
use crate::chunk::Border;
use crate::merge::{Merge, Queue, Refill};
use crate::{Chunk, EntrySink, RawPacket, Settings, Worker};

/// A packet of a batch: its facts, and where its bytes are.
struct BatchPacket {
    packet: PacketRef,
    interface: u32,
    link: LinkType,
    wire_bytes: u32,
    bytes: Place,
}

/// Where the bytes of a packet of a batch are.
enum Place {
    /// In the reader's memory that the batch holds on to.
    Shared { memory: u32, start: usize, length: usize },
    /// In the batch's own memory.
    Own { start: usize, length: usize },
    /// They are the whole datagram of this position, put together before or with the packet that has the number `at`.
    Whole { position: usize, at: u64 },
}

/// Packets for one worker, and on the way back a piece of what it made of them.
#[derive(Default)]
struct Batch {
    /// What passes before the first packet.
    border: Option<Border>,
    packets: Vec<BatchPacket>,
    /// Memory of the reader, which it leaves alone while it is held here.
    shared: Vec<Arc<Vec<u8>>>,
    bytes: Vec<u8>,
    wholes: Vec<Whole>,
    /// Whether the worker shall tell its books behind the batch.
    is_asked: bool,
    /// Behind the last batch: the time of its last packet, and the number that the next one would have.
    end: Option<(Timestamp, u64)>,
    /// The entries, or room for them.
    chunk: Chunk,
    /// Whether another piece of the same batch follows.
    has_more: bool,
    /// The books of the worker, where it was asked for them.
    books: Option<Box<Ledger>>,
}

impl Batch {
    fn clear(&mut self) {
        self.border = None;
        self.packets.clear();
        self.shared.clear();
        self.bytes.clear();
        self.wholes.clear();
        self.is_asked = false;
        self.end = None;
        self.books = None;
    }
}

/// The way to a worker and back.
struct Lane<'scope> {
    to_worker: Option<SyncSender<Batch>>,
    from_worker: Receiver<Batch>,
    /// Whether more is to come from it for the batch that is merged.
    is_awaited: bool,
    handle: ScopedJoinHandle<'scope, Ledger>,
}

/// What came of the oldest batch under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// All of it.
    Batch,
    /// Not all yet.
    Later,
    /// Nothing: the workers are gone.
    Nothing,
}

/// The side of the workers that the thread with the packets sees.
pub(crate) struct Spread<'scope> {
    lanes: Vec<Lane<'scope>>,
    filling: Vec<Batch>,
    spare: Vec<Batch>,
    under_way: usize,
    queues: Vec<Queue>,
    /// Whether a batch was merged in part, and whether anything of it came.
    is_merging: bool,
    is_any: bool,
    /// The books of the workers behind the batch that is merged, where they were asked for.
    books: Option<Ledger>,
}

impl<'scope> Spread<'scope> {
    /// Starts a worker for each sink.
    pub(crate) fn start(
        scope: &'scope Scope<'scope, '_>,
        settings: &Arc<Settings>,
        sinks: Vec<Box<dyn EntrySink>>,
    ) -> Spread<'scope> {
        let count = sinks.len();
        let lane = |(number, sink)| {
            let (to_worker, batches) = sync_channel(BATCHES_UNDER_WAY);
            let (results, from_worker) = sync_channel(BATCHES_UNDER_WAY * 2);
            let settings = Arc::clone(settings);
            let seed = settings.reassembly.seed;
            let worker = move || Worker::new(settings, sink, number as u16, count as u16);
            let handle = scope.spawn(move || work(worker(), seed, batches, results));
            Lane { to_worker: Some(to_worker), from_worker, is_awaited: false, handle }
        };
        Spread {
            lanes: sinks.into_iter().enumerate().map(lane).collect(),
            filling: (0..count).map(|_| Batch::default()).collect(),
            spare: Vec::new(),
            under_way: 0,
            queues: (0..count).map(|_| Queue::default()).collect(),
            is_merging: false,
            is_any: false,
            books: None,
        }
    }

    /// What is being filled for the worker that a hash picks.
    #[inline]
    fn filling(&mut self, hash: u64) -> Option<&mut Batch> {
        let lane = (hash >> 32).checked_rem(self.filling.len() as u64)?;
        self.filling.get_mut(lane as usize)
    }

    /// Adds a packet; `shared` is the reader's memory, where it can be held on to, and where in it the packet is.
    #[inline]
    pub(crate) fn packet(&mut self, hash: u64, raw: &RawPacket<'_>, shared: Option<(&Arc<Vec<u8>>, usize)>) {
        let Some(batch) = self.filling(hash) else { return };
        let length = raw.bytes.len();
        let bytes = match shared {
            Some((memory, start)) => {
                if batch.shared.last().is_none_or(|last| !Arc::ptr_eq(last, memory)) {
                    batch.shared.push(Arc::clone(memory));
                }
                Place::Shared { memory: (batch.shared.len() as u32).saturating_sub(1), start, length }
            }
            None => {
                let start = batch.bytes.len();
                batch.bytes.extend_from_slice(raw.bytes);
                Place::Own { start, length }
            }
        };
        let (packet, interface) = (raw.packet, raw.interface);
        batch.packets.push(BatchPacket { packet, interface, link: raw.link, wire_bytes: raw.wire_bytes, bytes });
    }

    /// Adds a datagram that was put together before or with the packet that has the number `at`.
    pub(crate) fn whole(&mut self, hash: u64, whole: Whole, interface: u32, at: u64) {
        let Some(batch) = self.filling(hash) else { return };
        batch.packets.push(BatchPacket {
            packet: whole.packets.last().copied().unwrap_or_default(),
            interface,
            link: LinkType::RAW,
            wire_bytes: 0,
            bytes: Place::Whole { position: batch.wholes.len(), at },
        });
        batch.wholes.push(whole);
    }

    /// Begins a batch.
    pub(crate) fn begin(&mut self, border: Border) {
        for batch in &mut self.filling {
            batch.border = Some(border);
        }
    }

    /// Sends what was filled. `is_asked` is for the books of the workers behind it; `end` tells that the input is over, at
    /// which time, and which number the next packet would have.
    pub(crate) fn send(&mut self, is_asked: bool, end: Option<(Timestamp, u64)>) {
        for (lane, filling) in self.lanes.iter_mut().zip(self.filling.iter_mut()) {
            let mut batch = std::mem::replace(filling, self.spare.pop().unwrap_or_default());
            (batch.is_asked, batch.end) = (is_asked, end);
            if let Some(sender) = &lane.to_worker {
                // A worker that is gone has sent why; its missing chunk ends the run.
                let _ = sender.send(batch);
            }
        }
        self.under_way += 1;
    }

    /// Whether so many batches are under way that the oldest must be awaited.
    pub(crate) fn is_full(&self) -> bool {
        self.under_way > BATCHES_UNDER_WAY
    }

    /// Whether no batch is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    /// Merges what the workers made of the oldest batch, as far as they are, or waits until they are through with it.
    pub(crate) fn receive(&mut self, merge: &mut Merge<'_>, is_waiting: bool) -> Received {
        let Spread { lanes, spare, queues, is_any, books, .. } = self;
        if !self.is_merging {
            lanes.iter_mut().for_each(|lane| lane.is_awaited = true);
            (self.is_merging, *is_any) = (true, false);
        }
        let is_whole = merge.take_all(queues, |queues| {
            let (mut is_filled, mut is_later) = (false, false);
            for (lane, queue) in lanes.iter_mut().zip(queues) {
                while lane.is_awaited && queue.is_empty() {
                    let mut batch = match lane.next(is_waiting) {
                        Ok(batch) => batch,
                        Err(TryRecvError::Empty) => {
                            is_later = true;
                            break;
                        }
                        Err(TryRecvError::Disconnected) => {
                            lane.is_awaited = false;
                            break;
                        }
                    };
                    (lane.is_awaited, is_filled, *is_any) = (batch.has_more, true, true);
                    let room = queue.leave();
                    queue.fill(std::mem::replace(&mut batch.chunk, room));
                    if let Some(theirs) = batch.books.take() {
                        books.get_or_insert_default().merge(&theirs);
                    }
                    if !batch.has_more {
                        batch.clear();
                        spare.push(batch);
                    }
                }
            }
            match (is_later, is_filled) {
                (true, _) => Refill::Later,
                (false, true) => Refill::Some,
                (false, false) => Refill::Nothing,
            }
        });
        if !is_whole {
            return Received::Later;
        }
        self.is_merging = false;
        self.under_way = self.under_way.saturating_sub(1);
        if !self.is_any {
            return Received::Nothing;
        }
        merge.end_batch();
        Received::Batch
    }

    /// The books of the workers behind the batch that was merged last, where they were asked for.
    pub(crate) fn take_books(&mut self) -> Option<Ledger> {
        self.books.take()
    }

    /// Merges what the workers still make after the last batch, and adds up their books.
    pub(crate) fn conclude(mut self, merge: &mut Merge<'_>) -> Ledger {
        for lane in &mut self.lanes {
            lane.to_worker = None;
        }
        while self.receive(merge, true) != Received::Nothing {}
        let mut ledger = Ledger::default();
        for theirs in self.lanes.into_iter().filter_map(|lane| lane.handle.join().ok()) {
            ledger.merge(&theirs);
        }
        ledger
    }
}

impl Lane<'_> {
    fn next(&self, is_waiting: bool) -> Result<Batch, TryRecvError> {
        match is_waiting {
            true => self.from_worker.recv().map_err(|_| TryRecvError::Disconnected),
            false => self.from_worker.try_recv(),
        }
    }
}

/// Batches that may be under way at once.
const BATCHES_UNDER_WAY: usize = 4;
