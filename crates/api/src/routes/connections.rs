//! Connections: the bytes that they carried.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures::stream;

use super::ids::ConnectionId;
use super::reply;
use crate::access::Raw;
use crate::asked::Asked;
use crate::dto::{FollowAnswer, LossAnswer, StreamDirection};
use crate::engine::{ChunkContent, EngineError, FollowPart, FollowRequest};
use crate::error::ApiError;
use crate::limits::{DEFAULT_FOLLOW_BYTES, MAX_FOLLOW_BYTES};
use crate::openapi::FileBytes;
use crate::params::{FollowParams, OfSnapshot, SaveParams};
use crate::refusals::OfPackets;
use crate::state::{App, within};

/// The reassembled bytes of both directions of a connection, gaps marked.
#[utoipa::path(
    get, path = "/api/v1/connections/{id}/stream", tag = "packets", operation_id = "followConnection",
    params(ConnectionId, OfSnapshot, FollowParams),
    responses((status = 200, description = "A part of the bytes.", body = FollowAnswer), OfPackets),
)]
pub(super) async fn follow(
    State(app): State<App>,
    _: Raw,
    ConnectionId { id }: ConnectionId,
    Asked(of, part): Asked<OfSnapshot, FollowParams>,
) -> Result<Json<FollowAnswer>, ApiError> {
    let request = FollowRequest {
        snapshot: of.snapshot,
        connection: id,
        direction: direction(part.direction.as_deref())?,
        offset: part.offset.unwrap_or(0),
        limit: within("limit", part.limit, DEFAULT_FOLLOW_BYTES, MAX_FOLLOW_BYTES)?,
    };
    let offset = request.offset;
    let found = app.ask(app.engine.follow(request)).await?;
    Ok(Json(FollowAnswer {
        next: found.has_more.then(|| offset.saturating_add(data_bytes(&found))),
        client: found.client,
        server: found.server,
        chunks: found.chunks.iter().map(|chunk| chunk.shown()).collect(),
        ends: found.ends,
        loss: LossAnswer::from(&found.loss),
    }))
}

/// The reassembled bytes of a connection as a file; gaps are left out.
#[utoipa::path(
    get, path = "/api/v1/connections/{id}/bytes", tag = "packets", operation_id = "saveConnectionBytes",
    params(ConnectionId, OfSnapshot, SaveParams),
    responses(
        (status = 200, description = "The bytes.", content_type = "application/octet-stream", body = inline(FileBytes)),
        OfPackets
    ),
)]
pub(super) async fn save(
    State(app): State<App>,
    _: Raw,
    ConnectionId { id }: ConnectionId,
    Asked(of, save): Asked<OfSnapshot, SaveParams>,
) -> Result<Response, ApiError> {
    let direction = direction(save.direction.as_deref())?;
    let limit = MAX_FOLLOW_BYTES as usize;
    let first = FollowRequest { snapshot: of.snapshot, connection: id, direction, offset: 0, limit };
    let part = app.ask(app.engine.follow(first.clone())).await?;
    let engine = std::sync::Arc::clone(&app.engine);
    let rest = stream::try_unfold((engine, first, Some(part)), |(engine, mut request, part)| async move {
        let part = match part {
            Some(part) => part,
            None => engine.follow(request.clone()).await?,
        };
        let bytes = joined(&part);
        if bytes.is_empty() {
            return Ok::<_, EngineError>(None);
        }
        request.offset = request.offset.saturating_add(bytes.len() as u64);
        let next = if part.has_more { None } else { Some(FollowPart::default()) };
        Ok(Some((bytes, (engine, request, next))))
    });
    let body = Body::from_stream(app.export(Box::pin(rest))?);
    let suffix = direction.map_or("both", name);
    Ok(reply::attachment(&format!("connection-{id}-{suffix}.bin"), reply::BYTES, body))
}

fn direction(value: Option<&str>) -> Result<Option<StreamDirection>, ApiError> {
    match value {
        None | Some("both") => Ok(None),
        Some("to_server") => Ok(Some(StreamDirection::ToServer)),
        Some("to_client") => Ok(Some(StreamDirection::ToClient)),
        Some(_) => {
            Err(ApiError::parameter("direction", "there is no such direction").expected("both, to_server or to_client"))
        }
    }
}

const fn name(direction: StreamDirection) -> &'static str {
    match direction {
        StreamDirection::ToServer => "to_server",
        StreamDirection::ToClient => "to_client",
    }
}

fn data_bytes(part: &FollowPart) -> u64 {
    let of = |content: &ChunkContent| match content {
        ChunkContent::Data(bytes) => bytes.len() as u64,
        ChunkContent::Gap(_) => 0,
    };
    part.chunks.iter().map(|chunk| of(&chunk.content)).sum()
}

fn joined(part: &FollowPart) -> Bytes {
    let mut out = Vec::new();
    for chunk in &part.chunks {
        if let ChunkContent::Data(bytes) = &chunk.content {
            out.extend_from_slice(bytes);
        }
    }
    out.into()
}
