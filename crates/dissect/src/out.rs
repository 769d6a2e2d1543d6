//! Where dissectors put messages, and what they may ask while they work.

use lanternfish_model::{
    Cause, ConnectionFacts, Direction, FieldIndex, Loss, Message, PacketRef, ProtocolIndex, Role, Wants, fields,
};

use crate::{Chunk, Limits};

/// Messages to be used again, so that a steady stream of them allocates nothing.
#[derive(Debug, Default)]
pub struct MessagePool {
    free: Vec<Box<Message>>,
}

impl MessagePool {
    /// The most messages kept for reuse.
    pub const MAX_FREE: usize = 256;

    /// An empty message.
    pub fn take(
        &mut self,
        protocol: ProtocolIndex,
        role: Role,
        direction: Direction,
        first: PacketRef,
    ) -> Box<Message> {
        match self.free.pop() {
            Some(mut message) => {
                message.reset(protocol, role, direction, first);
                message
            }
            None => Box::new(Message::new(protocol, role, direction, first)),
        }
    }

    /// The most bytes of one that is kept; larger ones are freed.
    pub const MAX_FREE_BYTES: usize = 32 << 10;

    /// Gives a message back.
    pub fn give(&mut self, message: Box<Message>) {
        if self.free.len() < Self::MAX_FREE && message.footprint_bytes() <= Self::MAX_FREE_BYTES {
            self.free.push(message);
        }
    }
}

/// What the engine keeps of one connection for `Out`: the place of each message among those of one packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Session {
    begun_in: [u64; 2],
    ordinal: [u16; 2],
}

/// The dissector's way out: messages, counters, and the questions it may ask.
pub struct Out<'a> {
    /// The index of the protocol that is dissecting.
    pub protocol: ProtocolIndex,
    /// The facts of the connection.
    pub facts: &'a ConnectionFacts,
    /// The named limits.
    pub limits: &'a Limits,
    /// Which fields somebody will read.
    pub wants: &'a Wants,
    /// Messages to be used again.
    pub pool: &'a mut MessagePool,
    /// The ordinals of the connection.
    pub session: &'a mut Session,
    /// Whole messages, in the order they became whole.
    pub messages: &'a mut Vec<Box<Message>>,
    /// The loss ledger of this worker.
    pub loss: &'a mut Loss,
}

impl Out<'_> {
    /// Begins a message at an offset of a chunk; the dissector holds it until it is whole, then gives it to `emit`.
    pub fn begin(&mut self, role: Role, chunk: &Chunk<'_>, at: usize) -> Box<Message> {
        let first = chunk.packet_at(at);
        let mut message = self.pool.take(self.protocol, role, chunk.direction, first);
        message.packets.add(first.number);
        message.position = chunk.position_at(at);
        let side = chunk.direction.index();
        if let (Some(begun_in), Some(ordinal)) =
            (self.session.begun_in.get_mut(side), self.session.ordinal.get_mut(side))
        {
            if *begun_in == first.number {
                *ordinal = ordinal.saturating_add(1);
            } else {
                *begun_in = first.number;
                *ordinal = 0;
            }
            message.ordinal = *ordinal;
        }
        message
    }

    /// Hands over a message.
    pub fn emit(&mut self, message: Box<Message>) {
        self.messages.push(message);
    }

    /// Gives up a message that turned out to be none.
    pub fn discard(&mut self, message: Box<Message>) {
        self.pool.give(message);
    }

    /// Whether somebody will read a field of this protocol.
    pub fn wants(&self, field: FieldIndex) -> bool {
        self.wants.field(self.protocol, field)
    }

    /// Whether somebody will read the bodies of this direction.
    pub fn wants_body(&self, direction: Direction) -> bool {
        self.wants.common(match direction {
            Direction::ToServer => fields::REQUEST_BODY,
            Direction::ToClient => fields::RESPONSE_BODY,
        })
    }

    /// Counts a loss.
    pub fn count(&mut self, cause: Cause, amount: u64) {
        self.loss.add(cause, amount);
    }
}
