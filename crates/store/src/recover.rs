//! What is found in a data directory when it is opened.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use lanternfish_columns::Tables;
use lanternfish_model::{Cause, Loss, ProtocolIndex};

use crate::aside;
use crate::dir::{self, Dir};
use crate::memory::footprint;
use crate::state::{Inner, Part};
use crate::tail_file::Recovered;
use crate::writer::tail_name;
use crate::{Bounds, Segment, StoreError, merge, tail_file};

/// What was found.
pub(crate) struct Found {
    pub inner: Inner,
    /// The sequence that files of this run begin with.
    pub next_sequence: u64,
    /// The largest number of a packet that an entry's id is made of.
    pub last_number: u64,
    /// What could not be read.
    pub loss: Loss,
}

/// How a data directory is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is ours: what a crash left behind is cleaned up.
    Own,
    /// Nobody writes to it, and nothing in it is changed.
    Still,
    /// Another process writes to it meanwhile: a torn end is a batch under way.
    Beside,
}

/// Reads what is there.
pub(crate) fn recover(dir: &Dir, tables: &Tables, reading: Reading) -> Result<Found, StoreError> {
    let may_write = reading == Reading::Own;
    let mut found = Found { inner: Inner::default(), next_sequence: 1, last_number: 0, loss: Loss::default() };
    // The tail comes first: what another process seals meanwhile is then found among the segments, and left out here.
    let tails = tails(dir, tables, &mut found)?;
    note_strangers(dir, tables, &mut found);
    let mut segments = Vec::new();
    for (protocol, name) in tables.protocols() {
        let path = dir.segments().join(name);
        for path in dir::files(&path).map_err(StoreError::io("read", &path))? {
            if let Some(segment) = segment(dir, protocol, &path, may_write, &mut found) {
                segments.push(Arc::new(segment));
            }
        }
    }
    segments.sort_by_key(|segment| segment.sequence);
    for tail in tails {
        // Parts of a protocol are sealed in their order.
        let covers = |segment: &Arc<Segment>| segment.protocol == tail.protocol && segment.sequence >= tail.sequence;
        if !segments.iter().any(covers) {
            take(dir, tail, reading, &mut found);
        } else if may_write {
            let _ = fs::remove_file(&tail.path);
        }
    }
    let bounds =
        segments.iter().map(|segment| &segment.bounds).chain(found.inner.parts.iter().map(|part| &part.bounds));
    found.last_number = bounds.map(|bounds| bounds.max_id >> 16).max().unwrap_or(0);
    let sealed = segments.iter().map(|segment| segment.sequence.saturating_add(1)).max().unwrap_or(0);
    found.next_sequence = found.next_sequence.max(sealed);
    found.inner.segments = Arc::new(segments);
    Ok(found)
}

fn segment(dir: &Dir, protocol: ProtocolIndex, path: &Path, may_write: bool, found: &mut Found) -> Option<Segment> {
    if dir::is_temporary(path) {
        if may_write {
            let _ = fs::remove_file(path);
        }
        return None;
    }
    let checked = File::open(path).and_then(|file| is_whole(&file));
    let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
    let segment = Segment::of_file(protocol, path, bytes)?;
    match checked {
        Ok(true) => Some(segment),
        Ok(false) => {
            set_aside(dir, path, may_write, "its end is missing", found);
            found.loss.add(Cause::SegmentUnreadable, segment.bounds.rows);
            None
        }
        Err(error) => {
            found.inner.note(format!("cannot read {}: {error}", path.display()));
            found.loss.add(Cause::SegmentUnreadable, segment.bounds.rows);
            None
        }
    }
}

/// Whether a Parquet file has its beginning and its end.
fn is_whole(file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let Some(end) = length.checked_sub(4).filter(|end| *end >= 8) else { return Ok(false) };
    let (mut head, mut tail) = ([0; 4], [0; 4]);
    file.read_exact_at(&mut head, 0)?;
    file.read_exact_at(&mut tail, end)?;
    Ok(head == *PARQUET_MAGIC && tail == *PARQUET_MAGIC)
}

/// A file of the tail.
struct Tail {
    protocol: ProtocolIndex,
    sequence: u64,
    path: PathBuf,
    content: Recovered,
}

/// Reads the files of the tail, in the order in which they were begun.
fn tails(dir: &Dir, tables: &Tables, found: &mut Found) -> Result<Vec<Tail>, StoreError> {
    let path = dir.tail();
    let mut files = dir::files(&path).map_err(StoreError::io("read", &path))?;
    files.sort_by_key(|path| tail_name(path).map(|(_, sequence)| sequence));
    let mut tails = Vec::with_capacity(files.len());
    for path in files {
        let Some((name, sequence)) = tail_name(&path) else { continue };
        found.next_sequence = found.next_sequence.max(sequence.saturating_add(1));
        let Some((protocol, _)) = tables.protocols().find(|(_, known)| *known == name) else {
            found.inner.note(format!("{} is of a protocol that is not known, and is left alone", path.display()));
            continue;
        };
        match tail_file::read(&path, &tables.schema(protocol)) {
            Ok(content) => tails.push(Tail { protocol, sequence, path, content }),
            // It was sealed a moment ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => found.inner.note(format!("cannot read {}: {error}", path.display())),
        }
    }
    Ok(tails)
}

/// Says that there are segments of protocols that this version does not know: they are neither read nor removed.
fn note_strangers(dir: &Dir, tables: &Tables, found: &mut Found) {
    for entry in fs::read_dir(dir.segments()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !tables.protocols().any(|(_, known)| known == name) {
            found
                .inner
                .note(format!("{} is of a protocol that is not known, and is left alone", entry.path().display()));
        }
    }
}

/// Takes a file of the tail into the part of its protocol.
fn take(dir: &Dir, tail: Tail, reading: Reading, found: &mut Found) {
    let may_write = reading == Reading::Own;
    let Tail { protocol, sequence, path, content: recovered } = tail;
    let path = path.as_path();
    if recovered.torn_bytes > 0 && reading != Reading::Beside {
        found.inner.note(format!("{} bytes at the end of {} were torn", recovered.torn_bytes, path.display()));
        found.loss.add(Cause::TailTorn, recovered.torn_bytes);
        if may_write {
            aside::keep_end(dir, path, recovered.whole_bytes);
            if let Err(error) = tail_file::cut(path, recovered.whole_bytes) {
                found.inner.note(format!("cannot cut {}: {error}", path.display()));
            }
        }
    }
    if let Some(failure) = &recovered.failure {
        found.loss.add(Cause::TailTorn, recovered.whole_bytes);
        set_aside(dir, path, may_write, failure, found);
    }
    if recovered.batches.is_empty() {
        if may_write && recovered.failure.is_none() {
            let _ = fs::remove_file(path);
        }
        return;
    }
    let position = match found.inner.parts.iter().position(|part| part.protocol == protocol) {
        Some(position) => position,
        None => {
            found.inner.parts.push_back(Part::new(protocol));
            found.inner.parts.len() - 1
        }
    };
    let Some(part) = found.inner.parts.get_mut(position) else { return };
    part.sequence = sequence;
    if recovered.failure.is_none() {
        part.files.push(path.to_owned());
    }
    part.opened = Instant::now();
    let batches = match merge::join_all(recovered.batches.clone()) {
        Ok(joined) => joined,
        Err(_) => recovered.batches,
    };
    for batch in batches {
        if let Some(bounds) = Bounds::of(&batch) {
            part.bounds.merge(&bounds);
            part.bytes = part.bytes.saturating_add(footprint(&batch, &mut Default::default()));
            Arc::make_mut(&mut part.batches).push(batch);
        }
    }
    part.written = part.batches.len();
    found.inner.rows = found.inner.parts.iter().map(|part| part.bounds.rows).sum();
}

/// Moves a file that cannot be read out of the way.
fn set_aside(dir: &Dir, path: &Path, may_write: bool, why: &str, found: &mut Found) {
    found.inner.note(format!("{} cannot be read ({why}) and is left out", path.display()));
    if may_write && let Err(error) = aside::take(dir, path) {
        found.inner.note(format!("cannot move {} aside: {error}", path.display()));
    }
}

const PARQUET_MAGIC: &[u8; 4] = b"PAR1";
