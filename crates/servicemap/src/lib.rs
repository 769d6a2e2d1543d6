//! Entries folded into the nodes and edges of a service map.
//!
//! [`LiveMap`] folds entries as they come and keeps them by short windows of time; [`MapBuilder`] joins what is known of
//! each pair of peers under a [`GroupBy`] and is shared with the queries over stored entries, so that both maps are made by
//! one rule. There is no clock here: time is the entries' own.

mod counts;
mod group;
mod histogram;
pub mod limits;
mod live;
mod map;
mod peers;

pub use counts::{Counted, Counts, DETECTED, Figures, Shown, Tally};
pub use group::{Facts, GroupBy, NodeKind};
pub use histogram::Latencies;
pub use live::{LiveMap, LiveMapLoss};
pub use map::{Edge, MapBuilder, Node, ServiceMap};
