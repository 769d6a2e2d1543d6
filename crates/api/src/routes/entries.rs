//! Entries: pages of them, one of them, and its body.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use lanternfish_filter::Filter;
use lanternfish_model::{Body, Entry, Message};
use lanternfish_query::{Cursor, Page};

use super::ids::EntryId;
use super::reply;
use crate::access::Payload;
use crate::asked::Asked;
use crate::dto::{
    BodyFacts, ConnectionBrief, CostInfo, EntriesAnswer, EntriesRest, EntryDetail, ErrorAnswer, Half, LossAnswer,
};
use crate::engine::Stored;
use crate::error::ApiError;
use crate::limits::{DEFAULT_ENTRIES, MAX_ENTRIES, MAX_PAGE_BYTES};
use crate::openapi::FileBytes;
use crate::params::{OfSnapshot, PageParams, Selection};
use crate::refusals::{Always, OfOne, Queries};
use crate::state::{App, Shared, within};
use crate::time;
use crate::writers::Projection;

/// Entries that a filter meets, the newest first.
#[utoipa::path(
    get, path = "/api/v1/entries", tag = "entries", operation_id = "listEntries",
    params(Selection, PageParams),
    responses((status = 200, description = "A page.", body = EntriesAnswer), Queries, Always),
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Payload,
    Asked(selection, page): Asked<Selection, PageParams>,
) -> Result<Response, ApiError> {
    let selected = app.select(&selection)?;
    let projection = Projection::of(app.table, page.fields.as_deref(), page.bodies, &selected.filter)?;
    let limit = within("limit", page.limit, DEFAULT_ENTRIES, MAX_ENTRIES)?;
    let cursor = page.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let cursor = cursor.map(str::parse::<Cursor>).transpose()?;
    let query = selected.stored.entries(&selected.filter, selected.window, limit, cursor);
    let found = app.ask(query).await?;
    let shown = cursor.map_or(0, |cursor| cursor.shown);
    Ok(reply::json(write_page(&app, &selected.filter, &projection, found, shown)))
}

/// The JSON of a page; a page that grows too large ends early. `shown` entries were on the pages before it.
fn write_page(app: &Shared, filter: &Filter, projection: &Projection, mut page: Page, shown: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(page.entries.len().saturating_mul(GUESSED_ENTRY_BYTES));
    out.extend_from_slice(b"{\"entries\":[");
    app.writers.with(projection, |writer| {
        for (position, entry) in page.entries.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            writer.write(filter, entry, &mut out);
            if out.len() > MAX_PAGE_BYTES && position + 1 < page.entries.len() {
                let shown = shown.saturating_add(position as u64).saturating_add(1);
                page.next = Some(Cursor { time: entry.timestamp, id: entry.id, shown });
                break;
            }
        }
    });
    let rest = EntriesRest {
        next: page.next.map(|cursor| cursor.to_string()),
        loss: LossAnswer::from(&page.loss),
        took_ms: millis(page.cost.took),
        cost: CostInfo::from(&page.cost),
    };
    let rest = serde_json::to_vec(&rest).unwrap_or_default();
    out.extend_from_slice(b"],");
    out.extend_from_slice(rest.strip_prefix(b"{").unwrap_or(&rest));
    out
}

/// An entry.
#[utoipa::path(
    get, path = "/api/v1/entries/{id}", tag = "entries", operation_id = "readEntry",
    params(EntryId, OfSnapshot),
    responses(
        (status = 200, description = "The entry.", body = inline(crate::openapi::EntryObject)),
        (status = 404, description = "`not_found`: there is no such entry.", body = ErrorAnswer), OfOne
    ),
)]
pub(super) async fn one(
    State(app): State<App>,
    _: Payload,
    EntryId { id }: EntryId,
    Asked(of, _): Asked<OfSnapshot>,
) -> Result<Response, ApiError> {
    let entry = find(&app, id, &of).await?;
    Ok(reply::json(write_entry(&app, &entry)?))
}

/// An entry with the times and sizes of its halves, and its connection.
#[utoipa::path(
    get, path = "/api/v1/entries/{id}/detail", tag = "entries", operation_id = "readEntryDetail",
    params(EntryId, OfSnapshot),
    responses((status = 200, description = "The entry and what its fields do not tell.", body = EntryDetail), OfOne),
)]
pub(super) async fn detail(
    State(app): State<App>,
    _: Payload,
    EntryId { id }: EntryId,
    Asked(of, _): Asked<OfSnapshot>,
) -> Result<Json<EntryDetail>, ApiError> {
    let entry = find(&app, id, &of).await?;
    let text = String::from_utf8(write_entry(&app, &entry)?).map_err(|error| ApiError::internal(error.to_string()))?;
    let json = serde_json::value::RawValue::from_string(text).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut summary = String::new();
    app.summaries.write(&entry, &mut summary);
    let facts = &entry.connection.facts;
    Ok(Json(EntryDetail {
        entry: json,
        summary,
        request: entry.request.as_deref().map(half),
        response: entry.response.as_deref().map(half),
        connection: ConnectionBrief {
            id: facts.id,
            flow_id: entry.connection.flow_id,
            transport: facts.transport.name(),
            client: address(entry.src.endpoint),
            server: address(entry.dst.endpoint),
            opened: time::text(facts.first.time),
            is_midstream: facts.is_midstream,
            tunnels: facts.tunnels.clone(),
        },
    }))
}

/// The kept bytes of a body, decoded, as they are.
#[utoipa::path(
    get, path = "/api/v1/entries/{id}/body/{side}", tag = "entries", operation_id = "readBody",
    params(
        EntryId,
        ("side" = String, Path, description = "`request` or `response`."), OfSnapshot
    ),
    responses(
        (status = 200, description = "The bytes, to be saved and never shown as a page.", content_type = "application/octet-stream", body = inline(FileBytes)),
        OfOne
    ),
)]
pub(super) async fn body(
    State(app): State<App>,
    _: Payload,
    EntryId { id }: EntryId,
    Path((_, side)): Path<(String, String)>,
    Asked(of, _): Asked<OfSnapshot>,
) -> Result<Response, ApiError> {
    let entry = find(&app, id, &of).await?;
    let message = match side.as_str() {
        "request" => entry.request,
        "response" => entry.response,
        _ => return Err(ApiError::parameter("side", "there is no such side").expected("request or response")),
    };
    let body = message.map(|message| message.body).filter(|body| body.is_present);
    let body = body.ok_or_else(|| ApiError::not_found(format!("the {side} of entry {id} has no body")))?;
    Ok(reply::whole_file(&format!("{id}-{side}.bin"), reply::BYTES, body.bytes.into()))
}

async fn find(app: &App, id: u64, of: &OfSnapshot) -> Result<Entry, ApiError> {
    let stored: Arc<dyn Stored> = app.engine.stored(of.snapshot.as_deref())?;
    let entry = app.ask(stored.entry(id)).await?;
    entry.ok_or_else(|| ApiError::not_found(format!("there is no entry {id}")))
}

fn write_entry(app: &App, entry: &Entry) -> Result<Vec<u8>, ApiError> {
    let filter = app.filter(None)?;
    let mut out = Vec::with_capacity(GUESSED_ENTRY_BYTES);
    app.writers.with(&Projection::All, |writer| writer.write(&filter, entry, &mut out));
    Ok(out)
}

fn half(message: &Message) -> Half {
    Half {
        first_time: time::text(message.first.time),
        last_time: time::text(message.last.time),
        wire_bytes: message.wire_bytes,
        packets: message.packets.packet_count(),
        is_partial: message.is_partial,
        body: message.body.is_present.then(|| body_facts(&message.body)),
    }
}

fn body_facts(body: &Body) -> BodyFacts {
    BodyFacts {
        kept_bytes: body.bytes.len() as u64,
        wire_bytes: body.wire_bytes,
        is_cut: body.is_cut,
        is_text: std::str::from_utf8(&body.bytes).is_ok(),
    }
}

fn address(endpoint: lanternfish_model::Endpoint) -> String {
    std::net::SocketAddr::new(endpoint.ip, endpoint.port).to_string()
}

/// Whole milliseconds.
pub(super) fn millis(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// The room that is made for an entry before it is written.
const GUESSED_ENTRY_BYTES: usize = 1024;
