//! `lanternfish open`: the dashboard on capture files.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use lanternfish_api::{Engine, LiveEntries};
use lanternfish_capture::privileges;
use lanternfish_model::Wants;
use lanternfish_store::Config;

use crate::cli::{EntryArgs, OpenArgs};
use crate::config::Invocation;
use crate::exit::Failure;
use crate::instance::{Books, Desk, Instance, Listening, Place, Reading, Shelf, Source, show};
use crate::verbs::capture::Prepared;
use crate::verbs::live::stop_on_signals;

/// Serves the dashboard on files until a signal comes.
pub(super) fn run(invocation: &Invocation, arguments: &OpenArgs) -> Result<(), Failure> {
    for path in &arguments.files {
        check(path)?;
    }
    let entries = EntryArgs::default();
    let prepared = Prepared::new(&invocation.cli, None, &entries)?;
    let mut settings = prepared.settings(Wants::everything(prepared.table), &entries, &arguments.limits)?;
    let standing = privileges::drop_all().map_err(anyhow::Error::from)?;
    let stop = stop_on_signals()?;
    let config = Config { ring_bytes: RING_BYTES, ..Config::for_good() };
    let place = match &arguments.data_dir {
        Some(path) => Place::at(path, config, prepared.table)?,
        None => Place::temporary(config, prepared.table)?,
    };
    settings.redaction = place.redaction(arguments.no_redact)?;
    let is_redacting = settings.redaction.is_some();
    let listening = Listening::open(&arguments.serve, place.store.path(), "")?;
    let (live, books) = (LiveEntries::new(prepared.table), Arc::new(Books::default()));
    let uploads = place.store.path().join("uploads");
    std::fs::create_dir_all(&uploads).with_context(|| format!("cannot make {}", uploads.display()))?;
    let shelf = Arc::new(Shelf::new(uploads));
    let mut about = place.about(invocation, &arguments.limits, "", is_redacting);
    let names: Vec<String> = arguments.files.iter().map(|path| name_of(path)).collect();
    about.name = names.join(", ");
    let store = Arc::clone(&place.store);
    let instance =
        Instance::new(Source::Files(Arc::clone(&shelf)), Arc::clone(&store), live.clone(), Arc::clone(&books), about);
    let instance = Arc::new(instance.map_err(anyhow::Error::from)?);
    let url = place.announce(&listening)?;
    let engine: Arc<dyn Engine> = instance;
    let serving = listening.serve(engine)?;
    let desk = Desk { settings: Arc::new(settings), store, live, books, standing };
    let reading = Reading::start(Arc::clone(&shelf), desk).context("cannot start to read")?;
    for (path, name) in arguments.files.iter().zip(names) {
        shelf.add(path, name);
    }
    show(&url, arguments.serve.no_open);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(reading);
    drop(serving);
    place.close();
    Ok(())
}

/// A file that can't be opened is told before a browser opens.
fn check(path: &Path) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        return Ok(());
    }
    let cannot = || format!("cannot open {}", path.display());
    let file = std::fs::File::open(path).with_context(cannot)?;
    if file.metadata().with_context(cannot)?.is_dir() {
        return Err(Failure::Work(anyhow::anyhow!("cannot open {}: it is a directory", path.display())));
    }
    Ok(())
}

fn name_of(path: &Path) -> String {
    match path.file_name() {
        Some(name) if path.as_os_str() != "-" => name.to_string_lossy().into_owned(),
        _ => "standard input".to_owned(),
    }
}

/// The most bytes of packets of files that are kept beside them.
const RING_BYTES: u64 = 64 << 30;
