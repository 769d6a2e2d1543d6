//! What is stored at one moment: sealed segments and the batches that are not sealed yet.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use lanternfish_model::{Loss, ProtocolIndex, Timestamp};

use crate::Segment;
use crate::loss::LossLog;

/// The stored entries as they stood when it was asked for. Their files stay for as long as it is held.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) segments: Arc<Vec<Arc<Segment>>>,
    pub(crate) tail: Vec<(ProtocolIndex, Arc<Vec<RecordBatch>>)>,
    pub(crate) loss: Arc<Mutex<LossLog>>,
    pub(crate) window: Option<(Timestamp, Timestamp)>,
}

impl View {
    /// The sealed segments, in the order in which they were begun.
    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// The batches that are not sealed yet, by protocol, the oldest first; a protocol may come more than once.
    pub fn tail(&self) -> impl Iterator<Item = (ProtocolIndex, &Arc<Vec<RecordBatch>>)> {
        self.tail.iter().map(|(protocol, batches)| (*protocol, batches))
    }

    /// What was lost between two times, both included, as far as windows of ten seconds tell.
    pub fn loss(&self, from: Timestamp, to: Timestamp) -> Loss {
        self.loss.lock().unwrap_or_else(PoisonError::into_inner).sum(from, to)
    }

    /// The only times that count, both included: those of a snapshot. Its segments may hold more.
    pub fn window(&self) -> Option<(Timestamp, Timestamp)> {
        self.window
    }

    /// Rows in segments and tail.
    pub fn rows(&self) -> u64 {
        let sealed: u64 = self.segments.iter().map(|segment| segment.bounds.rows).sum();
        let tail: u64 =
            self.tail.iter().flat_map(|(_, batches)| batches.iter()).map(|batch| batch.num_rows() as u64).sum();
        sealed.saturating_add(tail)
    }
}
