//! Listens, and serves each connection within its limits.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, StatusCode};
use axum::middleware::from_fn_with_state;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower_http::compression::CompressionLayer;
use tower_service::Service;

use crate::access::Access;
use crate::assets;
use crate::engine::{Engine, Peer};
use crate::error::ApiError;
use crate::guard::{Link, guard};
use crate::limits::{HEAD_TIME, MAX_BODY_BYTES, MAX_CONNECTIONS, STALL_TIME, TLS_TIME, UPLOAD_BYTES};
use crate::stall::Stalling;
use crate::state::{App, Shared, stopped};

/// A server that is ready to listen.
pub struct Server {
    app: App,
    router: Router,
    tls: Option<TlsAcceptor>,
    stall_time: Duration,
    stop: watch::Sender<bool>,
}

/// Why the server can't listen.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {source}")]
pub struct ServeError {
    address: String,
    source: io::Error,
}

impl Server {
    /// A server for an engine. Without TLS it speaks HTTP.
    pub fn new(engine: Arc<dyn Engine>, access: Access, tls: Option<Arc<ServerConfig>>) -> Server {
        let (stop, stopping) = watch::channel(false);
        let app: App = Arc::new(Shared::new(engine, access, stopping));
        let router = router(&app);
        Server { app, router, tls: tls.map(TlsAcceptor::from), stall_time: STALL_TIME, stop }
    }

    /// Limits the size of files that clients send, instead of [`crate::limits::UPLOAD_BYTES`].
    pub fn with_upload_bytes(self, most: u64) -> Server {
        self.app.upload_bytes.store(most.min(UPLOAD_BYTES_MOST), std::sync::atomic::Ordering::Relaxed);
        self
    }

    /// Cuts clients off that leave bytes unread for so long, instead of [`crate::limits::STALL_TIME`].
    pub fn with_stall_time(self, stall_time: Duration) -> Server {
        Server { stall_time, ..self }
    }

    /// Serves what comes to the listeners until `stop` is ready; then lets connections finish for a moment.
    pub async fn serve(self, listeners: Vec<StdListener>, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let mut accepting = JoinSet::new();
        let server = Arc::new(self);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        for listener in listeners {
            let address = listener.local_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string());
            let listen = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
            let listener = listen.map_err(|source| ServeError { address, source })?;
            accepting.spawn(Arc::clone(&server).accept(listener, Arc::clone(&places)));
        }
        stop.await;
        accepting.abort_all();
        let _ = server.stop.send(true);
        let _ = timeout(STOP_TIME, places.acquire_many(MAX_CONNECTIONS as u32)).await;
        Ok(())
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, places: Arc<Semaphore>) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(_) => {
                    // Out of descriptors, most likely; it passes when connections end.
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                self.app.counters.refused_connection();
                continue;
            };
            let server = Arc::clone(&self);
            tokio::spawn(async move {
                server.connection(stream, peer).await;
                drop(place);
            });
        }
    }

    async fn connection(&self, stream: TcpStream, peer: SocketAddr) {
        let counters = Arc::clone(&self.app.counters);
        let _counted = counters.connection();
        let Ok(local) = stream.local_addr() else { return };
        let _ = stream.set_nodelay(true);
        let user = self.user(peer, local).await;
        let link = Link { peer, local, user, is_tls: self.tls.is_some() };
        let stream = Stalling::new(stream, self.stall_time, Arc::clone(&counters));
        match &self.tls {
            None => self.speak(stream, link).await,
            Some(tls) => match timeout(TLS_TIME, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream, link).await,
                Ok(Err(_)) => {}
                Err(_) => counters.slow_client(),
            },
        }
    }

    /// Whose socket it is; only asked where both ends are on the loopback.
    async fn user(&self, peer: SocketAddr, local: SocketAddr) -> Option<Peer> {
        let is_loopback = |address: SocketAddr| address.ip().to_canonical().is_loopback();
        if !is_loopback(peer) || !is_loopback(local) {
            return None;
        }
        let engine = Arc::clone(&self.app.engine);
        let found = tokio::task::spawn_blocking(move || engine.peer(peer, local)).await;
        Some(found.unwrap_or_default())
    }

    async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, link: Link) {
        let router = self.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(link);
            router.clone().call(request)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MAX_HEAD_BYTES);
        let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::pin!(connection);
        let mut stopping = self.stop.subscribe();
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if ended.is_err_and(|error| error.is_timeout()) {
            self.app.counters.slow_client();
        }
    }
}

/// All routes, with what stands before them.
fn router(app: &App) -> Router {
    let (routes, _) = crate::routes::all().split_for_parts();
    routes
        .fallback(assets::serve)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest))
        .layer(from_fn_with_state(Arc::clone(app), guard))
        .with_state(Arc::clone(app))
}

async fn method_not_allowed(request: axum::extract::Request) -> ApiError {
    let message = format!("{} can't be done here", request.method());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// The longest head of a request in bytes; longer ones are refused with 431.
const MAX_HEAD_BYTES: usize = 96 << 10;
/// How long connections may take to finish when the server stops.
const STOP_TIME: Duration = Duration::from_secs(2);
/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The most that uploads can be allowed.
const UPLOAD_BYTES_MOST: u64 = UPLOAD_BYTES * 64;
