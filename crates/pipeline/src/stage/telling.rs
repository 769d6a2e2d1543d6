//! What connections tell the flows that they belong to.

use lanternfish_dissectors::rate::{Rate, Sides, second};
use lanternfish_model::{ConnectionFacts, Direction, ProtocolSet, Timestamp};

use super::{Connection, Place, Stage};
use crate::chunk::{FlowEvent, Opening, Told};

impl Stage {
    /// Tells the flow of a connection something.
    pub(super) fn tell(&mut self, connection: u64, told: Told) -> Place {
        let position = u32::try_from(self.chunk.flows.len()).unwrap_or(u32::MAX);
        self.chunk.flows.push(FlowEvent { rank: self.rank, connection, told });
        Place { chunk: self.chunk_number, position }
    }

    pub(super) fn tell_opening(&mut self, connection: &mut Connection, facts: &ConnectionFacts) {
        let opening = self.opening(connection, facts);
        connection.opened = self.tell(facts.id, Told::Opened(opening));
    }

    fn opening(&self, connection: &Connection, facts: &ConnectionFacts) -> Box<Opening> {
        Box::new(Opening {
            facts: facts.clone(),
            local: self.settings.local_side(facts),
            worker: self.worker,
            ticket: connection.ticket.clone(),
        })
    }

    /// Counts packets; those of one second and chunk are told together.
    #[inline]
    pub(super) fn count_passed(
        &mut self,
        connection: &mut Connection,
        direction: Direction,
        time: Timestamp,
        passed: Rate,
    ) {
        let side = match direction {
            Direction::ToServer => 0,
            Direction::ToClient => 1,
        };
        if let Some(FlowEvent { told: Told::Passed { last, sides }, .. }) = self.told(connection.passed)
            && second(*last) == second(time)
            && let Some(sum) = sides.get_mut(side)
        {
            sum.packets = sum.packets.saturating_add(passed.packets);
            sum.bytes = sum.bytes.saturating_add(passed.bytes);
            *last = time.max(*last);
            return;
        }
        let mut sides = Sides::default();
        if let Some(sum) = sides.get_mut(side) {
            *sum = passed;
        }
        connection.passed = self.tell(connection.id, Told::Passed { last: time, sides });
    }

    /// The client of a connection is its server. What was told in this chunk is put right, for more there is an event.
    pub(super) fn tell_turn(&mut self, connection: &mut Connection, turned: &ConnectionFacts) {
        let new = self.opening(connection, turned);
        let start = connection.opened.position as usize;
        let Some(FlowEvent { told: Told::Opened(opening), .. }) = self.told(connection.opened) else {
            connection.passed = Place::default();
            self.tell(turned.id, Told::Turned(new));
            return;
        };
        *opening = new;
        let mine = self.chunk.flows.iter_mut().skip(start).filter(|event| event.connection == turned.id);
        for event in mine {
            match &mut event.told {
                Told::Passed { sides, .. } => sides.reverse(),
                Told::Stands(summary, _) => {
                    std::mem::swap(&mut summary.to_server, &mut summary.to_client);
                    summary.facts = turned.clone();
                }
                Told::Opened(_) | Told::Turned(_) | Told::Ended(..) => {}
            }
        }
    }

    /// What was told at a place, where that is in the chunk at hand.
    #[inline]
    fn told(&mut self, place: Place) -> Option<&mut FlowEvent> {
        if place.chunk != self.chunk_number {
            return None;
        }
        self.chunk.flows.get_mut(place.position as usize)
    }
}

/// The protocols found inside a connection.
pub(super) fn detected(connection: &Connection) -> ProtocolSet {
    let mut detected = ProtocolSet::default();
    connection.conversation.detected().iter().for_each(|&protocol| detected.insert(protocol));
    detected
}
