//! One schema for the rows of several protocols, for files that other programs read: plain types, no hidden columns.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use lanternfish_model::ProtocolIndex;

use crate::{ColumnError, Tables};

/// A schema that has the columns of several protocols.
#[derive(Clone, Debug)]
pub struct Flat {
    schema: SchemaRef,
}

impl Flat {
    /// The visible columns of some protocols, each once; texts that are dictionaries in memory are plain.
    pub fn new(tables: &Tables, is_wanted: impl Fn(ProtocolIndex) -> bool) -> Flat {
        let mut fields: Vec<Field> = Vec::new();
        let mut known = HashSet::new();
        for (protocol, _) in tables.protocols().filter(|(protocol, _)| is_wanted(*protocol)) {
            for field in tables.schema(protocol).fields() {
                if field.name().starts_with('_') || !known.insert(field.name().clone()) {
                    continue;
                }
                let data_type = match field.data_type() {
                    DataType::Dictionary(_, values) => values.as_ref().clone(),
                    other => other.clone(),
                };
                fields.push(Field::new(field.name(), data_type, true));
            }
        }
        Flat { schema: Arc::new(Schema::new(fields)) }
    }

    /// The schema of all batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A batch of one protocol with the columns of the schema; those that it lacks are null.
    pub fn shaped(&self, batch: &RecordBatch) -> Result<RecordBatch, ColumnError> {
        let column = |field: &Arc<Field>| -> Result<ArrayRef, ColumnError> {
            match batch.column_by_name(field.name()) {
                Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
                Some(column) => Ok(cast(column, field.data_type())?),
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            }
        };
        let columns = self.schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
        // Without a protocol there is no column either.
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}
