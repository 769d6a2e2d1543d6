//! What the verbs on stored entries share: a data directory that is opened to be read, beside the process that writes to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use lanternfish_api::{EngineError, Queried};
use lanternfish_capture::privileges;
use lanternfish_columns::Tables;
use lanternfish_model::{Cause, FieldTable, Loss, Timestamp};
use lanternfish_query::{QueryError, Unreadable, Window};
use lanternfish_store::{Status, Store, StoreError};
use lanternfish_telemetry::{losses, thousands};
use tokio::runtime::Runtime;

use crate::cli::{DataDirArgs, StoredArgs, WindowArgs};
use crate::exit::Failure;
use crate::instance;
use crate::terminal::tell;
use crate::verbs::capture::now;

/// A data directory that is open.
pub(super) struct Stored {
    /// The store.
    pub(super) store: Arc<Store>,
    /// The questions that it answers.
    pub(super) queried: Arc<Queried>,
    runtime: Runtime,
    /// Whether a part of it can't be read.
    is_damaged: bool,
}

impl Stored {
    /// Opens what is asked; nothing may run before, for rights are given up.
    pub(super) fn open(arguments: &StoredArgs, table: &'static FieldTable) -> Result<Stored, Failure> {
        let dir = settle(&arguments.place)?;
        let store = read(&dir, table)?;
        let store = match &arguments.snapshot {
            Some(id) => read(&store.snapshots().path(id).map_err(refused)?, table)?,
            None => store,
        };
        Stored::of(store)
    }

    /// Asks a store.
    pub(super) fn of(store: Store) -> Result<Stored, Failure> {
        let store = Arc::new(store);
        let queried = instance::queried(&store).map_err(failure)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start a query")?;
        store.status().notes.iter().for_each(|note| tell(&format!("lanternfish: {note}")));
        let is_damaged = store.own_loss().count(Cause::SegmentUnreadable) > 0;
        Ok(Stored { store, queried: Arc::new(queried), runtime, is_damaged })
    }

    /// Waits for an answer.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    /// What was lost in a window.
    pub(super) fn loss(&self, window: Window) -> Loss {
        self.store.loss(window.from.unwrap_or(Timestamp::MIN), window.to.unwrap_or(Timestamp::MAX))
    }

    /// Tells what could not be read.
    pub(super) fn tell_unreadable(&mut self, parts: &[Unreadable]) {
        for part in parts {
            self.is_damaged = true;
            tell(&format!("lanternfish: {part}"));
        }
    }

    /// Tells that nothing matches, and what there is, so that it does not look like what could not be seen.
    pub(super) fn tell_nothing(&self, window: Window) {
        let status = self.store.status();
        let dir = self.store.path().display();
        let Status { from: Some(from), to: Some(to), .. } = status else {
            return tell(&format!("lanternfish: nothing is stored in {dir} yet"));
        };
        let (rows, from, to) = (thousands(status.rows), text(from), text(to));
        let place = if window == Window::ALL { "" } else { " in this time" };
        tell(&format!("lanternfish: no entry matches{place}; {dir} has {rows} rows from {from} to {to}"));
    }

    /// Ends a verb: what was lost is told, and what could not be read makes it a failure.
    pub(super) fn conclude(&self, loss: &Loss) -> Result<(), Failure> {
        let lost = losses(loss);
        if !lost.is_empty() {
            tell(&format!("lanternfish: lost in this time: {lost}"));
        }
        if self.is_damaged { Err(Failure::Told) } else { Ok(()) }
    }
}

/// The window of the arguments.
pub(super) fn window(arguments: WindowArgs) -> Result<Window, Failure> {
    let from = arguments.last.map(|last| now() - last).or(arguments.from);
    match (from, arguments.to) {
        (Some(from), Some(to)) if from > to => {
            Err(Failure::usage(format_args!("the time from {} to {} is empty", text(from), text(to))))
        }
        (from, to) => Ok(Window { from, to }),
    }
}

/// The data directory; all rights but those of the user are given up.
pub(super) fn settle(arguments: &DataDirArgs) -> Result<PathBuf, Failure> {
    // What root stored is read as root; an instance that sudo started stores as the user who called it.
    let is_of_root = |path: &PathBuf| {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).is_ok_and(|about| about.uid() == 0)
    };
    if arguments.data_dir.as_ref().is_some_and(is_of_root) {
        privileges::drop_all().map_err(anyhow::Error::from)?;
    } else {
        privileges::drop_all_as_user().map_err(anyhow::Error::from)?;
    }
    let dir = arguments.data_dir.clone().or_else(instance::place::default_dir);
    dir.ok_or_else(|| {
        Failure::usage(
            "it is not known where entries are stored: neither HOME nor XDG_STATE_HOME is set; see --data-dir",
        )
    })
}

/// Opens a data directory to read it.
pub(super) fn read(dir: &Path, table: &'static FieldTable) -> Result<Store, Failure> {
    Store::read(dir, Arc::new(Tables::new(table))).map_err(refused)
}

/// What to do about an error of a store.
pub(super) fn refused(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::Missing(_) => {
            "nothing was stored there yet; `lanternfish` stores what it sees, and --data-dir says where"
        }
        StoreError::NotAStore { .. } => "--data-dir takes a directory that `lanternfish` made",
        StoreError::NewerFormat { .. } => "read it with that version",
        StoreError::NoSnapshot(_) => "`lanternfish snapshot list` shows those that there are",
        StoreError::Io { error, .. } if error.kind() == std::io::ErrorKind::PermissionDenied => {
            "run as the user to whom the directory belongs, or with sudo"
        }
        _ => return Failure::Work(error.into()),
    };
    Failure::Work(anyhow::anyhow!("{error}: {hint}"))
}

/// The failure of an answer; what was asked wrong is a matter of usage.
pub(super) fn failure(error: EngineError) -> Failure {
    match error {
        EngineError::Query(error) => query_failure(error),
        EngineError::Invalid { .. } | EngineError::NotPossible(_) => Failure::usage(error),
        _ => Failure::Work(error.into()),
    }
}

/// The failure of a query.
pub(super) fn query_failure(error: QueryError) -> Failure {
    match error {
        // Whoever reads what we write is gone.
        QueryError::Cancelled => Failure::Work(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into()),
        QueryError::Filter(_)
        | QueryError::BadParameter(_)
        | QueryError::BadGroup { .. }
        | QueryError::BadCursor(_) => Failure::usage(error),
        QueryError::TooLarge { .. } | QueryError::Failed(_) | QueryError::Unreadable(_) => Failure::Work(error.into()),
    }
}

/// A time for people and programs.
pub(super) fn text(time: Timestamp) -> String {
    lanternfish_api::time::text(time)
}
