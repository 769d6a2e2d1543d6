//! What queries read from: a snapshot of segments and of the rows that are not sealed yet.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use lanternfish_model::{Loss, ProtocolIndex, Timestamp};

use crate::Window;

/// A sealed segment: one Parquet file of one protocol.
#[derive(Clone, Debug)]
pub struct SegmentFile {
    /// The protocol of all its rows.
    pub protocol: ProtocolIndex,
    /// The file.
    pub path: PathBuf,
    /// The oldest time of its rows.
    pub from: Timestamp,
    /// The newest time of its rows.
    pub to: Timestamp,
    /// How many rows it has.
    pub rows: u64,
    /// The smallest id.
    pub min_id: u64,
    /// The largest id.
    pub max_id: u64,
}

/// A consistent snapshot; what it names stays readable as long as it lives.
pub trait Snapshot: Send + Sync {
    /// The sealed segments, in no order.
    fn segments(&self) -> Vec<SegmentFile>;
    /// The rows that are not sealed yet, in the order they came.
    fn tail(&self) -> Vec<(ProtocolIndex, Vec<RecordBatch>)>;
    /// The loss of a window.
    fn loss(&self, window: Window) -> Loss;
}

/// A store, or a snapshot of one.
pub trait Source: Send + Sync {
    /// What there is now.
    fn snapshot(&self) -> Arc<dyn Snapshot>;
}
