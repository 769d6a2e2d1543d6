//! Batches of the tail to a Parquet file.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
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
    let properties = properties(batches, schema, bounds, level);
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

fn properties(batches: &[RecordBatch], schema: &Schema, bounds: &Bounds, level: i32) -> WriterProperties {
    let zstd = ZstdLevel::try_new(level).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_page_size_limit(256 << 10)
        .set_created_by("lanternfish".to_owned())
        .set_key_value_metadata(Some(metadata(bounds)));
    for (position, field) in schema.fields().iter().enumerate() {
        let path = ColumnPath::from(field.name().as_str());
        match field.data_type() {
            DataType::Utf8 => {
                builder = builder
                    .set_column_bloom_filter_enabled(path.clone(), true)
                    .set_column_bloom_filter_fpp(path, BLOOM_FPP);
            }
            DataType::Int64 | DataType::Timestamp(_, _) if is_varied(batches, position) => {
                builder = builder
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            // Nothing is pruned by what is within a map or list.
            DataType::Map(entries, _) => {
                for leaf in ["key", "value"] {
                    let parts = vec![field.name().clone(), entries.name().clone(), leaf.to_owned()];
                    builder = builder.set_column_statistics_enabled(ColumnPath::new(parts), EnabledStatistics::None);
                }
            }
            _ => {}
        }
    }
    builder.build()
}

/// Whether a column of numbers has hardly any value twice, as ids, times and latencies; tells by its first values.
fn is_varied(batches: &[RecordBatch], position: usize) -> bool {
    let mut different = HashSet::new();
    let mut left = SAMPLE_ROWS;
    for batch in batches {
        if left == 0 {
            break;
        }
        let column = batch.column(position);
        let column = column.slice(0, column.len().min(left));
        left -= column.len();
        let Ok(values) = cast(&column, &DataType::Int64) else { return false };
        different.extend(values.as_primitive::<Int64Type>().iter().flatten());
    }
    different.len() * 2 > SAMPLE_ROWS
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
/// Values of a column that are looked at to choose its encoding.
const SAMPLE_ROWS: usize = 512;
