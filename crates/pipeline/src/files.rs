//! Capture files through the pipeline, on one thread or several, with the same result.
//!
//! With several threads the calling one reads packets, spreads them in batches, and merges what the workers give. A
//! batch is the same number of packets for any number of workers, and time passes at its borders only.

mod spread;

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use lanternfish_capture::{Item, ReadError, Reader};
use lanternfish_model::{Cause, PacketRef, Timestamp};
use lanternfish_telemetry::{Fate, Ledger};
use lanternfish_wire::LinkType;

use self::spread::{Batch, Lane, Spread, work};
use crate::flows::{FlowTable, Writer};
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
    output: &'a mut dyn FnMut(&[u8]) -> bool,
    progress: &'a mut dyn FnMut(u64),
    flows: FlowTable,
    flow_sink: Box<dyn EntrySink>,
    /// What passed at the borders before the batches that were not merged yet: the time, and the packet behind it.
    borders: VecDeque<Option<(Timestamp, u64)>>,
    report: Report,
    seed: u64,
    matched_limit: u64,
    written: u64,
    merged: Vec<u8>,
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
    let reader = Reader::new(input)?;
    let matched_limit = settings.filter.as_ref().and_then(|filter| filter.limit()).unwrap_or(u64::MAX);
    let threads = start.threads.max(1);
    let mut sinks: Vec<Box<dyn EntrySink>> = (0..threads).map(|_| (start.sink)()).collect();
    let mut run = Run {
        flows: FlowTable::new(Arc::clone(&settings)),
        flow_sink: (start.sink)(),
        borders: VecDeque::from([None]),
        seed: settings.reassembly.seed,
        settings,
        packet_filter: start.packet_filter,
        number: start.first_packet,
        output: start.output,
        progress: start.progress,
        report: Report::default(),
        matched_limit,
        written: 0,
        merged: Vec::new(),
    };
    match (threads, sinks.pop()) {
        (1, Some(sink)) => run.single(reader, sink)?,
        (_, last) => {
            sinks.extend(last);
            run.several(reader, sinks)?;
        }
    }
    Ok(run.report)
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
    fn single(&mut self, mut reader: Reader, sink: Box<dyn EntrySink>) -> Result<(), ReadError> {
        let mut ingest = Ingest::new(self.seed, Some(Arc::clone(&self.settings.names)));
        let mut worker = Worker::new(Arc::clone(&self.settings), sink, 0, 1);
        let mut batches = Batches::new(&self.settings);
        let mut chunks = [Chunk::default()];
        let mut is_stopped = false;
        while let Some(item) = reader.next()? {
            let Some(raw) = self.packet(&item) else { continue };
            let number = raw.packet.number;
            if batches.is_empty() {
                worker.advance(raw.packet.time, number);
            }
            if batches.is_border(&raw) {
                ingest.advance(batches.time);
                self.flush(&mut worker, &mut chunks, &mut is_stopped);
                (self.progress)(number);
                if is_stopped {
                    break;
                }
                worker.advance(batches.time, number);
                self.borders.push_back(Some((batches.time, number)));
            }
            batches.time = raw.packet.time;
            if !self.is_wanted(&raw) {
                ingest.leave_out(&raw, Fate::FilteredOut);
                continue;
            }
            match ingest.read(&raw) {
                Ingested::Datagram(datagram) => {
                    let (key, hash, _) = ingest.place(&datagram);
                    worker.datagram(&datagram, &key, hash, raw.packet, raw.interface, &[]);
                }
                Ingested::Whole(whole) => {
                    let interface = raw.interface;
                    if let Some(datagram) = ingest.read_whole(&whole) {
                        let (key, hash, _) = ingest.place(&datagram);
                        worker.whole(&whole, &datagram, &key, hash, interface);
                    }
                }
                Ingested::Nothing => {}
            }
        }
        ingest.finish();
        self.flush(&mut worker, &mut chunks, &mut is_stopped);
        let end = (batches.time, self.number.saturating_add(1));
        worker.advance(end.0, end.1);
        self.borders.push_back(Some(end));
        worker.finish();
        self.flush(&mut worker, &mut chunks, &mut is_stopped);
        self.report.ledger.merge(&worker.ledger());
        self.conclude(&reader, ingest, is_stopped);
        Ok(())
    }

    fn flush(&mut self, worker: &mut Worker, chunks: &mut [Chunk; 1], is_stopped: &mut bool) {
        let [chunk] = chunks;
        chunk.clear();
        *chunk = worker.take(std::mem::take(chunk));
        if !self.merge(chunks) {
            *is_stopped = true;
        }
    }

    /// Gives the entries of a batch out in their order; `false` where no more are wanted.
    fn merge(&mut self, chunks: &mut [Chunk]) -> bool {
        for chunk in chunks.iter_mut() {
            self.flows.collect(&mut chunk.flows);
        }
        let (output, written, limit) = (&mut *self.output, &mut self.written, self.matched_limit);
        let is_going_on = if limit == u64::MAX && is_single_and_sorted(chunks) {
            chunks.iter().all(|chunk| chunk.bytes.is_empty() || output(&chunk.bytes))
        } else {
            let merged = &mut self.merged;
            merged.clear();
            let is_under_limit = Chunk::merge(chunks, |entry| {
                if *written >= limit {
                    return false;
                }
                *written += 1;
                merged.extend_from_slice(entry);
                true
            });
            (merged.is_empty() || output(merged)) && is_under_limit
        };
        if !is_going_on {
            return false;
        }
        let mut early = Chunk::default();
        let border = self.borders.pop_front().flatten();
        self.flows.fold(border, &mut writer(&mut self.flow_sink, &mut early, &mut self.report.ledger));
        self.write_flows(&early)
    }

    fn write_flows(&mut self, chunk: &Chunk) -> bool {
        (0..chunk.marks.len()).all(|position| {
            if self.written >= self.matched_limit {
                return false;
            }
            self.written += 1;
            (self.output)(chunk.entry(position))
        })
    }

    /// Several workers on threads of their own.
    fn several(&mut self, mut reader: Reader, sinks: Vec<Box<dyn EntrySink>>) -> Result<(), ReadError> {
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
            let mut spread = Spread {
                lanes: &mut lanes,
                filling: (0..count).map(|_| Batch::default()).collect(),
                spare: Vec::new(),
                under_way: 0,
            };
            let result = self.read_and_spread(&mut reader, &mut spread);
            for lane in spread.lanes.iter_mut() {
                lane.to_worker = None;
            }
            let (ingest, is_stopped) = result?;
            let mut is_stopped = is_stopped;
            // The workers close what is open, and send their last chunk.
            while spread.under_way > 0 || !is_stopped {
                let chunks = spread.receive();
                if chunks.is_empty() {
                    break;
                }
                let mut chunks = chunks;
                if !is_stopped && !self.merge(&mut chunks) {
                    is_stopped = true;
                }
            }
            for lane in lanes {
                drop(lane.from_worker);
                if let Ok(ledger) = lane.handle.join() {
                    self.report.ledger.merge(&ledger);
                }
            }
            self.conclude(&reader, ingest, is_stopped);
            Ok(())
        })
    }

    fn read_and_spread(
        &mut self,
        reader: &mut Reader,
        spread: &mut Spread<'_, '_>,
    ) -> Result<(Ingest, bool), ReadError> {
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
                spread.send(None);
                spread.begin(batches.time, number);
                self.borders.push_back(Some((batches.time, number)));
                (self.progress)(number);
                while spread.under_way > BATCHES_UNDER_WAY {
                    let mut chunks = spread.receive();
                    if chunks.is_empty() || !self.merge(&mut chunks) {
                        return Ok((ingest, true));
                    }
                    spread.keep(chunks);
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
            match ingest.read(&raw) {
                Ingested::Datagram(datagram) => {
                    let (_, _, hash) = ingest.place(&datagram);
                    spread.packet((hash >> 32) % count, &raw, memory);
                }
                Ingested::Whole(whole) => {
                    let place = ingest.read_whole(&whole).map(|datagram| ingest.place(&datagram).2);
                    if let Some(hash) = place {
                        spread.whole((hash >> 32) % count, whole, raw.interface);
                    }
                }
                Ingested::Nothing => {}
            }
        }
        ingest.finish();
        let end = (batches.time, self.number.saturating_add(1));
        spread.send(Some(end));
        self.borders.push_back(Some(end));
        Ok((ingest, false))
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
    fn conclude(&mut self, reader: &Reader, ingest: Ingest, is_stopped: bool) {
        self.report.ledger.merge(&ingest.ledger());
        self.report.packets = self.number;
        let counters = reader.counters();
        self.report.ledger.lose(Cause::FileCorrupt, counters.skipped_bytes);
        let dropped = reader.dropped_packets();
        self.report.ledger.lose(Cause::KernelDrop, dropped);
        self.report.ledger.add_packets(dropped, 0);
        self.report.notes.extend(reader.notes().iter().map(ToString::to_string));
        let mut rest = Chunk::default();
        self.flows.finish(&mut writer(&mut self.flow_sink, &mut rest, &mut self.report.ledger));
        if !is_stopped {
            self.write_flows(&rest);
        }
    }
}

fn writer<'a>(sink: &'a mut Box<dyn EntrySink>, out: &'a mut Chunk, ledger: &'a mut Ledger) -> Writer<'a> {
    Writer { sink: sink.as_mut(), out, ledger }
}

fn is_single_and_sorted(chunks: &[Chunk]) -> bool {
    matches!(chunks, [only] if only.marks.is_sorted_by_key(|mark| mark.rank))
}
