//! Secrets within text: JSON, forms, URLs, XML, multipart forms, header lines, command lines, card numbers, JSON Web Tokens.
//!
//! The text is not parsed: a value is found by the name before it, so that what is cut, damaged or nested is covered too.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use super::fingerprint::{Fingerprint, is_redacted};
use super::names;

mod cards;
mod value;

use value::{Found, Quoting};

/// Finds secrets in text.
pub(super) struct Scanner {
    words: Option<AhoCorasick>,
}

impl Scanner {
    pub(super) fn new() -> Scanner {
        let mut builder = AhoCorasickBuilder::new();
        builder.ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::DFA));
        // The words are constants of moderate number; without the automaton everything would count as a secret.
        let names = names::SECRET_NAMES.iter().flat_map(|(_, spellings)| spellings.iter());
        Scanner { words: builder.build(names.chain(COMMAND_WORDS).chain([&WEB_TOKEN])).ok() }
    }

    /// The text with its secrets replaced; none where it holds none.
    pub(super) fn replace(&self, text: &[u8], fingerprint: &Fingerprint) -> Option<Vec<u8>> {
        let Some(words) = &self.words else { return fingerprint.replace(text) };
        if text.len() < SHORTEST_BYTES {
            return None;
        }
        let mut found: Vec<Found> = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..) {
            let Some(word) = words.find(rest) else { break };
            let (start, end) = (at + word.start(), at + word.end());
            let secret = match text.get(start..end) {
                Some(word) if word == WEB_TOKEN.as_bytes() => value::web_token(text, start),
                Some(word) if word.ends_with(b" ") => value::command(text, start, end, is_as_written(word)),
                _ => value::named(text, start, end),
            };
            at = end;
            if let Some(secret) = secret.filter(|secret| found.last().is_none_or(|last| secret.start >= last.end)) {
                at = at.max(secret.end);
                found.push(secret);
            }
        }
        cards::find(text, &mut found);
        found.retain(|secret| secret.end > secret.start && !text.get(secret.start..).is_some_and(is_redacted));
        if found.is_empty() {
            return None;
        }
        found.sort_by_key(|secret| secret.start);
        Some(write(text, &found, fingerprint))
    }
}

fn write(text: &[u8], found: &[Found], fingerprint: &Fingerprint) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut done = 0;
    for secret in found {
        if secret.start < done {
            continue;
        }
        out.extend_from_slice(text.get(done..secret.start).unwrap_or_default());
        let bytes = text.get(secret.start..secret.end).unwrap_or_default();
        match secret.quoting {
            Quoting::AsIs => fingerprint.write(bytes, &mut out),
            Quoting::Credential => out.extend_from_slice(&names::credential(bytes, fingerprint)),
            Quoting::Quoted => {
                out.push(b'"');
                fingerprint.write(bytes, &mut out);
                out.push(b'"');
            }
        }
        done = secret.end;
    }
    out.extend_from_slice(text.get(done..).unwrap_or_default());
    out
}

/// Whether a word of commands stands as its protocol writes it, not as prose does.
fn is_as_written(word: &[u8]) -> bool {
    COMMAND_WORDS.iter().any(|command| command.as_bytes() == word)
}

/// Text that is shorter holds no name with a value.
const SHORTEST_BYTES: usize = 5;
/// Words of line protocols behind which the rest of the line is a credential.
const COMMAND_WORDS: &[&str] = &["AUTH ", "AUTH2 ", "PASS ", "requirepass ", "masterauth "];
/// The beginning of a JSON Web Token (RFC 7519): `{"` in base64url.
const WEB_TOKEN: &str = "eyJ";
