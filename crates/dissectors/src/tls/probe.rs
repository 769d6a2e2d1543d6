//! Recognition: a hello at the start of a stream, or records that follow each other where a connection is joined in the middle.

use lanternfish_dissect::{Head, Probe, Sender};

use super::handshake::{
    CERTIFICATE, CLIENT_HELLO, HELLO_REQUEST, MAX_HANDSHAKE_BYTES, SERVER_HELLO, SERVER_HELLO_DONE, is_clear_kind,
};
use super::reader::Reader;
use super::record::{ContentType, HEADER_BYTES, Header, is_chain};
use super::sslv2::Frame;

/// Looks at the first bytes of a stream.
pub fn probe(head: &Head<'_>) -> Probe {
    if head.is_datagram {
        return Probe::NoMatch;
    }
    match head.bytes {
        [] => Probe::NeedMore,
        [22, ..] => handshake(head),
        [20 | 21 | 23, ..] if !head.is_start => midstream(head.bytes),
        [first, ..] if first & 0x80 != 0 && head.is_start => match Frame::read(head.bytes) {
            Frame::Client(..) => Probe::Match(Sender::Client),
            Frame::Server(..) => Probe::Match(Sender::Server),
            Frame::Needs(_) => Probe::NeedMore,
            Frame::Other => Probe::NoMatch,
        },
        _ => Probe::NoMatch,
    }
}

/// Whether a ClientHello begins here, after another protocol agreed on TLS (RFC 3207, RFC 2595 and their like).
pub fn follows(head: &Head<'_>) -> Option<Sender> {
    let is_hello = head.bytes.first() == Some(&22) && handshake(head) == Probe::Match(Sender::Client);
    is_hello.then_some(Sender::Client)
}

/// Whether the body of a record begins with a ClientHello, as far as it is there.
pub fn begins_client_hello(body: &[u8]) -> bool {
    matches!(judge(body), Judgement::Likely(Sender::Client) | Judgement::TooShort) && body.first() == Some(&1)
}

/// Whether the body of a record begins with a handshake message that is not encrypted.
pub fn begins_handshake(body: &[u8]) -> bool {
    let mut reader = Reader::new(body);
    let (Some(kind), length) = (reader.u8(), reader.u24()) else { return false };
    let Some(length) = length else { return is_clear_kind(kind) };
    let rest = reader.rest();
    match kind {
        1 | 2 => !matches!(judge(body), Judgement::No),
        HELLO_REQUEST | SERVER_HELLO_DONE => length == 0,
        CERTIFICATE => Reader::new(rest).u24().is_none_or(|list| list.checked_add(3) == Some(length)),
        _ => is_clear_kind(kind) && length as usize <= MAX_HANDSHAKE_BYTES,
    }
}

enum Judgement {
    Likely(Sender),
    TooShort,
    No,
}

fn handshake(head: &Head<'_>) -> Probe {
    if !Header::may_begin(head.bytes.get(..HEADER_BYTES).unwrap_or(head.bytes)) {
        return Probe::NoMatch;
    }
    let mut gathered = [0; HELLO_HEAD_BYTES];
    let Some(length) = gather(head.bytes, &mut gathered) else { return Probe::NoMatch };
    let begin = gathered.get(..length).unwrap_or_default();
    match judge(begin) {
        Judgement::Likely(sender) => Probe::Match(sender),
        Judgement::TooShort if head.bytes.len() < MAX_PROBED_BYTES => Probe::NeedMore,
        Judgement::TooShort => Probe::NoMatch,
        Judgement::No if head.is_start => Probe::NoMatch,
        Judgement::No if begins_chain(begin) => Probe::Match(Sender::Unknown),
        Judgement::No => midstream(head.bytes),
    }
}

/// Joins the beginning of the handshake from the records that hold it, which may be as short as a byte each;
/// `None` where they are no handshake records.
fn gather(bytes: &[u8], into: &mut [u8; HELLO_HEAD_BYTES]) -> Option<usize> {
    let mut rest = bytes;
    let mut filled = 0;
    while let Some((start, behind)) = rest.split_at_checked(HEADER_BYTES) {
        let header = Header::read(start)?;
        if header.content != ContentType::Handshake {
            return None;
        }
        let body = behind.get(..header.length).unwrap_or(behind);
        let room = into.get_mut(filled..).unwrap_or_default();
        let count = room.len().min(body.len());
        for (slot, byte) in room.iter_mut().zip(body) {
            *slot = *byte;
        }
        filled += count;
        if filled == into.len() {
            break;
        }
        rest = behind.get(header.length..).unwrap_or_default();
    }
    Some(filled)
}

/// Judges the beginning of a handshake message: is it a hello?
fn judge(begin: &[u8]) -> Judgement {
    let mut reader = Reader::new(begin);
    let (Some(kind), length) = (reader.u8(), reader.u24()) else { return Judgement::TooShort };
    let sender = match kind {
        CLIENT_HELLO => Sender::Client,
        SERVER_HELLO => Sender::Server,
        _ => return Judgement::No,
    };
    let Some(length) = length.map(|length| length as usize) else { return Judgement::TooShort };
    if !(MIN_HELLO_BYTES..=MAX_HANDSHAKE_BYTES).contains(&length) {
        return Judgement::No;
    }
    let Some(version) = reader.u16() else { return Judgement::TooShort };
    let is_old_draft = sender == Sender::Server && version >> 8 == 0x7f;
    if !(0x0300..=0x0304).contains(&version) && !is_old_draft {
        return Judgement::No;
    }
    if reader.take(32).is_none() {
        return Judgement::TooShort;
    }
    if is_old_draft {
        return Judgement::Likely(sender);
    }
    let Some(session_id) = reader.u8().map(usize::from) else { return Judgement::TooShort };
    if session_id > 32 || MIN_HELLO_BYTES + session_id > length {
        return Judgement::No;
    }
    if reader.take(session_id).is_none() {
        return Judgement::TooShort;
    }
    let Some(number) = reader.u16() else { return Judgement::TooShort };
    let is_good = match sender {
        Sender::Client => number >= 2 && number % 2 == 0 && MIN_HELLO_BYTES + session_id + usize::from(number) < length,
        // The compression method: null, DEFLATE or LZS.
        _ => match (reader.u8(), reader.u16()) {
            (None, _) => return Judgement::TooShort,
            (Some(0 | 1 | 64), None) if length != MIN_HELLO_BYTES + session_id => return Judgement::TooShort,
            (Some(0 | 1 | 64), extensions) => {
                let extensions = extensions.map_or(0, |bytes| 2 + usize::from(bytes));
                length == MIN_HELLO_BYTES + session_id || length == MIN_HELLO_BYTES + session_id + extensions
            }
            _ => false,
        },
    };
    if is_good { Judgement::Likely(sender) } else { Judgement::No }
}

/// Whether a Certificate message begins here: the lengths within each other, and a certificate's first bytes.
fn begins_chain(begin: &[u8]) -> bool {
    let mut reader = Reader::new(begin);
    let parts = (reader.u8(), reader.u24(), reader.u24(), reader.u24());
    let (Some(CERTIFICATE), Some(message), Some(list), Some(certificate)) = parts else { return false };
    let has_der = matches!(reader.rest(), [0x30, 0x82, _, _, 0x30, 0x81 | 0x82, ..]);
    has_der && list.checked_add(3) == Some(message) && certificate.checked_add(3).is_some_and(|first| first <= list)
}

fn midstream(bytes: &[u8]) -> Probe {
    if bytes.len() < HEADER_BYTES {
        return if Header::may_begin(bytes) { Probe::NeedMore } else { Probe::NoMatch };
    }
    let Some(header) = Header::read(bytes) else { return Probe::NoMatch };
    // A single header proves something only where it announces much; short records need a second one behind them.
    let least = if header.content == ContentType::ApplicationData && header.length >= MIN_SEALED_BYTES { 1 } else { 2 };
    if is_chain(bytes, least) {
        return Probe::Match(Sender::Unknown);
    }
    let is_undecided = bytes.len() < HEADER_BYTES.saturating_add(header.length).saturating_add(HEADER_BYTES);
    if is_undecided && is_chain(bytes, 1) && bytes.len() < MAX_PROBED_BYTES { Probe::NeedMore } else { Probe::NoMatch }
}

/// The length of a hello with no session id, cipher list or extensions: version, random, length, cipher, compression.
const MIN_HELLO_BYTES: usize = 2 + 32 + 1 + 2 + 1;
/// Handshake header, version, random, the longest session id, and what follows it.
const HELLO_HEAD_BYTES: usize = 4 + 2 + 32 + 1 + 32 + 5;
/// Bytes past which there is no more hope for a beginning cut into tiny records.
const MAX_PROBED_BYTES: usize = 1024;
/// The shortest encrypted record that is believed by its header alone: a block, or a tag and some data.
const MIN_SEALED_BYTES: usize = 17;
