//! What runs here, what it sees and what it does not.

use serde::Serialize;
use utoipa::ToSchema;

/// The program answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// The version.
    pub version: &'static str,
}

/// What runs here.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Status {
    /// The version of the program.
    pub version: String,
    /// The name of this node; empty for files.
    pub node_name: String,
    /// When the program started.
    #[schema(format = "date-time")]
    pub started: String,
    /// The time of this answer.
    #[schema(format = "date-time")]
    pub now: String,
    /// Where entries come from.
    pub source: SourceStatus,
    /// What is watched.
    pub watching: Watching,
    /// What can't be seen, and what to do about it.
    pub dark: Vec<Dark>,
    /// Whether secrets are redacted before storing.
    pub is_redacting: bool,
    /// What is stored.
    pub recording: RecordingStatus,
    /// Memory of the program.
    pub memory: MemoryStatus,
    /// What passes now.
    pub rates: RatesStatus,
    /// Clients of this interface.
    pub clients: ClientsStatus,
    /// Who asks.
    pub viewer: ViewerStatus,
    /// What was lost since the start.
    pub loss: super::LossAnswer,
}

/// Where entries come from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SourceStatus {
    /// Live traffic, files, or a stored directory.
    pub kind: SourceKind,
    /// The name to show: the machine, the files, the directory.
    pub name: String,
    /// Whether it still grows.
    pub is_growing: bool,
}

/// The kind of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// This machine.
    Live,
    /// Capture files.
    Files,
    /// A snapshot or a stored directory.
    Snapshot,
}

/// What is watched.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Watching {
    /// Whether packets are captured now.
    pub is_on: bool,
    /// The interfaces.
    pub interfaces: Vec<String>,
    /// The expression of tcpdump's syntax; empty where there is none.
    pub bpf: String,
    /// Whose traffic is captured; empty means everybody's.
    pub targets: Vec<super::Target>,
    /// The protocols that are switched off, and not dissected.
    pub protocols_off: Vec<String>,
    /// The rights that the program has, in words.
    pub rights: Vec<String>,
}

/// Something that can't be seen.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Dark {
    /// What.
    #[schema(example = "the content of TLS connections")]
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do about it; empty where nothing can be done.
    pub remedy: String,
}

/// What is stored.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RecordingStatus {
    /// Whether entries are stored.
    pub is_on: bool,
    /// The data directory; empty where there is none.
    pub directory: String,
    /// Entries that are stored.
    pub entries: u64,
    /// Bytes of entries on disk.
    pub bytes: u64,
    /// Bytes of raw packets on disk; they hold secrets unredacted.
    pub ring_bytes: u64,
    /// The most bytes of entries; the oldest go first.
    #[schema(required = true)]
    pub retention_bytes: Option<u64>,
    /// The greatest age of entries.
    #[schema(required = true)]
    pub retention_seconds: Option<u64>,
    /// The oldest entry.
    #[schema(required = true, format = "date-time")]
    pub oldest: Option<String>,
    /// The newest entry.
    #[schema(required = true, format = "date-time")]
    pub newest: Option<String>,
    /// Why less is stored than should be (a full disk, a directory that can't be written); empty where all is.
    pub trouble: String,
}

/// Memory of the program.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct MemoryStatus {
    /// Anonymous and shared memory with capture rings: what the limit is about.
    pub used_bytes: u64,
    /// All resident memory.
    pub resident_bytes: u64,
    /// The limit.
    #[schema(required = true)]
    pub limit_bytes: Option<u64>,
}

/// What passes now.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RatesStatus {
    /// Entries a second, over the last seconds.
    pub entries_per_second: f64,
    /// Packets a second.
    pub packets_per_second: f64,
    /// Bytes a second.
    pub bytes_per_second: f64,
}

/// Clients of this interface.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ClientsStatus {
    /// Connections that are open.
    pub connections: u64,
    /// Live subscriptions.
    pub subscribers: u64,
    /// Entries that were not sent to subscribers that were too slow.
    pub dropped_entries: u64,
    /// Clients that were cut off because they read or wrote too slowly.
    pub cut_off_slow: u64,
    /// Requests that were refused for their size.
    pub cut_off_large: u64,
    /// Connections that were refused because too many were open.
    pub refused: u64,
}

/// Who asks.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ViewerStatus {
    /// Why it is served: `local user`, `token`, `session`.
    #[schema(example = "local user")]
    pub by: &'static str,
    /// The number of the user on this machine, where known.
    #[schema(required = true)]
    pub uid: Option<u32>,
    /// What it may do: `read`, `raw` (packets, unredacted), `control`.
    pub rights: Vec<&'static str>,
}
