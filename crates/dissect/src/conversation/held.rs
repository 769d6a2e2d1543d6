//! What a connection holds of bytes and messages under way, and how it is given up.

use lanternfish_model::{Cause, ConnectionFacts, Direction};

use super::{Conversation, State, out, set};
use crate::Desk;

impl Conversation {
    /// Bytes of memory that are held of messages under way: those that wait for more, and what the dissector holds.
    #[inline]
    pub fn held_bytes(&self) -> usize {
        let mut bytes = match &self.state {
            State::Active(active) => active.dissector.held_bytes(),
            State::Probing { .. } | State::Watching(_) | State::Unknown => 0,
        };
        for pending in self.pending.iter().flatten() {
            bytes = bytes.saturating_add(pending.footprint_bytes());
        }
        bytes
    }

    /// Bytes that wait in both directions.
    pub fn pending_bytes(&self) -> usize {
        self.pending.iter().flatten().map(|pending| pending.len()).sum()
    }

    /// Gives up what is held, as too much is held for all connections together: bytes that wait, as over their own limit,
    /// and the bodies of messages under way. What was under way is shown as far as it came.
    pub fn relieve(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts) {
        let before = desk.messages.len();
        for direction in [Direction::ToServer, Direction::ToClient] {
            let side = direction.index();
            let Some(pending) = self.take_pending(side) else { continue };
            if pending.len() == 0 {
                continue;
            }
            match self.state {
                State::Active(_) => {
                    desk.loss.add(Cause::HeldBytesFull, 1);
                    self.lose_framing(desk, facts, &pending, direction, 0);
                }
                State::Probing { .. } => {
                    set(&mut self.is_start, side, false);
                    self.passed_bytes = self.passed_bytes.saturating_add(pending.len() as u64);
                }
                State::Watching(_) | State::Unknown => {}
            }
        }
        for message in desk.messages.iter_mut().skip(before) {
            message.note("given up because too much was held of messages under way");
        }
        if let State::Active(active) = &mut self.state {
            let before = desk.messages.len();
            active.dissector.shed(&mut out(desk, facts, active.protocol, &mut self.session));
            active.emitted(desk, before);
        }
    }
}
