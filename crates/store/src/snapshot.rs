//! Snapshots: a window of entries, packets and losses that stays as it is until it is deleted.
//!
//! A snapshot is a data directory of its own: `Store::read` opens it. Sealed segments and finished files of the ring are
//! hard links, so that it costs little room until the originals go.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use lanternfish_model::Timestamp;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::dir::{self, Dir, file_options};
use crate::ring::{Ring, RingFiles, index_path};
use crate::segment::file_name;
use crate::state::now;
use crate::tar::Tar;
use crate::{Bounds, Draft, Segment, Store, StoreError, View, seal};

/// What a snapshot is to hold.
#[derive(Clone, Debug)]
pub struct NewSnapshot {
    /// A name for people, may be empty.
    pub name: String,
    /// The earliest time.
    pub from: Timestamp,
    /// The latest time, included.
    pub to: Timestamp,
    /// The filter that it was made with.
    pub filter: String,
    /// Whether it holds only what the filter meets; else it holds the whole window, and the filter is what is shown first.
    pub is_filtered: bool,
    /// Whether it holds raw packets.
    pub has_packets: bool,
}

/// What is known of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id: the name of its directory.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// The earliest time.
    pub from: Timestamp,
    /// The latest time, included.
    pub to: Timestamp,
    /// The filter that it was made with.
    pub filter: String,
    /// Whether it holds only what the filter meets; else the filter is what is shown first.
    pub is_filtered: bool,
    /// Whether it holds raw packets.
    pub has_packets: bool,
    /// Rows of its window.
    pub rows: u64,
    /// Packets of its window; none where they were not counted.
    pub packets: Option<u64>,
    /// The bytes of these packets.
    pub packet_bytes: u64,
    /// The length of its files.
    pub bytes: u64,
}

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contents {
    pub rows: u64,
    pub packets: u64,
    pub packet_bytes: u64,
    /// Some packets could not be read, and so not be counted.
    pub has_unread_packets: bool,
}

/// The snapshots of a data directory.
#[derive(Clone, Copy, Debug)]
pub struct Snapshots<'a> {
    store: &'a Store,
}

impl<'a> Snapshots<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Snapshots { store }
    }

    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    /// Begins one that gets its entries and packets one by one.
    pub fn begin(&self, new: NewSnapshot) -> Result<Draft<'a>, StoreError> {
        self.may_make()?;
        let id = self.unused_id();
        let path = self.store.dir().snapshots().join(format!(".{id}"));
        Draft::begin(*self, new, id, path)
    }

    fn may_make(&self) -> Result<(), StoreError> {
        if self.store.is_read_only() {
            return Err(StoreError::ReadOnly("snapshots are made by the process that stores".to_owned()));
        }
        Ok(())
    }

    /// Makes one of the whole window.
    pub fn create(&self, new: &NewSnapshot) -> Result<Snapshot, StoreError> {
        self.may_make()?;
        let id = self.unused_id();
        let temporary = self.store.dir().snapshots().join(format!(".{id}"));
        let filled = self.fill(&temporary, new).map_err(StoreError::io("make the snapshot", &temporary));
        let made = filled.and_then(|contents| self.conclude(&temporary, new, &id, contents));
        made.inspect_err(|_| drop(fs::remove_dir_all(&temporary)))
    }

    /// Writes what is known of one whose directory is filled, and gives it its name.
    pub(crate) fn conclude(
        &self,
        path: &Path,
        new: &NewSnapshot,
        id: &str,
        contents: Contents,
    ) -> Result<Snapshot, StoreError> {
        let named = || {
            let dir = Dir::new(path);
            self.store.shared().loss_log().copy_to(&dir.loss(), new.from, new.to)?;
            let snapshot = Snapshot {
                id: id.to_owned(),
                name: new.name.clone(),
                created: now(),
                from: new.from,
                to: new.to,
                filter: new.filter.clone(),
                is_filtered: new.is_filtered,
                has_packets: new.has_packets,
                rows: contents.rows,
                packets: (!contents.has_unread_packets).then_some(contents.packets),
                packet_bytes: contents.packet_bytes,
                bytes: length_of(path)?,
            };
            dir::replace(&path.join(INFO), to_text(&snapshot).as_bytes(), true)?;
            fs::rename(path, self.store.dir().snapshots().join(id))?;
            File::open(self.store.dir().snapshots())?.sync_all()?;
            Ok(snapshot)
        };
        named().map_err(StoreError::io("make the snapshot", path))
    }

    /// Those that there are, the oldest first.
    pub fn list(&self) -> Result<Vec<Snapshot>, StoreError> {
        let path = self.store.dir().snapshots();
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::Io { what: "read", path, error }),
        };
        let mut found: Vec<Snapshot> = entries.flatten().filter_map(|entry| read(&entry.path())).collect();
        found.sort_by_key(|snapshot| snapshot.created);
        Ok(found)
    }

    /// One of them.
    pub fn find(&self, id: &str) -> Result<Snapshot, StoreError> {
        read(&self.path(id)?).ok_or_else(|| StoreError::NoSnapshot(id.to_owned()))
    }

    /// Where one lies: a data directory to be read.
    pub fn path(&self, id: &str) -> Result<PathBuf, StoreError> {
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let path = self.store.dir().snapshots().join(id);
        if is_id && path.is_dir() { Ok(path) } else { Err(StoreError::NoSnapshot(id.to_owned())) }
    }

    /// Removes one.
    pub fn delete(&self, id: &str) -> Result<(), StoreError> {
        let path = self.path(id)?;
        let hidden = self.store.dir().snapshots().join(format!(".{id}"));
        let removed = fs::rename(&path, &hidden).and_then(|()| fs::remove_dir_all(&hidden));
        removed.map_err(StoreError::io("delete", path))
    }

    /// Writes one as a tar archive of its directory.
    pub fn export(&self, id: &str, output: &mut dyn Write) -> Result<(), StoreError> {
        let path = self.path(id)?;
        let mut tar = Tar::new(output);
        let written = add_all(&mut tar, &path, id).and_then(|()| tar.finish());
        written.map_err(StoreError::io("export", path))
    }

    fn unused_id(&self) -> String {
        let millis = u64::try_from(now().ns() / 1_000_000).unwrap_or(0);
        let last = LAST_ID.fetch_max(millis, Ordering::Relaxed);
        let id = if millis > last { millis } else { LAST_ID.fetch_add(1, Ordering::Relaxed).saturating_add(1) };
        id.to_string()
    }

    fn fill(&self, path: &Path, new: &NewSnapshot) -> io::Result<Contents> {
        let dir = Dir::new(path);
        dir.make(self.store.tables().protocols().map(|(_, name)| name))?;
        dir.check_format(true).map_err(io::Error::other)?;
        let mut contents = Contents { rows: self.fill_entries(&dir, new)?, ..Contents::default() };
        if new.has_packets {
            self.fill_packets(&dir, new)?;
            let ring = Ring(Arc::new(RingFiles::open(&dir.ring(), false, 0, |_, _| {})));
            for packet in ring.packets(&[], new.from, new.to) {
                // An error of one file ends that file alone: the others are no less worth keeping.
                let Ok(packet) = packet else {
                    contents.has_unread_packets = true;
                    continue;
                };
                contents.packets += 1;
                contents.packet_bytes = contents.packet_bytes.saturating_add(packet.bytes.len() as u64);
            }
        }
        Ok(contents)
    }

    fn fill_entries(&self, dir: &Dir, new: &NewSnapshot) -> io::Result<u64> {
        // The view keeps the files until they are linked.
        let view: View = self.store.view();
        let names: Vec<&str> = self.store.tables().protocols().map(|(_, name)| name).collect();
        let mut rows = 0u64;
        let mut sequence = 0;
        for segment in view.segments() {
            sequence = sequence.max(segment.sequence);
            if !segment.bounds.overlaps(new.from, new.to) {
                continue;
            }
            let Some(name) = names.get(usize::from(segment.protocol.0)) else { continue };
            if let Some(file) = segment.path.file_name() {
                link(&segment.path, &dir.segments().join(name).join(file))?;
                rows = rows.saturating_add(rows_within(segment, new)?);
            }
        }
        for (protocol, batches) in view.tail() {
            sequence += 1;
            let Some(name) = names.get(usize::from(protocol.0)) else { continue };
            let mut bounds = Bounds::EMPTY;
            let mut kept = Vec::new();
            for batch in batches.iter() {
                if let Some(of_batch) = Bounds::of(batch).filter(|bounds| bounds.overlaps(new.from, new.to)) {
                    bounds.merge(&of_batch);
                    rows = rows.saturating_add(count_within(batch, new));
                    kept.push(batch.clone());
                }
            }
            if !kept.is_empty() {
                let path = dir.segments().join(name).join(file_name(&bounds, sequence));
                seal::write(&path, &kept, &bounds, self.store.shared().config.compression_level)?;
            }
        }
        Ok(rows)
    }

    fn fill_packets(&self, dir: &Dir, new: &NewSnapshot) -> io::Result<()> {
        let files = self.store.ring().files(new.from, new.to);
        let newest = self.store.ring().newest_path();
        for (path, bytes) in files {
            let Some(name) = path.file_name() else { continue };
            let target = dir.ring().join(name);
            let (index, target_index) = (index_path(&path), index_path(&target));
            let taken = if Some(&path) == newest.as_ref() {
                // Both still grow; what the index tells of more than was copied is passed over.
                copy_beginning(&path, &target, bytes).and_then(|()| copy_beginning(&index, &target_index, u64::MAX))
            } else {
                link(&path, &target).and_then(|()| link(&index, &target_index))
            };
            match taken {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                // The ring has moved on, or all is well. An index that is missing is made anew from the file.
                _ => {}
            }
        }
        Ok(())
    }
}

/// How many rows of a segment lie in the window.
fn rows_within(segment: &Segment, new: &NewSnapshot) -> io::Result<u64> {
    if segment.bounds.from >= new.from && segment.bounds.to <= new.to {
        return Ok(segment.bounds.rows);
    }
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&segment.path)?).map_err(io::Error::other)?;
    let times = ProjectionMask::columns(reader.parquet_schema(), ["timestamp"]);
    let batches = reader.with_projection(times).build().map_err(io::Error::other)?;
    batches.map(|batch| batch.map(|batch| count_within(&batch, new)).map_err(io::Error::other)).sum()
}

fn count_within(batch: &RecordBatch, new: &NewSnapshot) -> u64 {
    let times = batch.column_by_name("timestamp").and_then(|times| times.as_primitive_opt::<TimestampNanosecondType>());
    let is_in = |time: &&i64| (new.from.ns()..=new.to.ns()).contains(*time);
    times.map_or(0, |times| times.values().iter().filter(is_in).count() as u64)
}

/// The window of a directory that is a snapshot.
pub(crate) fn window_of(path: &Path) -> Option<(Timestamp, Timestamp)> {
    let text = fs::read_to_string(path.join(INFO)).ok()?;
    let time = |key: &str| value_of(&text, key)?.parse().ok().map(Timestamp::from_ns);
    Some((time("from_ns")?, time("to_ns")?))
}

/// Removes what unfinished snapshots left.
pub(crate) fn clean(dir: &Dir) {
    for entry in fs::read_dir(dir.snapshots()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with('.') {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn read(path: &Path) -> Option<Snapshot> {
    let id = path.file_name()?.to_str()?.to_owned();
    if id.starts_with('.') {
        return None;
    }
    let text = fs::read_to_string(path.join(INFO)).ok()?;
    let time = |key: &str| value_of(&text, key)?.parse().ok().map(Timestamp::from_ns);
    Some(Snapshot {
        id,
        name: value_of(&text, "name")?,
        created: time("created_ns")?,
        from: time("from_ns")?,
        to: time("to_ns")?,
        filter: value_of(&text, "filter")?,
        is_filtered: value_of(&text, "is_filtered").is_some_and(|is| is == "true"),
        has_packets: value_of(&text, "has_packets")? == "true",
        packets: value_of(&text, "packets").and_then(|packets| packets.parse().ok()),
        packet_bytes: value_of(&text, "packet_bytes").and_then(|bytes| bytes.parse().ok()).unwrap_or(0),
        rows: value_of(&text, "rows")?.parse().ok()?,
        bytes: value_of(&text, "bytes")?.parse().ok()?,
    })
}

fn to_text(snapshot: &Snapshot) -> String {
    let pairs = [
        ("name", snapshot.name.clone()),
        ("created_ns", snapshot.created.ns().to_string()),
        ("from_ns", snapshot.from.ns().to_string()),
        ("to_ns", snapshot.to.ns().to_string()),
        ("filter", snapshot.filter.clone()),
        ("is_filtered", snapshot.is_filtered.to_string()),
        ("has_packets", snapshot.has_packets.to_string()),
        ("packets", snapshot.packets.map(|packets| packets.to_string()).unwrap_or_default()),
        ("packet_bytes", snapshot.packet_bytes.to_string()),
        ("rows", snapshot.rows.to_string()),
        ("bytes", snapshot.bytes.to_string()),
    ];
    pairs.iter().map(|(key, value)| format!("{key}\t{}\n", value.replace('\\', "\\\\").replace('\n', "\\n"))).collect()
}

fn value_of(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('\t'))?;
    let mut value = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => value.push(if characters.next()? == 'n' { '\n' } else { '\\' }),
            other => value.push(other),
        }
    }
    Some(value)
}

/// Links a file, or copies it where the file system has no links.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        Err(_) => copy_beginning(from, to, u64::MAX),
        Ok(()) => Ok(()),
    }
}

fn copy_beginning(from: &Path, to: &Path, bytes: u64) -> io::Result<()> {
    let mut output = file_options().write(true).create(true).truncate(true).open(to)?;
    io::copy(&mut File::open(from)?.take(bytes), &mut output)?;
    output.sync_all()
}

fn length_of(path: &Path) -> io::Result<u64> {
    let mut length = 0u64;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let bytes = if metadata.is_dir() { length_of(&entry.path())? } else { metadata.len() };
        length = length.saturating_add(bytes);
    }
    Ok(length)
}

fn add_all(tar: &mut Tar<'_>, path: &Path, name: &str) -> io::Result<()> {
    tar.directory(name)?;
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            add_all(tar, &entry.path(), &name)?;
        } else {
            tar.file(&name, &File::open(entry.path())?)?;
        }
    }
    Ok(())
}

static LAST_ID: AtomicU64 = AtomicU64::new(0);
const INFO: &str = "snapshot";
