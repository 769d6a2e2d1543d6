//! Filters, time ranges and aggregates over what is stored, on DataFusion.
//!
//! A filter becomes a plan of tests of columns ([`lanternfish_filter::Plan`]); segments are pruned by time, statistics and
//! bloom filters, rows are tested while they are decoded, and only what is shown is rebuilt as entries. What a plan cannot
//! tell is asked of the compiled filter itself, so that live and stored data have one meaning. Nothing of DataFusion is in
//! the types of this crate; [`Records`] alone gives Arrow batches.

mod check;
mod engine;
mod explain;
mod export;
mod facts;
mod fetch;
mod kept;
mod keys;
pub mod limits;
mod map;
mod newest;
mod predicate;
mod query;
mod question;
mod revisions;
mod scan;
mod segment;
mod source;
mod stats;
mod stored;
mod types;
mod units;
mod values;

pub use engine::THREADS;
pub use export::Records;
pub use query::Query;
pub use source::{SegmentFile, Snapshot, Source};
pub use stored::StoreSource;
pub use types::*;
