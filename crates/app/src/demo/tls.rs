//! HTTPS with certificates of our own on both sides.

use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::http::{self, Service};
use super::stop::Stop;

/// The configurations of both sides.
#[derive(Clone)]
pub(super) struct Mutual {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    /// A client that trusts nobody: its handshakes end in an alert.
    distrustful: Arc<ClientConfig>,
}

/// Certificates and keys of both sides, in DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Papers {
    pub(super) server: Vec<u8>,
    pub(super) server_key: Vec<u8>,
    pub(super) client: Vec<u8>,
    pub(super) client_key: Vec<u8>,
}

impl Papers {
    /// Makes certificates for a server and its client.
    pub(super) fn new(server_name: &str, client_name: &str) -> Result<Papers> {
        let (server, server_key) = certificate(server_name)?;
        let (client, client_key) = certificate(client_name)?;
        Ok(Papers { server, server_key, client, client_key })
    }
}

fn certificate(name: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()])?;
    Ok((cert.der().to_vec(), signing_key.serialize_der()))
}

fn key(der: &[u8]) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(der.to_vec()).into()
}

fn trusting(certificate: Option<&CertificateDer<'static>>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(certificate) = certificate {
        roots.add(certificate.clone())?;
    }
    Ok(roots)
}

impl Mutual {
    /// The configurations for certificates. The version is TLS 1.2, so that they can be seen.
    pub(super) fn new(papers: &Papers) -> Result<Mutual> {
        let (server, server_key) = (CertificateDer::from(papers.server.clone()), key(&papers.server_key));
        let (client, client_key) = (CertificateDer::from(papers.client.clone()), key(&papers.client_key));
        let provider = Arc::new(ring::default_provider());
        let versions = &[&rustls::version::TLS12];
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(trusting(Some(&client))?), provider.clone());
        let server_config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(verifier.build()?)
            .with_single_cert(vec![server.clone()], server_key)?;
        let client_config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)?
            .with_root_certificates(trusting(Some(&server))?)
            .with_client_auth_cert(vec![client], client_key)?;
        let distrustful = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_root_certificates(trusting(None)?)
            .with_no_client_auth();
        Ok(Mutual {
            server: Arc::new(server_config),
            client: Arc::new(client_config),
            distrustful: Arc::new(distrustful),
        })
    }

    /// Serves connections of a listener until it is stopped.
    pub(super) fn serve(&self, listener: &TcpListener, stop: &Stop, service: &Service) {
        while let Some(stream) = stop.accept(listener) {
            let (config, stop, service) = (Arc::clone(&self.server), stop.clone(), Arc::clone(service));
            thread::spawn(move || {
                let Ok(connection) = ServerConnection::new(config) else { return };
                // A client that goes away is no matter.
                let _ = http::serve_stream(StreamOwned::new(connection, stream), &stop, &service);
            });
        }
    }

    /// Calls once over a connection of its own.
    pub(super) fn call(
        &self,
        address: SocketAddr,
        host: &'static str,
        is_trusting: bool,
        target: &str,
        body: &str,
    ) -> Result<u16> {
        let config = if is_trusting { &self.client } else { &self.distrustful };
        let connection = ClientConnection::new(Arc::clone(config), ServerName::try_from(host).context("host name")?)?;
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        Ok(http::exchange(&mut stream, "POST", target, host, body)?)
    }
}
