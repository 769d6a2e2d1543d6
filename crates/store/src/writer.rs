//! The thread that writes the tail, and looks after space and age.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use lanternfish_model::{Cause, ProtocolIndex, Timestamp};

use crate::clock::Clock;
use crate::dir::Dir;
use crate::numbers::Numbers;
use crate::ring::RingFiles;
use crate::state::{Job, Problem, Shared, now};
use crate::tail_file::TailWriter;

/// What the thread has.
pub(crate) struct Writer {
    pub shared: Arc<Shared>,
    pub dir: Dir,
    /// By the indexes of protocols.
    pub names: Vec<&'static str>,
    pub ring: Arc<RingFiles>,
    pub numbers: Arc<Numbers>,
    /// Wakes the thread that seals.
    pub sealer: SyncSender<()>,
    pub clock: Clock,
}

impl Writer {
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        let mut files: HashMap<ProtocolIndex, TailWriter> = HashMap::new();
        let (mut looked, mut flushed) = (Instant::now(), Instant::now());
        loop {
            match jobs.recv_timeout(TICK) {
                Ok(Job::Append(protocol, batch)) => self.append(&mut files, protocol, &batch),
                Ok(Job::Close(protocol)) => self.close(&mut files, protocol),
                Ok(Job::Flush(done)) => {
                    self.flush();
                    let _ = done.try_send(());
                }
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if flushed.elapsed() >= TICK {
                flushed = Instant::now();
                self.flush();
            }
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                self.look();
            }
        }
        self.look();
        self.flush();
    }

    fn append(&self, files: &mut HashMap<ProtocolIndex, TailWriter>, protocol: ProtocolIndex, batch: &RecordBatch) {
        let written = match files.get_mut(&protocol) {
            Some(file) => file.append(batch),
            None => self.create(protocol).and_then(|mut file| {
                let written = file.append(batch);
                files.insert(protocol, file);
                written
            }),
        };
        let mut inner = self.shared.lock();
        let Err(error) = written else { return inner.is_on_disk(protocol) };
        inner.take_back(protocol, batch);
        self.shared.stop(&mut inner, &error, "writing the tail failed");
        let cause = inner.problem.as_ref().map_or(Cause::StoreFailed, |problem| problem.cause);
        self.shared.lose(&mut inner, cause, batch.num_rows() as u64);
    }

    fn create(&self, protocol: ProtocolIndex) -> std::io::Result<TailWriter> {
        let sequence = self.shared.next_sequence();
        let path = tail_path(&self.dir, self.name(protocol), sequence);
        let file = TailWriter::create(&path)?;
        let mut inner = self.shared.lock();
        if let Some(part) = inner.parts.iter_mut().find(|part| part.protocol == protocol && !part.is_written) {
            part.sequence = sequence;
            part.files.push(path);
        }
        Ok(file)
    }

    fn close(&self, files: &mut HashMap<ProtocolIndex, TailWriter>, protocol: ProtocolIndex) {
        files.remove(&protocol);
        let mut inner = self.shared.lock();
        let found = inner.parts.iter().position(|part| part.protocol == protocol && !part.is_written);
        let Some(position) = found else { return };
        if let Some(part) = inner.parts.get_mut(position) {
            part.is_written = true;
            if part.batches.is_empty() {
                part.files.iter().for_each(|path| drop(fs::remove_file(path)));
                inner.parts.remove(position);
            }
        }
        let _ = self.sealer.try_send(());
    }

    fn flush(&self) {
        let flushed = self.shared.loss_log().flush();
        if let Err(error) = flushed {
            // The counts stay in memory, and are tried again.
            let mut inner = self.shared.lock();
            if inner.problem.is_none() {
                self.shared.stop(&mut inner, &error, "writing the ledger of losses failed");
            }
        }
    }

    /// Looks after space, age and what could not be done before.
    fn look(&mut self) {
        self.shared.close_old();
        let now = now();
        if let Some(jump) = self.clock.look(now, Instant::now()) {
            let (way, seconds) = (if jump < 0 { "back" } else { "forward" }, jump.unsigned_abs() / 1_000_000_000);
            self.shared.lock().note(format!("the clock was set {way} by {seconds} s"));
        }
        self.watch_space();
        let lost = self.ring.take_lost();
        if lost > 0 {
            let mut inner = self.shared.lock();
            self.shared.lose(&mut inner, Cause::RingBehind, lost);
        }
        self.keep_within(now);
        let _ = self.numbers.save(&self.dir, false);
        let has_work = self.shared.lock().parts.iter().any(|part| part.is_written);
        if has_work {
            let _ = self.sealer.try_send(());
        }
    }

    /// Stops storing before the disk is full, and goes on when there is room again.
    fn watch_space(&self) {
        let Some(free) = crate::space::free_bytes(self.dir.path()) else { return };
        let least = self.shared.config.min_free_bytes;
        self.ring.is_full.store(free < least, std::sync::atomic::Ordering::Relaxed);
        let mut inner = self.shared.lock();
        let is_low = free < least;
        match &inner.problem {
            None if is_low => {
                let words = format!(
                    "nothing is stored: the disk of {} has {} MiB left, and storing stops below {} MiB",
                    self.dir.path().display(),
                    free >> 20,
                    least >> 20
                );
                inner.note(words.clone());
                inner.problem = Some(Problem::new(Cause::StoreFull, words));
            }
            Some(problem) if free >= least.saturating_add(least / 8) && problem.may_be_over() => {
                inner.problem = None;
                inner.note("storing goes on".to_owned());
            }
            _ => {}
        }
    }

    /// Drops the oldest segments that are too old or too much.
    fn keep_within(&self, now: Timestamp) {
        // A clock that was just set may be wrong, and what is deleted is gone.
        let oldest = if self.clock.is_steady() { self.shared.limits().oldest(now) } else { Timestamp::MIN };
        self.shared.keep_within(oldest);
    }

    fn name(&self, protocol: ProtocolIndex) -> &'static str {
        self.names.get(usize::from(protocol.0)).copied().unwrap_or("unknown")
    }
}

/// The file of a part.
pub(crate) fn tail_path(dir: &Dir, protocol: &str, sequence: u64) -> PathBuf {
    dir.tail().join(format!("{protocol}-{sequence:08x}{TAIL_EXTENSION}"))
}

/// Reads the name of a file of the tail.
pub(crate) fn tail_name(path: &std::path::Path) -> Option<(&str, u64)> {
    let stem = path.file_name()?.to_str()?.strip_suffix(TAIL_EXTENSION)?;
    let (protocol, sequence) = stem.rsplit_once('-')?;
    Some((protocol, u64::from_str_radix(sequence, 16).ok()?))
}

/// The extension of files of the tail.
pub(crate) const TAIL_EXTENSION: &str = ".arrows";
const TICK: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use lanternfish_model::ProtocolIndex;

    use super::*;
    use crate::loss::LossLog;
    use crate::state::Inner;
    use crate::{Bounds, Config, Segment};

    /// A writer of a store with ten segments of 100 bytes and an hour each; the first begins at the hour 0.
    fn writer(path: &std::path::Path, config: Config) -> Writer {
        let dir = Dir::new(path);
        dir.make(["one"].into_iter()).unwrap();
        let hour = |number: u64| Timestamp::from_parts(number.cast_signed() * 3600, 0);
        let segment = |sequence: u64| {
            let path = dir.segments().join(format!("{sequence}.parquet"));
            fs::write(&path, [0; 100]).unwrap();
            let bounds = Bounds { from: hour(sequence), to: hour(sequence + 1), min_id: 0, max_id: 0, rows: 5 };
            Arc::new(Segment::new(ProtocolIndex(0), path, bounds, 100, sequence))
        };
        let inner = Inner { segments: Arc::new((0..10).map(segment).collect()), ..Inner::default() };
        let log = LossLog::open(&dir.loss(), |_, _| {});
        let (sealer, _) = std::sync::mpsc::sync_channel(1);
        Writer {
            shared: Arc::new(Shared::new(config, inner, log, 1)),
            ring: Arc::new(RingFiles::open(&dir.ring(), true, 0, |_, _| {})),
            numbers: Arc::new(Numbers::open(&dir, 0)),
            names: vec!["one"],
            dir,
            sealer,
            clock: Clock::new(hour(0), Instant::now()),
        }
    }

    fn left(writer: &Writer) -> Vec<u64> {
        let left: Vec<u64> = writer.shared.lock().segments.iter().map(|segment| segment.sequence).collect();
        assert_eq!(dir_len(&writer.dir), left.len());
        left
    }

    fn dir_len(dir: &Dir) -> usize {
        crate::dir::files(&dir.segments()).unwrap().len()
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(dir.path(), Config { retention_bytes: 450, ..Config::default() });
        let held = writer.shared.view();
        writer.keep_within(Timestamp::from_ns(0));
        assert_eq!(writer.shared.lock().segments.len(), 4);
        assert_eq!(dir_len(&writer.dir), 10, "what somebody reads stays");
        drop(held);
        assert_eq!(left(&writer), [6, 7, 8, 9]);
    }

    #[test]
    fn age_counts_only_while_the_clock_goes_well() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { retention_age: Duration::from_secs(7200), ..Config::default() };
        let mut writer = writer(dir.path(), config);
        let (start, begun) = (Timestamp::from_parts(7 * 3600, 0), Instant::now());
        writer.clock = Clock::new(start, begun);
        writer.keep_within(start);
        assert_eq!(left(&writer).len(), 10, "the clock is not known yet");
        let later =
            |seconds: u64| (start + seconds.cast_signed() * 1_000_000_000, begun + Duration::from_secs(seconds));
        for seconds in [300, 601] {
            let (wall, ticks) = later(seconds);
            assert_eq!(writer.clock.look(wall, ticks), None);
            writer.keep_within(wall);
        }
        assert_eq!(left(&writer), [5, 6, 7, 8, 9]);
        // The clock is set to the next century.
        let (wall, ticks) = later(602);
        let wrong = wall + 3_000_000_000 * 1_000_000_000;
        assert!(writer.clock.look(wrong, ticks).is_some());
        writer.keep_within(wrong);
        assert_eq!(left(&writer), [5, 6, 7, 8, 9]);
        let (wall, ticks) = later(603);
        assert!(writer.clock.look(wall, ticks).is_some());
        writer.keep_within(wall);
        assert_eq!(left(&writer), [5, 6, 7, 8, 9]);
    }
}
