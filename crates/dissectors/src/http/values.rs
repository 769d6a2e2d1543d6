//! Values within values: query strings, URL-encoded forms, cookies, multipart forms and trailers.
//!
//! URL-encoded pairs follow the WHATWG URL standard section 5.1, cookies RFC 6265 section 4, multipart forms RFC 7578.

use lanternfish_model::{FieldIndex, MapWriter, Values};
use memchr::{memchr, memchr_iter, memchr2, memmem};

use super::head::{self, Header};

/// Sets a map from URL-encoded pairs (`a=1&b=2`); tells whether all of them fit the limit.
pub fn pairs(values: &mut Values, field: FieldIndex, text: &[u8], limit: usize) -> bool {
    let mut map = values.map(field);
    let (mut name_buffer, mut value_buffer) = (Vec::new(), Vec::new());
    let mut is_whole = true;
    let mut start = 0;
    let mut count = 0usize;
    for end in memchr_iter(b'&', text).chain([text.len()]) {
        let pair = text.get(start..end).unwrap_or_default();
        start = end + 1;
        if pair.is_empty() {
            continue;
        }
        if count == limit {
            is_whole = false;
            break;
        }
        count += 1;
        let (name, value) = split_at_byte(pair, b'=');
        map.push(decode(name, &mut name_buffer), decode(value, &mut value_buffer));
    }
    map.finish();
    is_whole
}

/// Undoes percent-encoding and `+`; a `%` without two hexadecimal digits stands for itself.
fn decode<'a>(text: &'a [u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    if memchr2(b'%', b'+', text).is_none() {
        return text;
    }
    buffer.clear();
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let decoded = match (byte, behind) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => byte,
            },
            _ => byte,
        };
        buffer.push(decoded);
    }
    buffer
}

/// The value of a hexadecimal digit.
pub const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit & 0x0f),
        b'a'..=b'f' | b'A'..=b'F' => Some((digit & 0x0f) + 9),
        _ => None,
    }
}

/// Sets the map of the cookies that a request carries or a response sets.
pub fn cookies<'a>(
    values: &mut Values,
    field: FieldIndex,
    headers: impl Iterator<Item = Header<'a>>,
    limit: usize,
) -> bool {
    let mut map = values.map(field);
    let mut count = 0usize;
    for header in headers {
        // Only the first pair of `Set-Cookie` is a cookie; what follows are its attributes.
        let most = match header.name.len() {
            6 if header.is(b"cookie") => limit,
            10 if header.is(b"set-cookie") => 1,
            _ => continue,
        };
        for pair in header.value.split(|&byte| byte == b';').take(most) {
            let (name, value) = split_at_byte(pair, b'=');
            let (name, value) = (head::trim(name), head::trim(value));
            if name.is_empty() && value.is_empty() {
                continue;
            }
            if count == limit {
                map.finish();
                return false;
            }
            count += 1;
            map.push(name, value);
        }
    }
    map.finish();
    true
}

/// Sets the map of trailer fields from the lines behind the last chunk.
pub fn trailers(values: &mut Values, field: FieldIndex, section: &[u8], limit: usize) {
    let mut map: MapWriter<'_> = values.map(field);
    for line in section.split(|&byte| byte == b'\n').take(limit) {
        let (name, value) = split_at_byte(line, b':');
        let name = head::trim(name);
        if !name.is_empty() {
            map.push_lower(name, head::trim(value));
        }
    }
    map.finish();
}

/// Sets the list of the names of the parts of a multipart form (RFC 7578 section 4.2).
pub fn part_names(values: &mut Values, field: FieldIndex, body: &[u8], boundary: &[u8], limit: usize) {
    let mut list = values.list(field);
    let delimiter = [b"--", boundary].concat();
    let mut found = memmem::find_iter(body, &delimiter).take(limit).peekable();
    while let Some(at) = found.next() {
        let end = found.peek().copied().unwrap_or(body.len());
        let part = body.get(at + delimiter.len()..end).unwrap_or_default();
        if part.starts_with(b"--") {
            break;
        }
        if let Some(name) = part_name(part) {
            list.push(name);
        }
    }
    list.finish();
}

fn part_name(part: &[u8]) -> Option<&[u8]> {
    let mut lines = part.split(|&byte| byte == b'\n').map(head::trim).skip(1).take(MAX_PART_HEADERS);
    let disposition = lines.by_ref().take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = split_at_byte(line, b':');
        head::trim(name).eq_ignore_ascii_case(b"content-disposition").then_some(value)
    })?;
    parameter(disposition, b"name")
}

/// The value of a parameter of a header such as `Content-Type` (RFC 9110 section 5.6.6), quotes taken off.
pub fn parameter<'a>(value: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut rest = value.get(memchr(b';', value)? + 1..)?;
    loop {
        let (name, behind) = rest.split_at_checked(memchr(b'=', rest)?)?;
        let behind = behind.get(1..)?;
        let (found, behind) = match behind.strip_prefix(b"\"") {
            Some(quoted) => quoted.split_at_checked(memchr(b'"', quoted)?)?,
            None => {
                let (found, behind) = behind.split_at_checked(memchr(b';', behind).unwrap_or(behind.len()))?;
                (head::trim(found), behind)
            }
        };
        let name = name.rsplit(|&byte| byte == b';').next().unwrap_or_default();
        if head::trim(name).eq_ignore_ascii_case(wanted) {
            return Some(found);
        }
        rest = behind.get(1..)?;
    }
}

/// Splits at the first of a byte; the second part is empty where there is none.
fn split_at_byte(bytes: &[u8], byte: u8) -> (&[u8], &[u8]) {
    match memchr(byte, bytes) {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default()),
        None => (bytes, &[]),
    }
}

/// Header lines of a part that are looked at.
const MAX_PART_HEADERS: usize = 32;
