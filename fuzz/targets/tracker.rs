//! The connection table with sequences of segments and datagrams: any flags, numbers, times, cuts and interfaces.
//!
//! Input: for each packet its sender and connection (1 byte), TCP flags (1), a step of the sequence number (1) and of
//! the acknowledgement (1), of the time (1), the interface and the cut (1), the length of the payload (1). What the
//! sink is given must add up: bytes and gaps follow each other without holes or repeats.
#![no_main]

use lanternfish_fuzz::Choices;
use lanternfish_model::{Cause, ConnectionFacts, ConnectionSummary, Direction, Endpoint, Loss, PacketRef, Timestamp};
use lanternfish_reassembly::{Config, Fate, Moment, PacketMeta, Sink, StreamData, Tracker, Verdict};
use lanternfish_testkit::endpoint;
use lanternfish_wire::{Datagram, IcmpHeader, Payload, Quoted, SctpHeader, TcpFlags, TcpHeader, TransportHeader};
use libfuzzer_sys::fuzz_target;
use smallvec::SmallVec;

/// Counts what it is given.
#[derive(Default)]
struct Counts {
    opened: u64,
    closed: u64,
    gap_bytes: u64,
    verdict: u8,
}

#[derive(Default)]
struct State {
    bytes: [u64; 2],
    gaps: [u64; 2],
    has_ended: [bool; 2],
    is_ignored: bool,
}

impl Counts {
    fn verdict(&mut self, state: &mut State) -> Verdict {
        match std::mem::take(&mut self.verdict) {
            1 => {
                state.is_ignored = true;
                Verdict::Ignore
            }
            2 => {
                state.bytes.swap(0, 1);
                state.gaps.swap(0, 1);
                state.has_ended.swap(0, 1);
                Verdict::Turn
            }
            _ => Verdict::Continue,
        }
    }
}

impl Sink for Counts {
    type State = State;

    fn open(&mut self, _: &ConnectionFacts) -> State {
        self.opened += 1;
        State::default()
    }

    fn data(&mut self, state: &mut State, _: &ConnectionFacts, data: &StreamData<'_>) -> Verdict {
        assert!(!state.is_ignored, "bytes that nobody wants");
        let side = data.direction.index();
        if !data.is_datagram {
            assert!(!data.bytes.is_empty());
            assert!(!data.is_start || state.bytes[side] + state.gaps[side] == 0 || state.has_ended[side]);
        }
        state.bytes[side] += data.bytes.len() as u64;
        self.verdict(state)
    }

    fn gap(
        &mut self,
        state: &mut State,
        _: &ConnectionFacts,
        direction: Direction,
        length: u64,
        _: PacketRef,
    ) -> Verdict {
        assert!(length > 0);
        state.gaps[direction.index()] += length;
        self.gap_bytes += length;
        self.verdict(state)
    }

    fn end(&mut self, state: &mut State, _: &ConnectionFacts, direction: Direction) {
        state.has_ended[direction.index()] = true;
    }

    fn summary(&mut self, _: &mut State, _: &ConnectionSummary, _: Moment) {}

    fn close(&mut self, _: State, _: ConnectionSummary) {
        self.closed += 1;
    }
}

fuzz_target!(|data: &[u8]| {
    let config = Config {
        max_connections: 3,
        max_buffered_bytes: 4096,
        max_connection_buffered_bytes: 2048,
        report_interval_ns: (data.len() % 2 == 0).then_some(1_000_000_000),
        ..Config::default()
    };
    let mut tracker: Tracker<Counts> = Tracker::new(config);
    let (mut sink, mut loss) = (Counts::default(), Loss::default());
    let mut choices = Choices(data);
    let mut now = Timestamp::from_parts(1_700_000_000, 0);
    let mut sequences = [[0xffff_ff00u32, 1000]; 5];
    let (mut number, mut cut_bytes) = (0, 0);
    while !choices.is_empty() {
        let kind = choices.byte();
        let connection = usize::from(kind >> 1 & 7) % sequences.len();
        let ends: [Endpoint; 2] = [
            endpoint(["10.0.0.1:1", "10.0.0.1:2", "10.0.0.3:3", "10.0.0.3:4", "[::1]:5"][connection]),
            endpoint(if connection == 4 { "[::2]:80" } else { "10.0.0.2:80" }),
        ];
        let side = usize::from(kind & 1);
        let flags = choices.byte();
        let (sequence_step, acknowledgement_step) = (choices.byte() as i8, choices.byte() as i8);
        let step = i64::from(choices.byte() as i8);
        now = now + step * step * step * 100_000;
        let place = choices.byte();
        let length = usize::from(choices.byte());
        let bytes = choices.bytes(length);
        let missing = u32::from(place >> 4);
        let header = match kind >> 4 {
            13 => TransportHeader::Udp { checksum: 7 },
            14 => TransportHeader::Sctp(SctpHeader { verification_tag: 1, checksum: 2 }),
            15 => TransportHeader::Icmp(IcmpHeader {
                version: 4,
                kind: flags,
                code: place,
                checksum: 0,
                rest: 0,
                quoted: (flags & 3 == 3).then_some(Quoted {
                    source: ends[side],
                    destination: ends[1 - side],
                    transport: lanternfish_model::Transport::Tcp,
                }),
            }),
            _ => {
                let mine = sequences[connection][side];
                let theirs = sequences[connection][1 - side];
                let far = |step: i8| if step % 16 == 15 { i32::from(step) << 24 } else { i32::from(step) };
                let sequence = mine.wrapping_add(far(sequence_step) as u32);
                let moved = length as u32 + missing + u32::from(flags & 3 != 0);
                if sequence_step >= 0 {
                    sequences[connection][side] = sequence.wrapping_add(moved);
                }
                TransportHeader::Tcp(TcpHeader {
                    sequence,
                    acknowledgement: theirs.wrapping_add(far(acknowledgement_step) as u32),
                    flags: TcpFlags(flags),
                    window: u16::from(place),
                    window_scale: (flags & 2 != 0).then_some(place),
                    ..TcpHeader::default()
                })
            }
        };
        let is_quoting = matches!(&header, TransportHeader::Icmp(_));
        let datagram = Datagram {
            source: if is_quoting { Endpoint::new(ends[side].ip, 0) } else { ends[side] },
            destination: if is_quoting { Endpoint::new(ends[1 - side].ip, 0) } else { ends[1 - side] },
            header,
            payload: Payload { bytes, missing },
            network_bytes: 40 + length as u32 + missing,
            transport_bytes: 20 + length as u32 + missing,
            tunnels: SmallVec::new(),
        };
        sink.verdict = if flags & 0x60 == 0x60 { 1 + (flags >> 7) } else { 0 };
        number += 1;
        cut_bytes += u64::from(missing);
        let meta =
            PacketMeta { packet: PacketRef { number, time: now }, interface: u32::from(place & 3), fragments: &[] };
        let key = datagram.key();
        let hash = key.hash64(config.seed);
        let fate = tracker.datagram(&mut sink, &meta, &datagram, &key, hash, &mut loss);
        assert!(fate == Fate::Dissected || place & 3 != 0);
        if place & 0x0c == 0x0c {
            tracker.advance(&mut sink, now, &mut loss);
        }
        assert!(tracker.buffered_bytes() <= config.max_buffered_bytes);
        assert!(tracker.open_connections() <= config.max_connections);
        assert_eq!(sink.opened, sink.closed + tracker.open_connections() as u64);
    }
    tracker.finish(&mut sink, &mut loss);
    assert_eq!(sink.opened, sink.closed);
    assert_eq!(tracker.buffered_bytes(), 0);
    // Gaps are bytes that never came, bytes given up for a limit, or bytes that the capture cut off.
    let lost = loss.count(Cause::StreamGap) + loss.count(Cause::StreamBufferFull);
    assert!(sink.gap_bytes <= lost + cut_bytes, "{} in gaps, {lost} lost, {cut_bytes} cut", sink.gap_bytes);
});
