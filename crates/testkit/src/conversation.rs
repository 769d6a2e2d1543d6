//! A TCP conversation, segment by segment, with right sequence numbers and times.

use lanternfish_model::{Endpoint, Timestamp};

use crate::packet::{Segment, frame, tcp};
use crate::{Capture, endpoint};

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// Builds a TCP conversation; each call adds packets.
///
/// ```
/// use lanternfish_testkit::TcpConversation;
/// let capture = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80")
///     .handshake()
///     .to_server(b"GET / HTTP/1.1\r\n\r\n")
///     .to_client(b"HTTP/1.1 204 No Content\r\n\r\n")
///     .fin()
///     .capture();
/// assert_eq!(capture.packets.len(), 3 + 2 + 2 + 3);
/// ```
#[derive(Clone, Debug)]
pub struct TcpConversation {
    ends: [Endpoint; 2],
    sequence: [u32; 2],
    mss: usize,
    has_acks: bool,
    time: Timestamp,
    step_ns: i64,
    packets: Vec<(Timestamp, Vec<u8>)>,
}

impl TcpConversation {
    /// Between two endpoints such as `10.0.0.1:4000`. It begins at 2023-11-14T22:13:20Z; a packet follows each 100 µs.
    pub fn new(client: &str, server: &str) -> Self {
        TcpConversation {
            ends: [endpoint(client), endpoint(server)],
            sequence: [1000, 500_000],
            mss: 1460,
            has_acks: true,
            time: Timestamp::from_parts(1_700_000_000, 0),
            step_ns: 100_000,
            packets: Vec::new(),
        }
    }

    /// The initial sequence numbers.
    pub fn sequences(mut self, client: u32, server: u32) -> Self {
        self.sequence = [client, server];
        self
    }

    /// The most payload bytes of a segment from now on; 1 gives a segment a byte.
    pub fn mss(mut self, bytes: usize) -> Self {
        self.mss = bytes.max(1);
        self
    }

    /// No acknowledgement of its own follows data from now on.
    pub fn without_acks(mut self) -> Self {
        self.has_acks = false;
        self
    }

    /// The time of the next packet.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = time;
        self
    }

    /// Lets so much time pass.
    pub fn wait(mut self, ns: i64) -> Self {
        self.time = self.time + ns;
        self
    }

    /// The time between packets from now on.
    pub fn step(mut self, ns: i64) -> Self {
        self.step_ns = ns;
        self
    }

    /// SYN, SYN and ACK, ACK; both say their maximum segment size and a window scale of 7.
    pub fn handshake(mut self) -> Self {
        let mss = (self.mss.min(1460) as u16).to_be_bytes();
        let options = [2, 4, mss[0], mss[1], 1, 3, 3, 7];
        self.segment(Side::Client, SYN, &options, &[]);
        self.segment(Side::Server, SYN | ACK, &options, &[]);
        self.segment(Side::Client, ACK, &[], &[]);
        self
    }

    /// Data from the client.
    pub fn to_server(self, bytes: &[u8]) -> Self {
        self.data(Side::Client, bytes)
    }

    /// Data from the server.
    pub fn to_client(self, bytes: &[u8]) -> Self {
        self.data(Side::Server, bytes)
    }

    /// Data from a side, in segments of the maximum size, and an acknowledgement of it.
    pub fn data(mut self, from: Side, bytes: &[u8]) -> Self {
        for part in bytes.chunks(self.mss) {
            self.segment(from, PSH | ACK, &[], part);
        }
        if self.has_acks {
            self.segment(from.other(), ACK, &[], &[]);
        }
        self
    }

    /// Data from a side that nobody captured: only the sequence number moves.
    pub fn lost(mut self, from: Side, count: u32) -> Self {
        let sequence = &mut self.sequence[from as usize];
        *sequence = sequence.wrapping_add(count);
        self
    }

    /// A keep-alive from a side: an empty segment one byte back.
    pub fn keep_alive(mut self, from: Side) -> Self {
        let sequence = self.sequence[from as usize];
        self.sequence[from as usize] = sequence.wrapping_sub(1);
        self.segment(from, ACK, &[], &[]);
        self.sequence[from as usize] = sequence;
        self
    }

    /// Both sides end, the client first.
    pub fn fin(mut self) -> Self {
        self.segment(Side::Client, FIN | ACK, &[], &[]);
        self.segment(Side::Server, FIN | ACK, &[], &[]);
        self.segment(Side::Client, ACK, &[], &[]);
        self
    }

    /// One side ends.
    pub fn half_close(mut self, from: Side) -> Self {
        self.segment(from, FIN | ACK, &[], &[]);
        self
    }

    /// A side resets it.
    pub fn rst(mut self, from: Side) -> Self {
        self.segment(from, RST | ACK, &[], &[]);
        self
    }

    /// A segment of one's own with the flags given; the sequence numbers move on behind it.
    pub fn segment(&mut self, from: Side, flags: u8, options: &[u8], payload: &[u8]) {
        let (mine, theirs) = (from as usize, from.other() as usize);
        let segment = Segment {
            sequence: self.sequence[mine],
            acknowledgement: if flags & ACK != 0 { self.sequence[theirs] } else { 0 },
            flags,
            window: 64_240,
            options,
            payload,
        };
        self.packets.push((self.time, tcp(self.ends[mine], self.ends[theirs], &segment)));
        let length = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.sequence[mine] = self.sequence[mine].wrapping_add(length);
        self.time = self.time + self.step_ns;
    }

    /// The IP packets with their times.
    pub fn ip_packets(self) -> Vec<(Timestamp, Vec<u8>)> {
        self.packets
    }

    /// The packets in Ethernet frames.
    pub fn capture(self) -> Capture {
        self.take_capture().0
    }

    /// The packets so far in Ethernet frames; the conversation goes on behind them.
    pub fn take_capture(mut self) -> (Capture, Self) {
        let mut capture = Capture::ethernet();
        for (time, packet) in self.packets.drain(..) {
            capture.push(time, frame(&packet));
        }
        (capture, self)
    }
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
