//! A running instance in memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use futures::{StreamExt, stream};
use lanternfish_api::dto::{
    CaptureChange, CaptureChoices, CaptureSettings, ContainerChoice, Dark, Deletes, DemoState, FileInfo, FileState,
    FilesAnswer, InterfaceChoice, MemoryStatus, PacketInfo, PortChoice, ProcessChoice, RatesStatus, RecordingStatus,
    SavedFilter, Setting, Snapshot, SnapshotState, SourceKind, SourceStatus, StreamDirection, StreamEnd, Watching,
};
use lanternfish_api::{
    AuditEvent, ByteStream, ChunkContent, Engine, EngineError, EngineReport, ExportRequest, FollowPart, FollowRequest,
    LiveEntries, PacketScope, PacketsPart, PacketsRequest, PcapRequest, Peer, SnapshotPlan, Stored, StreamChunk,
};
use lanternfish_model::{Cause, FieldTable, Loss, Outcome, Timestamp};
use lanternfish_telemetry::{Fate, Ledger};

use super::stored::Memory;
use super::traffic::{self, START};

/// What runs here.
pub struct TestEngine {
    pub table: &'static FieldTable,
    pub memory: Arc<Memory>,
    pub live: LiveEntries,
    pub state: Mutex<State>,
}

/// What can change.
pub struct State {
    pub capture: CaptureSettings,
    pub filters: Vec<SavedFilter>,
    pub snapshots: Vec<Snapshot>,
    pub settings: BTreeMap<String, String>,
    pub demo: bool,
    pub peer: Peer,
    pub loss: Loss,
    pub audit: Vec<String>,
    pub uploads: Vec<(String, usize)>,
    /// Bytes of a capture file that never ends.
    pub endless_pcap: bool,
    /// Whether the stream of an endless file was dropped.
    pub is_stream_dropped: bool,
}

impl TestEngine {
    pub fn new() -> TestEngine {
        TestEngine::with_delay(Duration::ZERO)
    }

    /// An engine whose queries take so long.
    pub fn with_delay(delay: Duration) -> TestEngine {
        let table = traffic::table();
        let memory = Arc::new(Memory::new(traffic::entries(), START + 2_000_000_000, delay));
        let capture = CaptureSettings {
            on: true,
            interfaces: Vec::new(),
            bpf: String::new(),
            targets: Vec::new(),
            protocols: table.protocols().iter().map(|spec| (spec.name.to_owned(), true)).collect(),
        };
        let mut loss = Loss::default();
        loss.add(Cause::KernelDrop, 7);
        let state = State {
            capture,
            filters: Vec::new(),
            snapshots: Vec::new(),
            settings: BTreeMap::from([("retention-bytes".to_owned(), "10GiB".to_owned())]),
            demo: false,
            peer: Peer { uid: Some(0), is_trusted: true },
            loss,
            audit: Vec::new(),
            uploads: Vec::new(),
            endless_pcap: false,
            is_stream_dropped: false,
        };
        TestEngine { table, memory, live: LiveEntries::new(table), state: Mutex::new(state) }
    }

    fn has_snapshot(&self, id: Option<&str>) -> Result<(), EngineError> {
        match id {
            Some(id) if !self.state.lock().unwrap().snapshots.iter().any(|known| known.id == id) => {
                Err(EngineError::NotFound(format!("there is no snapshot {id}")))
            }
            _ => Ok(()),
        }
    }

    fn known(&self, scope: &PacketScope) -> Result<(), EngineError> {
        let entries = &self.memory.entries;
        let is_known = match scope {
            PacketScope::Entry { id, .. } => entries.iter().any(|entry| entry.id == *id),
            PacketScope::Connection(id) => entries.iter().any(|entry| entry.connection.facts.id == *id),
            PacketScope::Matching { .. } => true,
        };
        if is_known { Ok(()) } else { Err(EngineError::NotFound("there is no such thing".to_owned())) }
    }
}

/// Tells when it is dropped.
struct Told(Arc<TestEngine>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().is_stream_dropped = true;
    }
}

/// The engine as the server has it: shared, so that endless streams can tell their end.
pub struct Shared(pub Arc<TestEngine>);

#[async_trait]
impl Engine for Shared {
    fn table(&self) -> &'static FieldTable {
        self.0.table
    }

    fn now(&self) -> Timestamp {
        START + 60_000_000_000
    }

    fn report(&self) -> EngineReport {
        EngineReport {
            version: "0.0.0".to_owned(),
            node_name: "test".to_owned(),
            started: START,
            source: SourceStatus { kind: SourceKind::Live, name: "test".to_owned(), is_growing: true },
            watching: Watching { is_on: true, interfaces: vec!["lo".to_owned()], ..Watching::default() },
            dark: vec![Dark { what: "TLS".to_owned(), why: "encrypted".to_owned(), remedy: String::new() }],
            is_redacting: true,
            recording: RecordingStatus { is_on: true, oldest: None, entries: 3, ..RecordingStatus::default() },
            memory: MemoryStatus::default(),
            rates: RatesStatus { entries_per_second: 1.5, ..RatesStatus::default() },
        }
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.add_packets(20, 2000);
        ledger.add_fate(Fate::Dissected, 13);
        ledger.add_loss(&self.0.state.lock().unwrap().loss);
        ledger.add_entry("http", Outcome::ServerError, 1);
        ledger
    }

    fn stored(&self, snapshot: Option<&str>) -> Result<Arc<dyn Stored>, EngineError> {
        self.0.has_snapshot(snapshot)?;
        Ok(Arc::clone(&self.0.memory) as Arc<dyn Stored>)
    }

    fn live(&self) -> &LiveEntries {
        &self.0.live
    }

    fn capture(&self) -> CaptureSettings {
        self.0.state.lock().unwrap().capture.clone()
    }

    async fn capture_choices(&self) -> Result<CaptureChoices, EngineError> {
        Ok(CaptureChoices {
            interfaces: vec![InterfaceChoice {
                name: "lo".to_owned(),
                is_up: true,
                is_loopback: true,
                addresses: vec!["127.0.0.1".to_owned()],
            }],
            processes: vec![ProcessChoice {
                pid: 1,
                name: "init".to_owned(),
                user: "root".to_owned(),
                container: String::new(),
            }],
            containers: vec![ContainerChoice { id: "3f9a".to_owned(), processes: vec!["nginx".to_owned()] }],
            ports: vec![PortChoice { port: 80, transport: "tcp".to_owned(), process: "nginx".to_owned() }],
        })
    }

    async fn set_capture(&self, change: CaptureChange) -> Result<CaptureSettings, EngineError> {
        let mut state = self.0.state.lock().unwrap();
        if change.bpf.as_deref() == Some("no such thing") {
            return Err(EngineError::Invalid { parameter: "bpf".to_owned(), message: "syntax error".to_owned() });
        }
        let capture = &mut state.capture;
        capture.on = change.on.unwrap_or(capture.on);
        capture.interfaces = change.interfaces.unwrap_or_else(|| capture.interfaces.clone());
        capture.bpf = change.bpf.unwrap_or_else(|| capture.bpf.clone());
        capture.targets = change.targets.unwrap_or_else(|| capture.targets.clone());
        capture.protocols.extend(change.protocols.unwrap_or_default());
        Ok(capture.clone())
    }

    async fn packets(&self, request: PacketsRequest) -> Result<PacketsPart, EngineError> {
        self.0.has_snapshot(request.snapshot.as_deref())?;
        self.0.known(&request.scope)?;
        let packet = |number: u64| PacketInfo {
            number,
            time: lanternfish_api::time::text(START),
            direction: Some(StreamDirection::ToServer),
            src: "10.0.0.1:40001".to_owned(),
            dst: "10.0.0.9:80".to_owned(),
            transport: "tcp".to_owned(),
            flags: Some("PA".to_owned()),
            sequence: Some(1),
            payload_bytes: 2,
            payload_offset: 54,
            wire_bytes: 56,
            hex: "00ff".to_owned(),
            ..PacketInfo::default()
        };
        let packets: Vec<PacketInfo> = (1..=5).skip(request.offset as usize).take(request.limit).map(packet).collect();
        let has_more = request.offset + (packets.len() as u64) < 5;
        Ok(PacketsPart { packets, has_more, missing: 2, loss: Loss::default() })
    }

    async fn pcap(&self, request: PcapRequest) -> Result<ByteStream, EngineError> {
        self.0.has_snapshot(request.snapshot.as_deref())?;
        self.0.known(&request.scope)?;
        if self.0.state.lock().unwrap().endless_pcap {
            let told = Told(Arc::clone(&self.0));
            let part = Bytes::from(vec![0; 64 << 10]);
            return Ok(Box::pin(stream::repeat(part).map(move |part| {
                let _told = &told;
                Ok(part)
            })));
        }
        Ok(Box::pin(stream::iter([Ok(Bytes::from_static(b"\x0a\x0d\x0d\x0a")), Ok(Bytes::from_static(b"rest"))])))
    }

    async fn follow(&self, request: FollowRequest) -> Result<FollowPart, EngineError> {
        self.0.has_snapshot(request.snapshot.as_deref())?;
        self.0.known(&PacketScope::Connection(request.connection))?;
        let all: &[(StreamDirection, &'static [u8])] = &[
            (StreamDirection::ToServer, b"GET /"),
            (StreamDirection::ToClient, b"\xff\xfe"),
            (StreamDirection::ToServer, b"bye"),
        ];
        let chunk = |(direction, bytes): &(StreamDirection, &'static [u8])| StreamChunk {
            direction: *direction,
            offset: 0,
            time: START,
            packet: 4,
            content: ChunkContent::Data(Bytes::from_static(bytes)),
        };
        let wanted = all.iter().filter(|(direction, _)| request.direction.is_none_or(|wanted| wanted == *direction));
        let mut skipped = 0;
        let mut chunks = Vec::new();
        let mut size = 0;
        let mut has_more = false;
        for part in wanted {
            if skipped < request.offset {
                skipped += part.1.len() as u64;
            } else if size > 0 && size + part.1.len() > request.limit {
                has_more = true;
                break;
            } else {
                size += part.1.len();
                chunks.push(chunk(part));
            }
        }
        if request.offset == 0 {
            let gap = ChunkContent::Gap(100);
            chunks.push(StreamChunk { content: gap, ..chunk(&all[0]) });
        }
        Ok(FollowPart {
            client: "10.0.0.1:40001".to_owned(),
            server: "10.0.0.9:80".to_owned(),
            chunks,
            has_more,
            ends: vec![StreamEnd { direction: StreamDirection::ToServer, bytes: 8, gap_bytes: 100 }],
            loss: Loss::default(),
        })
    }

    async fn export(&self, request: ExportRequest) -> Result<ByteStream, EngineError> {
        self.0.has_snapshot(request.snapshot.as_deref())?;
        Ok(Box::pin(stream::iter([Ok(Bytes::from(format!("{{\"as\":\"{:?}\"}}", request.format)))])))
    }

    async fn snapshots(&self) -> Result<Vec<Snapshot>, EngineError> {
        Ok(self.0.state.lock().unwrap().snapshots.clone())
    }

    async fn create_snapshot(&self, plan: SnapshotPlan) -> Result<Snapshot, EngineError> {
        let mut state = self.0.state.lock().unwrap();
        let snapshot = Snapshot {
            id: format!("s{}", state.snapshots.len() + 1),
            name: plan.name,
            created: lanternfish_api::time::text(START),
            from: plan.window.from.map(lanternfish_api::time::text),
            to: None,
            filter: plan.filter.query().to_owned(),
            entries: 3,
            is_filtered: plan.is_filtered,
            has_packets: plan.has_packets,
            packets: if plan.has_packets { 5 } else { 0 },
            packet_bytes: if plan.has_packets { 500 } else { 0 },
            bytes: 100,
            state: SnapshotState::Ready,
            note: String::new(),
        };
        state.snapshots.push(snapshot.clone());
        Ok(snapshot)
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), EngineError> {
        self.0.has_snapshot(Some(id))?;
        self.0.state.lock().unwrap().snapshots.retain(|known| known.id != id);
        Ok(())
    }

    async fn archive_snapshot(&self, id: &str) -> Result<ByteStream, EngineError> {
        self.0.has_snapshot(Some(id))?;
        Ok(Box::pin(stream::iter([Ok(Bytes::from_static(b"tar"))])))
    }

    async fn saved_filters(&self) -> Result<Vec<SavedFilter>, EngineError> {
        Ok(self.0.state.lock().unwrap().filters.clone())
    }

    async fn save_filters(&self, filters: Vec<SavedFilter>) -> Result<(), EngineError> {
        self.0.state.lock().unwrap().filters = filters;
        Ok(())
    }

    fn settings(&self) -> Vec<Setting> {
        let state = self.0.state.lock().unwrap();
        let setting = |key: &str, value: &str, is_changeable: bool| Setting {
            key: key.to_owned(),
            value: value.to_owned(),
            source: "default".to_owned(),
            doc: "What it does.".to_owned(),
            is_changeable,
            note: String::new(),
        };
        let changeable = state.settings.iter().map(|(key, value)| setting(key, value, true));
        changeable.chain([setting("listen", "127.0.0.1:8899", false)]).collect()
    }

    async fn set_settings(&self, values: &BTreeMap<String, String>, is_trial: bool) -> Result<Deletes, EngineError> {
        if !is_trial {
            self.0.state.lock().unwrap().settings.extend(values.clone());
        }
        Ok(Deletes::default())
    }

    fn files(&self) -> FilesAnswer {
        let state = self.0.state.lock().unwrap();
        let file = |(name, bytes): &(String, usize)| FileInfo {
            name: name.clone(),
            state: FileState::Done,
            bytes: Some(*bytes as u64),
            read_bytes: *bytes as u64,
            packets: 1,
            entries: 1,
            note: String::new(),
        };
        FilesAnswer { files: state.uploads.iter().map(file).collect(), is_upload_possible: true, upload_limit_bytes: 0 }
    }

    async fn upload(&self, name: &str, mut bytes: ByteStream) -> Result<FileInfo, EngineError> {
        let mut sum = 0;
        while let Some(part) = bytes.next().await {
            sum += part?.len();
        }
        self.0.state.lock().unwrap().uploads.push((name.to_owned(), sum));
        Ok(self.files().files.pop().unwrap())
    }

    fn demo(&self) -> DemoState {
        DemoState { on: self.0.state.lock().unwrap().demo }
    }

    async fn set_demo(&self, demo: DemoState) -> Result<DemoState, EngineError> {
        self.0.state.lock().unwrap().demo = demo.on;
        Ok(demo)
    }

    fn peer(&self, _: SocketAddr, _: SocketAddr) -> Peer {
        self.0.state.lock().unwrap().peer
    }

    fn audit(&self, event: AuditEvent<'_>) {
        self.0.state.lock().unwrap().audit.push(format!("{} {} {}", event.by, event.path, event.query));
    }
}
