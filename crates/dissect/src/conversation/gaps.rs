//! Bytes that will never come: what they mean to a dissector, and to bytes that are still looked at.

use lanternfish_model::{Cause, ConnectionFacts, Direction};

use super::{Answer, Conversation, State, out, set};
use crate::pending::Pending;
use crate::{Chunk, Desk, GapVerdict};

impl Conversation {
    /// Learns that bytes will never come.
    pub fn gap(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, direction: Direction, length: u64) -> Answer {
        let direction = if self.is_flipped { direction.reverse() } else { direction };
        self.pass_gap(desk, facts, direction, length);
        self.answer()
    }

    fn pass_gap(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, direction: Direction, length: u64) {
        let side = direction.index();
        let pending = self.take_pending(side);
        if !matches!(self.state, State::Active(_)) {
            set(&mut self.has_lost_before, side, true);
        }
        match self.state {
            State::Active(_) => {
                let empty = Pending::default();
                self.lose_framing(desk, facts, pending.as_deref().unwrap_or(&empty), direction, length);
            }
            State::Probing { .. } if pending.as_ref().is_some_and(|held| held.len() > 0) => {
                // What is held may still become certain, by the other side's bytes or by later ones.
                if let (Some(held), Some(gap)) = (pending, self.gaps.get_mut(side)) {
                    *gap = gap.saturating_add(length);
                    self.put_pending(side, held);
                }
            }
            State::Probing { .. } => {
                set(&mut self.is_start, side, false);
                let tries = self.fruitless.get(side).copied().unwrap_or(0);
                set(&mut self.fruitless, side, tries.saturating_add(1));
                self.state = State::Probing { candidates: u64::MAX };
            }
            State::Watching(_) | State::Unknown => {}
        }
    }

    /// Tells the dissector of a gap behind bytes that it has not consumed.
    pub(super) fn lose_framing(
        &mut self,
        desk: &mut Desk<'_>,
        facts: &ConnectionFacts,
        pending: &Pending,
        direction: Direction,
        length: u64,
    ) {
        let side = direction.index();
        let State::Active(active) = &mut self.state else { return };
        if active.is_lost.get(side).copied().unwrap_or(false) {
            desk.loss.add(Cause::Resync, pending.len() as u64);
            return;
        }
        let before = desk.messages.len();
        let verdict = {
            let mut out = out(desk, facts, active.protocol, &mut self.session);
            active.dissector.gap(&pending.chunk(direction), length, &mut out)
        };
        active.emitted(desk, before);
        if verdict == GapVerdict::Lost || pending.len() > 0 {
            set(&mut active.is_lost, side, true);
            set(&mut active.has_lost, side, true);
        }
    }

    /// Gives bytes that were held for probing, and the gap behind them.
    pub(super) fn give_held(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, chunk: &Chunk<'_>, gap: u64) {
        self.continue_with(desk, facts, chunk);
        if gap > 0 {
            self.pass_gap(desk, facts, chunk.direction, gap);
        }
    }
}
