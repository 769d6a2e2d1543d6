//! The login page: a form without script, for browsers that come from elsewhere.

use std::time::Instant;

use axum::extract::rejection::FormRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::guard::Link;
use crate::session;
use crate::state::App;

/// Where to go after login.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Next {
    /// A path of this server.
    next: Option<String>,
}

/// The form of the login page.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct LoginForm {
    /// The token.
    token: String,
    /// Where to go then: a path of this server.
    #[serde(default)]
    next: String,
}

/// The login page.
#[utoipa::path(
    get, path = "/login", tag = "access", operation_id = "readLoginPage",
    params(Next),
    responses((status = 200, description = "A form that asks for the token.", content_type = "text/html", body = String)),
)]
pub(super) async fn page(Query(next): Query<Next>) -> Response {
    form(StatusCode::OK, next.next.as_deref().unwrap_or("/"), "")
}

/// Opens a session for the holder of a token.
#[utoipa::path(
    post, path = "/login", tag = "access", operation_id = "login",
    request_body(content = inline(LoginForm), content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "The session is open; its cookie is set."),
        (status = 401, description = "The token is not one of this server; the form again.", content_type = "text/html", body = String),
        (status = 429, description = "Too many wrong tokens were tried; the form again.", content_type = "text/html", body = String),
    ),
)]
pub(super) async fn login(
    State(app): State<App>,
    Extension(link): Extension<Link>,
    given: Result<Form<LoginForm>, FormRejection>,
) -> Result<Response, ApiError> {
    let Form(given) = given.map_err(|rejection| ApiError::body(rejection.body_text()))?;
    let now = Instant::now();
    let Link { peer, is_tls, .. } = link;
    if app.access.attempts.is_barred(peer.ip(), now) {
        return Ok(form(
            StatusCode::TOO_MANY_REQUESTS,
            &given.next,
            "Too many wrong tokens. Try again in ten seconds.",
        ));
    }
    let Some(rights) = app.access.rights_of(&given.token) else {
        app.access.attempts.wrong(peer.ip(), now);
        return Ok(form(StatusCode::UNAUTHORIZED, &given.next, "This is not a token of this server."));
    };
    let id = app.access.sessions.open(rights, now).ok_or_else(|| ApiError::internal("no session could be opened"))?;
    Ok(with_cookie(Redirect::to(local_path(&given.next)).into_response(), &session::cookie(&id, is_tls)))
}

/// Ends the session.
#[utoipa::path(
    post, path = "/logout", tag = "access", operation_id = "logout",
    responses((status = 303, description = "The session is over; its cookie is gone.")),
)]
pub(super) async fn logout(State(app): State<App>, Extension(link): Extension<Link>, request: Request) -> Response {
    if let Some(id) = session::id_of(request.headers()) {
        app.access.sessions.close(id);
    }
    with_cookie(Redirect::to(crate::guard::LOGIN).into_response(), &session::cookie("", link.is_tls))
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A path of this server, never another one's: two slashes or a backslash would name a host.
fn local_path(next: &str) -> &str {
    let is_local =
        next.starts_with('/') && !next.starts_with("//") && !next.contains('\\') && !next.contains(char::is_control);
    if is_local { next } else { "/" }
}

fn form(status: StatusCode, next: &str, message: &str) -> Response {
    let message = if message.is_empty() { String::new() } else { format!("<p role=\"alert\">{message}</p>") };
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Lanternfish</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body><main>\
         <h1>Lanternfish</h1><form method=\"post\" action=\"/login\">{message}\
         <label>Token <input name=\"token\" type=\"password\" required autofocus autocomplete=\"current-password\"></label>\
         <input type=\"hidden\" name=\"next\" value=\"{}\"><button>Open</button></form>\
         <p>The token was shown when the program started for the first time.</p></main></body></html>",
        escaped(local_path(next))
    );
    let hash = lanternfish_output::base64(&Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    (status, headers, page).into_response()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;color-scheme:light dark;margin:0;display:grid;place-items:center;\
    min-height:100vh}main{max-width:24rem;padding:1rem}label{display:block;margin-bottom:1rem}input,button{font:inherit;\
    width:100%;box-sizing:border-box;padding:.5rem}[role=alert]{color:#b00020}@media(prefers-color-scheme:dark){\
    [role=alert]{color:#ff8a80}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_gone_to() {
        for (next, path) in [
            ("/", "/"),
            ("/stream?filter=http", "/stream?filter=http"),
            ("", "/"),
            ("//evil.example.org", "/"),
            ("/\\evil.example.org", "/"),
            ("https://evil.example.org", "/"),
            ("/a\r\nset-cookie: x", "/"),
        ] {
            assert_eq!(local_path(next), path);
        }
    }
}
