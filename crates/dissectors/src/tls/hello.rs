//! ClientHello and ServerHello: RFC 8446 section 4.1, RFC 5246 section 7.4.1, and the SSL 2.0 ClientHello (RFC 5246 appendix E.2).
//!
//! A hello that is cut is read as far as it goes.

use super::names::{is_grease, is_tls13};
use super::reader::{Reader, numbers};

/// What a ClientHello says.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientHello<'a> {
    /// legacy_version.
    pub version: u16,
    /// legacy_session_id.
    pub session_id: &'a [u8],
    /// The cipher suites, two bytes each.
    pub ciphers: Ciphers<'a>,
    /// The extensions.
    pub extensions: Extensions<'a>,
    /// Whether its end is missing.
    pub is_cut: bool,
    /// Whether it has the form of SSL 2.0.
    pub is_sslv2: bool,
}

/// What a ServerHello says.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerHello<'a> {
    /// legacy_version.
    pub version: u16,
    /// legacy_session_id_echo.
    pub session_id: &'a [u8],
    /// The cipher suite.
    pub cipher: Option<u16>,
    /// The extensions.
    pub extensions: Extensions<'a>,
    /// Whether it is a HelloRetryRequest.
    pub is_retry: bool,
    /// Whether its end is missing.
    pub is_cut: bool,
}

/// A list of cipher suites: two bytes each, or three in the form of SSL 2.0.
#[derive(Clone, Copy, Debug)]
pub struct Ciphers<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl Default for Ciphers<'_> {
    fn default() -> Self {
        Ciphers { bytes: &[], width: 2 }
    }
}

impl<'a> Ciphers<'a> {
    /// The numbers; the ciphers of SSL 2.0 itself have more than 16 bits.
    pub fn iter(self) -> impl Iterator<Item = u32> + Clone + 'a {
        let parts = self.bytes.chunks_exact(self.width.max(1));
        parts.map(|part| part.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    /// The numbers that TLS knows, without the dummies.
    pub fn tls(self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.iter().filter_map(|number| u16::try_from(number).ok()).filter(|&number| !is_grease(number))
    }
}

/// The extensions of a hello.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extensions<'a>(&'a [u8]);

impl<'a> Extensions<'a> {
    /// Type and content of each; the last may be cut.
    pub fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> + Clone {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || {
            let number = reader.u16()?;
            let (content, _) = reader.vector16_or_part()?;
            Some((number, content))
        })
    }

    /// The content of the first one of a type.
    pub fn find(self, number: u16) -> Option<&'a [u8]> {
        self.iter().find(|&(known, _)| known == number).map(|(_, content)| content)
    }

    /// The types, without the dummies.
    pub fn types(self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.iter().map(|(number, _)| number).filter(|&number| !is_grease(number))
    }

    /// The host name, RFC 6066 section 3.
    pub fn server_name(self) -> Option<&'a [u8]> {
        let mut names = Reader::new(Reader::new(self.find(SERVER_NAME)?).vector16_or_part()?.0);
        while let Some(kind) = names.u8() {
            let (name, _) = names.vector16_or_part()?;
            if kind == 0 {
                return (!name.is_empty()).then_some(name);
            }
        }
        None
    }

    /// The application protocols, RFC 7301 section 3.1.
    pub fn alpn(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let list = self.find(ALPN).and_then(|content| Reader::new(content).vector16_or_part());
        let mut reader = Reader::new(list.map_or(&[], |(list, _)| list));
        std::iter::from_fn(move || reader.vector8())
    }

    /// The versions offered, newest first as a rule, RFC 8446 section 4.2.1; without the dummies.
    pub fn versions(self) -> impl Iterator<Item = u16> + Clone + 'a {
        let list = self.find(SUPPORTED_VERSIONS).and_then(|content| Reader::new(content).vector8());
        numbers(list.unwrap_or_default()).filter(|&version| !is_grease(version))
    }

    /// The groups offered, RFC 8446 section 4.2.7; without the dummies.
    pub fn groups(self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.numbers16(SUPPORTED_GROUPS).filter(|&group| !is_grease(group))
    }

    /// The signature algorithms offered, RFC 8446 section 4.2.3; without the dummies.
    pub fn signature_algorithms(self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.numbers16(SIGNATURE_ALGORITHMS).filter(|&algorithm| !is_grease(algorithm))
    }

    /// The point formats offered, RFC 8422 section 5.1.2.
    pub fn point_formats(self) -> &'a [u8] {
        self.find(EC_POINT_FORMATS).and_then(|content| Reader::new(content).vector8()).unwrap_or_default()
    }

    /// Whether a hidden hello or server name is there.
    pub fn has_ech(self) -> bool {
        self.iter().any(|(number, _)| number == ENCRYPTED_CLIENT_HELLO || number == ENCRYPTED_SERVER_NAME)
    }

    fn numbers16(self, number: u16) -> impl Iterator<Item = u16> + Clone + 'a {
        let list = self.find(number).and_then(|content| Reader::new(content).vector16());
        numbers(list.unwrap_or_default())
    }
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a ClientHello.
    pub fn read(body: &'a [u8], is_cut: bool) -> ClientHello<'a> {
        let mut hello = ClientHello { is_cut: true, ..ClientHello::default() };
        let mut reader = Reader::new(body);
        if hello.fill(&mut reader).is_some() {
            hello.is_cut = is_cut;
        }
        hello
    }

    fn fill(&mut self, reader: &mut Reader<'a>) -> Option<()> {
        self.version = reader.u16()?;
        reader.take(RANDOM_BYTES)?;
        self.session_id = reader.vector8()?;
        let (ciphers, is_whole) = reader.vector16_or_part()?;
        self.ciphers = Ciphers { bytes: ciphers, width: 2 };
        if !is_whole {
            return None;
        }
        reader.vector8()?;
        if reader.is_empty() {
            return Some(());
        }
        let (extensions, is_whole) = reader.vector16_or_part()?;
        self.extensions = Extensions(extensions);
        is_whole.then_some(())
    }

    /// Reads an SSL 2.0 ClientHello from behind its record header.
    pub fn read_sslv2(body: &'a [u8]) -> Option<ClientHello<'a>> {
        let mut reader = Reader::new(body);
        if reader.u8()? != 1 {
            return None;
        }
        let version = reader.u16()?;
        let ciphers = usize::from(reader.u16()?);
        let session_id = usize::from(reader.u16()?);
        let challenge = usize::from(reader.u16()?);
        let is_sane = (version == 0x0002 || (0x0300..=0x0303).contains(&version))
            && ciphers > 0
            && ciphers % 3 == 0
            && (session_id == 0 || session_id == 16)
            && (16..=32).contains(&challenge)
            && reader.rest().len() == ciphers + session_id + challenge;
        if !is_sane {
            return None;
        }
        let bytes = reader.take(ciphers)?;
        Some(ClientHello {
            version,
            session_id: reader.take(session_id)?,
            ciphers: Ciphers { bytes, width: 3 },
            is_sslv2: true,
            ..ClientHello::default()
        })
    }

    /// The newest version offered.
    pub fn newest_version(&self) -> u16 {
        self.extensions.versions().max_by_key(|&version| rank(version)).unwrap_or(self.version)
    }
}

impl<'a> ServerHello<'a> {
    /// Reads the body of a ServerHello.
    pub fn read(body: &'a [u8], is_cut: bool) -> ServerHello<'a> {
        let mut hello = ServerHello { is_cut: true, ..ServerHello::default() };
        let mut reader = Reader::new(body);
        if hello.fill(&mut reader).is_some() {
            hello.is_cut = is_cut;
        }
        hello
    }

    fn fill(&mut self, reader: &mut Reader<'a>) -> Option<()> {
        self.version = reader.u16()?;
        self.is_retry = reader.take(RANDOM_BYTES)? == RETRY_RANDOM;
        // The drafts of TLS 1.3 before 22 left the session id and the compression method out.
        let is_old_draft = self.version >> 8 == 0x7f;
        if !is_old_draft {
            self.session_id = reader.vector8()?;
        }
        self.cipher = Some(reader.u16()?);
        if !is_old_draft {
            reader.u8()?;
        }
        if reader.is_empty() {
            return Some(());
        }
        let (extensions, is_whole) = reader.vector16_or_part()?;
        self.extensions = Extensions(extensions);
        is_whole.then_some(())
    }

    /// The version chosen.
    pub fn chosen_version(&self) -> u16 {
        let chosen = self.extensions.find(SUPPORTED_VERSIONS).and_then(|content| Reader::new(content).u16());
        chosen.unwrap_or(self.version)
    }

    /// The group of the server's key share, RFC 8446 section 4.2.8.
    pub fn group(&self) -> Option<u16> {
        Reader::new(self.extensions.find(KEY_SHARE)?).u16()
    }

    /// Whether it takes up a session of the client's (RFC 8446 section 4.2.11).
    pub fn has_pre_shared_key(&self) -> bool {
        self.extensions.find(PRE_SHARED_KEY).is_some()
    }
}

/// Orders versions by age: the drafts of TLS 1.3 are older than it and newer than TLS 1.2.
const fn rank(version: u16) -> u32 {
    match version {
        0x0304 => 0x0400_0000,
        _ if is_tls13(version) => 0x0304_0000 | version as u32,
        0x0300..=0x0303 => (version as u32) << 16,
        _ => 0,
    }
}

/// server_name.
pub const SERVER_NAME: u16 = 0;
/// supported_groups.
pub const SUPPORTED_GROUPS: u16 = 10;
/// ec_point_formats.
pub const EC_POINT_FORMATS: u16 = 11;
/// signature_algorithms.
pub const SIGNATURE_ALGORITHMS: u16 = 13;
/// application_layer_protocol_negotiation.
pub const ALPN: u16 = 16;
/// pre_shared_key.
pub const PRE_SHARED_KEY: u16 = 41;
/// supported_versions.
pub const SUPPORTED_VERSIONS: u16 = 43;
/// key_share.
pub const KEY_SHARE: u16 = 51;
/// encrypted_client_hello, RFC 9849.
pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// encrypted_server_name, the forerunner of encrypted_client_hello.
pub const ENCRYPTED_SERVER_NAME: u16 = 0xffce;
/// The length of a random.
const RANDOM_BYTES: usize = 32;
/// The random that marks a HelloRetryRequest, RFC 8446 section 4.1.3.
const RETRY_RANDOM: [u8; RANDOM_BYTES] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
