//! Packets of an entry, of a connection, and of all that a filter meets: a part of the list of them, or a capture file.

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use super::ids::{ConnectionId, EntryId};
use super::reply;
use crate::access::Raw;
use crate::asked::Asked;
use crate::dto::{LossAnswer, PacketsAnswer};
use crate::engine::{PacketScope, PacketsRequest, PcapRequest};
use crate::error::ApiError;
use crate::limits::{DEFAULT_PACKETS, MAX_PACKETS};
use crate::openapi::FileBytes;
use crate::params::{OfSnapshot, PacketsParams, PcapParams, Selection};
use crate::refusals::{Always, Expired, Impossible, OfPackets, Queries};
use crate::state::{App, Selected, within};

/// The packets that carried an entry.
#[utoipa::path(
    get, path = "/api/v1/entries/{id}/packets", tag = "packets", operation_id = "listEntryPackets",
    params(EntryId, OfSnapshot, PacketsParams),
    responses((status = 200, description = "A part of the packets.", body = PacketsAnswer), OfPackets),
)]
pub(super) async fn of_entry(
    State(app): State<App>,
    _: Raw,
    EntryId { id }: EntryId,
    Asked(of, part): Asked<OfSnapshot, PacketsParams>,
) -> Result<Json<PacketsAnswer>, ApiError> {
    let scope = PacketScope::Entry { id, is_whole_connection: false };
    list(&app, of.snapshot, scope, &part).await
}

/// The packets that carried an entry, as a capture file.
#[utoipa::path(
    get, path = "/api/v1/entries/{id}/pcap", tag = "packets", operation_id = "saveEntryPackets",
    params(EntryId, OfSnapshot, PcapParams),
    responses(
        (status = 200, description = "A pcapng file.", content_type = "application/x-pcapng", body = inline(FileBytes)),
        OfPackets
    ),
)]
pub(super) async fn save_entry(
    State(app): State<App>,
    _: Raw,
    EntryId { id }: EntryId,
    Asked(of, pcap): Asked<OfSnapshot, PcapParams>,
) -> Result<Response, ApiError> {
    let scope = PacketScope::Entry { id, is_whole_connection: pcap.whole_connection.unwrap_or(false) };
    save(&app, &format!("entry-{id}"), PcapRequest { snapshot: of.snapshot, scope }).await
}

/// The packets of a connection.
#[utoipa::path(
    get, path = "/api/v1/connections/{id}/packets", tag = "packets", operation_id = "listConnectionPackets",
    params(ConnectionId, OfSnapshot, PacketsParams),
    responses((status = 200, description = "A part of the packets.", body = PacketsAnswer), OfPackets),
)]
pub(super) async fn of_connection(
    State(app): State<App>,
    _: Raw,
    ConnectionId { id }: ConnectionId,
    Asked(of, part): Asked<OfSnapshot, PacketsParams>,
) -> Result<Json<PacketsAnswer>, ApiError> {
    list(&app, of.snapshot, PacketScope::Connection(id), &part).await
}

/// The packets of a connection as a capture file.
#[utoipa::path(
    get, path = "/api/v1/connections/{id}/pcap", tag = "packets", operation_id = "saveConnectionPackets",
    params(ConnectionId, OfSnapshot),
    responses(
        (status = 200, description = "A pcapng file.", content_type = "application/x-pcapng", body = inline(FileBytes)),
        OfPackets
    ),
)]
pub(super) async fn save_connection(
    State(app): State<App>,
    _: Raw,
    ConnectionId { id }: ConnectionId,
    Asked(of, _): Asked<OfSnapshot>,
) -> Result<Response, ApiError> {
    let request = PcapRequest { snapshot: of.snapshot, scope: PacketScope::Connection(id) };
    save(&app, &format!("connection-{id}"), request).await
}

/// The packets of all entries that a filter meets, as a capture file.
#[utoipa::path(
    get, path = "/api/v1/pcap", tag = "packets", operation_id = "savePackets",
    params(Selection, PcapParams),
    responses(
        (status = 200, description = "A pcapng file.", content_type = "application/x-pcapng", body = inline(FileBytes)),
        Queries, Expired, Impossible, Always
    ),
)]
pub(super) async fn save_matching(
    State(app): State<App>,
    _: Raw,
    Asked(selection, pcap): Asked<Selection, PcapParams>,
) -> Result<Response, ApiError> {
    let selected = app.select(&selection)?;
    let is_whole_connection = pcap.whole_connection.unwrap_or(false);
    save_selected(&app, "packets", selected, is_whole_connection).await
}

/// The packets of what a filter meets, as a file.
pub(super) async fn save_selected(
    app: &App,
    name: &str,
    selected: Selected,
    is_whole_connection: bool,
) -> Result<Response, ApiError> {
    if !selected.filter.redactions().is_empty() {
        return Err(ApiError::parameter("filter", "redact() has no meaning for packets, which hold everything"));
    }
    let Selected { filter, window, snapshot, .. } = selected;
    let scope = PacketScope::Matching { filter, window, is_whole_connection };
    save(app, name, PcapRequest { snapshot, scope }).await
}

/// A capture file that is made while it is sent.
async fn save(app: &App, name: &str, request: PcapRequest) -> Result<Response, ApiError> {
    let bytes = app.export(app.engine.pcap(request).await?)?;
    reply::file(&format!("{name}.pcapng"), reply::PCAPNG, bytes).await
}

/// A part of a list of packets.
async fn list(
    app: &App,
    snapshot: Option<String>,
    scope: PacketScope,
    part: &PacketsParams,
) -> Result<Json<PacketsAnswer>, ApiError> {
    let limit = within("limit", part.limit, DEFAULT_PACKETS, MAX_PACKETS)?;
    let offset = part.offset.unwrap_or(0);
    let found = app.ask(app.engine.packets(PacketsRequest { snapshot, scope, offset, limit })).await?;
    Ok(Json(PacketsAnswer {
        next: found.has_more.then(|| offset.saturating_add(found.packets.len() as u64)),
        packets: found.packets,
        missing: found.missing,
        loss: LossAnswer::from(&found.loss),
    }))
}
