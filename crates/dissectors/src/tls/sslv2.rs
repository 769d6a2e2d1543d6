//! The two hellos of SSL 2.0 (RFC 6101 appendix E describes the client's, RFC 6176 forbids both).
//!
//! Their records have a header of two bytes; a hello is believed only where its lengths fit each other exactly.

use super::hello::ClientHello;
use super::reader::Reader;

/// The length of a record header.
pub const HEADER_BYTES: usize = 2;

/// What a stream begins with.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// A CLIENT-HELLO and its length, header included.
    Client(ClientHello<'a>, usize),
    /// A SERVER-HELLO: its certificate, and its length, header included.
    Server(&'a [u8], usize),
    /// It may be one; so many bytes are needed.
    Needs(usize),
    /// Something else.
    Other,
}

impl<'a> Frame<'a> {
    /// Reads the front of a stream.
    pub fn read(bytes: &'a [u8]) -> Frame<'a> {
        let Some((&[high, low, kind], rest)) = bytes.split_first_chunk::<3>() else {
            let is_possible = bytes.first().is_none_or(|first| first & 0x80 != 0);
            return if is_possible { Frame::Needs(3) } else { Frame::Other };
        };
        let length = usize::from(high & 0x7f) << 8 | usize::from(low);
        if high & 0x80 == 0 || !(MIN_BYTES..=MAX_BYTES).contains(&length) {
            return Frame::Other;
        }
        match (kind, rest) {
            (1, [0, 2, ..] | [3, 0..=3, ..]) | (4, [0 | 1, 0 | 1, 0, 2, ..]) => {}
            (1 | 4, _) if rest.len() < 4 => return Frame::Needs(HEADER_BYTES + 1 + 4),
            _ => return Frame::Other,
        }
        let whole = HEADER_BYTES.saturating_add(length);
        let Some(body) = bytes.get(HEADER_BYTES..whole) else { return Frame::Needs(whole) };
        let frame = match kind {
            1 => ClientHello::read_sslv2(body).map(|hello| Frame::Client(hello, whole)),
            _ => server_certificate(body).map(|certificate| Frame::Server(certificate, whole)),
        };
        frame.unwrap_or(Frame::Other)
    }
}

/// The certificate of a SERVER-HELLO; `None` where it is none.
fn server_certificate(body: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(body);
    let (_kind, _hit_and_type, version) = (reader.u8()?, reader.u16()?, reader.u16()?);
    let certificate = usize::from(reader.u16()?);
    let ciphers = usize::from(reader.u16()?);
    let connection = usize::from(reader.u16()?);
    let is_sane = version == 0x0002
        && ciphers % 3 == 0
        && connection == CONNECTION_ID_BYTES
        && reader.rest().len() == certificate + ciphers + connection;
    if is_sane { reader.take(certificate) } else { None }
}

/// The length of a connection id.
const CONNECTION_ID_BYTES: usize = 16;
/// The shortest hello.
const MIN_BYTES: usize = 11;
/// The longest hello that is believed.
const MAX_BYTES: usize = 4096;
