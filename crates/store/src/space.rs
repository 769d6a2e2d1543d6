//! How much room a disk has.

use std::path::Path;

/// Bytes that may still be written by those who are not root; none where it cannot be told.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
