//! What is found in a data directory when it is opened.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use lanternfish_columns::Tables;
use lanternfish_model::{Cause, Loss, ProtocolIndex};

use crate::dir::{self, Dir};
use crate::memory::footprint;
use crate::state::{Inner, Part};
use crate::writer::tail_name;
use crate::{Bounds, Segment, StoreError, tail_file};

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

/// Reads what is there. With `may_write`, what a crash left behind is cleaned up.
pub(crate) fn recover(dir: &Dir, tables: &Tables, may_write: bool) -> Result<Found, StoreError> {
    let mut found = Found { inner: Inner::default(), next_sequence: 1, last_number: 0, loss: Loss::default() };
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
    let path = dir.tail();
    let mut files = dir::files(&path).map_err(StoreError::io("read", &path))?;
    files.sort_by_key(|path| tail_name(path).map(|(_, sequence)| sequence));
    for path in files {
        let Some((name, sequence)) = tail_name(&path) else { continue };
        found.next_sequence = found.next_sequence.max(sequence.saturating_add(1));
        let Some((protocol, _)) = tables.protocols().find(|(_, known)| *known == name) else {
            found.inner.note(format!("{} is of a protocol that is not known", path.display()));
            continue;
        };
        // Parts of a protocol are sealed in their order.
        let is_sealed = segments.iter().any(|segment| segment.protocol == protocol && segment.sequence >= sequence);
        if is_sealed {
            if may_write {
                let _ = fs::remove_file(&path);
            }
            continue;
        }
        tail(dir, tables, protocol, sequence, &path, may_write, &mut found);
    }
    let bounds =
        segments.iter().map(|segment| &segment.bounds).chain(found.inner.parts.iter().map(|part| &part.bounds));
    found.last_number = bounds.map(|bounds| bounds.max_id >> 16).max().unwrap_or(0);
    let sealed = segments.iter().map(|segment| segment.sequence.saturating_add(1)).max().unwrap_or(0);
    found.next_sequence = found.next_sequence.max(sealed);
    found.inner.newest = None;
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

/// Reads a file of the tail into the part of its protocol.
fn tail(
    dir: &Dir,
    tables: &Tables,
    protocol: ProtocolIndex,
    sequence: u64,
    path: &Path,
    may_write: bool,
    found: &mut Found,
) {
    let recovered = match tail_file::read(path, &tables.schema(protocol)) {
        Ok(recovered) => recovered,
        Err(error) => {
            found.inner.note(format!("cannot read {}: {error}", path.display()));
            return;
        }
    };
    if recovered.torn_bytes > 0 {
        found.inner.note(format!("{} bytes at the end of {} were torn", recovered.torn_bytes, path.display()));
        found.loss.add(Cause::TailTorn, recovered.torn_bytes);
        if may_write {
            keep_torn_end(dir, path, recovered.whole_bytes);
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
    part.files.push(path.to_owned());
    part.opened = Instant::now();
    for batch in recovered.batches {
        if let Some(bounds) = Bounds::of(&batch) {
            part.bounds.merge(&bounds);
            part.bytes = part.bytes.saturating_add(footprint(&batch, &mut Default::default()));
            Arc::make_mut(&mut part.batches).push(batch);
        }
    }
    found.inner.rows = found.inner.parts.iter().map(|part| part.bounds.rows).sum();
}

/// Nothing is destroyed: what is cut off a file of the tail is kept beside, up to a limit.
fn keep_torn_end(dir: &Dir, path: &Path, whole_bytes: u64) {
    let Ok(bytes) = fs::read(path) else { return };
    let torn = usize::try_from(whole_bytes).ok().and_then(|whole| bytes.get(whole..)).unwrap_or_default();
    if torn.len() > MAX_TORN_BYTES || dir::make_dir(&dir.aside()).is_err() {
        return;
    }
    if let Some(name) = path.file_name() {
        let _ = dir::replace(&dir.aside().join(name).with_extension("torn"), torn, false);
    }
}

/// Moves a file that cannot be read out of the way.
fn set_aside(dir: &Dir, path: &Path, may_write: bool, why: &str, found: &mut Found) {
    found.inner.note(format!("{} cannot be read ({why}) and is left out", path.display()));
    if may_write && let Err(error) = move_aside(dir, path) {
        found.inner.note(format!("cannot move {} aside: {error}", path.display()));
    }
}

/// Moves a file to those that could not be read.
pub(crate) fn move_aside(dir: &Dir, path: &Path) -> io::Result<()> {
    dir::make_dir(&dir.aside())?;
    match path.file_name() {
        Some(name) => fs::rename(path, dir.aside().join(name)),
        None => Ok(()),
    }
}

const PARQUET_MAGIC: &[u8; 4] = b"PAR1";
/// A longer end that was torn is not kept.
const MAX_TORN_BYTES: usize = 16 << 20;
