//! Prints nanoseconds an entry and filter over the examples of the language, on synthetic entries.
//!
//! Run it with `cargo run --release -p lanternfish-filter --example speed`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use lanternfish_filter::Filter;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() {
    let Some(text) = support::shared("v2_examples.txt") else { return };
    let table = support::table();
    let body = br#"{"items":[{"id":7,"name":"pen"},{"id":9,"name":"cup"}],"total":2}"#;
    let entries = [
        support::http_entry(200, body),
        support::http_entry(404, b"not found"),
        support::dns_entry(),
        support::redis_entry(),
        support::tls_entry(),
        support::conn_entry(),
    ];
    let extra = [
        "http and response.status == r\"4.*\"",
        "request.headers[\"Authorization\"] == r\"Token.*\"",
        "response.body.json().items[*].id == 9",
    ];
    let mut rows = Vec::new();
    for query in text.lines().filter(|line| !line.is_empty()).chain(extra) {
        let filter = Filter::compile(query, &table, support::NOW).unwrap();
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..ROUNDS {
                for entry in &entries {
                    black_box(filter.matches(&table, black_box(entry)));
                }
            }
            best = best.min(start.elapsed().as_nanos() as f64 / (ROUNDS * entries.len()) as f64);
        }
        rows.push((best, query));
    }
    let examples = rows.len() - extra.len();
    let mean = rows.iter().take(examples).map(|(ns, _)| ns).sum::<f64>() / examples as f64;
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (ns, query) in &rows {
        println!("{ns:8.1} ns  {query}");
    }
    println!("{mean:8.1} ns  mean of {examples} examples");
}

const ROUNDS: usize = 20_000;
