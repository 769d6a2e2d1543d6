//! Entries as the text of a format, for who prints them as they come.

use lanternfish_filter::Filter;
use lanternfish_model::{Entry, EntryClass, FieldId, FieldTable, Outcome, Value};
use lanternfish_output::{EntryWriter, Format};

/// Writes entries with the separators of their format, each before its entry.
#[derive(Debug)]
pub(crate) struct TextEntries {
    table: &'static FieldTable,
    writer: EntryWriter<'static>,
    /// Whether of connections and flows only the first and the last revision is written.
    is_brief: bool,
    revisions: Vec<FieldId>,
    text: Vec<u8>,
}

impl TextEntries {
    /// Plans the output.
    pub(crate) fn new(table: &'static FieldTable, writer: EntryWriter<'static>, is_brief: bool) -> TextEntries {
        let revisions = ["conn_revision", "flow_revision"].iter().filter_map(|name| table.find(name)).collect();
        TextEntries { table, writer, is_brief, revisions, text: Vec::new() }
    }

    /// Appends an entry, with what the filter redacts taken out; nothing where the format has no place for it.
    pub(super) fn write(&mut self, filter: &Filter, entry: &Entry, out: &mut Vec<u8>) {
        if !self.writer.takes(entry) || (self.is_brief && self.is_between(entry)) {
            return;
        }
        let begin = out.len();
        out.extend_from_slice(self.writer.separator());
        if filter.redactions().is_empty() {
            return self.writer.write(entry, out);
        }
        self.text.clear();
        self.writer.write(entry, &mut self.text);
        // Our own JSON is always read; if it were not, nothing would be shown rather than a secret.
        let Ok(mut record) = serde_json::from_slice(&self.text) else { return out.truncate(begin) };
        filter.redact(&filter.judge(self.table, entry), &mut record);
        let _ = serde_json::to_writer(&mut *out, &record);
        if self.writer.format() == Format::Jsonl {
            out.push(b'\n');
        }
    }

    /// Whether it tells how a connection or flow stands, between its first packet and its end.
    fn is_between(&self, entry: &Entry) -> bool {
        let is_first = |field: &FieldId| matches!(entry.value(self.table, *field), Value::Int(0));
        entry.class != EntryClass::Call && entry.outcome == Outcome::Open && !self.revisions.iter().any(is_first)
    }
}
