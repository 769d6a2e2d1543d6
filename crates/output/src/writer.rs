//! The one writer over all formats.

use lanternfish_model::{Entry, FieldId, FieldTable, Place, fields as f};

use crate::csv::CsvWriter;
use crate::har::HarWriter;
use crate::json::JsonWriter;
use crate::table::TableWriter;
use crate::{Column, ColumnError};

/// How entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines for people.
    Table,
    /// One JSON object a line.
    Jsonl,
    /// One JSON array.
    Json,
    /// Comma-separated values.
    Csv,
    /// An HTTP Archive: the HTTP calls as browsers' developer tools read them.
    Har,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Format] = &[Format::Table, Format::Jsonl, Format::Json, Format::Csv, Format::Har];

    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Jsonl => "jsonl",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Har => "har",
        }
    }

    /// The format of a name.
    pub fn find(name: &str) -> Option<Format> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }
}

/// What a user may choose.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The columns; `None` shows what suits the format.
    pub columns: Option<Vec<Column>>,
    /// Whether a table is coloured.
    pub has_color: bool,
    /// The width of the terminal, to which a table is cut; `None` does not cut.
    pub width: Option<usize>,
}

/// Writes entries in one format.
///
/// The whole output is [`EntryWriter::begin`], the entries with [`EntryWriter::separator`] between them, and
/// [`EntryWriter::end`]. Each worker has a clone and formats into its own buffer.
#[derive(Clone, Debug)]
pub struct EntryWriter<'t> {
    table: &'t FieldTable,
    format: Format,
    columns: Option<Vec<FieldId>>,
    writer: Writer,
}

#[derive(Clone, Debug)]
enum Writer {
    Json(JsonWriter),
    Csv(CsvWriter),
    Table(Box<TableWriter>),
    Har(Box<HarWriter>),
}

impl<'t> EntryWriter<'t> {
    /// Plans the output of every protocol of the table.
    pub fn new(format: Format, table: &'t FieldTable, options: Options) -> Self {
        let columns = match (format, options.columns) {
            (Format::Csv, None) => Some(default_columns(table)),
            (_, columns) => columns,
        };
        let fields = columns.as_ref().map(|columns| columns.iter().map(|column| column.field).collect());
        let writer = match format {
            Format::Json | Format::Jsonl => Writer::Json(JsonWriter::new(table, columns.as_deref())),
            Format::Har => Writer::Har(Box::new(HarWriter::new(table))),
            Format::Csv => Writer::Csv(CsvWriter::new(table, columns.unwrap_or_default())),
            Format::Table => {
                Writer::Table(Box::new(TableWriter::new(table, columns, options.has_color, options.width)))
            }
        };
        EntryWriter { table, format, columns: fields, writer }
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The fields that are read: what dissectors must keep for this output.
    pub fn fields(&self) -> Vec<FieldId> {
        if let Some(columns) = &self.columns {
            return columns.clone();
        }
        let is_shown =
            |place: Place| !matches!(place, Place::Common(f::REQUEST_BODY | f::RESPONSE_BODY) | Place::Protocol);
        match &self.writer {
            Writer::Table(table) => {
                let mut fields = table.summary_fields(self.table).unwrap_or_default();
                fields.extend(self.table.iter().filter(|(_, _, place)| is_shown(*place)).map(|(id, _, _)| id));
                fields
            }
            _ => self.table.iter().map(|(id, _, _)| id).collect(),
        }
    }

    /// Writes what stands before the first entry.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        match &mut self.writer {
            Writer::Json(_) if self.format == Format::Json => out.extend_from_slice(b"[\n"),
            Writer::Json(_) => {}
            Writer::Csv(csv) => csv.header(out),
            Writer::Table(table) => table.header(out),
            Writer::Har(_) => HarWriter::begin(out),
        }
    }

    /// Whether the format has a place for an entry; one that it has not is left out, with its separator.
    pub fn takes(&self, entry: &Entry) -> bool {
        match &self.writer {
            Writer::Har(har) => har.takes(entry, self.table),
            Writer::Json(_) | Writer::Csv(_) | Writer::Table(_) => true,
        }
    }

    /// Writes an entry; a line with its end, save in a JSON array, where [`EntryWriter::separator`] follows, and in an HTTP Archive.
    pub fn write(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        match &mut self.writer {
            Writer::Json(json) => {
                json.write(entry, self.table, out);
                if self.format == Format::Jsonl {
                    out.push(b'\n');
                }
            }
            Writer::Csv(csv) => csv.write(entry, self.table, out),
            Writer::Table(table) => table.write(entry, self.table, out),
            Writer::Har(har) => har.write(entry, self.table, out),
        }
    }

    /// What stands between two entries.
    pub fn separator(&self) -> &'static [u8] {
        if matches!(self.format, Format::Json | Format::Har) { b",\n" } else { b"" }
    }

    /// Writes what stands behind the last entry.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.end_with("", out);
    }

    /// Writes what stands behind the last entry, with a comment on all of them where the format has a place for one.
    pub fn end_with(&mut self, comment: &str, out: &mut Vec<u8>) {
        match self.format {
            Format::Json => out.extend_from_slice(b"\n]\n"),
            Format::Har => HarWriter::end(comment, out),
            Format::Table | Format::Jsonl | Format::Csv => {}
        }
    }
}

impl Options {
    /// Options with the columns of a `--fields` list.
    pub fn with_fields(table: &FieldTable, list: &str) -> Result<Options, ColumnError> {
        Ok(Options { columns: Some(Column::parse_list(table, list)?), ..Options::default() })
    }
}

fn default_columns(table: &FieldTable) -> Vec<Column> {
    let field = |index: &lanternfish_model::FieldIndex| f::FIELDS.get(usize::from(index.0));
    let names = DEFAULT_COLUMNS.iter().filter_map(field);
    names.filter_map(|spec| Column::parse(table, spec.path).ok()).collect()
}

/// The columns of CSV where none are asked for.
const DEFAULT_COLUMNS: &[lanternfish_model::FieldIndex] = &[
    f::ID,
    f::TIMESTAMP,
    f::PROTOCOL,
    f::SRC_IP,
    f::SRC_PORT,
    f::SRC_NAME,
    f::DST_IP,
    f::DST_PORT,
    f::DST_NAME,
    f::STATUS_CODE,
    f::OUTCOME,
    f::ELAPSED_TIME,
    f::CONN_ID,
];
