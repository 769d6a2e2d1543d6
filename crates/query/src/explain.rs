//! How many entries each clause of a filter leaves: all clauses are counted in one pass.

use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use lanternfish_filter::Filter;
use lanternfish_model::{FieldTable, ProtocolIndex};

use crate::engine::Fold;
use crate::facts::Facts;
use crate::question::Question;
use crate::revisions::Newest;
use crate::scan::mask;

/// The clauses that are counted, each as a question of its own; the last is the whole filter.
pub(crate) struct Clauses {
    pub table: &'static FieldTable,
    pub questions: Vec<Question>,
    pub newest: Arc<Newest>,
}

impl Clauses {
    /// The columns that all clauses read.
    pub fn columns(&self, filters: &[Filter]) -> Vec<String> {
        let fields = filters.iter().flat_map(Filter::fields).map(|field| self.table.spec(field).path.to_owned());
        fields.chain(self.questions.iter().flat_map(|question| question.shown.iter().cloned())).collect()
    }
}

/// Counts under way.
pub(crate) struct ExplainFold {
    clauses: Arc<Clauses>,
    pub total: u64,
    /// By clause: entries that it meets, and entries that it and all before it meet.
    pub left: Vec<(u64, u64)>,
}

impl ExplainFold {
    pub fn new(clauses: Arc<Clauses>) -> ExplainFold {
        ExplainFold { total: 0, left: vec![(0, 0); clauses.questions.len()], clauses }
    }
}

impl Fold for ExplainFold {
    fn batch(&mut self, protocol: ProtocolIndex, batch: &RecordBatch) -> Result<()> {
        let clauses = Arc::clone(&self.clauses);
        let facts = Facts::of(clauses.table, protocol, batch)?;
        let rows = batch.num_rows();
        let current: BooleanArray = (0..rows).map(|row| Some(!facts.is_outdated(&clauses.newest, row))).collect();
        self.total = self.total.saturating_add(current.true_count() as u64);
        let mut so_far = current.clone();
        for (question, (left, left_so_far)) in clauses.questions.iter().zip(&mut self.left) {
            let met = mask(batch, protocol, question)?;
            let alone = arrow::compute::and(&met, &current)?;
            so_far = arrow::compute::and(&so_far, &met)?;
            *left = left.saturating_add(alone.true_count() as u64);
            *left_so_far = left_so_far.saturating_add(so_far.true_count() as u64);
        }
        Ok(())
    }

    fn merge(&mut self, other: &ExplainFold) {
        self.total = self.total.saturating_add(other.total);
        for ((left, left_so_far), (more, more_so_far)) in self.left.iter_mut().zip(&other.left) {
            *left = left.saturating_add(*more);
            *left_so_far = left_so_far.saturating_add(*more_so_far);
        }
    }
}
