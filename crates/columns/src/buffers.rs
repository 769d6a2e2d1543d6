//! Growing columns. A row without a value costs nothing until a later row has one.
//!
//! Text columns hold valid UTF-8 only: what is not is stored with replacement characters, and the caller is told.

use std::io::Write;
use std::mem;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Float64Array, Int32Array, Int64Array, ListArray,
    MapArray, StringArray, StructArray, TimestampNanosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use lanternfish_model::{ListRef, MapRef, Value};

use crate::ColumnError;
use crate::arrays::Nulls;
use crate::layout::{Store, item_field, pair_field, pair_fields};

/// Whether a column holds a value exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// As it was.
    Exact,
    /// Something like it, or nothing.
    Lossy,
}

/// A column under construction.
#[derive(Debug)]
pub(crate) enum Buffered {
    Bool(Numbers<bool>),
    Int(Numbers<i64>),
    Small(Numbers<i32>),
    Double(Numbers<f64>),
    Time(Numbers<i64>),
    Text(Bytes),
    Bytes(Bytes),
    List(List),
    Map(Map),
}

impl Buffered {
    pub(crate) fn new(store: Store) -> Buffered {
        match store {
            Store::Bool => Buffered::Bool(Numbers::default()),
            Store::Int => Buffered::Int(Numbers::default()),
            Store::Small => Buffered::Small(Numbers::default()),
            Store::Double => Buffered::Double(Numbers::default()),
            Store::Time => Buffered::Time(Numbers::default()),
            Store::Text | Store::SharedText => Buffered::Text(Bytes::default()),
            Store::Bytes | Store::SharedBytes => Buffered::Bytes(Bytes::default()),
            Store::List => Buffered::List(List::default()),
            Store::Map => Buffered::Map(Map::default()),
        }
    }

    /// Sets the value of a row, unless it has one. Rows come in ascending order.
    #[inline]
    pub(crate) fn put(&mut self, row: usize, value: Value<'_>) -> Fit {
        match (self, value) {
            (_, Value::Absent) => Fit::Exact,
            (Buffered::Int(column), Value::Int(number)) => column.put(row, number),
            (Buffered::Text(column), Value::Text(text)) => column.put(row, text.as_bytes()),
            (Buffered::Text(column), Value::Bytes(bytes)) => column.put_lossy(row, bytes),
            (Buffered::Text(column), Value::Ip(ip)) => column.put_fmt(row, format_args!("{ip}")),
            (Buffered::Bool(column), Value::Bool(value)) => column.put(row, value),
            (Buffered::Time(column), Value::Time(time)) => column.put(row, time.ns()),
            (Buffered::Double(column), Value::Double(number)) => column.put(row, number),
            (Buffered::Bytes(column), Value::Bytes(bytes)) => column.put(row, bytes),
            (Buffered::Bytes(column), Value::Text(text)) => {
                column.put(row, text.as_bytes());
                Fit::Lossy
            }
            (Buffered::List(column), Value::List(list)) => column.put(row, list),
            (Buffered::Map(column), Value::Map(map)) => column.put(row, map),
            _ => Fit::Lossy,
        }
    }

    fn presence(&self) -> &Presence {
        match self {
            Buffered::Bool(column) => &column.presence,
            Buffered::Int(column) | Buffered::Time(column) => &column.presence,
            Buffered::Small(column) => &column.presence,
            Buffered::Double(column) => &column.presence,
            Buffered::Text(column) | Buffered::Bytes(column) => &column.presence,
            Buffered::List(column) => &column.presence,
            Buffered::Map(column) => &column.presence,
        }
    }

    /// Whether no row has a value.
    pub(crate) fn is_empty(&self) -> bool {
        self.presence().len == 0
    }

    /// Whether a row has a value, the newest one that any has.
    #[inline]
    pub(crate) fn has(&self, row: usize) -> bool {
        self.presence().len > row
    }

    /// Bytes of values held.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Buffered::Bool(column) => column.values.len(),
            Buffered::Int(column) | Buffered::Time(column) => mem::size_of_val(column.values.as_slice()),
            Buffered::Small(column) => mem::size_of_val(column.values.as_slice()),
            Buffered::Double(column) => mem::size_of_val(column.values.as_slice()),
            Buffered::Text(column) | Buffered::Bytes(column) => column.items.bytes(),
            Buffered::List(column) => column.items.bytes(),
            Buffered::Map(column) => column.names.bytes().saturating_add(column.values.bytes()),
        }
    }

    /// Gives the column of so many rows, and begins the next one.
    pub(crate) fn finish(&mut self, nulls: &mut Nulls, store: Store) -> Result<ArrayRef, ColumnError> {
        if self.is_empty() {
            return Ok(nulls.array(store));
        }
        let rows = nulls.rows();
        Ok(match self {
            Buffered::Bool(column) => {
                let (values, nulls) = column.finish(rows);
                Arc::new(BooleanArray::new(values.into(), nulls))
            }
            Buffered::Int(column) => {
                let (values, nulls) = column.finish(rows);
                Arc::new(Int64Array::try_new(values.into(), nulls)?)
            }
            Buffered::Small(column) => {
                let (values, nulls) = column.finish(rows);
                Arc::new(Int32Array::try_new(values.into(), nulls)?)
            }
            Buffered::Double(column) => {
                let (values, nulls) = column.finish(rows);
                Arc::new(Float64Array::try_new(values.into(), nulls)?)
            }
            Buffered::Time(column) => {
                let (values, nulls) = column.finish(rows);
                Arc::new(TimestampNanosecondArray::try_new(values.into(), nulls)?.with_data_type(store.data_type()))
            }
            Buffered::Text(column) => {
                let (offsets, values, nulls) = column.finish(rows);
                Arc::new(StringArray::try_new(offsets, values, nulls)?)
            }
            Buffered::Bytes(column) => {
                let (offsets, values, nulls) = column.finish(rows);
                Arc::new(BinaryArray::try_new(offsets, values, nulls)?)
            }
            Buffered::List(column) => column.finish(rows)?,
            Buffered::Map(column) => column.finish(rows)?,
        })
    }
}

/// Which rows have a value. Nothing is written while all have one.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// The rows up to the last one with a value.
    len: usize,
    bits: Option<BooleanBufferBuilder>,
}

impl Presence {
    /// Marks a row; gives how many before it have no value and were not told yet, or none where the row has one already.
    #[inline]
    fn mark(&mut self, row: usize) -> Option<usize> {
        if row == self.len && self.bits.is_none() {
            self.len += 1;
            return Some(0);
        }
        self.mark_behind(row)
    }

    fn mark_behind(&mut self, row: usize) -> Option<usize> {
        let gap = row.checked_sub(self.len)?;
        let len = self.len;
        let bits = self.bits.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(len.saturating_add(1024));
            bits.append_n(len, true);
            bits
        });
        bits.append_n(gap, false);
        bits.append(true);
        self.len = row + 1;
        Some(gap)
    }

    /// Gives how many rows at the end have no value, and the bits.
    fn finish(&mut self, rows: usize) -> (usize, Option<NullBuffer>) {
        let gap = rows.saturating_sub(mem::take(&mut self.len));
        if gap > 0 && self.bits.is_none() {
            let present = rows - gap;
            let mut bits = BooleanBufferBuilder::new(rows);
            bits.append_n(present, true);
            self.bits = Some(bits);
        }
        let bits = self.bits.take().map(|mut bits| {
            bits.append_n(gap, false);
            NullBuffer::new(bits.finish())
        });
        (gap, bits)
    }
}

/// Values of one width.
#[derive(Debug, Default)]
pub(crate) struct Numbers<T> {
    presence: Presence,
    values: Vec<T>,
}

impl<T: Copy + Default> Numbers<T> {
    #[inline]
    pub(crate) fn put(&mut self, row: usize, value: T) -> Fit {
        match self.presence.mark(row) {
            Some(0) => self.values.push(value),
            Some(_) => {
                self.values.resize(row, T::default());
                self.values.push(value);
            }
            None => {}
        }
        Fit::Exact
    }

    fn finish(&mut self, rows: usize) -> (Vec<T>, Option<NullBuffer>) {
        let (_, nulls) = self.presence.finish(rows);
        self.values.resize(rows, T::default());
        let next = Vec::with_capacity(room_for(self.values.len()));
        (mem::replace(&mut self.values, next), nulls)
    }
}

/// Byte strings one after the other.
#[derive(Debug)]
struct Items {
    data: Vec<u8>,
    /// Where each one ends, behind a zero.
    ends: Vec<i32>,
}

impl Default for Items {
    fn default() -> Self {
        Items { data: Vec::new(), ends: vec![0] }
    }
}

impl Items {
    fn bytes(&self) -> usize {
        self.data.len().saturating_add(mem::size_of_val(self.ends.as_slice()))
    }

    #[inline]
    fn last_end(&self) -> i32 {
        self.ends.last().copied().unwrap_or_default()
    }

    /// Whether so many bytes more can be held.
    #[inline]
    fn has_room(&self, bytes: usize) -> bool {
        self.data.len().saturating_add(bytes) <= MAX_COLUMN_BYTES
    }

    #[inline]
    fn push(&mut self, item: &[u8]) {
        self.data.extend_from_slice(item);
        self.end();
    }

    /// Ends the item that was written to the data.
    #[inline]
    fn end(&mut self) {
        self.ends.push(i32::try_from(self.data.len()).unwrap_or(i32::MAX));
    }

    fn push_empty(&mut self, count: usize) {
        let end = self.last_end();
        self.ends.resize(self.ends.len().saturating_add(count), end);
    }

    fn truncate(&mut self, items: usize, bytes: usize) {
        self.ends.truncate(items.saturating_add(1));
        self.data.truncate(bytes);
    }

    fn count(&self) -> usize {
        self.ends.len().saturating_sub(1)
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Buffer) {
        let mut next = Vec::with_capacity(room_for(self.ends.len()));
        next.push(0);
        let ends = mem::replace(&mut self.ends, next);
        let room = room_for(self.data.len());
        let data = mem::replace(&mut self.data, Vec::with_capacity(room));
        (OffsetBuffer::new(ScalarBuffer::from(ends)), Buffer::from_vec(data))
    }
}

/// A column of texts or bytes.
#[derive(Debug, Default)]
pub(crate) struct Bytes {
    presence: Presence,
    items: Items,
}

impl Bytes {
    #[inline]
    pub(crate) fn put(&mut self, row: usize, value: &[u8]) -> Fit {
        if !self.items.has_room(value.len()) {
            return Fit::Lossy;
        }
        match self.presence.mark(row) {
            Some(0) => {}
            Some(gap) => self.items.push_empty(gap),
            None => return Fit::Exact,
        }
        self.items.push(value);
        Fit::Exact
    }

    pub(crate) fn put_fmt(&mut self, row: usize, value: std::fmt::Arguments<'_>) -> Fit {
        if !self.items.has_room(MAX_FORMATTED_BYTES) {
            return Fit::Lossy;
        }
        if let Some(gap) = self.presence.mark(row) {
            self.items.push_empty(gap);
            // Writing to a Vec does not fail.
            let _ = self.items.data.write_fmt(value);
            self.items.end();
        }
        Fit::Exact
    }

    fn put_lossy(&mut self, row: usize, value: &[u8]) -> Fit {
        match std::str::from_utf8(value) {
            Ok(_) => self.put(row, value),
            Err(_) => {
                self.put(row, String::from_utf8_lossy(value).as_bytes());
                Fit::Lossy
            }
        }
    }

    fn finish(&mut self, rows: usize) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
        let (gap, nulls) = self.presence.finish(rows);
        self.items.push_empty(gap);
        let (offsets, values) = self.items.finish();
        (offsets, values, nulls)
    }
}

/// A column of lists of texts.
#[derive(Debug)]
pub(crate) struct List {
    presence: Presence,
    /// Where each list ends among the items, behind a zero.
    ends: Vec<i32>,
    items: Items,
}

impl Default for List {
    fn default() -> Self {
        List { presence: Presence::default(), ends: vec![0], items: Items::default() }
    }
}

impl List {
    fn put(&mut self, row: usize, list: ListRef<'_>) -> Fit {
        let bytes: usize = list.iter_bytes().map(<[u8]>::len).sum();
        if !self.items.has_room(bytes) {
            return Fit::Lossy;
        }
        match self.presence.mark(row) {
            Some(gap) => repeat_last(&mut self.ends, gap),
            None => return Fit::Exact,
        }
        let fit = put_texts(&mut self.items, list.iter_bytes());
        self.ends.push(i32::try_from(self.items.count()).unwrap_or(i32::MAX));
        fit
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef, ColumnError> {
        let (gap, nulls) = self.presence.finish(rows);
        repeat_last(&mut self.ends, gap);
        let (offsets, values) = self.items.finish();
        let items = StringArray::try_new(offsets, values, None)?;
        let lists = take_ends(&mut self.ends);
        Ok(Arc::new(ListArray::try_new(item_field(), lists, Arc::new(items), nulls)?))
    }
}

/// A column of maps of texts, in their order, names may repeat.
#[derive(Debug)]
pub(crate) struct Map {
    presence: Presence,
    /// Where each map ends among the pairs, behind a zero.
    ends: Vec<i32>,
    names: Items,
    values: Items,
}

impl Default for Map {
    fn default() -> Self {
        Map { presence: Presence::default(), ends: vec![0], names: Items::default(), values: Items::default() }
    }
}

impl Map {
    fn put(&mut self, row: usize, map: MapRef<'_>) -> Fit {
        if !self.names.has_room(MAX_MAP_BYTES) || !self.values.has_room(MAX_MAP_BYTES) {
            return Fit::Lossy;
        }
        match self.presence.mark(row) {
            Some(gap) => repeat_last(&mut self.ends, gap),
            None => return Fit::Exact,
        }
        let (names, values) = (&mut self.names, &mut self.values);
        let before = (names.count(), names.data.len(), values.count(), values.data.len());
        for (name, value) in map.iter_bytes() {
            names.push(name);
            values.push(value);
        }
        let written = |items: &Items, from: usize| items.data.get(from..).is_some_and(<[u8]>::is_ascii);
        let mut fit = Fit::Exact;
        if !written(names, before.1) || !written(values, before.3) {
            names.truncate(before.0, before.1);
            values.truncate(before.2, before.3);
            let fits = [
                put_texts(names, map.iter_bytes().map(|(name, _)| name)),
                put_texts(values, map.iter_bytes().map(|(_, value)| value)),
            ];
            fit = if fits == [Fit::Exact; 2] { Fit::Exact } else { Fit::Lossy };
        }
        self.ends.push(i32::try_from(self.names.count()).unwrap_or(i32::MAX));
        fit
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef, ColumnError> {
        let (gap, nulls) = self.presence.finish(rows);
        repeat_last(&mut self.ends, gap);
        let texts = |items: &mut Items| {
            let (offsets, values) = items.finish();
            StringArray::try_new(offsets, values, None)
        };
        let (names, values) = (texts(&mut self.names)?, texts(&mut self.values)?);
        let pairs = StructArray::try_new(pair_fields(), vec![Arc::new(names), Arc::new(values)], None)?;
        Ok(Arc::new(MapArray::try_new(pair_field(), take_ends(&mut self.ends), pairs, nulls, false)?))
    }
}

/// Adds items that must be texts, in another form where one is not.
fn put_texts<'a>(items: &mut Items, texts: impl Iterator<Item = &'a [u8]>) -> Fit {
    let mut fit = Fit::Exact;
    for text in texts {
        if text.is_ascii() || std::str::from_utf8(text).is_ok() {
            items.push(text);
        } else {
            fit = Fit::Lossy;
            items.push(String::from_utf8_lossy(text).as_bytes());
        }
    }
    fit
}

fn repeat_last(ends: &mut Vec<i32>, count: usize) {
    let last = ends.last().copied().unwrap_or_default();
    ends.resize(ends.len().saturating_add(count), last);
}

fn take_ends(ends: &mut Vec<i32>) -> OffsetBuffer<i32> {
    let mut next = Vec::with_capacity(room_for(ends.len()));
    next.push(0);
    OffsetBuffer::new(ScalarBuffer::from(mem::replace(ends, next)))
}

/// The next batch is taken to be about as large as the last one.
fn room_for(len: usize) -> usize {
    (len + len / 16).min(MAX_KEPT_ROOM)
}

/// The most bytes of one column of a batch; offsets are of 32 bits. A lossy text is at most three times as long.
const MAX_COLUMN_BYTES: usize = 512 << 20;
/// The most bytes of a value that is made by formatting.
const MAX_FORMATTED_BYTES: usize = 64 << 10;
/// The most bytes of one map: of the arena of a message.
const MAX_MAP_BYTES: usize = 64 << 20;
/// The most items that room is made for before they come.
const MAX_KEPT_ROOM: usize = 1 << 20;
