//! What a client of the WebSocket may say; what it hears is described in the OpenAPI document.

use serde::Deserialize;
use utoipa::ToSchema;

/// A change of a live subscription: any of its members, each in force from then on.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LiveChange {
    /// The filter; empty matches everything.
    pub filter: Option<String>,
    /// Whether nothing is sent but losses. What passes meanwhile is not sent later; it is in the store.
    pub pause: Option<bool>,
    /// What is sent; only `entries` from the start.
    pub subscribe: Option<Vec<LiveTopic>>,
    /// What nodes of the map are made of, as in `/api/v1/map`.
    pub group: Option<String>,
    /// How far map and stats reach back (`5m`).
    pub last: Option<String>,
    /// The most entries a second; those beyond it are counted in `dropped`.
    pub max_rate: Option<u32>,
}

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiveTopic {
    /// Entries as they come.
    Entries,
    /// The map, every second.
    Map,
    /// Calls by outcome, every second.
    Stats,
}
