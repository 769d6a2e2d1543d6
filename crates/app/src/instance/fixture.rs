//! Stores in directories that go away, filled from captures through the pipeline, with their packets in the ring.
#![allow(dead_code, reason = "each of the tests that share it uses a part")]

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use lanternfish_api::{ByteStream, EngineError, Queried};
use lanternfish_columns::{Builders, Tables};
use lanternfish_dissect::{Limits, Registry};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_filter::Filter;
use lanternfish_model::{Cause, Entry, FieldTable, Loss, Timestamp, Wants};
use lanternfish_pipeline::files::{self, Start};
use lanternfish_pipeline::{EntrySink, Revisions, Settings};
use lanternfish_query::{Order, Query, StoreSource, Window};
use lanternfish_store::{Config, Store};
use lanternfish_testkit::{Capture, TcpConversation, endpoint, frame, udp};

/// 2023-11-14T22:13:20Z.
pub(crate) const START: Timestamp = Timestamp::from_ns(1_700_000_000_000_000_000);

/// A store with what can be asked of it.
pub(crate) struct Fixture {
    dir: tempfile::TempDir,
    pub(crate) store: Arc<Store>,
    pub(crate) queried: Queried,
}

struct Sink(Arc<Mutex<Builders>>);

impl EntrySink for Sink {
    fn entry(&mut self, entry: &Entry, _: &mut Vec<u8>) {
        assert!(self.0.lock().unwrap().push(entry));
    }
}

pub(crate) fn table() -> &'static FieldTable {
    crate::tables::field_table().unwrap()
}

pub(crate) fn filter(query: &str) -> Filter {
    Filter::compile(query, table(), START).unwrap()
}

impl Fixture {
    /// A store whose ring has all packets of a capture.
    pub(crate) fn new(capture: &Capture) -> Fixture {
        Fixture::with(capture, Config::default())
    }

    /// A store of the entries and packets of a capture.
    pub(crate) fn with(capture: &Capture, config: Config) -> Fixture {
        let tables = Arc::new(Tables::new(table()));
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path(), config, Arc::clone(&tables)).unwrap());
        let builders = Arc::new(Mutex::new(Builders::new(Arc::clone(&tables))));
        let start = Start {
            threads: 1,
            sink: &mut || Box::new(Sink(Arc::clone(&builders))),
            first_packet: 0,
            packet_filter: None,
            output: &mut |_| true,
            progress: &mut |_| {},
        };
        files::run(Arc::new(settings()), Box::new(Cursor::new(capture.to_pcapng())), start).unwrap();
        store.append(builders.lock().unwrap().finish().unwrap());
        let mut loss = Loss::default();
        loss.add(Cause::KernelDrop, 7);
        store.append_loss(START, &loss);
        assert!(store.flush(Duration::from_secs(20)));
        if let Some(mut ring) = store.take_ring_writer() {
            ring.name_interface(1, capture.link, "test0");
            for (position, packet) in capture.packets.iter().enumerate() {
                ring.push(position as u64 + 1, packet.time, 1, capture.link, packet.wire_len, &packet.bytes);
                // The disk keeps up, so that no packet is lost.
                if position % 100 == 99 {
                    ring.flush();
                    assert!(store.ring().wait_for(position as u64 + 1, Duration::from_secs(20)));
                }
            }
        }
        let source = Arc::new(StoreSource::new(Arc::clone(&store)));
        let query = Query::new(source.clone(), tables, 2).unwrap();
        Fixture { dir, queried: Queried::new(query, source), store }
    }

    /// Ends the store; its directory stays.
    pub(crate) fn close(self) -> tempfile::TempDir {
        self.dir
    }

    /// The entries that a filter meets, the oldest first.
    pub(crate) async fn entries(&self, query: &str) -> Vec<Entry> {
        let portions = self.queried.query().stream(&filter(query), Window::ALL, Order::Oldest, None);
        let portions: Vec<_> = portions.collect().await;
        portions.into_iter().flat_map(|portion| portion.unwrap()).collect()
    }

    /// The one entry that a filter meets.
    pub(crate) async fn entry(&self, query: &str) -> Entry {
        let mut entries = self.entries(query).await;
        assert_eq!(entries.len(), 1, "{query}");
        entries.pop().unwrap()
    }
}

/// Everything is wanted, every revision is stored.
fn settings() -> Settings {
    Settings {
        table: table(),
        registry: Registry::new(PROTOCOLS),
        limits: Limits::default(),
        pairing: lanternfish_pairing::Limits::default(),
        reassembly: lanternfish_reassembly::Config {
            report_interval_ns: Some(10_000_000_000),
            ..lanternfish_reassembly::Config::default()
        },
        wants: Wants::everything(table()),
        redaction: None,
        filter: None,
        scope: None,
        capture: lanternfish_model::Capture::File,
        revisions: Revisions::All,
        calls: true,
        connections: true,
        flows: true,
        budget: lanternfish_pipeline::Budget::default(),
        names: Arc::default(),
        resolver: None,
        node_name: Arc::from(""),
        node_id: Arc::from(""),
        node_ip: Arc::from(""),
    }
}

/// All of a stream; an error of it.
pub(crate) async fn read(stream: Result<ByteStream, EngineError>) -> Result<Vec<u8>, EngineError> {
    let parts: Vec<Result<Bytes, EngineError>> = stream?.collect().await;
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(parts.concat())
}

/// Two calls on one connection, and one on another.
pub(crate) fn shop() -> Capture {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n").into_bytes();
    let answer = |text: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()).into_bytes();
    let first = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80")
        .handshake()
        .to_server(&get("/one"))
        .to_client(&answer("first"))
        .wait(50_000_000)
        .to_server(&get("/two"))
        .to_client(&answer("second"))
        .fin();
    let other = TcpConversation::new("10.0.0.3:4001", "10.0.0.2:80")
        .at(START + 50_000)
        .handshake()
        .to_server(&get("/three"))
        .to_client(&answer("third"))
        .fin();
    first.capture().merge(other.capture())
}

/// Datagrams that say nothing, for so long.
pub(crate) fn noise(from: Timestamp, packets: usize) -> Capture {
    let (a, b) = (endpoint("10.9.0.1:9000"), endpoint("10.9.0.2:9001"));
    let mut capture = Capture::ethernet();
    for number in 0..packets {
        capture.push(from + number as i64 * 1000, frame(&udp(a, b, &[0xee; 1400])));
    }
    capture
}

/// A ring that holds about half a megabyte.
pub(crate) fn small_ring() -> Config {
    Config { ring_bytes: 512 << 10, ..Config::default() }
}
