//! The contract between the engine and the protocols, and the engine that drives them.
//!
//! A protocol says what it is ([`Protocol`]), recognises its bytes ([`Protocol::probe`]) and turns them into messages
//! ([`Dissector`]). It is a state machine of bytes and packet time: no clock, thread, socket or file.

mod chunk;
mod contract;
mod conversation;
mod decompress;
mod limits;
mod out;
mod pending;
mod registry;

pub use chunk::{Chunk, Source};
pub use contract::{Dissector, GapVerdict, Handoff, Head, Probe, Progress, Protocol, Sender, Transports};
pub use conversation::{Answer, Arrival, Conversation, Desk};
pub use decompress::{Compression, Decoded, decompress};
pub use limits::Limits;
pub use out::{MessagePool, Out, Session};
pub use registry::Registry;

#[cfg(test)]
mod tests;
