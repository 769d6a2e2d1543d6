//! Capture files through the pipeline, on one thread or several, with the same result.
//!
//! With several threads the calling one reads packets, spreads them in batches, and merges what the workers give. A
//! batch is the same number of packets for any number of workers, and time passes at its borders only.

use std::io::Read;
use std::sync::Arc;
use std::thread;

use lanternfish_capture::{Item, ReadError, Reader};
use lanternfish_identity::Names;
use lanternfish_model::{Cause, PacketRef, Timestamp};
use lanternfish_telemetry::{Fate, Ledger};
use lanternfish_wire::LinkType;

use crate::chunk::Border;
use crate::pipeline::Pipeline;
use crate::{EntrySink, RawPacket, Revisions, Settings};

/// Packets of a batch.
const BATCH_PACKETS: u64 = 1024;
/// Bytes of packets after which a batch is closed early.
const BATCH_BYTES: usize = 1 << 20;
/// The packet time after which a batch is closed early, where every revision is wanted.
const BATCH_NS: i64 = 1_000_000_000;

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

/// A capture file on its way through the pipeline.
struct Run<'scope, 'a> {
    pipeline: Pipeline<'scope, 'a>,
    names: Arc<Names>,
    packet_filter: Option<&'a mut PacketFilter>,
    number: u64,
    progress: &'a mut dyn FnMut(u64),
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
    thread::scope(|scope| {
        let mut run = Run {
            pipeline: Pipeline::start(scope, &settings, start.threads, start.sink, start.output),
            names: Arc::clone(&settings.names),
            packet_filter: start.packet_filter,
            number: start.first_packet,
            progress: start.progress,
        };
        let time = run.read(&mut reader, Batches::new(&settings))?;
        Ok(run.conclude(&reader, time))
    })
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

impl Run<'_, '_> {
    /// Packets go from the reader's buffer to the stages; gives the time of the last one.
    fn read(&mut self, reader: &mut Reader, mut batches: Batches) -> Result<Timestamp, ReadError> {
        while let Some(item) = reader.next()? {
            let memory = match &item {
                Item::Packet(packet) => packet.memory,
                _ => None,
            };
            let Some(raw) = self.packet(&item) else { continue };
            let next_packet = raw.packet.number;
            if batches.is_empty() {
                self.pipeline.begin(Border { time: raw.packet.time, next_packet, is_looking: false });
            }
            if batches.is_border(&raw) {
                self.pipeline.pass(Border { time: batches.time, next_packet, is_looking: false }, None);
                (self.progress)(next_packet);
                if self.pipeline.is_stopped() {
                    break;
                }
            }
            batches.time = raw.packet.time;
            if !self.is_wanted(&raw) {
                self.pipeline.leave_out(&raw, Fate::FilteredOut);
                continue;
            }
            self.pipeline.packet(&raw, memory, |_| false);
        }
        Ok(batches.time)
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
                    self.names.learn(name, ip, self.number);
                }
                None
            }
            Item::Drops(_) | Item::Secrets(_) | Item::Comment(_) => None,
        }
    }

    fn is_wanted(&mut self, raw: &RawPacket<'_>) -> bool {
        self.packet_filter.as_mut().is_none_or(|filter| filter(raw))
    }

    /// Closes what is open, and adds up the books.
    fn conclude(self, reader: &Reader, time: Timestamp) -> Report {
        let mut ledger = self.pipeline.finish(time, self.number.saturating_add(1));
        ledger.lose(Cause::FileCorrupt, reader.counters().skipped_bytes);
        let dropped = reader.dropped_packets();
        ledger.lose(Cause::KernelDrop, dropped);
        ledger.add_packets(dropped, 0);
        Report { ledger, notes: reader.notes().iter().map(ToString::to_string).collect(), packets: self.number }
    }
}
