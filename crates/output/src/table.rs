//! Entries as a table for terminals: one line an entry, coloured by outcome, cut to the width.
//!
//! Control characters, and those that change the direction of text, never reach the terminal.

use lanternfish_model::{Entry, EntryClass, FieldId, FieldTable, Kind, Outcome, Transport, Value, fields as f};
use unicode_width::UnicodeWidthChar;

use crate::buffer::Buffer;
use crate::source::Sources;
use crate::summary::Summaries;
use crate::time::TimeText;
use crate::{Column, address, plain};

/// Writes entries as lines of a table.
#[derive(Clone, Debug)]
pub(crate) struct TableWriter {
    layout: Layout,
    has_color: bool,
    /// The width of the terminal in cells; `None` does not cut.
    width: Option<usize>,
    out: Buffer,
    cell: Buffer,
    text: String,
    times: TimeText,
}

#[derive(Clone, Debug)]
enum Layout {
    Summary { summaries: Summaries, protocol_width: usize, endpoint_width: usize },
    Columns { columns: Vec<Column>, widths: Vec<usize>, sources: Sources },
}

impl TableWriter {
    /// Plans the columns.
    pub(crate) fn new(table: &FieldTable, columns: Option<Vec<Column>>, has_color: bool, width: Option<usize>) -> Self {
        let layout = match columns {
            Some(columns) => {
                let widths = columns.iter().map(|column| column_width(table, column)).collect();
                let sources = Sources::new(table, &columns);
                Layout::Columns { columns, widths, sources }
            }
            None => {
                let names = table.protocols().iter().map(|spec| spec.name.len());
                let endpoint = width.map_or(WIDE_ENDPOINT, |width| width.saturating_sub(40) / 4);
                Layout::Summary {
                    summaries: Summaries::new(table),
                    protocol_width: names.max().unwrap_or(0).clamp("PROTOCOL".len(), 12),
                    endpoint_width: endpoint.clamp(NARROW_ENDPOINT, WIDE_ENDPOINT),
                }
            }
        };
        TableWriter {
            layout,
            has_color,
            width,
            out: Buffer::default(),
            cell: Buffer::default(),
            text: String::new(),
            times: TimeText::default(),
        }
    }

    /// The fields that the table reads beside the common ones; `None` where columns were asked for.
    pub(crate) fn summary_fields(&self, table: &FieldTable) -> Option<Vec<FieldId>> {
        match &self.layout {
            Layout::Summary { summaries, .. } => Some(summaries.fields(table)),
            Layout::Columns { .. } => None,
        }
    }

    /// Writes the line of names.
    pub(crate) fn header(&mut self, out: &mut Vec<u8>) {
        let mut line = Line::new(&mut self.out, self.width);
        line.style(self.has_color, BOLD);
        match &self.layout {
            Layout::Summary { protocol_width, endpoint_width, .. } => {
                line.cell("TIME (UTC)", TIME_WIDTH, Align::Left);
                line.cell("PROTOCOL", *protocol_width, Align::Left);
                line.cell("STATUS", STATUS_WIDTH, Align::Right);
                line.cell("TOOK", ELAPSED_WIDTH, Align::Right);
                line.cell("CLIENT", *endpoint_width, Align::Left);
                line.cell("SERVER", *endpoint_width, Align::Left);
                line.last("SUMMARY");
            }
            Layout::Columns { columns, widths, .. } => {
                for (column, width) in columns.iter().zip(widths) {
                    line.cell(&column.name, *width, Align::Left);
                }
            }
        }
        line.end(self.has_color);
        self.out.move_to(out);
    }

    /// Writes an entry with its end of line.
    pub(crate) fn write(&mut self, entry: &Entry, table: &FieldTable, out: &mut Vec<u8>) {
        let mut line = Line::new(&mut self.out, self.width);
        line.style(self.has_color, color(entry.outcome));
        match &self.layout {
            Layout::Summary { summaries, protocol_width, endpoint_width } => {
                self.times.write_clock(&mut self.cell, entry.timestamp);
                line.take(&mut self.cell, TIME_WIDTH, Align::Left);
                line.cell(table.protocol_name(entry.protocol), *protocol_width, Align::Left);
                match entry.status_code() {
                    Some(code) => line.cell(itoa::Buffer::new().format(code), STATUS_WIDTH, Align::Right),
                    None => line.cell(outcome_word(entry.outcome), STATUS_WIDTH, Align::Right),
                }
                self.text.clear();
                elapsed(&mut self.text, entry.elapsed_ns);
                line.cell(&self.text, ELAPSED_WIDTH, Align::Right);
                for (name, ip, port) in [(f::SRC_NAME, f::SRC_IP, f::SRC_PORT), (f::DST_NAME, f::DST_IP, f::DST_PORT)] {
                    match (entry.common(table, name), entry.common(table, ip)) {
                        (Value::Text(name), _) => self.cell.put(name.as_bytes()),
                        (_, Value::Ip(ip)) => address::ip(&mut self.cell, ip),
                        _ => {}
                    }
                    let has_ports = entry.transport() != Transport::Icmp;
                    let is_any = entry.class == EntryClass::Flow && port == f::SRC_PORT;
                    if let (Value::Int(port), true) = (entry.common(table, port), has_ports && !is_any) {
                        self.cell.byte(b':');
                        self.cell.put(itoa::Buffer::new().format(port).as_bytes());
                    }
                    line.take(&mut self.cell, *endpoint_width, Align::KeepEnd);
                }
                self.text.clear();
                summaries.write(entry, &mut self.text);
                if let Some(note) = entry.notes.iter().next() {
                    self.text.push_str(if self.text.is_empty() { "(" } else { " (" });
                    self.text.push_str(note);
                    self.text.push(')');
                }
                line.last(&self.text);
            }
            Layout::Columns { columns, widths, sources } => {
                for ((column, width), source) in columns.iter().zip(widths).zip(sources.of(entry.protocol)) {
                    let value = source.map_or(Value::Absent, |source| source.value(entry, table));
                    plain::value(&mut self.cell, &mut self.times, value, column);
                    line.take(&mut self.cell, *width, Align::Left);
                }
            }
        }
        line.end(self.has_color);
        self.out.move_to(out);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
    /// To the left; where it is too long, the end is kept (a port tells more than the start of an address).
    KeepEnd,
}

/// A line that is being written; a cell's padding is written only when another cell follows.
struct Line<'a> {
    out: &'a mut Buffer,
    left: usize,
    is_cut: bool,
    padding: usize,
    is_styled: bool,
}

impl<'a> Line<'a> {
    fn new(out: &'a mut Buffer, width: Option<usize>) -> Self {
        Line { out, left: width.unwrap_or(usize::MAX), is_cut: width.is_some(), padding: 0, is_styled: false }
    }

    fn style(&mut self, has_color: bool, code: &str) {
        if has_color && !code.is_empty() {
            self.out.put(code.as_bytes());
            self.is_styled = true;
        }
    }

    fn take(&mut self, cell: &mut Buffer, width: usize, align: Align) {
        self.cell(&String::from_utf8_lossy(cell.since(0)), width, align);
        cell.truncate(0);
    }

    fn cell(&mut self, text: &str, width: usize, align: Align) {
        let own: usize = text.chars().map(cells).sum();
        let gap = width.saturating_sub(own);
        if align == Align::Right {
            self.padding = self.padding.saturating_add(gap);
        }
        match own > width && self.is_cut {
            true if align == Align::KeepEnd => self.put_end(text, own, width),
            true => self.put(text, width),
            false => self.put(text, usize::MAX),
        }
        self.padding = self.padding.saturating_add(GAP).saturating_add(if align == Align::Right { 0 } else { gap });
    }

    /// Writes the last cell, which may take what is left of the line.
    fn last(&mut self, text: &str) {
        self.put(text, usize::MAX);
    }

    /// Writes the end of a text that is wider than `width` cells.
    fn put_end(&mut self, text: &str, own: usize, width: usize) {
        let mut skip = (own + 1).saturating_sub(width);
        let mut rest = text.chars();
        while skip > 0 {
            skip = skip.saturating_sub(rest.next().map_or(skip, cells));
        }
        self.put(&format!("…{}", rest.as_str()), width);
    }

    fn put(&mut self, text: &str, width: usize) {
        if text.is_empty() {
            return;
        }
        let padding = self.padding.min(self.left);
        for _ in 0..padding {
            self.out.byte(b' ');
        }
        self.left -= padding;
        self.padding = 0;
        let room = width.min(self.left);
        let whole: usize = text.chars().map(cells).sum();
        let mut used = 0;
        for character in text.chars() {
            let next = used + cells(character);
            if whole > room && next + 1 > room {
                if used < room {
                    self.out.put("…".as_bytes());
                    used += 1;
                }
                break;
            }
            self.out.put(shown(character).encode_utf8(&mut [0; 4]).as_bytes());
            used = next;
        }
        self.left = self.left.saturating_sub(used);
    }

    fn end(self, has_color: bool) {
        if has_color && self.is_styled {
            self.out.put(RESET.as_bytes());
        }
        self.out.byte(b'\n');
    }
}

/// What stands for a character: itself, unless a terminal would act on it.
fn shown(character: char) -> char {
    match character {
        '\n' | '\r' | '\t' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => '·',
        other if other.is_control() => '·',
        other => other,
    }
}

fn cells(character: char) -> usize {
    if character.is_ascii() { 1 } else { shown(character).width().unwrap_or(1) }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::ClientError | Outcome::ServerError => "error",
        other => other.name(),
    }
}

fn color(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "\x1b[32m",
        Outcome::ClientError => "\x1b[33m",
        Outcome::ServerError => "\x1b[31m",
        Outcome::Failed => "\x1b[1;31m",
        Outcome::Open => "",
    }
}

/// Writes a duration with three digits or so: `153µs`, `1.53ms`, `21.4s`.
fn elapsed(out: &mut String, ns: Option<i64>) {
    let Some(ns) = ns else { return };
    let micros = ns as f64 / 1000.0;
    let (number, unit) = match micros {
        ..1000.0 => (micros, "µs"),
        ..1_000_000.0 => (micros / 1000.0, "ms"),
        _ => (micros / 1_000_000.0, "s"),
    };
    let digits = if unit == "µs" || number >= 100.0 {
        0
    } else if number >= 10.0 {
        1
    } else {
        2
    };
    let _ = std::fmt::Write::write_fmt(out, format_args!("{number:.digits$}{unit}"));
}

fn column_width(table: &FieldTable, column: &Column) -> usize {
    let spec = table.spec(column.field);
    let width = match spec.kind {
        Kind::Bool => 5,
        Kind::Int => 8,
        Kind::Double => 10,
        Kind::Text if spec.path.ends_with(".ip") => 15,
        Kind::Text | Kind::Bytes => 20,
        Kind::Time => 30,
        Kind::TextList | Kind::Map => 30,
    };
    column.name.len().max(width)
}

const TIME_WIDTH: usize = 12;
const STATUS_WIDTH: usize = 6;
const ELAPSED_WIDTH: usize = 6;
/// `255.255.255.255:65535`
const WIDE_ENDPOINT: usize = 21;
const NARROW_ENDPOINT: usize = 12;
/// Cells between columns.
const GAP: usize = 2;
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";
