//! Random conversations: what was sent is what is given, and what was not given is told.

use std::collections::HashMap;

use lanternfish_model::{ConnectionFacts, ConnectionSummary, Direction, Loss, PacketRef, Timestamp};
use lanternfish_wire::{Payload, TransportHeader};
use proptest::prelude::*;

use super::harness::segment;
use crate::{Config, Moment, PacketMeta, Sink, StreamData, Tracker, Verdict};

/// What came of each direction: bytes, or `None` for each byte of a gap.
#[derive(Default)]
struct Streams {
    given: [Vec<Option<u8>>; 2],
    ended: [u32; 2],
    live: HashMap<u64, u32>,
    summaries: Vec<ConnectionSummary>,
}

const MAX_SHOWN_GAP: u64 = 1 << 20;

impl Sink for Streams {
    type State = u64;
    fn open(&mut self, facts: &ConnectionFacts) -> u64 {
        *self.live.entry(facts.id).or_default() += 1;
        facts.id
    }
    fn data(&mut self, _: &mut u64, _: &ConnectionFacts, data: &StreamData<'_>) -> Verdict {
        self.given[data.direction.index()].extend(data.bytes.iter().copied().map(Some));
        match data.bytes.first() {
            Some(0xee) => Verdict::Turn,
            Some(0xef) => Verdict::Ignore,
            _ => Verdict::Continue,
        }
    }
    fn gap(&mut self, _: &mut u64, _: &ConnectionFacts, direction: Direction, length: u64, _: PacketRef) -> Verdict {
        assert!(length > 0);
        self.given[direction.index()].extend((0..length.min(MAX_SHOWN_GAP)).map(|_| None));
        Verdict::Continue
    }
    fn end(&mut self, _: &mut u64, _: &ConnectionFacts, direction: Direction) {
        self.ended[direction.index()] += 1;
    }
    fn summary(&mut self, _: &mut u64, _: &ConnectionSummary, _: Moment) {}
    fn close(&mut self, state: u64, summary: ConnectionSummary) {
        assert_eq!(state, summary.facts.id);
        assert_eq!(self.live.remove(&state), Some(1));
        self.summaries.push(summary);
    }
}

/// A segment of a conversation: the way, where its bytes begin, how many, how many bytes of the other way it
/// acknowledges, and whether it is the last.
#[derive(Clone, Copy, Debug)]
struct Cut {
    is_to_server: bool,
    from: usize,
    length: usize,
    acknowledged: usize,
    is_last: bool,
}

/// Cuts both streams into segments, in an order in which they could have been sent.
fn cut(contents: [&[u8]; 2], sizes: &[u16]) -> Vec<Cut> {
    let mut at = [0, 0];
    let mut cuts = Vec::new();
    for (turn, &size) in sizes.iter().cycle().enumerate() {
        if at[0] == contents[0].len() && at[1] == contents[1].len() {
            break;
        }
        let way = usize::from(size & 1 == 1 && turn % 7 != 0);
        let length = usize::from(size >> 1).clamp(1, 1500).min(contents[way].len() - at[way]);
        cuts.push(Cut { is_to_server: way == 0, from: at[way], length, acknowledged: 0, is_last: false });
        at[way] += length;
        if turn > 4000 {
            break;
        }
    }
    for way in [true, false] {
        let content = contents[usize::from(!way)];
        cuts.push(Cut {
            is_to_server: way,
            from: at[usize::from(!way)].min(content.len()),
            length: content.len() - at[usize::from(!way)].min(content.len()),
            acknowledged: 0,
            is_last: true,
        });
    }
    cuts
}

struct Run {
    tracker: Tracker<Streams>,
    streams: Streams,
    loss: Loss,
    number: u64,
}

impl Run {
    fn new(config: Config) -> Self {
        Run { tracker: Tracker::new(config), streams: Streams::default(), loss: Loss::default(), number: 0 }
    }

    fn send(&mut self, datagram: &lanternfish_wire::Datagram<'_>, interface: u32) {
        self.number += 1;
        let packet = PacketRef { number: self.number, time: Timestamp::from_ns(self.number as i64 * 1000) };
        let key = datagram.key();
        let meta = PacketMeta { packet, interface, fragments: &[] };
        self.tracker.datagram(&mut self.streams, &meta, datagram, &key, key.hash64(0), &mut self.loss);
    }

    fn cut(&mut self, contents: [&[u8]; 2], initial: [u32; 2], cut: &Cut, interface: u32) {
        let way = usize::from(!cut.is_to_server);
        let sequence = initial[way].wrapping_add(1).wrapping_add(cut.from as u32);
        let ack = initial[1 - way].wrapping_add(1).wrapping_add(cut.acknowledged as u32);
        let flags = if cut.is_last { "FA" } else { "A" };
        let bytes = &contents[way][cut.from..cut.from + cut.length];
        self.send(&segment(cut.is_to_server, 40_000, sequence, ack, flags, bytes), interface);
    }

    fn handshake(&mut self, initial: [u32; 2]) {
        self.send(&segment(true, 40_000, initial[0], 0, "S", b""), 0);
        self.send(&segment(false, 40_000, initial[1], initial[0].wrapping_add(1), "SA", b""), 0);
    }

    fn finish(&mut self) {
        self.tracker.finish(&mut self.streams, &mut self.loss);
        assert!(self.streams.live.is_empty());
        assert_eq!(self.tracker.buffered_bytes(), 0);
    }
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0u8..0xe0, 0..6000)
}

fn sizes() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(1u16..1200, 1..40)
}

/// Moves each item back by less than its own number of places.
fn shuffle<T: Clone>(items: &[T], moves: &[usize]) -> Vec<T> {
    let mut keyed: Vec<_> = items
        .iter()
        .cloned()
        .zip(moves.iter().cycle())
        .enumerate()
        .map(|(at, (item, by))| (at + by, at, item))
        .collect();
    keyed.sort_by_key(|(key, at, _)| (*key, *at));
    keyed.into_iter().map(|(_, _, item)| item).collect()
}

proptest! {
    #[test]
    fn reordered_and_repeated_segments_give_the_stream(
        there in content(), back in content(), sizes in sizes(),
        initial in any::<[u32; 2]>(),
        moves in prop::collection::vec(0usize..12, 1..50),
        repeats in prop::collection::vec(0usize..4, 1..50),
    ) {
        let contents = [there.as_slice(), back.as_slice()];
        let cuts = cut(contents, &sizes);
        let repeated: Vec<Cut> = cuts.iter().zip(repeats.iter().cycle()).flat_map(|(cut, &times)| std::iter::repeat_n(*cut, 1 + times / 3)).collect();
        let mut run = Run::new(Config::default());
        run.handshake(initial);
        for cut in shuffle(&repeated, &moves) {
            run.cut(contents, initial, &cut, 0);
        }
        run.finish();
        for (way, content) in contents.into_iter().enumerate() {
            let given: Option<Vec<u8>> = run.streams.given[way].iter().copied().collect();
            prop_assert_eq!(given.as_deref(), Some(content));
            prop_assert_eq!(run.streams.ended[way], 1);
        }
    }

    #[test]
    fn other_cuts_of_the_same_bytes_overlap(
        there in content(), first in sizes(), second in sizes(),
        initial in any::<[u32; 2]>(),
        moves in prop::collection::vec(0usize..40, 1..50),
    ) {
        let contents = [there.as_slice(), &[]];
        let mut cuts = cut(contents, &first);
        cuts.extend(cut(contents, &second));
        cuts.sort_by_key(|cut| cut.from);
        let mut run = Run::new(Config::default());
        run.handshake(initial);
        for cut in shuffle(&cuts, &moves) {
            run.cut(contents, initial, &cut, 0);
        }
        run.finish();
        let given: Option<Vec<u8>> = run.streams.given[0].iter().copied().collect();
        prop_assert_eq!(given.as_deref(), Some(there.as_slice()));
        prop_assert_eq!(run.streams.summaries[0].to_server.overlap_conflict_bytes, 0);
        prop_assert_eq!(run.streams.summaries[0].to_server.payload_bytes, there.len() as u64);
    }

    #[test]
    fn gaps_account_for_dropped_segments(
        there in content(), back in content(), sizes in sizes(),
        initial in any::<[u32; 2]>(),
        moves in prop::collection::vec(0usize..6, 1..50),
        drops in prop::collection::vec(0u8..4, 1..50),
        has_acks in any::<bool>(),
        budget in prop::sample::select(vec![600usize, 5000, 1 << 20]),
    ) {
        let contents = [there.as_slice(), back.as_slice()];
        let mut cuts = cut(contents, &sizes);
        if has_acks {
            // The receivers got everything, also what the capture will not see.
            let mut sent = [0, 0];
            for cut in &mut cuts {
                let way = usize::from(!cut.is_to_server);
                sent[way] = cut.from + cut.length;
                cut.acknowledged = sent[1 - way];
            }
        }
        let moves = if has_acks { vec![0] } else { moves };
        let mut run = Run::new(Config { max_connection_buffered_bytes: budget, ..Config::default() });
        run.handshake(initial);
        for (cut, drop) in shuffle(&cuts, &moves).iter().zip(drops.iter().cycle()) {
            if *drop > 0 || cut.is_last {
                run.cut(contents, initial, cut, 0);
            }
        }
        run.finish();
        let summary = &run.streams.summaries[0];
        for (way, side) in [summary.to_server, summary.to_client].into_iter().enumerate() {
            let given = &run.streams.given[way];
            prop_assert_eq!(given.len(), contents[way].len());
            prop_assert!(given.iter().zip(contents[way]).all(|(given, sent)| given.is_none_or(|given| given == *sent)));
            let received = given.iter().flatten().count() as u64;
            prop_assert_eq!((side.payload_bytes, side.gap_bytes), (received, given.len() as u64 - received));
            prop_assert_eq!(run.streams.ended[way], 1);
        }
    }

    #[test]
    fn copies_on_a_second_interface_change_nothing(
        there in content(), back in content(), sizes in sizes(),
        initial in any::<[u32; 2]>(),
    ) {
        let contents = [there.as_slice(), back.as_slice()];
        let cuts = cut(contents, &sizes);
        let mut run = Run::new(Config::default());
        for cut in &cuts {
            run.cut(contents, initial, cut, 1);
            run.cut(contents, initial, cut, 2);
        }
        run.finish();
        let summary = &run.streams.summaries[0];
        prop_assert_eq!(summary.duplicate_views, cuts.len() as u64);
        prop_assert_eq!(summary.to_server.packets + summary.to_client.packets, cuts.len() as u64);
        prop_assert_eq!(summary.to_server.retransmissions + summary.to_client.retransmissions, 0);
    }

    #[test]
    fn random_segments_break_nothing(
        segments in prop::collection::vec(
            (any::<bool>(), 1u16..4, prop_oneof![0u32..200, (u32::MAX - 100)..=u32::MAX, any::<u32>()], prop_oneof![0u32..200, any::<u32>()],
             any::<u8>(), 0usize..60, prop_oneof![9 => Just(0u32), 1 => 0u32..100, 1 => any::<u32>()], 0u32..3, any::<u8>()), 0..300),
        times in prop::collection::vec(prop_oneof![9 => 0i64..1_000_000_000, 1 => any::<i64>()], 1..20),
        max_connections in 1usize..4,
        budget in 100usize..3000,
    ) {
        let config = Config {
            max_connections,
            max_buffered_bytes: budget,
            max_connection_buffered_bytes: budget,
            report_interval_ns: Some(1_000_000_000),
            ..Config::default()
        };
        let mut run = Run::new(config);
        let mut now = Timestamp::from_ns(0);
        for (at, (is_to_server, port, sequence, ack, flags, length, missing, interface, byte)) in segments.into_iter().enumerate() {
            let bytes = vec![byte; length];
            let mut datagram = segment(is_to_server, port, sequence, ack, "", &bytes);
            datagram.payload = Payload { bytes: &bytes, missing };
            match &mut datagram.header {
                TransportHeader::Tcp(header) if at % 11 > 0 => header.flags.0 = flags,
                header => *header = TransportHeader::Udp { checksum: 0 },
            }
            run.number += 1;
            now = now + times[at % times.len()];
            let meta = PacketMeta { packet: PacketRef { number: run.number, time: now }, interface, fragments: &[] };
            let key = datagram.key();
            run.tracker.datagram(&mut run.streams, &meta, &datagram, &key, key.hash64(0), &mut run.loss);
            prop_assert!(run.tracker.buffered_bytes() <= budget);
            prop_assert!(run.tracker.open_connections() <= max_connections);
            if at % 5 == 0 {
                run.tracker.advance(&mut run.streams, now, &mut run.loss);
            }
        }
        run.finish();
        let seen: u64 = run.streams.summaries.iter().map(|summary| summary.to_server.packets + summary.to_client.packets + summary.duplicate_views).sum();
        prop_assert_eq!(seen, run.number);
    }
}
