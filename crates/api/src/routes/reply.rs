//! Answers that are not plain JSON of a type: ready-made bytes, and files that are made while they are sent.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, TryStreamExt};

use crate::engine::ByteStream;
use crate::error::ApiError;

/// JSON that is written already.
pub(super) fn json(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(JSON))], bytes).into_response()
}

/// A file that is made while it is sent; its first bytes are awaited, so that an early error has a status of its own.
pub(super) async fn file(name: &str, kind: &'static str, mut bytes: ByteStream) -> Result<Response, ApiError> {
    let first = bytes.next().await.transpose()?.unwrap_or_default();
    let first = futures::stream::iter([Ok(first)]);
    let body = Body::from_stream(first.chain(bytes.map_err(std::io::Error::other)));
    Ok(attachment(name, kind, body))
}

/// A file that is ready.
pub(super) fn whole_file(name: &str, kind: &'static str, bytes: Bytes) -> Response {
    attachment(name, kind, Body::from(bytes))
}

/// An answer that browsers save and never show.
pub(super) fn attachment(name: &str, kind: &'static str, body: Body) -> Response {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect();
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, disposition)];
    (StatusCode::OK, headers, body).into_response()
}

/// The type of pcapng files.
pub(super) const PCAPNG: &str = "application/x-pcapng";
/// The type of bytes that nobody should look into.
pub(super) const BYTES: &str = "application/octet-stream";
/// The type of JSON.
pub(super) const JSON: &str = "application/json";
