//! The reader's batches on their way to the workers, and the workers' threads.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread;

use lanternfish_model::{PacketRef, Timestamp};
use lanternfish_reassembly::Whole;
use lanternfish_telemetry::Ledger;
use lanternfish_wire::LinkType;

use crate::merge::{Merge, Queue};
use crate::{Chunk, EntrySink, Ingest, RawPacket, Settings, Worker};

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

/// Packets for one worker.
#[derive(Default)]
pub(crate) struct Batch {
    /// Time passes to here before the packet with the number behind it.
    border: Option<(Timestamp, u64)>,
    packets: Vec<BatchPacket>,
    /// Memory of the reader, which it leaves alone while it is held here.
    shared: Vec<Arc<Vec<u8>>>,
    bytes: Vec<u8>,
    wholes: Vec<Whole>,
    /// Room for the entries.
    chunk: Chunk,
    /// Whether another piece of the same batch follows.
    has_more: bool,
    /// Behind the last batch: the time of its last packet, and the number that the next one would have.
    end: Option<(Timestamp, u64)>,
}

impl Batch {
    fn clear(&mut self) {
        self.border = None;
        self.packets.clear();
        self.shared.clear();
        self.bytes.clear();
        self.wholes.clear();
        self.end = None;
    }
}

pub(crate) struct Lane<'scope> {
    pub(crate) to_worker: Option<SyncSender<Batch>>,
    pub(crate) from_worker: Receiver<Batch>,
    pub(crate) handle: thread::ScopedJoinHandle<'scope, Ledger>,
}

/// The reader's side of the workers.
pub(crate) struct Spread<'a, 'scope> {
    pub(crate) lanes: &'a mut Vec<Lane<'scope>>,
    pub(crate) filling: Vec<Batch>,
    spare: Vec<Batch>,
    pub(crate) under_way: usize,
    queues: Vec<Queue>,
    /// Whether more is to come from each worker for the batch that is merged.
    awaited: Vec<bool>,
}

impl<'a, 'scope> Spread<'a, 'scope> {
    pub(crate) fn new(lanes: &'a mut Vec<Lane<'scope>>) -> Self {
        let count = lanes.len();
        Spread {
            lanes,
            filling: (0..count).map(|_| Batch::default()).collect(),
            spare: Vec::new(),
            under_way: 0,
            queues: (0..count).map(|_| Queue::default()).collect(),
            awaited: Vec::new(),
        }
    }

    /// Adds a packet; `shared` is the reader's memory, where it can be held on to, and where in it the packet is.
    #[inline]
    pub(crate) fn packet(&mut self, lane: u64, raw: &RawPacket<'_>, shared: Option<(&Arc<Vec<u8>>, usize)>) {
        let Some(batch) = self.filling.get_mut(lane as usize) else { return };
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
    pub(crate) fn whole(&mut self, ingest: &mut Ingest, whole: Whole, interface: u32, at: u64) {
        let Some(hash) = ingest.read_whole(&whole).map(|datagram| ingest.place(&datagram).2) else { return };
        let lane = (hash >> 32) % self.filling.len().max(1) as u64;
        let Some(batch) = self.filling.get_mut(lane as usize) else { return };
        batch.packets.push(BatchPacket {
            packet: whole.packets.last().copied().unwrap_or_default(),
            interface,
            link: LinkType::RAW,
            wire_bytes: 0,
            bytes: Place::Whole { position: batch.wholes.len(), at },
        });
        batch.wholes.push(whole);
    }

    /// Adds what came of datagrams whose fragments were given up before the packet that has the number `at`.
    pub(crate) fn partials(&mut self, ingest: &mut Ingest, at: u64) {
        while let Some(partial) = ingest.next_partial() {
            self.whole(ingest, partial, 0, at);
        }
    }

    /// Sends what was filled; `end` tells that the input is over, and at which time.
    pub(crate) fn send(&mut self, end: Option<(Timestamp, u64)>) {
        for (lane, filling) in self.lanes.iter_mut().zip(self.filling.iter_mut()) {
            let mut batch = std::mem::replace(filling, self.spare.pop().unwrap_or_default());
            batch.end = end;
            if let Some(sender) = &lane.to_worker {
                // A worker that is gone has sent why; its missing chunk ends the run.
                let _ = sender.send(batch);
            }
        }
        self.under_way += 1;
    }

    /// Begins a batch with the passing of time.
    pub(crate) fn begin(&mut self, time: Timestamp, next_packet: u64) {
        for batch in &mut self.filling {
            batch.border = Some((time, next_packet));
        }
    }

    /// Merges what the workers made of the next batch; `false` where they are done.
    pub(crate) fn receive(&mut self, merge: &mut Merge<'_>) -> bool {
        let Spread { lanes, spare, queues, awaited, .. } = self;
        awaited.clear();
        awaited.resize(lanes.len(), true);
        let mut is_any = false;
        merge.take_all(queues, |queues| {
            let mut is_filled = false;
            for ((lane, queue), awaited) in lanes.iter().zip(queues).zip(awaited.iter_mut()) {
                while *awaited && queue.is_empty() {
                    let Ok(mut batch) = lane.from_worker.recv() else {
                        *awaited = false;
                        break;
                    };
                    *awaited = batch.has_more;
                    let chunk = std::mem::replace(&mut batch.chunk, queue.leave());
                    queue.fill(chunk);
                    if !batch.has_more {
                        batch.clear();
                        spare.push(batch);
                    }
                    (is_any, is_filled) = (true, true);
                }
            }
            is_filled
        });
        self.under_way = self.under_way.saturating_sub(1);
        if is_any {
            merge.end_batch();
        }
        is_any
    }
}

/// A worker's thread.
pub(crate) fn work(
    settings: Arc<Settings>,
    sink: Box<dyn EntrySink>,
    number: u16,
    count: u16,
    seed: u64,
    batches: Receiver<Batch>,
    results: SyncSender<Batch>,
) -> Ledger {
    let mut worker = Worker::new(settings, sink, number, count);
    let places = Ingest::new(seed, None);
    let piece = |chunk: Chunk| results.send(Batch { chunk, has_more: true, ..Batch::default() }).is_ok();
    'batches: for mut batch in batches {
        if let Some((time, next_packet)) = batch.border {
            while worker.advance(time, next_packet) {
                if !piece(worker.take(Chunk::default())) {
                    break 'batches;
                }
            }
        }
        for packet in &batch.packets {
            let (from, start, length) = match packet.bytes {
                Place::Shared { memory, start, length } => {
                    (batch.shared.get(memory as usize).map(|memory| memory.as_slice()), start, length)
                }
                Place::Own { start, length } => (Some(batch.bytes.as_slice()), start, length),
                Place::Whole { position, at } => {
                    let Some(whole) = batch.wholes.get(position) else { continue };
                    if let Some(datagram) = Ingest::new(seed, None).read_whole(whole) {
                        let (key, hash, _) = places.place(&datagram);
                        worker.whole(whole, &datagram, &key, hash, packet.interface, at);
                    }
                    continue;
                }
            };
            let bytes = from.and_then(|from| from.get(start..start.saturating_add(length))).unwrap_or_default();
            if let lanternfish_wire::View::Datagram(datagram) =
                lanternfish_wire::read(packet.link, bytes, packet.wire_bytes)
            {
                let (key, hash, _) = places.place(&datagram);
                worker.datagram(&datagram, &key, hash, packet.packet, packet.interface, &[]);
            }
            if worker.is_full() && !piece(worker.take_entries(Chunk::default())) {
                break 'batches;
            }
        }
        let end = batch.end;
        batch.shared.clear();
        batch.chunk = worker.take(std::mem::take(&mut batch.chunk));
        if results.send(batch).is_err() {
            break;
        }
        if let Some((time, next_packet)) = end {
            while worker.advance(time, next_packet) || worker.finish() {
                if !piece(worker.take(Chunk::default())) {
                    break 'batches;
                }
            }
            // The reader may be gone already, when no more entries are wanted.
            let _ = results.send(Batch { chunk: worker.take(Chunk::default()), ..Batch::default() });
            break;
        }
    }
    worker.ledger()
}
