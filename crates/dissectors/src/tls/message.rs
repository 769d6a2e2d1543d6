//! One exchange of hellos: the two messages while they are held, and what both sides said so far.
//!
//! The messages are held until no more of the handshake is in clear, because a certificate or an alert may still come.

use std::borrow::Cow;

use lanternfish_dissect::Out;
use lanternfish_model::{ListBuffer, Message, Outcome, Values};

use super::certificate::{Leaf, chain, responder_certificates, serial};
use super::ciphers::{cipher_name, is_signalling, weaknesses};
use super::fields as f;
use super::fingerprint::{hex, ja3, ja3s, ja4};
use super::hello::{ClientHello, ServerHello};
use super::names::{Group, Version, alert_name, is_deprecated, is_grease, is_tls13, version_name};
use super::reader::Reader;

/// A ClientHello, the ServerHello that answers it, and what follows in clear.
#[derive(Default)]
pub struct Exchange {
    /// The client's message.
    pub request: Option<Box<Message>>,
    /// The server's message.
    pub response: Option<Box<Message>>,
    /// Whether the ServerHello was seen.
    pub has_server_hello: bool,
    /// Whether nothing more can be learned.
    pub is_complete: bool,
    /// Whether the server's first flight went past the hello: certificates, keys, or its end.
    pub is_full: bool,
    /// Whether the server asked for a certificate.
    pub is_certificate_requested: bool,
    server_name: Vec<u8>,
    alpn: Vec<u8>,
    version: Option<u16>,
    cipher: Option<u16>,
    group: Option<u16>,
    has_pre_shared_key: bool,
    is_retry: bool,
    server_serials: ListBuffer,
    client_serials: ListBuffer,
    server_leaf: Option<Leaf>,
    server_sha256: String,
    client_leaf: Option<Leaf>,
    has_client_certificate: Option<bool>,
    alert: Option<(u8, u8)>,
}

impl Exchange {
    /// Bytes of memory that it takes.
    pub fn footprint_bytes(&self) -> usize {
        let messages = self.request.iter().chain(&self.response).map(|message| message.footprint_bytes());
        let names = self.server_name.capacity().saturating_add(self.alpn.capacity());
        messages.fold(size_of::<Self>().saturating_add(names), usize::saturating_add)
    }

    /// Takes up a ClientHello.
    pub fn client_hello(&mut self, hello: &ClientHello<'_>, out: &Out<'_>) {
        self.version = Some(hello.newest_version());
        self.server_name.extend_from_slice(hello.extensions.server_name().unwrap_or_default());
        self.alpn.extend_from_slice(hello.extensions.alpn().next().unwrap_or_default());
        let Some(message) = &mut self.request else { return };
        if hello.is_cut {
            message.is_partial = true;
            message.note("the end of the ClientHello is missing");
        }
        if hello.is_sslv2 {
            message.note("ClientHello in the form of SSL 2.0");
        }
        let values = &mut message.values;
        if !self.server_name.is_empty() {
            values.text(f::SERVER_NAME, &self.server_name);
        }
        if !hello.is_cut && !hello.is_sslv2 && out.wants(f::JA3) {
            values.text(f::JA3, ja3(hello).as_bytes());
        }
        if !hello.is_cut && !hello.is_sslv2 && out.wants(f::JA4) {
            values.text(f::JA4, ja4(hello).as_bytes());
        }
        if hello.extensions.has_ech() {
            values.bool(f::HAS_ECH, true);
        }
        offers(values, hello, out);
    }

    /// Takes up a ServerHello.
    pub fn server_hello(&mut self, hello: &ServerHello<'_>, out: &Out<'_>) {
        self.has_server_hello = true;
        let Some(message) = &mut self.response else { return };
        if hello.is_cut {
            message.is_partial = true;
            message.note("the end of the ServerHello is missing");
        }
        self.is_retry = hello.is_retry;
        self.is_complete |= hello.is_retry;
        self.has_pre_shared_key = hello.has_pre_shared_key();
        if hello.cipher.is_some() {
            self.version = Some(hello.chosen_version());
            self.cipher = hello.cipher;
        }
        self.group = hello.group();
        if let Some(protocol) = hello.extensions.alpn().next() {
            self.alpn.clear();
            self.alpn.extend_from_slice(protocol);
        }
        if !hello.is_cut && out.wants(f::JA3S) {
            message.values.text(f::JA3S, ja3s(hello).as_bytes());
        }
    }

    /// Takes up the SERVER-HELLO of SSL 2.0 (its cipher is chosen by the client, later).
    pub fn sslv2_server_hello(&mut self, certificate: &[u8], out: &Out<'_>) {
        self.has_server_hello = true;
        self.version = Some(super::names::SSL_2_0);
        self.server_certificate(certificate, out);
        self.is_complete = true;
    }

    /// Takes up the HelloRetryRequest message of the drafts before TLS 1.3.
    pub fn draft_retry(&mut self, body: &[u8]) {
        let mut reader = Reader::new(body);
        self.version = reader.u16().or(self.version);
        self.has_server_hello = true;
        self.is_retry = true;
        self.is_complete = true;
    }

    /// Takes up a chain of certificates.
    pub fn certificates(&mut self, is_client: bool, body: &[u8], out: &Out<'_>) {
        let serials = if is_client { &mut self.client_serials } else { &mut self.server_serials };
        for number in chain(body).filter_map(serial) {
            serials.push(hex(number).as_bytes());
        }
        let first = chain(body).next();
        if is_client {
            self.has_client_certificate = Some(first.is_some());
            self.client_leaf = first.and_then(Leaf::read);
            return;
        }
        self.is_full = true;
        if let Some(certificate) = first {
            self.server_leaf = Leaf::read(certificate);
            self.fingerprint(certificate, out);
        }
    }

    /// Takes up what the server shows of a revocation check.
    pub fn certificate_status(&mut self, body: &[u8]) {
        for number in responder_certificates(body).filter_map(serial) {
            self.server_serials.push(hex(number).as_bytes());
        }
    }

    fn server_certificate(&mut self, certificate: &[u8], out: &Out<'_>) {
        if let Some(number) = serial(certificate) {
            self.server_serials.push(hex(number).as_bytes());
        }
        self.server_leaf = Leaf::read(certificate);
        self.fingerprint(certificate, out);
    }

    fn fingerprint(&mut self, certificate: &[u8], out: &Out<'_>) {
        use sha2::Digest as _;
        if self.server_leaf.is_some() && out.wants(f::CERTIFICATE_SHA256) {
            self.server_sha256 = hex(&sha2::Sha256::digest(certificate));
        }
    }

    /// Takes up the server's key exchange, RFC 8422 section 5.4.
    pub fn server_key_exchange(&mut self, body: &[u8]) {
        self.is_full = true;
        let is_elliptic = self.cipher.and_then(cipher_name).is_some_and(|name| name.contains("_ECDH"));
        let mut reader = Reader::new(body);
        if is_elliptic && reader.u8() == Some(NAMED_CURVE) {
            self.group = reader.u16();
        }
    }

    /// Takes up an alert; whether it ends the handshake.
    pub fn alert(&mut self, level: u8, number: u8) -> bool {
        self.alert = Some((level, number));
        level == FATAL || number == CLOSE_NOTIFY
    }

    /// Writes what both sides make together, and hands the messages over.
    pub fn emit(mut self: Box<Self>, is_server_sealed: bool, out: &mut Out<'_>) {
        let mut request = self.request.take();
        let mut response = self.response.take();
        let request_size = request.as_ref().map_or(0, |message| message.wire_bytes);
        let response_size = response.as_ref().map_or(0, |message| message.wire_bytes);
        if let Some(message) = &mut request {
            message.values.int(f::REQUEST_SIZE, request_size.cast_signed());
        }
        if let Some(message) = &mut response {
            message.values.int(f::RESPONSE_SIZE, response_size.cast_signed());
        }
        if let Some(message) = response.as_mut().or(request.as_mut()) {
            message.values.int(f::TOTAL_SIZE, request_size.saturating_add(response_size).cast_signed());
            self.fill(message, is_server_sealed);
        }
        if let Some(message) = &mut request
            && !self.has_server_hello
        {
            message.values.name(f::HANDSHAKE_INFO, "ClientHello");
        }
        for message in [request, response].into_iter().flatten() {
            out.emit(message);
        }
    }

    /// Fills in what an entry has once.
    fn fill(&self, message: &mut Message, is_server_sealed: bool) {
        if self.has_server_hello {
            message.values.name(f::HANDSHAKE_INFO, "ServerHello");
            message.outcome = Outcome::Ok;
        }
        self.fill_version(&mut message.values);
        if !self.alpn.is_empty() {
            message.values.text(f::ALPN, &self.alpn);
        }
        if let Some(group) = self.group {
            message.values.text_fmt(f::GROUP, format_args!("{}", Group(group)));
        }
        if self.is_retry {
            message.values.bool(f::IS_RETRY, true);
        }
        let is_13 = self.version.is_some_and(is_tls13);
        if self.has_server_hello && !self.is_retry && (is_13 || is_server_sealed || self.is_full) {
            let is_resumed = if is_13 { self.has_pre_shared_key } else { !self.is_full };
            message.values.bool(f::IS_RESUMED, is_resumed);
        }
        self.fill_certificates(message);
        if let Some((level, number)) = self.alert {
            self.fill_alert(message, level, number);
        }
        self.fill_warnings(message);
    }

    fn fill_version(&self, values: &mut Values) {
        let cipher = self.cipher.and_then(cipher_name).unwrap_or_default();
        if let Some(version) = self.version {
            values.int(f::VERSION, i64::from(version));
            values.text_fmt(f::VERSION_NAME, format_args!("{}", Version(version)));
            let comma = if cipher.is_empty() { "" } else { ", " };
            values.text_fmt(f::INFO, format_args!("{}{comma}{cipher}", Version(version)));
        }
        if let Some(number) = self.cipher {
            values.int(f::CIPHER_SUITE, i64::from(number));
            match cipher {
                "" => values.text_fmt(f::CIPHER_SUITE_NAME, format_args!("{number:#06x}")),
                name => values.name(f::CIPHER_SUITE_NAME, name),
            }
        }
        match (self.server_name.as_slice(), self.alpn.as_slice()) {
            ([], []) if cipher.is_empty() => {}
            ([], []) => values.name(f::SUMMARY, cipher),
            ([], protocol) => values.text(f::SUMMARY, protocol),
            (name, _) => values.text(f::SUMMARY, name),
        }
        let version = self.version.map_or(Cow::Borrowed(""), |version| match version_name(version) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(Version(version).to_string()),
        });
        let (name, version, cipher) = (self.server_name.as_slice(), version.as_bytes(), cipher.as_bytes());
        let comma = |is_needed: bool| if is_needed { &b", "[..] } else { b"" };
        let first = comma(!name.is_empty() && !version.is_empty());
        let is_led = !name.is_empty() || !version.is_empty();
        let second = comma(is_led && !cipher.is_empty());
        values.text_parts(f::HANDSHAKE_SUMMARY, &[name, first, version, second, cipher]);
    }

    fn fill_certificates(&self, message: &mut Message) {
        let sent = message.first.time;
        let values = &mut message.values;
        if !self.server_serials.as_list().is_empty() || !self.client_serials.as_list().is_empty() {
            let mut list = values.list(f::CERTIFICATE_SERIALS);
            for number in self.server_serials.as_list().iter_bytes().chain(self.client_serials.as_list().iter_bytes()) {
                list.push(number);
            }
            list.finish();
        }
        if let Some(leaf) = &self.server_leaf {
            values.text(f::CERTIFICATE_SUBJECT, leaf.subject.as_bytes());
            values.text(f::CERTIFICATE_ISSUER, leaf.issuer.as_bytes());
            names(values, f::CERTIFICATE_NAMES, leaf);
            values.time(f::CERTIFICATE_NOT_BEFORE, leaf.not_before);
            values.time(f::CERTIFICATE_NOT_AFTER, leaf.not_after);
            values.bool(f::IS_SELF_SIGNED, leaf.is_self_signed);
            values.bool(f::IS_EXPIRED, sent > leaf.not_after);
            if !self.server_sha256.is_empty() {
                values.text(f::CERTIFICATE_SHA256, self.server_sha256.as_bytes());
            }
            if let Some(id) = &leaf.spiffe_id {
                values.text(f::SERVER_SPIFFE_ID, id.as_bytes());
            }
        }
        if self.is_certificate_requested {
            values.bool(f::CLIENT_CERTIFICATE_REQUESTED, true);
        }
        if let Some(is_shown) = self.has_client_certificate {
            values.bool(f::CLIENT_CERTIFICATE, is_shown);
        }
        if let Some(leaf) = &self.client_leaf {
            values.text(f::CLIENT_CERTIFICATE_SUBJECT, leaf.subject.as_bytes());
            values.text(f::CLIENT_CERTIFICATE_ISSUER, leaf.issuer.as_bytes());
            names(values, f::CLIENT_CERTIFICATE_NAMES, leaf);
            if let Some(id) = &leaf.spiffe_id {
                values.text(f::CLIENT_SPIFFE_ID, id.as_bytes());
            }
        }
        if self.server_leaf.is_none() && !self.server_serials.as_list().is_empty() {
            message.note("the server's certificate could not be read");
        }
    }

    fn fill_alert(&self, message: &mut Message, level: u8, number: u8) {
        match alert_name(number) {
            Some(name) => message.values.name(f::ALERT, name),
            None => message.values.text_fmt(f::ALERT, format_args!("{number}")),
        }
        message.values.int(f::ALERT_NUMBER, i64::from(number));
        match level {
            WARNING => message.values.name(f::ALERT_LEVEL, "warning"),
            FATAL => message.values.name(f::ALERT_LEVEL, "fatal"),
            other => message.values.text_fmt(f::ALERT_LEVEL, format_args!("{other}")),
        }
        if level == FATAL && number != CLOSE_NOTIFY {
            message.outcome = Outcome::Failed;
        }
    }

    fn fill_warnings(&self, message: &mut Message) {
        let version = self.version.filter(|&version| is_deprecated(version)).and_then(version_name);
        let cipher = self.cipher.filter(|_| !self.is_retry).into_iter().flat_map(weaknesses);
        let is_expired = self.server_leaf.as_ref().is_some_and(|leaf| message.first.time > leaf.not_after);
        let is_early = self.server_leaf.as_ref().is_some_and(|leaf| message.first.time < leaf.not_before);
        let is_self_signed = self.server_leaf.as_ref().is_some_and(|leaf| leaf.is_self_signed);
        let certificate = [
            (is_expired, "expired certificate"),
            (is_early, "certificate not valid yet"),
            (is_self_signed, "self-signed certificate"),
        ];
        let certificate = certificate.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word);
        let mut warnings = version.into_iter().chain(cipher).chain(certificate).peekable();
        if warnings.peek().is_none() {
            return;
        }
        let mut list = message.values.list(f::WARNINGS);
        for warning in warnings {
            list.push(warning.as_bytes());
            message.notes.add(&format!("weak TLS: {warning}"));
        }
        list.finish();
    }
}

/// The lists of what a client offers.
fn offers(values: &mut Values, hello: &ClientHello<'_>, out: &Out<'_>) {
    let most = out.limits.items;
    if out.wants(f::CIPHER_SUITES) {
        let mut list = values.list(f::CIPHER_SUITES);
        for number in hello.ciphers.iter().take(most) {
            match u16::try_from(number) {
                Ok(number) if is_grease(number) || is_signalling(number) => {}
                Ok(number) => match cipher_name(number) {
                    Some(name) => list.push(name.as_bytes()),
                    None => list.push_fmt(format_args!("{number:#06x}")),
                },
                Err(_) => list.push_fmt(format_args!("{number:#08x}")),
            }
        }
        list.finish();
    }
    if hello.extensions.alpn().next().is_some() && out.wants(f::ALPN_OFFERED) {
        let mut list = values.list(f::ALPN_OFFERED);
        hello.extensions.alpn().take(most).for_each(|protocol| list.push(protocol));
        list.finish();
    }
    if hello.extensions.versions().next().is_some() && out.wants(f::SUPPORTED_VERSIONS) {
        let mut list = values.list(f::SUPPORTED_VERSIONS);
        hello.extensions.versions().take(most).for_each(|version| list.push_fmt(format_args!("{}", Version(version))));
        list.finish();
    }
    if hello.extensions.groups().next().is_some() && out.wants(f::SUPPORTED_GROUPS) {
        let mut list = values.list(f::SUPPORTED_GROUPS);
        hello.extensions.groups().take(most).for_each(|group| list.push_fmt(format_args!("{}", Group(group))));
        list.finish();
    }
}

fn names(values: &mut Values, field: lanternfish_model::FieldIndex, leaf: &Leaf) {
    if leaf.names.is_empty() {
        return;
    }
    let mut list = values.list(field);
    leaf.names.iter().for_each(|name| list.push(name.as_bytes()));
    list.finish();
}

/// warning, RFC 5246 section 7.2.
const WARNING: u8 = 1;
/// fatal.
const FATAL: u8 = 2;
/// close_notify.
const CLOSE_NOTIFY: u8 = 0;
/// named_curve, RFC 8422 section 5.4.
const NAMED_CURVE: u8 = 3;
