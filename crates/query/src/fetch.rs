//! From rows that were found to entries: only the rows that are shown are decoded whole.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{AsArray, UInt64Array};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result, exec_err};
use lanternfish_columns::Rows;
use lanternfish_model::{Entry, ProtocolIndex};
use tokio::task::JoinSet;

use crate::Window;
use crate::engine::{Engine, failed};
use crate::newest::Candidate;
use crate::question::Question;
use crate::scan::{ROW_NUMBER, Which, scan_segment};
use crate::segment::Segment;
use crate::types::{Cost, QueryError};
use crate::units::{Part, Unit};

/// The entries of candidates, in their order; rows that cannot be read are counted and left out.
pub(crate) async fn fetch(
    engine: &Arc<Engine>,
    candidates: &[Candidate],
    cost: &mut Cost,
) -> Result<Vec<Entry>, QueryError> {
    let entries: Arc<Mutex<Vec<Option<Entry>>>> = Arc::new(Mutex::new(vec![None; candidates.len()]));
    let mut by_segment: BTreeMap<PathBuf, (Arc<Segment>, BTreeMap<u64, usize>)> = BTreeMap::new();
    let mut work = JoinSet::new();
    for (place, candidate) in candidates.iter().enumerate() {
        match &candidate.part {
            Part::Groups(segment, _) => {
                let wanted =
                    by_segment.entry(segment.path.clone()).or_insert_with(|| (Arc::clone(segment), BTreeMap::new()));
                wanted.1.insert(candidate.row, place);
            }
            Part::Tail(batches) => {
                let entry = of_tail(engine, candidate.protocol, batches, candidate.row);
                match entry {
                    Ok(entry) => put(&entries, place, entry),
                    Err(error) => cost.unreadable.push(unit(candidate).unreadable(error.to_string())),
                }
            }
            Part::Segment(_) => {}
        }
    }
    for (segment, places) in by_segment.into_values() {
        let (engine, entries) = (Arc::clone(engine), Arc::clone(&entries));
        let handle = engine.handle().clone();
        work.spawn_on(async move { of_segment(&engine, segment, places, &entries).await }, &handle);
    }
    while let Some(done) = work.join_next().await {
        cost.add(done.map_err(|error| failed(&error))?);
    }
    let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(entries.iter_mut().filter_map(Option::take).collect())
}

fn put(entries: &Mutex<Vec<Option<Entry>>>, place: usize, entry: Entry) {
    if let Some(slot) = entries.lock().unwrap_or_else(PoisonError::into_inner).get_mut(place) {
        *slot = Some(entry);
    }
}

fn unit(candidate: &Candidate) -> Unit {
    let time = candidate.cursor.time;
    Unit { protocol: candidate.protocol, from: time, to: time, part: candidate.part.clone() }
}

/// An entry of the tail, by the number of its row in all batches.
fn of_tail(engine: &Engine, protocol: ProtocolIndex, batches: &[RecordBatch], row: u64) -> Result<Entry> {
    let mut left = row as usize;
    for batch in batches {
        if let Some(rest) = left.checked_sub(batch.num_rows()) {
            left = rest;
            continue;
        }
        let one = arrow::compute::take_record_batch(batch, &UInt64Array::from(vec![left as u64]))?;
        return Ok(rows(engine, protocol, &one)?.entry(0));
    }
    exec_err!("row {row} is not in the tail")
}

/// The entries of a segment, by the numbers of their rows.
async fn of_segment(
    engine: &Engine,
    segment: Arc<Segment>,
    places: BTreeMap<u64, usize>,
    entries: &Mutex<Vec<Option<Entry>>>,
) -> Cost {
    let names = segment.schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut question = Question::new(&engine.tables, None, Window::ALL, names);
    question.has_row_numbers = true;
    let mut each = |batch: RecordBatch| {
        let numbers = batch.column_by_name(ROW_NUMBER).and_then(|numbers| numbers.as_primitive_opt::<Int64Type>());
        let Some(numbers) = numbers else { return exec_err!("rows without numbers") };
        let rows = rows(engine, segment.protocol, &batch)?;
        for row in 0..numbers.len() {
            if let Some(&place) = places.get(&numbers.value(row).cast_unsigned()) {
                put(entries, place, rows.entry(row));
            }
        }
        Ok(())
    };
    let which = Which::Numbers(places.keys().copied().collect());
    let mut cost = Cost::default();
    if let Err(error) = scan_segment(engine.context(), &segment, which, &question, &mut each).await {
        let part = Part::Groups(Arc::clone(&segment), 0..segment.row_groups.len());
        let time = lanternfish_model::Timestamp::MIN;
        let unit = Unit { protocol: segment.protocol, from: time, to: time, part };
        cost.unreadable.push(unit.unreadable(error.to_string()));
    }
    cost
}

fn rows(engine: &Engine, protocol: ProtocolIndex, batch: &RecordBatch) -> Result<Rows> {
    Rows::new(&engine.tables, protocol, batch).map_err(|error| DataFusionError::External(Box::new(error)))
}
