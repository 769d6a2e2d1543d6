//! Entries folded into the nodes and edges of a service map.
//!
//! A [`Tally`] counts the entries of a pair of peers, and tallies add up; [`MapBuilder`] joins what is known of each pair
//! under a [`GroupBy`]. There is no clock here: time is the entries' own.

mod counts;
mod group;
mod histogram;
pub mod limits;
mod map;

pub use counts::{Counted, Counts, DETECTED, Figures, Shown, Tally};
pub use group::{Facts, GroupBy, NodeKind};
pub use histogram::Latencies;
pub use map::{Edge, MapBuilder, Node, ServiceMap};
