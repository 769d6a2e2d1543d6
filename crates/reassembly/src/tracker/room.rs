//! Room in the connection table, and in what is held for its connections.

use lanternfish_model::{Cause, CloseReason, Loss};

use super::{CLOSED, EMBRYONIC, Tracker};
use crate::Sink;

impl<S: Sink> Tracker<S> {
    /// Makes room for one connection in the table.
    pub(super) fn make_room(&mut self, sink: &mut S, loss: &mut Loss) {
        if self.table.len() >= self.max_connections {
            self.evict(sink, loss);
        } else if self.ranks.length(EMBRYONIC) >= self.config.max_embryonic.max(1)
            && let Some(oldest) = self.ranks.first(EMBRYONIC)
        {
            self.drop_connection(sink, oldest, loss);
        }
    }

    /// Drops one connection: first of those that are over, then of those that never came to life, then of
    /// those that no packet came for since the hand passed last.
    fn evict(&mut self, sink: &mut S, loss: &mut Loss) {
        if let Some(index) = self.ranks.first(CLOSED) {
            self.close(sink, index, CloseReason::Finished, loss);
            return;
        }
        let victim = self.ranks.first(EMBRYONIC).or_else(|| self.turn_hand());
        if let Some(index) = victim {
            self.drop_connection(sink, index, loss);
        }
    }

    fn drop_connection(&mut self, sink: &mut S, index: u32, loss: &mut Loss) {
        self.evicted = self.evicted.saturating_add(1);
        loss.add(Cause::ConnectionTableFull, 1);
        self.close(sink, index, CloseReason::Evicted, loss);
    }

    /// Lets the sink give up what it holds for some connections, each in turn but the `current` one, until it holds no
    /// longer too much. Where that does not help, the one that most is left of is dropped.
    #[cold]
    pub(super) fn relieve(&mut self, sink: &mut S, current: u32, loss: &mut Loss) {
        let mut most = (0, None);
        for _ in 0..MAX_RELIEF_STEPS.min(self.records.len()) {
            let index = self.relief_hand;
            self.relief_hand = if (index as usize) + 1 < self.records.len() { index + 1 } else { 0 };
            if index != current
                && let Some(Some(record)) = self.records.get_mut(index as usize)
            {
                let left_bytes = sink.relieve(&mut record.state, &record.facts);
                if !sink.is_holding_too_much() {
                    return;
                }
                if left_bytes > most.0 {
                    most = (left_bytes, Some(index));
                }
            }
        }
        if let (_, Some(index)) = most {
            self.drop_connection(sink, index, loss);
        }
    }

    /// The next connection that no packet came for since the last turn. There is one at least: the table is full.
    fn turn_hand(&mut self) -> Option<u32> {
        let mut found = None;
        for _ in 0..MAX_HAND_STEPS {
            let index = self.hand;
            self.hand = if (index as usize) + 1 < self.records.len() { index + 1 } else { 0 };
            if let Some(Some(record)) = self.records.get_mut(index as usize) {
                found = Some(index);
                if !record.is_recent {
                    break;
                }
                record.is_recent = false;
            }
        }
        found
    }
}

/// How many connections are looked at to find one to drop; where all are busy, the last of them goes.
const MAX_HAND_STEPS: usize = 1024;
/// How many connections a packet lets give up what is held for them.
const MAX_RELIEF_STEPS: usize = 256;
