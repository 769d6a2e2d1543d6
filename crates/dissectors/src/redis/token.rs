//! The tokens of RESP: lines that end in CR LF, and lengths.

/// What was found at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// It is there, and what follows begins at the offset.
    Whole(T, usize),
    /// More bytes are needed.
    Cut,
    /// It is malformed or longer than the limit.
    Bad,
}

/// A length or count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many.
    Known(u64),
    /// -1: null.
    Null,
    /// `?`: known only at its end.
    Streamed,
}

/// Reads a length and its line end.
pub fn length(bytes: &[u8], at: usize) -> Found<Length> {
    let rest = bytes.get(at..).unwrap_or_default();
    let mut value = 0u64;
    for (position, &byte) in rest.iter().enumerate().take(MAX_DIGITS) {
        match byte {
            b'0'..=b'9' => value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
            b'\r' if position > 0 => return line_end(rest, position, at, Length::Known(value)),
            b'-' | b'?' if position == 0 => return special(rest, at),
            _ => return Found::Bad,
        }
    }
    if rest.len() < MAX_DIGITS { Found::Cut } else { Found::Bad }
}

fn special(rest: &[u8], at: usize) -> Found<Length> {
    match rest {
        [b'?', b'\r', ..] => line_end(rest, 1, at, Length::Streamed),
        [b'-', b'1', b'\r', ..] => line_end(rest, 2, at, Length::Null),
        [b'?'] | [b'-'] | [b'-', b'1'] => Found::Cut,
        _ => Found::Bad,
    }
}

fn line_end(rest: &[u8], position: usize, at: usize, length: Length) -> Found<Length> {
    match rest.get(position.saturating_add(1)) {
        Some(b'\n') => Found::Whole(length, at.saturating_add(position).saturating_add(2)),
        Some(_) => Found::Bad,
        None => Found::Cut,
    }
}

/// Reads a line up to its CR LF; one longer than `limit` is bad.
pub fn line(bytes: &[u8], at: usize, limit: usize) -> Found<&[u8]> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(position) = rest.iter().take(limit).position(|&byte| byte == b'\r' || byte == b'\n') else {
        return if rest.len() < limit { Found::Cut } else { Found::Bad };
    };
    match (rest.get(position), rest.get(position.saturating_add(1))) {
        (Some(b'\r'), Some(b'\n')) => {
            Found::Whole(rest.get(..position).unwrap_or_default(), at.saturating_add(position).saturating_add(2))
        }
        (Some(b'\r'), None) => Found::Cut,
        _ => Found::Bad,
    }
}

/// The most digits of a length, with its line end.
const MAX_DIGITS: usize = 20;
