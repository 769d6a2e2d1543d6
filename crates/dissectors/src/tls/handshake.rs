//! The handshake layer: RFC 8446 section 4, RFC 5246 section 7.4. Types, and the header of a message.

use super::reader::Reader;

/// The length of the handshake message at the front of `bytes`, header included.
pub fn message_length(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(bytes);
    reader.u8()?;
    Some((reader.u24()? as usize).saturating_add(MESSAGE_HEADER_BYTES))
}

/// Whether a message of a type occurs in clear: those below, hello_verify_request (3), new_session_ticket (4),
/// certificate_verify (15), client_key_exchange (16) and certificate_url (21).
pub const fn is_clear_kind(kind: u8) -> bool {
    matches!(kind, 0..=4 | 6 | 11..=16 | 21 | 22)
}

/// The header of a message.
pub const MESSAGE_HEADER_BYTES: usize = 4;
/// The longest handshake message that is believed.
pub const MAX_HANDSHAKE_BYTES: usize = 256 << 10;
/// hello_request.
pub const HELLO_REQUEST: u8 = 0;
/// client_hello.
pub const CLIENT_HELLO: u8 = 1;
/// server_hello.
pub const SERVER_HELLO: u8 = 2;
/// certificate.
pub const CERTIFICATE: u8 = 11;
/// server_key_exchange.
pub const SERVER_KEY_EXCHANGE: u8 = 12;
/// certificate_request.
pub const CERTIFICATE_REQUEST: u8 = 13;
/// certificate_status.
pub const CERTIFICATE_STATUS: u8 = 22;
/// server_hello_done.
pub const SERVER_HELLO_DONE: u8 = 14;
/// hello_retry_request of the drafts of TLS 1.3 before 22.
pub const DRAFT_RETRY: u8 = 6;
