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
    let length = method_length(bytes);
    match bytes.get(length) {
        _ if length > MAX_METHOD_BYTES => return Begins::No,
        None => return Begins::Maybe,
        Some(b' ') if length > 0 => {}
        Some(_) => return Begins::No,
    }
    let window = bytes.get(..MAX_LINE_BYTES).unwrap_or(bytes);
    if let Some(end) = memchr(b'\n', window) {
        return whole(request_line(without_cr(window.get(..end).unwrap_or_default())));
    }
    let method = bytes.get(..length).unwrap_or_default();
    let rest = behind_spaces(method, window.get(length + 1..).unwrap_or_default());
    let is_cut = |limit| window.len() < limit;
    if is_path_of_known(method, rest) {
        return match rest.get(..CERTAIN_TARGET_BYTES) {
            Some(path) if path.iter().all(|&byte| is_target(byte)) => Begins::Yes,
            _ if is_cut(MAX_LINE_BYTES) && rest.iter().all(|&byte| is_path_text(byte)) => Begins::Maybe,
            _ => Begins::No,
        };
    }
    let target = rest.iter().take_while(|&&byte| is_target(byte)).count();
    match rest.get(target..).unwrap_or_default() {
        [] if is_cut(MAX_STRICT_LINE_BYTES) => Begins::Maybe,
        [b' ', version @ ..] if target > 0 => begins_version(version, |end| match end {
            [] | [b'\r'] => Begins::Maybe,
            _ => Begins::No,
        }),
        _ => Begins::No,
    }
}

fn whole<T>(line: Option<T>) -> Begins {
    if line.is_some() { Begins::Yes } else { Begins::No }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The length of the token at the start, at most one more than a method may have.
fn method_length(bytes: &[u8]) -> usize {
    bytes.iter().take(MAX_METHOD_BYTES + 1).take_while(|&&byte| is_token(byte)).count()
}

/// Whether a path or URL follows a well-known method: clients send raw spaces in targets, and only this makes such a line
/// certain enough.
fn is_path_of_known(method: &[u8], rest: &[u8]) -> bool {
    [&b"/"[..], b"http://", b"https://"].iter().any(|start| rest.starts_with(start)) && is_known_method(method)
}

/// Skips further spaces behind a well-known method.
fn behind_spaces<'a>(method: &[u8], rest: &'a [u8]) -> &'a [u8] {
    let spaces = rest.iter().take(MAX_SPACES).take_while(|&&byte| byte == b' ').count();
    if spaces > 0 && is_known_method(method) { rest.get(spaces..).unwrap_or_default() } else { rest }
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
    begins_version(bytes, |rest| match rest {
        [b' ', b'1'..=b'9', b'0'..=b'9', b'0'..=b'9', b' ' | b'\r' | b'\n', ..] => Begins::Yes,
        [] | [b' '] | [b' ', b'1'..=b'9'] | [b' ', b'1'..=b'9', b'0'..=b'9'] => Begins::Maybe,
        [b' ', b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => Begins::Maybe,
        _ => Begins::No,
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

/// Reads a request line, without its line end.
pub fn request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    let length = method_length(line);
    let (method, rest) = line.split_at_checked(length)?;
    let rest = behind_spaces(method, rest.strip_prefix(b" ")?);
    if method.is_empty() || method.len() > MAX_METHOD_BYTES {
        return None;
    }
    let is_lenient = is_path_of_known(method, rest);
    if !is_lenient && line.len() + 1 >= MAX_STRICT_LINE_BYTES {
        return None;
    }
    let text = if is_lenient { rest.trim_ascii_end() } else { rest };
    let space = memrchr(b' ', text)?;
    let version = match text.get(space + 1..)?.strip_prefix(b"HTTP/")? {
        version @ [b'1', b'.', b'0'..=b'9'] => version,
        _ => return None,
    };
    let target = text.get(..space)?;
    match is_lenient {
        true if rest.iter().all(|&byte| is_path_text(byte)) => {
            Some(RequestLine { method, target: target.trim_ascii_end(), version })
        }
        false if !target.is_empty() && target.iter().all(|&byte| is_target(byte)) => {
            Some(RequestLine { method, target, version })
        }
        _ => None,
    }
}

/// Reads what there is of a request line that was cut; only a well-known method makes it one.
pub fn cut_request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    let space = memchr(b' ', line)?;
    let (method, rest) = line.split_at_checked(space)?;
    let target = rest.trim_ascii();
    let target = target.get(..memchr(b' ', target).unwrap_or(target.len())).unwrap_or_default();
    is_known_method(method).then_some(RequestLine { method, target, version: &[] })
}

/// Reads a request line that is not well formed but can be nothing else: a well-known method and a path, with no version
/// or one that is not understood. Of HTTP/0.9 such a line was the whole request.
pub fn loose_request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    let (method, rest) = line.split_at_checked(method_length(line))?;
    let rest = rest.strip_prefix(b" ")?.trim_ascii();
    let is_path = is_path_of_known(method, rest) && rest.iter().all(|&byte| is_path_text(byte));
    let (target, last) = match memrchr(b' ', rest) {
        Some(space) => rest.split_at_checked(space)?,
        None => (rest, &b""[..]),
    };
    let last = last.trim_ascii();
    // RTSP, ICAP and others have lines of the same form.
    let is_foreign = !last.starts_with(b"HTTP") && memchr(b'/', last).is_some_and(|slash| slash > 0);
    (is_path && !is_foreign).then_some(RequestLine { method, target: target.trim_ascii_end(), version: &[] })
}

/// Whether bytes begin with a line that [`loose_request_line`] reads, and all of it is there.
pub fn begins_loosely(bytes: &[u8]) -> bool {
    let window = bytes.get(..MAX_STRICT_LINE_BYTES).unwrap_or(bytes);
    let line = memchr(b'\n', window).and_then(|end| window.get(..end));
    line.is_some_and(|line| loose_request_line(without_cr(line)).is_some())
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
    // RFC 9112 section 4 wants a space here even without a reason phrase; many servers leave it out.
    if !matches!(reason, [] | [b' ' | b'\r', ..]) {
        return None;
    }
    let digit = |byte: &u8| u16::from(byte & 0x0f);
    let status = digit(a) * 100 + digit(b) * 10 + digit(c);
    Some(StatusLine { version, status, reason: reason.trim_ascii() })
}

/// Reads a status line that is not well formed, where one is awaited: another version, tabs, or more or fewer digits than
/// three, of which the first three are taken.
pub fn loose_status_line(line: &[u8]) -> Option<StatusLine<'_>> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let (version, rest) = rest.split_at_checked(end)?;
    let rest = rest.trim_ascii_start();
    let count = rest.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, reason) = rest.split_at_checked(count)?;
    let status = digits.iter().fold(0u16, |sum, digit| sum * 10 + u16::from(digit & 0x0f));
    let is_version = (1..=MAX_VERSION_BYTES).contains(&version.len()) && version.iter().all(|&byte| is_target(byte));
    (is_version && count > 0).then_some(StatusLine { version, status, reason: reason.trim_ascii() })
}

/// Whether bytes begin with a line that [`loose_status_line`] reads.
pub fn begins_loose_status(bytes: &[u8]) -> Begins {
    if !bytes.iter().zip(b"HTTP/").all(|(left, right)| left == right) {
        return Begins::No;
    }
    let window = bytes.get(..MAX_LOOSE_STATUS_BYTES).unwrap_or(bytes);
    match memchr(b'\n', window) {
        Some(end) => whole(loose_status_line(without_cr(window.get(..end).unwrap_or_default()))),
        None if window.len() < MAX_LOOSE_STATUS_BYTES => Begins::Maybe,
        None => Begins::No,
    }
}

/// A character of a token, RFC 9110 section 5.6.2.
pub const fn is_token(byte: u8) -> bool {
    const TOKENS: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = is_token_byte(byte as u8);
            byte += 1;
        }
        table
    };
    TOKENS[byte as usize]
}

const fn is_token_byte(byte: u8) -> bool {
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

/// A byte that may stand in the rest of a line behind a path.
const fn is_path_text(byte: u8) -> bool {
    is_target(byte) || matches!(byte, b' ' | b'\r')
}

/// Whether a method is one of RFC 9110, PATCH, WebDAV, UPnP or Microsoft's.
pub fn is_known_method(method: &[u8]) -> bool {
    KNOWN_METHODS.contains(&method)
}

/// The start of every version that is meant.
const VERSION: &[u8] = b"HTTP/1.";
/// Spaces behind a method that are skipped.
const MAX_SPACES: usize = 16;
/// The longest version of a status line that is not well formed, and the longest such line.
const MAX_VERSION_BYTES: usize = 8;
const MAX_LOOSE_STATUS_BYTES: usize = 512;
/// The longest method.
const MAX_METHOD_BYTES: usize = 32;
/// The longest start line that is waited for.
const MAX_LINE_BYTES: usize = 64 << 10;
/// The same where neither a well-known method nor a path makes it likely; RFC 9112 section 3 recommends 8000.
const MAX_STRICT_LINE_BYTES: usize = 8 << 10;
/// A path of this length behind a well-known method is a request without seeing its version.
const CERTAIN_TARGET_BYTES: usize = 1024;
/// The methods that make a line certain although it is otherwise odd, the frequent ones first.
const KNOWN_METHODS: [&[u8]; 28] = [
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
    b"CCM_POST",
    b"BITS_POST",
    b"RPC_IN_DATA",
    b"RPC_OUT_DATA",
];
