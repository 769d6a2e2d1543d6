//! The record layer: RFC 8446 section 5.1, RFC 5246 section 6.2.1.

/// The length of a record header.
pub const HEADER_BYTES: usize = 5;
/// The most bytes in a record: 2^14 and the expansion that RFC 5246 section 6.2.3 allows.
pub const MAX_RECORD_BYTES: usize = (1 << 14) + 2048;

/// The content type of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// change_cipher_spec.
    ChangeCipherSpec,
    /// alert.
    Alert,
    /// handshake.
    Handshake,
    /// application_data, and everything encrypted in TLS 1.3.
    ApplicationData,
    /// heartbeat, RFC 6520.
    Heartbeat,
}

/// A record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What is in the record.
    pub content: ContentType,
    /// The bytes behind the header.
    pub length: usize,
}

impl Header {
    /// Reads the header at the front of `bytes`; `None` where there is none.
    pub fn read(bytes: &[u8]) -> Option<Header> {
        let &[content, 3, minor, high, low] = bytes.first_chunk::<HEADER_BYTES>()? else { return None };
        let content = content_type(content)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let is_sane = minor <= MAX_MINOR
            && length <= MAX_RECORD_BYTES
            && match content {
                ContentType::ChangeCipherSpec => length == 1,
                // An alert is two bytes, or as many as a cipher makes of them.
                ContentType::Alert => (2..=MAX_ALERT_BYTES).contains(&length),
                ContentType::Handshake => length > 0,
                ContentType::ApplicationData | ContentType::Heartbeat => true,
            };
        is_sane.then_some(Header { content, length })
    }

    /// Whether bytes too few for a header may still become one.
    pub fn may_begin(bytes: &[u8]) -> bool {
        match bytes {
            [] => true,
            [content] => content_type(*content).is_some(),
            [content, 3] => content_type(*content).is_some(),
            [content, 3, minor, ..] => content_type(*content).is_some() && *minor <= MAX_MINOR,
            _ => false,
        }
    }
}

/// Finds the next offset at which a record begins, judged by its header and, where that is in sight, the next one's.
pub fn find(bytes: &[u8]) -> Option<usize> {
    // All content types are followed by the major version, which is the rarer byte of the two.
    memchr::memchr_iter(3, bytes)
        .filter_map(|at| at.checked_sub(1))
        .find(|&at| is_chain(bytes.get(at..).unwrap_or_default(), 1))
}

/// Whether at least `least` whole or partial records follow each other at the front of `bytes`, and nothing contradicts them.
pub fn is_chain(bytes: &[u8], least: usize) -> bool {
    let mut rest = bytes;
    let mut seen = 0;
    while seen < MAX_CHAIN {
        let Some(header) = Header::read(rest) else {
            return seen >= least && rest.len() < HEADER_BYTES && Header::may_begin(rest);
        };
        seen += 1;
        match rest.get(HEADER_BYTES.saturating_add(header.length)..) {
            Some(next) if !next.is_empty() => rest = next,
            _ => break,
        }
    }
    seen >= least
}

const fn content_type(number: u8) -> Option<ContentType> {
    match number {
        20 => Some(ContentType::ChangeCipherSpec),
        21 => Some(ContentType::Alert),
        22 => Some(ContentType::Handshake),
        23 => Some(ContentType::ApplicationData),
        24 => Some(ContentType::Heartbeat),
        _ => None,
    }
}

/// The newest minor version in a record header.
const MAX_MINOR: u8 = 4;
/// An encrypted alert with the longest MAC, padding and nonce in use.
const MAX_ALERT_BYTES: usize = 512;
/// Records looked at to judge a chain of them.
const MAX_CHAIN: usize = 8;
