//! The machine interface: HTTP and WebSocket, and the dashboard's files.
//!
//! [`serve`] answers requests from what an [`Engine`] knows and a [`Stored`] has kept. The whole interface is described by
//! the document of [`openapi::document`], which is made from the routes and types themselves.
//! There is no packet, dissector or file of the store in here: the program that implements [`Engine`] has them.

mod access;
mod asked;
mod assets;
mod counters;
pub mod dto;
mod engine;
mod error;
mod guard;
pub mod limits;
mod live;
mod metrics;
pub mod openapi;
pub mod params;
mod queried;
mod refusals;
mod routes;
mod server;
mod session;
mod stall;
mod state;
pub mod time;
mod tls;
mod token;
mod writers;

pub use access::{Access, Rights};
pub use engine::{
    AuditEvent, ByteStream, ChunkContent, Engine, EngineError, EngineFormat, EngineReport, ExportRequest, FollowPart,
    FollowRequest, PacketScope, PacketsPart, PacketsRequest, PcapRequest, Peer, SnapshotPlan, Stored, StreamChunk,
    Streamed,
};
pub use live::{LiveEntries, Publisher};
pub use queried::Queried;
pub use rustls::ServerConfig as TlsConfig;
pub use server::{ServeError, Server};
pub use tls::{TlsError, tls_config};
pub use token::{Token, TokenHash, new_token};
pub use writers::{JsonEntries, Projection};
