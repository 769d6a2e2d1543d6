//! A small store in a folder: segments and a tail written as the product writes them, and the live evaluation beside it.

#![allow(dead_code)]

pub mod synthetic;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use arrow::record_batch::RecordBatch;
use lanternfish_columns::{Builders, Tables};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_dissectors::pending::PENDING;
use lanternfish_filter::Filter;
use lanternfish_model::*;
use lanternfish_query::{Query, SegmentFile, Snapshot, Source, Window};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

/// 2026-03-14T22:30:00Z.
pub const NOW: Timestamp = Timestamp::from_ns(1_773_527_400_000_000_000);

/// The joined field table of the product.
pub fn table() -> &'static FieldTable {
    static TABLE: OnceLock<FieldTable> = OnceLock::new();
    TABLE.get_or_init(|| {
        let specs: Vec<&'static ProtocolSpec> =
            PROTOCOLS.iter().map(|protocol| protocol.spec()).chain(PENDING.iter().copied()).collect();
        FieldTable::join(&specs).unwrap()
    })
}

pub fn tables() -> Arc<Tables> {
    static TABLES: OnceLock<Arc<Tables>> = OnceLock::new();
    Arc::clone(TABLES.get_or_init(|| Arc::new(Tables::new(table()))))
}

pub fn filter(query: &str) -> Filter {
    Filter::compile(query, table(), NOW).unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// What a small store holds.
#[derive(Clone, Default)]
pub struct Content {
    pub segments: Vec<SegmentFile>,
    pub tail: Vec<(ProtocolIndex, Vec<RecordBatch>)>,
}

/// A store whose content a test changes.
#[derive(Clone)]
pub struct Small {
    pub folder: Arc<tempfile::TempDir>,
    pub content: Arc<Mutex<Content>>,
    row_group_rows: usize,
}

impl Small {
    pub fn new(row_group_rows: usize) -> Small {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Small { folder, content: Arc::default(), row_group_rows }
    }

    /// Seals entries: a segment for each protocol.
    pub fn seal(&self, entries: &[Entry]) {
        for (protocol, batch) in batches(entries) {
            let mut content = self.content.lock().unwrap();
            let path = self.folder.path().join(format!("{}-{}.parquet", protocol.0, content.segments.len()));
            let batch = sorted(&batch);
            write(&path, &batch, self.row_group_rows);
            content.segments.push(segment(protocol, path, entries));
        }
    }

    /// Adds entries to the tail.
    pub fn append(&self, entries: &[Entry]) {
        let mut content = self.content.lock().unwrap();
        for (protocol, batch) in batches(entries) {
            match content.tail.iter_mut().find(|(known, _)| *known == protocol) {
                Some((_, batches)) => batches.push(batch),
                None => content.tail.push((protocol, vec![batch])),
            }
        }
    }

    pub fn query(&self) -> Query {
        Query::new(Arc::new(self.clone()), tables(), 2).unwrap()
    }
}

impl Source for Small {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::new(self.content.lock().unwrap().clone())
    }
}

impl Snapshot for Content {
    fn segments(&self) -> Vec<SegmentFile> {
        self.segments.clone()
    }
    fn tail(&self) -> Vec<(ProtocolIndex, Vec<RecordBatch>)> {
        self.tail.clone()
    }
    fn loss(&self, _window: Window) -> Loss {
        let mut loss = Loss::default();
        loss.add(Cause::KernelDrop, 7);
        loss
    }
}

fn batches(entries: &[Entry]) -> Vec<(ProtocolIndex, RecordBatch)> {
    let mut builders = Builders::new(tables());
    entries.iter().for_each(|entry| assert!(builders.push(entry)));
    builders.finish().unwrap()
}

/// Sorted by time, as segments are.
fn sorted(batch: &RecordBatch) -> RecordBatch {
    let times = batch.column_by_name("timestamp").unwrap();
    let order = arrow::compute::sort_to_indices(times, None, None).unwrap();
    arrow::compute::take_record_batch(batch, &order).unwrap()
}

fn write(path: &Path, batch: &RecordBatch, row_group_rows: usize) {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_bloom_filter_enabled(true)
        .build();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn segment(protocol: ProtocolIndex, path: PathBuf, entries: &[Entry]) -> SegmentFile {
    let of = || entries.iter().filter(|entry| entry.protocol == protocol);
    SegmentFile {
        protocol,
        path,
        from: of().map(|entry| entry.timestamp).min().unwrap(),
        to: of().map(|entry| entry.timestamp).max().unwrap(),
        rows: of().count() as u64,
        min_id: of().map(|entry| entry.id).min().unwrap(),
        max_id: of().map(|entry| entry.id).max().unwrap(),
    }
}

/// The newest revisions of entries, newest first.
pub fn newest(entries: &[Entry]) -> Vec<&Entry> {
    let mut by_rank = std::collections::BTreeMap::new();
    for entry in entries {
        // Later ones replace earlier ones: they come in the order of their revisions.
        by_rank.insert((entry.timestamp, entry.id), entry);
    }
    by_rank.into_values().rev().collect()
}

/// The ids of the entries that a filter meets, evaluated live, newest first.
pub fn live(entries: &[Entry], filter: &Filter) -> Vec<u64> {
    newest(entries).into_iter().filter(|entry| filter.matches(table(), entry)).map(|entry| entry.id).collect()
}

/// A file of the language's facts that are kept beside the project; `None` where they are not at hand.
pub fn shared(name: &str) -> Option<String> {
    let root = std::env::var_os("LANTERNFISH_SHARED").map(PathBuf::from).or_else(|| {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|folder| folder.join("shared")).find(|folder| folder.join("kfl").is_dir())
    });
    root.and_then(|root| std::fs::read_to_string(root.join("kfl").join(name)).ok())
}
