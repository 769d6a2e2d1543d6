//! What the detail of an entry knows beside its fields.

use serde::Serialize;
use utoipa::ToSchema;

/// An entry with what its fields do not tell; `entry` is written by the JSON writer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntryDetail {
    /// The entry.
    #[schema(schema_with = crate::openapi::entry_reference)]
    pub entry: Box<serde_json::value::RawValue>,
    /// What it is about, in one line and in the protocol's own words.
    #[schema(example = "GET /api/orders/17")]
    pub summary: String,
    /// The request, or the one-way message.
    #[schema(required = true)]
    pub request: Option<Half>,
    /// The response.
    #[schema(required = true)]
    pub response: Option<Half>,
    /// The connection that carried it.
    pub connection: ConnectionBrief,
}

/// One half of a pair.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Half {
    /// The time of the packet with its first byte.
    #[schema(format = "date-time")]
    pub first_time: String,
    /// The time of the packet with its last byte.
    #[schema(format = "date-time")]
    pub last_time: String,
    /// Its length on the wire in bytes.
    pub wire_bytes: u64,
    /// How many packets carried it.
    pub packets: u64,
    /// Whether a part of it is missing.
    pub is_partial: bool,
    /// Its body, where it has one.
    #[schema(required = true)]
    pub body: Option<BodyFacts>,
}

/// What was kept of a body.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BodyFacts {
    /// The kept bytes, decoded.
    pub kept_bytes: u64,
    /// The bytes on the wire, before decoding.
    pub wire_bytes: u64,
    /// Whether bytes are missing.
    pub is_cut: bool,
    /// Whether the kept bytes are UTF-8.
    pub is_text: bool,
}

/// The connection of an entry.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConnectionBrief {
    /// `conn_id`: the id in `/api/v1/connections/{id}/…`.
    pub id: u64,
    /// `flow_id`.
    pub flow_id: u64,
    /// The transport.
    #[schema(example = "tcp")]
    pub transport: &'static str,
    /// The client's address and port.
    #[schema(example = "10.0.0.7:50123")]
    pub client: String,
    /// The server's address and port.
    #[schema(example = "10.0.0.9:80")]
    pub server: String,
    /// The time of its first packet.
    #[schema(format = "date-time")]
    pub opened: String,
    /// Whether its beginning was not seen.
    pub is_midstream: bool,
    /// The outer headers of its tunnels, outermost first.
    pub tunnels: Vec<String>,
}
