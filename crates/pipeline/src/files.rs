//! Capture files through the pipeline, on one thread or several, with the same result.
//!
//! With several threads the calling one reads packets, spreads them in batches, and merges what the workers give. A
//! batch is the same number of packets for any number of workers, and time passes at its borders only.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use lanternfish_capture::{Item, ReadError, Reader};
use lanternfish_model::{Cause, PacketRef, Timestamp};
use lanternfish_reassembly::Whole;
use lanternfish_telemetry::{Fate, Ledger};
use lanternfish_wire::LinkType;

use crate::merge::Merge;
use crate::spread::{Batch, Lane, Spread, work};
use crate::{Chunk, EntrySink, Ingest, Ingested, RawPacket, Revisions, Settings, Worker};

/// Packets of a batch.
const BATCH_PACKETS: u64 = 1024;
/// Bytes of packets after which a batch is closed early.
const BATCH_BYTES: usize = 1 << 20;
/// The packet time after which a batch is closed early, where every revision is wanted.
const BATCH_NS: i64 = 1_000_000_000;
/// Batches that may be under way at once.
const BATCHES_UNDER_WAY: usize = 4;

/// Which packets of a file are looked at: `false` leaves one out, counted as filtered.
pub type PacketFilter = Box<dyn FnMut(&RawPacket<'_>) -> bool>;

/// What a run has done.
#[derive(Debug, Default)]
pub struct Report {
    /// What became of the packets, how many entries there were, and what was lost.
    pub ledger: Ledger,
    /// What was odd about the files, in words.
    pub notes: Vec<String>,
    /// The number of the last packet.
    pub packets: u64,
}

/// Capture files on their way through the pipeline.
pub struct Run<'a> {
    settings: Arc<Settings>,
    packet_filter: Option<&'a mut PacketFilter>,
    number: u64,
    progress: &'a mut dyn FnMut(u64),
    merge: Merge<'a>,
    report: Report,
    seed: u64,
}

/// Everything that a run needs besides its settings.
pub struct Start<'a> {
    /// How many workers.
    pub threads: u16,
    /// Makes the sink of each worker, and one more for flows.
    pub sink: &'a mut dyn FnMut() -> Box<dyn EntrySink>,
    /// The number of packets in the inputs before this one: its packets are numbered on from there.
    pub first_packet: u64,
    /// Which packets to leave out.
    pub packet_filter: Option<&'a mut PacketFilter>,
    /// Takes entries in their order; `false` stops the run.
    pub output: &'a mut dyn FnMut(&[u8]) -> bool,
    /// Told the number of packets read, after each batch.
    pub progress: &'a mut dyn FnMut(u64),
}

/// Runs one input through the pipeline.
pub fn run(settings: Arc<Settings>, input: Box<dyn Read + Send>, start: Start<'_>) -> Result<Report, ReadError> {
    let mut reader = Reader::new(input)?;
    let threads = start.threads.max(1);
    let mut sinks: Vec<Box<dyn EntrySink>> = (0..threads).map(|_| (start.sink)()).collect();
    let mut run = Run {
        merge: Merge::new(Arc::clone(&settings), (start.sink)(), start.output),
        seed: settings.reassembly.seed,
        settings,
        packet_filter: start.packet_filter,
        number: start.first_packet,
        progress: start.progress,
        report: Report::default(),
    };
    match (threads, sinks.pop()) {
        (1, Some(sink)) => run.single(&mut reader, sink)?,
        (_, last) => {
            sinks.extend(last);
            run.several(&mut reader, sinks)?;
        }
    }
    Ok(run.conclude(&reader))
}

/// The borders of batches, and the time that passes at them.
#[derive(Default)]
struct Batches {
    packets: u64,
    bytes: usize,
    time: Timestamp,
    /// The time of the first packet of the batch, and how much later none of it may be.
    begin: Timestamp,
    longest_ns: i64,
}

impl Batches {
    fn new(settings: &Settings) -> Batches {
        let longest_ns = if settings.revisions == Revisions::All { BATCH_NS } else { i64::MAX };
        Batches { longest_ns, ..Batches::default() }
    }

    /// Whether no packet was counted yet. All workers begin at the time of the first one, whoever takes it: when a silent
    /// connection is over would depend on their number else, where times go back and forth.
    fn is_empty(&self) -> bool {
        self.packets == 0
    }

    /// Counts a packet; tells whether the batch before it is full.
    fn is_border(&mut self, raw: &RawPacket<'_>) -> bool {
        let is_late = self.packets > 0 && raw.packet.time.since(self.begin) >= self.longest_ns;
        let is_full = self.packets >= BATCH_PACKETS || self.bytes >= BATCH_BYTES || is_late;
        if is_full {
            self.packets = 0;
            self.bytes = 0;
        }
        if self.packets == 0 {
            self.begin = raw.packet.time;
        }
        self.packets += 1;
        self.bytes += raw.bytes.len();
        is_full
    }
}

impl Run<'_> {
    /// One thread: packets go from the reader's buffer through all stages.
    fn single(&mut self, reader: &mut Reader, sink: Box<dyn EntrySink>) -> Result<(), ReadError> {
        let mut ingest = Ingest::new(self.seed, Some(Arc::clone(&self.settings.names)));
        let mut worker = Worker::new(Arc::clone(&self.settings), sink, 0, 1);
        let mut batches = Batches::new(&self.settings);
        let mut room = Chunk::default();
        while let Some(item) = reader.next()? {
            let Some(raw) = self.packet(&item) else { continue };
            let number = raw.packet.number;
            if batches.is_empty() {
                worker.advance(raw.packet.time, number);
            }
            if batches.is_border(&raw) {
                ingest.advance(batches.time);
                take_partials(&mut ingest, &mut worker, number);
                self.take(&mut worker, &mut room);
                self.merge.end_batch();
                (self.progress)(number);
                if self.merge.is_stopped() {
                    break;
                }
                self.merge.push_border(batches.time, number);
                while worker.advance(batches.time, number) {
                    self.take(&mut worker, &mut room);
                }
            }
            batches.time = raw.packet.time;
            if !self.is_wanted(&raw) {
                ingest.leave_out(&raw, Fate::FilteredOut);
                continue;
            }
            let ingested = ingest.read(&raw);
            take_partials(&mut ingest, &mut worker, number);
            match ingested {
                Ingested::Datagram(datagram) => {
                    let (key, hash, _) = ingest.place(&datagram);
                    worker.datagram(&datagram, &key, hash, raw.packet, raw.interface, &[]);
                }
                Ingested::Whole(whole) => take_whole(&mut ingest, &mut worker, &whole, raw.interface, number),
                Ingested::Nothing => {}
            }
            if worker.is_full() {
                let mut entries = worker.take_entries(std::mem::take(&mut room));
                self.merge.take(&mut entries);
                room = entries;
            }
        }
        let end = (batches.time, self.number.saturating_add(1));
        ingest.finish();
        take_partials(&mut ingest, &mut worker, end.1);
        self.take(&mut worker, &mut room);
        self.merge.end_batch();
        self.merge.push_border(end.0, end.1);
        while worker.advance(end.0, end.1) {
            self.take(&mut worker, &mut room);
        }
        while worker.finish() {
            self.take(&mut worker, &mut room);
        }
        self.take(&mut worker, &mut room);
        self.merge.end_batch();
        self.report.ledger.merge(&worker.ledger());
        self.report.ledger.merge(&ingest.ledger());
        Ok(())
    }

    /// Takes what the only worker has made so far.
    fn take(&mut self, worker: &mut Worker, room: &mut Chunk) {
        let mut chunk = worker.take(std::mem::take(room));
        self.merge.take(&mut chunk);
        *room = chunk;
    }

    /// Several workers on threads of their own.
    fn several(&mut self, reader: &mut Reader, sinks: Vec<Box<dyn EntrySink>>) -> Result<(), ReadError> {
        let count = sinks.len();
        let seed = self.seed;
        let settings = Arc::clone(&self.settings);
        thread::scope(|scope| {
            let mut lanes = Vec::with_capacity(count);
            for (number, sink) in sinks.into_iter().enumerate() {
                let (to_worker, batches) = sync_channel::<Batch>(BATCHES_UNDER_WAY);
                let (results, from_worker) = sync_channel::<Batch>(BATCHES_UNDER_WAY * 2);
                let settings = Arc::clone(&settings);
                let handle =
                    scope.spawn(move || work(settings, sink, number as u16, count as u16, seed, batches, results));
                lanes.push(Lane { to_worker: Some(to_worker), from_worker, handle });
            }
            let mut spread = Spread::new(&mut lanes);
            let result = self.read_and_spread(reader, &mut spread);
            for lane in spread.lanes.iter_mut() {
                lane.to_worker = None;
            }
            let ingest = result?;
            // The workers close what is open, and send their last chunk.
            while spread.under_way > 0 || !self.merge.is_stopped() {
                if !spread.receive(&mut self.merge) {
                    break;
                }
            }
            for lane in lanes {
                drop(lane.from_worker);
                if let Ok(ledger) = lane.handle.join() {
                    self.report.ledger.merge(&ledger);
                }
            }
            self.report.ledger.merge(&ingest.ledger());
            Ok(())
        })
    }

    fn read_and_spread(&mut self, reader: &mut Reader, spread: &mut Spread<'_, '_>) -> Result<Ingest, ReadError> {
        let mut ingest = Ingest::new(self.seed, Some(Arc::clone(&self.settings.names)));
        let mut batches = Batches::new(&self.settings);
        let count = spread.filling.len() as u64;
        while let Some(item) = reader.next()? {
            let memory = match &item {
                Item::Packet(packet) => packet.memory,
                _ => None,
            };
            let Some(raw) = self.packet(&item) else { continue };
            let number = raw.packet.number;
            if batches.is_empty() {
                spread.begin(raw.packet.time, number);
            }
            if batches.is_border(&raw) {
                ingest.advance(batches.time);
                spread.partials(&mut ingest, number);
                spread.send(None);
                spread.begin(batches.time, number);
                self.merge.push_border(batches.time, number);
                (self.progress)(number);
                while spread.under_way > BATCHES_UNDER_WAY {
                    if !spread.receive(&mut self.merge) || self.merge.is_stopped() {
                        return Ok(ingest);
                    }
                }
            }
            batches.time = raw.packet.time;
            if !self.is_wanted(&raw) {
                ingest.leave_out(&raw, Fate::FilteredOut);
                continue;
            }
            if let Some(hash) = ingest.skim(&raw) {
                spread.packet((hash >> 32) % count, &raw, memory);
                continue;
            }
            let ingested = ingest.read(&raw);
            spread.partials(&mut ingest, number);
            match ingested {
                Ingested::Datagram(datagram) => {
                    let (_, _, hash) = ingest.place(&datagram);
                    spread.packet((hash >> 32) % count, &raw, memory);
                }
                Ingested::Whole(whole) => spread.whole(&mut ingest, whole, raw.interface, number),
                Ingested::Nothing => {}
            }
        }
        ingest.finish();
        spread.partials(&mut ingest, self.number.saturating_add(1));
        let end = (batches.time, self.number.saturating_add(1));
        spread.send(Some(end));
        self.merge.push_border(end.0, end.1);
        Ok(ingest)
    }

    fn packet<'b>(&mut self, item: &Item<'b>) -> Option<RawPacket<'b>> {
        match item {
            Item::Packet(packet) => {
                self.number += 1;
                Some(RawPacket {
                    packet: PacketRef { time: packet.time, number: self.number },
                    interface: match lanternfish_wire::interface_of(LinkType(packet.link), packet.bytes) {
                        Some(index) => index.saturating_add(1),
                        None => packet.interface.saturating_add(1),
                    },
                    link: LinkType(packet.link),
                    bytes: packet.bytes,
                    wire_bytes: packet.wire_len,
                })
            }
            Item::Names(names) => {
                for (ip, name) in names.iter() {
                    self.settings.names.learn(name, ip, self.number);
                }
                None
            }
            Item::Drops(_) | Item::Secrets(_) | Item::Comment(_) => None,
        }
    }

    fn is_wanted(&mut self, raw: &RawPacket<'_>) -> bool {
        self.packet_filter.as_mut().is_none_or(|filter| filter(raw))
    }

    /// Writes the flows that are left, and adds up the books.
    fn conclude(self, reader: &Reader) -> Report {
        let mut report = self.report;
        report.packets = self.number;
        let counters = reader.counters();
        report.ledger.lose(Cause::FileCorrupt, counters.skipped_bytes);
        let dropped = reader.dropped_packets();
        report.ledger.lose(Cause::KernelDrop, dropped);
        report.ledger.add_packets(dropped, 0);
        report.notes.extend(reader.notes().iter().map(ToString::to_string));
        report.ledger.merge(&self.merge.finish());
        report
    }
}

/// Gives a datagram that was put together before or with the packet that has the number `at`.
pub(crate) fn take_whole(ingest: &mut Ingest, worker: &mut Worker, whole: &Whole, interface: u32, at: u64) {
    if let Some(datagram) = ingest.read_whole(whole) {
        let (key, hash, _) = ingest.place(&datagram);
        worker.whole(whole, &datagram, &key, hash, interface, at);
    }
}

/// Gives what came of datagrams whose fragments were given up before the packet that has the number `at`.
pub(crate) fn take_partials(ingest: &mut Ingest, worker: &mut Worker, at: u64) {
    while let Some(partial) = ingest.next_partial() {
        take_whole(ingest, worker, &partial, 0, at);
    }
}
