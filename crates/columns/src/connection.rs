//! What no field tells of a connection and of the processes at its ends, as compact bytes; entries share them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lanternfish_model::{
    ConnectionFacts, Endpoint, Entry, Identity, PacketRef, Party, ResolutionStatus, Scope, Timestamp, Transport,
};

use crate::varint::{self, Reader};

/// Writes what is known of an entry's connection and parties.
pub(crate) fn write(out: &mut Vec<u8>, entry: &Entry) {
    let facts = &entry.connection.facts;
    let ends = match (entry.src.endpoint, entry.dst.endpoint) {
        (src, dst) if src == facts.client && dst == facts.server => Ends::Same,
        (src, dst) if src == facts.server && dst == facts.client => Ends::Turned,
        _ => Ends::Own,
    };
    let transport = match facts.transport {
        Transport::Tcp => 0u8,
        Transport::Udp => 1,
        Transport::Sctp => 2,
        Transport::Icmp => 3,
    };
    out.push(transport | (ends as u8) << 2 | u8::from(facts.is_midstream) << 4);
    varint::put(out, u64::from(facts.scope.0));
    varint::put(out, u64::from(facts.interface));
    varint::put_signed(out, facts.first.time.ns());
    varint::put(out, facts.first.number);
    if ends == Ends::Own {
        endpoint(out, facts.client);
        endpoint(out, facts.server);
    }
    varint::put(out, facts.tunnels.len() as u64);
    facts.tunnels.iter().for_each(|tunnel| varint::put_bytes(out, tunnel.as_bytes()));
    for party in [&entry.src, &entry.dst] {
        let Some(identity) = &party.identity else {
            out.push(0);
            continue;
        };
        out.push(status_number(identity.status));
        varint::put(out, identity.network_namespace);
        varint::put_bytes(out, identity.cgroup.as_bytes());
    }
}

/// Reads it into facts whose `id` is known, and the parties whose endpoints are.
pub(crate) fn read(bytes: &[u8], facts: &mut ConnectionFacts, parties: [&mut Party; 2]) {
    let mut reader = Reader::new(bytes);
    let head = reader.byte();
    facts.transport = match head & 0b11 {
        0 => Transport::Tcp,
        1 => Transport::Udp,
        2 => Transport::Sctp,
        _ => Transport::Icmp,
    };
    facts.is_midstream = head >> 4 & 1 != 0;
    facts.scope = Scope(reader.number() as u32);
    facts.interface = reader.number() as u32;
    facts.first = PacketRef { time: Timestamp::from_ns(reader.signed()), number: reader.number() };
    let [src, dst] = parties;
    (facts.client, facts.server) = match head >> 2 & 0b11 {
        0 => (src.endpoint, dst.endpoint),
        1 => (dst.endpoint, src.endpoint),
        _ => (read_endpoint(&mut reader), read_endpoint(&mut reader)),
    };
    for _ in 0..reader.number().min(MAX_TUNNELS) {
        facts.tunnels.push(reader.text().to_owned());
    }
    for party in [src, dst] {
        let Some(status) = status_of(reader.byte()) else { continue };
        party.identity = Some(std::sync::Arc::new(Identity {
            status,
            network_namespace: reader.number(),
            cgroup: reader.text().to_owned(),
            ..Identity::default()
        }));
    }
}

/// How the parties stand to client and server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Same,
    Turned,
    /// Neither: client and server are written out.
    Own,
}

fn endpoint(out: &mut Vec<u8>, endpoint: Endpoint) {
    match endpoint.ip {
        IpAddr::V4(ip) => varint::put_bytes(out, &ip.octets()),
        IpAddr::V6(ip) => varint::put_bytes(out, &ip.octets()),
    }
    varint::put(out, u64::from(endpoint.port));
}

fn read_endpoint(reader: &mut Reader<'_>) -> Endpoint {
    let bytes = reader.bytes();
    let ip = match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(ip), _) => Ipv4Addr::from(ip).into(),
        (_, Ok(ip)) => Ipv6Addr::from(ip).into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    };
    Endpoint::new(ip, reader.number() as u16)
}

/// 0 stands for no identity at all.
const fn status_number(status: ResolutionStatus) -> u8 {
    match status {
        ResolutionStatus::NotTried => 1,
        ResolutionStatus::Resolved => 2,
        ResolutionStatus::NotLocal => 3,
        ResolutionStatus::ProcessEnded => 4,
        ResolutionStatus::NoPermission => 5,
        ResolutionStatus::KernelSocket => 6,
        ResolutionStatus::Unavailable => 7,
    }
}

const fn status_of(number: u8) -> Option<ResolutionStatus> {
    match number {
        1 => Some(ResolutionStatus::NotTried),
        2 => Some(ResolutionStatus::Resolved),
        3 => Some(ResolutionStatus::NotLocal),
        4 => Some(ResolutionStatus::ProcessEnded),
        5 => Some(ResolutionStatus::NoPermission),
        6 => Some(ResolutionStatus::KernelSocket),
        7 => Some(ResolutionStatus::Unavailable),
        _ => None,
    }
}

/// The most tunnels of a connection that are read.
const MAX_TUNNELS: u64 = 64;
