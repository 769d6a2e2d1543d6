//! The files of the dashboard, embedded where they were built.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;
use crate::guard::is_page;

/// The built dashboard; empty where it was not built.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// A file of the dashboard. Paths that are views of the page, not files, give the page itself.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    if !is_page(request.uri()) {
        return ApiError::not_found(format!("there is no {}", shown(path))).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let message = format!("{} can't be done here", request.method());
        let mut response = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message).into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
        return response;
    }
    let name = path.trim_start_matches('/');
    let is_file = name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    let found = if is_file { Files::get(name).map(|file| (name, file)) } else { None };
    let found = found.or_else(|| if is_file { None } else { Files::get(INDEX).map(|file| (INDEX, file)) });
    match found {
        Some((name, file)) => send(&request, name, file),
        None if !is_file || name == INDEX => Html(NOT_BUILT).into_response(),
        None => ApiError::not_found(format!("there is no {}", shown(path))).into_response(),
    }
}

fn send(request: &Request, name: &str, file: EmbeddedFile) -> Response {
    let tag = format!("\"{}\"", lanternfish_output::base64(&file.metadata.sha256_hash()));
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    // Files with a hash in their names never change.
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind(name))),
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    if request.headers().get(header::IF_NONE_MATCH) == Some(&tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, Body::from(file.data)).into_response()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn shown(path: &str) -> String {
    path.chars().take(100).collect()
}

const INDEX: &str = "index.html";
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Lanternfish</title>\
    <h1>The dashboard is not in this program</h1><p>It was built without the folder <code>web/dist</code>. \
    <code>make build</code> builds the dashboard first and the program with it.</p>\
    <p>The machine interface works: <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p></html>";
