//! Entries as files that the machine interface does not write itself: Parquet and HTTP Archives.

mod cut;

use std::io::Write;

use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use lanternfish_api::dto::LossAnswer;
use lanternfish_api::{ByteStream, EngineError, EngineFormat, ExportRequest};
use lanternfish_filter::Filter;
use lanternfish_model::{Loss, Timestamp};
use lanternfish_output::{EntryWriter, Format, Options};
use lanternfish_query::{Query, Window};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use tokio::runtime::Handle;

use self::cut::Cut;
use super::blocking::{self, failed};

/// The entries of a request as a file that is made while it is read; the file tells what was lost in its time.
///
/// Rows of a Parquet file come in about the order of time, those of an HTTP Archive in the order that is asked for.
/// Where a part of what is stored can't be read, the file has all the rest, and the stream ends with an error.
pub(crate) async fn export(query: &Query, request: ExportRequest) -> Result<ByteStream, EngineError> {
    if !request.filter.redactions().is_empty() {
        return Err(EngineError::Invalid {
            parameter: "format".to_owned(),
            message: "redact() needs jsonl or json".to_owned(),
        });
    }
    let limit = request.limit.into_iter().chain(request.filter.limit()).min();
    let loss = loss(query, request.window).await?;
    match request.format {
        EngineFormat::Parquet => write_parquet(query, &request, limit, loss).await,
        EngineFormat::Har => write_har(query, &request, limit, &loss).await,
    }
}

/// What was lost in a window.
async fn loss(query: &Query, window: Window) -> Result<Loss, EngineError> {
    let everything = Filter::compile("", query.table(), Timestamp::default())?;
    Ok(query.entries(&everything, window, 1, None).await?.loss)
}

async fn write_parquet(
    query: &Query,
    request: &ExportRequest,
    limit: Option<u64>,
    loss: Loss,
) -> Result<ByteStream, EngineError> {
    let cut = match limit {
        Some(limit) => Cut::at(query, request, limit).await?,
        None => None,
    };
    let window = cut.as_ref().map_or(request.window, |cut| cut.window(request.window));
    let mut records = query.records(&request.filter, window).await?;
    let handle = Handle::current();
    blocking::write(move |pipe, waiting| {
        let mut file = ParquetFile::begin(pipe, &records.schema, &loss)?;
        let mut unreadable = None;
        while let Some(batch) = handle.block_on(records.next()) {
            waiting.check()?;
            match batch {
                Ok(batch) => file.write(&cut.as_ref().map_or(Ok(batch.clone()), |cut| cut.of(&batch))?)?,
                Err(error) => unreadable = Some(EngineError::Query(error)),
            }
        }
        file.end()?;
        unreadable.map_or(Ok(()), Err)
    })
    .await
}

async fn write_har(
    query: &Query,
    request: &ExportRequest,
    limit: Option<u64>,
    loss: &Loss,
) -> Result<ByteStream, EngineError> {
    let mut writer = EntryWriter::new(Format::Har, query.table(), Options::default());
    let mut entries = Box::pin(query.stream(&request.filter, request.window, request.order));
    let comment = match lanternfish_telemetry::losses(loss) {
        lost if lost.is_empty() => lost,
        lost => format!("lost in the time of these entries: {lost}"),
    };
    let handle = Handle::current();
    let mut left = limit.unwrap_or(u64::MAX);
    blocking::write(move |pipe, waiting| {
        let mut out = Vec::new();
        writer.begin(&mut out);
        let mut separator: &[u8] = b"";
        let mut broken = None;
        while left > 0
            && let Some(portion) = handle.block_on(entries.next())
        {
            waiting.check()?;
            let portion = match portion {
                Ok(portion) => portion,
                Err(error) => {
                    broken = Some(EngineError::Query(error));
                    break;
                }
            };
            for entry in &portion {
                if left > 0 && writer.takes(entry) {
                    out.extend_from_slice(separator);
                    writer.write(entry, &mut out);
                    separator = writer.separator();
                    left -= 1;
                }
            }
            pipe.write_all(&out).map_err(|error| failed("write", &error))?;
            out.clear();
        }
        writer.end_with(&comment, &mut out);
        pipe.write_all(&out).map_err(|error| failed("write", &error))?;
        broken.map_or(Ok(()), Err)
    })
    .await
}

/// A Parquet file under way; it holds one row group in memory.
pub(crate) struct ParquetFile<W: Write + Send> {
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file with these columns; what was lost stands in its metadata as JSON.
    pub(crate) fn begin(
        out: W,
        schema: &arrow::datatypes::SchemaRef,
        loss: &Loss,
    ) -> Result<ParquetFile<W>, EngineError> {
        let level = ZstdLevel::try_new(COMPRESSION_LEVEL).map_err(|error| broken(&error))?;
        let lost =
            serde_json::to_string(&LossAnswer::from(loss)).map_err(|error| EngineError::Failed(error.to_string()))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("lanternfish ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_key_value_metadata(Some(vec![KeyValue::new(LOSS_KEY.to_owned(), lost)]))
            .build();
        let schema = std::sync::Arc::clone(schema);
        let writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(|error| broken(&error))?;
        Ok(ParquetFile { writer })
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        self.writer.write(batch).map_err(|error| broken(&error))?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush().map_err(|error| broken(&error))?;
        }
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn end(self) -> Result<(), EngineError> {
        self.writer.close().map(drop).map_err(|error| broken(&error))
    }
}

/// An error of the writer; one of its output says that nobody reads any more.
fn broken(error: &ParquetError) -> EngineError {
    if let ParquetError::External(cause) = error
        && let Some(cause) = cause.downcast_ref::<std::io::Error>()
    {
        return failed("write", cause);
    }
    EngineError::Failed(format!("cannot write Parquet: {error}"))
}

/// The name of the loss in the metadata of Parquet files.
pub(crate) const LOSS_KEY: &str = "lanternfish.loss";
const COMPRESSION_LEVEL: i32 = 1;
const ROW_GROUP_ROWS: usize = 128 << 10;
/// The most bytes of a row group, encoded, that wait in memory.
const ROW_GROUP_BYTES: usize = 32 << 20;

#[cfg(test)]
mod tests;
