//! The store: one data directory, its threads, and what others ask of it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use lanternfish_columns::Tables;
use lanternfish_model::{Cause, Loss, ProtocolIndex, Timestamp};

use crate::aside;
use crate::clock::Clock;
use crate::dir::Dir;
use crate::loss::LossLog;
use crate::numbers::Numbers;
use crate::recover::{Reading, recover};
use crate::ring::{Ring, RingFiles, RingWriter};
use crate::sealer::Sealer;
use crate::snapshot::Snapshots;
use crate::state::{Job, Problem, Shared, now};
use crate::writer::Writer;
use crate::{Config, Going, Limits, Status, StoreError, View};

/// A data directory that is open.
///
/// Batches that were appended are on the disk a few milliseconds later, where they outlive the process: who appends at least
/// every [`Store::APPEND_EVERY`] loses no more than a quarter of a second of entries by a crash. A loss of power may cost
/// what the operating system has not written yet.
#[derive(Debug)]
pub struct Store {
    dir: Dir,
    shared: Arc<Shared>,
    tables: Arc<Tables>,
    ring: Ring,
    ring_writer: Mutex<Option<RingWriter>>,
    numbers: Arc<Numbers>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    is_read_only: bool,
    /// Held for as long as the store is open.
    _lock: Option<File>,
}

impl Store {
    /// How often batches should be appended at least.
    pub const APPEND_EVERY: Duration = Duration::from_millis(200);

    /// Opens a data directory to write to it, and makes it where there is none.
    ///
    /// A directory that cannot be written is opened to read what it has: nothing is stored then, and the status says why.
    pub fn open(dir: &Path, config: Config, tables: Arc<Tables>) -> Result<Store, StoreError> {
        let dir = Dir::new(dir);
        // A newer version's directory must not even get a lock from us.
        dir.check_format(false)?;
        let made = dir.make(tables.protocols().map(|(_, name)| name)).map_err(StoreError::io("make", dir.path()));
        let locked = made.and_then(|()| dir.lock());
        let lock = match locked.and_then(|lock| dir.check_format(true).map(|()| lock)) {
            Ok(lock) => lock,
            Err(StoreError::Io { what, path, error }) if is_denied(&error) => {
                let words = format!("nothing is stored: cannot {what} {}: {error}", path.display());
                if !dir.path().is_dir() {
                    return Err(StoreError::Io { what, path, error });
                }
                return Store::start(dir, config, tables, None, Some(words));
            }
            Err(error) => return Err(error),
        };
        Store::start(dir, config, tables, Some(lock), None)
    }

    /// Whether a process writes to a data directory, this one or another.
    pub fn is_written(dir: &Path) -> bool {
        Dir::new(dir).is_locked()
    }

    /// Opens a data directory or a snapshot to read it, beside the process that writes to it if there is one.
    pub fn read(dir: &Path, tables: Arc<Tables>) -> Result<Store, StoreError> {
        let dir = Dir::new(dir);
        if !dir.path().is_dir() {
            return Err(StoreError::Missing(dir.path().to_owned()));
        }
        dir.check_format(false)?;
        Store::start(dir, Config::default(), tables, None, Some("opened to be read".to_owned()))
    }

    fn start(
        dir: Dir,
        config: Config,
        tables: Arc<Tables>,
        lock: Option<File>,
        read_only: Option<String>,
    ) -> Result<Store, StoreError> {
        let may_write = lock.is_some();
        if may_write {
            crate::snapshot::clean(&dir);
        }
        let reading = match may_write {
            true => Reading::Own,
            false if dir.is_locked() => Reading::Beside,
            false => Reading::Still,
        };
        let mut found = recover(&dir, &tables, reading)?;
        let mut problem = |path: &Path, error: &io::Error| {
            found.inner.note(format!("{} cannot be read ({error}) and is left out", path.display()));
            if may_write && error.kind() == io::ErrorKind::InvalidData {
                // One that stays is found again when the store is opened next.
                let _ = aside::take(&dir, path);
            }
        };
        let loss = LossLog::open(&dir.loss(), &mut problem);
        let ring = Arc::new(RingFiles::open(&dir.ring(), may_write, config.ring_bytes, &mut problem));
        let numbers = Arc::new(Numbers::open(&dir, found.last_number.max(ring.last_number())));
        let window = crate::snapshot::window_of(dir.path());
        if let Some(words) = &read_only {
            found.inner.problem = Some(Problem::new(Cause::StoreFailed, words.clone()));
        }
        let mut shared = Shared::new(config, found.inner, loss, found.next_sequence);
        shared.window = window;
        let store = Store {
            dir,
            shared: Arc::new(shared),
            tables,
            ring: Ring(ring),
            ring_writer: Mutex::new(None),
            numbers,
            threads: Mutex::new(Vec::new()),
            is_read_only: read_only.is_some(),
            _lock: lock,
        };
        {
            let mut inner = store.shared.lock();
            let lost: Vec<(Cause, u64)> = found.loss.iter().collect();
            lost.into_iter().for_each(|(cause, count)| store.shared.lose(&mut inner, cause, count));
        }
        if may_write {
            store.start_threads().map_err(StoreError::io("start a thread for", store.dir.path()))?;
        }
        Ok(store)
    }

    fn start_threads(&self) -> io::Result<()> {
        let names: Vec<&'static str> = self.tables.protocols().map(|(_, name)| name).collect();
        let (wake, wakes) = sync_channel(1);
        let sealer = Sealer { shared: Arc::clone(&self.shared), dir: self.dir.clone(), names: names.clone() };
        let (jobs, to_do) = channel();
        let writer = Writer {
            shared: Arc::clone(&self.shared),
            dir: self.dir.clone(),
            names,
            ring: Arc::clone(&self.ring.0),
            numbers: Arc::clone(&self.numbers),
            sealer: wake,
            clock: Clock::new(now(), Instant::now()),
        };
        let threads = [
            std::thread::Builder::new().name("seal".to_owned()).spawn(move || sealer.run(&wakes))?,
            std::thread::Builder::new().name("store".to_owned()).spawn(move || writer.run(&to_do))?,
        ];
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).extend(threads);
        self.shared.lock().jobs = Some(jobs);
        // The number of this run is not clean until it ends.
        let _ = self.numbers.save(&self.dir, false);
        let most = self.shared.config.ring_bytes;
        if most > 0 {
            let writer = RingWriter::start(Arc::clone(&self.ring.0))?;
            *self.ring_writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
        }
        Ok(())
    }

    /// The tables that it stores.
    pub fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Stores batches; what cannot be stored is counted in the ledger of losses.
    pub fn append(&self, batches: Vec<(ProtocolIndex, RecordBatch)>) {
        for (protocol, batch) in batches {
            self.shared.append(protocol, batch);
        }
    }

    /// Adds to the losses of a time.
    pub fn append_loss(&self, time: Timestamp, loss: &Loss) {
        self.shared.loss_log().add(time, loss);
    }

    /// What was lost between two times, both included, as far as windows of ten seconds tell.
    pub fn loss(&self, from: Timestamp, to: Timestamp) -> Loss {
        self.shared.loss_log().sum(from, to)
    }

    /// What the store itself lost since it was opened; it is in the windows already.
    pub fn own_loss(&self) -> Loss {
        self.shared.lock().loss.clone()
    }

    /// What is stored at this moment.
    pub fn view(&self) -> View {
        self.shared.view()
    }

    /// The number that the first packet of this run gets, so that no id of an entry comes twice.
    pub fn next_packet_number(&self) -> u64 {
        self.numbers.first()
    }

    /// Tells how far the numbers of packets have come; to be called about once a second.
    pub fn note_packet_number(&self, number: u64) {
        self.numbers.note(number);
    }

    /// The packets of the ring.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The writer of the ring, for the thread that captures; none where the ring is off, or it was taken before.
    pub fn take_ring_writer(&self) -> Option<RingWriter> {
        self.ring_writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until all that was appended before is on the disk; gives whether it is.
    pub fn flush(&self, longest: Duration) -> bool {
        let (done, is_done) = sync_channel(1);
        self.shared.lock().send(Job::Flush(done));
        is_done.recv_timeout(longest).is_ok()
    }

    /// Seals what is not sealed yet, and waits for it; gives whether all of it is.
    pub fn seal(&self, longest: Duration) -> bool {
        let until = Instant::now() + longest;
        self.shared.close_all();
        while Instant::now() < until {
            if self.shared.lock().parts.is_empty() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// The snapshots of this directory.
    pub fn snapshots(&self) -> Snapshots<'_> {
        Snapshots::new(self)
    }

    /// How much it keeps.
    pub fn limits(&self) -> Limits {
        self.shared.limits()
    }

    /// What would go at once if it kept no more than this; a segment and a file of the ring go as a whole.
    pub fn going(&self, limits: &Limits) -> Going {
        Going {
            packet_bytes: self.ring.0.going(limits.ring_bytes),
            ..self.shared.going(limits, self.oldest_within(limits))
        }
    }

    /// Keeps as much as this from now on; what is too much or too old goes at once. Who calls it answers for the clock.
    pub fn set_limits(&self, limits: Limits) {
        let oldest = self.oldest_within(&limits);
        self.shared.set_limits(limits);
        if self.is_read_only {
            return;
        }
        self.shared.keep_within(oldest);
        self.ring.0.resize(limits.ring_bytes);
    }

    /// What is older goes at once with these limits: age counts where they make it shorter, else in its own time.
    fn oldest_within(&self, limits: &Limits) -> Timestamp {
        let is_shorter = limits.retention_age < self.limits().retention_age;
        if is_shorter { limits.oldest(now()) } else { Timestamp::MIN }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let view = self.view();
        let inner = self.shared.lock();
        let bounds =
            view.segments.iter().map(|segment| &segment.bounds).chain(inner.parts.iter().map(|part| &part.bounds));
        let bounds = bounds.filter(|bounds| bounds.rows > 0);
        let (from, to) = bounds.fold((None, None), |(from, to): (Option<Timestamp>, Option<Timestamp>), bounds| {
            let from = from.map_or(bounds.from, |from| from.min(bounds.from));
            (Some(from), Some(to.map_or(bounds.to, |to| to.max(bounds.to))))
        });
        Status {
            problem: inner.problem.as_ref().map(|problem| problem.words.clone()),
            notes: inner.notes.iter().cloned().collect(),
            rows: view.rows(),
            tail_rows: inner.parts.iter().map(|part| part.bounds.rows).sum(),
            tail_bytes: inner.tail_bytes(),
            segments: view.segments.len(),
            segment_bytes: view.segments.iter().map(|segment| segment.bytes).sum(),
            ring_bytes: self.ring.bytes(),
            ring_lost: self.ring.lost(),
            from,
            to,
        }
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Whether nothing is written.
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.take_ring_writer());
        let jobs = self.shared.lock().jobs.take();
        if let Some(jobs) = jobs {
            let _ = jobs.send(Job::Stop);
        }
        // The writer's thread holds the way to the one that seals, which ends after it.
        let mut threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(thread) = threads.pop() {
            let _ = thread.join();
        }
        if !self.is_read_only {
            let _ = self.shared.loss_log().flush();
            let _ = self.numbers.save(&self.dir, true);
        }
    }
}

fn is_denied(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::StorageFull
    )
}
