//! Connections and flows write a row when they open, every few seconds and when they close, all with the same id and time;
//! queries show the newest one alone.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, exec_err};
use hashbrown::HashMap;
use lanternfish_model::{ProtocolIndex, fields};

use crate::Window;
use crate::engine::{Engine, Fold};
use crate::limits::MAX_REVISIONS;
use crate::newest::Candidate;
use crate::question::{Question, is_revised, path};
use crate::source::Snapshot;
use crate::types::{Cost, QueryError};

/// The columns that number the revisions of connections and of flows.
pub(crate) const REVISIONS: &[&str] = &["conn_revision", "flow_revision"];

/// The revisions of the rows of a batch.
pub(crate) struct Revisions<'a>(Vec<&'a Int64Array>);

/// The revisions of the rows of a batch.
pub(crate) fn revisions(batch: &RecordBatch) -> Revisions<'_> {
    let columns = REVISIONS.iter().filter_map(|name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>());
    Revisions(columns.collect())
}

impl Revisions<'_> {
    /// The revision of a row, 0 where it has none.
    pub fn of(&self, row: usize) -> i64 {
        self.0.iter().find(|column| column.is_valid(row)).map_or(0, |column| column.value(row))
    }
}

/// The newest revision of each connection and flow.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    known: HashMap<i64, i64>,
    is_full: bool,
}

impl Newest {
    /// Whether a row is not the newest revision of its entry.
    pub fn is_outdated(&self, id: i64, revision: impl FnOnce() -> i64) -> bool {
        self.known.get(&id).is_some_and(|newest| revision() < *newest)
    }

    /// Looks up the newest revisions in a window, where a question concerns connections or flows at all.
    pub async fn of_window(
        engine: &Arc<Engine>,
        snapshot: &Arc<dyn Snapshot>,
        question: &Question,
        cost: &mut Cost,
    ) -> Result<Arc<Newest>, QueryError> {
        let table = question.table();
        let protocols = (0..table.protocols().len()).map(|position| ProtocolIndex(position as u8));
        let concerned: Vec<ProtocolIndex> =
            protocols.filter(|protocol| is_revised(table, *protocol) && question.concerns(*protocol)).collect();
        if concerned.is_empty() {
            return Ok(Arc::default());
        }
        let all = Question::of_protocols(&engine.tables, &concerned, question.window, columns());
        let found = engine.fold(snapshot, Arc::new(all), Newest::default, cost).await?;
        if found.is_full {
            let reason = format!("more than {MAX_REVISIONS} connections and flows; a shorter time would help");
            return Err(QueryError::TooLarge { reason });
        }
        Ok(Arc::new(found))
    }

    /// Looks up the newest revisions of candidates.
    pub async fn of_candidates(
        engine: &Arc<Engine>,
        snapshot: &Arc<dyn Snapshot>,
        candidates: &[Candidate],
        cost: &mut Cost,
    ) -> Result<Newest, QueryError> {
        let table = engine.tables.fields();
        let revised: Vec<&Candidate> = candidates.iter().filter(|c| is_revised(table, c.protocol)).collect();
        let mut protocols: Vec<ProtocolIndex> = revised.iter().map(|candidate| candidate.protocol).collect();
        protocols.sort_unstable();
        protocols.dedup();
        let times = || revised.iter().map(|candidate| candidate.cursor.time);
        let ids = || revised.iter().map(|candidate| candidate.cursor.id);
        let (Some(from), Some(to)) = (times().min(), times().max()) else { return Ok(Newest::default()) };
        let (Some(first), Some(last)) = (ids().min(), ids().max()) else { return Ok(Newest::default()) };
        let window = Window { from: Some(from), to: Some(to) };
        let wanted: Arc<HashMap<i64, i64>> = Arc::new(ids().map(|id| (id.cast_signed(), 0)).collect());
        let mut question = Question::of_protocols(&engine.tables, &protocols, window, columns());
        question.ids = Some(first..=last);
        let make = move || Wanted(Newest { known: HashMap::clone(&wanted), is_full: false });
        Ok(engine.fold(snapshot, Arc::new(question), make, cost).await?.0)
    }

    fn take(&mut self, batch: &RecordBatch, is_wanted: impl Fn(&Self, i64) -> bool) -> Result<()> {
        let ids = batch.column_by_name(path(fields::ID)).and_then(|ids| ids.as_primitive_opt::<Int64Type>());
        let Some(ids) = ids else { return exec_err!("rows without id") };
        let revisions = revisions(batch);
        for (row, &id) in ids.values().iter().enumerate() {
            if !is_wanted(self, id) {
                continue;
            }
            let revision = revisions.of(row);
            // The first of an entry supersedes nothing.
            if revision == 0 {
                continue;
            }
            let is_room = self.known.len() < MAX_REVISIONS;
            match self.known.get_mut(&id) {
                Some(known) => *known = revision.max(*known),
                None if is_room => {
                    self.known.insert(id, revision);
                }
                None => self.is_full = true,
            }
        }
        Ok(())
    }
}

impl Fold for Newest {
    fn batch(&mut self, _protocol: ProtocolIndex, batch: &RecordBatch) -> Result<()> {
        self.take(batch, |_, _| true)
    }

    fn merge(&mut self, other: &Newest) {
        self.is_full |= other.is_full;
        for (&id, &revision) in &other.known {
            let known = self.known.entry(id).or_insert(revision);
            *known = revision.max(*known);
        }
    }
}

/// The newest revisions of some ids alone.
struct Wanted(Newest);

impl Fold for Wanted {
    fn batch(&mut self, _protocol: ProtocolIndex, batch: &RecordBatch) -> Result<()> {
        self.0.take(batch, |newest, id| newest.known.contains_key(&id))
    }

    fn merge(&mut self, other: &Wanted) {
        self.0.merge(&other.0);
    }
}

fn columns() -> Vec<String> {
    REVISIONS.iter().copied().chain([path(fields::ID)]).map(str::to_owned).collect()
}
