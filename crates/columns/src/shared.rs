//! The columns that entries of one connection share: each value is kept once a batch, and rows hold a number.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, Int64Array, TimestampNanosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampNanosecondType};
use hashbrown::HashTable;
use lanternfish_model::{ConnectionContext, Entry, EntryClass, FieldIndex, FieldTable, Party};

use crate::arrays::Nulls;
use crate::buffers::Buffered;
use crate::layout::{Column, Hidden, Source, Store};
use crate::{ColumnError, connection};

/// What the shared values depend on.
#[derive(Debug)]
struct Context {
    class: EntryClass,
    connection: Arc<ConnectionContext>,
    src: Party,
    dst: Party,
}

impl Context {
    fn of(entry: &Entry) -> Context {
        Context {
            class: entry.class,
            connection: Arc::clone(&entry.connection),
            src: entry.src.clone(),
            dst: entry.dst.clone(),
        }
    }

    #[inline]
    fn is_of(&self, entry: &Entry) -> bool {
        Arc::ptr_eq(&self.connection, &entry.connection)
            && self.class == entry.class
            && is_same(&self.src, &entry.src)
            && is_same(&self.dst, &entry.dst)
    }
}

#[inline]
fn is_same(a: &Party, b: &Party) -> bool {
    let is_same_identity = match (&a.identity, &b.identity) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
        _ => false,
    };
    let is_same_name = match (&a.dns, &b.dns) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
        _ => false,
    };
    a.endpoint == b.endpoint && is_same_identity && is_same_name
}

/// A shared column: one value for each context.
#[derive(Debug)]
struct SharedColumn {
    /// Its place in the schema.
    place: usize,
    /// The field; none for what no field tells.
    field: Option<FieldIndex>,
    store: Store,
    values: Buffered,
}

/// The shared columns of one table.
#[derive(Debug)]
pub(crate) struct Shared {
    columns: Vec<SharedColumn>,
    contexts: Vec<Context>,
    /// Numbers of contexts by the address of their connection and the endpoints.
    numbers: HashTable<u32>,
    /// The number of each row's context.
    rows: Vec<i32>,
    scratch: Vec<u8>,
}

impl Shared {
    /// Takes the shared ones of a table's columns.
    pub(crate) fn new(columns: &[Column]) -> Shared {
        let of = |(place, column): (usize, &Column)| {
            let field = match column.source {
                Source::Shared(field) => Some(field),
                Source::Hidden(Hidden::Connection) => None,
                _ => return None,
            };
            Some(SharedColumn { place, field, store: column.store, values: Buffered::new(column.store) })
        };
        Shared {
            columns: columns.iter().enumerate().filter_map(of).collect(),
            contexts: Vec::new(),
            numbers: HashTable::new(),
            rows: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Adds a row. `has_own` tells that the entry overrides a shared value.
    #[inline]
    pub(crate) fn push(&mut self, table: &FieldTable, entry: &Entry, has_own: bool) {
        let hash = hash(entry);
        let is_same = |&number: &u32| self.contexts.get(number as usize).is_some_and(|context| context.is_of(entry));
        let number = match self.numbers.find(hash, is_same) {
            Some(&number) if !has_own => number,
            _ => self.add(table, entry, (!has_own).then_some(hash)),
        };
        self.rows.push(number.cast_signed());
    }

    #[inline(never)]
    fn add(&mut self, table: &FieldTable, entry: &Entry, hash: Option<u64>) -> u32 {
        let number = self.contexts.len();
        for column in &mut self.columns {
            match (column.field, &mut column.values) {
                (Some(field), values) => {
                    values.put(number, entry.common(table, field));
                }
                (None, Buffered::Bytes(values)) => {
                    self.scratch.clear();
                    connection::write(&mut self.scratch, entry);
                    values.put(number, &self.scratch);
                }
                (None, _) => {}
            }
        }
        self.contexts.push(Context::of(entry));
        let number = number as u32;
        if let Some(hash) = hash {
            self.numbers.insert_unique(hash, number, |&number| {
                let context = self.contexts.get(number as usize);
                context.map_or(0, |context| hash_of(&context.connection, context.class, context.src.endpoint.port))
            });
        }
        number
    }

    /// Bytes of values held.
    pub(crate) fn bytes(&self) -> usize {
        let values: usize = self.columns.iter().map(|column| column.values.bytes()).sum();
        values.saturating_add(self.rows.len().saturating_mul(size_of::<i32>()))
    }

    /// Puts the columns into their places among those of a batch, and begins the next one.
    pub(crate) fn finish(&mut self, nulls: &mut Nulls, out: &mut [Option<ArrayRef>]) -> Result<(), ColumnError> {
        let next = Vec::with_capacity(self.rows.len());
        let rows: ScalarBuffer<i32> = std::mem::replace(&mut self.rows, next).into();
        let mut own = Nulls::new(self.contexts.len());
        for column in &mut self.columns {
            let array = if column.values.is_empty() {
                nulls.array(column.store)
            } else {
                let plain = match column.store {
                    Store::SharedText => Store::Text,
                    Store::SharedBytes => Store::Bytes,
                    other => other,
                };
                spread(&rows, column.values.finish(&mut own, plain)?)?
            };
            if let Some(slot) = out.get_mut(column.place) {
                *slot = Some(array);
            }
        }
        self.contexts.clear();
        self.numbers.clear();
        Ok(())
    }
}

/// Gives each row the value of its context.
fn spread(rows: &ScalarBuffer<i32>, values: ArrayRef) -> Result<ArrayRef, ColumnError> {
    let at = |row: &i32| *row as usize;
    let nulls = values.nulls().map(|nulls| {
        let is_present = |position: usize| rows.get(position).is_some_and(|row| nulls.is_valid(at(row)));
        NullBuffer::new(BooleanBuffer::collect_bool(rows.len(), is_present))
    });
    let data_type = values.data_type().clone();
    if let Some(numbers) = values.as_primitive_opt::<Int64Type>() {
        let values = numbers.values();
        let spread: Vec<i64> = rows.iter().map(|row| values.get(at(row)).copied().unwrap_or_default()).collect();
        return Ok(Arc::new(Int64Array::try_new(spread.into(), nulls)?));
    }
    if let Some(times) = values.as_primitive_opt::<TimestampNanosecondType>() {
        let values = times.values();
        let spread: Vec<i64> = rows.iter().map(|row| values.get(at(row)).copied().unwrap_or_default()).collect();
        return Ok(Arc::new(TimestampNanosecondArray::try_new(spread.into(), nulls)?.with_data_type(data_type)));
    }
    if let Some(numbers) = values.as_primitive_opt::<Float64Type>() {
        let values = numbers.values();
        let spread: Vec<f64> = rows.iter().map(|row| values.get(at(row)).copied().unwrap_or_default()).collect();
        return Ok(Arc::new(arrow::array::Float64Array::try_new(spread.into(), nulls)?));
    }
    if let Some(bools) = values.as_boolean_opt() {
        let bits = bools.values();
        let is_true = |position: usize| rows.get(position).is_some_and(|row| bits.value(at(row)));
        return Ok(Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(rows.len(), is_true), nulls)));
    }
    let keys = Int32Array::try_new(rows.clone(), nulls)?;
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
}

#[inline]
fn hash(entry: &Entry) -> u64 {
    hash_of(&entry.connection, entry.class, entry.src.endpoint.port)
}

#[inline]
fn hash_of(connection: &Arc<ConnectionContext>, class: EntryClass, port: u16) -> u64 {
    let address = Arc::as_ptr(connection) as usize as u64;
    let mixed = (address ^ u64::from(port) << 48 ^ (class as u64) << 60).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}
