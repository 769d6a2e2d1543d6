//! Entries as files, made while they are sent.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use futures::{StreamExt, stream};
use lanternfish_filter::Filter;
use lanternfish_model::{Cause, Entry};
use lanternfish_output::{EntryWriter, Format, Options};
use lanternfish_query::{Order, QueryError};

use super::{packets, reply};
use crate::access::{Payload, Viewer};
use crate::asked::Asked;
use crate::engine::{ByteStream, EngineError, EngineFormat, ExportRequest};
use crate::error::ApiError;
use crate::openapi::FileBytes;
use crate::params::{ExportParams, Selection};
use crate::refusals::{Always, Expired, Impossible, Queries};
use crate::state::{App, Selected};
use crate::writers::{JsonEntries, Projection};

/// All entries that a filter meets, as a file.
///
/// A file that lacks entries says so itself. Where a part of what is stored can't be read, the file has all the rest, and
/// behind that one record more: in `jsonl` the last line and in `json` the last item is an object with the one member `error`
/// (as in an answer that refuses, with the code `unreadable`); in `csv` the first value of the last record begins with
/// `error: `, and its other values are empty. `har` and `parquet` end with an answer that breaks off (a chunked body without
/// its end) behind the whole file, of which an HTTP Archive has the reason in its `comment`; `pcapng` is not begun.
#[utoipa::path(
    get, path = "/api/v1/export", tag = "entries", operation_id = "exportEntries",
    params(Selection, ExportParams),
    responses(
        (status = 200, description = "The file.", content(
            (inline(FileBytes) = "application/x-ndjson"), (inline(FileBytes) = "application/json"), (inline(FileBytes) = "text/csv"),
            (inline(FileBytes) = "application/vnd.apache.parquet"), (inline(FileBytes) = "application/x-pcapng"),
        )),
        Queries, Expired, Impossible, Always
    ),
)]
pub(super) async fn export(
    State(app): State<App>,
    Payload(viewer): Payload,
    Asked(selection, export): Asked<Selection, ExportParams>,
) -> Result<Response, ApiError> {
    let format = export.format.as_deref().unwrap_or_default();
    let format = Wanted::of(format).ok_or_else(|| unknown_format(&[]))?;
    if format == Wanted::Packets {
        viewer.needs_raw()?;
    }
    send(&app, "entries", &selection, format, &export).await
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Text of entries.
    Text(Format),
    /// What the engine writes.
    Engine(EngineFormat),
    /// Packets.
    Packets,
}

impl Wanted {
    const ALL: &'static [(&'static str, Wanted)] = &[
        ("jsonl", Wanted::Text(Format::Jsonl)),
        ("json", Wanted::Text(Format::Json)),
        ("csv", Wanted::Text(Format::Csv)),
        ("parquet", Wanted::Engine(EngineFormat::Parquet)),
        ("pcapng", Wanted::Packets),
        ("har", Wanted::Engine(EngineFormat::Har)),
    ];

    /// The format of a name.
    pub(super) fn of(name: &str) -> Option<Wanted> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("bin", |(name, _)| name)
    }

    const fn kind(self) -> &'static str {
        match self {
            Wanted::Text(Format::Jsonl) => "application/x-ndjson",
            Wanted::Text(Format::Csv) => "text/csv; charset=utf-8",
            Wanted::Text(_) => reply::JSON,
            Wanted::Engine(EngineFormat::Parquet) => "application/vnd.apache.parquet",
            Wanted::Engine(EngineFormat::Har) => reply::JSON,
            Wanted::Packets => reply::PCAPNG,
        }
    }
}

/// The error for a format that nobody knows.
pub(super) fn unknown_format(others: &[&str]) -> ApiError {
    let names: Vec<&str> = others.iter().copied().chain(Wanted::ALL.iter().map(|(name, _)| *name)).collect();
    ApiError::parameter("format", "there is no such format").expected(names.join(", "))
}

/// Sends what a selection holds in a format.
pub(super) async fn send(
    app: &App,
    name: &str,
    selection: &Selection,
    format: Wanted,
    export: &ExportParams,
) -> Result<Response, ApiError> {
    let selected = app.select(selection)?;
    let order = match export.order.as_deref() {
        None | Some("newest") => Order::Newest,
        Some("oldest") => Order::Oldest,
        Some(_) => return Err(ApiError::parameter("order", "there is no such order").expected("newest or oldest")),
    };
    if export.fields.is_some() && !matches!(format, Wanted::Text(_)) {
        return Err(ApiError::parameter("fields", format!("fields have no meaning in {}", format.name())));
    }
    let is_json = matches!(format, Wanted::Text(Format::Json | Format::Jsonl));
    if !selected.filter.redactions().is_empty() && !is_json {
        return Err(ApiError::parameter("format", "redact() needs jsonl or json"));
    }
    if export.limit == Some(0) {
        return Err(ApiError::parameter("limit", "0 is out of range").expected("1 or more"));
    }
    let limit = export.limit.into_iter().chain(selected.filter.limit()).min();
    let bytes: ByteStream = match format {
        Wanted::Packets if limit.is_some() => {
            return Err(ApiError::parameter("limit", "packets of a number of entries can't be given"));
        }
        Wanted::Packets => return packets::save_selected(app, name, selected, false).await,
        Wanted::Text(format) => {
            let text = Text::new(app, &selected.filter, format, export.fields.as_deref())?;
            write_text(text, &selected, order, limit)
        }
        Wanted::Engine(format) => {
            let Selected { filter, window, snapshot, .. } = selected;
            app.engine.export(ExportRequest { snapshot, filter, window, order, limit, format }).await?
        }
    };
    let bytes = app.export(bytes)?;
    reply::file(&format!("{name}.{}", format.name()), format.kind(), bytes).await
}

/// Writes entries as text.
enum Text {
    Json { writer: Box<JsonEntries>, filter: Filter, is_array: bool },
    Csv(Box<EntryWriter<'static>>),
}

impl Text {
    fn new(app: &App, filter: &Filter, format: Format, fields: Option<&str>) -> Result<Text, ApiError> {
        let projection = Projection::of(app.table, fields, None, filter)?;
        if format == Format::Csv {
            let columns = match projection {
                Projection::Fields(columns) => Some(columns),
                _ => None,
            };
            let options = Options { columns, ..Options::default() };
            return Ok(Text::Csv(Box::new(EntryWriter::new(format, app.table, options))));
        }
        let writer = Box::new(JsonEntries::new(app.table, &projection));
        Ok(Text::Json { writer, filter: filter.clone(), is_array: format == Format::Json })
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        match self {
            Text::Json { is_array: true, .. } => out.extend_from_slice(b"[\n"),
            Text::Json { .. } => {}
            Text::Csv(writer) => writer.begin(out),
        }
    }

    fn entry(&mut self, entry: &Entry, is_first: bool, out: &mut Vec<u8>) {
        match self {
            Text::Json { writer, filter, is_array } => {
                if *is_array && !is_first {
                    out.extend_from_slice(b",\n");
                }
                writer.write(filter, entry, out);
                if !*is_array {
                    out.push(b'\n');
                }
            }
            Text::Csv(writer) => writer.write(entry, out),
        }
    }

    /// Tells behind the last entry that some are missing.
    fn incomplete(&mut self, error: &ApiError, is_first: bool, out: &mut Vec<u8>) {
        match self {
            Text::Json { is_array, .. } => {
                if *is_array && !is_first {
                    out.extend_from_slice(b",\n");
                }
                out.extend(serde_json::to_vec(&error.answer()).unwrap_or_default());
                if !*is_array {
                    out.push(b'\n');
                }
            }
            Text::Csv(writer) => {
                let message = error.body.message.replace('"', "\"\"");
                out.extend_from_slice(format!("\"error: {message}\"").as_bytes());
                out.resize(out.len() + writer.fields().len().saturating_sub(1), b',');
                out.push(b'\n');
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if let Text::Json { is_array: true, .. } = self {
            out.extend_from_slice(b"\n]\n");
        }
    }
}

/// A file of text that is written as entries are read. What can't be read must not look like what was not there: a last
/// record tells it, for a body that broke off would leave a browser with no file at all.
fn write_text(mut text: Text, selected: &Selected, order: Order, limit: Option<u64>) -> ByteStream {
    let stored = Arc::clone(&selected.stored);
    let left_out = stored.loss(selected.window).count(Cause::SegmentUnreadable);
    let entries = stored.stream(&selected.filter, selected.window, order, limit);
    let mut head = Vec::new();
    text.begin(&mut head);
    let state = Some((entries, text, 0u64, head));
    let rest = stream::unfold(state, move |state| async move {
        let (mut entries, mut text, mut written, mut out) = state?;
        match entries.next().await {
            Some(Err(error)) if !matches!(error, QueryError::Unreadable(_)) => {
                Some((Err(EngineError::from(error)), None))
            }
            Some(Ok(batch)) => {
                for entry in &batch {
                    text.entry(entry, written == 0, &mut out);
                    written = written.saturating_add(1);
                }
                Some((Ok(Bytes::from(out)), Some((entries, text, written, Vec::new()))))
            }
            ended => {
                let unreadable = ended.and_then(Result::err).map(|error| error.to_string());
                let left_out = (left_out > 0).then(|| format!("{left_out} entries are in files that can't be read"));
                let missing: Vec<String> = unreadable.into_iter().chain(left_out).collect();
                if !missing.is_empty() {
                    let error = ApiError::unreadable(missing.join("; "));
                    text.incomplete(&error, written == 0, &mut out);
                }
                text.end(&mut out);
                Some((Ok(Bytes::from(out)), None))
            }
        }
    });
    Box::pin(rest)
}

impl Viewer {
    /// Refuses a viewer that may not see packets.
    fn needs_raw(&self) -> Result<(), ApiError> {
        self.needs(crate::access::Right::Raw)
    }
}
