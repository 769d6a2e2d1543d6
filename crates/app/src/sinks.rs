//! From entries to bytes, on the threads of the workers.

use lanternfish_filter::Filter;
use lanternfish_model::{Entry, FieldTable};
use lanternfish_output::EntryWriter;
use lanternfish_pipeline::EntrySink;

/// Writes entries in the format of the user. Separators stand before each entry.
pub(crate) struct FormatSink {
    writer: EntryWriter<'static>,
}

impl FormatSink {
    /// A sink with a writer of its own.
    pub(crate) fn new(writer: &EntryWriter<'static>) -> FormatSink {
        FormatSink { writer: writer.clone() }
    }
}

impl EntrySink for FormatSink {
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        if self.writer.takes(entry) {
            out.extend_from_slice(self.writer.separator());
            self.writer.write(entry, out);
        }
    }
}

/// Writes entries as JSON with what the filter redacts taken out.
pub(crate) struct RedactingSink {
    writer: EntryWriter<'static>,
    table: &'static FieldTable,
    filter: Filter,
    text: Vec<u8>,
}

impl RedactingSink {
    /// A sink with a writer of its own, for JSON or JSON lines.
    pub(crate) fn new(writer: &EntryWriter<'static>, table: &'static FieldTable, filter: &Filter) -> RedactingSink {
        RedactingSink { writer: writer.clone(), table, filter: filter.clone(), text: Vec::new() }
    }
}

impl EntrySink for RedactingSink {
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        self.text.clear();
        self.writer.write(entry, &mut self.text);
        // Our own JSON is always read; if it were not, nothing would be shown rather than a secret.
        let Ok(mut record) = serde_json::from_slice(&self.text) else { return };
        let verdict = self.filter.judge(self.table, entry);
        self.filter.redact(&verdict, &mut record);
        out.extend_from_slice(self.writer.separator());
        let _ = serde_json::to_writer(&mut *out, &record);
        if self.writer.separator().is_empty() {
            out.push(b'\n');
        }
    }
}
