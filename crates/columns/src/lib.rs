//! Rows to Arrow arrays by the field table, and back.
