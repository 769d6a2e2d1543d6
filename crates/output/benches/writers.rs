//! How long an entry takes in each format; prints nanoseconds and bytes an entry.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/sample/mod.rs"]
mod sample;

use std::hint::black_box;
use std::time::Instant;

use lanternfish_output::{EntryWriter, Format, Options};

fn main() {
    let table = sample::table();
    let plain_body = {
        let mut entry = sample::call();
        entry.response.as_mut().unwrap().body.bytes =
            b"The lantern fish lives in the deep sea. ".repeat(13)[..500].to_vec();
        entry
    };
    let seven = "timestamp,src.ip,src.port,dst.ip,method,url,status_code";
    let all = Options::default();
    for (name, entry, format, options) in [
        ("jsonl, JSON body", sample::call(), Format::Jsonl, all.clone()),
        ("jsonl, plain body", plain_body, Format::Jsonl, all.clone()),
        ("jsonl, bare", sample::bare(), Format::Jsonl, all.clone()),
        ("jsonl, 7 fields", sample::call(), Format::Jsonl, Options::with_fields(&table, seven).unwrap()),
        ("csv, 7 fields", sample::call(), Format::Csv, Options::with_fields(&table, seven).unwrap()),
        ("table", sample::call(), Format::Table, Options { width: Some(120), has_color: true, ..all.clone() }),
    ] {
        let mut writer = EntryWriter::new(format, &table, options);
        let mut out = Vec::new();
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for _ in 0..ENTRIES {
                out.clear();
                writer.write(black_box(&entry), &mut out);
                black_box(&out);
            }
            best = best.min(start.elapsed().as_nanos() as f64 / f64::from(ENTRIES));
        }
        println!("{name:<20} {best:>7.0} ns {:>6} bytes", out.len());
    }
}

const ROUNDS: u32 = 20;
const ENTRIES: u32 = 20_000;
