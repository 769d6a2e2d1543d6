//! Packets of an entry or connection, and the bytes of a connection.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of a list of packets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PacketsAnswer {
    /// The packets in the order of capture.
    pub packets: Vec<PacketInfo>,
    /// The `offset` of the next part; `null` at the end.
    #[schema(required = true)]
    pub next: Option<u64>,
    /// Packets that are known but can't be had any more (the ring is first in, first out).
    pub missing: u64,
    /// What was lost in the time of these packets.
    pub loss: super::LossAnswer,
}

/// A packet.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct PacketInfo {
    /// Its number in the file or data directory.
    pub number: u64,
    /// The time of capture.
    #[schema(format = "date-time")]
    pub time: String,
    /// The interface that it was seen on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Which way it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<StreamDirection>,
    /// Address and port of the sender.
    pub src: String,
    /// Address and port of the receiver.
    pub dst: String,
    /// The transport.
    #[schema(example = "tcp")]
    pub transport: String,
    /// TCP flags, one letter each (`SA` is SYN and ACK).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "PA")]
    pub flags: Option<String>,
    /// The TCP sequence number, relative to the first one of its direction that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The TCP acknowledgement number, relative in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<u64>,
    /// The TCP receive window as it stands in the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// Bytes of payload of the transport.
    pub payload_bytes: u32,
    /// Where the payload begins in `hex`, in bytes.
    pub payload_offset: u32,
    /// The length on the wire in bytes.
    pub wire_bytes: u32,
    /// The captured bytes in hexadecimal.
    pub hex: String,
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamDirection {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// A part of the reassembled bytes of a connection.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FollowAnswer {
    /// Address and port of the client.
    pub client: String,
    /// Address and port of the server.
    pub server: String,
    /// Bytes and gaps of both directions in the order in which they were seen.
    pub chunks: Vec<FollowChunk>,
    /// The `offset` of the next part; `null` at the end.
    #[schema(required = true)]
    pub next: Option<u64>,
    /// What is known of each direction: to the server, to the client.
    pub ends: Vec<StreamEnd>,
    /// What was lost in the time of the connection.
    pub loss: super::LossAnswer,
}

/// One direction of a connection.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StreamEnd {
    /// The direction.
    pub direction: StreamDirection,
    /// Bytes that can be had.
    pub bytes: u64,
    /// Bytes that never came or can't be had any more.
    pub gap_bytes: u64,
}

/// Bytes of a direction, or a gap in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FollowChunk {
    /// The direction.
    pub direction: StreamDirection,
    /// Bytes or a gap.
    pub kind: FollowChunkKind,
    /// Where it begins in its direction, in bytes from the first one seen.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
    /// The time of its first packet.
    #[schema(format = "date-time")]
    pub time: String,
    /// The number of its first packet.
    pub packet: u64,
    /// The bytes, where they are UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in base64, where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_b64: Option<String>,
}

/// What a part of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowChunkKind {
    /// Bytes.
    Data,
    /// Bytes that never came or can't be had any more.
    Gap,
}
