//! What requests and answers look like as JSON; the OpenAPI document is made from these types.
//!
//! Entries are not here: their JSON comes from the one JSON writer, and their schema from the field table.

mod capture;
mod cost;
mod detail;
mod entries;
mod error;
mod fields;
mod filters;
mod live;
mod loss;
mod map;
mod packets;
mod settings;
mod snapshots;
mod stats;
mod status;

pub use capture::{
    CaptureChange, CaptureChoices, CaptureSettings, ContainerChoice, InterfaceChoice, PortChoice, ProcessChoice,
    Target, TargetKind,
};
pub use cost::{CostInfo, UnreadableSegment};
pub use detail::{BodyFacts, ConnectionBrief, EntryDetail, Half};
pub use entries::EntriesAnswer;
pub(crate) use entries::EntriesRest;
pub use error::{ErrorAnswer, ErrorBody};
pub use fields::{FieldInfo, FieldsAnswer, HelperInfo, ProtocolInfo, ValueCount, ValuesAnswer};
pub use filters::{ClauseInfo, Explanation, KflAnswer, KflQuestion, KflWarning, SavedFilter, SavedFilters};
pub use live::{
    LiveChange, LiveEntriesMessage, LiveLossMessage, LiveMapMessage, LiveMessage, LiveStatsMessage, LiveTopic,
    WatchPart,
};
pub use loss::{LossAnswer, LossCause, LossWord};
pub use map::{MapAnswer, MapEdge, MapNode};
pub use packets::{FollowAnswer, FollowChunk, FollowChunkKind, PacketInfo, PacketsAnswer, StreamDirection, StreamEnd};
pub use settings::{Deletes, DemoState, FileInfo, FileState, FilesAnswer, Setting, SettingsAnswer, SettingsChange};
pub use snapshots::{Snapshot, SnapshotRequest, SnapshotState, SnapshotsAnswer};
pub use stats::{Figures, LossStep, StatRow, StatsAnswer, TimelineAnswer, TimelineStep};
pub use status::{
    ClientsStatus, Dark, Health, MemoryStatus, RatesStatus, RecordingStatus, SourceKind, SourceStatus, Status,
    ViewerStatus, Watching,
};
