//! `lanternfish snapshot`: frozen windows of what is stored.
//!
//! The process that stores makes and deletes them: a running instance is asked over its machine interface, and where none
//! runs, the directory is opened here.

use std::path::Path;
use std::sync::Arc;

use lanternfish_api::SnapshotPlan;
use lanternfish_api::dto::Snapshot as Shown;
use lanternfish_columns::Tables;
use lanternfish_model::{FieldTable, Timestamp};
use lanternfish_query::Window;
use lanternfish_store::{Config, Snapshot, Store, StoreError};
use lanternfish_telemetry::thousands;
use serde_json::{Value, json};

use super::running::{Answer, Running};
use crate::cli::{
    ArchiveFormat, Cli, DataDirArgs, ExportFormat, ListFormat, OrderArgs, OrderChoice, SnapshotVerb, WindowArgs,
};
use crate::exit::Failure;
use crate::instance::pcap;
use crate::instance::place::show;
use crate::instance::snapshots::{self, shown};
use crate::tables::{aligned, field_table};
use crate::terminal::{print, tell};
use crate::verbs::capture::{Prepared, compile};
use crate::verbs::export::{Target, What, write_stream};
use crate::verbs::stored::{Stored, failure, read, refused, settle, text, window};

/// Does what the verb says.
pub(super) fn run(cli: &Cli, verb: &SnapshotVerb) -> Result<(), Failure> {
    match verb {
        SnapshotVerb::Create { query, only_matching, name, no_packets, window, place } => {
            let plan = Plan::new(query.as_deref(), *only_matching, name, !no_packets, *window)?;
            create(&plan, place)
        }
        SnapshotVerb::List { list, place } => {
            let store = read(&settle(place)?, field_table()?)?;
            print(&listed(&store, list.format)?)?;
            Ok(())
        }
        SnapshotVerb::Open { id, place } => open(id, place),
        SnapshotVerb::Export { id, file, output, place } => export(cli, id, file.as_deref(), *output, place),
        SnapshotVerb::Delete { ids, place } => delete(ids, place),
    }
}

/// What to freeze.
struct Plan {
    query: String,
    is_filtered: bool,
    name: String,
    has_packets: bool,
    window: Window,
}

impl Plan {
    fn new(
        query: Option<&str>,
        is_filtered: bool,
        name: &str,
        has_packets: bool,
        arguments: WindowArgs,
    ) -> Result<Plan, Failure> {
        let query = query.unwrap_or_default();
        compile(query, field_table()?)?;
        let name = name.trim().to_owned();
        if name.len() > lanternfish_api::limits::MAX_NAME_BYTES {
            let most = lanternfish_api::limits::MAX_NAME_BYTES;
            return Err(Failure::usage(format_args!("--name is longer than {most} bytes")));
        }
        Ok(Plan { query: query.to_owned(), is_filtered, name, has_packets, window: window(arguments)? })
    }

    /// As it is made here.
    fn plan(&self, table: &'static FieldTable) -> Result<SnapshotPlan, Failure> {
        Ok(SnapshotPlan {
            name: self.name.clone(),
            filter: compile(&self.query, table)?,
            is_filtered: self.is_filtered,
            window: self.window,
            has_packets: self.has_packets,
        })
    }

    /// As the machine interface takes it.
    fn request(&self) -> Value {
        let time = |time: Option<Timestamp>| time.map(text);
        json!({"name": self.name, "filter": self.query, "is_filtered": self.is_filtered, "packets": self.has_packets,
               "from": time(self.window.from), "to": time(self.window.to)})
    }
}

/// Makes a snapshot and prints its id.
fn create(plan: &Plan, place: &DataDirArgs) -> Result<(), Failure> {
    let dir = settle(place)?;
    let asked = match Running::of(&dir) {
        Some(running) => running.ask("POST", "/api/v1/snapshots", Some(&plan.request()))?,
        None => Answer::Nobody,
    };
    let made = match asked {
        Answer::Given(made) => {
            let number = |name: &str| made.get(name).and_then(Value::as_u64).unwrap_or(0);
            let id = made.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            Made { id, entries: number("entries"), packets: number("packets"), bytes: number("bytes") }
        }
        Answer::Nobody => {
            let table = field_table()?;
            let stored = Stored::of(write(&dir, table)?)?;
            let made = stored.wait(snapshots::create(&stored.store, stored.queried.query(), plan.plan(table)?));
            let made = shown(&made.map_err(failure)?);
            Made { id: made.id, entries: made.entries, packets: made.packets, bytes: made.bytes }
        }
    };
    let several = |count: u64, one: &str, more: &str| {
        let word = if count == 1 { one } else { more };
        format!("{} {word}", thousands(count))
    };
    let (entries, packets) = (several(made.entries, "entry", "entries"), several(made.packets, "packet", "packets"));
    let bytes = thousands(made.bytes);
    tell(&format!("lanternfish: the snapshot has {entries}, {packets}, {bytes} bytes on the disk"));
    if !plan.query.trim().is_empty() && !plan.is_filtered {
        tell("lanternfish: the filter is its bookmark; --only-matching would keep only what it meets");
    }
    Ok(print(&format!("{}\n", made.id))?)
}

/// A snapshot that was made.
struct Made {
    id: String,
    entries: u64,
    packets: u64,
    bytes: u64,
}

/// Deletes snapshots; the first that can't be deleted ends it.
fn delete(ids: &[String], place: &DataDirArgs) -> Result<(), Failure> {
    let dir = settle(place)?;
    let running = Running::of(&dir);
    let mut store = None;
    for id in ids {
        if !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused(StoreError::NoSnapshot(id.clone())));
        }
        let asked = match &running {
            Some(running) => running.ask("DELETE", &format!("/api/v1/snapshots/{id}"), None)?,
            None => Answer::Nobody,
        };
        if let Answer::Nobody = asked {
            let store = match &mut store {
                Some(store) => store,
                None => store.insert(write(&dir, field_table()?)?),
            };
            store.snapshots().delete(id).map_err(refused)?;
        }
    }
    Ok(())
}

/// Opens a directory that nobody else writes to, to change its snapshots and nothing else.
fn write(dir: &Path, table: &'static FieldTable) -> Result<Store, Failure> {
    if !dir.is_dir() {
        return Err(refused(StoreError::Missing(dir.to_owned())));
    }
    // What is kept for how long is not said here.
    Store::open(dir, Config::for_good(), Arc::new(Tables::new(table))).map_err(|error| match error {
        StoreError::Locked { .. } => Failure::Work(anyhow::anyhow!(
            "{error}, whose machine interface does not answer: let it make the snapshot, or stop it first"
        )),
        error => refused(error),
    })
}

fn listed(store: &Store, format: ListFormat) -> Result<String, Failure> {
    let mut snapshots: Vec<Shown> = store.snapshots().list().map_err(refused)?.iter().map(shown).collect();
    snapshots.reverse();
    if format == ListFormat::Json {
        let text = serde_json::to_string_pretty(&snapshots).map_err(anyhow::Error::from)?;
        return Ok(format!("{text}\n"));
    }
    let row = |snapshot: &Shown| {
        let time = |time: &Option<String>| time.clone().unwrap_or_default();
        let packets = match (snapshot.has_packets, snapshot.packets) {
            (false, _) => "none".to_owned(),
            // One of an earlier version, which did not count them.
            (true, 0) => "kept".to_owned(),
            (true, packets) => thousands(packets),
        };
        let filter = match plain(&snapshot.filter) {
            filter if filter.is_empty() => filter,
            filter if snapshot.is_filtered => format!("only {filter}"),
            filter => format!("bookmark {filter}"),
        };
        vec![
            snapshot.id.clone(),
            time(&snapshot.from),
            time(&snapshot.to),
            thousands(snapshot.entries),
            thousands(snapshot.bytes),
            packets,
            filter,
            plain(&snapshot.name),
        ]
    };
    let rows: Vec<Vec<String>> = snapshots.iter().map(row).collect();
    Ok(aligned(&["ID", "FROM", "TO", "ENTRIES", "BYTES", "PACKETS", "FILTER", "NAME"], &rows))
}

/// A text on one line.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// Shows a snapshot in the dashboard, or tells where it lies.
fn open(id: &str, place: &DataDirArgs) -> Result<(), Failure> {
    let dir = settle(place)?;
    let path = read(&dir, field_table()?)?.snapshots().path(id).map_err(refused)?;
    if let Some(running) = Running::of(&dir)
        && running.answers()?
    {
        show(&format!("{}/?snapshot={id}", running.url()), false);
        return Ok(());
    }
    tell(
        "lanternfish: no instance runs on this directory; `query`, `map` and `export` ask the snapshot with --snapshot",
    );
    Ok(print(&format!("{}\n", path.display()))?)
}

fn export(cli: &Cli, id: &str, file: Option<&Path>, format: ArchiveFormat, place: &DataDirArgs) -> Result<(), Failure> {
    let prepared = Prepared::of(cli, None, None)?;
    let store = read(&settle(place)?, prepared.table)?;
    let path = store.snapshots().path(id).map_err(refused)?;
    // Rights are given up by now: the file is the user's own.
    let target = match format.export() {
        Some(format) => Target::new(file, format)?,
        None => Target::with(file, false, PRIVATE, "tar")?,
    };
    let Some(format) = format.export() else {
        let mut output = std::io::BufWriter::new(target.file()?);
        store.snapshots().export(id, &mut output).map_err(broken)?;
        std::io::Write::flush(&mut output)?;
        drop(output);
        return target.keep();
    };
    let snapshot = store.snapshots().find(id).map_err(refused)?;
    let mut stored = Stored::of(read(&path, prepared.table)?)?;
    if format == ExportFormat::Pcapng {
        return packets(&stored, &snapshot, target);
    }
    let order = OrderArgs { order: OrderChoice::Newest, limit: None };
    let what = What { format, window: Window::ALL, order, is_whole_connection: false };
    what.write(&mut stored, &prepared, target)
}

/// Writes the packets of a snapshot: those that were counted, and no others.
fn packets(stored: &Stored, snapshot: &Snapshot, target: Target) -> Result<(), Failure> {
    if !shown(snapshot).has_packets {
        return Err(Failure::Work(anyhow::anyhow!("the snapshot {} has no packets", snapshot.id)));
    }
    // The files of the ring are linked whole; what a filter met was copied, with packets from before the window too.
    let (from, to) = match snapshot.is_filtered {
        true => (Timestamp::MIN, Timestamp::MAX),
        false => (snapshot.from, snapshot.to),
    };
    let bytes = stored.wait(pcap::window(&stored.store, from, to)).map_err(failure)?;
    write_stream(stored, bytes, &target)?;
    target.keep()?;
    stored.conclude(&stored.loss(Window { from: Some(from), to: Some(to) }))
}

/// A reader that goes away is no failure.
fn broken(error: StoreError) -> Failure {
    match error {
        StoreError::Io { error, .. } if error.kind() == std::io::ErrorKind::BrokenPipe => Failure::from(error),
        error => refused(error),
    }
}

/// Snapshots hold packets, which were never redacted.
const PRIVATE: u32 = 0o600;
