//! Rows as they are stored, for files that other programs read: one schema for all protocols, without hidden columns.

use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, exec_err};
use futures::Stream;
use lanternfish_columns::Flat;
use lanternfish_filter::Filter;
use lanternfish_model::ProtocolIndex;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::JoinSet;

use crate::Window;
use crate::engine::Engine;
use crate::facts::Facts;
use crate::query::Query;
use crate::question::Question;
use crate::revisions::Newest;
use crate::scan::Taker;
use crate::types::{Cost, QueryError};
use crate::units::{Outcome, Unit};

/// Rows for a file.
pub struct Records {
    /// The columns of every batch.
    pub schema: SchemaRef,
    receiver: mpsc::Receiver<Result<RecordBatch, QueryError>>,
    _work: JoinSet<()>,
}

impl Records {
    /// The next batch.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        self.receiver.recv().await
    }

    /// The batches as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<RecordBatch, QueryError>> + Send {
        futures::stream::unfold(self, |mut records| async move { Some((records.next().await?, records)) })
    }
}

impl Query {
    /// The rows that meet a filter, newest revisions alone, in no order. Columns are those of all protocols that the
    /// filter may meet.
    pub async fn records(&self, filter: &Filter, window: Window) -> Result<Records, QueryError> {
        let engine = Arc::clone(&self.engine);
        let (snapshot, window) = self.snapshot(window);
        let question = Question::new(&engine.tables, Some(filter), window, Vec::new());
        let flat = Flat::new(&engine.tables, |protocol| question.concerns(protocol));
        let schema = Arc::clone(flat.schema());
        let mut question = question.with_revisions();
        question.columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        let newest = {
            let _turn = engine.turn().await?;
            Newest::of_window(&engine, &snapshot, &question, &mut Cost::default()).await?
        };
        let units = Unit::all(&*snapshot, &question, &mut Cost::default());
        let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
        let mut work = JoinSet::new();
        let shape = Shape { flat, newest };
        let handle = engine.handle().clone();
        let sending = async move {
            send_all(engine, question, units, shape, sender).await;
            // What it names stays readable as long as it lives.
            drop(snapshot);
        };
        work.spawn_on(sending, &handle);
        Ok(Records { schema, receiver, _work: work })
    }
}

struct Shape {
    flat: Flat,
    newest: Arc<Newest>,
}

/// Reads piece by piece, and no faster than the reader takes the batches.
async fn send_all(
    engine: Arc<Engine>,
    question: Question,
    mut units: Vec<Unit>,
    shape: Shape,
    sender: mpsc::Sender<Result<RecordBatch, QueryError>>,
) {
    units.sort_by_key(|unit| std::cmp::Reverse(unit.from));
    while let Some(unit) = units.pop() {
        let Ok(turn) = engine.turn().await else { return };
        let (shape, question, sender) = (&shape, &question, &sender);
        let mut sending = Sending { engine: &engine, shape, question, sender, unit: &unit, turn: Some(turn) };
        let outcome = unit.run(engine.context(), &engine.segments, question, &mut sending).await;
        drop(sending);
        match outcome {
            _ if sender.is_closed() => return,
            Outcome::Opened(parts) => units.extend(parts.into_iter().rev()),
            Outcome::Scanned(_) => {}
            Outcome::Unreadable(lost) => {
                if sender.send(Err(QueryError::Unreadable(vec![lost]))).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Sends the batches of one piece.
struct Sending<'a> {
    engine: &'a Engine,
    shape: &'a Shape,
    question: &'a Question,
    sender: &'a mpsc::Sender<Result<RecordBatch, QueryError>>,
    unit: &'a Unit,
    turn: Option<OwnedSemaphorePermit>,
}

impl Taker for Sending<'_> {
    async fn take(&mut self, batch: RecordBatch) -> datafusion::common::Result<()> {
        let batch = self.shape.shaped(self.question, self.unit.protocol, &batch)?;
        let Err(TrySendError::Full(batch)) = self.sender.try_send(Ok(batch)) else { return Ok(()) };
        // While the reader is slow, other queries have the turn.
        self.turn = None;
        if self.sender.send(batch).await.is_err() {
            return exec_err!("nobody reads any more");
        }
        self.turn = self.engine.turn().await.ok();
        Ok(())
    }
}

impl Shape {
    /// The batch with the columns of the schema; those that it lacks are null.
    fn shaped(
        &self,
        question: &Question,
        protocol: ProtocolIndex,
        batch: &RecordBatch,
    ) -> datafusion::common::Result<RecordBatch> {
        let facts = Facts::of(question.table(), protocol, batch)?;
        let current: BooleanArray =
            (0..batch.num_rows()).map(|row| Some(!facts.is_outdated(&self.newest, row))).collect();
        let batch = filter_record_batch(batch, &current)?;
        self.flat.shaped(&batch).map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

/// Batches that wait for their reader.
const WAITING_BATCHES: usize = 8;
