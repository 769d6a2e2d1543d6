//! Why a data directory could not be opened, or something in it not be done.

use std::io;
use std::path::PathBuf;

/// Why a data directory could not be opened, or something in it not be done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes to it.
    #[error("{} is in use by {}", dir.display(), owner(*pid))]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The process, where it could be told.
        pid: Option<u32>,
    },
    /// A newer version wrote it.
    #[error("{} was written by a newer version (format {found}, this one reads up to {known}); nothing in it was touched", dir.display())]
    NewerFormat {
        /// The directory.
        dir: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is known.
        known: u32,
    },
    /// It holds other things.
    #[error("{} is not a data directory: it has {found}", dir.display())]
    NotAStore {
        /// The directory.
        dir: PathBuf,
        /// What was found in it.
        found: String,
    },
    /// There is no such directory.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// The operating system refused.
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file could not be understood.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// There is no such snapshot.
    #[error("there is no snapshot {0}")]
    NoSnapshot(String),
    /// The store takes nothing.
    #[error("{0}")]
    ReadOnly(String),
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl StoreError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |error| StoreError::Io { what, path, error }
    }
}
