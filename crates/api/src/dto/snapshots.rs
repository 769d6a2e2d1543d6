//! Snapshots: frozen windows of packets, entries and identities.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All snapshots.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SnapshotsAnswer {
    /// The snapshots, the newest first.
    pub snapshots: Vec<Snapshot>,
}

/// A frozen window.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Snapshot {
    /// Its id: the value of `snapshot` in other requests.
    #[schema(example = "20260314-220000-1")]
    pub id: String,
    /// Its name; may be empty.
    pub name: String,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created: String,
    /// The start of the window.
    #[schema(required = true, format = "date-time")]
    pub from: Option<String>,
    /// The end of the window.
    #[schema(required = true, format = "date-time")]
    pub to: Option<String>,
    /// The filter that it was made with; empty for none.
    pub filter: String,
    /// Whether it holds only what the filter meets, and the packets of these connections. Else it holds the whole window, and
    /// the filter is a bookmark: what to show first.
    pub is_filtered: bool,
    /// Its entries; a connection that was stored several times counts as often where the whole window is kept.
    pub entries: u64,
    /// Whether it holds raw packets.
    pub has_packets: bool,
    /// Its packets; 0 where it was made without them.
    pub packets: u64,
    /// Their bytes as captured.
    pub packet_bytes: u64,
    /// Its size on the disk in bytes.
    pub bytes: u64,
    /// Whether it can be used.
    pub state: SnapshotState,
    /// What went wrong; empty where nothing did.
    pub note: String,
}

/// Whether a snapshot can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// It is being made.
    Creating,
    /// It can be browsed, exported and deleted.
    Ready,
    /// It could not be made; `note` says why.
    Failed,
}

/// What to freeze.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotRequest {
    /// A name for people.
    pub name: String,
    /// The start of the window; the oldest entry if left out. A time as in `from`.
    pub from: Option<String>,
    /// The end of the window; now if left out. A time as in `to`.
    pub to: Option<String>,
    /// The filter to begin with where the snapshot is browsed: it holds the whole window all the same, unless `is_filtered`
    /// is true.
    pub filter: String,
    /// Keeps only the entries that the filter meets, and the packets of their connections.
    pub is_filtered: bool,
    /// Whether packets are frozen too (they hold secrets unredacted); true if left out.
    pub packets: Option<bool>,
}
