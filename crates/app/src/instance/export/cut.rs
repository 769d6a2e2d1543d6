//! The first entries of an order, where rows come in another one.

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use lanternfish_api::{EngineError, ExportRequest};
use lanternfish_model::Timestamp;
use lanternfish_query::{Order, Query, QueryError, Window};

/// The last entry that a limit leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    order: Order,
    time: Timestamp,
    id: u64,
}

impl Cut {
    /// Finds the last of so many entries; none where there are no more.
    pub(super) async fn at(query: &Query, request: &ExportRequest, limit: u64) -> Result<Option<Cut>, EngineError> {
        let mut entries = Box::pin(query.stream(&request.filter, request.window, request.order, Some(limit)));
        let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
        while let Some(portion) = entries.next().await {
            let portion = match portion {
                Ok(portion) => portion,
                // All that can be read is less than the limit; whoever reads it tells what can't be.
                Err(QueryError::Unreadable(_)) => break,
                Err(error) => return Err(error.into()),
            };
            if let Some(last) = left.checked_sub(1).and_then(|last| portion.get(last)) {
                return Ok(Some(Cut { order: request.order, time: last.timestamp, id: last.id }));
            }
            left -= portion.len();
        }
        Ok(None)
    }

    /// The part of a window that is left.
    pub(super) fn window(&self, window: Window) -> Window {
        let only = match self.order {
            Order::Newest => Window { from: Some(self.time), to: None },
            Order::Oldest => Window { from: None, to: Some(self.time) },
        };
        window.within(only)
    }

    /// The rows of a batch that are left.
    pub(super) fn of(&self, batch: &RecordBatch) -> Result<RecordBatch, EngineError> {
        let times =
            batch.column_by_name("timestamp").and_then(|times| times.as_primitive_opt::<TimestampNanosecondType>());
        let ids = batch.column_by_name("id").and_then(|ids| ids.as_primitive_opt::<Int64Type>());
        let (Some(times), Some(ids)) = (times, ids) else {
            return Err(EngineError::Failed("stored rows have no time or no id".to_owned()));
        };
        let last = (self.time.ns(), self.id.cast_signed());
        let is_left = |place: (&i64, &i64)| {
            let place = (*place.0, *place.1);
            match self.order {
                Order::Newest => place >= last,
                Order::Oldest => place <= last,
            }
        };
        let left: BooleanArray = times.values().iter().zip(ids.values()).map(|place| Some(is_left(place))).collect();
        filter_record_batch(batch, &left).map_err(|error| EngineError::Failed(error.to_string()))
    }
}
