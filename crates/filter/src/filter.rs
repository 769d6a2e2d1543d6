//! A compiled filter: what other crates hold and call.

use std::sync::Arc;

use lanternfish_model::{Entry, FieldId, FieldTable, Timestamp};

use crate::context::{Context, Source};
use crate::error::{FilterError, Warning};
use crate::expr::Expr;
use crate::lower::{Lower, Names};
use crate::parse::parse;
use crate::redaction::{Applied, Redaction};
use crate::test::Test;
use crate::value::Val;

/// A query, checked against a field table and compiled; cheap to clone and shared by threads.
#[derive(Clone, Debug)]
pub struct Filter(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    query: String,
    test: Test,
    limit: Option<u64>,
    fields: Vec<FieldId>,
    warnings: Vec<Warning>,
    redactions: Vec<Redaction>,
}

/// The answer for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the entry matches.
    pub matches: bool,
    /// Which of [`Filter::redactions`] were evaluated on the way and are to be applied to what is shown.
    pub redactions: Applied,
}

impl Filter {
    /// Compiles a query. `now` is what `now()` and its kin mean from here on; the table must be the one of the entries.
    pub fn compile(query: &str, table: &FieldTable, now: Timestamp) -> Result<Filter, FilterError> {
        let parsed = parse(query)?;
        let mut lower = Lower::new(query, Names::Table(table), now);
        lower.warnings = parsed.warnings;
        let expr = match &parsed.ast {
            Some(ast) => lower.query(ast)?,
            None => Expr::Const(Val::Bool(true)),
        };
        let test = Test::new(expr, table, !lower.redactions.is_empty());
        Ok(Filter(Arc::new(Compiled {
            query: query.to_owned(),
            test,
            limit: lower.limit,
            fields: lower.fields.into_iter().collect(),
            warnings: lower.warnings,
            redactions: lower.redactions,
        })))
    }

    /// Whether both are clones of one compilation: they meet the same entries, whatever `now()` was.
    pub fn is_same(&self, other: &Filter) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether an entry matches, as if its redactions were applied on the way.
    pub fn matches(&self, table: &FieldTable, entry: &Entry) -> bool {
        let compiled = &*self.0;
        compiled.test.holds(&Context::new(Source::Entry(table, entry), &compiled.redactions), table, entry)
    }

    /// Like [`Filter::matches`], and which redactions were evaluated.
    pub fn judge(&self, table: &FieldTable, entry: &Entry) -> Verdict {
        let compiled = &*self.0;
        let context = Context::new(Source::Entry(table, entry), &compiled.redactions);
        let matches = compiled.test.holds(&context, table, entry);
        Verdict { matches, redactions: context.applied() }
    }

    /// The compiled test.
    pub(crate) fn test(&self) -> &Test {
        &self.0.test
    }

    /// The query as it was written.
    pub fn query(&self) -> &str {
        &self.0.query
    }

    /// The most records that the answer may hold.
    pub fn limit(&self) -> Option<u64> {
        self.0.limit
    }

    /// The fields that it reads.
    pub fn fields(&self) -> impl Iterator<Item = FieldId> + '_ {
        self.0.fields.iter().copied()
    }

    /// What to know about the query though it runs.
    pub fn warnings(&self) -> &[Warning] {
        &self.0.warnings
    }

    /// The paths that it redacts, in written order.
    pub fn redactions(&self) -> &[Redaction] {
        &self.0.redactions
    }

    /// Redacts an entry as JSON (by KFL names) as the evaluation of that entry said.
    pub fn redact(&self, verdict: &Verdict, record: &mut serde_json::Value) {
        for (number, redaction) in self.0.redactions.iter().enumerate() {
            if verdict.redactions.contains(number) {
                redaction.apply(record);
            }
        }
    }
}
