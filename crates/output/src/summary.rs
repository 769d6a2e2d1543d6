//! What an entry is about, in one line: the fields that its protocol marks as its summary.
//!
//! A protocol that marks none is summed up by the first texts that it declares.

use lanternfish_model::{
    Entry, EntryClass, FieldId, FieldIndex, FieldSpec, FieldTable, Keep, Kind, ProtocolIndex, Secrecy, Value,
};

/// The fields of the summaries, by protocol.
#[derive(Clone, Debug)]
pub struct Summaries(Vec<Vec<FieldIndex>>);

impl Summaries {
    /// Picks the fields.
    pub fn new(table: &FieldTable) -> Self {
        Summaries(table.protocols().iter().map(|spec| pick(spec.fields)).collect())
    }

    /// The fields of all protocols.
    pub fn fields(&self, table: &FieldTable) -> Vec<FieldId> {
        let of = |(position, indexes): (usize, &Vec<FieldIndex>)| {
            let global = |index: &FieldIndex| table.global(ProtocolIndex(position as u8), *index);
            indexes.iter().filter_map(global).collect::<Vec<_>>()
        };
        self.0.iter().enumerate().flat_map(of).collect()
    }

    /// The fields that sum up entries of a protocol, in the order in which they are shown.
    pub fn of(&self, protocol: ProtocolIndex) -> &[FieldIndex] {
        self.0.get(usize::from(protocol.0)).map_or(&[], Vec::as_slice)
    }

    /// Writes the summary of an entry.
    pub fn write(&self, entry: &Entry, out: &mut String) {
        if entry.class == EntryClass::Flow {
            out.push_str("flow");
        }
        for index in self.of(entry.protocol) {
            let start = out.len();
            match entry.protocol_value(*index) {
                Value::Text(text) => out.push_str(text),
                Value::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
                Value::Int(number) => out.push_str(itoa::Buffer::new().format(number)),
                Value::Ip(ip) => out.push_str(&ip.to_string()),
                Value::List(list) => {
                    for (position, item) in list.iter_bytes().take(MAX_ITEMS + 1).enumerate() {
                        out.push_str(if position > 0 { ", " } else { "" });
                        out.push_str(&if position == MAX_ITEMS { "…".into() } else { String::from_utf8_lossy(item) });
                    }
                }
                _ => {}
            }
            join(out, start);
        }
    }
}

/// Joins the part written from `start` on with those before it; a part that begins with them stands for both (`GET`, `GET key`).
fn join(out: &mut String, start: usize) {
    let (Some(before), Some(part)) = (out.get(..start), out.get(start..)) else { return };
    if part.is_empty() || before.is_empty() {
        return;
    }
    if before.split(' ').any(|known| known == part) {
        out.truncate(start);
    } else if part.starts_with(before) {
        out.drain(..start);
    } else {
        out.insert(start, ' ');
    }
}

fn pick(fields: &[FieldSpec]) -> Vec<FieldIndex> {
    let indexes = |is_wanted: &dyn Fn(&FieldSpec) -> bool| -> Vec<FieldIndex> {
        let wanted = fields.iter().enumerate().filter(|(_, spec)| spec.pending.is_empty() && is_wanted(spec));
        wanted.map(|(position, _)| FieldIndex(position as u16)).collect()
    };
    let marked = indexes(&|spec| spec.is_summary);
    if !marked.is_empty() {
        return marked;
    }
    let is_text = |spec: &FieldSpec| matches!(spec.kind, Kind::Text | Kind::TextList) && spec.keep == Keep::Stored;
    let mut first = indexes(&|spec| is_text(spec) && spec.secrecy != Secrecy::Whole && !spec.path.contains('.'));
    first.truncate(UNMARKED_FIELDS);
    first
}

/// How many fields sum up a protocol that marks none.
const UNMARKED_FIELDS: usize = 2;
/// How many items of a list are shown.
const MAX_ITEMS: usize = 3;
