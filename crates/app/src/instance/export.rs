//! Entries as files that the machine interface does not write itself: Parquet and HTTP Archives.

mod cut;

use std::io::Write;

use futures::StreamExt;
use lanternfish_api::{ByteStream, EngineError, EngineFormat, ExportRequest};
use lanternfish_filter::Filter;
use lanternfish_model::{Loss, Timestamp};
use lanternfish_output::{EntryWriter, Format, Options};
use lanternfish_query::{Query, Window};
use tokio::runtime::Handle;

use self::cut::Cut;
use super::blocking::{self, failed};
use crate::parquet_file::{ParquetFile, WriteError};

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
        let mut file = ParquetFile::begin(pipe, &records.schema).map_err(broken)?;
        let mut unreadable = None;
        while let Some(batch) = handle.block_on(records.next()) {
            waiting.check()?;
            match batch {
                Ok(batch) => {
                    let batch = cut.as_ref().map_or(Ok(batch.clone()), |cut| cut.of(&batch))?;
                    file.write(&batch).map_err(broken)?;
                }
                Err(error) => unreadable = Some(EngineError::Query(error)),
            }
        }
        file.end(&loss).map_err(broken)?;
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
    let mut entries = Box::pin(query.stream(&request.filter, request.window, request.order, None));
    let mut comment = match lanternfish_telemetry::losses(loss) {
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
        if let Some(error) = &broken {
            let separator = if comment.is_empty() { "" } else { "; " };
            comment.push_str(&format!("{separator}{error}"));
        }
        writer.end_with(&comment, &mut out);
        pipe.write_all(&out).map_err(|error| failed("write", &error))?;
        broken.map_or(Ok(()), Err)
    })
    .await
}

fn broken(error: WriteError) -> EngineError {
    match error {
        WriteError::Output(error) => failed("write", &error),
        other => EngineError::Failed(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
