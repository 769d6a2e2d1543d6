//! The server of the machine interface and the dashboard, on threads of its own.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use lanternfish_api::{Access, Engine, Rights, Server, TlsConfig, Token, TokenHash, new_token, tls_config};
use tokio::sync::oneshot;

use crate::cli::ServeArgs;
use crate::exit::Failure;
use crate::terminal::tell;

/// Sockets that listen, before anything is served.
pub(crate) struct Listening {
    listeners: Vec<TcpListener>,
    /// Their addresses.
    pub(crate) addresses: Vec<SocketAddr>,
    access: Access,
    tls: Option<Arc<TlsConfig>>,
}

/// A server that runs; it ends when it is dropped.
pub(crate) struct Serving {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    /// Listens as the command line says. `data_dir` holds the hash of the token.
    pub(crate) fn open(arguments: &ServeArgs, data_dir: &Path, node_name: &str) -> Result<Listening, Failure> {
        let tls = match (&arguments.tls_cert, &arguments.tls_key) {
            (Some(certificate), Some(key)) => Some(tls_config(certificate, key).map_err(anyhow::Error::from)?),
            (None, None) => None,
            _ => return Err(Failure::usage("--tls-cert and --tls-key go together")),
        };
        let mut listeners = Vec::new();
        let found = arguments.listen.to_socket_addrs();
        let found = found.map_err(|error| Failure::usage(format_args!("--listen {}: {error}", arguments.listen)))?;
        let mut last = None;
        for address in found.take(1) {
            match TcpListener::bind(address) {
                Ok(listener) => listeners.push(listener),
                Err(error) => last = Some(error),
            }
        }
        if let (Some(error), true) = (last, listeners.is_empty()) {
            let hint = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    ": another program, perhaps another lanternfish, listens there; --listen 127.0.0.1:0 takes a free port"
                }
                _ => "",
            };
            return Err(Failure::Work(anyhow::anyhow!("cannot listen on {}: {error}{hint}", arguments.listen)));
        }
        let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let is_open = addresses.iter().any(|address| !address.ip().is_loopback());
        let mut tokens = Vec::new();
        if let Some(path) = &arguments.token_file {
            tokens.push(Token { hash: given_token(path)?, rights: Rights::ALL });
        } else if is_open {
            tokens.push(Token { hash: kept_token(&data_dir.join("token"))?, rights: Rights::ALL });
        }
        if is_open && tls.is_none() {
            tell("lanternfish: what is served to other machines is not encrypted: see --tls-cert and --tls-key");
        }
        let hosts = [node_name.to_owned()].into_iter().filter(|name| !name.is_empty()).collect();
        Ok(Listening { listeners, addresses, access: Access::new(hosts, tokens), tls })
    }

    /// The address to open in a browser.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let address = self.addresses.first().map(|address| match address.ip().is_unspecified() {
            true => SocketAddr::new(std::net::Ipv4Addr::LOCALHOST.into(), address.port()),
            false => *address,
        });
        address.map_or_else(String::new, |address| format!("{scheme}://{address}"))
    }

    /// Serves an engine until the result is dropped.
    pub(crate) fn serve(self, engine: Arc<dyn Engine>) -> Result<Serving, Failure> {
        let server = Server::new(engine, self.access, self.tls);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(SERVER_THREADS)
            .thread_name("serve")
            .enable_all()
            .build()
            .context("cannot start the server")?;
        let listeners = self.listeners;
        let thread = std::thread::Builder::new().name("server".to_owned()).spawn(move || {
            let served = runtime.block_on(server.serve(listeners, async {
                let _ = stopped.await;
            }));
            if let Err(error) = served {
                tell(&format!("lanternfish: {error}"));
            }
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        });
        Ok(Serving { stop: Some(stop), thread: Some(thread.context("cannot start the server")?) })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The hash of the token that the user wrote to a file.
fn given_token(path: &Path) -> Result<TokenHash, Failure> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read the token of --token-file {}", path.display()))?;
    let length = text.trim().chars().count();
    if length < MIN_TOKEN_CHARS {
        let (path, advice) = (path.display(), "one that can't be guessed is made by: openssl rand -hex 32");
        return Err(Failure::usage(format_args!(
            "the token of --token-file {path} has {length} characters, and needs {MIN_TOKEN_CHARS} or more; {advice}"
        )));
    }
    Ok(TokenHash::of(&text))
}

/// The hash of the token that is kept in a file; where there is none, a new token is made and shown this once.
fn kept_token(path: &Path) -> Result<TokenHash, Failure> {
    if let Some(hash) = std::fs::read_to_string(path).ok().and_then(|text| TokenHash::from_text(&text)) {
        return Ok(hash);
    }
    let token = new_token().context("cannot make a token")?;
    let hash = TokenHash::of(&token);
    super::files::write_private(path, hash.to_text().as_bytes())
        .with_context(|| format!("cannot keep the token in {}", path.display()))?;
    tell(&format!("lanternfish: the token for other machines, shown this once: {token}"));
    Ok(hash)
}

/// The shortest token that is taken.
const MIN_TOKEN_CHARS: usize = 16;
/// Threads that answer requests; queries have their own.
const SERVER_THREADS: usize = 2;
