//! The files of the dashboard, embedded where they were built: each as it is, and compressed beside it where that is shorter.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;
use crate::guard::is_page;

/// The built dashboard; empty where it was not built. `build.rs` has the crate built anew when files come or go.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// A file of the dashboard. Paths that are views of the page, not files, give the page itself.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    if !is_page(request.uri()) {
        return missing(path);
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
        Some((name, _)) if name.ends_with(COMPRESSED) || name.starts_with('.') => missing(path),
        Some((name, file)) => send(&request, name, file),
        None if !is_file || name == INDEX => Html(NOT_BUILT).into_response(),
        None => missing(path),
    }
}

fn missing(path: &str) -> Response {
    ApiError::not_found(format!("there is no {}", shown(path))).into_response()
}

fn send(request: &Request, name: &str, file: EmbeddedFile) -> Response {
    let compressed = if accepts_gzip(request) { Files::get(&format!("{name}{COMPRESSED}")) } else { None };
    let is_compressed = compressed.is_some();
    let file = compressed.unwrap_or(file);
    let tag = format!("\"{}\"", lanternfish_output::base64(&file.metadata.sha256_hash()));
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    // Files with a hash in their names never change.
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind(name))),
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    let is_known = request.headers().get(header::IF_NONE_MATCH) == Some(&tag);
    let mut response = if is_known {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, Body::from(file.data)).into_response()
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_compressed && !is_known {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether the client takes gzip (RFC 9110, section 12.5.3). A client that refuses it by `q=0` gets the file as it is.
fn accepts_gzip(request: &Request) -> bool {
    let values = request.headers().get_all(header::ACCEPT_ENCODING);
    values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|item| {
        let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
        coding.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
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
/// What a compressed file has behind the name of the one that it stands for.
const COMPRESSED: &str = ".gz";
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Lanternfish</title>\
    <h1>The dashboard is not in this program</h1><p>It was built without the folder <code>web/dist</code>. \
    <code>make build</code> builds the dashboard first and the program with it.</p>\
    <p>The machine interface works: <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p></html>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_files_go_to_those_who_take_them() {
        let asking = |encodings: &str| {
            let request = Request::builder().header(header::ACCEPT_ENCODING, encodings).body(Body::empty());
            accepts_gzip(&request.expect("a request"))
        };
        assert!(asking("gzip, deflate, br") && asking("br;q=1.0, GZIP;q=0.8") && asking("gzip"));
        assert!(!asking("gzip;q=0") && !asking("br, deflate") && !asking("") && !asking("x-gzipped"));
        assert!(!accepts_gzip(&Request::new(Body::empty())));
    }

    #[test]
    fn a_compressed_file_holds_what_it_stands_for() {
        for name in Files::iter().filter_map(|name| name.strip_suffix(COMPRESSED).map(str::to_owned)) {
            let plain = Files::get(&name).expect("the file itself");
            let compressed = Files::get(&format!("{name}{COMPRESSED}")).expect("its compressed form");
            assert!(compressed.data.len() < plain.data.len(), "{name}");
            // RFC 1952, section 2.3.1: the last four bytes are the length of what is compressed.
            let length = compressed.data.last_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes));
            assert_eq!(length, Some(plain.data.len() as u32), "{name}");
        }
    }
}
