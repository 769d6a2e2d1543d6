//! IP fragments, the connection table, and streams put back in order.
//!
//! A state machine of packets and packet time: it holds no clock and starts no thread.

mod sink;

pub use sink::{Fate, Moment, PacketMeta, Sink, StreamData, Verdict};
