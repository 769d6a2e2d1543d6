//! Snapshots. They are browsed by the parameter `snapshot` of other requests.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::export::{self, Wanted};
use super::reply;
use crate::access::{Control, Raw};
use crate::asked::{Asked, Given};
use crate::dto::{Snapshot, SnapshotRequest, SnapshotsAnswer};
use crate::engine::SnapshotPlan;
use crate::error::ApiError;
use crate::limits::MAX_NAME_BYTES;
use crate::openapi::FileBytes;
use crate::params::{ArchiveParams, Nothing, Selection};
use crate::refusals::{Always, Bodies, Impossible, Parameters, Queries, Unknown};
use crate::state::App;

/// All snapshots, the newest first.
#[utoipa::path(
    get, path = "/api/v1/snapshots", tag = "snapshots", operation_id = "listSnapshots",
    responses((status = 200, description = "The snapshots.", body = SnapshotsAnswer), Parameters, Always),
)]
pub(super) async fn list(State(app): State<App>, _: Asked<Nothing>) -> Result<Json<SnapshotsAnswer>, ApiError> {
    Ok(Json(SnapshotsAnswer { snapshots: app.engine.snapshots().await? }))
}

/// Freezes a window, or what a filter meets in it: entries, identities, and packets where they are kept. It stays until it is
/// deleted.
#[utoipa::path(
    post, path = "/api/v1/snapshots", tag = "snapshots", operation_id = "createSnapshot",
    request_body = SnapshotRequest,
    responses((status = 201, description = "The snapshot; the header `location` names it.", body = Snapshot), Bodies, Impossible, Always),
)]
pub(super) async fn create(
    State(app): State<App>,
    _: Control,
    _: Asked<Nothing>,
    Given(request): Given<SnapshotRequest>,
) -> Result<Response, ApiError> {
    if request.name.len() > MAX_NAME_BYTES {
        return Err(
            ApiError::parameter("name", "the name is too long").expected(format!("at most {MAX_NAME_BYTES} bytes"))
        );
    }
    let plan = SnapshotPlan {
        name: request.name.trim().to_owned(),
        filter: app.filter(Some(&request.filter))?,
        is_filtered: request.is_filtered,
        window: app.window(request.from.as_deref(), request.to.as_deref())?,
        has_packets: request.packets.unwrap_or(true),
    };
    let snapshot = app.engine.create_snapshot(plan).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/snapshots/{}", snapshot.id));
    let mut response = (StatusCode::CREATED, Json(snapshot)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// A snapshot.
#[utoipa::path(
    get, path = "/api/v1/snapshots/{id}", tag = "snapshots", operation_id = "readSnapshot",
    params(("id" = String, Path, description = "The id of the snapshot.")),
    responses((status = 200, description = "The snapshot.", body = Snapshot), Unknown, Always),
)]
pub(super) async fn one(
    State(app): State<App>,
    Path(id): Path<String>,
    _: Asked<Nothing>,
) -> Result<Json<Snapshot>, ApiError> {
    Ok(Json(find(&app, &id).await?))
}

/// Deletes a snapshot.
#[utoipa::path(
    delete, path = "/api/v1/snapshots/{id}", tag = "snapshots", operation_id = "deleteSnapshot",
    params(("id" = String, Path, description = "The id of the snapshot.")),
    responses((status = 204, description = "It is deleted."), Unknown, Always),
)]
pub(super) async fn delete(
    State(app): State<App>,
    _: Control,
    Path(id): Path<String>,
    _: Asked<Nothing>,
) -> Result<StatusCode, ApiError> {
    app.engine.delete_snapshot(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A snapshot as a file: all of it as `tar`, or its entries or packets in one format.
#[utoipa::path(
    get, path = "/api/v1/snapshots/{id}/export", tag = "snapshots", operation_id = "exportSnapshot",
    params(("id" = String, Path, description = "The id of the snapshot."), ArchiveParams),
    responses(
        (status = 200, description = "The file.", content_type = "application/x-tar", body = inline(FileBytes)),
        Unknown, Queries, Impossible, Always
    ),
)]
pub(super) async fn export(
    State(app): State<App>,
    _: Raw,
    Path(id): Path<String>,
    Asked(archive, _): Asked<ArchiveParams>,
) -> Result<Response, ApiError> {
    let snapshot = find(&app, &id).await?;
    let format = archive.format.as_deref().unwrap_or(TAR);
    if format == TAR {
        let bytes = app.export(app.engine.archive_snapshot(&snapshot.id).await?)?;
        return reply::file(&format!("snapshot-{}.tar", snapshot.id), "application/x-tar", bytes).await;
    }
    let format = Wanted::of(format).ok_or_else(|| export::unknown_format(&[TAR]))?;
    let name = format!("snapshot-{}", snapshot.id);
    let selection = Selection { snapshot: Some(snapshot.id), ..Selection::default() };
    export::send(&app, &name, &selection, format, &Default::default()).await
}

async fn find(app: &App, id: &str) -> Result<Snapshot, ApiError> {
    let snapshots = app.engine.snapshots().await?;
    let found = snapshots.into_iter().find(|snapshot| snapshot.id == id);
    found.ok_or_else(|| {
        ApiError::not_found(format!("there is no snapshot {:?}", id.chars().take(64).collect::<String>()))
    })
}

/// The format that holds all of a snapshot.
const TAR: &str = "tar";
