//! Queries on a real store: while it seals and forgets, beside damaged segments, over restarts, with packets of a snapshot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use lanternfish_columns::Builders;
use lanternfish_model::*;
use lanternfish_query::*;
use lanternfish_store::{Config, NewSnapshot, Store};
use support::synthetic::Synthetic;
use support::*;

const PATIENCE: Duration = Duration::from_secs(60);

fn open(path: &Path, config: Config) -> Arc<Store> {
    let config = Config { retention_age: Duration::from_secs(1 << 40), min_free_bytes: 0, ring_bytes: 0, ..config };
    Arc::new(Store::open(path, config, tables()).unwrap())
}

fn append(store: &Store, entries: &[Entry]) {
    let mut builders = Builders::new(tables());
    entries.iter().for_each(|entry| assert!(builders.push(entry)));
    store.append(builders.finish().unwrap());
    assert!(store.flush(PATIENCE));
}

fn query(store: &Arc<Store>) -> Query {
    Query::new(Arc::new(StoreSource::new(Arc::clone(store))), tables(), 2).unwrap()
}

async fn all(query: &Query, text: &str) -> Vec<u64> {
    let found: Vec<Vec<Entry>> =
        query.stream(&filter(text), Window::ALL, Order::Newest, None).try_collect().await.unwrap();
    found.concat().into_iter().map(|entry| entry.id).collect()
}

const FILTERS: [&str; 6] = [
    "",
    "http && status_code >= 400",
    "url.contains(\"/orders\")",
    "tcp_conn && conn_state == \"closed\"",
    "request.headers[\"accept\"] == r\"json\"",
    "src.process.name == \"cart-0\" || dst.dns.startsWith(\"orders\")",
];

/// The tail, sealed segments and a store that was opened again give the same.
#[tokio::test]
async fn sealing_and_restarts_change_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let entries: Vec<Entry> = Synthetic::new(table(), 11, 3_000).collect();
    let store = open(dir.path(), Config { segment_rows: 400, ..Config::default() });
    for part in entries.chunks(130) {
        append(&store, part);
    }
    let asked = query(&store);
    for text in FILTERS {
        assert_eq!(all(&asked, text).await, live(&entries, &filter(text)), "{text}");
    }
    assert!(store.seal(PATIENCE));
    for text in FILTERS {
        assert_eq!(all(&asked, text).await, live(&entries, &filter(text)), "{text}, sealed");
    }
    drop((asked, store));
    let store = open(dir.path(), Config::default());
    let asked = query(&store);
    for text in FILTERS {
        assert_eq!(all(&asked, text).await, live(&entries, &filter(text)), "{text}, opened again");
    }
}

/// Pages follow each other without holes or doubles while entries come and parts are sealed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_stay_right_while_the_store_works() {
    let dir = tempfile::tempdir().unwrap();
    let entries: Vec<Entry> = Synthetic::new(table(), 12, 4_000).collect();
    let store = open(dir.path(), Config { segment_rows: 150, ..Config::default() });
    let (before, later) = entries.split_at(entries.len() / 2);
    before.chunks(100).for_each(|part| append(&store, part));
    let filter = filter("http || redis || dns");
    let expected = live(before, &filter);
    let asked = query(&store);
    let newest = before.iter().map(|entry| entry.timestamp).max();
    let first = asked.entries(&filter, Window { from: None, to: newest }, 50, None).await.unwrap();
    let mut got: Vec<u64> = first.entries.iter().map(|entry| entry.id).collect();
    let mut cursor = first.next;
    let writer = {
        let (store, later) = (Arc::clone(&store), later.to_vec());
        std::thread::spawn(move || later.chunks(20).for_each(|part| append(&store, part)))
    };
    while let Some(next) = cursor {
        let page = asked.entries(&filter, Window::ALL, 50, Some(next)).await.unwrap();
        assert!(page.cost.unreadable.is_empty(), "{:?}", page.cost.unreadable);
        got.extend(page.entries.iter().map(|entry| entry.id));
        cursor = page.next;
    }
    assert_eq!(got, expected);
    writer.join().unwrap();
    assert!(store.seal(PATIENCE));
    assert_eq!(all(&asked, "http || redis || dns").await, live(&entries, &filter));
}

/// A stream that was begun reads to its end, whatever retention takes meanwhile.
#[tokio::test]
async fn retention_takes_nothing_from_under_a_query() {
    let dir = tempfile::tempdir().unwrap();
    let entries: Vec<Entry> = Synthetic::new(table(), 13, 9_000).collect();
    let fill = open(dir.path(), Config { segment_rows: 300, ..Config::default() });
    entries.chunks(100).for_each(|part| append(&fill, part));
    assert!(fill.seal(PATIENCE));
    drop(fill);
    let expected = live(&entries, &filter("http"));
    // The first look comes a second after the opening.
    let store = open(dir.path(), Config { retention_bytes: 20_000, ..Config::default() });
    let asked = query(&store);
    let everything = filter("http");
    let mut stream = Box::pin(asked.stream(&everything, Window::ALL, Order::Newest, None));
    let mut got: Vec<u64> = stream.try_next().await.unwrap().unwrap().iter().map(|entry| entry.id).collect();
    assert!(got.len() < expected.len(), "there is more than one portion");
    let end = std::time::Instant::now() + PATIENCE;
    while store.status().segment_bytes > 20_000 {
        assert!(std::time::Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while let Some(part) = stream.try_next().await.unwrap() {
        got.extend(part.iter().map(|entry| entry.id));
    }
    assert_eq!(got, expected);
    drop(stream);
    // A new query sees what is left, and the files are gone.
    assert!(all(&asked, "http").await.len() < expected.len());
    let count = |dir: &Path| std::fs::read_dir(dir.join("segments/http")).unwrap().count();
    assert_eq!(
        count(dir.path()),
        store.view().segments().iter().filter(|s| s.path.parent().unwrap().ends_with("http")).count()
    );
}

/// Bytes that change within a segment cost its rows, are named in the answer, and the rest is read.
#[tokio::test]
async fn a_damaged_page_is_told_in_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let entries: Vec<Entry> = Synthetic::new(table(), 14, 3_000).collect();
    let fill = open(dir.path(), Config::default());
    for part in entries.chunks(1000) {
        append(&fill, part);
        assert!(fill.seal(PATIENCE));
    }
    drop(fill);
    let mut segments: Vec<_> = std::fs::read_dir(dir.path().join("segments/http")).unwrap().flatten().collect();
    segments.sort_by_key(std::fs::DirEntry::path);
    let bad = segments[1].path();
    let mut bytes = std::fs::read(&bad).unwrap();
    let middle = bytes.len() / 2;
    bytes[4..middle].fill(0xa5);
    std::fs::write(&bad, bytes).unwrap();
    let store = open(dir.path(), Config::default());
    assert_eq!(store.status().notes, Vec::<String>::new(), "its end is whole");
    let asked = query(&store);
    let page =
        asked.entries(&filter("http && request.body.contains(\"order\")"), Window::ALL, 10_000, None).await.unwrap();
    let [unreadable] = page.cost.unreadable.as_slice() else { panic!("{:?}", page.cost.unreadable) };
    assert_eq!(Some(unreadable.name.as_str()), bad.file_name().and_then(|name| name.to_str()));
    assert!(unreadable.rows > 100 && !unreadable.reason.is_empty());
    let others = live(&entries, &filter("http && request.body.contains(\"order\")"));
    let found: Vec<u64> = page.entries.iter().map(|entry| entry.id).collect();
    assert!(found.len() > others.len() / 2 && found.iter().all(|id| others.contains(id)));
    let stats = asked.stats(&filter("http"), Window::ALL, &[], None, 10).await.unwrap();
    assert!(stats.cost.unreadable.len() <= 1 && stats.rows[0].figures.calls > 0);
}

/// A snapshot answers for its window alone, with the losses of its window.
#[tokio::test]
async fn a_snapshot_answers_for_its_window() {
    let dir = tempfile::tempdir().unwrap();
    let entries: Vec<Entry> = Synthetic::new(table(), 15, 2_000).collect();
    let store = open(dir.path(), Config { segment_rows: 200, ..Config::default() });
    entries.chunks(100).for_each(|part| append(&store, part));
    let (from, to) = (entries[600].timestamp, entries[1200].timestamp);
    let mut loss = Loss::default();
    loss.add(Cause::KernelDrop, 3);
    store.append_loss(entries[900].timestamp, &loss);
    store.append_loss(entries[0].timestamp, &loss);
    let plan =
        NewSnapshot { name: String::new(), from, to, filter: String::new(), is_filtered: false, has_packets: false };
    let made = store.snapshots().create(&plan).unwrap();
    append(&store, &Synthetic::new(table(), 16, 500).collect::<Vec<_>>());
    let frozen = Arc::new(Store::read(&store.snapshots().path(&made.id).unwrap(), tables()).unwrap());
    let asked = query(&frozen);
    let window = Window { from: Some(from), to: Some(to) };
    let inside: Vec<Entry> = entries.iter().filter(|entry| window.contains(entry.timestamp)).cloned().collect();
    for text in FILTERS {
        assert_eq!(all(&asked, text).await, live(&inside, &filter(text)), "{text}");
    }
    let page = asked.entries(&filter(""), Window::ALL, 10, None).await.unwrap();
    assert_eq!(page.loss, loss);
    let outside = entries.iter().find(|entry| entry.timestamp < from && entry.class == EntryClass::Call).unwrap();
    assert!(asked.entry(outside.id).await.unwrap().is_none());
}

/// Rows for a file come no faster than they are taken, and other queries get their turn meanwhile.
#[tokio::test]
async fn a_slow_reader_of_records_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let entries: Vec<Entry> = Synthetic::new(table(), 17, 4_000).collect();
    let store = open(dir.path(), Config { segment_rows: 50, ..Config::default() });
    entries.chunks(50).for_each(|part| append(&store, part));
    let asked = query(&store);
    let everything = filter("");
    let mut readers = Vec::new();
    for _ in 0..limits::MAX_QUERIES + 2 {
        let mut records = asked.records(&everything, Window::ALL).await.unwrap();
        assert!(records.next().await.unwrap().unwrap().num_rows() > 0);
        readers.push(records);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let page = tokio::time::timeout(PATIENCE, asked.entries(&everything, Window::ALL, 10, None)).await.unwrap();
    assert_eq!(page.unwrap().entries.len(), 10);
    let mut last = readers.pop().unwrap();
    let mut rows = 0;
    while let Some(batch) = last.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert!(rows > newest(&entries).len() / 2);
}
