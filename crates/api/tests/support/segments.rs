//! Entries in columns, with the real queries over them.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use lanternfish_api::Queried;
use lanternfish_columns::{Builders, Tables};
use lanternfish_model::{Cause, Entry, Loss, ProtocolIndex, Timestamp};
use lanternfish_query::{Query, SegmentFile, Snapshot, Source, Window};

use super::traffic;

/// Rows that are not sealed yet.
struct Tail {
    batches: Vec<(ProtocolIndex, Vec<RecordBatch>)>,
    lost_at: Timestamp,
}

impl Snapshot for Tail {
    fn segments(&self) -> Vec<SegmentFile> {
        Vec::new()
    }

    fn tail(&self) -> Vec<(ProtocolIndex, Vec<RecordBatch>)> {
        self.batches.clone()
    }

    fn loss(&self, window: Window) -> Loss {
        let mut loss = Loss::default();
        if window.contains(self.lost_at) {
            loss.add(Cause::KernelDrop, 7);
        }
        loss
    }
}

/// A source that does not grow.
struct Fixed(Arc<Tail>);

impl Source for Fixed {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::clone(&self.0) as Arc<dyn Snapshot>
    }
}

/// The real queries over entries.
pub fn queried(entries: &[Entry], lost_at: Timestamp) -> Queried {
    let tables = Arc::new(Tables::new(traffic::table()));
    let mut builders = Builders::new(Arc::clone(&tables));
    entries.iter().for_each(|entry| assert!(builders.push(entry)));
    let batches = builders.finish().unwrap().into_iter().map(|(protocol, batch)| (protocol, vec![batch])).collect();
    let source: Arc<dyn Source> = Arc::new(Fixed(Arc::new(Tail { batches, lost_at })));
    Queried::new(Query::new(Arc::clone(&source), tables, 2).unwrap(), source)
}
