//! Small batches of the tail joined to larger ones: on a quiet machine a batch has a row or two, and a hundred columns whose
//! arrays take far more memory than the values in them.
//!
//! Only batches that are on the disk are joined, so that one that could not be written can be taken out again. What entries
//! of a connection share is kept once in the joined batch, too.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::memory::footprint;
use crate::pack::{Shape, unpack};

/// Joins the last batches of a part as soon as eight of them are about as small: each row is copied a few times at most.
/// `written` is how many of them, from the first on, are on the disk.
pub(crate) fn join_last(batches: &mut Vec<RecordBatch>, written: &mut usize) -> Result<(), ArrowError> {
    while let Some(last) = batches.get(..*written).and_then(<[RecordBatch]>::last_chunk::<JOINED_AT_ONCE>) {
        let size = last.last().map_or(0, level);
        let rows: usize = last.iter().map(RecordBatch::num_rows).sum();
        if rows > MAX_JOINED_ROWS || last.iter().any(|batch| level(batch) > size) {
            return Ok(());
        }
        let joined = join(&last.iter().collect::<Vec<_>>())?;
        let at = *written - JOINED_AT_ONCE;
        batches.splice(at..*written, [joined]);
        *written = at + 1;
    }
    Ok(())
}

/// How often the rows of a batch were joined, about.
fn level(batch: &RecordBatch) -> u32 {
    batch.num_rows().max(1).ilog(JOINED_AT_ONCE)
}

/// Joins runs of small batches, as many as there are.
pub(crate) fn join_all(batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut joined = Vec::new();
    let mut run: Vec<RecordBatch> = Vec::new();
    let mut rows = 0usize;
    for batch in batches {
        if rows.saturating_add(batch.num_rows()) > MAX_JOINED_ROWS {
            joined.extend(joined_run(&mut run)?);
            rows = 0;
        }
        rows = rows.saturating_add(batch.num_rows());
        run.push(batch);
    }
    joined.extend(joined_run(&mut run)?);
    Ok(joined)
}

fn joined_run(run: &mut Vec<RecordBatch>) -> Result<Option<RecordBatch>, ArrowError> {
    let batches = std::mem::take(run);
    match batches.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => join(&several.iter().collect::<Vec<_>>()).map(Some),
    }
}

/// Joins batches of one table.
fn join(batches: &[&RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let Some(first) = batches.first() else { return Err(ArrowError::InvalidArgumentError("no batch".to_owned())) };
    let schema: SchemaRef = first.schema();
    let mut shape = Shape::default();
    // The first time tells which columns have values anywhere.
    for batch in batches {
        shape.pack(batch)?;
    }
    let packed = batches.iter().map(|batch| Ok(shape.pack(batch)?.0)).collect::<Result<Vec<_>, ArrowError>>()?;
    let Some(packed_schema) = packed.first().map(RecordBatch::schema) else { return Ok((*first).clone()) };
    unpack(&concat_batches(&packed_schema, &packed)?, &schema)
}

/// Bytes of memory of some batches.
pub(crate) fn bytes_of(batches: &[RecordBatch]) -> usize {
    let mut seen = HashSet::new();
    batches.iter().fold(0usize, |sum, batch| sum.saturating_add(footprint(batch, &mut seen)))
}

/// Batches of more rows are not joined.
const MAX_JOINED_ROWS: usize = 1024;
/// So many batches are joined at once.
const JOINED_AT_ONCE: usize = 8;
