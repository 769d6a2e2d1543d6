//! Times SQL on the segments of a store, with pruning, bloom filters and filter pushdown on.
//!
//! `lanternfish-bench-sql STORE FILE.sql [RUNS]`: the file holds statements that end with `;`, each under a comment line
//! `-- name`. A table is the name of a protocol. One line a statement comes out: its name, the least and the median time in
//! ms, and how many rows it gave. With `--explain` the plans with their metrics are printed instead.

use std::path::Path;
use std::time::Instant;

use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::ListingOptions;
use datafusion::error::Result;
use datafusion::prelude::{SessionConfig, SessionContext};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_explained = arguments.iter().any(|argument| argument == "--explain");
    let plain: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let [store, file, rest @ ..] = plain.as_slice() else {
        eprintln!("usage: lanternfish-bench-sql STORE FILE.sql [RUNS] [--explain]");
        std::process::exit(2);
    };
    let runs: usize = rest.first().and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let context = context(Path::new(store)).await?;
    for (name, statement) in statements(&std::fs::read_to_string(file)?) {
        if is_explained {
            let batches = context.sql(&format!("EXPLAIN ANALYZE {statement}")).await?.collect().await?;
            println!("-- {name}\n{}", datafusion::arrow::util::pretty::pretty_format_batches(&batches)?);
            continue;
        }
        let mut times = Vec::new();
        let mut rows = 0;
        for _ in 0..runs.max(1) {
            let begun = Instant::now();
            let batches = context.sql(&statement).await?.collect().await?;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
            rows = batches.iter().map(|batch| batch.num_rows()).sum();
        }
        times.sort_by(f64::total_cmp);
        println!("{name}\t{:.1}\t{:.1}\t{rows}", times[0], times[times.len() / 2]);
    }
    Ok(())
}

/// A session in which each protocol's segments are a table.
async fn context(store: &Path) -> Result<SessionContext> {
    let mut config = SessionConfig::new();
    let options = &mut config.options_mut().execution.parquet;
    options.pushdown_filters = true;
    options.reorder_filters = true;
    options.pruning = true;
    options.enable_page_index = true;
    options.bloom_filter_on_read = true;
    let context = SessionContext::new_with_config(config);
    for folder in std::fs::read_dir(store.join("segments"))? {
        let folder = folder?.path();
        let Some(name) = folder.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        // A protocol of which nothing is stored has a folder all the same.
        if std::fs::read_dir(&folder)?.next().is_none() {
            continue;
        }
        let listing = ListingOptions::new(std::sync::Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        context.register_listing_table(&name, folder.to_string_lossy(), listing, None, None).await?;
    }
    Ok(context)
}

fn statements(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for statement in text.split(';') {
        let lines = statement.lines().map(str::trim).filter(|line| !line.is_empty());
        let (comments, sql): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("--"));
        let Some(name) = comments.last() else { continue };
        if !sql.is_empty() {
            all.push((name.trim_start_matches(['-', ' ']).to_owned(), sql.join("\n")));
        }
    }
    all
}
