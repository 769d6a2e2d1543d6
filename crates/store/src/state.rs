//! What the threads of a store share: the tables that are not sealed yet, the segments, and whether it stores at all.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arrow::array::{Array, RecordBatch};
use lanternfish_model::{Cause, Loss, ProtocolIndex, Timestamp};

use crate::loss::LossLog;
use crate::memory::footprint;
use crate::merge::{bytes_of, join_last};
use crate::{Bounds, Config, Going, Limits, Segment, View};

/// Rows of one protocol that become one segment.
#[derive(Debug)]
pub(crate) struct Part {
    pub protocol: ProtocolIndex,
    /// The number of its newest file, which the segment gets.
    pub sequence: u64,
    pub files: Vec<PathBuf>,
    pub batches: Arc<Vec<RecordBatch>>,
    /// How many of them, from the first on, are on the disk.
    pub written: usize,
    pub bounds: Bounds,
    pub bytes: usize,
    pub opened: Instant,
    /// Nothing is added any more.
    pub is_closed: bool,
    /// It is closed and all of it is on the disk: it can be sealed.
    pub is_written: bool,
}

impl Part {
    pub(crate) fn new(protocol: ProtocolIndex) -> Part {
        Part {
            protocol,
            sequence: 0,
            files: Vec::new(),
            batches: Arc::default(),
            written: 0,
            bounds: Bounds::EMPTY,
            bytes: 0,
            opened: Instant::now(),
            is_closed: false,
            is_written: false,
        }
    }
}

/// Why nothing is stored.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub cause: Cause,
    pub words: String,
    /// When it was met last.
    pub met: Instant,
}

impl Problem {
    pub(crate) fn new(cause: Cause, words: String) -> Problem {
        Problem { cause, words, met: Instant::now() }
    }

    /// Whether it is time to try again: a disk with room again is known to have it, anything else is found out by trying.
    pub(crate) fn may_be_over(&self) -> bool {
        self.cause == Cause::StoreFull || self.met.elapsed() >= RETRY_AFTER
    }
}

/// The state under the lock.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    /// The way to the writer's thread; none where nothing is written. Jobs are sent under the lock, so that their order is
    /// that of the changes.
    pub jobs: Option<Sender<Job>>,
    pub segments: Arc<Vec<Arc<Segment>>>,
    /// In the order in which they were begun.
    pub parts: VecDeque<Part>,
    pub problem: Option<Problem>,
    /// Things that happened, in words, the newest last.
    pub notes: VecDeque<String>,
    pub loss: Loss,
    pub rows: u64,
}

/// What the writer's thread is told.
#[derive(Debug)]
pub(crate) enum Job {
    /// Append to the file of the newest part of the protocol.
    Append(ProtocolIndex, RecordBatch),
    /// The newest part of the protocol is closed.
    Close(ProtocolIndex),
    /// Tell when all before is written.
    Flush(SyncSender<()>),
    /// Write what is left and end.
    Stop,
}

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub config: Config,
    limits: Mutex<Limits>,
    inner: Mutex<Inner>,
    pub loss: Arc<Mutex<LossLog>>,
    sequence: AtomicU64,
    pub window: Option<(Timestamp, Timestamp)>,
}

impl Shared {
    pub(crate) fn new(config: Config, inner: Inner, loss: LossLog, next_sequence: u64) -> Shared {
        Shared {
            limits: Mutex::new(Limits::of(&config)),
            config,
            inner: Mutex::new(inner),
            loss: Arc::new(Mutex::new(loss)),
            sequence: AtomicU64::new(next_sequence),
            window: None,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn limits(&self) -> Limits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// What would go of the segments by some limits.
    pub(crate) fn going(&self, limits: &Limits, oldest: Timestamp) -> Going {
        let segments = Arc::clone(&self.lock().segments);
        let doomed = limits.doomed(&segments, oldest);
        let mut going = Going::default();
        for (segment, _) in segments.iter().zip(doomed).filter(|(_, goes)| *goes) {
            going.entries = going.entries.saturating_add(segment.bounds.rows);
            going.bytes = going.bytes.saturating_add(segment.bytes);
        }
        going
    }

    /// Drops the segments that end before a time, and the oldest ones that are too much.
    pub(crate) fn keep_within(&self, oldest: Timestamp) {
        let limits = self.limits();
        // Their files go with them, which takes its time: not while the lock is held, for which entries wait.
        let mut gone = Vec::new();
        {
            let mut inner = self.lock();
            let doomed = limits.doomed(&inner.segments, oldest);
            if doomed.contains(&true) {
                let mut doomed = doomed.into_iter();
                Arc::make_mut(&mut inner.segments).retain(|segment| {
                    let goes = doomed.next() == Some(true);
                    if goes {
                        segment.doom();
                        gone.push(Arc::clone(segment));
                    }
                    !goes
                });
            }
        }
        drop(gone);
        self.loss_log().forget_before(oldest);
    }

    pub(crate) fn loss_log(&self) -> MutexGuard<'_, LossLog> {
        self.loss.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn view(&self) -> View {
        let inner = self.lock();
        View {
            segments: Arc::clone(&inner.segments),
            tail: inner.parts.iter().map(|part| (part.protocol, Arc::clone(&part.batches))).collect(),
            loss: Arc::clone(&self.loss),
            window: self.window,
        }
    }

    /// Counts what the store itself lost, now.
    pub(crate) fn lose(&self, inner: &mut Inner, cause: Cause, count: u64) {
        inner.loss.add(cause, count);
        let mut loss = Loss::default();
        loss.add(cause, count);
        self.loss_log().add(now(), &loss);
    }

    /// Adds a batch to the tables in memory, and has it written.
    pub(crate) fn append(&self, protocol: ProtocolIndex, batch: RecordBatch) {
        let Some(bounds) = Bounds::of(&batch).filter(|bounds| bounds.rows > 0) else { return };
        let bytes = footprint(&batch, &mut HashSet::new());
        let mut inner = self.lock();
        let lost = match &inner.problem {
            Some(problem) => Some(problem.cause),
            None if inner.tail_bytes().saturating_add(bytes) > self.config.tail_bytes => Some(Cause::StoreBehind),
            None => None,
        };
        if let Some(cause) = lost {
            return self.lose(&mut inner, cause, bounds.rows);
        }
        inner.rows = inner.rows.saturating_add(bounds.rows);
        let part = match inner.parts.iter_mut().rev().find(|part| part.protocol == protocol && !part.is_closed) {
            Some(part) => part,
            None => {
                inner.parts.push_back(Part::new(protocol));
                let Some(part) = inner.parts.back_mut() else { return };
                part
            }
        };
        Arc::make_mut(&mut part.batches).push(batch.clone());
        part.bounds.merge(&bounds);
        part.bytes = part.bytes.saturating_add(bytes);
        let is_large = part.bytes >= self.config.segment_bytes || part.bounds.rows >= self.config.segment_rows as u64;
        part.is_closed = is_large;
        inner.send(Job::Append(protocol, batch));
        if is_large {
            inner.send(Job::Close(protocol));
        }
        self.make_room(&mut inner);
    }

    /// Closes the largest part when the tail has become long.
    fn make_room(&self, inner: &mut Inner) {
        let open_bytes: usize = inner.parts.iter().filter(|part| !part.is_closed).map(|part| part.bytes).sum();
        if open_bytes <= self.config.tail_bytes / 2 {
            return;
        }
        if let Some(part) = inner.parts.iter_mut().filter(|part| !part.is_closed).max_by_key(|part| part.bytes) {
            part.is_closed = true;
            let protocol = part.protocol;
            inner.send(Job::Close(protocol));
        }
    }

    /// Closes parts whose first row has waited long enough.
    pub(crate) fn close_old(&self) {
        let mut inner = self.lock();
        let mut closed = Vec::new();
        for part in inner.parts.iter_mut().filter(|part| !part.is_closed && !part.batches.is_empty()) {
            if part.opened.elapsed() >= self.config.segment_age {
                part.is_closed = true;
                closed.push(part.protocol);
            }
        }
        closed.into_iter().for_each(|protocol| inner.send(Job::Close(protocol)));
    }

    /// Closes all parts.
    pub(crate) fn close_all(&self) {
        let mut inner = self.lock();
        let open = inner.parts.iter_mut().filter(|part| !part.is_closed);
        let closed: Vec<ProtocolIndex> = open
            .map(|part| {
                part.is_closed = true;
                part.protocol
            })
            .collect();
        closed.into_iter().for_each(|protocol| inner.send(Job::Close(protocol)));
    }

    /// Nothing is stored any more, until it is over.
    pub(crate) fn stop(&self, inner: &mut Inner, error: &io::Error, what: &str) {
        let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let cause = if is_full { Cause::StoreFull } else { Cause::StoreFailed };
        let words = format!("nothing is stored: {what}: {error}");
        if inner.problem.as_ref().is_none_or(|known| known.words != words) {
            inner.note(words.clone());
        }
        inner.problem = Some(Problem::new(cause, words));
    }
}

impl Inner {
    pub(crate) fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // A thread that has ended writes nothing more.
            let _ = jobs.send(job);
        }
    }

    pub(crate) fn tail_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// The oldest batch of the protocol that was not on the disk is there now: small ones before it are joined.
    pub(crate) fn is_on_disk(&mut self, protocol: ProtocolIndex) {
        let is_it = |part: &&mut Part| part.protocol == protocol && part.written < part.batches.len();
        let Some(part) = self.parts.iter_mut().find(is_it) else { return };
        part.written += 1;
        let before = part.batches.len();
        let batches = Arc::make_mut(&mut part.batches);
        if let Err(error) = join_last(batches, &mut part.written) {
            self.note(format!("batches of the tail could not be joined: {error}"));
        } else if part.batches.len() < before {
            part.bytes = bytes_of(&part.batches);
        }
    }

    /// Takes a batch out again that could not be written.
    pub(crate) fn take_back(&mut self, protocol: ProtocolIndex, batch: &RecordBatch) {
        for part in self.parts.iter_mut().filter(|part| part.protocol == protocol) {
            let is_it = |known: &RecordBatch| {
                let same = |a: Option<&Arc<dyn Array>>, b: Option<&Arc<dyn Array>>| match (a, b) {
                    (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                    _ => false,
                };
                same(known.columns().first(), batch.columns().first())
            };
            let Some(position) = part.batches.iter().position(is_it) else { continue };
            Arc::make_mut(&mut part.batches).remove(position);
            let bounds = part.batches.iter().filter_map(Bounds::of);
            part.bounds = bounds.fold(Bounds::EMPTY, |mut all, bounds| {
                all.merge(&bounds);
                all
            });
            part.bytes = part.bytes.saturating_sub(footprint(batch, &mut HashSet::new()));
            self.rows = self.rows.saturating_sub(batch.num_rows() as u64);
            return;
        }
    }

    /// Keeps something to say.
    pub(crate) fn note(&mut self, words: String) {
        if self.notes.len() >= MAX_NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(words);
    }
}

/// The time of the clock.
pub(crate) fn now() -> Timestamp {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp::from_ns(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
        Err(_) => Timestamp::from_ns(0),
    }
}

/// How long nothing is stored after something failed, before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// The most notes that are kept.
const MAX_NOTES: usize = 64;
