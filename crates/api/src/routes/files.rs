//! The capture files that are shown, and new ones that a client sends.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use futures::StreamExt;

use crate::access::Control;
use crate::asked::{Asked, too_large};
use crate::dto::{FileInfo, FilesAnswer};
use crate::engine::{ByteStream, EngineError};
use crate::error::ApiError;
use crate::limits::{MAX_NAME_BYTES, STALL_TIME};
use crate::openapi::FileBytes;
use crate::params::{Nothing, UploadParams};
use crate::refusals::{Always, Bodies, Impossible, Parameters};
use crate::state::App;

/// The capture files that are shown, and how far they are read.
#[utoipa::path(
    get, path = "/api/v1/files", tag = "files", operation_id = "listFiles",
    responses((status = 200, description = "The files.", body = FilesAnswer), Parameters, Always),
)]
pub(super) async fn list(State(app): State<App>, _: Asked<Nothing>) -> Json<FilesAnswer> {
    let upload_limit_bytes = app.upload_bytes.load(Ordering::Relaxed);
    Json(FilesAnswer { upload_limit_bytes, ..app.engine.files() })
}

/// Sends a capture file, which is then read and shown beside the others.
#[utoipa::path(
    post, path = "/api/v1/files", tag = "files", operation_id = "sendFile",
    params(UploadParams),
    request_body(content = inline(FileBytes), content_type = "application/octet-stream"),
    responses((status = 201, description = "The file was taken and is being read.", body = FileInfo), Bodies, Impossible, Always),
)]
pub(super) async fn upload(
    State(app): State<App>,
    _: Control,
    Asked(upload, _): Asked<UploadParams>,
    headers: axum::http::HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<FileInfo>), ApiError> {
    let name = upload.name.as_deref().unwrap_or_default().trim().to_owned();
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(
            ApiError::parameter("name", "the name can't be used").expected(format!("1 to {MAX_NAME_BYTES} bytes"))
        );
    }
    if !app.engine.files().is_upload_possible {
        let message = "files can be sent only where files are shown".to_owned();
        return Err(EngineError::NotPossible(message).into());
    }
    let limit_bytes = app.upload_bytes.load(Ordering::Relaxed);
    let told = headers.get(axum::http::header::CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()).and_then(|length| length.parse::<u64>().ok());
    if told.is_some_and(|length| length > limit_bytes) {
        return Err(too_large(limit_bytes));
    }
    let mut sum = 0u64;
    let bytes = body.into_data_stream().map(move |part| {
        let part = part.map_err(|error| EngineError::Unavailable(format!("the file broke off: {error}")))?;
        sum = sum.saturating_add(part.len() as u64);
        if sum > limit_bytes {
            return Err(EngineError::TooLarge { limit_bytes });
        }
        Ok(part)
    });
    let bytes: ByteStream = Box::pin(within_time(Box::pin(bytes)));
    Ok((StatusCode::CREATED, Json(app.engine.upload(&name, bytes).await?)))
}

/// Ends a stream that stalls.
fn within_time(bytes: ByteStream) -> impl futures::Stream<Item = Result<axum::body::Bytes, EngineError>> + Send {
    futures::stream::unfold(Some(bytes), |bytes| async move {
        let mut bytes = bytes?;
        match tokio::time::timeout(STALL_TIME, bytes.next()).await {
            Ok(Some(part)) => Some((part, Some(bytes))),
            Ok(None) => None,
            Err(_) => Some((Err(EngineError::Unavailable("the file came too slowly".to_owned())), None)),
        }
    })
}
