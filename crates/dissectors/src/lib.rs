//! dissectors.
