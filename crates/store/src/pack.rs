//! Batches as they are written to the tail: without columns that have no value, and with all that entries of a connection
//! share in one dictionary, as batches of `columns` hold it in memory.
//!
//! It matters for the many small batches of a quiet machine: most columns have no value there.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StructArray, new_null_array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, SchemaRef};
use arrow::error::ArrowError;

/// The column that holds what entries of a connection share.
const SHARED: &str = "_shared";

/// The columns of one stream of the tail, which may grow from batch to batch.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    columns: BTreeSet<usize>,
    shared: BTreeSet<usize>,
    schema: Option<SchemaRef>,
}

impl Shape {
    /// Packs a batch; the shape has grown where `true` comes with it.
    pub(crate) fn pack(&mut self, batch: &RecordBatch) -> Result<(RecordBatch, bool), ArrowError> {
        let keys = shared_keys(batch);
        let mut has_grown = self.schema.is_none();
        for (place, column) in batch.columns().iter().enumerate() {
            if !column.is_empty() && column.null_count() == column.len() {
                continue;
            }
            let is_shared = keys.as_ref().is_some_and(|keys| is_keyed_by(column, keys));
            let set = if is_shared { &mut self.shared } else { &mut self.columns };
            has_grown |= set.insert(place);
        }
        if has_grown {
            self.schema = Some(Arc::new(self.packed_schema(batch.schema_ref())));
        }
        let schema = self.schema.clone().unwrap_or_else(|| Arc::new(Schema::empty()));
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len() + 1);
        columns.extend(self.columns.iter().filter_map(|&place| batch.columns().get(place).cloned()));
        if !self.shared.is_empty() {
            columns.push(self.shared_column(batch, keys)?);
        }
        Ok((RecordBatch::try_new(schema, columns)?, has_grown))
    }

    fn shared_fields(&self, schema: &Schema) -> Fields {
        let fields = self.shared.iter().filter_map(|&place| schema.fields().get(place));
        let plain = |field: &Arc<Field>| match field.data_type() {
            DataType::Dictionary(_, value) => Field::new(field.name(), (**value).clone(), true),
            other => Field::new(field.name(), other.clone(), true),
        };
        fields.map(plain).collect()
    }

    fn packed_schema(&self, schema: &Schema) -> Schema {
        let mut fields: Vec<Arc<Field>> =
            self.columns.iter().filter_map(|&place| schema.fields().get(place).cloned()).collect();
        if !self.shared.is_empty() {
            let values = DataType::Struct(self.shared_fields(schema));
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(values));
            fields.push(Arc::new(Field::new(SHARED, dictionary, false)));
        }
        Schema::new(fields)
    }

    /// A column that had values with the shared keys before may have none, or keys of its own, in this batch.
    fn shared_column(&self, batch: &RecordBatch, keys: Option<Int32Array>) -> Result<ArrayRef, ArrowError> {
        let fields = self.shared_fields(batch.schema_ref());
        let rows = batch.num_rows();
        let first = self.shared.iter().find_map(|&place| {
            let column = batch.columns().get(place)?;
            let keys = keys.as_ref().filter(|keys| is_keyed_by(column, keys))?;
            Some((keys.clone(), column.as_dictionary::<Int32Type>().values().len()))
        });
        let (keys, count) = first.unwrap_or_else(|| (Int32Array::from_iter_values(0..rows as i32), rows));
        let mut values = Vec::with_capacity(self.shared.len());
        for (&place, field) in self.shared.iter().zip(&fields) {
            let column = batch.columns().get(place);
            let own = column.filter(|column| is_keyed_by(column, &keys));
            values.push(match own {
                Some(column) => ArrayRef::clone(column.as_dictionary::<Int32Type>().values()),
                None => new_null_array(field.data_type(), count),
            });
        }
        let values = StructArray::try_new_with_length(fields, values, None, count)?;
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values))?))
    }
}

/// The keys that most dictionaries of a batch have in common: those of the first one, without its nulls.
fn shared_keys(batch: &RecordBatch) -> Option<Int32Array> {
    let is_used = |column: &&ArrayRef| column.null_count() < column.len();
    let mut dictionaries =
        batch.columns().iter().filter(is_used).filter_map(|column| column.as_dictionary_opt::<Int32Type>());
    let keys = dictionaries.next()?.keys();
    Some(Int32Array::new(keys.values().clone(), None))
}

fn is_keyed_by(column: &ArrayRef, keys: &Int32Array) -> bool {
    let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() else { return false };
    let own = dictionary.keys().values();
    own.len() == keys.len() && own.inner().as_ptr() == keys.values().inner().as_ptr() && !keys.is_empty()
}

/// Undoes it: all columns of a table, in its order.
pub(crate) fn unpack(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let rows = batch.num_rows();
    let shared = batch.column_by_name(SHARED).and_then(|column| column.as_dictionary_opt::<Int32Type>());
    let values = shared.and_then(|shared| shared.values().as_struct_opt());
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        if let Some(column) = batch.column_by_name(field.name()) {
            columns.push(ArrayRef::clone(column));
        } else if let (Some(shared), Some(values)) =
            (shared, values.and_then(|values| values.column_by_name(field.name())))
        {
            columns.push(keyed(shared.keys(), values)?);
        } else {
            columns.push(new_null_array(field.data_type(), rows));
        }
    }
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn keyed(keys: &Int32Array, values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let rows = keys.values();
    let nulls = values.nulls().map(|nulls| {
        let is_present = |row: usize| {
            let key = rows.get(row).and_then(|key| usize::try_from(*key).ok());
            key.is_some_and(|key| key < nulls.len() && nulls.is_valid(key))
        };
        NullBuffer::new(BooleanBuffer::collect_bool(rows.len(), is_present))
    });
    let keys = Int32Array::try_new(rows.clone(), nulls)?;
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, ArrayRef::clone(values))?))
}
