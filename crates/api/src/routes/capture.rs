//! What is captured, and how that is changed.

use axum::Json;
use axum::extract::State;

use crate::access::Control;
use crate::asked::{Asked, Given};
use crate::dto::{CaptureChange, CaptureChoices, CaptureSettings, Target, TargetKind};
use crate::error::ApiError;
use crate::limits::MAX_NAME_BYTES;
use crate::params::Nothing;
use crate::refusals::{Always, Bodies, Impossible, Parameters};
use crate::state::App;

/// What is captured.
#[utoipa::path(
    get, path = "/api/v1/capture", tag = "control", operation_id = "readCapture",
    responses((status = 200, description = "What is captured.", body = CaptureSettings), Parameters, Always),
)]
pub(super) async fn show(State(app): State<App>, _: Asked<Nothing>) -> Json<CaptureSettings> {
    Json(app.engine.capture())
}

/// Changes what is captured, within a second and without a restart. What is left out stays as it is.
#[utoipa::path(
    put, path = "/api/v1/capture", tag = "control", operation_id = "changeCapture",
    request_body = CaptureChange,
    responses((status = 200, description = "What is captured from now on.", body = CaptureSettings), Bodies, Impossible, Always),
)]
pub(super) async fn change(
    State(app): State<App>,
    _: Control,
    _: Asked<Nothing>,
    Given(change): Given<CaptureChange>,
) -> Result<Json<CaptureSettings>, ApiError> {
    check(&app, &change)?;
    Ok(Json(app.engine.set_capture(change).await?))
}

/// What could be captured on this machine: interfaces, processes, containers, ports.
#[utoipa::path(
    get, path = "/api/v1/capture/choices", tag = "control", operation_id = "listCaptureChoices",
    responses((status = 200, description = "The choices.", body = CaptureChoices), Parameters, Impossible, Always),
)]
pub(super) async fn choices(State(app): State<App>, _: Asked<Nothing>) -> Result<Json<CaptureChoices>, ApiError> {
    Ok(Json(app.engine.capture_choices().await?))
}

fn check(app: &App, change: &CaptureChange) -> Result<(), ApiError> {
    for name in change.protocols.iter().flatten().map(|(name, _)| name) {
        if app.table.find_protocol(name).is_none() {
            let names = || app.table.protocols().iter().map(|spec| spec.name);
            let error = ApiError::parameter("protocols", format!("unknown protocol {}", shown(name)));
            return Err(match lanternfish_output::nearest(name, names()) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.expected(names().collect::<Vec<_>>().join(", ")),
            });
        }
    }
    let lists = [change.interfaces.as_ref().map_or(0, Vec::len), change.targets.as_ref().map_or(0, Vec::len)];
    if lists.iter().any(|length| *length > MAX_CHOSEN) {
        return Err(ApiError::body("too many interfaces or targets").expected(format!("at most {MAX_CHOSEN}")));
    }
    for name in change.interfaces.iter().flatten() {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(ApiError::parameter("interfaces", format!("{:?} is no interface", shown(name))));
        }
    }
    change.targets.iter().flatten().try_for_each(check_target)
}

fn check_target(target: &Target) -> Result<(), ApiError> {
    let is_good = match target.kind {
        TargetKind::Port => target.value.parse::<u16>().is_ok_and(|port| port > 0),
        TargetKind::Process | TargetKind::Container => (1..=MAX_NAME_BYTES).contains(&target.value.trim().len()),
    };
    if is_good {
        return Ok(());
    }
    let expected = match target.kind {
        TargetKind::Port => "a port from 1 to 65535",
        TargetKind::Process => "the name or number of a process",
        TargetKind::Container => "the id of a container",
    };
    Err(ApiError::parameter("targets", format!("{:?} can't be a target", shown(&target.value))).expected(expected))
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// The most interfaces, and the most targets.
const MAX_CHOSEN: usize = 1000;
