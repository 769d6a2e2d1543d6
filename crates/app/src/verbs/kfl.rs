//! `lanternfish kfl check` and `kfl eval`: a filter without any traffic.

use serde_json::Value;

use crate::cli::{KflArgs, KflVerb};
use crate::exit::Failure;
use crate::tables;
use crate::terminal::print;
use crate::verbs::capture::{compile, now, refused};
use lanternfish_filter as filter;

/// Checks a filter, or evaluates it on a record.
pub(super) fn run(arguments: &KflArgs) -> Result<(), Failure> {
    match &arguments.verb {
        KflVerb::Check { query } => {
            compile(query, tables::field_table()?)?;
            Ok(())
        }
        KflVerb::Eval { record, query } => {
            let mut record: Value = serde_json::from_str(record)
                .map_err(|error| Failure::usage(format_args!("--record is not JSON: {error}")))?;
            let verdict = filter::eval_record(&mut record, query, now()).map_err(|error| refused(&error, query))?;
            Ok(print(&format!("{}\n{}\n{record}\n", verdict.matches, verdict.limit))?)
        }
    }
}
