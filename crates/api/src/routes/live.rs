//! The WebSocket for what happens now.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::StatusCode;
use axum::response::Response;

use crate::access::Payload;
use crate::asked::Asked;
use crate::error::ApiError;
use crate::limits::MAX_LIVE_MESSAGE_BYTES;
use crate::live::socket::{self, Start};
use crate::params::LiveParams;
use crate::refusals::{Always, Parameters};
use crate::state::App;

/// What happens now, over a WebSocket.
///
/// The server sends `LiveMessage`s as JSON texts; the client may send `LiveChange`s at any time. A filter that can't be used
/// is told as an error over the socket, and nothing is sent until there is one that can.
#[utoipa::path(
    get, path = "/api/v1/live", tag = "live", operation_id = "listen",
    params(LiveParams),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on."),
        (status = 426, description = "`upgrade_required`: the request does not ask for a WebSocket.", body = crate::dto::ErrorAnswer),
        Parameters, Always
    ),
)]
pub(super) async fn live(
    State(app): State<App>,
    _: Payload,
    Asked(params, _): Asked<LiveParams>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let start = Start::new(&app, &params)?;
    let upgrade = upgrade.map_err(|rejection| {
        ApiError::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", rejection.body_text())
            .hint("connect with a WebSocket client")
    })?;
    let upgrade = upgrade.max_message_size(MAX_LIVE_MESSAGE_BYTES).max_frame_size(MAX_LIVE_MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(move |socket| socket::serve(app, socket, start)))
}
