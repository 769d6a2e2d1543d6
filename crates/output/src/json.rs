//! Entries as JSON objects (RFC 8259), one a line.
//!
//! Values that an entry does not have are left out, and so are bools that are false. Bytes that are not UTF-8 are base64 under
//! the name with `_b64`. Times are RFC 3339 with nanoseconds.

use lanternfish_model::{Entry, FieldIndex, FieldTable, ProtocolIndex, Value, Values};
use smallvec::SmallVec;

use crate::buffer::Buffer;
use crate::plan::{Key, Step, plan};
use crate::shared::SharedTexts;
use crate::source::{Source, of_key};
use crate::time::TimeText;
use crate::{Column, address, escape, map};

/// Writes entries as objects.
#[derive(Clone, Debug)]
pub(crate) struct JsonWriter {
    /// By protocol.
    plans: Vec<Vec<Step>>,
    out: Buffer,
    times: TimeText,
    /// Where the objects begin that are open.
    open: Vec<usize>,
    shared: SharedTexts,
}

impl JsonWriter {
    /// Makes the plans.
    pub(crate) fn new(table: &FieldTable, columns: Option<&[Column]>) -> Self {
        let of = |position| plan(table, ProtocolIndex(position as u8), columns);
        let plans = (0..table.protocols().len()).map(of).collect();
        JsonWriter {
            plans,
            out: Buffer::default(),
            times: TimeText::default(),
            open: Vec::new(),
            shared: SharedTexts::default(),
        }
    }

    /// Writes an entry, without an end of line.
    pub(crate) fn write(&mut self, entry: &Entry, table: &FieldTable, out: &mut Vec<u8>) {
        let steps = self.plans.get(usize::from(entry.protocol.0)).map_or(&[][..], Vec::as_slice);
        let mut shared = self.shared.of(entry);
        let (out_of_line, times, open) = (&mut self.out, &mut self.times, &mut self.open);
        let mut line = Line { entry, table, values: ByField::new(entry), out: out_of_line, times, open };
        line.out.byte(b'{');
        let (mut rest, mut part) = (steps, 0);
        while let Some((step, behind)) = rest.split_first() {
            let Step::Shared(count) = step else {
                line.step(step);
                rest = behind;
                continue;
            };
            let (steps, behind) = behind.split_at_checked(*count).unwrap_or((behind, &[]));
            rest = behind;
            if let Some(text) = shared.as_deref().and_then(|shared| shared.part(part)) {
                line.out.put(text);
            } else {
                let start = line.out.len();
                steps.iter().for_each(|step| line.step(step));
                if let Some(shared) = &mut shared {
                    shared.add(line.out.since(start));
                }
            }
            part += 1;
        }
        map::close(&mut self.out, b'}');
        self.out.move_to(out);
    }
}

/// A line that is being written.
struct Line<'a, 'w> {
    entry: &'a Entry,
    table: &'a FieldTable,
    values: ByField<'a>,
    out: &'w mut Buffer,
    times: &'w mut TimeText,
    open: &'w mut Vec<usize>,
}

impl Line<'_, '_> {
    /// Takes one step that stands for itself.
    #[inline]
    fn step(&mut self, step: &Step) {
        let out = &mut *self.out;
        match step {
            Step::Shared(_) => {}
            Step::Open(key) => {
                self.open.push(out.len());
                key.write(out);
            }
            Step::Close => {
                let start = self.open.pop().unwrap_or_default();
                if out.last() == Some(b'{') {
                    out.truncate(start);
                } else {
                    map::close(out, b'}');
                    out.byte(b',');
                }
            }
            Step::Value { key, source, is_caseless, map_key } => {
                let value = match source {
                    Source::Local(index) => match self.values.find(*index) {
                        Found::Nothing => return,
                        Found::At(values, position) => match values.text_at(position) {
                            Some(text) => return text_member(out, key, text),
                            None => values.at(position),
                        },
                        Found::Elsewhere => self.entry.protocol_value(*index),
                    },
                    other => other.value(self.entry, self.table),
                };
                match (value, map_key) {
                    (Value::Absent | Value::Bool(false), _) => {}
                    (Value::Map(map), Some(map_key)) => one_key(out, key, of_key(map, map_key, *is_caseless)),
                    (value, _) => member(out, self.times, key, value, *is_caseless),
                }
            }
        }
    }
}

/// Where the value of a field is.
enum Found<'a> {
    Nothing,
    At(&'a Values, usize),
    /// There was no slot for it.
    Elsewhere,
}

/// Where the values of an entry are, by field; none is decoded before it is read.
struct ByField<'a> {
    halves: [Option<&'a Values>; 2],
    /// By field, the position of its first value, counted from 1; 0 where there is none. The response's have the highest bit.
    positions: [u16; MAX_FIELDS],
    /// Whether there are fields or positions that have no slot.
    is_cut: bool,
}

impl<'a> ByField<'a> {
    fn new(entry: &'a Entry) -> Self {
        let halves = [&entry.request, &entry.response].map(|half| half.as_ref().map(|message| &message.values));
        let mut by_field = ByField { halves, positions: [0; MAX_FIELDS], is_cut: false };
        for (values, mark) in halves.into_iter().zip([0, RESPONSE]) {
            let fields = values.into_iter().flat_map(Values::fields);
            for (field, position) in fields.zip(1u16..) {
                match by_field.positions.get_mut(usize::from(field.0)) {
                    Some(slot @ 0) if position < RESPONSE => *slot = position | mark,
                    Some(1..) => {}
                    _ => by_field.is_cut = true,
                }
            }
        }
        by_field
    }

    /// Where the first value of a field is.
    #[inline]
    fn find(&self, field: FieldIndex) -> Found<'a> {
        match self.positions.get(usize::from(field.0)) {
            Some(&position @ 1..) => {
                let [request, response] = self.halves;
                let half = if position < RESPONSE { request } else { response };
                half.map_or(Found::Nothing, |values| Found::At(values, usize::from(position & !RESPONSE) - 1))
            }
            _ if self.is_cut => Found::Elsewhere,
            _ => Found::Nothing,
        }
    }
}

/// Writes `"name":value,`.
#[inline]
fn member(out: &mut Buffer, times: &mut TimeText, key: &Key, value: Value<'_>, is_caseless: bool) {
    match value {
        Value::Bytes(bytes) => return text_member(out, key, bytes),
        Value::List(list) => {
            map::list(out, key.bytes(), list);
            return;
        }
        value => {
            key.write(out);
            scalar(out, times, value, is_caseless);
        }
    }
    out.byte(b',');
}

/// Writes `"name":"text",`, or base64 where it is no text.
#[inline]
fn text_member(out: &mut Buffer, key: &Key, text: &[u8]) {
    let start = out.len();
    key.write(out);
    if !escape::text(out, text) {
        out.truncate(start);
        map::key_b64(out, key.bytes());
        map::quoted_base64(out, text);
    }
    out.byte(b',');
}

fn scalar(out: &mut Buffer, times: &mut TimeText, value: Value<'_>, is_caseless: bool) {
    match value {
        Value::Text(text) => escape::string(out, text),
        Value::Int(number) => integer(out, number),
        Value::Ip(ip) => {
            out.byte(b'"');
            address::ip(out, ip);
            out.byte(b'"');
        }
        Value::Time(time) => {
            out.byte(b'"');
            times.write(out, time);
            out.byte(b'"');
        }
        Value::Map(pairs) => map::object(out, pairs, is_caseless),
        Value::Bool(true) => out.put(b"true"),
        Value::Bool(false) => out.put(b"false"),
        Value::Double(number) => double(out, number),
        Value::Absent | Value::Bytes(_) | Value::List(_) => out.put(b"null"),
    }
}

/// Writes an integer.
#[inline]
pub(crate) fn integer(out: &mut Buffer, number: i64) {
    out.put(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes a floating point number; JSON has no infinity and no NaN, which are `null`.
pub(crate) fn double(out: &mut Buffer, number: f64) {
    if number.is_finite() {
        out.put(ryu::Buffer::new().format_finite(number).as_bytes());
    } else {
        out.put(b"null");
    }
}

/// Writes the values of one key of a map: a text, or a list where the key repeats.
fn one_key<'a>(out: &mut Buffer, key: &Key, values: impl Iterator<Item = &'a [u8]>) {
    let values: SmallVec<[&[u8]; 4]> = values.collect();
    let texts: SmallVec<[&str; 4]> = values.iter().filter_map(|value| std::str::from_utf8(value).ok()).collect();
    let others: SmallVec<[&[u8]; 4]> = values.into_iter().filter(|value| std::str::from_utf8(value).is_err()).collect();
    one_or_list(out, &texts, |out| key.write(out), escape::string);
    one_or_list(out, &others, |out| map::key_b64(out, key.bytes()), map::quoted_base64);
}

fn one_or_list<T: Copy>(out: &mut Buffer, items: &[T], key: impl Fn(&mut Buffer), write: impl Fn(&mut Buffer, T)) {
    if items.is_empty() {
        return;
    }
    key(out);
    if let [item] = items {
        write(out, *item);
    } else {
        out.byte(b'[');
        for item in items {
            write(out, *item);
            out.byte(b',');
        }
        map::close(out, b']');
    }
    out.byte(b',');
}

/// So many fields of a protocol have a slot.
const MAX_FIELDS: usize = 64;
/// Marks a position in the response.
const RESPONSE: u16 = 1 << 15;
