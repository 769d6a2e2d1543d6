//! What the server needs of the program: [`Engine`] is the running instance, [`Stored`] is what it has stored.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use futures::Stream;
use lanternfish_filter::{Filter, FilterError};
use lanternfish_model::{Entry, FieldTable, Loss, Timestamp};
use lanternfish_query::{Cursor, Explain, FieldValues, Group, GroupBy, Map, Order, Page, QueryError, Stats, Window};
use lanternfish_telemetry::Ledger;

use crate::dto::{
    CaptureChange, CaptureChoices, CaptureSettings, Deletes, DemoState, FileInfo, FilesAnswer, FollowChunk, PacketInfo,
    SavedFilter, Setting, Snapshot, SourceStatus, StreamDirection, StreamEnd,
};
use crate::dto::{Dark, MemoryStatus, RatesStatus, RecordingStatus, Watching};
use crate::live::LiveEntries;

/// A stream of values that ends at the first error.
pub type Streamed<T, E> = Pin<Box<dyn Stream<Item = Result<T, E>> + Send>>;
/// Bytes of a file that is made while it is sent.
pub type ByteStream = Streamed<Bytes, EngineError>;

/// What is stored, or a snapshot of it: the functions of `lanternfish_query`.
#[async_trait]
pub trait Stored: Send + Sync + 'static {
    /// A page of entries, the newest first.
    async fn entries(
        &self,
        filter: &Filter,
        window: Window,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page, QueryError>;
    /// All entries, or the first so many, in batches.
    fn stream(
        &self,
        filter: &Filter,
        window: Window,
        order: Order,
        limit: Option<u64>,
    ) -> Streamed<Vec<Entry>, QueryError>;
    /// An entry.
    async fn entry(&self, id: u64) -> Result<Option<Entry>, QueryError>;
    /// Figures by groups and steps of time.
    async fn stats(
        &self,
        filter: &Filter,
        window: Window,
        by: &[Group],
        step_ns: Option<i64>,
        limit: usize,
    ) -> Result<Stats, QueryError>;
    /// The service map.
    async fn map(&self, filter: &Filter, window: Window, group: GroupBy) -> Result<Map, QueryError>;
    /// Values of a field that begin with a prefix, without regard to case.
    async fn values(
        &self,
        field: &Group,
        prefix: &str,
        limit: usize,
        window: Window,
    ) -> Result<FieldValues, QueryError>;
    /// What a filter does to the entries of a window; `now` is what `now()` means in its clauses.
    async fn explain(&self, filter: &Filter, now: Timestamp, window: Window) -> Result<Explain, QueryError>;
    /// What was lost in a window.
    fn loss(&self, window: Window) -> Loss;
    /// The times of the oldest and the newest entry.
    async fn range(&self) -> Result<Option<(Timestamp, Timestamp)>, QueryError>;
}

/// The running instance.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// All fields.
    fn table(&self) -> &'static FieldTable;
    /// The time of the clock.
    fn now(&self) -> Timestamp;
    /// What runs here and what it sees.
    fn report(&self) -> EngineReport;
    /// The books since the start.
    fn ledger(&self) -> Ledger;
    /// What is stored, or a snapshot.
    fn stored(&self, snapshot: Option<&str>) -> Result<Arc<dyn Stored>, EngineError>;
    /// Where live clients get entries from; the program publishes there.
    fn live(&self) -> &LiveEntries;
    /// What is captured.
    fn capture(&self) -> CaptureSettings;
    /// What could be captured.
    async fn capture_choices(&self) -> Result<CaptureChoices, EngineError>;
    /// Changes what is captured, within a second and without a restart.
    async fn set_capture(&self, change: CaptureChange) -> Result<CaptureSettings, EngineError>;
    /// A part of the packets of an entry or connection.
    async fn packets(&self, request: PacketsRequest) -> Result<PacketsPart, EngineError>;
    /// Packets as a pcapng file.
    async fn pcap(&self, request: PcapRequest) -> Result<ByteStream, EngineError>;
    /// A part of the reassembled bytes of a connection.
    async fn follow(&self, request: FollowRequest) -> Result<FollowPart, EngineError>;
    /// A file of entries in a format that this crate does not write itself: Parquet or HAR.
    async fn export(&self, request: ExportRequest) -> Result<ByteStream, EngineError>;
    /// All snapshots.
    async fn snapshots(&self) -> Result<Vec<Snapshot>, EngineError>;
    /// Freezes a window.
    async fn create_snapshot(&self, plan: SnapshotPlan) -> Result<Snapshot, EngineError>;
    /// Deletes a snapshot.
    async fn delete_snapshot(&self, id: &str) -> Result<(), EngineError>;
    /// A snapshot with all that belongs to it as a tar file.
    async fn archive_snapshot(&self, id: &str) -> Result<ByteStream, EngineError>;
    /// The saved filters.
    async fn saved_filters(&self) -> Result<Vec<SavedFilter>, EngineError>;
    /// Replaces the saved filters.
    async fn save_filters(&self, filters: Vec<SavedFilter>) -> Result<(), EngineError>;
    /// All settings.
    fn settings(&self) -> Vec<Setting>;
    /// Changes settings, all of them or none, and gives what that deletes; a trial changes nothing.
    async fn set_settings(&self, values: &BTreeMap<String, String>, is_trial: bool) -> Result<Deletes, EngineError>;
    /// The files that are shown.
    fn files(&self) -> FilesAnswer;
    /// Takes a capture file that a client sends, and shows it.
    async fn upload(&self, name: &str, bytes: ByteStream) -> Result<FileInfo, EngineError>;
    /// Whether sample traffic runs.
    fn demo(&self) -> DemoState;
    /// Starts or ends sample traffic.
    async fn set_demo(&self, demo: DemoState) -> Result<DemoState, EngineError>;
    /// Whose socket is at the other end of a connection over loopback.
    fn peer(&self, peer: SocketAddr, local: SocketAddr) -> Peer;
    /// Told of every look at payloads, packets and bytes of streams, and of every change of settings.
    fn audit(&self, event: AuditEvent<'_>);
}

/// What the engine says of itself; the server adds its own part.
#[derive(Clone, Debug)]
pub struct EngineReport {
    /// The version of the program.
    pub version: String,
    /// The name of this node; empty for files.
    pub node_name: String,
    /// When the program started.
    pub started: Timestamp,
    /// Where entries come from.
    pub source: SourceStatus,
    /// What is watched.
    pub watching: Watching,
    /// What can't be seen.
    pub dark: Vec<Dark>,
    /// Whether secrets are redacted before storing.
    pub is_redacting: bool,
    /// What is stored.
    pub recording: RecordingStatus,
    /// Memory of the program.
    pub memory: MemoryStatus,
    /// What passes now.
    pub rates: RatesStatus,
}

/// Whose socket is at the other end of a connection over loopback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The number of the user; `None` where it could not be found out.
    pub uid: Option<u32>,
    /// Whether it is root, the one who started the program, or in its group.
    pub is_trusted: bool,
}

/// What a request looked at or changed, for the log of the program.
#[derive(Clone, Copy, Debug)]
pub struct AuditEvent<'a> {
    /// Who: `local user`, `token`, `session`.
    pub by: &'static str,
    /// The number of the user, where known.
    pub uid: Option<u32>,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The path of the request.
    pub path: &'a str,
    /// Its query, or the settings that it changed; empty where it has none.
    pub query: &'a str,
}

/// Which packets.
#[derive(Clone, Debug)]
pub enum PacketScope {
    /// Those that carried an entry.
    Entry {
        /// Its id.
        id: u64,
        /// Whether all packets of its connection are meant.
        is_whole_connection: bool,
    },
    /// Those of a connection.
    Connection(u64),
    /// Those of all entries that a filter meets in a window.
    Matching {
        /// The filter.
        filter: Filter,
        /// The window.
        window: Window,
        /// Whether all packets of their connections are meant.
        is_whole_connection: bool,
    },
}

/// A question for packets.
#[derive(Clone, Debug)]
pub struct PacketsRequest {
    /// Where: a snapshot, or what is stored.
    pub snapshot: Option<String>,
    /// Which.
    pub scope: PacketScope,
    /// How many to skip.
    pub offset: u64,
    /// The most.
    pub limit: usize,
}

/// A part of a list of packets.
#[derive(Clone, Debug, Default)]
pub struct PacketsPart {
    /// The packets in the order of capture.
    pub packets: Vec<PacketInfo>,
    /// Whether more follow.
    pub has_more: bool,
    /// Packets that can't be had any more.
    pub missing: u64,
    /// What was lost in their time.
    pub loss: Loss,
}

/// A question for a capture file.
#[derive(Clone, Debug)]
pub struct PcapRequest {
    /// Where: a snapshot, or what is stored.
    pub snapshot: Option<String>,
    /// Which packets.
    pub scope: PacketScope,
}

/// A question for the bytes of a connection.
#[derive(Clone, Debug)]
pub struct FollowRequest {
    /// Where: a snapshot, or what is stored.
    pub snapshot: Option<String>,
    /// `conn_id`.
    pub connection: u64,
    /// One direction, or both.
    pub direction: Option<StreamDirection>,
    /// How many bytes to skip, gaps not counted.
    pub offset: u64,
    /// The most bytes.
    pub limit: usize,
}

/// A part of the bytes of a connection.
#[derive(Clone, Debug, Default)]
pub struct FollowPart {
    /// Address and port of the client.
    pub client: String,
    /// Address and port of the server.
    pub server: String,
    /// Bytes and gaps.
    pub chunks: Vec<StreamChunk>,
    /// Whether more follow.
    pub has_more: bool,
    /// What is known of each direction.
    pub ends: Vec<StreamEnd>,
    /// What was lost in the time of the connection.
    pub loss: Loss,
}

/// Bytes of a direction, or a gap in it.
#[derive(Clone, Debug)]
pub struct StreamChunk {
    /// The direction.
    pub direction: StreamDirection,
    /// Where it begins in its direction.
    pub offset: u64,
    /// The time of its first packet.
    pub time: Timestamp,
    /// The number of its first packet.
    pub packet: u64,
    /// The bytes, or the length of a gap.
    pub content: ChunkContent,
}

/// What a part of a stream holds.
#[derive(Clone, Debug)]
pub enum ChunkContent {
    /// Bytes.
    Data(Bytes),
    /// So many bytes that can't be had.
    Gap(u64),
}

/// A question for a file of entries.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// Where: a snapshot, or what is stored.
    pub snapshot: Option<String>,
    /// Which entries.
    pub filter: Filter,
    /// Of which time.
    pub window: Window,
    /// In which order.
    pub order: Order,
    /// The most.
    pub limit: Option<u64>,
    /// As what.
    pub format: EngineFormat,
}

/// The formats that the engine writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineFormat {
    /// Apache Parquet.
    Parquet,
    /// HTTP Archive 1.2.
    Har,
}

/// What to freeze.
#[derive(Clone, Debug)]
pub struct SnapshotPlan {
    /// A name for people; may be empty.
    pub name: String,
    /// What is shown first, or what is kept.
    pub filter: Filter,
    /// Whether only what the filter meets is kept, with the packets of its connections.
    pub is_filtered: bool,
    /// Of which time.
    pub window: Window,
    /// Whether packets are frozen too.
    pub has_packets: bool,
}

/// Why the engine refuses or fails.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Something that was given can't be used.
    #[error("{message}")]
    Invalid {
        /// The parameter or member.
        parameter: String,
        /// What is wrong with it.
        message: String,
    },
    /// It was there, and is gone.
    #[error("{0}")]
    Gone(String),
    /// It can't be done in this kind of run.
    #[error("{0}")]
    NotPossible(String),
    /// More than the limit was sent.
    #[error("more than {limit_bytes} bytes were sent")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// It can't be done now.
    #[error("{0}")]
    Unavailable(String),
    /// A query failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Something within failed.
    #[error("{0}")]
    Failed(String),
}

impl From<FilterError> for EngineError {
    fn from(error: FilterError) -> EngineError {
        EngineError::Query(QueryError::Filter(error))
    }
}

impl StreamChunk {
    /// The chunk as it is shown.
    pub(crate) fn shown(&self) -> FollowChunk {
        use crate::dto::FollowChunkKind;
        let (kind, length, bytes) = match &self.content {
            ChunkContent::Data(bytes) => (FollowChunkKind::Data, bytes.len() as u64, Some(bytes)),
            ChunkContent::Gap(length) => (FollowChunkKind::Gap, *length, None),
        };
        let text = bytes.map(|bytes| std::str::from_utf8(bytes).map(str::to_owned));
        let (text, text_b64) = match (text, bytes) {
            (Some(Ok(text)), _) => (Some(text), None),
            (_, Some(bytes)) => (None, Some(lanternfish_output::base64(bytes))),
            _ => (None, None),
        };
        FollowChunk {
            direction: self.direction,
            kind,
            offset: self.offset,
            length,
            time: crate::time::text(self.time),
            packet: self.packet,
            text,
            text_b64,
        }
    }
}
