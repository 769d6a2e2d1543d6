//! Settings, and sample traffic.

use axum::Json;
use axum::extract::State;

use crate::access::{Control, Viewer};
use crate::asked::{Asked, Given};
use crate::dto::{Deletes, DemoState, SettingsAnswer, SettingsChange};
use crate::error::ApiError;
use crate::params::Nothing;
use crate::refusals::{Always, Bodies, Impossible, Parameters};
use crate::state::App;

/// All settings, and where their values come from.
#[utoipa::path(
    get, path = "/api/v1/settings", tag = "control", operation_id = "readSettings",
    responses((status = 200, description = "The settings.", body = SettingsAnswer), Parameters, Always),
)]
pub(super) async fn show(State(app): State<App>, _: Asked<Nothing>) -> Json<SettingsAnswer> {
    Json(SettingsAnswer { settings: app.engine.settings(), deletes: Deletes::default() })
}

/// Changes settings that can be changed while the program runs, within a second; they are kept in the data directory. Nothing
/// is changed if one of them can't be. Who keeps less from now on deletes what is too old or too much: the answer says how
/// much, and `is_trial` asks for that without a change.
#[utoipa::path(
    put, path = "/api/v1/settings", tag = "control", operation_id = "changeSettings",
    request_body = SettingsChange,
    responses((status = 200, description = "The settings from now on.", body = SettingsAnswer), Bodies, Impossible, Always),
)]
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    _: Control,
    _: Asked<Nothing>,
    Given(change): Given<SettingsChange>,
) -> Result<Json<SettingsAnswer>, ApiError> {
    let known = app.engine.settings();
    for key in change.settings.keys() {
        match known.iter().find(|setting| setting.key == *key) {
            Some(setting) if setting.is_changeable => {}
            Some(setting) => {
                let error = ApiError::parameter(key, format!("{key} can't be changed while the program runs"));
                let hint = match setting.note.as_str() {
                    "" => "set it in lanternfish.toml and restart",
                    note => note,
                };
                return Err(error.hint(hint));
            }
            None => {
                let error = ApiError::parameter(key, "there is no such setting");
                let near = lanternfish_output::nearest(key, known.iter().map(|setting| setting.key.as_str()));
                return Err(match near {
                    Some(near) => error.hint(format!("did you mean {near}?")),
                    None => error,
                });
            }
        }
    }
    let deletes = app.engine.set_settings(&change.settings, change.is_trial).await?;
    if !change.is_trial {
        let values: Vec<String> = change.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        viewer.tell(&app, "/api/v1/settings", &values.join("&"));
    }
    Ok(Json(SettingsAnswer { settings: app.engine.settings(), deletes }))
}

/// Whether sample traffic runs.
#[utoipa::path(
    get, path = "/api/v1/demo", tag = "control", operation_id = "readDemo",
    responses((status = 200, description = "Whether it runs.", body = DemoState), Parameters, Always),
)]
pub(super) async fn demo(State(app): State<App>, _: Asked<Nothing>) -> Json<DemoState> {
    Json(app.engine.demo())
}

/// Starts or ends sample traffic on the loopback.
#[utoipa::path(
    put, path = "/api/v1/demo", tag = "control", operation_id = "changeDemo",
    request_body = DemoState,
    responses((status = 200, description = "Whether it runs.", body = DemoState), Bodies, Impossible, Always),
)]
pub(super) async fn set_demo(
    State(app): State<App>,
    _: Control,
    _: Asked<Nothing>,
    Given(demo): Given<DemoState>,
) -> Result<Json<DemoState>, ApiError> {
    Ok(Json(app.engine.set_demo(demo).await?))
}
