//! Entries as Arrow columns, and back.
//!
//! Each protocol has a table whose columns are the fields that its entries may have, by the joined field table: none is
//! listed here. [`Builders`] takes entries one by one and gives batches; [`Rows`] rebuilds the entries of a batch, so that
//! output and filters see what they saw live. Nothing is read or written here.

mod arrays;
mod buffers;
mod builder;
mod builders;
mod cells;
mod connection;
mod detail;
mod error;
mod flat;
mod layout;
mod raw;
mod rebuild;
mod rows;
mod shared;
mod tables;
mod varint;

#[cfg(test)]
mod tests;

pub use builders::Builders;
pub use error::ColumnError;
pub use flat::Flat;
pub use layout::hidden;
pub use rows::Rows;
pub use tables::Tables;
