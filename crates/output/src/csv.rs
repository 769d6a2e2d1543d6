//! Entries as CSV: quoting as in RFC 4180, lines end with LF.

use lanternfish_model::{Entry, FieldTable};

use crate::buffer::Buffer;
use crate::source::Sources;
use crate::time::TimeText;
use crate::{Column, plain, word};

/// Writes entries as lines of comma-separated values.
#[derive(Clone, Debug)]
pub(crate) struct CsvWriter {
    columns: Vec<Column>,
    sources: Sources,
    out: Buffer,
    times: TimeText,
}

impl CsvWriter {
    /// Looks the columns up.
    pub(crate) fn new(table: &FieldTable, columns: Vec<Column>) -> Self {
        let sources = Sources::new(table, &columns);
        CsvWriter { columns, sources, out: Buffer::default(), times: TimeText::default() }
    }

    /// Writes the header line.
    pub(crate) fn header(&mut self, out: &mut Vec<u8>) {
        for column in &self.columns {
            let start = self.out.len();
            self.out.put(column.name.as_bytes());
            quote(&mut self.out, start);
            self.out.byte(b',');
        }
        self.end_line(out);
    }

    /// Writes an entry with its end of line.
    pub(crate) fn write(&mut self, entry: &Entry, table: &FieldTable, out: &mut Vec<u8>) {
        for (source, column) in self.sources.of(entry.protocol).iter().zip(&self.columns) {
            if let Some(source) = source {
                let start = self.out.len();
                if plain::value(&mut self.out, &mut self.times, source.value(entry, table), column) {
                    quote(&mut self.out, start);
                }
            }
            self.out.byte(b',');
        }
        self.end_line(out);
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        if self.out.last() == Some(b',') {
            self.out.replace_last(b'\n');
        }
        self.out.move_to(out);
    }
}

/// Puts quotes around what was written from `start` on, where it needs them.
#[inline]
fn quote(out: &mut Buffer, start: usize) {
    let marks = |bytes| {
        word::equal(bytes, b',') | word::equal(bytes, b'"') | word::equal(bytes, b'\n') | word::equal(bytes, b'\r')
    };
    if word::any(out.since(start), marks) {
        quote_anew(out, start);
    }
}

#[cold]
fn quote_anew(out: &mut Buffer, start: usize) {
    let cell = out.since(start).to_vec();
    out.truncate(start);
    out.byte(b'"');
    for (position, part) in cell.split(|byte| *byte == b'"').enumerate() {
        if position > 0 {
            out.put(b"\"\"");
        }
        out.put(part);
    }
    out.byte(b'"');
}
