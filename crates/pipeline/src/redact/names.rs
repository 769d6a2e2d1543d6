//! Values that are secrets by the names that they stand under: headers, parameters, form fields.

use super::fingerprint::{Fingerprint, is_redacted};

/// What a name says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Under {
    /// A scheme and a credential (RFC 9110 section 11.4).
    Credential,
    /// Pairs of names and values, all secret (RFC 6265 section 4.2).
    Cookie,
    /// One pair of which the value is secret, and attributes (RFC 6265 section 4.1).
    SetCookie,
    /// A secret.
    Secret,
}

/// The value with its secret replaced; none where the name does not say that there is one.
pub(super) fn replace(name: &[u8], value: &[u8], fingerprint: &Fingerprint) -> Option<Vec<u8>> {
    if value.is_empty() || is_redacted(value) {
        return None;
    }
    match kind(name)? {
        Under::Secret => fingerprint.replace(value),
        Under::Credential => Some(credential(value, fingerprint)),
        Under::Cookie => Some(cookies(value, fingerprint, usize::MAX)),
        Under::SetCookie => Some(cookies(value, fingerprint, 1)),
    }
}

fn kind(name: &[u8]) -> Option<Under> {
    if name.eq_ignore_ascii_case(b"authorization") || name.eq_ignore_ascii_case(b"proxy-authorization") {
        return Some(Under::Credential);
    }
    if name.eq_ignore_ascii_case(b"cookie") {
        return Some(Under::Cookie);
    }
    if name.eq_ignore_ascii_case(b"set-cookie") {
        return Some(Under::SetCookie);
    }
    is_secret_name(name).then_some(Under::Secret)
}

/// Whether a name ends in a word for a secret, without regard to case and to `-`, `_` and `.` within it.
fn is_secret_name(name: &[u8]) -> bool {
    let last = name.last().map(u8::to_ascii_lowercase);
    SECRET_NAMES.iter().any(|(word, _)| word.as_bytes().last().copied() == last && ends_with(name, word.as_bytes()))
}

fn ends_with(name: &[u8], word: &[u8]) -> bool {
    let mut letters = name.iter().rev().filter(|byte| !matches!(byte, b'-' | b'_' | b'.'));
    word.iter().rev().all(|letter| letters.next().is_some_and(|byte| byte.to_ascii_lowercase() == *letter))
}

/// The scheme stays: it tells what kind of credential it is.
pub(super) fn credential(value: &[u8], fingerprint: &Fingerprint) -> Vec<u8> {
    let space = value.iter().position(|byte| *byte == b' ');
    let is_scheme = |scheme: &[u8]| {
        !scheme.is_empty() && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let mut out = Vec::new();
    let secret = match space.and_then(|at| value.split_at_checked(at)) {
        Some((scheme, rest)) if is_scheme(scheme) && scheme.len() <= MAX_SCHEME_BYTES && rest.len() > 1 => {
            out.extend_from_slice(scheme);
            out.push(b' ');
            rest.get(1..).unwrap_or_default()
        }
        _ => value,
    };
    fingerprint.write(secret, &mut out);
    out
}

/// The names of cookies stay, and what follows the first `count` pairs.
fn cookies(value: &[u8], fingerprint: &Fingerprint, count: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for (number, part) in value.split(|byte| *byte == b';').enumerate() {
        if number > 0 {
            out.push(b';');
        }
        if number >= count {
            out.extend_from_slice(part);
            continue;
        }
        let at = part.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
        let (name, secret) = part.split_at_checked(at).unwrap_or((&[], part));
        out.extend_from_slice(name);
        if !secret.is_empty() {
            fingerprint.write(secret, &mut out);
        }
    }
    out
}

/// Words that names of secrets end with, in lower case and without `-`, `_` and `.`; and how they are spelled where they are
/// looked for in text (`sid` is too common there, and `sig` stands alone only before a value).
pub(super) const SECRET_NAMES: &[(&str, &[&str])] = &[
    ("password", &["password"]),
    ("passwd", &["passwd"]),
    ("passphrase", &["passphrase"]),
    ("passcode", &["passcode"]),
    ("pwd", &["pwd"]),
    ("secret", &["secret"]),
    ("token", &["token"]),
    ("apikey", &["apikey", "api_key", "api-key"]),
    ("accesskey", &["accesskey", "access_key", "access-key"]),
    ("secretkey", &["secretkey", "secret_key", "secret-key"]),
    ("privatekey", &["privatekey", "private_key", "private-key"]),
    ("authkey", &["auth_key", "authkey"]),
    ("authorization", &["authorization"]),
    ("credential", &["credential"]),
    ("credentials", &["credentials"]),
    ("cookie", &["cookie"]),
    ("sessionid", &["sessionid", "session_id", "session-id"]),
    ("sessid", &["sessid"]),
    ("sid", &[]),
    ("signature", &["signature"]),
    ("sig", &["sig="]),
    ("assertion", &["assertion"]),
    ("cvv", &["cvv"]),
    ("cvc", &["cvc"]),
    ("cardnumber", &["cardnumber", "card_number", "card-number"]),
    ("otp", &["otp"]),
];
/// A longer first word is no scheme.
const MAX_SCHEME_BYTES: usize = 32;
