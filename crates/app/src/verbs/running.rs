//! Requests to the instance that writes to a data directory.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use lanternfish_store::Store;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::exit::Failure;
use crate::instance::place::listening;

/// An instance that said where it listens; it may have ended since without taking that back.
pub(super) struct Running {
    url: String,
    /// None where it can't be reached in plain HTTP.
    address: Option<SocketAddr>,
}

/// How an answer that goes on ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// By a signal, or since nobody hears it any more.
    Stopped,
    /// By the instance.
    Ended,
}

/// What came of a request.
pub(super) enum Answer {
    /// It was done.
    Given(Value),
    /// Nobody listens.
    Nobody,
}

impl Running {
    /// The instance that a data directory tells of.
    pub(super) fn of(dir: &Path) -> Option<Running> {
        // After a crash the address stays behind, and anybody may listen there; the lock does not.
        let url = listening(dir).filter(|_| Store::is_written(dir))?;
        let address = url.strip_prefix("http://").and_then(|address| address.parse().ok());
        Some(Running { url, address })
    }

    /// The address of its dashboard.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether somebody listens at its address, in plain HTTP or TLS.
    pub(super) fn answers(&self) -> Result<bool, Failure> {
        let address = self.url.split_once("://").map_or(self.url.as_str(), |(_, address)| address);
        let connected = runtime()?.block_on(async { timeout(CONNECT_TIME, TcpStream::connect(address)).await });
        Ok(matches!(connected, Ok(Ok(_))))
    }

    /// Sends a request.
    pub(super) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let Some(address) = self.address else {
            let url = &self.url;
            return Err(Failure::Work(anyhow::anyhow!(
                "the instance at {url} speaks TLS: use its page, or its machine interface with a token"
            )));
        };
        let request = self.request(address, method, path, body).context("cannot make the request")?;
        runtime()?.block_on(self.send(address, request))
    }

    /// Hears the lines of an answer that goes on, until a signal comes or `hear` says that it is enough.
    pub(super) fn follow(
        &self,
        path: &str,
        stop: &AtomicBool,
        hear: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Followed, Failure> {
        let url = &self.url;
        let lost = |error: anyhow::Error| Failure::Work(error.context(format!("the instance at {url} broke off")));
        let address = self.address.ok_or_else(|| Failure::Work(anyhow::anyhow!("the instance at {url} speaks TLS")))?;
        let request = self.request(address, "GET", path, None).context("cannot make the request")?;
        runtime()?.block_on(async {
            let stream =
                timeout(CONNECT_TIME, TcpStream::connect(address)).await.map_err(|error| lost(error.into()))?;
            let stream = stream.map_err(|error| lost(error.into()))?;
            let (mut sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(|error| lost(error.into()))?;
            let talk = tokio::spawn(connection);
            let answer = sender.send_request(request).await.map_err(|error| lost(error.into()))?;
            let (status, mut body) = (answer.status(), answer.into_body());
            if !status.is_success() {
                let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(anyhow::Error::from_boxed)?;
                return Err(refusal(url, status, &serde_json::from_slice(&body.to_bytes()).unwrap_or_default()));
            }
            let mut line = Vec::new();
            let followed = loop {
                if stop.load(Ordering::Relaxed) {
                    break Followed::Stopped;
                }
                let Ok(frame) = timeout(LOOK_EVERY, body.frame()).await else { continue };
                let Some(Ok(frame)) = frame else { break Followed::Ended };
                let Ok(bytes) = frame.into_data() else { continue };
                if !each_line(&mut line, &bytes, hear).map_err(lost)? {
                    break Followed::Stopped;
                }
            };
            talk.abort();
            Ok(followed)
        })
    }

    fn request(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, address.to_string());
        if let Some(token) = std::env::var_os(TOKEN_VARIABLE).filter(|token| !token.is_empty()) {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.to_string_lossy().trim()));
        }
        Ok(match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(Full::from(body.to_string()))?,
            None => request.body(Full::default())?,
        })
    }

    async fn send(&self, address: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let url = &self.url;
        let stream = match timeout(CONNECT_TIME, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            // It ended without taking its address back.
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => return Ok(Answer::Nobody),
            Ok(Err(error)) => {
                return Err(Failure::Work(anyhow::anyhow!("cannot reach the instance at {url}: {error}")));
            }
            Err(_) => return Err(Failure::Work(anyhow::anyhow!("the instance at {url} does not answer"))),
        };
        let answered = timeout(ANSWER_TIME, async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let talk = tokio::spawn(connection);
            let (parts, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(anyhow::Error::from_boxed)?;
            talk.abort();
            anyhow::Ok((parts.status, body.to_bytes()))
        });
        let (status, body) = match answered.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Failure::Work(error.context(format!("the instance at {url} broke off")))),
            Err(_) => return Err(Failure::Work(anyhow::anyhow!("the instance at {url} does not answer"))),
        };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() { Ok(Answer::Given(body)) } else { Err(refusal(url, status, &body)) }
    }
}

/// Hears the lines that are whole, and keeps the rest; `false` where it is enough.
fn each_line(line: &mut Vec<u8>, bytes: &[u8], hear: &mut dyn FnMut(&[u8]) -> bool) -> anyhow::Result<bool> {
    for part in bytes.split_inclusive(|byte| *byte == b'\n') {
        line.extend_from_slice(part);
        if !part.ends_with(b"\n") {
            anyhow::ensure!(line.len() <= MAX_LINE_BYTES, "a line has more than {MAX_LINE_BYTES} bytes");
            continue;
        }
        if !hear(line) {
            return Ok(false);
        }
        line.clear();
    }
    Ok(true)
}

/// What an instance refused, with its own words.
fn refusal(url: &str, status: StatusCode, body: &Value) -> Failure {
    let word = |name: &str| body.get("error").and_then(|error| error.get(name)).and_then(Value::as_str);
    let message = word("message").map_or_else(|| status.to_string(), str::to_owned);
    let hint = match (word("code"), word("hint")) {
        (Some("token_required" | "token_wrong"), _) => format!(": set {TOKEN_VARIABLE} to its token"),
        (_, Some(hint)) => format!(": {hint}"),
        _ => String::new(),
    };
    Failure::Work(anyhow::anyhow!("the instance at {url} refused: {message}{hint}"))
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.context("cannot start a request")?)
}

/// The token for an instance that asks for one.
const TOKEN_VARIABLE: &str = "LANTERNFISH_TOKEN";
/// How long a connection may take: it goes to this machine.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// How long an answer may take: a snapshot of many gigabytes may have to be copied.
const ANSWER_TIME: Duration = Duration::from_secs(600);
/// How often it is looked whether a signal came.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest line of an answer that goes on: the queue of a live client, each byte of it escaped.
const MAX_LINE_BYTES: usize = 64 << 20;
/// The longest answer.
const MAX_ANSWER_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"one\n\ntwo\nrest";
        for size in 1..text.len() {
            let (mut line, mut heard) = (Vec::new(), Vec::new());
            let mut hear = |line: &[u8]| {
                heard.push(String::from_utf8(line.to_vec()).unwrap());
                true
            };
            for part in text.chunks(size) {
                assert!(each_line(&mut line, part, &mut hear).unwrap());
            }
            assert_eq!((heard, line.as_slice()), (vec!["one\n".into(), "\n".into(), "two\n".into()], &b"rest"[..]));
        }
        assert!(!each_line(&mut Vec::new(), b"enough\nmore\n", &mut |_| false).unwrap());
    }
}
