//! Entries that wait until the processes at their ends are known, or a short time has passed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lanternfish_identity::Ticket;
use lanternfish_model::Entry;

/// An entry, and whether it is the last revision of what it stands for.
pub struct Row {
    /// The entry.
    pub entry: Entry,
    /// Whether no revision follows.
    pub is_last: bool,
}

/// Entries in the order they came.
#[derive(Default)]
pub struct Held {
    entries: VecDeque<(Row, Arc<Ticket>)>,
}

impl Held {
    /// The most entries that wait; past it the oldest goes on with what is known.
    pub const MAX_ENTRIES: usize = 4096;
    /// The longest that an entry waits from the question on.
    pub const LONGEST: Duration = Duration::from_millis(200);

    /// Holds an entry back; gives one that must go on because too many wait.
    pub fn push(&mut self, row: Row, ticket: Arc<Ticket>) -> Option<(Row, Arc<Ticket>)> {
        self.entries.push_back((row, ticket));
        if self.entries.len() > Self::MAX_ENTRIES { self.entries.pop_front() } else { None }
    }

    /// The oldest entry, if it waits no longer at a time; without a time whatever is known.
    pub fn pop(&mut self, now: Option<Instant>) -> Option<(Row, Arc<Ticket>)> {
        let (_, ticket) = self.entries.front()?;
        let is_over = |now: Instant| now.saturating_duration_since(ticket.asked_at()) >= Self::LONGEST;
        let is_due = ticket.is_settled() || now.is_none_or(is_over);
        if is_due { self.entries.pop_front() } else { None }
    }
}
