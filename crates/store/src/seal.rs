//! Batches of the tail to a Parquet file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::Bounds;
use crate::dir::file_options;

/// Writes batches of one table as a Parquet file; gives its length.
pub(crate) fn write(path: &Path, batches: &[RecordBatch], bounds: &Bounds, level: i32) -> io::Result<u64> {
    let Some(first) = batches.first() else { return Err(io::Error::from(io::ErrorKind::InvalidInput)) };
    let written = write_file(path, first.schema_ref(), batches, bounds, level);
    written.inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

fn write_file(
    path: &Path,
    schema: &Arc<Schema>,
    batches: &[RecordBatch],
    bounds: &Bounds,
    level: i32,
) -> io::Result<u64> {
    let file = file_options().write(true).create(true).truncate(true).open(path)?;
    let output = BufWriter::with_capacity(WRITE_BYTES, file);
    let properties = properties(schema, bounds, level);
    let mut writer = ArrowWriter::try_new(output, Arc::clone(schema), Some(properties)).map_err(failed)?;
    for batch in batches {
        writer.write(batch).map_err(failed)?;
    }
    let mut output = writer.into_inner().map_err(failed)?;
    output.flush()?;
    let file: File = output.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_data()?;
    Ok(file.metadata()?.len())
}

fn properties(schema: &Schema, bounds: &Bounds, level: i32) -> WriterProperties {
    let zstd = ZstdLevel::try_new(level).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_page_size_limit(256 << 10)
        .set_created_by("lanternfish".to_owned())
        .set_key_value_metadata(Some(metadata(bounds)));
    for field in schema.fields() {
        for (path, is_text) in leaves(field) {
            if is_text {
                builder = builder
                    .set_column_bloom_filter_enabled(path.clone(), true)
                    .set_column_bloom_filter_fpp(path, BLOOM_FPP);
            }
        }
    }
    builder.build()
}

/// The columns of a field in the file, and whether they get a bloom filter.
fn leaves(field: &Field) -> Vec<(ColumnPath, bool)> {
    let path = |parts: &[&str]| ColumnPath::new(parts.iter().map(|part| (*part).to_owned()).collect());
    match field.data_type() {
        DataType::Utf8 => vec![(path(&[field.name()]), true)],
        DataType::Map(entries, _) => vec![(path(&[field.name(), entries.name(), "value"]), true)],
        _ => Vec::new(),
    }
}

fn metadata(bounds: &Bounds) -> Vec<KeyValue> {
    let pairs = [
        ("lanternfish.format", crate::dir::FORMAT.to_string()),
        ("lanternfish.rows", bounds.rows.to_string()),
        ("lanternfish.min_id", bounds.min_id.to_string()),
        ("lanternfish.max_id", bounds.max_id.to_string()),
        ("lanternfish.from_ns", bounds.from.ns().to_string()),
        ("lanternfish.to_ns", bounds.to.ns().to_string()),
    ];
    pairs.map(|(key, value)| KeyValue::new(key.to_owned(), value)).into()
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        other => io::Error::other(other),
    }
}

const ROW_GROUP_ROWS: usize = 64 << 10;
const PAGE_ROWS: usize = 8 << 10;
const WRITE_BYTES: usize = 256 << 10;
const BLOOM_FPP: f64 = 0.02;
