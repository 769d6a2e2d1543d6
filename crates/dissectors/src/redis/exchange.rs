//! What both directions of a connection know of each other: which commands wait for a reply, and who speaks unasked.

use std::collections::VecDeque;

use super::verbs::Kind;

/// A command that waits for its reply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Its length on the wire in bytes, at most 4 GiB.
    pub size: u32,
    /// What it changes.
    pub kind: Kind,
    /// How many confirmations it asks for beyond the first.
    pub more: u16,
}

/// Whether commands are replied to (CLIENT REPLY).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Each is.
    #[default]
    On,
    /// None is.
    Off,
    /// The next one is not.
    Skip,
}

/// What the server sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerMode {
    /// Replies, and messages of channels.
    #[default]
    Replies,
    /// A snapshot comes next.
    Snapshot,
    /// The commands that a replica must repeat.
    Commands,
}

/// The state of the exchange.
#[derive(Debug, Default)]
pub struct Exchange {
    asked: VecDeque<Asked>,
    /// Commands behind those in `asked`, of which only the number is known.
    uncounted: u64,
    /// Whether commands are replied to.
    pub reply_mode: ReplyMode,
    /// What the server sends.
    pub server: ServerMode,
    /// Whether the client has subscribed to something.
    pub is_subscribed: bool,
    /// Whether the server reports every command.
    pub is_monitor: bool,
    /// The confirmations that the last answered subscription still brings.
    pub confirmations: u16,
}

impl Exchange {
    /// Notes a command that a reply will follow.
    pub fn ask(&mut self, asked: Asked) {
        if self.uncounted > 0 || self.asked.len() >= MAX_ASKED {
            self.uncounted = self.uncounted.saturating_add(1);
        } else {
            self.asked.push_back(asked);
        }
    }

    /// The command that the next reply answers, where it is known.
    pub fn next(&self) -> Option<&Asked> {
        self.asked.front()
    }

    /// Whether no command waits.
    pub fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.uncounted == 0
    }

    /// Takes the command that a reply answers.
    pub fn answer(&mut self) -> Option<Asked> {
        let asked = self.asked.pop_front();
        if asked.is_none() {
            self.uncounted = self.uncounted.saturating_sub(1);
        }
        asked
    }

    /// Whether the bytes at an offset begin a snapshot that SYNC asked for; the server's mode is changed then.
    pub fn expects_snapshot(&mut self, bytes: &[u8], at: usize) -> bool {
        let is_sync = self.next().is_some_and(|asked| asked.kind == Kind::Sync);
        let is_snapshot = is_sync && matches!(bytes.get(at), Some(b'$' | b'\n'));
        if is_snapshot {
            self.server = ServerMode::Snapshot;
        }
        is_snapshot
    }

    /// Bytes of memory held beside the struct itself.
    pub fn footprint_bytes(&self) -> usize {
        self.asked.capacity().saturating_mul(size_of::<Asked>())
    }

    /// Gives up the room that no command takes. The commands stay, which are small: without them nobody knows how the
    /// server goes on.
    pub fn shed(&mut self) {
        self.asked.shrink_to_fit();
    }

    /// Forgets who waits for what, after bytes were lost.
    pub fn forget(&mut self) {
        self.asked.clear();
        self.uncounted = 0;
        self.confirmations = 0;
    }

    /// RESET: subscriptions, monitoring and the reply mode end.
    pub fn reset(&mut self) {
        self.is_subscribed = false;
        self.is_monitor = false;
        self.reply_mode = ReplyMode::On;
    }
}

/// The most commands of which the facts are kept until their reply.
const MAX_ASKED: usize = 4096;
