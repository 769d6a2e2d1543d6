//! What was lost, by windows of ten seconds, so that any later question can be told what its window lacks.
//!
//! A file holds a day, as lines of window, cause and count that add up; a line that is torn or of an unknown cause is
//! passed over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lanternfish_model::{Cause, Loss, Timestamp};

use crate::dir::{self, file_options};

/// The length of a window.
pub(crate) const WINDOW_NS: i64 = 10_000_000_000;

/// The ledger of losses over time.
#[derive(Debug)]
pub(crate) struct LossLog {
    dir: PathBuf,
    /// By window and cause.
    counts: BTreeMap<(i64, Cause), u64>,
    /// What is not written yet.
    pending: BTreeMap<(i64, Cause), u64>,
    file: Option<(i64, File)>,
}

impl LossLog {
    /// Reads what is there; `problem` is told of files that cannot be read.
    pub(crate) fn open(dir: &Path, mut problem: impl FnMut(&Path, &io::Error)) -> LossLog {
        let mut log = LossLog { dir: dir.to_owned(), counts: BTreeMap::new(), pending: BTreeMap::new(), file: None };
        let files = dir::files(dir).unwrap_or_else(|error| {
            problem(dir, &error);
            Vec::new()
        });
        for path in files.iter().filter(|path| day_of(path).is_some()) {
            match fs::read(path) {
                Ok(text) => {
                    let text = String::from_utf8_lossy(&text);
                    text.lines().filter_map(parse).for_each(|(key, count)| log.count(key, count));
                }
                Err(error) => problem(path, &error),
            }
        }
        log
    }

    /// Counts more at a time.
    pub(crate) fn add(&mut self, time: Timestamp, loss: &Loss) {
        let window = window_of(time);
        for (cause, count) in loss.iter() {
            self.count((window, cause), count);
            let pending = self.pending.entry((window, cause)).or_default();
            *pending = pending.saturating_add(count);
        }
    }

    fn count(&mut self, key: (i64, Cause), count: u64) {
        let known = self.counts.entry(key).or_default();
        *known = known.saturating_add(count);
        while self.counts.len() > MAX_COUNTS {
            self.counts.pop_first();
        }
    }

    /// What was lost in the windows between two times, both included.
    pub(crate) fn sum(&self, from: Timestamp, to: Timestamp) -> Loss {
        let mut loss = Loss::default();
        let (from, to) = (window_of(from), window_of(to));
        if from <= to
            && let (Some(&least), Some(&greatest)) = (Cause::ALL.first(), Cause::ALL.last())
        {
            self.counts.range((from, least)..=(to, greatest)).for_each(|((_, cause), count)| loss.add(*cause, *count));
        }
        loss
    }

    /// Writes what is new.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while let Some(&(window, _)) = self.pending.keys().next() {
            let day = window.div_euclid(WINDOWS_A_DAY);
            let mut lines = String::new();
            let end = day.saturating_add(1).saturating_mul(WINDOWS_A_DAY);
            let rest = self.pending.split_off(&(end, Cause::KernelDrop));
            let written = std::mem::replace(&mut self.pending, rest);
            for ((window, cause), count) in &written {
                lines.push_str(&format!("{window}\t{}\t{count}\t\n", cause.name()));
            }
            if let Err(error) = self.file(day).and_then(|file| append(file, lines.as_bytes())) {
                self.file = None;
                self.pending.extend(written);
                return Err(error);
            }
        }
        Ok(())
    }

    fn file(&mut self, day: i64) -> io::Result<&mut File> {
        if self.file.as_ref().is_none_or(|(known, _)| *known != day) {
            let path = self.dir.join(format!("{day}{EXTENSION}"));
            let mut file = file_options().append(true).create(true).open(path)?;
            // The last line may be torn.
            file.write_all(b"\n")?;
            self.file = Some((day, file));
        }
        self.file.as_mut().map(|(_, file)| file).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// Forgets windows before a time, and the files of days that are over by then.
    pub(crate) fn forget_before(&mut self, time: Timestamp) {
        let window = window_of(time);
        self.counts = self.counts.split_off(&(window, Cause::KernelDrop));
        let day = window.div_euclid(WINDOWS_A_DAY);
        for path in dir::files(&self.dir).unwrap_or_default() {
            if day_of(&path).is_some_and(|known| known < day) {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Writes the windows between two times to another directory.
    pub(crate) fn copy_to(&self, dir: &Path, from: Timestamp, to: Timestamp) -> io::Result<()> {
        let mut copy = LossLog { dir: dir.to_owned(), counts: BTreeMap::new(), pending: BTreeMap::new(), file: None };
        let (from, to) = (window_of(from), window_of(to));
        let within = self.counts.iter().filter(|((window, _), _)| (from..=to).contains(window));
        copy.pending.extend(within.map(|(key, count)| (*key, *count)));
        copy.flush()
    }
}

/// Writes all of it or nothing: what stays of a line would be counted again.
fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let length = file.metadata()?.len();
    file.write_all(bytes).inspect_err(|_| {
        let _ = file.set_len(length);
    })
}

fn window_of(time: Timestamp) -> i64 {
    time.ns().div_euclid(WINDOW_NS)
}

fn parse(line: &str) -> Option<((i64, Cause), u64)> {
    let mut parts = line.split('\t');
    let (window, name, count) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?.parse().ok()?);
    // A number that is torn has no tab behind it.
    parts.next()?;
    let cause = Cause::ALL.iter().copied().find(|cause| cause.name() == name)?;
    Some(((window, cause), count))
}

fn day_of(path: &Path) -> Option<i64> {
    path.file_name()?.to_str()?.strip_suffix(EXTENSION)?.parse().ok()
}

const EXTENSION: &str = ".loss";
const WINDOWS_A_DAY: i64 = 24 * 3600 / 10;
/// The most counts that are kept, a window and a cause each; past it the oldest are forgotten.
const MAX_COUNTS: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> LossLog {
        LossLog::open(dir, |path, error| panic!("{}: {error}", path.display()))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    fn one(cause: Cause, count: u64) -> Loss {
        let mut loss = Loss::default();
        loss.add(cause, count);
        loss
    }

    #[test]
    fn windows_add_up_and_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path());
        log.add(at(100), &one(Cause::KernelDrop, 3));
        log.add(at(109), &one(Cause::KernelDrop, 4));
        log.flush().unwrap();
        log.add(at(110), &one(Cause::StreamGap, 5));
        log.add(at(-5), &one(Cause::SnaplenCut, 1));
        log.add(at(200_000), &one(Cause::SnaplenCut, 9));
        log.flush().unwrap();
        let mut line = file_options().append(true).open(dir.path().join("0.loss")).unwrap();
        line.write_all(b"11\tgap\t7").unwrap();
        drop(line);
        log.add(at(110), &one(Cause::StreamGap, 1));
        log.file = None;
        log.flush().unwrap();
        for log in [&log, &open(dir.path())] {
            assert_eq!(log.sum(at(101), at(102)).count(Cause::KernelDrop), 7);
            assert_eq!(log.sum(at(0), at(99)), Loss::default());
            assert_eq!(log.sum(at(105), at(110)).count(Cause::StreamGap), 6);
            let all = log.sum(Timestamp::MIN, Timestamp::MAX);
            assert_eq!((all.count(Cause::SnaplenCut), all.count(Cause::KernelDrop)), (10, 7));
        }
        log.forget_before(at(200_000));
        assert_eq!(log.sum(Timestamp::MIN, Timestamp::MAX).count(Cause::KernelDrop), 0);
        let log = open(dir.path());
        assert_eq!(log.sum(Timestamp::MIN, Timestamp::MAX), one(Cause::SnaplenCut, 9));
    }

    #[test]
    fn causes_have_names_of_their_own() {
        let names: std::collections::HashSet<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
        assert_eq!(names.len(), Cause::ALL.len());
        assert!(names.iter().all(|name| !name.contains(['\t', '\n'])));
    }
}
