//! Small files of the data directory that are not the store's: saved filters, the key of redaction, the log of who looked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use lanternfish_api::dto::SavedFilter;
use lanternfish_pipeline::{FINGERPRINT_KEY_BYTES, Fingerprint};

/// Replaces a file at once; only its owner can read it.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = private().create(true).truncate(true).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// The fingerprints of a data directory: the same secret has the same one over restarts.
pub(crate) fn fingerprint(dir: &Path) -> io::Result<Fingerprint> {
    let path = dir.join("redaction-key");
    if let Ok(bytes) = fs::read(&path)
        && let Ok(key) = <[u8; FINGERPRINT_KEY_BYTES]>::try_from(bytes.as_slice())
    {
        return Ok(Fingerprint::new(key));
    }
    let mut key = [0; FINGERPRINT_KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    write_private(&path, &key)?;
    Ok(Fingerprint::new(key))
}

/// Filters with names.
#[derive(Debug)]
pub(crate) struct SavedFilterFile {
    path: PathBuf,
    filters: Mutex<Vec<SavedFilter>>,
}

impl SavedFilterFile {
    /// The filters that are kept in a directory; those of a file that can't be read are none.
    pub(crate) fn open(dir: &Path) -> SavedFilterFile {
        let path = dir.join("filters.json");
        let text = fs::read_to_string(&path).unwrap_or_default();
        SavedFilterFile { path, filters: Mutex::new(serde_json::from_str(&text).unwrap_or_default()) }
    }

    /// The filters.
    pub(crate) fn list(&self) -> Vec<SavedFilter> {
        self.filters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the filters.
    pub(crate) fn replace(&self, filters: Vec<SavedFilter>) -> io::Result<()> {
        let mut kept = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        write_private(&self.path, &serde_json::to_vec_pretty(&filters)?)?;
        *kept = filters;
        Ok(())
    }
}

/// Who looked at payloads, packets and bytes of streams: one line each.
#[derive(Debug)]
pub(crate) struct AuditLog {
    path: PathBuf,
    file: Mutex<Option<(File, u64)>>,
}

impl AuditLog {
    /// The log of a directory.
    pub(crate) fn open(dir: &Path) -> AuditLog {
        AuditLog { path: dir.join("audit.log"), file: Mutex::new(None) }
    }

    /// Adds a line. A log that is full makes room for a new one; one older log is kept.
    pub(crate) fn add(&self, line: &str) {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|(_, bytes)| *bytes >= MAX_AUDIT_BYTES) {
            *slot = None;
            let _ = fs::rename(&self.path, self.path.with_extension("log.1"));
        }
        if slot.is_none() {
            let opened = private().create(true).append(true).open(&self.path);
            *slot = opened.ok().map(|file| {
                let bytes = file.metadata().map_or(0, |about| about.len());
                (file, bytes)
            });
        }
        if let Some((file, bytes)) = slot.as_mut()
            && file.write_all(format!("{line}\n").as_bytes()).is_ok()
        {
            *bytes = bytes.saturating_add(line.len() as u64 + 1);
        }
    }
}

/// The most bytes of a log of looks.
const MAX_AUDIT_BYTES: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_stays_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        fingerprint(dir.path()).unwrap();
        let path = dir.path().join("redaction-key");
        let key = fs::read(&path).unwrap();
        fingerprint(dir.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), key);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn filters_outlive_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let filters = vec![SavedFilter { name: "n".to_owned(), filter: "http".to_owned() }];
        SavedFilterFile::open(dir.path()).replace(filters.clone()).unwrap();
        assert_eq!(SavedFilterFile::open(dir.path()).list(), filters);
        fs::write(dir.path().join("filters.json"), "no json").unwrap();
        assert_eq!(SavedFilterFile::open(dir.path()).list(), []);
    }

    #[test]
    fn looks_are_logged() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::open(dir.path());
        log.add("first");
        AuditLog::open(dir.path()).add("second");
        assert_eq!(fs::read_to_string(dir.path().join("audit.log")).unwrap(), "first\nsecond\n");
    }
}
