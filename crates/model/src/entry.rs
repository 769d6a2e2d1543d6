//! An entry: a pair, a one-way message, a connection or a flow, with who was at each end.
//!
//! It is the row that filters, output and columns read: values stay in their messages, nothing is copied.

use std::sync::Arc;

use crate::fields as f;
use crate::{
    ConnectionFacts, Endpoint, FieldId, FieldIndex, FieldTable, Identity, Message, Notes, Outcome, Place,
    ProtocolIndex, ResolutionStatus, Timestamp, Transport, Value, Values, WordClass,
};

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryClass {
    /// A call: a pair, a half pair or a one-way message.
    Call,
    /// A connection.
    Connection,
    /// A flow.
    Flow,
}

/// Which end is the local one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalSide {
    /// The client: always in files; live where only the client is on this node.
    Client,
    /// The server: live where it is on this node.
    Server,
}

/// How the packets were captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capture {
    /// Not known.
    #[default]
    Unspecified,
    /// A packet socket.
    AfPacket,
    /// eBPF, packets.
    Ebpf,
    /// eBPF, plaintext from a TLS library.
    EbpfTls,
    /// A capture file.
    File,
}

impl Capture {
    /// The value of `capture_source`.
    pub const fn name(self) -> &'static str {
        match self {
            Capture::Unspecified => "unspecified",
            Capture::AfPacket => "af_packet",
            Capture::Ebpf => "ebpf",
            Capture::EbpfTls => "ebpf_tls",
            Capture::File => "file",
        }
    }
    /// The value of `capture_backend`.
    pub const fn backend(self) -> &'static str {
        match self {
            Capture::EbpfTls => "ebpf",
            other => other.name(),
        }
    }
    /// The value of `capture_source_code`.
    pub const fn code(self) -> i64 {
        self as i64
    }
}

/// One end of an entry.
#[derive(Clone, Debug)]
pub struct Party {
    /// Address and port.
    pub endpoint: Endpoint,
    /// The process, where known.
    pub identity: Option<Arc<Identity>>,
    /// The DNS name by which this machine's clients know the address.
    pub dns: Option<Arc<str>>,
}

impl Party {
    /// A party of which nothing but the address is known.
    pub fn new(endpoint: Endpoint) -> Self {
        Party { endpoint, identity: None, dns: None }
    }

    fn name(&self) -> &str {
        match (&self.identity, &self.dns) {
            (Some(identity), _) if !identity.process_name.is_empty() => &identity.process_name,
            (_, Some(dns)) => dns,
            _ => "",
        }
    }
}

/// What all entries of a connection share.
#[derive(Clone, Debug)]
pub struct ConnectionContext {
    /// The facts of the connection.
    pub facts: ConnectionFacts,
    /// The flow that it belongs to; below 2^53.
    pub flow_id: u64,
    /// Which end is the local one.
    pub local: LocalSide,
    /// How it was captured.
    pub capture: Capture,
    /// Whether its packets can still be had.
    pub has_pcap: bool,
    /// The name of the capturing node; empty in files.
    pub node_name: Arc<str>,
    /// Common fields that are the same for all entries of the connection and have no member here
    /// (`stream`, `worker`, `tunnels`, `node_id`, `node_ip`), by the indexes of [`crate::fields`].
    pub values: Values,
}

/// A pair, a one-way message, a connection or a flow.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Unique in a file or data directory; below 2^53.
    pub id: u64,
    /// The protocol.
    pub protocol: ProtocolIndex,
    /// Call, connection or flow.
    pub class: EntryClass,
    /// The connection that carried it; for a flow, the last one of it.
    pub connection: Arc<ConnectionContext>,
    /// The client.
    pub src: Party,
    /// The server.
    pub dst: Party,
    /// The running number within its connection, from 0.
    pub index: u64,
    /// The time of its first packet.
    pub timestamp: Timestamp,
    /// From the first packet of the request to the last of the response, in ns; `None` for half pairs.
    pub elapsed_ns: Option<i64>,
    /// From the first packet of the request to the first of the response, in ns.
    pub first_byte_ns: Option<i64>,
    /// How it went.
    pub outcome: Outcome,
    /// The request, or the one-way message, or the values of a connection or flow.
    pub request: Option<Box<Message>>,
    /// The response.
    pub response: Option<Box<Message>>,
    /// Oddities of both halves.
    pub notes: Notes,
    /// Names seen in DNS for either end (`dns_resolutions`), where more than one is known; and other common list values,
    /// none of them shared by all calls of the connection.
    pub extra: Values,
}

impl Entry {
    /// The value of a field.
    pub fn value<'a>(&'a self, table: &'a FieldTable, field: FieldId) -> Value<'a> {
        match table.place(field) {
            Place::Common(index) => self.common(table, index),
            Place::Word { protocols, class } => {
                let is_protocol = protocols.contains(self.protocol);
                let is_class = match class {
                    WordClass::Any => true,
                    WordClass::Connection => self.class == EntryClass::Connection,
                    WordClass::Flow => self.class == EntryClass::Flow,
                };
                Value::Bool(is_protocol && is_class)
            }
            Place::Protocol => match table.local(self.protocol, field) {
                Some(index) => self.protocol_value(index),
                None => Value::Absent,
            },
        }
    }

    /// The value of a protocol's own field.
    pub fn protocol_value(&self, index: FieldIndex) -> Value<'_> {
        if let Some(message) = &self.request {
            let value = message.values.get(index);
            if value != Value::Absent {
                return value;
            }
        }
        match &self.response {
            Some(message) => message.values.get(index),
            None => Value::Absent,
        }
    }

    /// The values of request and response, one after the other.
    pub fn protocol_values(&self) -> impl Iterator<Item = (FieldIndex, Value<'_>)> {
        let halves = [&self.request, &self.response];
        halves.into_iter().flatten().flat_map(|message| Values::iter(&message.values))
    }

    /// The value of a common field; `Absent` where this entry has none.
    pub fn common<'a>(&'a self, table: &'a FieldTable, index: FieldIndex) -> Value<'a> {
        let (local, remote) = match self.connection.local {
            LocalSide::Client => (&self.src, &self.dst),
            LocalSide::Server => (&self.dst, &self.src),
        };
        match index {
            f::ID => Value::Int(self.id.cast_signed()),
            f::TIMESTAMP => Value::Time(self.timestamp),
            f::PROTOCOL => Value::Text(table.protocol_name(self.protocol)),
            f::SRC_IP => Value::Ip(self.src.endpoint.ip),
            f::SRC_PORT => Value::Int(i64::from(self.src.endpoint.port)),
            f::SRC_NAME => text(self.src.name()),
            f::SRC_DNS => optional(self.src.dns.as_deref()),
            f::SRC_PROCESS_NAME => identity(&self.src, |i| &i.process_name),
            f::SRC_PROCESS_PID => pid(&self.src),
            f::SRC_PROCESS_EXECUTABLE => identity(&self.src, |i| &i.executable),
            f::SRC_PROCESS_USER => identity(&self.src, |i| &i.user),
            f::SRC_CONTAINER_ID => identity(&self.src, |i| &i.container_id),
            f::DST_IP => Value::Ip(self.dst.endpoint.ip),
            f::DST_PORT => Value::Int(i64::from(self.dst.endpoint.port)),
            f::DST_NAME => text(self.dst.name()),
            f::DST_DNS => optional(self.dst.dns.as_deref()),
            f::DST_PROCESS_NAME => identity(&self.dst, |i| &i.process_name),
            f::DST_PROCESS_PID => pid(&self.dst),
            f::DST_PROCESS_EXECUTABLE => identity(&self.dst, |i| &i.executable),
            f::DST_PROCESS_USER => identity(&self.dst, |i| &i.user),
            f::DST_CONTAINER_ID => identity(&self.dst, |i| &i.container_id),
            f::NODE_NAME => text(&self.connection.node_name),
            f::LOCAL_PROCESS_NAME => identity(local, |i| &i.process_name),
            f::REMOTE_PROCESS_NAME => identity(remote, |i| &i.process_name),
            f::LOCAL_RESOLUTION_STATUS => status(local),
            f::REMOTE_RESOLUTION_STATUS => status(remote),
            f::ELAPSED_TIME => self.elapsed_ns.map_or(Value::Absent, |ns| Value::Int(ns / 1000)),
            f::TIME_TO_FIRST_BYTE => self.first_byte_ns.map_or(Value::Absent, |ns| Value::Int(ns / 1000)),
            f::STATUS_CODE => self.status_code().map_or(Value::Absent, Value::Int),
            f::OUTCOME => Value::Text(self.outcome.name()),
            f::INDEX => Value::Int(self.index.cast_signed()),
            f::CONN_ID => Value::Int(self.connection.facts.id.cast_signed()),
            f::FLOW_ID => Value::Int(self.connection.flow_id.cast_signed()),
            f::HAS_PCAP => Value::Bool(self.connection.has_pcap),
            f::CAPTURE_SOURCE => Value::Text(self.connection.capture.name()),
            f::CAPTURE_BACKEND => Value::Text(self.connection.capture.backend()),
            f::CAPTURE_SOURCE_CODE => Value::Int(self.connection.capture.code()),
            f::CONN => Value::Bool(self.class == EntryClass::Connection),
            f::FLOW => Value::Bool(self.class == EntryClass::Flow),
            f::REQUEST_BODY => body(&self.request),
            f::RESPONSE_BODY => body(&self.response),
            f::OUTGOING => Value::Bool(self.connection.local == LocalSide::Client),
            f::NOTES => self.notes.as_value(),
            other => match self.extra.get(other) {
                Value::Absent => self.connection.values.get(other),
                value => value,
            },
        }
    }

    /// The outcome as a number, from the response, else the request.
    pub fn status_code(&self) -> Option<i64> {
        let of = |message: &Option<Box<Message>>| message.as_ref().and_then(|m| m.status_code);
        of(&self.response).or(of(&self.request))
    }

    /// The transport under it.
    pub fn transport(&self) -> Transport {
        self.connection.facts.transport
    }
}

fn text(value: &str) -> Value<'_> {
    if value.is_empty() { Value::Absent } else { Value::Text(value) }
}

fn optional(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Absent, Value::Text)
}

fn identity(party: &Party, part: fn(&Identity) -> &String) -> Value<'_> {
    party.identity.as_deref().map_or(Value::Absent, |identity| text(part(identity)))
}

fn pid(party: &Party) -> Value<'_> {
    match party.identity.as_deref() {
        Some(identity) if identity.pid != 0 => Value::Int(i64::from(identity.pid)),
        _ => Value::Absent,
    }
}

fn status(party: &Party) -> Value<'_> {
    party.identity.as_deref().map_or(Value::Absent, |identity| match identity.status {
        ResolutionStatus::NotTried => Value::Absent,
        status => Value::Text(status.name()),
    })
}

fn body(message: &Option<Box<Message>>) -> Value<'_> {
    match message {
        Some(message) if message.body.is_present => match std::str::from_utf8(&message.body.bytes) {
            Ok(text) => Value::Text(text),
            Err(_) => Value::Bytes(&message.body.bytes),
        },
        _ => Value::Absent,
    }
}
