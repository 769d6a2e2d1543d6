//! What may be set, and its limits.

use std::time::Duration;

/// What may be set about a store.
#[derive(Clone, Debug)]
pub struct Config {
    /// The most bytes of stored entries; the oldest go first.
    pub retention_bytes: u64,
    /// The longest that entries are kept.
    pub retention_age: Duration,
    /// The most bytes of raw packets; 0 keeps none.
    pub ring_bytes: u64,
    /// Below so many free bytes on the disk nothing more is stored.
    pub min_free_bytes: u64,
    /// The most bytes of memory of entries that are not sealed yet.
    pub tail_bytes: usize,
    /// A table is sealed when it has so many bytes in memory.
    pub segment_bytes: usize,
    /// A table is sealed when it has so many rows.
    pub segment_rows: usize,
    /// A table is sealed when its first row has waited so long.
    pub segment_age: Duration,
    /// The compression level of zstd, from 1.
    pub compression_level: i32,
}

impl Config {
    /// Entries and packets stay until somebody deletes them; the ring is off.
    pub fn for_good() -> Config {
        let retention_age = Duration::from_secs(200 * 365 * 86_400);
        Config { retention_bytes: u64::MAX, retention_age, ring_bytes: 0, ..Config::default() }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            retention_bytes: 10 << 30,
            retention_age: Duration::from_secs(7 * 24 * 3600),
            ring_bytes: 1 << 30,
            min_free_bytes: 256 << 20,
            tail_bytes: 32 << 20,
            segment_bytes: 12 << 20,
            segment_rows: 128 << 10,
            segment_age: Duration::from_secs(3600),
            compression_level: 1,
        }
    }
}
