//! IP fragments, the connection table, and streams put back in order.
//!
//! A state machine of packets and packet time: it holds no clock and starts no thread.
//!
//! [`Defragmenter`] puts fragments together, [`Tracker`] keeps the connections and gives ordered bytes to a [`Sink`].

mod config;
mod defragment;
mod half;
mod lists;
mod queue;
mod record;
mod roles;
mod sctp;
mod segment;
mod sequence;
mod sink;
mod stream;
mod tracker;
mod wheel;

pub use config::{Config, Ids, Timeouts, next_report};
pub use defragment::{Defragmenter, FragmentLimits, Whole};
pub use sink::{Fate, Moment, PacketMeta, Sink, StreamData, Verdict};
pub use tracker::Tracker;

#[cfg(test)]
mod tests;
