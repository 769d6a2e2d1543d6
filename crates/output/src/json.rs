//! Entries as JSON objects (RFC 8259), one a line.
//!
//! Values that an entry does not have are left out, and so are bools that are false. Bytes that are not UTF-8 are base64 under
//! the name with `_b64`. Times are RFC 3339 with nanoseconds.

use lanternfish_model::{Entry, FieldIndex, FieldTable, ProtocolIndex, Value, Values};
use smallvec::SmallVec;

use crate::buffer::Buffer;
use crate::plan::{Key, Step, plan};
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
}

impl JsonWriter {
    /// Makes the plans.
    pub(crate) fn new(table: &FieldTable, columns: Option<&[Column]>) -> Self {
        let of = |position| plan(table, ProtocolIndex(position as u8), columns);
        let plans = (0..table.protocols().len()).map(of).collect();
        JsonWriter { plans, out: Buffer::default(), times: TimeText::default(), open: Vec::new() }
    }

    /// Writes an entry, without an end of line.
    pub(crate) fn write(&mut self, entry: &Entry, table: &FieldTable, out: &mut Vec<u8>) {
        let steps = self.plans.get(usize::from(entry.protocol.0)).map_or(&[][..], Vec::as_slice);
        let values = ByField::new(entry);
        let writer = &mut self.out;
        writer.byte(b'{');
        for step in steps {
            match step {
                Step::Open(key) => {
                    self.open.push(writer.len());
                    key.write(writer);
                }
                Step::Close => {
                    let start = self.open.pop().unwrap_or_default();
                    if writer.last() == Some(b'{') {
                        writer.truncate(start);
                    } else {
                        map::close(writer, b'}');
                        writer.byte(b',');
                    }
                }
                Step::Value { key, source, is_caseless, map_key } => {
                    let value = match source {
                        Source::Local(index) => values.get(entry, *index),
                        other => other.value(entry, table),
                    };
                    match (value, map_key) {
                        (Value::Absent | Value::Bool(false), _) => {}
                        (Value::Map(map), Some(map_key)) => {
                            one_key(writer, key, of_key(map, map_key, *is_caseless));
                        }
                        (value, _) => member(writer, &mut self.times, key, value, *is_caseless),
                    }
                }
            }
        }
        map::close(writer, b'}');
        writer.move_to(out);
    }
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

    /// The first value of a field.
    #[inline]
    fn get(&self, entry: &'a Entry, field: FieldIndex) -> Value<'a> {
        match self.positions.get(usize::from(field.0)) {
            Some(&position @ 1..) => {
                let [request, response] = self.halves;
                let half = if position < RESPONSE { request } else { response };
                half.map_or(Value::Absent, |values| values.at(usize::from(position & !RESPONSE) - 1))
            }
            _ if self.is_cut => entry.protocol_value(field),
            _ => Value::Absent,
        }
    }
}

/// Writes `"name":value,`.
#[inline]
fn member(out: &mut Buffer, times: &mut TimeText, key: &Key, value: Value<'_>, is_caseless: bool) {
    match value {
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => {
                key.write(out);
                escape::string(out, text);
            }
            Err(_) => {
                map::key_b64(out, key.bytes());
                map::quoted_base64(out, bytes);
            }
        },
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
