//! Entries as text: a table for people, JSON lines, a JSON array, and CSV.
//!
//! The writers go straight from the row ([`lanternfish_model::Entry`]) to bytes: no tree of owned strings, no allocation an
//! entry. The names and the nesting come from the field table; the plan for a protocol is made once.
//! Writing to a file or terminal is the caller's: a worker formats into its own buffer, a merger puts them together.

mod address;
mod base64;
mod buffer;
mod column;
mod csv;
mod escape;
mod json;
mod map;
mod nearest;
mod plain;
mod plan;
mod source;
mod summary;
mod table;
mod time;
mod word;
mod writer;

pub use base64::text as base64;
pub use column::{Column, ColumnError};
pub use nearest::nearest;
pub use summary::Summaries;
pub use writer::{EntryWriter, Format, Options};
