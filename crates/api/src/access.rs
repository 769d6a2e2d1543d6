//! Who is served, and what each may do.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::dto::ViewerStatus;
use crate::engine::AuditEvent;
use crate::error::ApiError;
use crate::limits::MAX_WRONG_TOKENS;
use crate::session::Sessions;
use crate::state::App;
use crate::token::Token;

/// Who is served.
#[derive(Debug, Default)]
pub struct Access {
    /// Names by which the server may be called, besides `localhost`, `127.0.0.1`, `[::1]` and its own address.
    pub hosts: Vec<String>,
    /// Tokens that open it.
    pub tokens: Vec<Token>,
    pub(crate) sessions: Sessions,
    pub(crate) attempts: Attempts,
}

impl Access {
    /// Access by these names and tokens.
    pub fn new(hosts: Vec<String>, tokens: Vec<Token>) -> Access {
        Access { hosts, tokens, sessions: Sessions::default(), attempts: Attempts::default() }
    }

    /// What the holder of a token may do; all tokens are compared, so that the time tells nothing.
    pub(crate) fn rights_of(&self, token: &str) -> Option<Rights> {
        let mut found = None;
        for known in &self.tokens {
            if known.hash.fits(token) {
                found = Some(known.rights);
            }
        }
        found
    }

    /// Whether the server may be called by a host (with or without a port).
    pub(crate) fn is_host(&self, host: &str, local: SocketAddr) -> bool {
        let Some(name) = host_name(host) else { return false };
        let is_local = |ip: IpAddr| ip.to_canonical() == local.ip().to_canonical();
        LOCAL_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
            || self.hosts.iter().any(|known| name.eq_ignore_ascii_case(known))
            || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(is_local)
    }
}

/// The name in a host with or without a port; `None` where it is no host.
fn host_name(host: &str) -> Option<&str> {
    let (name, port) = match host.rfind(':') {
        Some(at) if !host.ends_with(']') => (host.get(..at)?, host.get(at + 1..)?),
        _ => (host, ""),
    };
    let is_port = port.is_empty() || port.parse::<u16>().is_ok();
    let is_bare_v6 = name.contains(':') && !(name.starts_with('[') && name.ends_with(']'));
    (is_port && !is_bare_v6 && !name.is_empty()).then_some(name)
}

/// What somebody may do besides reading entries and figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// See packets and the bytes of streams, which hold secrets unredacted.
    pub raw: bool,
    /// Change what is captured, saved filters, snapshots and settings.
    pub control: bool,
}

impl Rights {
    /// All of them.
    pub const ALL: Rights = Rights { raw: true, control: true };
    /// None of them: entries and figures can be read.
    pub const READ: Rights = Rights { raw: false, control: false };
}

/// A right that a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Raw,
    Control,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewer {
    /// Why it is served.
    pub by: &'static str,
    pub uid: Option<u32>,
    pub peer: SocketAddr,
    pub rights: Rights,
}

impl Viewer {
    /// Refuses a viewer without a right.
    pub(crate) fn needs(&self, right: Right) -> Result<(), ApiError> {
        let (has, name) = match right {
            Right::Raw => (self.rights.raw, "raw"),
            Right::Control => (self.rights.control, "control"),
        };
        if has {
            return Ok(());
        }
        let message = format!("the right {name} is missing");
        Err(ApiError::new(StatusCode::FORBIDDEN, "right_missing", message))
    }

    pub(crate) fn shown(&self) -> ViewerStatus {
        let mut rights = vec!["read"];
        rights.extend(self.rights.raw.then_some("raw"));
        rights.extend(self.rights.control.then_some("control"));
        ViewerStatus { by: self.by, uid: self.uid, rights }
    }

    fn audit(&self, app: &App, parts: &Parts) {
        self.tell(app, parts.uri.path(), parts.uri.query().unwrap_or_default());
    }

    /// Tells the engine what the viewer did.
    pub(crate) fn tell(&self, app: &App, path: &str, query: &str) {
        app.engine.audit(AuditEvent { by: self.by, uid: self.uid, peer: self.peer, path, query });
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Viewer, ApiError> {
        // The guard lets no request pass without a viewer, but for the few routes that need none.
        parts.extensions.get::<Viewer>().copied().ok_or_else(|| ApiError::internal("nobody asks"))
    }
}

/// A viewer of payloads; the view is told to the engine.
pub(crate) struct Payload(pub Viewer);

impl FromRequestParts<App> for Payload {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Payload, ApiError> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        viewer.audit(app, parts);
        Ok(Payload(viewer))
    }
}

/// A viewer that may see packets; the view is told to the engine.
pub(crate) struct Raw;

impl FromRequestParts<App> for Raw {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Raw, ApiError> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        viewer.needs(Right::Raw)?;
        viewer.audit(app, parts);
        Ok(Raw)
    }
}

/// A viewer that may change things.
pub(crate) struct Control;

impl FromRequestParts<App> for Control {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Control, ApiError> {
        Viewer::from_request_parts(parts, app).await?.needs(Right::Control)?;
        Ok(Control)
    }
}

/// Wrong tokens by address: an address that tries too many is not listened to for a while.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Attempts {
    /// Whether an address tried too many.
    pub(crate) fn is_barred(&self, ip: IpAddr, now: Instant) -> bool {
        let Ok(attempts) = self.0.lock() else { return true };
        attempts.get(&ip).is_some_and(|(since, count)| *count >= MAX_WRONG_TOKENS && is_recent(*since, now))
    }

    /// Counts a wrong token.
    pub(crate) fn wrong(&self, ip: IpAddr, now: Instant) {
        let Ok(mut attempts) = self.0.lock() else { return };
        if attempts.len() >= MAX_ADDRESSES {
            attempts.retain(|_, (since, _)| is_recent(*since, now));
        }
        if attempts.len() >= MAX_ADDRESSES
            && let Some(oldest) = attempts.iter().min_by_key(|(_, (since, _))| *since).map(|(ip, _)| *ip)
        {
            attempts.remove(&oldest);
        }
        let (since, count) = attempts.entry(ip).or_insert((now, 0));
        if !is_recent(*since, now) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
    }
}

fn is_recent(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < ATTEMPTS_WINDOW
}

/// The time over which wrong tokens are counted.
const ATTEMPTS_WINDOW: Duration = Duration::from_secs(10);
/// The most addresses whose wrong tokens are counted.
const MAX_ADDRESSES: usize = 1024;
/// Names that always mean this machine.
const LOCAL_NAMES: &[&str] = &["localhost", "127.0.0.1", "[::1]"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_checked() {
        let access = Access::new(vec!["lantern.example.org".to_owned()], Vec::new());
        let local: SocketAddr = "192.0.2.7:8899".parse().unwrap();
        for (host, is_good) in [
            ("localhost", true),
            ("localhost:8899", true),
            ("LocalHost:1", true),
            ("127.0.0.1:65535", true),
            ("[::1]", true),
            ("[::1]:8899", true),
            ("lantern.example.org", true),
            ("Lantern.Example.org:443", true),
            ("192.0.2.7:8899", true),
            ("192.0.2.8:8899", false),
            ("evil.example.org", false),
            ("localhost.evil.example.org", false),
            ("127.0.0.1.evil.example.org", false),
            ("localhost:evil", false),
            ("localhost:99999", false),
            ("user@localhost", false),
            ("::1", false),
            ("[::2]:8899", false),
            ("", false),
            (":8899", false),
        ] {
            assert_eq!(access.is_host(host, local), is_good, "{host}");
        }
    }

    #[test]
    fn wrong_tokens_bar_an_address_for_a_while() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse::<IpAddr>().unwrap());
        for _ in 0..MAX_WRONG_TOKENS {
            assert!(!attempts.is_barred(a, now));
            attempts.wrong(a, now);
        }
        assert!(attempts.is_barred(a, now));
        assert!(!attempts.is_barred(b, now));
        assert!(!attempts.is_barred(a, now + ATTEMPTS_WINDOW));
        for number in 0..MAX_ADDRESSES as u32 + 10 {
            attempts.wrong(IpAddr::V4(number.into()), now);
        }
        assert!(attempts.0.lock().unwrap().len() <= MAX_ADDRESSES);
    }
}
