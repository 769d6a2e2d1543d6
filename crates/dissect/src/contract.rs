//! What a protocol must provide.

#[cfg(doc)]
use lanternfish_model::Cause;
use lanternfish_model::{ConnectionFacts, Direction, ProtocolSpec, Transport};

use crate::{Chunk, Out};

/// The transports that a protocol is carried by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transports(u8);

impl Transports {
    /// None: it is never probed (its entries are built elsewhere, or it is only handed to).
    pub const NONE: Transports = Transports(0);
    /// TCP.
    pub const TCP: Transports = Transports(1 << Transport::Tcp as u8);
    /// UDP.
    pub const UDP: Transports = Transports(1 << Transport::Udp as u8);
    /// SCTP.
    pub const SCTP: Transports = Transports(1 << Transport::Sctp as u8);
    /// ICMP and ICMPv6.
    pub const ICMP: Transports = Transports(1 << Transport::Icmp as u8);

    /// Both sets.
    pub const fn and(self, other: Transports) -> Transports {
        Transports(self.0 | other.0)
    }

    /// Whether a transport is in the set.
    pub const fn contains(self, transport: Transport) -> bool {
        self.0 & (1 << transport as u8) != 0
    }
}

/// What a probe may look at.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The way the bytes went, as far as the roles are known (they are a guess until a protocol confirms them).
    pub direction: Direction,
    /// The first bytes seen of this direction.
    pub bytes: &'a [u8],
    /// The first bytes seen of the other direction so far.
    pub other: &'a [u8],
    /// Whether these are truly the first bytes of the stream, not some in the middle.
    pub is_start: bool,
    /// Whether the bytes are one whole datagram.
    pub is_datagram: bool,
    /// The facts of the connection; ports are a hint, never a proof.
    pub facts: &'a ConnectionFacts,
}

/// Who sent the bytes that a probe recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The client: they are a request.
    Client,
    /// The server: they are a response.
    Server,
    /// The bytes do not tell.
    Unknown,
}

/// The answer of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The bytes are of this protocol. Where the sender does not fit the roles assumed so far, the roles are turned.
    Match(Sender),
    /// They are not.
    NoMatch,
    /// They may be; more are needed.
    NeedMore,
}

/// What a protocol change leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handoff {
    /// The protocol with this name (`ProtocolSpec::name`), both directions from here on.
    To(&'static str),
    /// Whatever the next bytes turn out to be.
    Probe,
}

/// How far a dissector came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All bytes are consumed.
    Done,
    /// Some are; the rest is given again once at least `needed` bytes in all (from the first one not consumed) are
    /// there. `needed` may be a guess, but must be more than are there now.
    Incomplete {
        /// Bytes consumed.
        consumed: usize,
        /// Bytes needed from there on.
        needed: usize,
    },
    /// These bytes are not of the protocol, or its framing was lost. The engine retracts the match where no message
    /// came of it yet, else asks `resync`.
    Desync {
        /// Bytes that were still good.
        consumed: usize,
    },
    /// The connection speaks another protocol from here on, in both directions.
    Handoff {
        /// Bytes consumed.
        consumed: usize,
        /// The other protocol.
        to: Handoff,
    },
}

/// What a gap means to a dissector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapVerdict {
    /// The missing bytes were all within a body or value whose length is known: framing goes on behind them.
    Absorbed,
    /// The framing of this direction is lost; `resync` will be asked with what comes next.
    Lost,
}

/// A protocol: facts, recognition and a maker of dissectors. One static value each, in the table of `dissectors`.
pub trait Protocol: Sync {
    /// Its facts and fields.
    fn spec(&self) -> &'static ProtocolSpec;

    /// The transports it is probed on.
    fn transports(&self) -> Transports;

    /// Whether bytes are of this protocol. Must be certain: it claims the connection, on any port. Random bytes and
    /// English text must not match.
    fn probe(&self, head: &Head<'_>) -> Probe;

    /// Whether a connection that began with bytes of no known protocol turns to this one here (STARTTLS, a preamble). It
    /// is asked for the first segments of such a connection, with what begins in each; the certainty of `probe` is due.
    fn probe_late(&self, _head: &Head<'_>) -> Option<Sender> {
        None
    }

    /// Begins to dissect a connection.
    fn open(&self, facts: &ConnectionFacts) -> Box<dyn Dissector>;
}

/// The state of one connection under one protocol.
///
/// Both directions are given as they come. Calls never panic, never loop over more than the bytes given, and keep no
/// more than the named limits.
pub trait Dissector: Send {
    /// Takes bytes. Messages go to `out` when they are whole, or when it is certain that no more of them will come.
    /// `chunk.bytes` begins where the last call for this direction said it consumed to.
    fn data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress;

    /// Learns that `length` bytes will never come, behind `pending` (bytes given before but not consumed, often none).
    /// On `Lost`, a message under way is emitted as partial with a note.
    fn gap(&mut self, pending: &Chunk<'_>, length: u64, out: &mut Out<'_>) -> GapVerdict;

    /// Finds the next offset in `bytes` at which a message may begin, after framing was lost; `None` where there is none.
    fn resync(&mut self, direction: Direction, bytes: &[u8]) -> Option<usize>;

    /// Learns that the sender of this direction has finished (FIN): a body that lasts until the end is whole now.
    /// `pending` holds bytes that were not consumed; what can be read of them becomes a partial message.
    fn end(&mut self, pending: &Chunk<'_>, out: &mut Out<'_>);

    /// How many bytes of memory it holds beside itself: messages under way, and what it keeps of those before.
    fn held_bytes(&self) -> usize;

    /// Gives up what it can of what it holds, as too much is held for all connections together. A message under way
    /// loses its body, with a note, and is counted as [`Cause::HeldBytesFull`]; framing goes on.
    fn shed(&mut self, out: &mut Out<'_>);

    /// Learns that the connection is over, for a reason other than both sides' `end`. Messages under way are emitted as
    /// partial, with what can be read of `pending` (by direction).
    fn close(&mut self, pending: [&Chunk<'_>; 2], out: &mut Out<'_>);
}
