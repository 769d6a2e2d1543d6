//! What the tracker gives to the stage behind it, and what it may be told in return.

use lanternfish_model::{ConnectionFacts, ConnectionSummary, Direction, PacketRef, StreamPosition};

/// The facts of a packet that its headers do not tell.
#[derive(Clone, Copy, Debug)]
pub struct PacketMeta<'a> {
    /// Its number and time.
    pub packet: PacketRef,
    /// The interface it was seen on, 0 where unknown.
    pub interface: u32,
    /// Earlier packets that its bytes came from too: the other fragments of its datagram.
    pub fragments: &'a [PacketRef],
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was counted to its connection and its bytes went on.
    Dissected,
    /// It is a copy of a packet that was seen on another interface.
    DuplicateView,
}

/// Bytes of a stream, in order; or one datagram.
#[derive(Clone, Copy, Debug)]
pub struct StreamData<'a> {
    /// The way they went.
    pub direction: Direction,
    /// The bytes, borrowed from the packet where they are in order.
    pub bytes: &'a [u8],
    /// The packet that they came in.
    pub packet: PacketRef,
    /// Further packets that they came in (IP fragments), and the one that filled the hole before them, where they waited.
    pub fragments: &'a [PacketRef],
    /// Where the first of them stands in the connection; none for a datagram.
    pub position: Option<StreamPosition>,
    /// Whether they are one whole datagram.
    pub is_datagram: bool,
    /// Whether they are the very first of the stream (the SYN was seen, nothing is missing before them).
    pub is_start: bool,
    /// Bytes of the datagram that the capture did not keep; for streams a gap follows instead.
    pub missing: u32,
    /// For an ICMP error, the id of the connection that it speaks of, where that is in the table.
    pub quoted_connection: Option<u64>,
}

/// What the stage behind wants next of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// Give no more bytes of this connection; keep its counters.
    Ignore,
    /// The roles were wrong: the client is the server. Go on with turned directions.
    Turn,
}

/// When a summary is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The connection was opened.
    Opened,
    /// It is still active.
    Active,
    /// It is over, but late packets are still counted to it; its end is told when no more can come.
    Over,
}

/// The stage behind reassembly.
pub trait Sink {
    /// What it keeps for each connection.
    type State;

    /// A connection was seen for the first time.
    fn open(&mut self, facts: &ConnectionFacts) -> Self::State;

    /// A packet was counted to the connection (or `packets`, where it is one datagram of several fragments); its bytes,
    /// from the network header on, are `bytes`. What it brought is given afterwards.
    fn packet(&mut self, state: &mut Self::State, direction: Direction, packet: PacketRef, packets: u64, bytes: u64) {
        let _ = (state, direction, packet, packets, bytes);
    }

    /// Bytes came.
    fn data(&mut self, state: &mut Self::State, facts: &ConnectionFacts, data: &StreamData<'_>) -> Verdict;

    /// Bytes will never come. `packet` is the one that showed it.
    fn gap(
        &mut self,
        state: &mut Self::State,
        facts: &ConnectionFacts,
        direction: Direction,
        length: u64,
        packet: PacketRef,
    ) -> Verdict;

    /// The sender of a direction has finished (its FIN is reached in order).
    fn end(&mut self, state: &mut Self::State, facts: &ConnectionFacts, direction: Direction);

    /// A summary in between, only where [`crate::Tracker`] was configured to give them.
    fn summary(&mut self, state: &mut Self::State, summary: &ConnectionSummary, moment: Moment);

    /// Whether so much is held for all connections together that some of it must be given up.
    fn is_holding_too_much(&self) -> bool {
        false
    }

    /// Gives up what is held for a connection, where that is much. Tells how many bytes are still held for it, if that is
    /// much: where nothing else helps, the connection is dropped.
    fn relieve(&mut self, state: &mut Self::State, facts: &ConnectionFacts) -> usize {
        let _ = (state, facts);
        0
    }

    /// The connection is over (both ends, RST, timeout, eviction, end of the capture).
    fn close(&mut self, state: Self::State, summary: ConnectionSummary);
}
