//! The data directory: its parts, its lock, its format, and the modes of its files.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// The newest format that is read and the one that is written.
pub(crate) const FORMAT: u32 = 1;

/// Paths within a data directory.
#[derive(Clone, Debug)]
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new(path: &Path) -> Dir {
        Dir(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn tail(&self) -> PathBuf {
        self.0.join("tail")
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.0.join("segments")
    }

    pub(crate) fn ring(&self) -> PathBuf {
        self.0.join("ring")
    }

    pub(crate) fn loss(&self) -> PathBuf {
        self.0.join("loss")
    }

    pub(crate) fn snapshots(&self) -> PathBuf {
        self.0.join("snapshots")
    }

    /// Where files go that could not be read.
    pub(crate) fn aside(&self) -> PathBuf {
        self.0.join("aside")
    }

    /// The number that packets go on from.
    pub(crate) fn numbers(&self) -> PathBuf {
        self.0.join("numbers")
    }

    /// Makes the directories that are missing.
    pub(crate) fn make(&self, protocols: impl Iterator<Item = &'static str>) -> io::Result<()> {
        make_dir(&self.0)?;
        for part in [self.tail(), self.segments(), self.ring(), self.loss(), self.snapshots()] {
            make_dir(&part)?;
        }
        protocols.into_iter().try_for_each(|name| make_dir(&self.segments().join(name)))
    }

    /// Reads the format, and writes it where `may_write` and there is none. A newer format is an error, and so is a directory
    /// that holds other things.
    pub(crate) fn check_format(&self, may_write: bool) -> Result<(), StoreError> {
        let path = self.0.join(FORMAT_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.check_strangers()?;
                if may_write {
                    let text = format!("{FORMAT_WORDS}{FORMAT}\n");
                    replace(&path, text.as_bytes(), true).map_err(StoreError::io("write", path))?;
                }
                return Ok(());
            }
            Err(error) => return Err(StoreError::Io { what: "read", path, error }),
        };
        let number = text.trim_end().strip_prefix(FORMAT_WORDS).and_then(|number| number.parse::<u32>().ok());
        match number {
            Some(found) if found <= FORMAT => Ok(()),
            Some(found) => Err(StoreError::NewerFormat { dir: self.0.clone(), found, known: FORMAT }),
            None => {
                let line: String = text.lines().next().unwrap_or_default().chars().take(80).collect();
                Err(StoreError::NotAStore { dir: self.0.clone(), found: format!("a file `format` that says {line:?}") })
            }
        }
    }

    /// A directory without a format may hold nothing but what we make before we write it.
    fn check_strangers(&self) -> Result<(), StoreError> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(StoreError::Io { what: "read", path: self.0.clone(), error }),
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !PARTS.contains(&name.as_str()) && !name.starts_with(FORMAT_FILE) {
                return Err(StoreError::NotAStore {
                    dir: self.0.clone(),
                    found: format!("{name:?} and no file `format`"),
                });
            }
        }
        Ok(())
    }

    /// Whether another process writes to it.
    pub(crate) fn is_locked(&self) -> bool {
        let lock = File::open(self.0.join(LOCK));
        lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Takes the lock for as long as the file is open, and writes who holds it.
    pub(crate) fn lock(&self) -> Result<File, StoreError> {
        let path = self.0.join(LOCK);
        let mut file = file_options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = file.read_to_string(&mut text);
                return Err(StoreError::Locked { dir: self.0.clone(), pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::Io { what: "lock", path, error }),
        }
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| {
            writeln!(file, "{}", std::process::id())?;
            file.flush()
        });
        // A full disk leaves the lock without a name, which is only a pity.
        let _ = written;
        Ok(file)
    }
}

/// Options for files that only their owner may read.
pub(crate) fn file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes a directory that only its owner may enter; one that is there stays as it is.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a small file so that it has either the old or the new content; after a loss of power only if it `is_synced`.
pub(crate) fn replace(path: &Path, content: &[u8], is_synced: bool) -> io::Result<()> {
    let temporary = path.with_extension(TEMPORARY);
    let write = || {
        let mut file = file_options().write(true).create(true).truncate(true).open(&temporary)?;
        file.write_all(content)?;
        if is_synced {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// The files of a directory, without those that were being written; none where there is no directory.
pub(crate) fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file was being written when its writer ended.
pub(crate) fn is_temporary(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == TEMPORARY)
}

/// The extension of files that are being written.
pub(crate) const TEMPORARY: &str = "tmp";
const FORMAT_FILE: &str = "format";
const LOCK: &str = "lock";
/// What there may be before there is a format.
const PARTS: [&str; 6] = ["tail", "segments", "ring", "loss", "snapshots", LOCK];
const FORMAT_WORDS: &str = "lanternfish data directory, format ";
