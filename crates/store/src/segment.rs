//! Sealed segments: a Parquet file each, with what it spans in its name, so that opening a store reads no file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use lanternfish_model::{ProtocolIndex, Timestamp};

use crate::Bounds;

/// A sealed segment. Its file stays as long as somebody holds it.
#[derive(Debug)]
pub struct Segment {
    /// The protocol of its rows.
    pub protocol: ProtocolIndex,
    /// The file.
    pub path: PathBuf,
    /// What it spans.
    pub bounds: Bounds,
    /// The length of the file.
    pub bytes: u64,
    /// Segments are numbered in the order in which they were begun.
    pub sequence: u64,
    /// Whether the file goes when nobody holds the segment any more.
    is_doomed: AtomicBool,
}

impl Segment {
    pub(crate) fn new(protocol: ProtocolIndex, path: PathBuf, bounds: Bounds, bytes: u64, sequence: u64) -> Segment {
        Segment { protocol, path, bounds, bytes, sequence, is_doomed: AtomicBool::new(false) }
    }

    /// Reads the name of a file; none where it is no segment's.
    pub(crate) fn of_file(protocol: ProtocolIndex, path: &Path, bytes: u64) -> Option<Segment> {
        let stem = path.file_name()?.to_str()?.strip_suffix(EXTENSION)?;
        let mut parts = stem.split('-').map(|part| u64::from_str_radix(part, 16).ok());
        let mut part = || parts.next().flatten();
        let time = |ns: u64| Timestamp::from_ns((ns ^ SIGN).cast_signed());
        let (from, to, sequence) = (time(part()?), time(part()?), part()?);
        let (min_id, max_id, rows) = (part()?, part()?, part()?);
        let bounds = Bounds { from, to, min_id, max_id, rows };
        parts.next().is_none().then(|| Segment::new(protocol, path.to_owned(), bounds, bytes, sequence))
    }

    /// The file goes as soon as nobody holds the segment.
    pub(crate) fn doom(&self) {
        self.is_doomed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.is_doomed.load(Ordering::Relaxed) {
            // One that cannot be removed is found again when the store is opened next.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The name of a segment's file; names sort by time.
pub(crate) fn file_name(bounds: &Bounds, sequence: u64) -> String {
    let time = |time: Timestamp| time.ns().cast_unsigned() ^ SIGN;
    let Bounds { from, to, min_id, max_id, rows } = *bounds;
    format!("{:016x}-{:016x}-{sequence:08x}-{min_id:x}-{max_id:x}-{rows:x}{EXTENSION}", time(from), time(to))
}

/// The extension of segments.
pub(crate) const EXTENSION: &str = ".parquet";
/// Turned over, times before 1970 sort before later ones.
const SIGN: u64 = 1 << 63;
