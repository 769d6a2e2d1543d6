//! What could not be read is kept aside, where a person can look at it, up to a limit.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::dir::{self, Dir};

/// Moves a file to those that could not be read.
pub(crate) fn take(dir: &Dir, path: &Path) -> io::Result<()> {
    dir::make_dir(&dir.aside())?;
    let Some(name) = path.file_name() else { return Ok(()) };
    fs::rename(path, dir.aside().join(name))?;
    shrink(&dir.aside());
    Ok(())
}

/// Keeps what is about to be cut off a file of the tail.
pub(crate) fn keep_end(dir: &Dir, path: &Path, whole_bytes: u64) {
    let Some(name) = path.file_name() else { return };
    let mut torn = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(whole_bytes))?;
        file.take(MAX_TORN_BYTES).read_to_end(&mut torn)
    });
    if read.is_ok() && dir::make_dir(&dir.aside()).is_ok() {
        // It was lost and counted already; this only helps to find out why.
        let _ = dir::replace(&dir.aside().join(name).with_extension("torn"), &torn, false);
        shrink(&dir.aside());
    }
}

/// Removes the oldest files until no more than the limit is left; the newest stays.
fn shrink(dir: &Path) {
    let mut files: Vec<(SystemTime, u64, PathBuf)> = dir::files(dir)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|path| {
            let metadata = fs::metadata(&path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), path))
        })
        .collect();
    files.sort();
    let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    let older = files.len().saturating_sub(1);
    for (_, bytes, path) in files.iter().take(older) {
        if total <= MAX_BYTES {
            return;
        }
        let _ = fs::remove_file(path);
        total = total.saturating_sub(*bytes);
    }
}

/// A longer end that was torn is not kept whole.
const MAX_TORN_BYTES: u64 = 16 << 20;
/// The most bytes that are kept aside.
const MAX_BYTES: u64 = 256 << 20;
