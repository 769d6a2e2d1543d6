//! `kfl eval`: a query on one JSON record, where every name is a path and `redact` acts at once.

use std::cell::RefCell;

use lanternfish_model::Timestamp;
use serde_json::Value as Json;

use crate::context::{Context, Source};
use crate::error::FilterError;
use crate::lower::{Lower, Names};
use crate::parse::parse;

/// The answer for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordVerdict {
    /// Whether the record matches.
    pub matches: bool,
    /// The limit that the query sets; 0 for none.
    pub limit: u64,
}

/// Evaluates a query on a record; `redact` changes the record in written order.
///
/// Unknown names, unknown helpers and bad arguments are missing, not errors; only what cannot be parsed is refused.
pub fn eval_record(record: &mut Json, query: &str, now: Timestamp) -> Result<RecordVerdict, FilterError> {
    let parsed = parse(query)?;
    let mut lower = Lower::new(query, Names::Record, now);
    let Some(ast) = parsed.ast else { return Ok(RecordVerdict { matches: true, limit: 0 }) };
    let expr = lower.query(&ast)?;
    let cell = RefCell::new(record.take());
    let matches = expr.holds(&Context::new(Source::Record(&cell), &lower.redactions));
    *record = cell.into_inner();
    Ok(RecordVerdict { matches, limit: lower.limit.unwrap_or(0) })
}
