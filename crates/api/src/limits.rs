//! The limits of this interface: whatever a client sends or leaves unread ends at one of them, and is counted.

use std::time::Duration;

/// Entries of a page where none are asked for.
pub const DEFAULT_ENTRIES: u32 = 100;
/// The most entries of a page.
pub const MAX_ENTRIES: u32 = 10_000;
/// The most bytes of entries in a page; further ones come with the next page.
pub const MAX_PAGE_BYTES: usize = 32 << 20;
/// The most rows of an analysis.
pub const MAX_STAT_ROWS: u32 = 10_000;
/// Rows of an analysis where none are asked for.
pub const DEFAULT_STAT_ROWS: u32 = 1000;
/// The most steps of time in an answer.
pub const MAX_STEPS: u32 = 2000;
/// Steps of a timeline where none are asked for.
pub const DEFAULT_STEPS: u32 = 120;
/// The most values of a field.
pub const MAX_VALUES: u32 = 1000;
/// Values of a field where none are asked for.
pub const DEFAULT_VALUES: u32 = 50;
/// The most packets of an answer.
pub const MAX_PACKETS: u32 = 1000;
/// Packets of an answer where none are asked for.
pub const DEFAULT_PACKETS: u32 = 200;
/// The most bytes of a stream in an answer.
pub const MAX_FOLLOW_BYTES: u32 = 4 << 20;
/// Bytes of a stream where none are asked for.
pub const DEFAULT_FOLLOW_BYTES: u32 = 256 << 10;
/// The most saved filters.
pub const MAX_SAVED_FILTERS: usize = 500;
/// The longest name of a saved filter or snapshot, in bytes.
pub const MAX_NAME_BYTES: usize = 200;
/// The longest address of a request, in bytes.
pub const MAX_URI_BYTES: usize = 32 << 10;
/// The longest body of a request that is not an upload, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// The most connections at once.
pub const MAX_CONNECTIONS: usize = 512;
/// The most live subscriptions at once.
pub const MAX_SUBSCRIBERS: usize = 64;
/// The most queries at once; further ones wait.
pub const MAX_QUERIES: usize = 16;
/// The most files that are made at once.
pub const MAX_EXPORTS: usize = 8;
/// How long a query may wait for its turn.
pub const QUERY_WAIT: Duration = Duration::from_secs(10);
/// How long a query may run.
pub const QUERY_TIME: Duration = Duration::from_secs(120);
/// How long the head of a request may take.
pub const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a connection may wait between two bytes of a body, and a client may leave bytes unread.
pub const STALL_TIME: Duration = Duration::from_secs(20);
/// How long the handshake of TLS may take.
pub const TLS_TIME: Duration = Duration::from_secs(10);
/// The longest message of a live client, in bytes.
pub const MAX_LIVE_MESSAGE_BYTES: usize = 64 << 10;
/// The most messages of a live client in ten seconds.
pub const MAX_LIVE_CHANGES: u32 = 200;
/// The most entries that wait for a live client.
pub const MAX_LIVE_ENTRIES: usize = 4096;
/// The most bytes of entries that wait for a live client.
pub const MAX_LIVE_BYTES: usize = 8 << 20;
/// How long entries are gathered before they are sent to a live client.
pub const LIVE_GATHER: Duration = Duration::from_millis(50);
/// How often map, stats and losses are sent to a live client.
pub const LIVE_TICK: Duration = Duration::from_secs(1);
/// How far map and stats of a live client reach back where it does not say.
pub const LIVE_LAST_NS: i64 = 300_000_000_000;
/// How often a live client that hears nothing is asked whether it is there.
pub const LIVE_PING: Duration = Duration::from_secs(15);
/// The most sessions of the login page; the oldest end first.
pub const MAX_SESSIONS: usize = 256;
/// How long a session lasts.
pub const SESSION_TIME: Duration = Duration::from_secs(7 * 86_400);
/// The most wrong tokens in ten seconds; then all tokens are refused for a while.
pub const MAX_WRONG_TOKENS: u32 = 20;
/// The most bytes of an uploaded capture file, where nothing else is configured.
pub const UPLOAD_BYTES: u64 = 4 << 30;
