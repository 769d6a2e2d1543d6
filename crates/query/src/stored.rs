//! The store as a source of queries.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use lanternfish_model::{Loss, ProtocolIndex, Timestamp};
use lanternfish_store::{Store, View};

use crate::Window;
use crate::source::{SegmentFile, Snapshot, Source};

/// A data directory, or a snapshot of one, that is open.
#[derive(Clone)]
pub struct StoreSource(Arc<Store>);

impl StoreSource {
    /// Queries read from this store.
    pub fn new(store: Arc<Store>) -> StoreSource {
        StoreSource(store)
    }
}

impl Source for StoreSource {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::new(Stored(self.0.view()))
    }
}

/// What a store held at one moment; its files stay as long as it is held.
struct Stored(View);

impl Snapshot for Stored {
    fn segments(&self) -> Vec<SegmentFile> {
        let of = |segment: &Arc<lanternfish_store::Segment>| SegmentFile {
            protocol: segment.protocol,
            path: segment.path.clone(),
            from: segment.bounds.from,
            to: segment.bounds.to,
            rows: segment.bounds.rows,
            min_id: segment.bounds.min_id,
            max_id: segment.bounds.max_id,
        };
        self.0.segments().iter().map(of).collect()
    }

    fn tail(&self) -> Vec<(ProtocolIndex, Arc<Vec<RecordBatch>>)> {
        self.0.tail().map(|(protocol, batches)| (protocol, Arc::clone(batches))).collect()
    }

    fn loss(&self, window: Window) -> Loss {
        let window = self.bounds().map_or(window, |bounds| window.within(bounds));
        self.0.loss(window.from.unwrap_or(Timestamp::MIN), window.to.unwrap_or(Timestamp::MAX))
    }

    fn bounds(&self) -> Option<Window> {
        self.0.window().map(|(from, to)| Window { from: Some(from), to: Some(to) })
    }
}
