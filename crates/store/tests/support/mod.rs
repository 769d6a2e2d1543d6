//! Entries of two small protocols, and what a store has of them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests use it, none uses all"
)]

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use lanternfish_columns::{Builders, Rows, Tables};
use lanternfish_model::{
    Capture, ConnectionContext, ConnectionFacts, Direction, Endpoint, Entry, EntryClass, FieldTable, LocalSide,
    Message, Notes, Outcome, PacketRef, Party, ProtocolIndex, ProtocolSpec, Role, Scope, Timestamp, Transport, Values,
    Word, WordClass,
};
use lanternfish_store::{Config, Store};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

pub mod one {
    lanternfish_model::fields! {
        TEXT = text("text");
        MAP = map("map");
    }
}

mod two {
    lanternfish_model::fields! {
        OTHER = text("other");
    }
}

static ONE: ProtocolSpec = spec("one", &[Word { name: "one", class: WordClass::Any }], one::FIELDS);
static TWO: ProtocolSpec = spec("two", &[Word { name: "two", class: WordClass::Any }], two::FIELDS);

const fn spec(
    name: &'static str,
    words: &'static [Word],
    fields: &'static [lanternfish_model::FieldSpec],
) -> ProtocolSpec {
    ProtocolSpec { name, title: name, doc: "", references: &[], words, fields, pending: "" }
}

/// The tables of both protocols.
pub fn tables() -> Arc<Tables> {
    static TABLES: LazyLock<Arc<Tables>> = LazyLock::new(|| {
        static TABLE: LazyLock<FieldTable> = LazyLock::new(|| FieldTable::join(&[&ONE, &TWO]).unwrap());
        Arc::new(Tables::new(&TABLE))
    });
    Arc::clone(&TABLES)
}

/// 2026-03-14T22:00:00Z.
pub const START: Timestamp = Timestamp::from_ns(1_773_525_600_000_000_000);

/// A pair whose first packet has a number; every fifth is of the other protocol. A millisecond lies between two.
pub fn entry(number: u64) -> Entry {
    let time = START + number.cast_signed() * 1_000_000;
    let protocol = ProtocolIndex(u8::from(number % 5 == 4));
    let client = Endpoint::new(Ipv4Addr::new(10, 0, 0, 1).into(), 40_000 + (number % 20) as u16);
    let server = Endpoint::new(Ipv4Addr::new(10, 0, 0, 2).into(), 80);
    let first = PacketRef { time, number };
    let mut request = Message::new(protocol, Role::Request, Direction::ToServer, first);
    request.values.text(one::TEXT, format!("text {number}").as_bytes());
    request.body.bytes = format!("body {number}").into_bytes();
    request.body.is_present = true;
    let facts = ConnectionFacts {
        id: number / 7 + 1,
        transport: Transport::Tcp,
        client,
        server,
        scope: Scope(0),
        first,
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 1,
    };
    Entry {
        id: number << 16,
        protocol,
        class: EntryClass::Call,
        connection: Arc::new(ConnectionContext {
            facts,
            flow_id: 1,
            local: LocalSide::Client,
            capture: Capture::AfPacket,
            has_pcap: true,
            node_name: Arc::from("node"),
            values: Values::default(),
        }),
        src: Party::new(client),
        dst: Party::new(server),
        index: 0,
        timestamp: time,
        elapsed_ns: Some(1500),
        first_byte_ns: None,
        outcome: Outcome::Ok,
        request: Some(Box::new(request)),
        response: None,
        notes: Notes::default(),
        extra: Values::default(),
    }
}

/// Batches of the entries with some numbers.
pub fn batches(numbers: impl IntoIterator<Item = u64>) -> Vec<(ProtocolIndex, RecordBatch)> {
    let mut builders = Builders::new(tables());
    numbers.into_iter().for_each(|number| assert!(builders.push(&entry(number))));
    builders.finish().unwrap()
}

/// A store that keeps all it is given, without packets.
pub fn config() -> Config {
    Config { ring_bytes: 0, min_free_bytes: 0, retention_age: Duration::from_secs(1 << 40), ..Config::default() }
}

pub fn open(path: &Path, config: Config) -> Store {
    Store::open(path, config, tables()).unwrap_or_else(|error| panic!("{error}"))
}

/// Stores entries in batches of ten, and waits until they are on the disk.
pub fn store(store: &Store, numbers: std::ops::Range<u64>) {
    let all: Vec<u64> = numbers.collect();
    all.chunks(10).for_each(|part| store.append(batches(part.iter().copied())));
    assert!(store.flush(PATIENCE));
}

/// The numbers of all entries that a store has, sorted; each must be as it was made.
pub fn numbers(store: &Store) -> Vec<u64> {
    let tables = tables();
    let view = store.view();
    let mut found = Vec::new();
    let mut look = |protocol: ProtocolIndex, batch: &RecordBatch| {
        let rows = Rows::new(&tables, protocol, batch).unwrap();
        for stored in rows.iter() {
            let number = stored.id >> 16;
            let live = entry(number);
            assert_eq!(
                (stored.protocol, stored.timestamp, stored.elapsed_ns),
                (live.protocol, live.timestamp, Some(1500))
            );
            let text = |entry: &Entry| format!("{:?}", entry.request.as_ref().unwrap().values.get(one::TEXT));
            assert_eq!(text(&stored), text(&live));
            assert_eq!(stored.request.unwrap().body.bytes, live.request.unwrap().body.bytes);
            found.push(number);
        }
    };
    for (protocol, batches) in view.tail() {
        batches.iter().for_each(|batch| look(protocol, batch));
    }
    for segment in view.segments() {
        let file = std::fs::File::open(&segment.path).unwrap();
        let mut rows = 0;
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            rows += batch.num_rows() as u64;
            let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().clone();
            let is_in = |id: &i64| (segment.bounds.min_id..=segment.bounds.max_id).contains(&id.cast_unsigned());
            assert!(ids.values().iter().all(is_in));
            look(segment.protocol, &batch);
        }
        assert_eq!(rows, segment.bounds.rows, "{}", segment.path.display());
    }
    assert_eq!(found.len() as u64, view.rows());
    found.sort_unstable();
    found
}

/// Waits until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Files below a directory, by their paths.
pub fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

pub const PATIENCE: Duration = Duration::from_secs(30);
