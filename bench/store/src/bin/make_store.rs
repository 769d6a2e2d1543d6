//! Makes a store of a made-up system for benchmarks, always the same: `make_store DIR [ENTRIES] [SEED]`.
//!
//! 200 services, 50,000 paths by Zipf's law, six protocols, unique ids and bodies, an hour of time.

#![allow(clippy::expect_used, reason = "a tool for benchmarks")]

#[path = "../../../../crates/query/tests/support/synthetic.rs"]
mod synthetic;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lanternfish_columns::{Builders, Tables};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_dissectors::pending::PENDING;
use lanternfish_model::FieldTable;
use lanternfish_store::{Config, Store};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(folder) = arguments.first().map(PathBuf::from) else {
        eprintln!("usage: make_store DIR [ENTRIES] [SEED]");
        std::process::exit(2);
    };
    let number = |place: usize, default: u64| arguments.get(place).map_or(default, |n| n.parse().expect("a number"));
    let (total, seed) = (number(1, 5_000_000), number(2, 1));
    let begun = Instant::now();
    let config = Config {
        retention_bytes: u64::MAX,
        retention_age: Duration::from_secs(1 << 40),
        ring_bytes: 0,
        // Entries are made faster than they are sealed.
        tail_bytes: 1 << 30,
        segment_age: Duration::from_secs(1 << 30),
        ..Config::default()
    };
    let tables = Arc::new(Tables::new(table()));
    let store = Store::open(&folder, config, Arc::clone(&tables)).expect("the directory can be written");
    let mut builders = Builders::new(tables);
    let mut count = 0u64;
    for entry in synthetic::Synthetic::new(table(), seed, total) {
        assert!(builders.push(&entry), "a protocol without a table");
        count += 1;
        if builders.rows() >= 20_000 {
            store.append(builders.finish().expect("batches"));
            assert!(store.flush(Duration::from_secs(600)), "the disk is full");
        }
    }
    store.append(builders.finish().expect("batches"));
    assert!(store.seal(Duration::from_secs(600)), "not all was sealed");
    let view = store.view();
    let bytes: u64 = view.segments().iter().map(|segment| segment.bytes).sum();
    println!(
        "{count} entries in {} segments, {bytes} bytes, {:.1} an entry, {:.1} s",
        view.segments().len(),
        bytes as f64 / count as f64,
        begun.elapsed().as_secs_f64()
    );
    assert_eq!(view.rows(), count, "rows were lost");
}

fn table() -> &'static FieldTable {
    static TABLE: OnceLock<FieldTable> = OnceLock::new();
    TABLE.get_or_init(|| {
        let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).chain(PENDING.iter().copied()).collect();
        FieldTable::join(&specs).expect("the fields agree")
    })
}
