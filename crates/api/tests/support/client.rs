//! A server on an ephemeral port of the loopback, and requests to it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lanternfish_api::{Access, Server};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::engine::{Shared, TestEngine};

/// A running server; it stops when it is dropped.
pub struct World {
    pub engine: Arc<TestEngine>,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
}

impl World {
    /// A server for everybody who is trusted.
    pub async fn start() -> World {
        World::with(TestEngine::new(), Access::default(), |server| server).await
    }

    /// A server for an engine.
    pub async fn with(engine: TestEngine, access: Access, change: impl FnOnce(Server) -> Server) -> World {
        let engine = Arc::new(engine);
        let server = Server::new(Arc::new(Shared(Arc::clone(&engine))), access, None);
        World::run(engine, change(server)).await
    }

    /// Runs a server.
    pub async fn run(engine: Arc<TestEngine>, server: Server) -> World {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            server.serve(vec![listener], stopped).await.unwrap();
        });
        World { engine, address, stop: Some(stop) }
    }

    /// Stops the server.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// A request by hand.
    pub fn request(&self, method: Method, target: &str) -> Ask {
        let request = Request::builder().method(method).uri(target).header("host", self.address.to_string());
        Ask { address: self.address, request: request.body(Full::default()).unwrap() }
    }

    /// Asks for something.
    pub async fn get(&self, target: &str) -> Answer {
        self.request(Method::GET, target).send().await
    }

    /// Sends JSON.
    pub async fn send(&self, method: Method, target: &str, body: &Value) -> Answer {
        self.request(method, target).json(body).send().await
    }
}

/// A request that is being made.
pub struct Ask {
    address: SocketAddr,
    request: Request<Full<Bytes>>,
}

impl Ask {
    /// Sets a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Ask {
        self.request.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    /// Removes a header.
    pub fn without(mut self, name: &'static str) -> Ask {
        self.request.headers_mut().remove(name);
        self
    }

    /// Sets a body.
    pub fn body(mut self, kind: &str, body: impl Into<Bytes>) -> Ask {
        *self.request.body_mut() = Full::new(body.into());
        self.header("content-type", kind)
    }

    /// Sets a body of JSON.
    pub fn json(self, body: &Value) -> Ask {
        self.body("application/json", body.to_string())
    }

    /// Sends it; the body of the answer is not read.
    pub async fn open(self) -> Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let answer = tokio::time::timeout(PATIENCE, sender.send_request(self.request)).await;
        answer.expect("an answer in time").unwrap()
    }

    /// Sends it and reads the answer.
    pub async fn send(self) -> Answer {
        let (parts, body) = self.open().await.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.expect("a body in time").unwrap().to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of an error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// No test waits longer.
pub const PATIENCE: Duration = Duration::from_secs(20);
