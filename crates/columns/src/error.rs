//! Why a batch could not be made or read.

use arrow::error::ArrowError;

/// Why a batch could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum ColumnError {
    /// There is no such protocol in the table.
    #[error("protocol {0} is not in the table")]
    UnknownProtocol(u8),
    /// A batch has no column that every entry needs.
    #[error("the batch has no column {0}")]
    MissingColumn(&'static str),
    /// A column is of a type that cannot be read as the field's.
    #[error("column {name} is of type {found}, which is not read as {expected}")]
    WrongType {
        /// The column.
        name: &'static str,
        /// Its type.
        found: String,
        /// The type of its field.
        expected: &'static str,
    },
    /// Arrow refused.
    #[error("cannot make a batch: {0}")]
    Arrow(#[from] ArrowError),
}
