//! Fingerprints of hellos: JA3 and JA3S (MD5 over the numbers in decimal), and JA4 for clients (SHA-256 over sorted numbers).

use std::fmt::Write as _;

use md5::{Digest, Md5};
use sha2::Sha256;

use super::hello::{ALPN, ClientHello, SERVER_NAME, ServerHello};

/// The JA3 fingerprint: version, ciphers, extensions, groups and point formats, in their order on the wire.
pub fn ja3(hello: &ClientHello<'_>) -> String {
    let mut text = String::with_capacity(512);
    let _ = write!(text, "{},", hello.version);
    join(&mut text, hello.ciphers.tls());
    text.push(',');
    join(&mut text, hello.extensions.types());
    text.push(',');
    join(&mut text, hello.extensions.groups());
    text.push(',');
    join(&mut text, hello.extensions.point_formats().iter().map(|&format| u16::from(format)));
    hex(&Md5::digest(text.as_bytes()))
}

/// The JA3S fingerprint: version, cipher and extensions of the server.
pub fn ja3s(hello: &ServerHello<'_>) -> String {
    let mut text = String::with_capacity(64);
    let _ = write!(text, "{},", hello.version);
    join(&mut text, hello.cipher.into_iter());
    text.push(',');
    join(&mut text, hello.extensions.types());
    hex(&Md5::digest(text.as_bytes()))
}

/// The JA4 fingerprint of a client over TCP.
pub fn ja4(hello: &ClientHello<'_>) -> String {
    let mut ciphers: Vec<u16> = hello.ciphers.tls().collect();
    let mut extensions: Vec<u16> = hello.extensions.types().collect();
    let has_name = extensions.contains(&SERVER_NAME);
    let version = match hello.newest_version() {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    };
    let [first, last] = alpn_ends(hello.extensions.alpn().next().unwrap_or_default());
    let mut text = String::with_capacity(40);
    let name = if has_name { 'd' } else { 'i' };
    let _ = write!(text, "t{version}{name}{:02}{:02}{first}{last}_", ciphers.len().min(99), extensions.len().min(99));
    ciphers.sort_unstable();
    text.push_str(&truncated_sha256(&hex_list(&ciphers)));
    text.push('_');
    extensions.retain(|&number| number != SERVER_NAME && number != ALPN);
    extensions.sort_unstable();
    let mut list = hex_list(&extensions);
    let algorithms: Vec<u16> = hello.extensions.signature_algorithms().collect();
    if !list.is_empty() && !algorithms.is_empty() {
        list.push('_');
        list.push_str(&hex_list(&algorithms));
    }
    text.push_str(&truncated_sha256(&list));
    text
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

fn digit(value: u8) -> char {
    let letter = if value < 10 { b'0' } else { b'a' - 10 };
    char::from(letter.saturating_add(value))
}

/// Numbers in decimal with dashes between them.
fn join(text: &mut String, numbers: impl Iterator<Item = u16>) {
    for (position, number) in numbers.enumerate() {
        if position > 0 {
            text.push('-');
        }
        let mut has_begun = false;
        for unit in [10_000, 1000, 100, 10, 1] {
            let digit = number / unit % 10;
            has_begun |= digit > 0 || unit == 1;
            if has_begun {
                text.push(char::from(b'0' + digit as u8));
            }
        }
    }
}

/// Numbers in hexadecimal with commas between them.
fn hex_list(numbers: &[u16]) -> String {
    let mut text = String::with_capacity(numbers.len() * 5);
    for (position, number) in numbers.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        for byte in number.to_be_bytes() {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 15));
        }
    }
    text
}

/// The first 12 digits of the hash; of an empty list, zeros.
fn truncated_sha256(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    let digest = Sha256::digest(text.as_bytes());
    hex(digest.get(..6).unwrap_or_default())
}

/// The first and last character of a protocol's name; of one that does not begin and end with a letter or digit, the
/// first and last digit of its hexadecimal form.
fn alpn_ends(name: &[u8]) -> [char; 2] {
    match (name.first(), name.last()) {
        (Some(&first), Some(&last)) if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => {
            [char::from(first), char::from(last)]
        }
        (Some(&first), Some(&last)) => [digit(first >> 4), digit(last & 15)],
        _ => ['0', '0'],
    }
}
