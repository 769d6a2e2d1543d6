//! HTTPS with certificates of our own on both sides.

use std::io::{self, BufReader};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::http::{self, Answer};
use super::plan::Pair;
use super::pool::{self, Pool};

/// Makes the certificates of a server and of its client.
pub(super) fn certificates(server_name: &str, client_name: &str) -> Result<(Pair, Pair)> {
    Ok((certificate(server_name)?, certificate(client_name)?))
}

fn certificate(name: &str) -> Result<Pair> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()])?;
    Ok(Pair { certificate: cert.der().to_vec(), key: signing_key.serialize_der() })
}

fn der(pair: &Pair) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    (pair.certificate.clone().into(), PrivatePkcs8KeyDer::from(pair.key.clone()).into())
}

fn trusting(pair: Option<&Pair>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(pair) = pair {
        roots.add(pair.certificate.clone().into())?;
    }
    Ok(roots)
}

/// A server that asks for the certificate of its client. The version is TLS 1.2, so that certificates can be seen.
pub(super) struct Server {
    config: Arc<ServerConfig>,
}

impl Server {
    pub(super) fn new(own: &Pair, client: &Pair) -> Result<Server> {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(trusting(Some(client))?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build()?;
        let (certificate, key) = der(own);
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate], key)?;
        Ok(Server { config: Arc::new(config) })
    }

    /// Serves connections of a listener by a function from method and target to an answer.
    pub(super) fn serve(&self, listener: &TcpListener, service: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) {
        let config = Arc::clone(&self.config);
        pool::serve(listener, move |stream| {
            let Ok(connection) = ServerConnection::new(Arc::clone(&config)) else { return };
            // A client that goes away is no matter.
            let _ = http::serve_stream(StreamOwned::new(connection, stream), &service);
        });
    }
}

/// A client of one server.
pub(super) struct Client {
    pool: Pool<BufReader<StreamOwned<ClientConnection, TcpStream>>>,
    host: &'static str,
}

impl Client {
    /// A client that trusts the server and shows its own certificate.
    pub(super) fn new(from: IpAddr, to: SocketAddr, host: &'static str, own: &Pair, server: &Pair) -> Result<Client> {
        let (certificate, key) = der(own);
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])?
            .with_root_certificates(trusting(Some(server))?)
            .with_client_auth_cert(vec![certificate], key)?;
        Client::with_config(from, to, host, config)
    }

    /// A client that trusts nobody: its handshakes end in an alert.
    pub(super) fn distrustful(from: IpAddr, to: SocketAddr, host: &'static str) -> Result<Client> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])?
            .with_root_certificates(trusting(None)?)
            .with_no_client_auth();
        Client::with_config(from, to, host, config)
    }

    fn with_config(from: IpAddr, to: SocketAddr, host: &'static str, config: ClientConfig) -> Result<Client> {
        let (config, name) = (Arc::new(config), ServerName::try_from(host).context("host name")?);
        let open = move || {
            let connection = ClientConnection::new(Arc::clone(&config), name.clone()).map_err(io::Error::other)?;
            Ok(BufReader::new(StreamOwned::new(connection, pool::connect(from, to)?)))
        };
        Ok(Client { pool: Pool::new(open), host })
    }

    /// Calls and gives the status.
    pub(super) fn call(&self, target: &str, body: &str) -> io::Result<u16> {
        self.pool.call(|stream| http::exchange(stream, "POST", target, self.host, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_trust_each_other_talk() {
        let (server, client) = certificates("payment.shop.test", "gateway.shop.test").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (at, here) = (listener.local_addr().unwrap(), IpAddr::from([127, 0, 0, 1]));
        let serving = Server::new(&server, &client).unwrap();
        std::thread::spawn(move || serving.serve(&listener, |_, _| Answer::new(200, "{}")));
        let trusting = Client::new(here, at, "payment.shop.test", &client, &server).unwrap();
        assert_eq!(trusting.call("/pay", "{}").unwrap(), 200);
        assert_eq!(trusting.call("/pay", "{}").unwrap(), 200);
        let distrustful = Client::distrustful(here, at, "payment.shop.test").unwrap();
        assert_eq!(distrustful.call("/pay", "{}").unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
