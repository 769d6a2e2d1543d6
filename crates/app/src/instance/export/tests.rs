//! Parquet files and HTTP Archives of entries.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use lanternfish_query::Order;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::instance::fixture::{Fixture, filter, read, shop};
use crate::parquet_file::LOSS_KEY;

async fn ask(fixture: &Fixture, query: &str, order: Order, limit: Option<u64>, format: EngineFormat) -> Vec<u8> {
    let window = Window::ALL;
    let request = ExportRequest { snapshot: None, filter: filter(query), window, order, limit, format };
    read(export(fixture.queried.query(), request).await).await.unwrap()
}

struct Read {
    ids: Vec<u64>,
    columns: Vec<String>,
    paths: Vec<String>,
    loss: String,
}

fn parquet(file: Vec<u8>) -> Read {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).unwrap();
    let metadata = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let loss = metadata.iter().find(|pair| pair.key == LOSS_KEY).unwrap().value.clone().unwrap();
    let columns = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let (mut ids, mut paths) = (Vec::new(), Vec::new());
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        let column = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
        ids.extend(column.values().iter().map(|id| id.cast_unsigned()));
        if let Some(column) = batch.column_by_name("path") {
            paths.extend(column.as_string::<i32>().iter().map(|path| path.unwrap_or_default().to_owned()));
        }
    }
    Read { ids, columns, paths, loss }
}

#[tokio::test]
async fn parquet_has_the_columns_and_rows_of_what_matches() {
    let fixture = Fixture::new(&shop());
    let all = parquet(ask(&fixture, "", Order::Newest, None, EngineFormat::Parquet).await);
    let mut ids: Vec<u64> = fixture.entries("").await.iter().map(|entry| entry.id).collect();
    let mut found = all.ids.clone();
    ids.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, ids, "each entry once, whatever revisions it has");
    assert!(!all.columns.iter().any(|column| column.starts_with('_')));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&all.loss).unwrap()["total"], 7);
    let http = parquet(ask(&fixture, "http", Order::Newest, None, EngineFormat::Parquet).await);
    let mut paths = http.paths.clone();
    paths.sort();
    assert_eq!(paths, ["/one", "/three", "/two"]);
    assert!(!http.columns.contains(&"redis_type".to_owned()) && http.columns.contains(&"request.headers".to_owned()));
    assert!(parquet(ask(&fixture, "redis", Order::Newest, None, EngineFormat::Parquet).await).ids.is_empty());
}

#[tokio::test]
async fn a_limit_leaves_the_first_entries_of_an_order() {
    let fixture = Fixture::new(&shop());
    let mut all: Vec<_> = fixture.entries("").await.iter().map(|entry| (entry.timestamp, entry.id)).collect();
    let oldest: Vec<u64> = all.iter().map(|(_, id)| *id).collect();
    all.reverse();
    let newest: Vec<u64> = all.iter().map(|(_, id)| *id).collect();
    for limit in 1..=oldest.len() + 1 {
        for (order, ids) in [(Order::Oldest, &oldest), (Order::Newest, &newest)] {
            let mut found = parquet(ask(&fixture, "", order, Some(limit as u64), EngineFormat::Parquet).await).ids;
            let mut expected: Vec<u64> = ids.iter().take(limit).copied().collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{limit} in the order {order:?}");
        }
    }
    let two = parquet(ask(&fixture, "http and limit(2)", Order::Oldest, Some(5), EngineFormat::Parquet).await);
    assert_eq!(two.ids.len(), 2);
}

#[tokio::test]
async fn an_archive_has_the_http_calls() {
    let fixture = Fixture::new(&shop());
    let urls = |file: Vec<u8>| -> (Vec<String>, String) {
        let archive: serde_json::Value = serde_json::from_slice(&file).unwrap();
        let entries = archive["log"]["entries"].as_array().unwrap();
        let urls = entries.iter().map(|entry| entry["request"]["url"].as_str().unwrap().to_owned()).collect();
        (urls, archive["log"]["comment"].as_str().unwrap().to_owned())
    };
    let (all, comment) = urls(ask(&fixture, "", Order::Oldest, None, EngineFormat::Har).await);
    assert_eq!(all, ["http://shop/one", "http://shop/three", "http://shop/two"]);
    assert_eq!(comment, "lost in the time of these entries: 7 packets (kernel drop)");
    let (newest, _) = urls(ask(&fixture, "", Order::Newest, Some(2), EngineFormat::Har).await);
    assert_eq!(newest, ["http://shop/two", "http://shop/three"]);
    assert!(urls(ask(&fixture, "redis", Order::Newest, None, EngineFormat::Har).await).0.is_empty());
}

#[tokio::test]
async fn what_is_to_be_redacted_is_not_given_in_a_format_that_cannot() {
    let fixture = Fixture::new(&shop());
    let filter = filter("http and redact(\"path\")");
    let (window, order, format) = (Window::ALL, Order::Newest, EngineFormat::Har);
    let request = ExportRequest { snapshot: None, filter, window, order, limit: None, format };
    assert!(matches!(export(fixture.queried.query(), request).await, Err(EngineError::Invalid { .. })));
}
