//! The order of the stages, and the threads: packets in, entries out.
//!
//! [`Ingest`] reads headers and puts fragments together; a [`Worker`] owns a connection table and everything behind it;
//! [`files::run`] spreads a capture file over workers and merges what they give in the order of packets, so that the
//! result does not depend on their number.

mod chunk;
pub mod files;
mod flows;
mod held;
mod ingest;
mod known_names;
pub mod live;
mod merge;
mod pipeline;
mod redact;
mod settings;
mod spread;
mod stage;
mod worker;

pub use chunk::{Chunk, Mark, Rank};
pub use ingest::{Ingest, Ingested, RawPacket};
pub use redact::{FINGERPRINT_KEY_BYTES, Fingerprint, Redactor};
pub use settings::{EntrySink, Revisions, Scope, Settings};
pub use worker::Worker;
