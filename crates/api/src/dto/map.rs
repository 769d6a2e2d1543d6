//! The service map.

use serde::Serialize;
use utoipa::ToSchema;

/// The map of a window.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MapAnswer {
    /// The nodes, by id.
    pub nodes: Vec<MapNode>,
    /// The edges, by source, destination and protocol.
    pub edges: Vec<MapEdge>,
    /// Edges that were left out for the limit: those with the fewest calls.
    pub omitted_edges: u64,
    /// What was lost in the window.
    pub loss: super::LossAnswer,
    /// How long the query took.
    pub took_ms: u64,
    /// What the query read.
    pub cost: super::CostInfo,
}

/// A node: whatever the grouping makes one of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MapNode {
    /// Stable and unique in the map.
    #[schema(example = "process:nginx")]
    pub id: String,
    /// What it stands for: `service`, `container`, `process`, `host`, `ip`, or `rest` for all that limits left out.
    #[schema(example = "process")]
    pub kind: &'static str,
    /// What to show.
    #[schema(example = "nginx")]
    pub name: String,
    /// The port of an address without a name at which nothing answered in this window; such ports are nodes of their own,
    /// to be shown as `name:port`. With `group=host` and `group=ip` there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The field below `src.` and `dst.` that holds the name, for filters; empty for `rest`.
    #[schema(example = "process.name")]
    pub field: &'static str,
    /// Calls that it received.
    pub calls_in: u64,
    /// Calls that it made.
    pub calls_out: u64,
    /// Errors of the calls that it received.
    pub errors_in: u64,
}

/// All calls of one protocol from one node to another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MapEdge {
    /// The id of the calling node.
    pub src: String,
    /// The id of the called node.
    pub dst: String,
    /// The protocol in lower case.
    #[schema(example = "http")]
    pub protocol: String,
    /// Its calls.
    #[serde(flatten)]
    pub figures: super::Figures,
    /// The newest call.
    #[schema(format = "date-time")]
    pub last_seen: String,
}
