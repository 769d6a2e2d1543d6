//! The values of a message: typed cells over one arena of bytes, with no allocation a value.
//!
//! Text that is not valid UTF-8 is kept as bytes. Lists and maps lie in the arena as length-prefixed items.

mod items;
mod write;

use std::net::IpAddr;

use self::items::{Items, push_item};
pub use self::items::{ListBuffer, ListRef, MapRef};
pub use self::write::{ListWriter, MapWriter};
use crate::{FieldIndex, Timestamp};

/// The value of a field, borrowed from the entry that holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// The entry has no such value; a filter sees the default of the type.
    Absent,
    /// true or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes, also where a text is not UTF-8.
    Bytes(&'a [u8]),
    /// An address: a text, formatted only where somebody reads it.
    Ip(IpAddr),
    /// A point in time.
    Time(Timestamp),
    /// A list of texts.
    List(ListRef<'a>),
    /// A map of texts.
    Map(MapRef<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Tag {
    Bool,
    Int,
    Double,
    Text,
    Bytes,
    Ip,
    Time,
    List,
    Map,
    Static,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    field: FieldIndex,
    tag: Tag,
    length: u32,
    data: u64,
}

/// The values of one message.
#[derive(Clone, Debug, Default)]
pub struct Values {
    cells: Vec<Cell>,
    arena: Vec<u8>,
    statics: Vec<&'static str>,
}

impl Values {
    /// Forgets all values and keeps the room.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.arena.clear();
        self.statics.clear();
        if self.arena.capacity() > KEPT_CAPACITY_BYTES {
            self.arena = Vec::new();
        }
    }

    /// Bytes of memory held.
    pub fn footprint_bytes(&self) -> usize {
        self.arena.capacity() + self.cells.capacity() * std::mem::size_of::<Cell>()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Sets a bool.
    pub fn bool(&mut self, field: FieldIndex, value: bool) {
        self.push(field, Tag::Bool, 0, u64::from(value));
    }

    /// Sets an integer.
    pub fn int(&mut self, field: FieldIndex, value: i64) {
        self.push(field, Tag::Int, 0, value.cast_unsigned());
    }

    /// Sets a floating point number.
    pub fn double(&mut self, field: FieldIndex, value: f64) {
        self.push(field, Tag::Double, 0, value.to_bits());
    }

    /// Sets a time.
    pub fn time(&mut self, field: FieldIndex, value: Timestamp) {
        self.push(field, Tag::Time, 0, value.ns().cast_unsigned());
    }

    /// Sets an address.
    pub fn ip(&mut self, field: FieldIndex, value: IpAddr) {
        let at = self.arena.len() as u64;
        match value {
            IpAddr::V4(v4) => self.arena.extend_from_slice(&v4.octets()),
            IpAddr::V6(v6) => self.arena.extend_from_slice(&v6.octets()),
        }
        let length = (self.arena.len() as u64 - at) as u32;
        self.push(field, Tag::Ip, length, at);
    }

    /// Sets a text that lives as long as the program: nothing is copied.
    pub fn name(&mut self, field: FieldIndex, value: &'static str) {
        let at = self.statics.len() as u64;
        self.statics.push(value);
        self.push(field, Tag::Static, 0, at);
    }

    /// Sets a text from wire bytes; bytes that are not UTF-8 are kept as bytes. Longer than 4 GiB is cut.
    pub fn text(&mut self, field: FieldIndex, value: &[u8]) {
        let tag = if value.is_ascii() || std::str::from_utf8(value).is_ok() { Tag::Text } else { Tag::Bytes };
        self.slice(field, tag, value);
    }

    /// Sets a text made of parts.
    pub fn text_parts(&mut self, field: FieldIndex, parts: &[&[u8]]) {
        let at = self.arena.len();
        for part in parts {
            self.arena.extend_from_slice(part);
        }
        let written = self.arena.get(at..).unwrap_or_default();
        let tag = if std::str::from_utf8(written).is_ok() { Tag::Text } else { Tag::Bytes };
        let length = written.len() as u32;
        self.push(field, tag, length, at as u64);
    }

    /// Sets a text from formatting arguments.
    pub fn text_fmt(&mut self, field: FieldIndex, arguments: std::fmt::Arguments<'_>) {
        let at = self.arena.len();
        let _ = std::io::Write::write_fmt(&mut self.arena, arguments);
        let length = (self.arena.len() - at) as u32;
        self.push(field, Tag::Text, length, at as u64);
    }

    /// Sets bytes.
    pub fn bytes(&mut self, field: FieldIndex, value: &[u8]) {
        self.slice(field, Tag::Bytes, value);
    }

    /// Begins a list; `finish` sets it.
    pub fn list(&mut self, field: FieldIndex) -> ListWriter<'_> {
        let at = self.arena.len();
        ListWriter { values: self, field, at }
    }

    /// Begins a map; `finish` sets it.
    pub fn map(&mut self, field: FieldIndex) -> MapWriter<'_> {
        MapWriter(ListWriter { at: self.arena.len(), values: self, field })
    }

    /// Puts another text in the place of the value that was set at a position.
    pub fn replace_text(&mut self, position: usize, value: &[u8]) {
        let Some(field) = self.field_at(position) else { return };
        self.text(field, value);
        self.move_last_to(position);
    }

    /// Puts a map or list with other values in the place of the one that was set at a position. `change` is given the
    /// name (nothing for a list) and the value of each, and gives another value or none where it stays.
    pub fn replace_items(&mut self, position: usize, mut change: impl FnMut(&[u8], &[u8]) -> Option<Vec<u8>>) {
        let Some(&cell) = self.cells.get(position) else { return };
        let mut items = Vec::new();
        let mut is_changed = false;
        let mut given = Items(self.bytes_of(&cell));
        while let Some(first) = given.next() {
            let (name, value) = match cell.tag {
                Tag::Map => (Some(first), given.next().unwrap_or_default()),
                _ => (None, first),
            };
            if let Some(name) = name {
                push_item(&mut items, name);
            }
            let changed = change(name.unwrap_or_default(), value);
            is_changed |= changed.is_some();
            push_item(&mut items, changed.as_deref().unwrap_or(value));
        }
        if is_changed {
            let at = self.arena.len() as u64;
            self.arena.extend_from_slice(&items);
            self.push(cell.field, cell.tag, items.len() as u32, at);
            self.move_last_to(position);
        }
    }

    /// Puts the value that was set last in the place of another.
    fn move_last_to(&mut self, position: usize) {
        if let Some(last) = self.cells.pop()
            && let Some(slot) = self.cells.get_mut(position)
        {
            *slot = last;
        }
    }

    /// The first value set for a field.
    pub fn get(&self, field: FieldIndex) -> Value<'_> {
        match self.cells.iter().find(|cell| cell.field == field) {
            Some(cell) => self.value(cell),
            None => Value::Absent,
        }
    }

    /// The fields that are set, in the order they were set; a position in it is one for [`Values::at`].
    pub fn fields(&self) -> impl Iterator<Item = FieldIndex> {
        self.cells.iter().map(|cell| cell.field)
    }

    /// The field that was set at a position.
    #[inline]
    pub fn field_at(&self, position: usize) -> Option<FieldIndex> {
        self.cells.get(position).map(|cell| cell.field)
    }

    /// The value that was set at a position.
    #[inline]
    pub fn at(&self, position: usize) -> Value<'_> {
        self.cells.get(position).map_or(Value::Absent, |cell| self.value(cell))
    }

    /// The bytes of a text that was set at a position, whether they are UTF-8 or not; none for what is no text.
    #[inline]
    pub fn text_at(&self, position: usize) -> Option<&[u8]> {
        let cell = self.cells.get(position)?;
        match cell.tag {
            Tag::Text | Tag::Bytes => Some(self.bytes_of(cell)),
            Tag::Static => self.statics.get(cell.data as usize).map(|text| text.as_bytes()),
            _ => None,
        }
    }

    /// All values in the order they were set.
    pub fn iter(&self) -> impl Iterator<Item = (FieldIndex, Value<'_>)> {
        self.cells.iter().map(|cell| (cell.field, self.value(cell)))
    }

    fn push(&mut self, field: FieldIndex, tag: Tag, length: u32, data: u64) {
        self.cells.push(Cell { field, tag, length, data });
    }

    fn slice(&mut self, field: FieldIndex, tag: Tag, value: &[u8]) {
        let value = value.get(..MAX_VALUE_BYTES).unwrap_or(value);
        let at = self.arena.len() as u64;
        self.arena.extend_from_slice(value);
        self.push(field, tag, value.len() as u32, at);
    }

    fn value(&self, cell: &Cell) -> Value<'_> {
        match cell.tag {
            Tag::Bool => Value::Bool(cell.data != 0),
            Tag::Int => Value::Int(cell.data.cast_signed()),
            Tag::Double => Value::Double(f64::from_bits(cell.data)),
            Tag::Time => Value::Time(Timestamp::from_ns(cell.data.cast_signed())),
            Tag::Static => Value::Text(self.statics.get(cell.data as usize).copied().unwrap_or_default()),
            Tag::Text => Value::Text(self.text_of(cell)),
            Tag::Bytes => Value::Bytes(self.bytes_of(cell)),
            Tag::List => Value::List(ListRef(self.bytes_of(cell))),
            Tag::Map => Value::Map(MapRef(self.bytes_of(cell))),
            Tag::Ip => {
                let bytes = self.bytes_of(cell);
                match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
                    (Ok(v4), _) => Value::Ip(IpAddr::from(v4)),
                    (_, Ok(v6)) => Value::Ip(IpAddr::from(v6)),
                    _ => Value::Absent,
                }
            }
        }
    }

    fn bytes_of(&self, cell: &Cell) -> &[u8] {
        let at = cell.data as usize;
        self.arena.get(at..at.saturating_add(cell.length as usize)).unwrap_or_default()
    }

    fn text_of(&self, cell: &Cell) -> &str {
        // The text was checked when it was set; checking again costs little and keeps this crate free of unsafe code.
        std::str::from_utf8(self.bytes_of(cell)).unwrap_or_default()
    }
}

/// The longest value that is kept.
const MAX_VALUE_BYTES: usize = 16 << 20;
/// An arena larger than this is not kept for the next message.
const KEPT_CAPACITY_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const A: FieldIndex = FieldIndex(3);
    const B: FieldIndex = FieldIndex(4);

    #[test]
    fn values_come_back_typed() {
        let mut values = Values::default();
        values.int(A, -5);
        values.text(B, b"abc");
        values.text(FieldIndex(5), b"\xff");
        let mut list = values.list(FieldIndex(6));
        list.push(b"x");
        list.push_fmt(format_args!("{}", 12));
        list.finish();
        let mut map = values.map(FieldIndex(7));
        map.push_lower(b"Host", b"h");
        map.finish();
        values.ip(FieldIndex(8), IpAddr::from([10, 0, 0, 1]));
        assert_eq!(values.get(A), Value::Int(-5));
        assert_eq!(values.get(B), Value::Text("abc"));
        assert_eq!(values.get(FieldIndex(5)), Value::Bytes(b"\xff"));
        assert_eq!(values.get(FieldIndex(8)), Value::Ip(IpAddr::from([10, 0, 0, 1])));
        let Value::List(list) = values.get(FieldIndex(6)) else { panic!("no list") };
        assert_eq!(list.iter().collect::<Vec<_>>(), [Value::Text("x"), Value::Text("12")]);
        let Value::Map(map) = values.get(FieldIndex(7)) else { panic!("no map") };
        assert_eq!(map.find(b"HOST", true), Some(&b"h"[..]));
        assert_eq!(map.find(b"HOST", false), None);
        assert_eq!(values.get(FieldIndex(9)), Value::Absent);
    }
}
