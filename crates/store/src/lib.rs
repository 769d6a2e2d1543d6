//! The data directory: tail and segment files, retention, the raw packet ring, snapshots.
