//! Where the value behind a name begins and ends.

/// How a secret is written in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// As it is.
    AsIs,
    /// Within quotes, so that a JSON document stays one.
    Quoted,
    /// With its scheme kept.
    Credential,
}

/// A secret within a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quoting: Quoting,
}

/// The value of the name that ends at `end`, where something that can stand between a name and its value follows.
pub(super) fn named(text: &[u8], start: usize, end: usize) -> Option<Found> {
    let is_line = ends_line(text.get(start..end)?);
    // A pattern may bring its own sign.
    if text.get(end.checked_sub(1)?) == Some(&b'=') {
        return until(text, end, is_form_end, Quoting::AsIs);
    }
    let (quote, mut at) = skip_quote(text, end);
    if quote.is_none() && byte(text, at) == Some(b'>') {
        return until(text, at + 1, |byte| byte == b'<', Quoting::AsIs);
    }
    if quote.is_some() && (starts(text, at, b"\r\n") || starts(text, at, b"; ")) {
        return part(text, at);
    }
    at = skip_spaces(text, at);
    let sign = match text.get(at..)? {
        [b'=', b'>', ..] => 2,
        [b'=' | b':', ..] => 1,
        [b'%', b'3', b'D' | b'd' | b'A' | b'a', ..] => return encoded(text, at + 3),
        _ => return None,
    };
    let is_json = text.get(at) == Some(&b':') && quote.is_some();
    let after = skip_spaces(text, at + sign);
    let (value_quote, begin) = skip_quote(text, after);
    match value_quote {
        Some(quote) => Some(Found { start: begin, end: closing(text, begin, quote), quoting: Quoting::AsIs }),
        None if is_json => match byte(text, after)? {
            b'{' | b'[' | b'n' | b't' | b'f' => None,
            _ => until(
                text,
                after,
                |byte| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace(),
                Quoting::Quoted,
            ),
        },
        None if is_line && text.get(at) == Some(&b':') => {
            until(text, after, |byte| matches!(byte, b'\r' | b'\n' | b'"' | b'\''), Quoting::Credential)
        }
        None if matches!(byte(text, after), Some(b'{' | b'[')) => None,
        None => until(text, after, is_form_end, Quoting::AsIs),
    }
}

/// The rest of the line behind a command that takes a credential: at the beginning of the text, or as its protocol writes it
/// at the start of a word.
pub(super) fn command(text: &[u8], start: usize, end: usize, is_as_written: bool) -> Option<Found> {
    let is_word = is_as_written && text.get(start.wrapping_sub(1)).is_some_and(u8::is_ascii_whitespace);
    if start > 0 && !is_word {
        return None;
    }
    until(text, end, |byte| matches!(byte, b'\r' | b'\n'), Quoting::AsIs)
}

/// A JSON Web Token (RFC 7519 section 3): base64url, two dots.
pub(super) fn web_token(text: &[u8], start: usize) -> Option<Found> {
    let is_inside = start > 0 && text.get(start - 1).is_some_and(|byte| is_base64url(*byte));
    let length = text.get(start..)?.iter().take_while(|byte| is_base64url(**byte) || **byte == b'.').count();
    let token = text.get(start..start + length)?;
    let dots = token.iter().filter(|byte| **byte == b'.').count();
    let is_token = !is_inside && dots >= 2 && length >= SHORTEST_TOKEN_BYTES;
    is_token.then_some(Found { start, end: start + length, quoting: Quoting::AsIs })
}

/// The part of a multipart form (RFC 7578) whose name ended before `at`.
fn part(text: &[u8], at: usize) -> Option<Found> {
    let rest = text.get(at..)?;
    let head = rest.get(..rest.len().min(MAX_PART_HEAD_BYTES))?;
    let begin = at + head.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let body = text.get(begin..)?;
    let length = body.windows(4).position(|bytes| bytes == b"\r\n--").unwrap_or(body.len());
    Some(Found { start: begin, end: begin + length, quoting: Quoting::AsIs })
}

/// A percent-encoded value within a parameter (RFC 3986 section 2.1).
fn encoded(text: &[u8], begin: usize) -> Option<Found> {
    let rest = text.get(begin..)?;
    let is_end = |at: usize| {
        rest.get(at..at + 3).is_some_and(|bytes| bytes.eq_ignore_ascii_case(b"%26"))
            || rest.get(at).copied().is_none_or(is_form_end)
    };
    let length = (0..rest.len()).find(|at| is_end(*at)).unwrap_or(rest.len());
    Some(Found { start: begin, end: begin + length, quoting: Quoting::AsIs })
}

fn until(text: &[u8], start: usize, is_end: impl Fn(u8) -> bool, quoting: Quoting) -> Option<Found> {
    let rest = text.get(start..)?;
    let length = rest.iter().position(|byte| is_end(*byte)).unwrap_or(rest.len());
    (length > 0).then_some(Found { start, end: start + length, quoting })
}

/// A quote, escaped or not, with how many backslashes stand before it.
#[derive(Clone, Copy)]
struct Quote {
    sign: u8,
    backslashes: usize,
}

/// The quote at a position, and the position behind it.
fn skip_quote(text: &[u8], at: usize) -> (Option<Quote>, usize) {
    let backslashes = text.get(at..).unwrap_or_default().iter().take_while(|byte| **byte == b'\\').count();
    match byte(text, at + backslashes) {
        Some(sign @ (b'"' | b'\'')) => (Some(Quote { sign, backslashes }), at + backslashes + 1),
        _ => (None, at),
    }
}

/// Where the quoted text that begins at `at` ends: before the same quote with no more backslashes than it had.
fn closing(text: &[u8], at: usize, quote: Quote) -> usize {
    let mut backslashes = 0;
    for (offset, &byte) in text.get(at..).unwrap_or_default().iter().enumerate() {
        if byte == quote.sign && backslashes <= quote.backslashes {
            return at + offset - backslashes;
        }
        backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
        // Outside of nested documents a pair of backslashes is one that stands for itself.
        if quote.backslashes == 0 && backslashes == 2 {
            backslashes = 0;
        }
    }
    text.len()
}

fn skip_spaces(text: &[u8], at: usize) -> usize {
    at + text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn byte(text: &[u8], at: usize) -> Option<u8> {
    text.get(at).copied()
}

fn starts(text: &[u8], at: usize, with: &[u8]) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(with))
}

fn is_form_end(byte: u8) -> bool {
    matches!(byte, b'&' | b';' | b',' | b'"' | b'\'' | b'<' | b'>' | b')' | b']' | b'}') || byte.is_ascii_whitespace()
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether the value of a name is the rest of its line, as that of a header is.
fn ends_line(name: &[u8]) -> bool {
    [&b"authorization"[..], b"cookie"].iter().any(|header| name.eq_ignore_ascii_case(header))
}

/// The head of a part is not longer.
const MAX_PART_HEAD_BYTES: usize = 1024;
/// A JSON Web Token is not shorter.
const SHORTEST_TOKEN_BYTES: usize = 24;
