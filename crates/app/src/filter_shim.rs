//! Stands where `lanternfish_filter` will stand, with the same names and signatures; replace `use crate::filter_shim as filter`
//! by `use lanternfish_filter as filter`.

use std::fmt;

use lanternfish_model::{FieldTable, Timestamp};

/// A compiled filter.
#[derive(Clone, Debug)]
pub(crate) struct Filter;

impl Filter {
    /// Compiles a query; only the empty one, which matches everything, is known.
    pub(crate) fn compile(query: &str, _table: &FieldTable, _now: Timestamp) -> Result<Filter, FilterError> {
        if query.trim().is_empty() { Ok(Filter) } else { Err(FilterError) }
    }

    /// What to know about the query though it runs.
    pub(crate) fn warnings(&self) -> &[String] {
        &[]
    }
}

/// Why a query is refused.
#[derive(Clone, Debug)]
pub(crate) struct FilterError;

impl FilterError {
    /// The error under its query.
    pub(crate) fn render(&self, query: &str) -> String {
        format!("{query}\n^ {self}")
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("filters are not part of this build")
    }
}

/// The answer for a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordVerdict {
    /// Whether the record matches.
    pub(crate) matches: bool,
    /// The limit that the query sets; 0 for none.
    pub(crate) limit: u64,
}

/// Evaluates a query on a record.
pub(crate) fn eval_record(
    _record: &mut serde_json::Value,
    query: &str,
    _now: Timestamp,
) -> Result<RecordVerdict, FilterError> {
    if query.trim().is_empty() { Ok(RecordVerdict { matches: true, limit: 0 }) } else { Err(FilterError) }
}
