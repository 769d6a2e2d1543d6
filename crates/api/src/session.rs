//! Sessions of the login page: a random id in a cookie, its hash here. They end with the program.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use axum::http::{HeaderMap, header};

use crate::access::Rights;
use crate::limits::{MAX_SESSIONS, SESSION_TIME};
use crate::token::{TokenHash, new_token};

/// The sessions that are open.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<TokenHash, (Instant, Rights)>>);

impl Sessions {
    /// Opens a session; returns its id.
    pub(crate) fn open(&self, rights: Rights, now: Instant) -> Option<String> {
        let id = new_token()?;
        let mut sessions = self.0.lock().ok()?;
        sessions.retain(|_, (since, _)| now.saturating_duration_since(*since) < SESSION_TIME);
        if sessions.len() >= MAX_SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, (since, _))| *since).map(|(id, _)| *id)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(TokenHash::of(&id), (now, rights));
        Some(id)
    }

    /// What a session may do. The id is found by its hash, so that the time tells nothing of it.
    pub(crate) fn rights_of(&self, id: &str, now: Instant) -> Option<Rights> {
        let sessions = self.0.lock().ok()?;
        let (since, rights) = sessions.get(&TokenHash::of(id))?;
        (now.saturating_duration_since(*since) < SESSION_TIME).then_some(*rights)
    }

    /// Ends a session.
    pub(crate) fn close(&self, id: &str) {
        if let Ok(mut sessions) = self.0.lock() {
            sessions.remove(&TokenHash::of(id));
        }
    }
}

/// The id of the session in the cookies of a request.
pub(crate) fn id_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, id)| id)
}

/// The cookie that opens a session, or ends it where the id is empty.
pub(crate) fn cookie(id: &str, is_tls: bool) -> String {
    let age = if id.is_empty() { 0 } else { SESSION_TIME.as_secs() };
    let secure = if is_tls { "; Secure" } else { "" };
    format!("{COOKIE}={id}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
}

/// The name of the cookie.
pub(crate) const COOKIE: &str = "lanternfish_session";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_end() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let id = sessions.open(Rights::ALL, now).unwrap();
        assert_eq!(sessions.rights_of(&id, now), Some(Rights::ALL));
        assert_eq!(sessions.rights_of(&id[1..], now), None);
        assert_eq!(sessions.rights_of(&id, now + SESSION_TIME), None);
        sessions.close(&id);
        assert_eq!(sessions.rights_of(&id, now), None);
        for _ in 0..MAX_SESSIONS + 3 {
            sessions.open(Rights::READ, now);
        }
        assert_eq!(sessions.0.lock().unwrap().len(), MAX_SESSIONS);
    }

    #[test]
    fn the_id_is_found_among_cookies() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=b; lanternfish_session=lf_1; c=d".parse().unwrap());
        assert_eq!(id_of(&headers), Some("lf_1"));
        assert_eq!(id_of(&HeaderMap::new()), None);
    }
}
