//! Entries in columns with the real queries over them, which a test can slow down and count.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use lanternfish_api::{Queried, Stored, Streamed};
use lanternfish_columns::{Builders, Tables};
use lanternfish_filter::Filter;
use lanternfish_model::{Cause, Entry, Loss, ProtocolIndex, Timestamp};
use lanternfish_query::{
    Cursor, Explain, FieldValues, Group, GroupBy, Map, Order, Page, Query, QueryError, SegmentFile, Snapshot, Source,
    Stats, Window,
};

use super::traffic;

/// What is stored: rows that are not sealed yet, and a segment whose file is gone.
pub struct Memory {
    /// The entries, the oldest first.
    pub entries: Vec<Entry>,
    /// How long each query takes at least.
    delay: Duration,
    /// Queries that were begun, and queries that came to their end.
    pub begun: AtomicUsize,
    pub ended: AtomicUsize,
    queried: Queried,
}

impl Memory {
    /// Entries of which something was lost at a time.
    pub fn new(entries: Vec<Entry>, lost_at: Timestamp, delay: Duration) -> Memory {
        let tables = Arc::new(Tables::new(traffic::table()));
        let mut builders = Builders::new(Arc::clone(&tables));
        entries.iter().for_each(|entry| assert!(builders.push(entry)));
        let batches = builders.finish().unwrap().into_iter();
        let tail = batches.map(|(protocol, batch)| (protocol, Arc::new(vec![batch]))).collect();
        let source: Arc<dyn Source> = Arc::new(Fixed(Arc::new(Content { tail, lost_at })));
        let queried = Queried::new(Query::new(Arc::clone(&source), tables, 2).unwrap(), source);
        Memory { entries, delay, begun: AtomicUsize::new(0), ended: AtomicUsize::new(0), queried }
    }

    /// Runs a query no faster than it may be.
    async fn slowly<T>(&self, query: impl Future<Output = T>) -> T {
        self.begun.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.delay).await;
        let answer = query.await;
        self.ended.fetch_add(1, Ordering::SeqCst);
        answer
    }
}

/// A source that does not grow.
struct Fixed(Arc<Content>);

impl Source for Fixed {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::clone(&self.0) as Arc<dyn Snapshot>
    }
}

struct Content {
    tail: Vec<(ProtocolIndex, Arc<Vec<RecordBatch>>)>,
    lost_at: Timestamp,
}

impl Snapshot for Content {
    fn segments(&self) -> Vec<SegmentFile> {
        let missing = SegmentFile {
            protocol: traffic::table().find_protocol("http").unwrap(),
            path: PathBuf::from("/nowhere/http/1.parquet"),
            from: traffic::START,
            to: traffic::START,
            rows: 3,
            min_id: 1,
            max_id: 3,
        };
        vec![missing]
    }

    fn tail(&self) -> Vec<(ProtocolIndex, Arc<Vec<RecordBatch>>)> {
        self.tail.clone()
    }

    fn loss(&self, window: Window) -> Loss {
        let mut loss = Loss::default();
        if window.contains(self.lost_at) {
            loss.add(Cause::KernelDrop, 7);
        }
        loss
    }
}

#[async_trait]
impl Stored for Memory {
    async fn entries(
        &self,
        filter: &Filter,
        window: Window,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page, QueryError> {
        self.slowly(self.queried.entries(filter, window, limit, cursor)).await
    }

    fn stream(
        &self,
        filter: &Filter,
        window: Window,
        order: Order,
        limit: Option<u64>,
    ) -> Streamed<Vec<Entry>, QueryError> {
        self.queried.stream(filter, window, order, limit)
    }

    async fn entry(&self, id: u64) -> Result<Option<Entry>, QueryError> {
        self.slowly(self.queried.entry(id)).await
    }

    async fn stats(
        &self,
        filter: &Filter,
        window: Window,
        by: &[Group],
        step_ns: Option<i64>,
        limit: usize,
    ) -> Result<Stats, QueryError> {
        self.slowly(self.queried.stats(filter, window, by, step_ns, limit)).await
    }

    async fn map(&self, filter: &Filter, window: Window, group: GroupBy) -> Result<Map, QueryError> {
        self.slowly(self.queried.map(filter, window, group)).await
    }

    async fn values(
        &self,
        field: &Group,
        prefix: &str,
        limit: usize,
        window: Window,
    ) -> Result<FieldValues, QueryError> {
        self.slowly(self.queried.values(field, prefix, limit, window)).await
    }

    async fn explain(&self, filter: &Filter, now: Timestamp, window: Window) -> Result<Explain, QueryError> {
        self.slowly(self.queried.explain(filter, now, window)).await
    }

    fn loss(&self, window: Window) -> Loss {
        self.queried.loss(window)
    }

    async fn range(&self) -> Result<Option<(Timestamp, Timestamp)>, QueryError> {
        self.queried.range().await
    }
}
