//! The nouns of Lanternfish: time, addresses, packets, fields, messages, entries, identities and losses.
//!
//! Every other crate speaks in these words. There is no input, output, clock, thread or serialisation here.

mod address;
mod connection;
mod entry;
mod field;
pub mod fields;
mod identity;
mod loss;
mod message;
mod packet;
mod table;
mod time;
mod values;

pub use address::{ConnectionKey, Direction, Endpoint, Scope, Transport};
pub use connection::{CloseReason, ConnectionFacts, ConnectionSummary, LinkHealth, Side};
pub use entry::{Capture, ConnectionContext, Entry, EntryClass, LocalSide, Party};
pub use field::{FieldIndex, FieldSpec, Keep, Kind, ProtocolSpec, Secrecy, Word, WordClass};
pub use identity::{Identity, ResolutionStatus};
pub use loss::{Cause, Loss, Stage};
pub use message::{Body, Message, Notes, Outcome, PairKey, Role};
pub use packet::{PacketRef, PacketRun, PacketRuns, StreamPosition};
pub use table::{FieldId, FieldTable, FieldTableError, Place, ProtocolIndex, ProtocolSet, Wants};
pub use time::Timestamp;
pub use values::{ListBuffer, ListRef, ListWriter, MapRef, MapWriter, Value, Values};
