//! Times queries on a store: `time_queries DIR [RUNS] [NAME…]`.
//!
//! One line a query comes out: its name, the time of the first run, the least and the median of the others in ms, what came
//! of it, and how many segments were read.

#![allow(clippy::expect_used, reason = "a tool for benchmarks")]

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lanternfish_columns::Tables;
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_dissectors::pending::PENDING;
use lanternfish_filter::Filter;
use lanternfish_model::{FieldTable, Timestamp};
use lanternfish_query::{Cost, Group, GroupBy, Query, QueryError, StoreSource, Window};
use lanternfish_store::Store;

/// A query by name: what is asked, and the filter.
const QUERIES: &[(&str, Ask, &str)] = &[
    ("newest 100 of all", Ask::Entries, ""),
    ("newest 100 of http", Ask::Entries, "http"),
    ("rare path, in the newest segment", Ask::Entries, "http && path == \"/rare/newest\""),
    ("rare path, only in the oldest segment", Ask::Entries, "http && path == \"/rare/oldest\""),
    ("rare text, in the newest segment", Ask::Entries, "http && path.contains(\"rare/newest\")"),
    ("rare text, only in the oldest segment", Ask::Entries, "http && path.contains(\"rare/oldest\")"),
    ("rare url, only in the oldest segment", Ask::Entries, "http && url.contains(\"rare/oldest\")"),
    ("regular expression on the path", Ask::Entries, "http && path == r\"^/ra[rs]e/(old|ancient)\""),
    ("regular expression on the path, counted", Ask::Count, "http && path == r\"/orders/[0-9]+7$\""),
    ("one id in a header", Ask::Entries, "request.headers[\"x-request-id\"] == \"none\""),
    ("slow calls", Ask::Entries, "http && elapsed_time > 94000"),
    ("a decoded body", Ask::Entries, "http && status_code == 503 && request.body.json().items[0].count > 8"),
    ("counts by status and minute", Ask::StatusByMinute, ""),
    ("counts by status and minute, without connections", Ask::StatusByMinute, "http || dns || redis || tls"),
    ("counts by path", Ask::ByPath, "http"),
    ("map", Ask::Map, ""),
    ("map of http errors", Ask::Map, "http && status_code >= 400"),
    ("map of a service", Ask::Map, "dst.name == \"cart-0\" || src.name == \"cart-0\""),
    ("explain", Ask::Explain, "http && status_code >= 400 && method == \"GET\""),
    ("values of a field", Ask::Values, ""),
];

#[derive(Clone, Copy)]
enum Ask {
    Entries,
    Count,
    StatusByMinute,
    ByPath,
    Map,
    Explain,
    Values,
}

type Answer = Result<(String, Cost), QueryError>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(folder) = arguments.first().map(PathBuf::from) else {
        eprintln!("usage: time_queries DIR [RUNS] [NAME…]");
        std::process::exit(2);
    };
    let runs: usize = arguments.get(1).map_or(5, |runs| runs.parse().expect("a number of runs"));
    let wanted = arguments.get(2..).unwrap_or_default();
    let tables = Arc::new(Tables::new(table()));
    let begun = Instant::now();
    let store = Arc::new(Store::read(&folder, Arc::clone(&tables)).expect("a store"));
    let rows = store.view().rows();
    println!("open\t{:.1}\t\t\t{rows} rows", ms(begun.elapsed()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let source = StoreSource::new(store);
    let query = Query::new(Arc::new(source), tables, threads).expect("a query engine");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (name, ask, text) in QUERIES {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let mut times = Vec::new();
        let mut last = None;
        for _ in 0..=runs.max(1) {
            let begun = Instant::now();
            last = Some(runtime.block_on(run(&query, *ask, text)));
            times.push(ms(begun.elapsed()));
        }
        let first = times.remove(0);
        times.sort_by(f64::total_cmp);
        match last {
            Some(Ok((answer, cost))) => println!(
                "{name}\t{first:.1}\t{:.1}\t{:.1}\t{answer}, {} segments of {}, {} rows{}",
                times[0],
                times[times.len() / 2],
                cost.segments,
                cost.segments + cost.segments_skipped,
                cost.scanned_rows,
                if cost.unreadable.is_empty() { String::new() } else { format!(", {:?}", cost.unreadable) },
            ),
            Some(Err(error)) => println!("{name}\t{error}"),
            None => {}
        }
    }
}

fn run<'a>(query: &'a Query, ask: Ask, text: &'a str) -> Pin<Box<dyn Future<Output = Answer> + 'a>> {
    Box::pin(async move {
        let now = Timestamp::from_ns(1_773_529_200_000_000_000);
        let filter = Filter::compile(text, table(), now)?;
        let group = |name: &str| Group::parse(name, table());
        Ok(match ask {
            Ask::Entries => {
                let page = query.entries(&filter, Window::ALL, 100, None).await?;
                (format!("{} entries", page.entries.len()), page.cost)
            }
            Ask::Count => {
                let stats = query.stats(&filter, Window::ALL, &[], None, 10).await?;
                (format!("{} calls", stats.rows.iter().map(|row| row.figures.calls).sum::<u64>()), stats.cost)
            }
            Ask::StatusByMinute => {
                let by = [group("status_code")?];
                let stats = query.stats(&filter, Window::ALL, &by, Some(60_000_000_000), 10_000).await?;
                (format!("{} rows", stats.rows.len()), stats.cost)
            }
            Ask::ByPath => {
                let stats = query.stats(&filter, Window::ALL, &[group("path")?], None, 1000).await?;
                (format!("{} rows", stats.rows.len()), stats.cost)
            }
            Ask::Map => {
                let map = query.map(&filter, Window::ALL, GroupBy::Auto).await?;
                (format!("{} nodes, {} edges", map.map.nodes.len(), map.map.edges.len()), map.cost)
            }
            Ask::Explain => {
                let explain = query.explain(&filter, now, Window::ALL).await?;
                (format!("{} of {}", explain.matched, explain.total), explain.cost)
            }
            Ask::Values => {
                let values = query.values(&group("path")?, "/api", 20, Window::ALL).await?;
                (format!("{} values", values.values.len()), values.cost)
            }
        })
    })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn table() -> &'static FieldTable {
    static TABLE: OnceLock<FieldTable> = OnceLock::new();
    TABLE.get_or_init(|| {
        let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).chain(PENDING.iter().copied()).collect();
        FieldTable::join(&specs).expect("the fields agree")
    })
}
