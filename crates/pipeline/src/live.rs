//! Packets of this machine through the pipeline, as they come, on one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lanternfish_capture::{CaptureError, LiveSource, LiveStats};
use lanternfish_model::{Cause, Loss, PacketRef, Timestamp};
use lanternfish_telemetry::{Fate, Ledger};
use lanternfish_wire::{Datagram, LinkType};

use crate::files::{take_partials, take_whole};
use crate::flows::{FlowTable, Writer};
use crate::{Chunk, EntrySink, Ingest, Ingested, RawPacket, Settings, Worker};

/// How long the kernel is waited for when no packet comes.
const POLL_MS: i32 = 20;
/// How often requests without an answer are looked for.
const GIVE_UP_EVERY: Duration = Duration::from_secs(5);

/// How often the books are told.
const BOOKS_EVERY: Duration = Duration::from_secs(1);

/// Goes along with a live run: it sees the packets, is told the books, and may change what is captured.
pub trait Observer {
    /// Whether a datagram is of the program's own doing: then it is counted, and nothing else.
    fn is_own(&mut self, datagram: &Datagram<'_>) -> bool {
        let _ = datagram;
        false
    }

    /// Sees a packet that is not of the program's own doing.
    fn packet(&mut self, raw: &RawPacket<'_>) {
        let _ = raw;
    }

    /// Told between packets, some 20 ms apart or less, with the number of the last packet.
    fn tick(&mut self, number: u64) {
        let _ = number;
    }

    /// Told about once a second, and at the end, what became of all packets since the start.
    fn books(&mut self, now: Timestamp, books: Ledger) {
        let _ = (now, books);
    }

    /// Asked between packets what is to be captured from now on; nothing where that stays as it is.
    fn change(&mut self) -> Option<Change> {
        None
    }
}

/// Nobody goes along.
impl Observer for () {}

/// What is to be captured from now on.
pub enum Change {
    /// Nothing; the time until then is counted.
    Pause,
    /// The same as before the pause.
    Resume,
    /// What a source gives that was opened, but not told to resume.
    Source(Box<LiveSource>),
}

/// What a live run needs besides its settings and its source.
pub struct Start<'a> {
    /// The number of the packet before the first one.
    pub number: u64,
    /// Goes along.
    pub observer: &'a mut dyn Observer,
    /// Makes the sink of entries, and one more for flows.
    pub sink: &'a mut dyn FnMut() -> Box<dyn EntrySink>,
    /// Takes entries as they become whole; `false` stops the run.
    pub output: &'a mut dyn FnMut(&[u8]) -> bool,
    /// Set from outside to stop the run.
    pub stop: &'a AtomicBool,
}

/// Observes until it is stopped; gives what became of every packet.
pub fn run(settings: Arc<Settings>, mut source: LiveSource, start: Start<'_>) -> Result<Ledger, CaptureError> {
    let sink = (start.sink)();
    let mut live = Live {
        ingest: Ingest::new(settings.reassembly.seed, Some(Arc::clone(&settings.names))),
        worker: Worker::new(Arc::clone(&settings), sink, 0, 1),
        flows: FlowTable::new(Arc::clone(&settings)),
        flow_sink: (start.sink)(),
        ledger: Ledger::default(),
        chunk: Chunk::default(),
        border: None,
        output: start.output,
        observer: start.observer,
        past: LiveStats::default(),
        off: Off::default(),
        number: start.number,
        limit: settings.filter.as_ref().and_then(|filter| filter.limit()).unwrap_or(u64::MAX),
        written: 0,
        is_stopped: false,
    };
    let mut looked_at = Instant::now();
    let mut told_at = Instant::now();
    while !start.stop.load(Ordering::Relaxed) && !live.is_stopped {
        if let Some(change) = live.observer.change() {
            live.change(&mut source, change)?;
        }
        live.poll(&mut source, POLL_MS)?;
        live.observer.tick(live.number);
        let now = clock();
        live.ingest.advance(now);
        take_partials(&mut live.ingest, &mut live.worker, live.number + 1);
        while live.worker.advance(now, live.number + 1) {
            live.flush();
        }
        live.border = Some((now, live.number + 1));
        if looked_at.elapsed() >= GIVE_UP_EVERY {
            looked_at = Instant::now();
            live.worker.give_up(now, live.number + 1);
            let (flows, mut writer) = live.flows();
            flows.close_idle(now, &mut writer);
        }
        live.worker.release(Instant::now());
        live.flush();
        if told_at.elapsed() >= BOOKS_EVERY {
            told_at = Instant::now();
            let books = live.books(&mut source, &settings)?;
            live.observer.books(now, books);
        }
    }
    live.drain(&mut source)?;
    live.finish(&mut source, &settings)
}

/// The time in which capture was switched off.
#[derive(Default)]
struct Off {
    since: Option<Instant>,
    before: Duration,
}

impl Off {
    fn millis(&self) -> u64 {
        let now = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        u64::try_from(self.before.saturating_add(now).as_millis()).unwrap_or(u64::MAX)
    }

    fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    fn end(&mut self) {
        if let Some(since) = self.since.take() {
            self.before = self.before.saturating_add(since.elapsed());
        }
    }
}

/// How long the packets that are still in the ring may take when a run is stopped.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

struct Live<'a> {
    ingest: Ingest,
    worker: Worker,
    flows: FlowTable,
    flow_sink: Box<dyn EntrySink>,
    ledger: Ledger,
    chunk: Chunk,
    /// The time that has passed since the last flush, and the number of the packet before which it did.
    border: Option<(Timestamp, u64)>,
    output: &'a mut dyn FnMut(&[u8]) -> bool,
    observer: &'a mut dyn Observer,
    /// The counters of sources that were replaced.
    past: LiveStats,
    off: Off,
    number: u64,
    limit: u64,
    written: u64,
    is_stopped: bool,
}

impl Live<'_> {
    /// Changes what is captured. What the old source still holds is taken before it goes.
    fn change(&mut self, source: &mut LiveSource, change: Change) -> Result<(), CaptureError> {
        match change {
            Change::Pause => {
                source.pause()?;
                self.off.begin();
            }
            Change::Resume => {
                source.resume()?;
                self.off.end();
            }
            Change::Source(mut new) => {
                source.pause()?;
                if self.off.since.is_none() {
                    new.resume()?;
                }
                self.drain(source)?;
                self.past.add(&source.stats()?);
                *source = *new;
            }
        }
        Ok(())
    }

    /// Takes the packets that a source still holds, and lets in no more.
    fn drain(&mut self, source: &mut LiveSource) -> Result<(), CaptureError> {
        source.pause()?;
        let drained_by = Instant::now() + DRAIN_WITHIN;
        while !source.is_drained()? && Instant::now() < drained_by {
            self.poll(source, POLL_MS)?;
        }
        Ok(())
    }

    /// Takes one block of packets.
    fn poll(&mut self, source: &mut LiveSource, timeout_ms: i32) -> Result<(), CaptureError> {
        let Some(mut block) = source.poll(timeout_ms)? else {
            if self.off.since.is_some() {
                // A source that is paused does not wait.
                std::thread::sleep(Duration::from_millis(POLL_MS.unsigned_abs().into()));
            }
            return Ok(());
        };
        for packet in block.packets() {
            self.number += 1;
            let raw = RawPacket {
                packet: PacketRef { time: packet.time, number: self.number },
                interface: packet.interface,
                link: LinkType(packet.link),
                bytes: packet.bytes,
                wire_bytes: packet.wire_len,
            };
            let ingested = self.ingest.read(&raw);
            take_partials(&mut self.ingest, &mut self.worker, raw.packet.number);
            match ingested {
                Ingested::Datagram(datagram) if self.observer.is_own(&datagram) => {
                    self.ledger.add_fate(Fate::OwnTraffic, 1);
                    continue;
                }
                Ingested::Datagram(datagram) => {
                    let (key, hash, _) = self.ingest.place(&datagram);
                    self.worker.datagram(&datagram, &key, hash, raw.packet, raw.interface, &[]);
                }
                Ingested::Whole(whole) => {
                    take_whole(&mut self.ingest, &mut self.worker, &whole, raw.interface, raw.packet.number);
                }
                Ingested::Nothing => {}
            }
            self.observer.packet(&raw);
            if self.worker.is_full() {
                self.flush();
            }
        }
        Ok(())
    }

    /// The flows, and what they write entries with.
    fn flows(&mut self) -> (&mut FlowTable, Writer<'_>) {
        (&mut self.flows, Writer { sink: self.flow_sink.as_mut(), out: &mut self.chunk, ledger: &mut self.ledger })
    }

    /// Writes the entries that are whole.
    fn flush(&mut self) {
        let mut made = self.worker.take(std::mem::take(&mut self.chunk));
        self.flows.collect(&mut made.flows);
        let mut writer = Writer { sink: self.flow_sink.as_mut(), out: &mut made, ledger: &mut self.ledger };
        self.flows.fold_batch(self.border.take(), &mut writer);
        self.flows.release(Some(Instant::now()), &mut writer);
        let count = made.marks.len() as u64;
        let left = self.limit.saturating_sub(self.written);
        let end = match usize::try_from(left) {
            Ok(left) if count > left as u64 => {
                left.checked_sub(1).and_then(|last| made.marks.get(last)).map_or(0, |m| m.end)
            }
            _ => made.bytes.len(),
        };
        self.flow_sink.flush();
        self.written = self.written.saturating_add(count.min(left));
        let bytes = made.bytes.get(..end).unwrap_or_default();
        if (!bytes.is_empty() && !(self.output)(bytes)) || self.written >= self.limit {
            self.is_stopped = true;
        }
        made.clear();
        self.chunk = made;
    }

    fn finish(mut self, source: &mut LiveSource, settings: &Settings) -> Result<Ledger, CaptureError> {
        self.ingest.finish();
        take_partials(&mut self.ingest, &mut self.worker, self.number + 1);
        while self.worker.finish() {
            self.flush();
        }
        self.flush();
        loop {
            let (flows, mut writer) = self.flows();
            let has_more = flows.finish(&mut writer);
            if !self.is_stopped && !self.chunk.bytes.is_empty() {
                (self.output)(&self.chunk.bytes);
            }
            self.chunk.clear();
            if !has_more {
                break;
            }
        }
        self.flow_sink.flush();
        self.worker.flush();
        let books = self.books(source, settings)?;
        self.observer.tick(self.number);
        self.observer.books(clock(), books.clone());
        Ok(books)
    }

    /// What became of all packets up to now.
    fn books(&mut self, source: &mut LiveSource, settings: &Settings) -> Result<Ledger, CaptureError> {
        let mut stats = self.past;
        stats.add(&source.stats()?);
        let mut ledger = self.ledger.clone();
        ledger.merge(&self.ingest.ledger());
        ledger.merge(&self.worker.ledger());
        // Packets that the ring gave, but that never reached the first stage.
        let beside = [(Fate::DuplicateView, stats.loopback_copies), (Fate::FilteredOut, stats.filtered)];
        for (fate, count) in beside {
            ledger.add_packets(count, 0);
            ledger.add_fate(fate, count);
        }
        let lost = [
            (Cause::KernelDrop, stats.dropped),
            (Cause::MalformedHeader, stats.unreadable),
            (Cause::KernelDrop, stats.unread),
        ];
        for (cause, count) in lost {
            ledger.add_packets(count, 0);
            ledger.lose(cause, count);
        }
        let mut off = Loss::default();
        off.add(Cause::CaptureOff, self.off.millis());
        ledger.add_loss(&off);
        if let Some(resolver) = &settings.resolver {
            ledger.add_loss(&resolver.loss());
        }
        Ok(ledger)
    }
}

fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ns(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
