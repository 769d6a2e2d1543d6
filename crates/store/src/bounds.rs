//! What a batch or segment spans: times, ids, rows.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use lanternfish_model::Timestamp;

/// What some rows span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The earliest time.
    pub from: Timestamp,
    /// The latest time.
    pub to: Timestamp,
    /// The smallest id.
    pub min_id: u64,
    /// The largest id.
    pub max_id: u64,
    /// How many rows.
    pub rows: u64,
}

impl Bounds {
    /// Those of no rows: anything merged with it stays as it is.
    pub const EMPTY: Bounds = Bounds { from: Timestamp::MAX, to: Timestamp::MIN, min_id: u64::MAX, max_id: 0, rows: 0 };

    /// Reads them from the columns `timestamp` and `id`; none where they are missing.
    pub fn of(batch: &RecordBatch) -> Option<Bounds> {
        let times = batch.column_by_name("timestamp")?.as_primitive_opt::<TimestampNanosecondType>()?;
        let ids = batch.column_by_name("id")?.as_primitive_opt::<Int64Type>()?;
        let (mut from, mut to) = (i64::MAX, i64::MIN);
        for &time in times.values() {
            from = from.min(time);
            to = to.max(time);
        }
        let (mut min_id, mut max_id) = (u64::MAX, 0);
        for &id in ids.values() {
            min_id = min_id.min(id.cast_unsigned());
            max_id = max_id.max(id.cast_unsigned());
        }
        let rows = batch.num_rows() as u64;
        Some(Bounds { from: Timestamp::from_ns(from), to: Timestamp::from_ns(to), min_id, max_id, rows })
    }

    /// Takes in others.
    pub fn merge(&mut self, other: &Bounds) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
        self.min_id = self.min_id.min(other.min_id);
        self.max_id = self.max_id.max(other.max_id);
        self.rows = self.rows.saturating_add(other.rows);
    }

    /// Whether some row may lie in a window; both ends belong to it.
    pub fn overlaps(&self, from: Timestamp, to: Timestamp) -> bool {
        self.rows > 0 && self.from <= to && self.to >= from
    }
}
