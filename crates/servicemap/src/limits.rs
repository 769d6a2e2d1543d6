//! The limits of a map: what is seen on the wire decides how large it would grow.

/// The most edges of a finished map; the least called ones are left out and counted.
pub const MAX_EDGES: usize = 10_000;
/// The most nodes of a finished map; edges to those left out go to one node that stands for the rest.
pub const MAX_NODES: usize = 5_000;
/// The longest name of a peer that is kept, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
