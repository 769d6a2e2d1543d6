//! Stored entries and raw packets: one data directory that outlives crashes, full disks and clocks that jump.
//!
//! Entries come as batches of `columns`. They stand in the tail first, which is an Arrow IPC file and memory, and are sealed
//! into Parquet segments by size and age. The raw packet ring keeps the newest packets, snapshots keep a window, and the
//! ledger keeps what was lost when. Queries are not made here: a [`View`] tells what is stored at one moment.

mod aside;
mod bounds;
mod clock;
mod config;
mod dir;
mod draft;
mod error;
mod limits;
mod loss;
mod memory;
mod merge;
mod numbers;
mod pack;
mod recover;
mod ring;
mod seal;
mod sealer;
mod segment;
mod snapshot;
mod space;
mod state;
mod status;
mod store;
mod tail_file;
mod tar;
mod view;
mod writer;

pub use bounds::Bounds;
pub use config::Config;
pub use draft::Draft;
pub use error::StoreError;
pub use limits::{Going, Limits};
pub use ring::{Ring, RingPacket, RingPackets, RingRange, RingWriter};
pub use segment::Segment;
pub use snapshot::{NewSnapshot, Snapshot, Snapshots};
pub use status::Status;
pub use store::Store;
pub use view::View;
