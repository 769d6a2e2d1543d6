//! Start lines: whether bytes begin a request or a response, and the parts of such a line.
//!
//! RFC 9112 sections 3 and 4. Only versions 1.x are meant: HTTP/0.9 has no version to be known by, and the preface of
//! HTTP/2 is another protocol. SIP and RTSP look alike but name another version.

use lanternfish_model::Direction;
use memchr::{memchr, memrchr};

/// Whether bytes begin a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// They may, when more follow.
    Maybe,
}

/// The parts of a request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// The method, any token.
    pub method: &'a [u8],
    /// The request target as sent.
    pub target: &'a [u8],
    /// The version behind `HTTP/`.
    pub version: &'a [u8],
}

/// The parts of a status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLine<'a> {
    /// The version behind `HTTP/`.
    pub version: &'a [u8],
    /// The status code.
    pub status: u16,
    /// The reason phrase, often empty.
    pub reason: &'a [u8],
}

/// Whether bytes begin with a message of this direction: a request line to the server, a status line to the client.
pub fn begins(direction: Direction, bytes: &[u8]) -> Begins {
    match direction {
        Direction::ToServer => begins_request(bytes),
        Direction::ToClient => begins_response(bytes),
    }
}

/// Whether bytes begin with a request line.
pub fn begins_request(bytes: &[u8]) -> Begins {
    let length = bytes.iter().take(MAX_METHOD_BYTES + 1).take_while(|&&byte| is_token(byte)).count();
    let Some(rest) = bytes.get(length + 1..) else {
        return match bytes.get(length) {
            None if length <= MAX_METHOD_BYTES => Begins::Maybe,
            Some(b' ') if length > 0 => Begins::Maybe,
            _ => Begins::No,
        };
    };
    if length == 0 || bytes.get(length) != Some(&b' ') {
        return Begins::No;
    }
    let is_known = is_known_method(bytes.get(..length).unwrap_or_default());
    // Clients send raw spaces in targets; only a well-known method and a path make such a line certain enough.
    if is_known && rest.first() == Some(&b'/') {
        return match memchr(b'\n', rest.get(..MAX_LINE_BYTES).unwrap_or(rest)) {
            Some(end) => match ends_with_version(rest.get(..end).unwrap_or_default()) {
                true => Begins::Yes,
                false => Begins::No,
            },
            None if rest.len() >= CERTAIN_TARGET_BYTES
                && rest.iter().take(CERTAIN_TARGET_BYTES).all(|&b| is_target(b)) =>
            {
                Begins::Yes
            }
            None if rest.len() < MAX_LINE_BYTES && rest.iter().all(|&b| is_target(b) || matches!(b, b' ' | b'\r')) => {
                Begins::Maybe
            }
            None => Begins::No,
        };
    }
    let target = rest.iter().take(MAX_LINE_BYTES).take_while(|&&byte| is_target(byte)).count();
    let Some(version) = rest.get(target + 1..) else {
        return match rest.get(target) {
            None if target < MAX_LINE_BYTES => Begins::Maybe,
            Some(b' ') if target > 0 => Begins::Maybe,
            _ => Begins::No,
        };
    };
    if target == 0 || rest.get(target) != Some(&b' ') {
        return Begins::No;
    }
    begins_version(version, |end| match end {
        [] | [b'\r'] => Begins::Maybe,
        [b'\n', ..] | [b'\r', b'\n', ..] => Begins::Yes,
        _ => Begins::No,
    })
}

/// Whether bytes begin with a well-known method, whole or as far as they go.
pub fn begins_known_method(bytes: &[u8]) -> bool {
    match memchr(b' ', bytes.get(..MAX_METHOD_BYTES).unwrap_or(bytes)) {
        Some(end) => is_known_method(bytes.get(..end).unwrap_or_default()),
        None => KNOWN_METHODS.iter().any(|known| known.starts_with(bytes)),
    }
}

/// Whether bytes begin with a status line.
pub fn begins_response(bytes: &[u8]) -> Begins {
    begins_version(bytes, |rest| {
        let shape: &[fn(u8) -> bool] = &[
            |byte| byte == b' ',
            |byte| matches!(byte, b'1'..=b'9'),
            |byte| byte.is_ascii_digit(),
            |byte| byte.is_ascii_digit(),
            // RFC 9112 section 4 wants a space here even without a reason phrase; many servers leave it out.
            |byte| matches!(byte, b' ' | b'\r' | b'\n'),
        ];
        match rest.iter().zip(shape).all(|(&byte, fits)| fits(byte)) {
            false => Begins::No,
            true if rest.len() >= shape.len() => Begins::Yes,
            true => Begins::Maybe,
        }
    })
}

fn begins_version(bytes: &[u8], behind: impl Fn(&[u8]) -> Begins) -> Begins {
    match bytes.strip_prefix(VERSION) {
        None if VERSION.starts_with(bytes) => Begins::Maybe,
        None => Begins::No,
        Some([]) => Begins::Maybe,
        Some([minor, rest @ ..]) if minor.is_ascii_digit() => behind(rest),
        Some(_) => Begins::No,
    }
}

/// Whether a line, its CR perhaps at the end, ends with a version of HTTP/1.
fn ends_with_version(line: &[u8]) -> bool {
    split_version(line).is_some_and(|(target, _)| !target.is_empty())
}

/// Splits the version off the end of a line.
fn split_version(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_end();
    let space = memrchr(b' ', line)?;
    let version = line.get(space + 1..)?.strip_prefix(b"HTTP/")?;
    match version {
        [b'1', b'.', minor] if minor.is_ascii_digit() => Some((line.get(..space)?.trim_ascii(), version)),
        _ => None,
    }
}

/// Reads a request line, without its line end.
pub fn request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    let space = memchr(b' ', line)?;
    let (method, rest) = line.split_at_checked(space)?;
    if method.is_empty() || method.len() > MAX_METHOD_BYTES || !method.iter().all(|&byte| is_token(byte)) {
        return None;
    }
    let (target, version) = split_version(rest)?;
    if target.is_empty() {
        return None;
    }
    Some(RequestLine { method, target, version })
}

/// Reads what there is of a request line that was cut; only a well-known method makes it one.
pub fn cut_request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    let space = memchr(b' ', line)?;
    let (method, rest) = line.split_at_checked(space)?;
    let target = rest.trim_ascii();
    let target = target.get(..memchr(b' ', target).unwrap_or(target.len())).unwrap_or_default();
    is_known_method(method).then_some(RequestLine { method, target, version: &[] })
}

/// Reads a status line, without its line end.
pub fn status_line(line: &[u8]) -> Option<StatusLine<'_>> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let (version, rest) = rest.split_at_checked(3)?;
    if !matches!(version, [b'1', b'.', minor] if minor.is_ascii_digit()) {
        return None;
    }
    let [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = rest else {
        return None;
    };
    let digit = |byte: &u8| u16::from(byte & 0x0f);
    let status = digit(a) * 100 + digit(b) * 10 + digit(c);
    Some(StatusLine { version, status, reason: reason.trim_ascii() })
}

/// A character of a token, RFC 9110 section 5.6.2.
pub const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// A byte that may stand in a request target; those above ASCII are not allowed but sent.
const fn is_target(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f
}

/// Whether a method is one of RFC 9110, PATCH, WebDAV or UPnP.
pub fn is_known_method(method: &[u8]) -> bool {
    KNOWN_METHODS.contains(&method)
}

/// The start of every version that is meant.
const VERSION: &[u8] = b"HTTP/1.";
/// The longest method.
const MAX_METHOD_BYTES: usize = 32;
/// The longest start line that is waited for.
const MAX_LINE_BYTES: usize = 64 << 10;
/// A path of this length behind a well-known method is a request without seeing its version.
const CERTAIN_TARGET_BYTES: usize = 1024;
/// The methods that make a line certain although it is otherwise odd, the frequent ones first.
const KNOWN_METHODS: [&[u8]; 24] = [
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"CONNECT",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SEARCH",
    b"MERGE",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"NOTIFY",
    b"PURGE",
    b"QUERY",
];
