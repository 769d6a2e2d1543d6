//! What storing costs: a capture through the pipeline with nothing behind it, into columns, and into a store.
//!
//! `store_speed FILE.pcap [DIRECTORY]`. Entries get processes at their ends, as live ones have. Figures are CPU time of the
//! whole process a stored entry, less that of the run with nothing behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measurement")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use lanternfish_columns::{Builders, Tables};
use lanternfish_dissect::{Limits, Registry};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_model::{Capture, Entry, FieldTable, Identity, ResolutionStatus, Wants};
use lanternfish_pipeline::files::{self, Start};
use lanternfish_pipeline::{EntrySink, Revisions, Settings};
use lanternfish_store::{Config, Store};

/// Entries of a batch: those of a quarter of a second at 10,000 a second.
const BATCH_ROWS: usize = 2500;

fn table() -> &'static FieldTable {
    static TABLE: LazyLock<FieldTable> = LazyLock::new(|| {
        let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).collect();
        FieldTable::join(&specs).expect("the tables of the protocols fit together")
    });
    &TABLE
}

fn settings() -> Settings {
    Settings {
        table: table(),
        registry: Registry::new(PROTOCOLS),
        limits: Limits::default(),
        pairing: lanternfish_pairing::Limits::default(),
        reassembly: lanternfish_reassembly::Config::default(),
        wants: Wants::everything(table()),
        scope: None,
        redaction: None,
        filter: None,
        capture: Capture::AfPacket,
        revisions: Revisions::All,
        calls: true,
        connections: true,
        flows: true,
        budget: lanternfish_pipeline::Budget::default(),
        names: Arc::default(),
        resolver: None,
        node_name: Arc::from("worker-3"),
        node_id: Arc::from("9f1c7a0c52b14c3f8d6a1f1c7a0c52b1"),
        node_ip: Arc::from("192.0.2.3"),
    }
}

fn identity(name: &str, pid: u32) -> Arc<Identity> {
    Arc::new(Identity {
        status: ResolutionStatus::Resolved,
        process_name: name.to_owned(),
        executable: format!("/usr/sbin/{name}"),
        pid,
        user: "www-data".to_owned(),
        container_id: String::new(),
        cgroup: format!("/system.slice/{name}.service"),
        network_namespace: 4_026_531_840,
    })
}

/// What a run does with its entries.
enum Behind {
    Nothing,
    Columns(Builders),
    Store(Builders, Arc<Store>),
}

struct Sink {
    behind: Arc<Mutex<Behind>>,
    ends: RefCell<HashMap<u64, [Arc<Identity>; 2]>>,
    count: Arc<Mutex<u64>>,
}

impl EntrySink for Sink {
    fn entry(&mut self, entry: &Entry, _out: &mut Vec<u8>) {
        let mut entry = entry.clone();
        let mut ends = self.ends.borrow_mut();
        let [src, dst] =
            ends.entry(entry.connection.facts.id).or_insert_with(|| [identity("h2load", 4711), identity("nginx", 812)]);
        entry.src.identity = Some(Arc::clone(src));
        entry.dst.identity = Some(Arc::clone(dst));
        *self.count.lock().unwrap() += 1;
        match &mut *self.behind.lock().unwrap() {
            Behind::Nothing => {}
            Behind::Columns(builders) => {
                assert!(builders.push(&entry));
                if builders.rows() >= BATCH_ROWS {
                    builders.finish().unwrap();
                }
            }
            Behind::Store(builders, store) => {
                assert!(builders.push(&entry));
                if builders.rows() >= BATCH_ROWS {
                    store.append(builders.finish().unwrap());
                }
            }
        }
    }
}

/// CPU time of all threads in ns.
fn cpu() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let of =
        |path: PathBuf| std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok();
    tasks.filter_map(|task| of(task.path())).sum()
}

fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn run(file: &Path, behind: Behind) -> (u64, u64, Behind) {
    let (behind, count) = (Arc::new(Mutex::new(behind)), Arc::new(Mutex::new(0)));
    let start = Start {
        threads: 1,
        sink: &mut || {
            let (behind, count) = (Arc::clone(&behind), Arc::clone(&count));
            Box::new(Sink { behind, ends: RefCell::default(), count })
        },
        first_packet: 0,
        packet_filter: None,
        output: &mut |_| true,
        progress: &mut |_| {},
    };
    let before = cpu();
    files::run(Arc::new(settings()), Box::new(std::fs::File::open(file).unwrap()), start).unwrap();
    let after = cpu();
    let count = *count.lock().unwrap();
    let behind = Arc::into_inner(behind).unwrap().into_inner().unwrap();
    (after - before, count, behind)
}

fn length_of(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| if entry.path().is_dir() { length_of(&entry.path()) } else { entry.metadata().unwrap().len() })
        .sum()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = PathBuf::from(arguments.next().expect("a capture file"));
    let temporary = tempfile::tempdir().unwrap();
    let dir = arguments.next().map_or_else(|| temporary.path().join("data"), PathBuf::from);
    let tables = Arc::new(Tables::new(table()));
    run(&file, Behind::Nothing);
    let (nothing, count, _) = run(&file, Behind::Nothing);
    let per_entry = |ns: u64| ns.saturating_sub(nothing) as f64 / count as f64;
    let (columns, _, _) = run(&file, Behind::Columns(Builders::new(Arc::clone(&tables))));
    println!("{count} entries; pipeline alone {:.0} ns an entry", nothing as f64 / count as f64);
    println!("columns: {:.0} ns an entry", per_entry(columns));
    let config = Config { ring_bytes: 0, tail_bytes: 1 << 30, ..Config::default() };
    let store = Arc::new(Store::open(&dir, config, tables).unwrap());
    let before = cpu();
    let (_, _, behind) = run(&file, Behind::Store(Builders::new(Arc::clone(store.tables())), Arc::clone(&store)));
    if let Behind::Store(mut builders, store) = behind {
        store.append(builders.finish().unwrap());
    }
    assert!(store.flush(Duration::from_secs(60)));
    let tail = cpu() - before;
    let rss = memory_kib();
    assert!(store.seal(Duration::from_secs(60)));
    let all = cpu() - before;
    println!(
        "columns, tail and what was sealed meanwhile: {:.0} ns an entry; RssAnon {} MiB",
        per_entry(tail),
        rss >> 10
    );
    println!("columns, tail and segments: {:.0} ns an entry", per_entry(all));
    let status = store.status();
    assert_eq!(status.rows, count);
    println!(
        "{} segments, {:.1} bytes an entry; {:?}",
        status.segments,
        status.segment_bytes as f64 / count as f64,
        store.own_loss().iter().collect::<Vec<_>>()
    );
    drop(store);
    println!("{} bytes in {}", length_of(&dir), dir.display());
}
