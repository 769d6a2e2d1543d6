//! A message: one request, response or one-way unit as a dissector saw it.

use crate::values::ListBuffer;
use crate::{Direction, PacketRef, PacketRuns, ProtocolIndex, StreamPosition, Value, Values};

/// What a message is in its exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Asks for something; a response may follow.
    Request,
    /// Answers a request.
    Response,
    /// Stands alone.
    OneWay,
}

/// How a message finds its other half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairKey {
    /// The n-th response of a connection answers the n-th request.
    InOrder,
    /// As in order, but messages of its direction before this one were lost, so that the numbers may no longer fit.
    AfterLoss,
    /// Both halves carry this number.
    Id(u64),
    /// It has no other half.
    Alone,
}

/// How a call went, the same for every protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing is known yet: the call or connection is under way.
    #[default]
    Open,
    /// It worked.
    Ok,
    /// The client's fault (HTTP 4xx, NXDOMAIN, wrong password).
    ClientError,
    /// The server's fault (HTTP 5xx, SERVFAIL, REFUSED, a Redis error).
    ServerError,
    /// It broke: no answer, reset, refused, fatal alert.
    Failed,
}

impl Outcome {
    /// The value of the field `outcome`.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Open => "open",
            Outcome::Ok => "ok",
            Outcome::ClientError => "client_error",
            Outcome::ServerError => "server_error",
            Outcome::Failed => "failed",
        }
    }
}

/// Oddities of a message in words for a person; each lower case, no full stop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(ListBuffer);

impl Notes {
    /// The most notes that are kept; further ones add nothing.
    pub const MAX: usize = 16;

    /// Adds a note, once.
    pub fn add(&mut self, note: &str) {
        if self.0.as_list().len() < Self::MAX && !self.0.as_list().iter_bytes().any(|known| known == note.as_bytes()) {
            self.0.push(note.as_bytes());
        }
    }

    /// Adds all notes of another message.
    pub fn append(&mut self, other: &Notes) {
        for note in other.iter() {
            self.add(note);
        }
    }

    /// Forgets all notes.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.as_list().is_empty()
    }

    /// The notes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.as_list().iter_bytes().map(|note| std::str::from_utf8(note).unwrap_or_default())
    }

    /// The notes as the value of a field.
    pub fn as_value(&self) -> Value<'_> {
        if self.is_empty() { Value::Absent } else { Value::List(self.0.as_list()) }
    }
}

/// The body of a message, as far as it was kept.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The kept bytes, transfer and content coding undone where that was possible.
    pub bytes: Vec<u8>,
    /// The length of the body on the wire in bytes, before decoding, kept or not.
    pub wire_bytes: u64,
    /// Whether bytes are missing at the end or in between (a limit, a gap, a cut capture).
    pub is_cut: bool,
    /// Whether there was a body at all (it may be empty or not kept).
    pub is_present: bool,
    /// Whether the kept bytes are still encoded, by a coding that is not known.
    pub is_encoded: bool,
    /// Whether they were given up and nothing more is to be kept, as too much was held.
    pub is_shed: bool,
}

/// One request, response or one-way unit.
#[derive(Clone, Debug)]
pub struct Message {
    /// The protocol that dissected it.
    pub protocol: ProtocolIndex,
    /// Request, response or alone.
    pub role: Role,
    /// The way it went.
    pub direction: Direction,
    /// How it finds its other half.
    pub pairing: PairKey,
    /// The packet with its first byte.
    pub first: PacketRef,
    /// Where its first byte stands in the connection, where that is known (TCP).
    pub position: Option<StreamPosition>,
    /// The packet with its last byte.
    pub last: PacketRef,
    /// All packets that carried its bytes.
    pub packets: PacketRuns,
    /// Its place among the messages that began in the same packet, from 0.
    pub ordinal: u16,
    /// Its length on the wire in bytes, head and body.
    pub wire_bytes: u64,
    /// The outcome as a number (HTTP status, DNS rcode), where the protocol has one.
    pub status_code: Option<i64>,
    /// How the call went, as far as this message tells; `Open` leaves it to the other half.
    pub outcome: Outcome,
    /// Whether a part of it is missing: the end, or bytes in between.
    pub is_partial: bool,
    /// The protocol's fields.
    pub values: Values,
    /// The body.
    pub body: Body,
    /// Oddities.
    pub notes: Notes,
    /// What it was reckoned to take when it began to wait, in bytes of memory.
    pub reckoned_bytes: usize,
}

impl Message {
    /// An empty message of a protocol.
    pub fn new(protocol: ProtocolIndex, role: Role, direction: Direction, first: PacketRef) -> Self {
        Message {
            protocol,
            role,
            direction,
            pairing: PairKey::InOrder,
            first,
            position: None,
            last: first,
            packets: PacketRuns::default(),
            ordinal: 0,
            wire_bytes: 0,
            status_code: None,
            outcome: Outcome::Open,
            is_partial: false,
            values: Values::default(),
            body: Body::default(),
            notes: Notes::default(),
            reckoned_bytes: 0,
        }
    }

    /// Makes it an empty message again, keeping its room.
    pub fn reset(&mut self, protocol: ProtocolIndex, role: Role, direction: Direction, first: PacketRef) {
        self.protocol = protocol;
        self.role = role;
        self.direction = direction;
        self.pairing = PairKey::InOrder;
        self.first = first;
        self.position = None;
        self.last = first;
        self.packets.clear();
        self.ordinal = 0;
        self.wire_bytes = 0;
        self.status_code = None;
        self.outcome = Outcome::Open;
        self.is_partial = false;
        self.values.clear();
        self.body.bytes.clear();
        if self.body.bytes.capacity() > KEPT_BODY_BYTES {
            self.body.bytes = Vec::new();
        }
        self.body.wire_bytes = 0;
        self.body.is_cut = false;
        self.body.is_present = false;
        self.body.is_encoded = false;
        self.body.is_shed = false;
        self.notes.clear();
        self.reckoned_bytes = 0;
    }

    /// Adds a note, once.
    pub fn note(&mut self, note: &str) {
        self.notes.add(note);
    }

    /// Gives up the body as far as it was kept, with a note; tells whether there was any. Nothing more is to be kept.
    pub fn shed_body(&mut self) -> bool {
        self.body.is_shed = true;
        let had_any = !self.body.bytes.is_empty();
        self.body.bytes = Vec::new();
        if had_any {
            self.body.is_cut = true;
            self.note("body given up because too much was held of messages under way");
        }
        had_any
    }

    /// Counts a packet as one that carried bytes of this message.
    pub fn covers(&mut self, packet: PacketRef) {
        self.packets.add(packet.number);
        if packet.number > self.last.number {
            self.last = packet;
        }
    }

    /// Bytes of memory held.
    pub fn footprint_bytes(&self) -> usize {
        let kept = [self.values.footprint_bytes(), self.body.bytes.capacity(), self.packets.footprint_bytes()];
        kept.into_iter().fold(size_of::<Self>(), usize::saturating_add)
    }
}

/// A body buffer larger than this is not kept for the next message.
const KEPT_BODY_BYTES: usize = 16 << 10;
