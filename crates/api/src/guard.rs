//! What stands before every route: the host and origin that a request names, who asks, and the headers of every answer.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::access::{Rights, Viewer};
use crate::engine::Peer;
use crate::error::ApiError;
use crate::limits::MAX_URI_BYTES;
use crate::session;
use crate::state::App;

/// The connection that a request came over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// The address of the client.
    pub peer: SocketAddr,
    /// Our own.
    pub local: SocketAddr,
    /// Whose socket it is, where both ends are on the loopback.
    pub user: Option<Peer>,
    /// Whether it is TLS.
    pub is_tls: bool,
}

/// Checks a request, and dresses its answer.
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let is_page = is_page(request.uri());
    let mut response = match check(&app, &mut request) {
        Ok(()) => {
            prefer_plain(&mut request);
            next.run(request).await
        }
        Err(refusal) => *refusal,
    };
    app.counters.answer(response.status().as_u16());
    if matches!(response.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG) {
        app.counters.large_client();
    }
    if response.status() == StatusCode::REQUEST_TIMEOUT {
        app.counters.slow_client();
    }
    dress(response.headers_mut(), is_page);
    response
}

fn check(app: &App, request: &mut Request) -> Result<(), Box<Response>> {
    let refuse = |error: ApiError| Box::new(error.into_response());
    let Some(link) = request.extensions().get::<Link>().copied() else {
        return Err(refuse(ApiError::internal("the connection is not known")));
    };
    if request.uri().to_string().len() > MAX_URI_BYTES {
        let message = format!("the address is longer than {MAX_URI_BYTES} bytes");
        return Err(refuse(ApiError::new(StatusCode::URI_TOO_LONG, "too_large", message)));
    }
    if request.uri().path() == HEALTH {
        return Ok(());
    }
    let host = host(request).unwrap_or_default().to_owned();
    if !app.access.is_host(&host, link.local) {
        let message = format!("the host {:?} is not one of this server", shown(&host));
        let error = ApiError::new(StatusCode::FORBIDDEN, "host_not_allowed", message);
        return Err(refuse(error.hint("use localhost, or the address that the server listens on: names are refused that a foreign page could have chosen")));
    }
    check_origin(request, &host).map_err(refuse)?;
    match viewer(app, request.headers(), &link) {
        Ok(viewer) => {
            request.extensions_mut().insert(viewer);
            Ok(())
        }
        Err(_) if request.uri().path() == LOGIN => Ok(()),
        Err(error) if error.status == StatusCode::UNAUTHORIZED && wants_page(request) => {
            let next: String = form_urlencoded::byte_serialize(target(request.uri()).as_bytes()).collect();
            Err(Box::new(Redirect::to(&format!("{LOGIN}?next={next}")).into_response()))
        }
        Err(error) => Err(refuse(error)),
    }
}

/// A page of another origin may not talk to us: what it sends names that origin.
fn check_origin(request: &Request, host: &str) -> Result<(), ApiError> {
    let headers = request.headers();
    let refused = |what: String| Err(ApiError::new(StatusCode::FORBIDDEN, "origin_not_allowed", what));
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if !authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host)) {
            return refused(format!("the origin {:?} is not this server", shown(origin)));
        }
    }
    let is_unsafe = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        || headers.contains_key(header::UPGRADE);
    let site = headers.get(SEC_FETCH_SITE).and_then(|site| site.to_str().ok());
    if is_unsafe && site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return refused("the request comes from a page of another origin".to_owned());
    }
    Ok(())
}

fn viewer(app: &App, headers: &HeaderMap, link: &Link) -> Result<Viewer, ApiError> {
    let user = link.user.unwrap_or_default();
    let of = |by: &'static str, rights: Rights| Viewer { by, uid: user.uid, peer: link.peer, rights };
    let now = Instant::now();
    if let Some(token) = bearer(headers) {
        if app.access.attempts.is_barred(link.peer.ip(), now) {
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "too many wrong tokens");
            return Err(error.hint("try again in ten seconds"));
        }
        if let Some(rights) = app.access.rights_of(token) {
            return Ok(of("token", rights));
        }
        app.access.attempts.wrong(link.peer.ip(), now);
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "token_wrong", "the token is not one of this server"));
    }
    if let Some(rights) = session::id_of(headers).and_then(|id| app.access.sessions.rights_of(id, now)) {
        return Ok(of("session", rights));
    }
    match link.user {
        Some(Peer { is_trusted: true, .. }) => Ok(of("local user", Rights::ALL)),
        _ if !app.access.tokens.is_empty() => {
            let error = ApiError::new(StatusCode::UNAUTHORIZED, "token_required", "a token is needed");
            Err(error.hint("send the header authorization: Bearer TOKEN, or open /login"))
        }
        Some(Peer { uid: Some(uid), .. }) => Err(forbidden(format!("user {uid} of this machine is not served"))),
        Some(Peer { uid: None, .. }) => Err(forbidden("the user of this connection could not be found out".to_owned())),
        None => Err(forbidden("other machines are not served without a token".to_owned())),
    }
}

fn forbidden(message: String) -> ApiError {
    let error = ApiError::new(StatusCode::FORBIDDEN, "forbidden", message);
    error.hint("root, the user who started the program and its group are served; others need --token-file")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The host that a request names: its header, or the authority of HTTP/2.
fn host(request: &Request) -> Option<&str> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    match (headers.next(), headers.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, _) => request.uri().authority().map(|authority| authority.as_str()),
        _ => None,
    }
}

/// Compression costs more than loopback does.
fn prefer_plain(request: &mut Request) {
    let is_near = request.extensions().get::<Link>().is_some_and(|link| link.user.is_some());
    if is_near {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
}

fn wants_page(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    is_page(request.uri()) && *request.method() == Method::GET && accepts.contains("text/html")
}

fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

/// Whether a path is one of the dashboard, and not of the machine interface.
pub(crate) fn is_page(uri: &Uri) -> bool {
    let path = uri.path();
    !(path == "/api" || path.starts_with("/api/") || path == HEALTH || path == "/metrics")
}

/// Headers of every answer. Pages load from here alone, and nothing is kept but what has a name of its own.
fn dress(headers: &mut HeaderMap, is_page: bool) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = if is_page { PAGE_POLICY } else { DATA_POLICY };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

/// What pages may load: scripts, styles, fonts and data of this server. Editors and charts set styles on elements.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";
/// What data may load, should a browser show it: nothing.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
const HEALTH: &str = "/healthz";
/// The login page.
pub(crate) const LOGIN: &str = "/login";
const SEC_FETCH_SITE: &str = "sec-fetch-site";
