//! The books: what became of every packet, how many entries each protocol gave, and what was lost where.
//!
//! The stages return counters; a [`Ledger`] adds them up. Nothing here has a clock, a thread or a socket.

mod ledger;
mod report;
mod unknown;

pub use ledger::{Fate, Ledger, ProtocolCount};
pub use report::{losses, thousands};
pub use unknown::{Unknown, UnknownCounts};

#[cfg(test)]
mod tests;
