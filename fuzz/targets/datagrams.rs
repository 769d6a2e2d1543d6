//! Names learned from DNS answers, and datagrams of UDP and ICMP through probing.
//!
//! Input: the transport (1 byte), bytes cut by the capture (1), then the datagram.
#![no_main]

use lanternfish_dissect::{Arrival, Conversation, Desk};
use lanternfish_dissect::{Limits, MessagePool, Registry};
use lanternfish_dissectors::{PROTOCOLS, dns};
use lanternfish_fuzz::{Choices, table};
use lanternfish_model::{ConnectionFacts, Direction, Loss, PacketRef, Scope, Timestamp, Transport, Wants};
use lanternfish_testkit::endpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let transport = if choices.byte() & 1 == 0 { Transport::Udp } else { Transport::Icmp };
    let missing = u32::from(choices.byte());
    let bytes = choices.rest();
    let mut names = 0;
    dns::learn(bytes, |name, _| {
        assert!(name.len() <= 1024);
        names += 1;
    });
    assert!(names <= bytes.len());
    let packet = PacketRef { number: 1, time: Timestamp::from_parts(1_700_000_000, 0) };
    let facts = ConnectionFacts {
        id: 1,
        transport,
        client: endpoint("10.0.0.1:4000"),
        server: endpoint("10.0.0.2:53"),
        scope: Scope(0),
        first: packet,
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 0,
    };
    let registry = Registry::new(PROTOCOLS);
    let (limits, wants) = (Limits::default(), Wants::everything(table()));
    let (mut pool, mut messages, mut loss) = (MessagePool::default(), Vec::new(), Loss::default());
    let mut desk = Desk {
        registry: &registry,
        limits: &limits,
        wants: &wants,
        pool: &mut pool,
        messages: &mut messages,
        loss: &mut loss,
    };
    let mut conversation = Conversation::new(&facts, &registry);
    for direction in [Direction::ToServer, Direction::ToClient, Direction::ToServer] {
        let arrival = Arrival {
            direction,
            bytes,
            packet,
            fragments: &[],
            is_datagram: true,
            is_start: true,
            missing,
            quoted_connection: None,
        };
        conversation.data(&mut desk, &facts, &arrival);
    }
    conversation.close(&mut desk, &facts);
    assert_eq!(conversation.pending_bytes(), 0);
});
