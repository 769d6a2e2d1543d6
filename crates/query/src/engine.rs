//! What all queries share: the engine's session, threads of their own, the cache of metadata, the limit of queries at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::config::SessionConfig;
use lanternfish_columns::Tables;
use lanternfish_model::ProtocolIndex;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::kept::{Again, Kept};
use crate::limits::{BATCH_ROWS, FOLD_ROWS, MAX_QUERIES};
use crate::map::MapFold;
use crate::question::Question;
use crate::segment::Segments;
use crate::source::Snapshot;
use crate::stats::StatFold;
use crate::types::{Cost, QueryError};
use crate::units::{Outcome, Unit};

/// The name of the threads that queries run on.
pub const THREADS: &str = "query";

/// The shared part of all queries.
#[derive(Debug)]
pub(crate) struct Engine {
    pub tables: Arc<Tables>,
    pub segments: Segments,
    pub maps: Arc<Kept<MapFold>>,
    pub stats: Arc<Kept<StatFold>>,
    context: Arc<TaskContext>,
    fold_context: Arc<TaskContext>,
    /// Queries block while they read and decode, so they run on threads of their own.
    runtime: Option<Runtime>,
    handle: Handle,
    threads: usize,
    running: Arc<Semaphore>,
}

/// Folds the batches that a question gives into an answer.
pub(crate) trait Fold: Send + Sync + 'static {
    /// Takes a batch of rows of a protocol.
    fn batch(&mut self, protocol: ProtocolIndex, batch: &RecordBatch) -> Result<()>;
    /// Takes what was folded elsewhere.
    fn merge(&mut self, other: &Self);
    /// Drops what only helps to fold more, since it will be kept; gives the bytes of memory of what stays.
    fn settle(&mut self) -> usize {
        size_of_val(self)
    }
}

impl Engine {
    pub fn new(tables: Arc<Tables>, threads: usize) -> Result<Engine, QueryError> {
        let threads = threads.max(1);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(THREADS)
            .enable_all()
            .build()
            .map_err(|error| QueryError::Failed(error.to_string()))?;
        Ok(Engine {
            tables,
            segments: Segments::default(),
            maps: Arc::default(),
            stats: Arc::default(),
            context: context(BATCH_ROWS),
            fold_context: context(FOLD_ROWS),
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            threads,
            running: Arc::new(Semaphore::new(MAX_QUERIES)),
        })
    }

    /// Waits for its turn to run.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, QueryError> {
        Arc::clone(&self.running).acquire_owned().await.map_err(|_| QueryError::Cancelled)
    }

    pub fn context(&self) -> Arc<TaskContext> {
        Arc::clone(&self.context)
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Folds all rows that a question asks for; the threads take pieces one by one.
    pub async fn fold<F: Fold>(
        self: &Arc<Self>,
        snapshot: &Arc<dyn Snapshot>,
        question: Arc<Question>,
        make: impl Fn() -> F + Clone + Send + 'static,
        cost: &mut Cost,
    ) -> Result<F, QueryError> {
        self.fold_again(snapshot, question, make, None, cost).await
    }

    /// Folds as [`Engine::fold`] does; what is kept of an earlier time is not folded again.
    pub async fn fold_again<F: Fold>(
        self: &Arc<Self>,
        snapshot: &Arc<dyn Snapshot>,
        question: Arc<Question>,
        make: impl Fn() -> F + Clone + Send + 'static,
        again: Option<Again<F>>,
        cost: &mut Cost,
    ) -> Result<F, QueryError> {
        let mut units = Unit::all(&**snapshot, &question, cost);
        // The largest first, so that no thread is left alone with one at the end.
        units.sort_by_key(|unit| std::cmp::Reverse(unit.rows()));
        let waiting = Mutex::new(Waiting { units: units.into(), opening: 0 });
        let queue = Arc::new(Queue { waiting, changed: Notify::new() });
        let again = again.map(Arc::new);
        let mut tasks = JoinSet::new();
        for _ in 0..self.threads {
            let worker = Worker {
                engine: Arc::clone(self),
                queue: Arc::clone(&queue),
                question: Arc::clone(&question),
                again: again.clone(),
            };
            tasks.spawn_on(worker.run(make.clone()), &self.handle);
        }
        let mut folded: Option<F> = None;
        while let Some(done) = tasks.join_next().await {
            let (fold, part) = done.map_err(|error| failed(&error))?;
            cost.add(part);
            match &mut folded {
                Some(all) => {
                    all.merge(&fold);
                    // Many small parts of memory take their time to be given back, and nobody needs to wait for it.
                    self.handle.spawn(async move { drop(fold) });
                }
                None => folded = Some(fold),
            }
        }
        folded.ok_or_else(|| QueryError::Failed("no thread ran".to_owned()))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // It may be dropped on a thread of another runtime, where waiting is not allowed.
            runtime.shutdown_background();
        }
    }
}

/// How the engine runs, with so many rows at a time.
fn context(batch_rows: usize) -> Arc<TaskContext> {
    let config = SessionConfig::new().with_batch_size(batch_rows);
    Arc::new(TaskContext::default().with_session_config(config))
}

/// The pieces that wait for a thread.
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    units: VecDeque<Unit>,
    /// Segments that are being opened: their parts will follow.
    opening: usize,
}

impl Queue {
    /// The next piece; `None` where there is none and none will follow.
    async fn next(&self) -> Option<Unit> {
        loop {
            let changed = self.changed.notified();
            {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(unit) = waiting.units.pop_front() {
                    waiting.opening += usize::from(unit.is_segment());
                    return Some(unit);
                }
                if waiting.opening == 0 {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// A segment was opened, or could not be.
    fn opened(&self, units: Vec<Unit>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.units.extend(units);
        waiting.opening = waiting.opening.saturating_sub(1);
        drop(waiting);
        self.changed.notify_waiters();
    }
}

/// One of the threads of a fold.
struct Worker<F> {
    engine: Arc<Engine>,
    queue: Arc<Queue>,
    question: Arc<Question>,
    again: Option<Arc<Again<F>>>,
}

impl<F: Fold> Worker<F> {
    async fn run(self, make: impl Fn() -> F) -> (F, Cost) {
        let (mut fold, mut cost) = (make(), Cost::default());
        while let Some(unit) = self.queue.next().await {
            let again = self.again.as_deref().zip(unit.unchanging(&self.question));
            let outcome = match again {
                None => self.fold(&unit, &mut fold).await,
                Some((again, groups)) => match again.find(&groups, Instant::now()) {
                    Some(known) => {
                        fold.merge(&known);
                        Outcome::Scanned(0)
                    }
                    None => {
                        let mut part = make();
                        let outcome = self.fold(&unit, &mut part).await;
                        fold.merge(&part);
                        if matches!(outcome, Outcome::Scanned(_)) {
                            let bytes = part.settle();
                            again.keep(groups, Arc::new(part), bytes, Instant::now());
                        }
                        outcome
                    }
                },
            };
            let parts = cost.take(outcome);
            if unit.is_segment() {
                self.queue.opened(parts.unwrap_or_default());
            }
            // Between pieces the task can be stopped.
            tokio::task::yield_now().await;
        }
        (fold, cost)
    }

    async fn fold(&self, unit: &Unit, fold: &mut F) -> Outcome {
        let (context, segments) = (Arc::clone(&self.engine.fold_context), &self.engine.segments);
        unit.run(context, segments, &self.question, &mut |batch| fold.batch(unit.protocol, &batch)).await
    }
}

impl Cost {
    /// Counts what came of a piece; gives the parts of a segment that was opened.
    pub(crate) fn take(&mut self, outcome: Outcome) -> Option<Vec<Unit>> {
        match outcome {
            Outcome::Opened(units) => {
                self.segments += 1;
                return Some(units);
            }
            Outcome::Scanned(rows) => self.scanned_rows = self.scanned_rows.saturating_add(rows),
            Outcome::Unreadable(unreadable) => self.unreadable.push(unreadable),
        }
        None
    }

    pub(crate) fn add(&mut self, other: Cost) {
        self.scanned_rows = self.scanned_rows.saturating_add(other.scanned_rows);
        self.segments = self.segments.saturating_add(other.segments);
        self.segments_skipped = self.segments_skipped.saturating_add(other.segments_skipped);
        self.unreadable.extend(other.unreadable);
    }

    pub(crate) fn since(mut self, begun: Instant) -> Cost {
        self.took = begun.elapsed();
        self
    }
}

/// A thread of a query ended badly.
pub(crate) fn failed(error: &tokio::task::JoinError) -> QueryError {
    if error.is_cancelled() {
        QueryError::Cancelled
    } else {
        QueryError::Failed("something broke within; the log tells what".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use lanternfish_dissectors::PROTOCOLS;
    use lanternfish_model::{FieldTable, Loss};

    use super::*;
    use crate::Window;
    use crate::source::SegmentFile;

    struct One(ProtocolIndex, Arc<Vec<RecordBatch>>);

    impl Snapshot for One {
        fn segments(&self) -> Vec<SegmentFile> {
            Vec::new()
        }
        fn tail(&self) -> Vec<(ProtocolIndex, Arc<Vec<RecordBatch>>)> {
            vec![(self.0, Arc::clone(&self.1))]
        }
        fn loss(&self, _: Window) -> Loss {
            Loss::default()
        }
    }

    struct Rows {
        breaks: bool,
        count: usize,
    }

    impl Fold for Rows {
        fn batch(&mut self, _: ProtocolIndex, batch: &RecordBatch) -> Result<()> {
            assert!(!self.breaks, "as code of others may");
            self.count += batch.num_rows();
            Ok(())
        }
        fn merge(&mut self, other: &Rows) {
            self.count += other.count;
        }
    }

    #[tokio::test]
    async fn what_breaks_in_a_query_ends_it_alone() {
        let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).collect();
        let table: &'static FieldTable = Box::leak(Box::new(FieldTable::join(&specs).unwrap()));
        let tables = Arc::new(Tables::new(table));
        let http = table.find_protocol("http").unwrap();
        let schema = tables.schema(http);
        let columns = schema.fields().iter().map(|field| arrow::array::new_null_array(field.data_type(), 3)).collect();
        let loose: Vec<_> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let times = arrow::array::TimestampNanosecondArray::from(vec![1, 2, 3]).with_timezone("UTC");
        let mut columns: Vec<arrow::array::ArrayRef> = columns;
        columns[schema.index_of("timestamp").unwrap()] = Arc::new(times);
        let batch = RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(loose)), columns).unwrap();
        let snapshot: Arc<dyn Snapshot> = Arc::new(One(http, Arc::new(vec![batch])));
        let engine = Arc::new(Engine::new(Arc::clone(&tables), 2).unwrap());
        for breaks in [true, false] {
            let question = Question::new(&tables, None, Window::ALL, vec!["id".to_owned()]);
            let make = move || Rows { breaks, count: 0 };
            let folded = engine.fold(&snapshot, Arc::new(question), make, &mut Cost::default()).await;
            match folded {
                Ok(rows) => assert_eq!((breaks, rows.count), (false, 3)),
                Err(error) => assert!(breaks && error.to_string().contains("something broke within"), "{error}"),
            }
        }
    }
}
