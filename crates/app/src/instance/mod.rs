//! The running instance: what is captured or read is stored, shown and told to clients of the machine interface.

mod blocking;
mod books;
mod choices;
mod control;
pub(crate) mod export;
mod files;
mod follow;
mod known_files;
mod locate;
mod observer;
mod packets;
pub(crate) mod pcap;
mod peers;
pub(crate) mod place;
mod recorder;
mod scope;
mod serve;
pub(crate) mod settings;
mod shelf;
pub(crate) mod sift;
pub(crate) mod snapshots;

#[cfg(test)]
mod fixture;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lanternfish_api::dto::{
    CaptureChange, CaptureChoices, CaptureSettings, Dark, Deletes, DemoState, FileInfo, FilesAnswer, RecordingStatus,
    SavedFilter, Setting, Snapshot, SourceKind, SourceStatus, Watching,
};
use lanternfish_api::{
    AuditEvent, ByteStream, Engine, EngineError, EngineReport, ExportRequest, FollowPart, FollowRequest, LiveEntries,
    PacketsPart, PacketsRequest, PcapRequest, Peer, Queried, SnapshotPlan, Stored,
};
use lanternfish_model::{FieldTable, Timestamp};
use lanternfish_query::{Query, StoreSource};
use lanternfish_store::Store;
use lanternfish_telemetry::Ledger;

use crate::demo::{Options, Shop};
use crate::terminal::tell;
use crate::verbs::capture::now;

pub(crate) use books::Books;
pub(crate) use control::{Control, live_config};
pub(crate) use observer::Companion;
pub(crate) use place::{Place, show};
pub(crate) use recorder::Recorder;
pub(crate) use serve::Listening;
pub(crate) use settings::Board;
pub(crate) use shelf::{Desk, Reading, Shelf};
use snapshots::OpenStores;

/// Where entries come from.
pub(crate) enum Source {
    /// This machine.
    Live(Arc<Control>),
    /// Capture files.
    Files(Arc<Shelf>),
}

/// The running instance.
pub(crate) struct Instance {
    pub(crate) table: &'static FieldTable,
    pub(crate) source: Source,
    pub(crate) stores: OpenStores,
    pub(crate) live: LiveEntries,
    pub(crate) books: Arc<Books>,
    pub(crate) about: About,
    filters: files::SavedFilterFile,
    audit: files::AuditLog,
    demo: Mutex<Option<Shop>>,
    /// What can't be seen, and when that was looked at.
    dark: Mutex<Option<(Instant, Vec<Dark>)>>,
}

/// What does not change while the program runs.
pub(crate) struct About {
    /// The name to show: the machine, or the files.
    pub(crate) name: String,
    /// The name of this node; empty for files.
    pub(crate) node_name: String,
    /// When the program started.
    pub(crate) started: Timestamp,
    /// Whether secrets are redacted.
    pub(crate) is_redacting: bool,
    /// Whether entries are kept over the end of the program.
    pub(crate) is_kept: bool,
    /// What the memory shall stay within, in bytes.
    pub(crate) memory_bytes: u64,
    /// The settings, some of which can be changed.
    pub(crate) board: Arc<Board>,
}

impl Instance {
    /// An instance over a store.
    pub(crate) fn new(
        source: Source,
        store: Arc<Store>,
        live: LiveEntries,
        books: Arc<Books>,
        about: About,
    ) -> Result<Instance, EngineError> {
        let dir: PathBuf = store.path().to_owned();
        Ok(Instance {
            table: store.tables().fields(),
            source,
            stores: OpenStores::new(store)?,
            live,
            books,
            about,
            filters: files::SavedFilterFile::open(&dir),
            audit: files::AuditLog::open(&dir),
            demo: Mutex::new(None),
            dark: Mutex::new(None),
        })
    }

    /// Starts sample traffic.
    pub(crate) fn start_demo(&self, options: Options) -> anyhow::Result<()> {
        let shop = Shop::start(options)?;
        tell(&format!("A shop of services on the loopback talks until you press Ctrl-C:\n{}", shop.describe()));
        *self.demo.lock().unwrap_or_else(PoisonError::into_inner) = Some(shop);
        Ok(())
    }

    /// What can't be seen on this machine; looking takes a moment, so that it is done now and then.
    fn dark(&self) -> Vec<Dark> {
        let mut dark = self.dark_of_machine();
        if let Source::Live(control) = &self.source {
            dark.extend(choices::absent(&control.capture().interfaces).into_iter().map(|name| Dark {
                what: format!("interface {name}"),
                why: "there is no such interface now; its packets are captured from when it appears".to_owned(),
                remedy: "if the name is wrong, choose another".to_owned(),
            }));
        }
        dark
    }

    fn dark_of_machine(&self) -> Vec<Dark> {
        if matches!(self.source, Source::Files(_)) {
            return Vec::new();
        }
        let mut known = self.dark.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some((at, dark)) if at.elapsed() < DARK_FOR => dark.clone(),
            _ => {
                let dark: Vec<Dark> =
                    crate::verbs::dark().into_iter().map(|(what, why, remedy)| Dark { what, why, remedy }).collect();
                *known = Some((Instant::now(), dark.clone()));
                dark
            }
        }
    }

    fn watching(&self) -> Watching {
        match &self.source {
            Source::Live(control) => {
                let capture = control.capture();
                Watching {
                    is_on: capture.on,
                    interfaces: capture.interfaces,
                    bpf: capture.bpf,
                    targets: capture.targets,
                    protocols_off: capture.protocols.into_iter().filter(|(_, on)| !on).map(|(name, _)| name).collect(),
                    rights: choices::rights(),
                }
            }
            Source::Files(_) => Watching::default(),
        }
    }

    fn recording(&self) -> RecordingStatus {
        let store = self.stores.main();
        let (status, limits) = (store.status(), store.limits());
        RecordingStatus {
            is_on: self.about.is_kept && !store.is_read_only(),
            directory: if self.about.is_kept { store.path().display().to_string() } else { String::new() },
            entries: status.rows,
            bytes: status.segment_bytes,
            ring_bytes: status.ring_bytes,
            retention_bytes: Some(limits.retention_bytes).filter(|bytes| *bytes < u64::MAX),
            retention_seconds: Some(limits.retention_age.as_secs()).filter(|seconds| *seconds <= MAX_AGE_SECONDS),
            oldest: status.from.map(lanternfish_api::time::text),
            newest: status.to.map(lanternfish_api::time::text),
            trouble: status.problem.unwrap_or_default(),
        }
    }
}

/// Queries over a store.
pub(crate) fn queried(store: &Arc<Store>) -> Result<Queried, EngineError> {
    let source = Arc::new(StoreSource::new(Arc::clone(store)));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_QUERY_THREADS);
    let asked: Arc<dyn lanternfish_query::Source> = source;
    let query = Query::new(Arc::clone(&asked), Arc::clone(store.tables()), threads)?;
    Ok(Queried::new(query, asked))
}

#[async_trait]
impl Engine for Instance {
    fn table(&self) -> &'static FieldTable {
        self.table
    }

    fn now(&self) -> Timestamp {
        now()
    }

    fn report(&self) -> EngineReport {
        let (kind, is_growing) = match &self.source {
            Source::Live(_) => (SourceKind::Live, true),
            Source::Files(shelf) => (SourceKind::Files, shelf.is_reading()),
        };
        EngineReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node_name: self.about.node_name.clone(),
            started: self.about.started,
            source: SourceStatus { kind, name: self.about.name.clone(), is_growing },
            watching: self.watching(),
            dark: self.dark(),
            is_redacting: self.about.is_redacting,
            recording: self.recording(),
            memory: self.books.memory(self.about.memory_bytes),
            rates: self.books.rates(),
        }
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = self.books.ledger();
        ledger.add_loss(&self.stores.main().own_loss());
        ledger
    }

    fn stored(&self, snapshot: Option<&str>) -> Result<Arc<dyn Stored>, EngineError> {
        let (_, queried) = self.stores.get(snapshot)?;
        Ok(queried)
    }

    fn live(&self) -> &LiveEntries {
        &self.live
    }

    fn capture(&self) -> CaptureSettings {
        match &self.source {
            Source::Live(control) => control.capture(),
            Source::Files(_) => CaptureSettings::default(),
        }
    }

    async fn capture_choices(&self) -> Result<CaptureChoices, EngineError> {
        let found = tokio::task::spawn_blocking(choices::all).await;
        found.map_err(|error| EngineError::Failed(error.to_string()))
    }

    async fn set_capture(&self, change: CaptureChange) -> Result<CaptureSettings, EngineError> {
        match &self.source {
            Source::Live(control) => {
                let control = Arc::clone(control);
                let changed = tokio::task::spawn_blocking(move || control.change(change)).await;
                changed.map_err(|error| EngineError::Failed(error.to_string()))?
            }
            Source::Files(_) => {
                Err(EngineError::NotPossible("capture files are shown: nothing is captured".to_owned()))
            }
        }
    }

    async fn packets(&self, request: PacketsRequest) -> Result<PacketsPart, EngineError> {
        let (store, queried) = self.stores.get(request.snapshot.as_deref())?;
        packets::packets(&store, &queried, &request).await
    }

    async fn pcap(&self, request: PcapRequest) -> Result<ByteStream, EngineError> {
        let (store, queried) = self.stores.get(request.snapshot.as_deref())?;
        pcap::pcap(&store, &queried, &request).await
    }

    async fn follow(&self, request: FollowRequest) -> Result<FollowPart, EngineError> {
        let (store, queried) = self.stores.get(request.snapshot.as_deref())?;
        follow::follow(&store, &queried, &request).await
    }

    async fn export(&self, request: ExportRequest) -> Result<ByteStream, EngineError> {
        let (_, queried) = self.stores.get(request.snapshot.as_deref())?;
        export::export(queried.query(), request).await
    }

    async fn snapshots(&self) -> Result<Vec<Snapshot>, EngineError> {
        self.stores.list()
    }

    async fn create_snapshot(&self, plan: SnapshotPlan) -> Result<Snapshot, EngineError> {
        self.stores.create(plan).await
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), EngineError> {
        self.stores.delete(id).await
    }

    async fn archive_snapshot(&self, id: &str) -> Result<ByteStream, EngineError> {
        self.stores.archive(id).await
    }

    async fn saved_filters(&self) -> Result<Vec<SavedFilter>, EngineError> {
        Ok(self.filters.list())
    }

    async fn save_filters(&self, filters: Vec<SavedFilter>) -> Result<(), EngineError> {
        self.filters.replace(filters).map_err(|error| EngineError::Failed(format!("cannot keep the filters: {error}")))
    }

    fn settings(&self) -> Vec<Setting> {
        self.about.board.settings()
    }

    async fn set_settings(&self, values: &BTreeMap<String, String>, is_trial: bool) -> Result<Deletes, EngineError> {
        let (board, values) = (Arc::clone(&self.about.board), values.clone());
        blocking::run(move |_| board.change(&values, is_trial)).await
    }

    fn files(&self) -> FilesAnswer {
        match &self.source {
            Source::Files(shelf) => shelf.answer(),
            Source::Live(_) => FilesAnswer { files: Vec::new(), is_upload_possible: false, upload_limit_bytes: 0 },
        }
    }

    async fn upload(&self, name: &str, bytes: ByteStream) -> Result<FileInfo, EngineError> {
        match &self.source {
            Source::Files(shelf) => shelf.upload(name, bytes).await,
            Source::Live(_) => {
                Err(EngineError::NotPossible("live traffic is shown: `lanternfish open` shows files".to_owned()))
            }
        }
    }

    fn demo(&self) -> DemoState {
        DemoState { on: self.demo.lock().unwrap_or_else(PoisonError::into_inner).is_some() }
    }

    async fn set_demo(&self, demo: DemoState) -> Result<DemoState, EngineError> {
        if matches!(self.source, Source::Files(_)) {
            return Err(EngineError::NotPossible(
                "capture files are shown: sample traffic would not be seen".to_owned(),
            ));
        }
        let mut shop = self.demo.lock().unwrap_or_else(PoisonError::into_inner);
        if demo.on && shop.is_none() {
            let started = Shop::start(Options::default());
            *shop = Some(started.map_err(|error| EngineError::Failed(format!("{error:#}")))?);
        } else if !demo.on {
            *shop = None;
        }
        Ok(DemoState { on: shop.is_some() })
    }

    fn peer(&self, peer: SocketAddr, local: SocketAddr) -> Peer {
        peers::find(peer, local)
    }

    fn audit(&self, event: AuditEvent<'_>) {
        let uid = event.uid.map_or_else(|| "-".to_owned(), |uid| uid.to_string());
        let query = if event.query.is_empty() { String::new() } else { format!("?{}", event.query) };
        let time = lanternfish_api::time::text(now());
        self.audit.add(&format!("{time} {} uid={uid} peer={} {}{query}", event.by, event.peer, event.path));
    }
}

/// What is kept for longer than a hundred years is kept for good.
const MAX_AGE_SECONDS: u64 = 36_500 * 86_400;
/// How long it is believed what can't be seen.
const DARK_FOR: Duration = Duration::from_secs(30);
/// The most threads that work on one query.
const MAX_QUERY_THREADS: usize = 4;
