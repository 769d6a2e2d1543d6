//! The limits of a map: what is seen on the wire decides how large it would grow.

/// The most edges of a finished map; the least called ones are left out and counted.
pub const MAX_EDGES: usize = 10_000;
/// The most nodes of a finished map; edges to those left out go to one node that stands for the rest.
pub const MAX_NODES: usize = 5_000;
/// The most peers that a live map tells apart; further ones are one peer.
pub const MAX_PEERS: usize = 8_192;
/// The most pairs of peers and protocol that a live map tells apart; entries of further ones are not folded.
pub const MAX_PAIRS: usize = 32_768;
/// The length of a window of a live map, in ns.
pub const WINDOW_NS: i64 = 5_000_000_000;
/// How many windows a live map keeps: half an hour.
pub const MAX_WINDOWS: usize = 360;
/// The most cells (one pair in one window) that a live map keeps; beyond it the oldest windows go early.
pub const MAX_CELLS: usize = 131_072;
/// The most connections and flows whose latest state a live map remembers.
pub const MAX_CONNECTIONS: usize = 65_536;
/// The longest name of a peer that is kept, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
