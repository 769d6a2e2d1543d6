//! One protocol of the table under the engine, with chunks in any order of directions, gaps and ends.
//!
//! `LANTERNFISH_PROTOCOL` names the protocol. Input: transport and way of probing (1 byte), then for each step what it
//! is (1), a length (2) and bytes. Half of the inputs skip the protocol's own probe, so that its dissector is reached
//! with bytes that it does not expect.
#![no_main]

use std::sync::LazyLock;

use lanternfish_dissect::{
    Answer, Arrival, Conversation, Desk, Dissector, Head, Limits, MessagePool, Probe, Protocol, Registry, Sender,
    Transports,
};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_fuzz::{Choices, table};
use lanternfish_model::{
    ConnectionFacts, Direction, Loss, PacketRef, ProtocolSpec, Scope, Timestamp, Transport, Wants,
};
use lanternfish_testkit::endpoint;
use libfuzzer_sys::fuzz_target;

/// A protocol that claims every connection, or none.
struct Forced {
    inner: &'static dyn Protocol,
    is_chosen: bool,
}

impl Protocol for Forced {
    fn spec(&self) -> &'static ProtocolSpec {
        self.inner.spec()
    }

    fn transports(&self) -> Transports {
        if self.is_chosen { self.inner.transports() } else { Transports::NONE }
    }

    fn probe(&self, _: &Head<'_>) -> Probe {
        Probe::Match(Sender::Unknown)
    }

    fn open(&self, facts: &ConnectionFacts) -> Box<dyn Dissector> {
        self.inner.open(facts)
    }
}

struct Setting {
    transports: Vec<Transport>,
    honest: Registry,
    forced: Registry,
    wants: Wants,
}

static SETTING: LazyLock<Setting> = LazyLock::new(|| {
    let name = std::env::var("LANTERNFISH_PROTOCOL").expect("LANTERNFISH_PROTOCOL names a protocol");
    let chosen = PROTOCOLS.iter().find(|protocol| protocol.spec().name == name).expect("a protocol of the table");
    let forced = PROTOCOLS.iter().map(|&inner| {
        let is_chosen = inner.spec().name == name;
        Box::leak(Box::new(Forced { inner, is_chosen })) as &'static dyn Protocol
    });
    let forced: &'static [&'static dyn Protocol] = Box::leak(forced.collect());
    let all = [Transport::Tcp, Transport::Udp, Transport::Sctp, Transport::Icmp];
    Setting {
        transports: all.into_iter().filter(|&transport| chosen.transports().contains(transport)).collect(),
        honest: Registry::new(PROTOCOLS),
        forced: Registry::new(forced),
        wants: Wants::everything(table()),
    }
});

fuzz_target!(|data: &[u8]| {
    let setting = &*SETTING;
    let mut choices = Choices(data);
    let way = choices.byte();
    let transport = setting.transports[usize::from(way & 3) % setting.transports.len()];
    let is_datagram = matches!(transport, Transport::Udp | Transport::Icmp);
    let registry = if way & 4 == 0 { &setting.honest } else { &setting.forced };
    let small = Limits {
        pending_bytes: 64,
        probe_bytes: 16,
        head_bytes: 40,
        body_bytes: 16,
        decoded_bytes: 16,
        items: 4,
        depth: 3,
        handoffs: 2,
    };
    let limits = if way & 8 == 0 { Limits::default() } else { small };
    let mut packet = PacketRef { number: 1, time: Timestamp::from_parts(1_700_000_000, 0) };
    let facts = ConnectionFacts {
        id: 1,
        transport,
        client: endpoint("10.0.0.1:4000"),
        server: endpoint("10.0.0.2:80"),
        scope: Scope(0),
        first: packet,
        is_midstream: way & 16 != 0,
        tunnels: Vec::new(),
        interface: 0,
    };
    let (mut pool, mut messages, mut loss) = (MessagePool::default(), Vec::new(), Loss::default());
    let mut conversation = Conversation::new(&facts, registry);
    let mut has_begun = [way & 16 != 0; 2];
    while !choices.is_empty() {
        let step = choices.byte();
        let length = choices.short();
        let mut desk = Desk {
            registry,
            limits: &limits,
            wants: &setting.wants,
            pool: &mut pool,
            messages: &mut messages,
            loss: &mut loss,
        };
        packet.number += u64::from(step & 64 == 0);
        packet.time = packet.time + 1000;
        let direction = if step & 1 == 0 { Direction::ToServer } else { Direction::ToClient };
        let side = direction.index();
        match step & 0x3e {
            0x02 if !is_datagram => {
                conversation.gap(&mut desk, &facts, direction, u64::from(length) + 1);
            }
            0x04 if !is_datagram => conversation.end(&mut desk, &facts, direction),
            kind => {
                let whole = choices.bytes(usize::from(length));
                // One byte at a time, or at once.
                let piece = if kind == 0x06 { 1 } else { whole.len().max(1) };
                for bytes in whole.chunks(piece) {
                    let arrival = Arrival {
                        direction,
                        bytes,
                        packet,
                        fragments: &[],
                        is_datagram,
                        is_start: !has_begun[side],
                        missing: if is_datagram { u32::from(step >> 7) } else { 0 },
                        quoted_connection: None,
                    };
                    has_begun[side] = true;
                    if conversation.data(&mut desk, &facts, &arrival) == Answer::Ignore {
                        break;
                    }
                }
            }
        }
        let bound = 2 * (limits.pending_bytes.max(limits.probe_bytes) + usize::from(u16::MAX));
        assert!(conversation.pending_bytes() <= bound, "{} bytes wait", conversation.pending_bytes());
        for message in messages.drain(..) {
            assert!(message.first.number <= packet.number && message.last.number <= packet.number);
            pool.give(message);
        }
    }
    let mut desk = Desk {
        registry,
        limits: &limits,
        wants: &setting.wants,
        pool: &mut pool,
        messages: &mut messages,
        loss: &mut loss,
    };
    conversation.close(&mut desk, &facts);
});
