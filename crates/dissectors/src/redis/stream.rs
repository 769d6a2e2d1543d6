//! A connection: commands one way, replies the other, or what a primary sends to its replica.

use lanternfish_dissect::{Chunk, Dissector, GapVerdict, Out, Progress};
use lanternfish_model::Direction;

use super::commands::Commands;
use super::exchange::{Exchange, ServerMode};
use super::probe::{Shape, reply_shape, request_shape};
use super::replies::Replies;
use super::snapshot::Snapshot;

/// The state of a connection.
#[derive(Default)]
pub struct Stream {
    commands: Commands,
    replies: Replies,
    exchange: Exchange,
    /// What only connections of replicas have.
    replica: Option<Box<Replica>>,
}

#[derive(Default)]
struct Replica {
    snapshot: Snapshot,
    commands: Commands,
}

impl Stream {
    fn replica(&mut self) -> &mut Replica {
        self.replica.get_or_insert_with(|| {
            let mut replica = Box::new(Replica::default());
            replica.commands.is_replication = true;
            replica
        })
    }

    fn server_data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress {
        let mut at = 0;
        // The mode changes at most twice: to a snapshot, then to commands.
        for _ in 0..MAX_MODES {
            let mode = self.exchange.server;
            let progress = match mode {
                ServerMode::Replies => self.replies.data(chunk, at, &mut self.exchange, out),
                ServerMode::Snapshot => {
                    let mut snapshot = std::mem::take(&mut self.replica().snapshot);
                    let progress = snapshot.data(chunk, at, &mut self.exchange, out);
                    self.replica().snapshot = snapshot;
                    progress
                }
                ServerMode::Commands => {
                    let mut commands = std::mem::take(&mut self.replica().commands);
                    let progress = commands.data(chunk, at, &mut self.exchange, out);
                    self.replica().commands = commands;
                    progress
                }
            };
            if self.exchange.server == mode {
                return progress;
            }
            match progress {
                Progress::Incomplete { consumed, .. } => at = consumed,
                other => return other,
            }
            if at >= chunk.bytes.len() {
                return Progress::Done;
            }
        }
        Progress::Desync { consumed: at }
    }

    fn give_up(&mut self, direction: Direction, note: &str, out: &mut Out<'_>) {
        match direction {
            Direction::ToServer => self.commands.give_up(note, out),
            Direction::ToClient => {
                self.replies.give_up(note, &mut self.exchange, out);
                if let Some(replica) = &mut self.replica {
                    replica.snapshot.give_up(&mut self.exchange, out);
                    replica.commands.give_up(note, out);
                }
            }
        }
    }
}

impl Dissector for Stream {
    fn data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress {
        let progress = match chunk.direction {
            Direction::ToServer => self.commands.data(chunk, 0, &mut self.exchange, out),
            Direction::ToClient => self.server_data(chunk, out),
        };
        if matches!(progress, Progress::Desync { .. }) {
            self.exchange.forget();
        }
        progress
    }

    fn gap(&mut self, pending: &Chunk<'_>, length: u64, out: &mut Out<'_>) -> GapVerdict {
        // Bytes that were not consumed are the beginning of a line: the gap has its end.
        let is_absorbed = pending.bytes.is_empty()
            && match (pending.direction, self.exchange.server) {
                (Direction::ToServer, _) => self.commands.gap(length, &mut self.exchange, out),
                (_, ServerMode::Replies) => self.replies.gap(length, &mut self.exchange, out),
                (_, ServerMode::Snapshot) => {
                    let mut snapshot = std::mem::take(&mut self.replica().snapshot);
                    let is_absorbed = snapshot.gap(length, &mut self.exchange, out);
                    self.replica().snapshot = snapshot;
                    is_absorbed
                }
                (_, ServerMode::Commands) => {
                    let mut commands = std::mem::take(&mut self.replica().commands);
                    let is_absorbed = commands.gap(length, &mut self.exchange, out);
                    self.replica().commands = commands;
                    is_absorbed
                }
            };
        if is_absorbed {
            return GapVerdict::Absorbed;
        }
        self.give_up(pending.direction, "cut by a gap", out);
        self.exchange.forget();
        GapVerdict::Lost
    }

    fn resync(&mut self, direction: Direction, bytes: &[u8]) -> Option<usize> {
        let is_command = direction == Direction::ToServer || self.exchange.server == ServerMode::Commands;
        let mut from = 0usize;
        while from < bytes.len() {
            let rest = bytes.get(from..).unwrap_or_default();
            let shape = if is_command { request_shape(rest) } else { reply_shape(rest) };
            if matches!(shape, Shape::Sure | Shape::Cut) {
                return Some(from);
            }
            // A value begins behind a line end.
            from = from.saturating_add(rest.iter().position(|byte| *byte == b'\n')?).saturating_add(1);
        }
        None
    }

    fn held_bytes(&self) -> usize {
        let replica = self.replica.as_ref().map_or(0, |replica| replica.commands.held_bytes());
        let kept = [self.commands.held_bytes(), self.replies.held_bytes(), self.exchange.footprint_bytes()];
        kept.into_iter().fold(replica, usize::saturating_add)
    }

    fn shed(&mut self, out: &mut Out<'_>) {
        self.commands.shed(out);
        self.replies.shed(out);
        self.exchange.shed();
        if let Some(replica) = &mut self.replica {
            replica.commands.shed(out);
        }
    }

    fn end(&mut self, pending: &Chunk<'_>, out: &mut Out<'_>) {
        self.give_up(pending.direction, "cut by the end of the connection", out);
    }

    fn close(&mut self, pending: [&Chunk<'_>; 2], out: &mut Out<'_>) {
        for chunk in pending {
            self.give_up(chunk.direction, "cut by the end of the connection", out);
        }
    }
}

/// The most changes of the server's mode within one chunk.
const MAX_MODES: usize = 4;
