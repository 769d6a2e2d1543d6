//! Reads parameters and bodies of requests, and refuses what nobody understands with words that help.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use lanternfish_output::nearest;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::error::ApiError;
use crate::limits::{MAX_BODY_BYTES, STALL_TIME};
use crate::params::Nothing;

/// The parameters of a request: two sets that are documented apart and stand in one query.
///
/// Names that neither set documents, and names given twice, are refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked<A, B = Nothing>(pub A, pub B);

impl<S, A, B> FromRequestParts<S> for Asked<A, B>
where
    S: Send + Sync,
    A: DeserializeOwned + IntoParams,
    B: DeserializeOwned + IntoParams,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        check_names(parts, &names::<A>().chain(names::<B>()).collect::<Vec<_>>())?;
        Ok(Asked(read(parts)?, read(parts)?))
    }
}

fn names<T: IntoParams>() -> impl Iterator<Item = String> {
    T::into_params(|| None).into_iter().map(|parameter| parameter.name)
}

fn read<T: DeserializeOwned>(parts: &Parts) -> Result<T, ApiError> {
    Query::<T>::try_from_uri(&parts.uri).map(|Query(value)| value).map_err(|rejection| {
        let text = rejection.body_text();
        let reason = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
        match reason.split_once(": ") {
            Some((name, reason)) => misread(parts, name, reason),
            None => ApiError::parameter("", reason),
        }
    })
}

/// The error for a value that is not of its type, with the value and what would have been right.
fn misread(parts: &Parts, name: &str, reason: &str) -> ApiError {
    let query = parts.uri.query().unwrap_or_default();
    let value = form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
    let value = value.map_or_else(String::new, |(_, value)| shown(&value));
    let (kind, expected) = match reason {
        _ if reason.contains("digit") || reason.contains("empty string") => ("no number", "a whole number"),
        _ if reason.contains("too large") => ("too large", "a smaller number"),
        _ if reason.contains("`true`") => ("neither true nor false", "true or false"),
        _ => return ApiError::parameter(name, reason),
    };
    ApiError::parameter(name, format!("{value:?} is {kind}")).expected(expected)
}

fn check_names(parts: &Parts, known: &[String]) -> Result<(), ApiError> {
    let query = parts.uri.query().unwrap_or_default();
    let mut seen: Vec<String> = Vec::new();
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        if !known.iter().any(|known| *known == name) {
            let names = || known.iter().map(String::as_str);
            let error = ApiError::parameter(&name, format!("unknown parameter {}", shown(&name)));
            return Err(match nearest(&name, names()) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None if known.is_empty() => error.expected("no parameters"),
                None => error.expected(names().collect::<Vec<_>>().join(", ")),
            });
        }
        if seen.iter().any(|seen| *seen == name) {
            return Err(ApiError::parameter(&name, format!("{} is given twice", shown(&name))));
        }
        seen.push(name.into_owned());
    }
    Ok(())
}

/// A name from a request, short enough to be shown.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// A body of JSON.
#[derive(Clone, Debug)]
pub(crate) struct Given<T>(pub T);

impl<S, T> FromRequest<S> for Given<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(axum::http::header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            let error = "the body must be JSON with the header content-type: application/json";
            return Err(ApiError::new(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_body", error));
        }
        let read = tokio::time::timeout(STALL_TIME, axum::body::Bytes::from_request(request, state)).await;
        let read = read.map_err(|_| {
            let error = "the body came too slowly";
            ApiError::new(axum::http::StatusCode::REQUEST_TIMEOUT, "body_timeout", error)
        })?;
        let bytes = read.map_err(|rejection| {
            if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                too_large(MAX_BODY_BYTES as u64)
            } else {
                ApiError::body("the body broke off")
            }
        })?;
        object(&bytes).map(Given)
    }
}

/// A JSON object. A list is none, although members of a type could be read from it in their order.
pub(crate) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::body("the body is no JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|error| ApiError::body(error.to_string()))
}

/// The error for a body over its limit.
pub(crate) fn too_large(limit_bytes: u64) -> ApiError {
    let message = format!("the body is larger than {limit_bytes} bytes");
    ApiError::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
}
