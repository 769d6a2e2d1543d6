//! Where an evaluation reads its names from, and what it remembers meanwhile.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use lanternfish_model::{Entry, FieldTable, Kind, Place, Timestamp, Value};
use serde_json::{Map, Value as Json};

use crate::clock;
use crate::decode::{self, Format};
use crate::expr::Field;
use crate::path::{self, Step};
use crate::redaction::{Applied, Redaction};
use crate::value::{Missing, Val};

/// What names are read from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'e> {
    /// Nothing: constants are folded.
    Nothing,
    Entry(&'e FieldTable, &'e Entry),
    /// A JSON record, which `redact` changes at once.
    Record(&'e RefCell<Json>),
}

/// The state of one evaluation.
pub(crate) struct Context<'e> {
    source: Source<'e>,
    redactions: &'e [Redaction],
    applied: Cell<Applied>,
    pub variables: RefCell<Vec<Val<'e>>>,
    /// Visits left to macros and selectors.
    pub left: Cell<u32>,
    decoded: RefCell<Vec<Decoded>>,
}

/// A document and the text it was decoded from.
struct Decoded {
    address: usize,
    length: usize,
    format: Format,
    document: Option<Rc<Json>>,
}

impl<'e> Context<'e> {
    pub fn new(source: Source<'e>, redactions: &'e [Redaction]) -> Self {
        Context {
            source,
            redactions,
            applied: Cell::new(Applied::default()),
            variables: RefCell::new(Vec::new()),
            left: Cell::new(path::budget()),
            decoded: RefCell::new(Vec::new()),
        }
    }

    /// Which redactions were evaluated.
    pub fn applied(&self) -> Applied {
        self.applied.get()
    }

    /// Evaluates a `redact`.
    pub fn redact(&self, range: std::ops::Range<usize>) {
        for number in range {
            let mut applied = self.applied.get();
            applied.insert(number);
            self.applied.set(applied);
            if let (Source::Record(record), Some(redaction)) = (self.source, self.redactions.get(number)) {
                redaction.apply(&mut record.borrow_mut());
            }
        }
    }

    /// The value of a field, or the default of its type.
    pub fn field(&self, field: &Field) -> Result<Val<'e>, Missing> {
        let Source::Entry(table, entry) = self.source else { return Err(Missing) };
        let value = entry.value(table, field.id);
        if !self.applied.get().is_empty() && value != Value::Absent {
            return self.redacted_field(table, field, value);
        }
        match Val::of(value, field.is_caseless) {
            Err(Missing) if !field.is_optional => Ok(default_of(field.kind)),
            result => result,
        }
    }

    /// Whether the entry has a value of its own for the field.
    pub fn has_field(&self, field: &Field) -> bool {
        match self.source {
            Source::Entry(table, entry) => entry.value(table, field.id) != Value::Absent,
            _ => false,
        }
    }

    /// The value as it is after the redactions evaluated so far.
    fn redacted_field(&self, table: &FieldTable, field: &Field, value: Value<'e>) -> Result<Val<'e>, Missing> {
        let spec = table.spec(field.id);
        let before = json_of(value, field.is_caseless);
        let mut json = before.clone();
        for (_, redaction) in self.evaluated() {
            redaction.apply_to_field(spec, &mut json);
        }
        if json == before { Val::of(value, field.is_caseless) } else { Ok(Val::of_json(&json)) }
    }

    fn evaluated(&self) -> impl Iterator<Item = (usize, &'e Redaction)> {
        let applied = self.applied.get();
        self.redactions.iter().enumerate().filter(move |(number, _)| applied.contains(*number))
    }

    /// Runs selectors on the record, or on the fields of the entry below a prefix.
    pub fn record(&self, prefix: &[String], steps: &[Step], found: &mut dyn FnMut(&Json)) {
        match self.source {
            Source::Nothing => {}
            Source::Record(record) => {
                let record = record.borrow();
                let word = match steps {
                    [Step::Key { name, .. }] if record.get(name).is_none() => is_word(&record, name),
                    _ => false,
                };
                if word { found(&Json::Bool(true)) } else { self.walk(&record, steps, found) }
            }
            Source::Entry(table, entry) => {
                let mut json = record_of(table, entry, prefix);
                for (_, redaction) in self.evaluated() {
                    redaction.apply(&mut json);
                }
                let mut at = &json;
                for name in prefix {
                    match at.get(name) {
                        Some(below) => at = below,
                        None => return,
                    }
                }
                self.walk(at, steps, found);
            }
        }
    }

    /// Runs selectors on a document.
    pub fn walk(&self, json: &Json, steps: &[Step], found: &mut dyn FnMut(&Json)) {
        let mut left = self.left.get();
        path::walk(json, steps, &mut left, found);
        self.left.set(left);
    }

    /// Counts a visit; an error where there were too many.
    pub fn visit(&self) -> Result<(), Missing> {
        self.left.set(self.left.get().checked_sub(1).ok_or(Missing)?);
        Ok(())
    }

    /// Decodes a text of the entry or record, once per evaluation for the same text.
    pub fn decode(&self, value: &Val<'_>, format: Format) -> Result<Rc<Json>, Missing> {
        let text: &str = match value {
            Val::Text(text) => text,
            _ => return Err(Missing),
        };
        // Only a text that is borrowed for the whole evaluation keeps its address.
        let is_stable = matches!(value, Val::Text(Cow::Borrowed(_))) && matches!(self.source, Source::Entry(..));
        let (address, length) = (text.as_ptr().addr(), text.len());
        if is_stable {
            let known = self.decoded.borrow();
            let same = known.iter().find(|d| (d.address, d.length, d.format) == (address, length, format));
            if let Some(known) = same {
                return known.document.clone().ok_or(Missing);
            }
        }
        let document = decode::decode(text, format).map(Rc::new);
        let mut known = self.decoded.borrow_mut();
        if is_stable && known.len() < MAX_REMEMBERED {
            known.push(Decoded { address, length, format, document: document.clone() });
        }
        document.ok_or(Missing)
    }
}

/// Whether a name that a record lacks is the word of its protocol (`http`, `tcp_conn`).
fn is_word(record: &Json, name: &str) -> bool {
    let Some(protocol) = record.get("protocol") else { return false };
    let protocol = if protocol.is_object() { protocol.get("name").or(protocol.get("abbr")) } else { Some(protocol) };
    let Some(protocol) = protocol.and_then(Json::as_str).map(str::to_ascii_lowercase) else { return false };
    match name.strip_prefix(&protocol) {
        Some("") => true,
        Some(class @ ("_conn" | "_flow")) => record.get(class.trim_start_matches('_')) == Some(&Json::Bool(true)),
        _ => false,
    }
}

/// What a field is where the entry has none.
fn default_of(kind: Kind) -> Val<'static> {
    match kind {
        Kind::Bool => Val::Bool(false),
        Kind::Int => Val::Int(0),
        Kind::Double => Val::Double(0.0),
        Kind::Text => Val::Text(Cow::Borrowed("")),
        Kind::Bytes => Val::Bytes(Cow::Borrowed(b"")),
        Kind::Time => Val::Time(Timestamp::from_ns(0)),
        Kind::TextList => Val::List(Vec::new()),
        Kind::Map => Val::Dict(Vec::new()),
    }
}

/// The fields of an entry below a prefix as a record.
pub(crate) fn record_of(table: &FieldTable, entry: &Entry, prefix: &[String]) -> Json {
    let mut record = Map::new();
    for (id, spec, place) in table.iter() {
        if matches!(place, Place::Word { .. }) || !is_below(spec.path, prefix) {
            continue;
        }
        match entry.value(table, id) {
            Value::Absent => {}
            value => put(&mut record, spec.path, json_of(value, spec.is_caseless)),
        }
    }
    Json::Object(record)
}

/// Whether a field's name lies at or below a prefix.
pub(crate) fn is_below(path: &str, prefix: &[String]) -> bool {
    let mut parts = path.split('.');
    prefix.iter().all(|name| parts.next() == Some(name))
}

fn put(record: &mut Map<String, Json>, path: &str, value: Json) {
    match path.split_once('.') {
        None => {
            record.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let below = record.entry(first).or_insert_with(|| Json::Object(Map::new()));
            if let Some(below) = below.as_object_mut() {
                put(below, rest, value);
            }
        }
    }
}

/// A value as it stands in a record: maps are objects, a repeated name is a list.
pub(crate) fn json_of(value: Value<'_>, is_caseless: bool) -> Json {
    let text = |bytes: &[u8]| Json::from(String::from_utf8_lossy(bytes));
    match value {
        Value::Absent => Json::Null,
        Value::Bool(value) => Json::from(value),
        Value::Int(value) => Json::from(value),
        Value::Double(value) => Json::from(value),
        Value::Text(value) => Json::from(value),
        Value::Bytes(bytes) => text(bytes),
        Value::Ip(ip) => Json::from(ip.to_string()),
        Value::Time(time) => Json::from(clock::format(time)),
        Value::List(list) => list.iter_bytes().map(text).collect(),
        Value::Map(map) => {
            let mut object = Map::new();
            for (name, value) in map.iter_bytes() {
                let mut name = String::from_utf8_lossy(name).into_owned();
                if is_caseless {
                    name.make_ascii_lowercase();
                }
                match object.get_mut(&name) {
                    None => {
                        object.insert(name, text(value));
                    }
                    Some(Json::Array(items)) => items.push(text(value)),
                    Some(first) => *first = Json::Array(vec![first.take(), text(value)]),
                }
            }
            Json::Object(object)
        }
    }
}

/// The most documents that one evaluation remembers.
const MAX_REMEMBERED: usize = 4;
