//! A Parquet file that is written batch by batch, in bounded memory, and tells what was lost.

use std::io::Write;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use lanternfish_api::dto::LossAnswer;
use lanternfish_model::Loss;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// Its output refused.
    #[error(transparent)]
    Output(std::io::Error),
    /// Something within failed.
    #[error("cannot write Parquet: {0}")]
    Format(String),
}

/// A file under way; it holds one row group in memory.
pub(crate) struct ParquetFile<W: Write + Send> {
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file with these columns.
    pub(crate) fn begin(out: W, schema: &SchemaRef) -> Result<ParquetFile<W>, WriteError> {
        let level = ZstdLevel::try_new(COMPRESSION_LEVEL)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("lanternfish ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        Ok(ParquetFile { writer: ArrowWriter::try_new(out, Arc::clone(schema), Some(properties))? })
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        self.writer.write(batch)?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    /// Ends the file; what was lost stands in its metadata as JSON.
    pub(crate) fn end(mut self, loss: &Loss) -> Result<(), WriteError> {
        let lost = serde_json::to_string(&LossAnswer::from(loss));
        let lost = lost.map_err(|error| WriteError::Format(error.to_string()))?;
        self.writer.append_key_value_metadata(KeyValue::new(LOSS_KEY.to_owned(), lost));
        self.writer.close()?;
        Ok(())
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> WriteError {
        match error {
            ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
                Ok(error) => WriteError::Output(*error),
                Err(cause) => WriteError::Format(cause.to_string()),
            },
            other => WriteError::Format(other.to_string()),
        }
    }
}

/// The name of the loss in the metadata.
pub(crate) const LOSS_KEY: &str = "lanternfish.loss";
const COMPRESSION_LEVEL: i32 = 1;
const ROW_GROUP_ROWS: usize = 128 << 10;
/// The most bytes of a row group, encoded, that wait in memory.
const ROW_GROUP_BYTES: usize = 32 << 20;
