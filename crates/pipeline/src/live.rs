//! Packets of this machine through the pipeline, as they come, on one thread or several.
//!
//! The calling thread takes packets from the ring, and asks the observer. Time passes between blocks of packets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lanternfish_capture::{CaptureError, LiveSource, LiveStats};
use lanternfish_identity::Resolver;
use lanternfish_model::{Cause, ConnectionKey, Loss, PacketRef, Timestamp};
use lanternfish_telemetry::{Fate, Ledger};
use lanternfish_wire::LinkType;

use crate::chunk::Border;
use crate::pipeline::Pipeline;
use crate::{EntrySink, RawPacket, Settings};

/// Goes along with a live run, on the thread that captures: it sees the packets, is told the books, and may change what is
/// captured.
pub trait Observer {
    /// Whether a connection is of the program's own doing: then its packets are counted, and nothing else.
    fn is_own(&mut self, connection: &ConnectionKey) -> bool {
        let _ = connection;
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
    /// How many workers.
    pub threads: u16,
    /// The number of the packet before the first one.
    pub number: u64,
    /// Goes along.
    pub observer: &'a mut dyn Observer,
    /// Makes the sink of each worker, and one more for flows.
    pub sink: &'a mut dyn FnMut() -> Box<dyn EntrySink>,
    /// Takes entries as they become whole; `false` stops the run.
    pub output: &'a mut dyn FnMut(&[u8]) -> bool,
    /// Set from outside to stop the run.
    pub stop: &'a AtomicBool,
}

/// Observes until it is stopped; gives what became of every packet.
pub fn run(settings: Arc<Settings>, mut source: LiveSource, start: Start<'_>) -> Result<Ledger, CaptureError> {
    thread::scope(|scope| {
        let now = Instant::now();
        let mut live = Live {
            pipeline: Pipeline::start(scope, &settings, start.threads, start.sink, start.output),
            observer: start.observer,
            beside: Beside { past: LiveStats::default(), off: Off::default(), resolver: settings.resolver.clone() },
            number: start.number,
            passed: start.number,
            passed_at: now,
            looked_at: now,
            told_at: now,
        };
        live.pipeline.begin(Border { time: clock(), next_packet: live.number + 1, is_looking: false });
        while !start.stop.load(Ordering::Relaxed) && !live.pipeline.is_stopped() {
            if let Some(change) = live.observer.change() {
                live.change(&mut source, change)?;
            }
            live.step(&mut source)?;
        }
        live.drain(&mut source)?;
        live.finish(&mut source)
    })
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

/// What is counted beside the stages.
struct Beside {
    /// The counters of sources that were replaced.
    past: LiveStats,
    off: Off,
    resolver: Option<Arc<Resolver>>,
}

impl Beside {
    /// The packets that the ring gave, or should have given, but that never reached the first stage, and other losses.
    fn ledger(&self, source: &mut LiveSource) -> Result<Ledger, CaptureError> {
        let mut stats = self.past;
        stats.add(&source.stats()?);
        let mut ledger = Ledger::default();
        for (fate, count) in [(Fate::DuplicateView, stats.loopback_copies), (Fate::FilteredOut, stats.filtered)] {
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
        if let Some(resolver) = &self.resolver {
            ledger.add_loss(&resolver.loss());
        }
        Ok(ledger)
    }
}

struct Live<'scope, 'a> {
    pipeline: Pipeline<'scope, 'a>,
    observer: &'a mut dyn Observer,
    beside: Beside,
    /// The number of the last packet, and of the last one behind which time passed.
    number: u64,
    passed: u64,
    /// When time passed.
    passed_at: Instant,
    /// When requests without an answer and flows without a connection were looked for.
    looked_at: Instant,
    /// When the books were asked for.
    told_at: Instant,
}

impl Live<'_, '_> {
    /// Changes what is captured. What the old source still holds is taken before it goes.
    fn change(&mut self, source: &mut LiveSource, change: Change) -> Result<(), CaptureError> {
        match change {
            Change::Pause => {
                source.pause()?;
                self.beside.off.begin();
            }
            Change::Resume => {
                source.resume()?;
                self.beside.off.end();
            }
            Change::Source(mut new) => {
                source.pause()?;
                if self.beside.off.since.is_none() {
                    new.resume()?;
                }
                self.drain(source)?;
                self.beside.past.add(&source.stats()?);
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
            self.step(source)?;
        }
        Ok(())
    }

    /// Takes one block of packets, and gives out the entries that are whole.
    fn step(&mut self, source: &mut LiveSource) -> Result<(), CaptureError> {
        self.poll(source)?;
        self.observer.tick(self.number);
        self.pass(source)
    }

    /// Takes one block of packets.
    fn poll(&mut self, source: &mut LiveSource) -> Result<(), CaptureError> {
        let timeout_ms = if self.pipeline.is_under_way() { RESULT_POLL_MS } else { POLL_MS };
        let Some(mut block) = source.poll(timeout_ms)? else {
            if self.beside.off.since.is_some() {
                // A source that is paused does not wait.
                thread::sleep(Duration::from_millis(timeout_ms.unsigned_abs().into()));
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
            if self.pipeline.packet(&raw, None, |connection| self.observer.is_own(connection)) {
                self.observer.packet(&raw);
            }
        }
        Ok(())
    }

    /// Lets time pass where packets came or it is due, and tells the books about once a second.
    fn pass(&mut self, source: &mut LiveSource) -> Result<(), CaptureError> {
        let now = Instant::now();
        let is_over = |since: Instant, interval| now.duration_since(since) >= interval;
        let is_telling = is_over(self.told_at, BOOKS_EVERY) && !self.pipeline.are_books_awaited();
        if is_telling || self.number != self.passed || is_over(self.passed_at, PASS_EVERY) {
            let is_looking = is_over(self.looked_at, LOOK_EVERY);
            let asked = if is_telling { Some(self.beside.ledger(source)?) } else { None };
            (self.passed, self.passed_at) = (self.number, now);
            if is_looking {
                self.looked_at = now;
            }
            if is_telling {
                self.told_at = now;
            }
            self.pipeline.pass(Border { time: clock(), next_packet: self.number + 1, is_looking }, asked);
        } else {
            self.pipeline.receive();
        }
        if let Some(books) = self.pipeline.take_books() {
            self.observer.books(clock(), books);
        }
        Ok(())
    }

    fn finish(self, source: &mut LiveSource) -> Result<Ledger, CaptureError> {
        let mut books = self.pipeline.finish(clock(), self.number + 1);
        books.merge(&self.beside.ledger(source)?);
        self.observer.tick(self.number);
        self.observer.books(clock(), books.clone());
        Ok(books)
    }
}

fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ns(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// How long the kernel is waited for when no packet comes.
const POLL_MS: i32 = 20;
/// How long it is waited for while other threads make entries that are to be given out.
const RESULT_POLL_MS: i32 = 1;
/// After how long time passes where no packet comes.
const PASS_EVERY: Duration = Duration::from_millis(20);
/// How often requests without an answer and flows without a connection are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the books are told.
const BOOKS_EVERY: Duration = Duration::from_secs(1);
/// How long the packets that are still in the ring may take when a run is stopped.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);
