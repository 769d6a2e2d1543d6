//! What runs here, what was lost, and the interface itself.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::access::Viewer;
use crate::asked::Asked;
use crate::dto::{Health, LossAnswer, Status};
use crate::error::ApiError;
use crate::params::{Nothing, TimeRange};
use crate::refusals::{Always, Parameters, Queries};
use crate::state::App;
use crate::{metrics, time};

/// What was not seen or kept, in a window or since the start.
#[utoipa::path(
    get, path = "/api/v1/loss", tag = "status", operation_id = "readLoss",
    params(TimeRange),
    responses((status = 200, description = "LOSS.", body = LossAnswer), Queries, Always),
)]
pub(super) async fn loss(
    State(app): State<App>,
    Asked(range, _): Asked<TimeRange>,
) -> Result<Json<LossAnswer>, ApiError> {
    let (window, stored) = app.range(&range)?;
    let is_whole = window.from.is_none() && window.to.is_none() && range.snapshot.is_none();
    if is_whole {
        return Ok(Json(LossAnswer::from(app.engine.ledger().loss())));
    }
    Ok(Json(LossAnswer::from(&stored.loss(window))))
}

/// What runs here, what is watched, what can't be seen, and what is stored.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "status", operation_id = "readStatus",
    responses((status = 200, description = "The status.", body = Status), Parameters, Always),
)]
pub(super) async fn status(State(app): State<App>, viewer: Viewer, _: Asked<Nothing>) -> Json<Status> {
    let report = app.engine.report();
    Json(Status {
        version: report.version,
        node_name: report.node_name,
        started: time::text(report.started),
        now: time::text(app.engine.now()),
        source: report.source,
        watching: report.watching,
        dark: report.dark,
        is_redacting: report.is_redacting,
        recording: report.recording,
        memory: report.memory,
        rates: report.rates,
        clients: app.counters.status(),
        viewer: viewer.shown(),
        loss: LossAnswer::from(app.engine.ledger().loss()),
    })
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "status", operation_id = "readOpenApi",
    responses((status = 200, description = "The OpenAPI document.", body = serde_json::Value), Parameters, Always),
)]
pub(super) async fn openapi(State(app): State<App>, _: Asked<Nothing>) -> Json<utoipa::openapi::OpenApi> {
    Json(crate::openapi::document(app.table))
}

/// Whether the program answers. Needs no token.
#[utoipa::path(
    get, path = "/healthz", tag = "status", operation_id = "readHealth",
    responses((status = 200, description = "It answers.", body = Health)),
)]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Metrics for Prometheus, in the text format of OpenMetrics.
#[utoipa::path(
    get, path = "/metrics", tag = "status", operation_id = "readMetrics",
    responses((status = 200, description = "The metrics.", content_type = "application/openmetrics-text", body = String), Parameters, Always),
)]
pub(super) async fn metrics(State(app): State<App>, _: Asked<Nothing>) -> Result<Response, ApiError> {
    let text = metrics::text(&app).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(metrics::KIND))], text).into_response())
}
