//! Filters, time ranges and aggregates over what is stored, on DataFusion.

mod types;

pub use types::*;
