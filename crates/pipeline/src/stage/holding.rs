//! What is held of messages under way, and of those that wait for their other half: reckoned for each connection, and given
//! up where it is too much.

use lanternfish_model::{Cause, ConnectionFacts, Outcome};
use lanternfish_pairing::Pair;

use super::{Connection, Stage};

/// What is held for the connections of a worker.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// Bytes for all connections: the sum of what each was reckoned to hold last.
    bytes: usize,
    /// Connections for which anything is held.
    connections: usize,
    most_bytes: usize,
    most_connection_bytes: usize,
    /// How much is little enough again where it was too much.
    enough_bytes: usize,
    /// Whether it was too much, and is not little enough yet.
    is_full: bool,
}

impl Holding {
    /// Nothing, with the most that may be held for all connections, and for one.
    pub(super) fn new(most_bytes: usize, most_connection_bytes: usize) -> Holding {
        // Some room is made at once, as what comes next would be given up again else.
        let enough_bytes = most_bytes - most_bytes / ROOM_SHARE;
        Holding { most_bytes, most_connection_bytes, enough_bytes, ..Holding::default() }
    }

    /// Reckons a connection anew, which held `from` bytes.
    #[inline]
    fn change(&mut self, from: usize, to: usize) {
        self.bytes = self.bytes.wrapping_sub(from).wrapping_add(to);
        self.connections = self.connections.wrapping_sub(usize::from(from > 0)).wrapping_add(usize::from(to > 0));
        self.is_full = self.bytes > if self.is_full { self.enough_bytes } else { self.most_bytes };
    }
}

impl Stage {
    /// Reckons what is held for a connection, and gives it up where that is too much for one.
    #[inline]
    pub(super) fn reckon(&mut self, connection: &mut Connection, facts: &ConnectionFacts) {
        let held_bytes = connection.conversation.held_bytes().saturating_add(connection.pairer.held_bytes());
        if held_bytes == connection.held_bytes {
            return;
        }
        self.holding.change(std::mem::replace(&mut connection.held_bytes, held_bytes), held_bytes);
        connection.left_bytes = connection.left_bytes.min(held_bytes);
        if held_bytes > self.holding.most_connection_bytes && held_bytes > connection.left_bytes {
            self.give_up_held(connection, facts);
        }
    }

    /// Nothing is held for a connection any more, as it is over.
    pub(super) fn let_go(&mut self, connection: &mut Connection) {
        self.holding.change(std::mem::take(&mut connection.held_bytes), 0);
    }

    pub(super) fn is_holding_much(&self) -> bool {
        self.holding.is_full
    }

    /// Gives up what is held for a connection, unless that is less than for others. Tells how many bytes are left, if that
    /// is still as much.
    pub(super) fn relieve_connection(&mut self, connection: &mut Connection, facts: &ConnectionFacts) -> usize {
        let average = (self.holding.bytes / self.holding.connections.max(1)).max(1);
        // What was left last time would be left again.
        if connection.held_bytes >= average && connection.held_bytes > connection.left_bytes {
            self.give_up_held(connection, facts);
        }
        if connection.held_bytes >= average { connection.held_bytes } else { 0 }
    }

    /// Gives up bytes and bodies under way, and requests that wait for their answers; they are shown as far as they came.
    #[cold]
    fn give_up_held(&mut self, connection: &mut Connection, facts: &ConnectionFacts) {
        self.converse(|desk| connection.conversation.relieve(desk, facts));
        self.settle(connection, facts);
        let mut pairs: Vec<Pair> = Vec::new();
        let note = "the answer is not awaited, as too much was held of messages that wait";
        connection.pairer.relieve(note, &mut |pair| pairs.push(pair));
        self.loss.add(Cause::HeldBytesFull, pairs.len() as u64);
        for pair in pairs {
            self.pair(connection, facts, pair, Outcome::Open);
        }
        let held_bytes = connection.conversation.held_bytes().saturating_add(connection.pairer.held_bytes());
        self.holding.change(std::mem::replace(&mut connection.held_bytes, held_bytes), held_bytes);
        connection.left_bytes = held_bytes;
    }
}

/// The part of what may be held that is free again where too much was held: one in so many.
const ROOM_SHARE: usize = 8;
