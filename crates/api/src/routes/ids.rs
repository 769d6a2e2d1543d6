//! What a path names by its id.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use utoipa::IntoParams;

use crate::error::ApiError;
use crate::state::App;

/// An entry.
#[derive(Clone, Copy, Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EntryId {
    /// The id of the entry.
    pub id: u64,
}

/// A connection.
#[derive(Clone, Copy, Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ConnectionId {
    /// `conn_id` of an entry.
    pub id: u64,
}

impl FromRequestParts<App> for EntryId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<EntryId, ApiError> {
        Ok(EntryId { id: number(parts, "an entry").await? })
    }
}

impl FromRequestParts<App> for ConnectionId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<ConnectionId, ApiError> {
        Ok(ConnectionId { id: number(parts, "a connection").await? })
    }
}

/// The number `id` of a path, whatever else the path names.
async fn number(parts: &mut Parts, what: &str) -> Result<u64, ApiError> {
    let named = Path::<Vec<(String, String)>>::from_request_parts(parts, &()).await;
    let named = named.map_err(|error| ApiError::parameter("id", error.body_text()))?;
    let text = named.iter().find(|(name, _)| name == "id").map(|(_, text)| text.as_str()).unwrap_or_default();
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        ApiError::parameter("id", format!("{shown:?} is no id of {what}")).expected("a number")
    })
}
