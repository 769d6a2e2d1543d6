//! How much memory a batch holds, each buffer counted once however many columns share it.

use std::collections::HashSet;

use arrow::array::{Array, ArrayData, RecordBatch};

/// Bytes of memory that a batch holds. `seen` are the buffers counted before.
pub(crate) fn footprint(batch: &RecordBatch, seen: &mut HashSet<usize>) -> usize {
    let values: usize = batch.columns().iter().map(|column| of_data(&column.to_data(), seen)).sum();
    values.saturating_add(batch.num_columns().saturating_mul(COLUMN_BYTES))
}

fn of_data(data: &ArrayData, seen: &mut HashSet<usize>) -> usize {
    let mut bytes = 0usize;
    let nulls = data.nulls().map(|nulls| nulls.buffer());
    for buffer in data.buffers().iter().chain(nulls) {
        if seen.insert(buffer.data_ptr().as_ptr() as usize) {
            bytes = bytes.saturating_add(buffer.capacity());
        }
    }
    data.child_data().iter().fold(bytes, |sum, child| sum.saturating_add(of_data(child, seen)))
}

/// What an array takes besides its values, about.
const COLUMN_BYTES: usize = 96;
