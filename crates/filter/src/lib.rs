//! KFL, the filter language: CEL and the older form in one grammar, checked against the field table, compiled.
//!
//! [`Filter`] tests entries; [`eval_record`] tests a JSON record, where every name is a path. The language is described
//! in `docs/kfl.md`. There is no clock here: the caller says what `now()` is.

mod ast;
mod calls;
mod clock;
mod context;
mod decode;
mod error;
mod eval;
mod explain;
mod expr;
mod filter;
mod functions;
pub mod limits;
mod lower;
mod names;
mod parse;
mod path;
pub mod plan;
mod planning;
mod record;
mod redaction;
mod test;
mod token;
mod types;
mod value;
mod xml;

pub use calls::helpers;
pub use error::{FilterError, Warning};
pub use explain::ClauseText;
pub use filter::{Filter, Verdict};
pub use plan::{Comparison, Plan};
pub use record::{RecordVerdict, eval_record};
pub use redaction::{Applied, Redaction};
