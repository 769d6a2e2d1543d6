//! What a client of the WebSocket says and hears.

use serde::{Deserialize, Serialize};
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

/// A line of what is watched as text.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WatchPart {
    /// Entries in the format that was asked for; empty where none came.
    pub text: String,
    /// Entries that matched and were not sent, since they came faster than they were read.
    pub dropped: u64,
    /// Whether the answer ends here: as many entries came as `limit()` in the filter allows.
    pub is_last: bool,
}

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiveTopic {
    /// Entries as they come.
    Entries,
    /// The map, every second.
    Map,
    /// Calls by outcome, every second.
    Stats,
}

/// What the server says on the WebSocket: one of these.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it describes what is written without it")]
pub enum LiveMessage {
    /// New entries.
    Entries(LiveEntriesMessage),
    /// The map of the last time.
    Map(LiveMapMessage),
    /// Calls by outcome of the last time.
    Stats(LiveStatsMessage),
    /// What was lost since the program started; sent at the start and when it changed.
    Loss(LiveLossMessage),
    /// What the client said can't be used, or what it asked for failed; the subscription goes on as it was.
    Error(super::ErrorAnswer),
}

/// New entries, in the order in which they were finished.
#[derive(Serialize, ToSchema)]
pub struct LiveEntriesMessage {
    /// The entries.
    #[schema(schema_with = crate::openapi::entries_reference, required = true)]
    pub entries: (),
    /// Entries that matched since the message before and were not sent: the client was paused, or too slow, or asked for
    /// no more a second.
    pub dropped: u64,
    /// Only in the first message after a change of the filter: from here on entries meet this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// The map of the last time.
#[derive(Serialize, ToSchema)]
pub struct LiveMapMessage {
    /// The map.
    pub map: super::MapAnswer,
}

/// Calls by outcome of the last time.
#[derive(Serialize, ToSchema)]
pub struct LiveStatsMessage {
    /// The figures.
    pub stats: super::StatsAnswer,
}

/// What was lost since the program started.
#[derive(Serialize, ToSchema)]
pub struct LiveLossMessage {
    /// LOSS.
    pub loss: super::LossAnswer,
}
