//! Entries as JSON by the one JSON writer: which fields stand in them, and what a filter redacts.

use std::sync::Mutex;

use lanternfish_filter::Filter;
use lanternfish_model::{Entry, FieldTable, Place, fields as f};
use lanternfish_output::{Column, EntryWriter, Format, Options};

use crate::error::ApiError;

/// Which fields stand in entries.
#[derive(Clone, Debug)]
pub enum Projection {
    /// All.
    All,
    /// All but the bodies.
    NoBodies,
    /// These.
    Fields(Vec<Column>),
}

impl Projection {
    /// The projection of the parameters `fields` and `bodies`.
    pub(crate) fn of(
        table: &FieldTable,
        fields: Option<&str>,
        bodies: Option<bool>,
        filter: &Filter,
    ) -> Result<Projection, ApiError> {
        let Some(fields) = fields else {
            return Ok(if bodies.unwrap_or(true) { Projection::All } else { Projection::NoBodies });
        };
        if bodies.is_some() {
            return Err(ApiError::parameter("bodies", "bodies has no meaning where fields are given"));
        }
        if !filter.redactions().is_empty() {
            return Err(ApiError::parameter("fields", "redact() needs whole entries, without fields"));
        }
        let columns = Column::parse_list(table, fields);
        columns.map(Projection::Fields).map_err(|error| ApiError::parameter("fields", error.to_string()))
    }

    /// A writer of JSON objects with these fields.
    pub(crate) fn writer(&self, table: &'static FieldTable) -> EntryWriter<'static> {
        let columns = match self {
            Projection::All => None,
            Projection::NoBodies => Some(columns_without_bodies(table)),
            Projection::Fields(columns) => Some(columns.clone()),
        };
        EntryWriter::new(Format::Json, table, Options { columns, ..Options::default() })
    }
}

/// Every field that JSON shows, but the bodies.
fn columns_without_bodies(table: &FieldTable) -> Vec<Column> {
    let is_shown =
        |place: Place| !matches!(place, Place::Common(f::REQUEST_BODY | f::RESPONSE_BODY) | Place::Word { .. });
    let shown = table.iter().filter(|(_, spec, place)| is_shown(*place) && spec.pending.is_empty());
    let column = |(field, spec): (_, &lanternfish_model::FieldSpec)| Column {
        name: spec.path.to_owned(),
        field,
        key: None,
        is_caseless: spec.is_caseless,
    };
    shown.map(|(field, spec, _)| column((field, spec))).collect()
}

/// Writes entries as JSON objects, with what a filter redacts taken out.
#[derive(Clone, Debug)]
pub struct JsonEntries {
    table: &'static FieldTable,
    writer: EntryWriter<'static>,
    text: Vec<u8>,
}

impl JsonEntries {
    /// Plans the output.
    pub fn new(table: &'static FieldTable, projection: &Projection) -> JsonEntries {
        JsonEntries { table, writer: projection.writer(table), text: Vec::new() }
    }

    /// Appends an entry.
    pub fn write(&mut self, filter: &Filter, entry: &Entry, out: &mut Vec<u8>) {
        if filter.redactions().is_empty() {
            self.writer.write(entry, out);
            return;
        }
        self.text.clear();
        self.writer.write(entry, &mut self.text);
        // Our own JSON is always read; if it were not, nothing would be shown rather than a secret.
        let Ok(mut record) = serde_json::from_slice(&self.text) else {
            out.extend_from_slice(b"{}");
            return;
        };
        filter.redact(&filter.judge(self.table, entry), &mut record);
        let _ = serde_json::to_writer(out, &record);
    }
}

/// Writers that wait for their next use: the plan of all protocols is not made anew for each request.
#[derive(Debug)]
pub(crate) struct Writers {
    table: &'static FieldTable,
    whole: Mutex<Vec<JsonEntries>>,
    without_bodies: Mutex<Vec<JsonEntries>>,
}

impl Writers {
    pub(crate) fn new(table: &'static FieldTable) -> Writers {
        Writers { table, whole: Mutex::default(), without_bodies: Mutex::default() }
    }

    /// Writes with a writer of a projection.
    pub(crate) fn with<T>(&self, projection: &Projection, write: impl FnOnce(&mut JsonEntries) -> T) -> T {
        let pool = match projection {
            Projection::All => &self.whole,
            Projection::NoBodies => &self.without_bodies,
            Projection::Fields(_) => return write(&mut JsonEntries::new(self.table, projection)),
        };
        let waiting = pool.lock().ok().and_then(|mut pool| pool.pop());
        let mut writer = waiting.unwrap_or_else(|| JsonEntries::new(self.table, projection));
        let written = write(&mut writer);
        if let Ok(mut pool) = pool.lock()
            && pool.len() < MAX_WAITING_WRITERS
        {
            pool.push(writer);
        }
        written
    }
}

/// The most writers of a kind that wait for their next use.
const MAX_WAITING_WRITERS: usize = 8;
