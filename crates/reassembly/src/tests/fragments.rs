//! IP fragments.

use std::net::IpAddr;

use lanternfish_model::{Cause, Loss, PacketRef, Timestamp};
use lanternfish_wire::{Fragment, Payload};
use proptest::prelude::*;
use smallvec::SmallVec;

use crate::{Defragmenter, FragmentLimits, Whole};

struct Table {
    defragmenter: Defragmenter,
    loss: Loss,
    number: u64,
    seconds: i64,
    given: u64,
}

impl Table {
    fn new(limits: FragmentLimits) -> Self {
        Table { defragmenter: Defragmenter::new(limits), loss: Loss::default(), number: 0, seconds: 0, given: 0 }
    }

    fn add(&mut self, identification: u32, offset: u32, has_more: bool, bytes: &[u8]) -> Option<Whole> {
        self.add_cut(identification, offset, has_more, bytes, 0)
    }

    fn add_cut(
        &mut self,
        identification: u32,
        offset: u32,
        has_more: bool,
        bytes: &[u8],
        missing: u32,
    ) -> Option<Whole> {
        self.number += 1;
        let fragment = Fragment {
            source: IpAddr::from([10, 0, 0, 1]),
            destination: IpAddr::from([10, 0, 0, 2]),
            protocol: 17,
            identification,
            offset,
            has_more,
            payload: Payload { bytes, missing },
            tunnels: SmallVec::new(),
        };
        let packet = PacketRef { number: self.number, time: Timestamp::from_parts(self.seconds, 0) };
        let whole = self.defragmenter.add(&fragment, packet, &mut self.loss);
        self.given += whole.as_ref().map_or(0, |whole| whole.packets.len() as u64);
        self.balance();
        whole
    }

    /// Each packet has one fate or waits.
    fn balance(&self) {
        let lost = self.loss.count(Cause::FragmentIncomplete) + self.loss.count(Cause::FragmentTableFull);
        assert_eq!(self.number, self.given + lost + self.defragmenter.pending_packets());
    }

    fn lost(&self) -> (u64, u64) {
        (self.loss.count(Cause::FragmentIncomplete), self.loss.count(Cause::FragmentTableFull))
    }
}

impl Default for Table {
    fn default() -> Self {
        Table::new(FragmentLimits::default())
    }
}

#[test]
fn in_any_order_they_become_whole() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        let mut table = Table::default();
        let parts = [(0, true, b"aaaaaaaa"), (8, true, b"bbbbbbbb"), (16, false, b"cccccccc")];
        let mut whole = None;
        for index in order {
            assert!(whole.is_none());
            let (offset, has_more, bytes) = parts[index];
            whole = table.add(1, offset, has_more, bytes);
        }
        let whole = whole.unwrap();
        assert_eq!(whole.bytes, b"aaaaaaaabbbbbbbbcccccccc");
        assert_eq!((whole.protocol, whole.missing, whole.network_bytes), (17, 0, 84));
        assert_eq!(whole.packets.iter().map(|packet| packet.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(table.defragmenter.pending_bytes(), 0);
        table.defragmenter.recycle(whole);
        assert_eq!(table.add(2, 0, false, b"one").unwrap().bytes, b"one");
    }
}

#[test]
fn the_first_bytes_win() {
    let mut table = Table::default();
    table.add(1, 8, true, b"BBBBBBBB");
    table.add(1, 0, true, b"aaaaaaaabbbb");
    table.add(1, 0, true, b"xxxxxxxx");
    let whole = table.add(1, 12, false, b"bbbbcccc").unwrap();
    assert_eq!(whole.bytes, b"aaaaaaaaBBBBBBBBcccc");
    assert_eq!(whole.packets.len(), 4);
}

#[test]
fn cut_fragments_leave_their_beginning() {
    let mut table = Table::default();
    table.add_cut(1, 8, false, b"bb", 6);
    let whole = table.add_cut(1, 0, true, b"aaaa", 4).unwrap();
    assert_eq!((whole.bytes.as_slice(), whole.missing), (&b"aaaa"[..], 12));
}

#[test]
fn contrary_fragments_are_not_taken() {
    let mut table = Table::default();
    table.add(1, 8, false, b"bb");
    assert!(table.add(1, 16, true, b"cccccccc").is_none());
    assert!(table.add(1, 8, false, b"bbb").is_none());
    assert!(table.add(1, 65_528, false, b"12345678").is_none());
    assert!(table.add(1, 0, true, b"").is_none());
    assert_eq!(table.lost(), (4, 0));
    assert_eq!(table.add(1, 0, true, b"aaaaaaaa").unwrap().bytes, b"aaaaaaaabb");
}

#[test]
fn silence_and_the_end_give_them_up() {
    let mut table = Table::default();
    table.add(1, 0, true, b"aaaaaaaa");
    table.seconds = 20;
    table.add(1, 8, true, b"aaaaaaaa");
    table.add(2, 8, true, b"aaaaaaaa");
    table.seconds = 31;
    table.defragmenter.advance(Timestamp::from_parts(31, 0), &mut table.loss);
    assert_eq!((table.lost(), table.defragmenter.pending_packets()), ((2, 0), 1));
    table.seconds = -100;
    table.add(3, 0, true, b"aaaaaaaa");
    table.defragmenter.finish(&mut table.loss);
    assert_eq!((table.lost(), table.defragmenter.pending_packets()), ((4, 0), 0));
    table.balance();
}

#[test]
fn what_came_of_a_datagram_that_is_given_up_is_given() {
    // A UDP header that tells of 60 bytes in all.
    let head = b"\x10\x00\x00\x35\x00\x3c\x00\x00";
    let mut table = Table::default();
    table.add(1, 0, true, head);
    table.add(1, 8, true, b"aaaaaaaa");
    table.add(1, 24, true, b"cccccccc");
    // Without its beginning nobody knows what it is.
    table.add(2, 8, true, b"aaaaaaaa");
    // The end is known, and what the capture cut is not there.
    table.add(3, 72, false, b"zzzzzzzz");
    table.add_cut(3, 0, true, b"\x10\x00\x00\x35\x00", 11);
    table.seconds = 31;
    assert!(table.add(4, 0, true, head).is_none());
    let first = table.defragmenter.next_given_up().unwrap();
    assert_eq!((first.bytes.as_slice(), first.missing), (&[&head[..], b"aaaaaaaa"].concat()[..], 44));
    assert!(first.is_partial && first.packets.len() == 3);
    let third = table.defragmenter.next_given_up().unwrap();
    assert_eq!((third.bytes.len(), third.missing, third.packets.len()), (5, 75, 2));
    assert!(table.defragmenter.next_given_up().is_none());
    table.defragmenter.finish(&mut table.loss);
    assert_eq!(table.defragmenter.next_given_up().map(|last| (last.bytes.len(), last.missing)), Some((8, 52)));
    assert_eq!(table.lost(), (7, 0));
    table.balance();
}

#[test]
fn the_oldest_make_room() {
    let mut table = Table::new(FragmentLimits { max_datagrams: 2, ..FragmentLimits::default() });
    for identification in 1..=3 {
        table.add(identification, 0, true, b"aaaaaaaa");
    }
    assert_eq!(table.lost(), (0, 1));
    assert!(table.add(2, 8, false, b"b").is_some());
    let mut table = Table::new(FragmentLimits { max_bytes: 1000, ..FragmentLimits::default() });
    for identification in 1..=30 {
        table.add(identification, 0, true, &[0; 200]);
        assert!(table.defragmenter.pending_bytes() <= 1000);
    }
    assert!(table.add(40, 0, true, &[0; 2000]).is_none());
    assert!(table.lost().1 >= 28);
}

#[test]
fn views_become_whole_apart() {
    let mut defragmenter = Defragmenter::default();
    let mut loss = Loss::default();
    let mut fragment = Fragment {
        source: IpAddr::from([1; 16]),
        destination: IpAddr::from([2; 16]),
        protocol: 17,
        identification: 9,
        offset: 0,
        has_more: true,
        payload: Payload { bytes: b"aaaaaaaa", missing: 0 },
        tunnels: SmallVec::new(),
    };
    for interface in [1, 2] {
        assert!(defragmenter.add_on(&fragment, interface, PacketRef::default(), &mut loss).is_none());
    }
    // In IPv6 another fragment may name another header.
    (fragment.offset, fragment.has_more, fragment.protocol) = (8, false, 0);
    for interface in [1, 2] {
        let whole = defragmenter.add_on(&fragment, interface, PacketRef::default(), &mut loss).unwrap();
        assert_eq!((whole.packets.len(), whole.protocol, whole.bytes.len()), (2, 17, 16));
    }
    assert_eq!(loss.packets(), 0);
}

proptest! {
    #[test]
    fn any_cut_and_order_becomes_whole(
        content in prop::collection::vec(any::<u8>(), 1..3000),
        size in 1usize..40,
        order in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let mut table = Table::default();
        let pieces: Vec<_> = content.chunks(size * 8).enumerate().collect();
        let last = pieces.len() - 1;
        let mut order: Vec<usize> = (0..pieces.len()).collect::<Vec<_>>().into_iter().map(|at| (at + order.index(pieces.len())) % pieces.len()).collect();
        order.sort_by_key(|at| (seed.rotate_left(*at as u32 * 7) ^ *at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut found = Vec::new();
        for at in order {
            let (index, bytes) = pieces[at];
            found.extend(table.add(1, (index * size * 8) as u32, index != last, bytes));
        }
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].bytes, &content);
    }

    #[test]
    fn random_fragments_never_break_the_books(
        fragments in prop::collection::vec((0u32..4, 0u32..9000, any::<bool>(), 0usize..3000, 0u32..100, -5i64..20), 0..200),
        max_bytes in 100usize..20_000,
    ) {
        let mut table = Table::new(FragmentLimits { max_bytes, max_datagrams: 3, ..FragmentLimits::default() });
        let zeros = [0; 3000];
        for (identification, offset, has_more, length, missing, step) in fragments {
            table.seconds += step;
            table.add_cut(identification, offset * 8, has_more, &zeros[..length], missing);
            prop_assert!(table.defragmenter.pending_bytes() <= max_bytes);
            prop_assert!(table.defragmenter.pending_datagrams() <= 3);
            while let Some(partial) = table.defragmenter.next_given_up() {
                prop_assert!(partial.is_partial && partial.bytes.len() + partial.missing as usize <= 65_535);
            }
        }
        table.defragmenter.finish(&mut table.loss);
        table.balance();
        prop_assert_eq!(table.defragmenter.pending_bytes(), 0);
    }
}
