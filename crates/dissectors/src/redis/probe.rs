//! Recognises Redis by the framing of RESP.

use lanternfish_dissect::{Head, Probe, Sender};
use lanternfish_model::Direction;

use super::replies::is_scalar;
use super::token::{Found, Length, length, line};
use super::verbs::is_known;

/// What bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// RESP, for sure.
    Sure,
    /// RESP as far as it goes, but other protocols have such lines too.
    Weak,
    /// Too few bytes to tell.
    Cut,
    /// Something else.
    Other,
}

/// Whether bytes are Redis.
pub fn probe(head: &Head<'_>) -> Probe {
    let other_is_request = || request_shape(head.other) == Shape::Sure;
    let other_is_reply = || matches!(reply_shape(head.other), Shape::Sure | Shape::Weak);
    match request_shape(head.bytes) {
        Shape::Sure => return Probe::Match(if other_is_request() { Sender::Server } else { Sender::Client }),
        // A command of a module, or a renamed one: where the beginning was seen, who speaks first is the client.
        Shape::Weak if head.is_start && head.direction == Direction::ToServer => return Probe::Match(Sender::Client),
        Shape::Cut if head.bytes.first() == Some(&b'*') => return Probe::NeedMore,
        _ => {}
    }
    match inline_shape(head.bytes) {
        Shape::Weak if other_is_reply() => return Probe::Match(Sender::Client),
        Shape::Weak if head.facts.server.port == PORT => return Probe::Match(Sender::Client),
        Shape::Weak | Shape::Cut => return Probe::NeedMore,
        _ => {}
    }
    match reply_shape(head.bytes) {
        Shape::Sure => Probe::Match(Sender::Server),
        Shape::Weak if other_is_request() => Probe::Match(Sender::Server),
        Shape::Weak if inline_shape(head.other) == Shape::Weak => Probe::Match(Sender::Server),
        Shape::Weak | Shape::Cut => Probe::NeedMore,
        Shape::Other => Probe::NoMatch,
    }
}

/// Whether bytes begin with a command: an array of bulk strings, the first of which is a word.
pub fn request_shape(bytes: &[u8]) -> Shape {
    if bytes.is_empty() {
        return Shape::Cut;
    }
    if bytes.first() != Some(&b'*') {
        return Shape::Other;
    }
    let at = match length(bytes, 1) {
        Found::Whole(Length::Known(1..=MAX_PROBED_ARGUMENTS), next) => next,
        Found::Cut => return Shape::Cut,
        _ => return Shape::Other,
    };
    match bytes.get(at) {
        Some(b'$') => {}
        None => return Shape::Cut,
        _ => return Shape::Other,
    }
    let (count, verb_at) = match length(bytes, at.saturating_add(1)) {
        Found::Whole(Length::Known(count @ 2..=MAX_PROBED_VERB), next) => (count as usize, next),
        Found::Cut => return Shape::Cut,
        _ => return Shape::Other,
    };
    let rest = bytes.get(verb_at..).unwrap_or_default();
    let verb = rest.get(..count).unwrap_or(rest);
    if !verb.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-|".contains(byte)) {
        return Shape::Other;
    }
    match rest.get(count..) {
        Some([b'\r', b'\n', ..]) => {
            // Commands of modules have a dot; other words that are no command may be a list of some reply.
            let is_command = is_known(verb) || verb.contains(&b'.');
            if is_command { Shape::Sure } else { Shape::Weak }
        }
        Some([] | [b'\r']) | None => Shape::Cut,
        _ => Shape::Other,
    }
}

/// Whether bytes begin with a line typed by hand. Other protocols have some of these words too.
pub fn inline_shape(bytes: &[u8]) -> Shape {
    let (text, _) = match line(bytes, 0, MAX_PROBED_LINE) {
        Found::Whole(text, next) => (text, next),
        Found::Cut => {
            let is_word = bytes.iter().all(u8::is_ascii_alphabetic) && bytes.len() <= MAX_PROBED_VERB as usize;
            return if is_word && !bytes.is_empty() { Shape::Cut } else { Shape::Other };
        }
        Found::Bad => return Shape::Other,
    };
    let verb = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_ambiguous = [&b"QUIT"[..], b"AUTH", b"HELP", b"TYPE", b"TIME", b"MOVE", b"SORT", b"SAVE", b"COPY"]
        .iter()
        .any(|word| verb.eq_ignore_ascii_case(word));
    let is_plain = text.iter().all(|byte| (b' '..=b'~').contains(byte));
    let is_web = memmem(text, b"HTTP/") || memmem(text, b"RTSP/") || memmem(text, b"SIP/");
    if is_plain && !is_web && !is_ambiguous && is_known(verb) { Shape::Weak } else { Shape::Other }
}

/// Whether bytes are whole replies, one after the other, the last of which may be cut. Status lines alone are weak:
/// mail has them too.
pub fn reply_shape(bytes: &[u8]) -> Shape {
    if bytes.is_empty() {
        return Shape::Cut;
    }
    let (mut at, mut values, mut strong) = (0usize, 0usize, 0usize);
    while at < bytes.len() && values < MAX_PROBED_VALUES {
        let kind = bytes.get(at).copied().unwrap_or(0);
        let body = at.saturating_add(1);
        let next = match kind {
            b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => match line(bytes, body, MAX_PROBED_LINE) {
                Found::Whole(text, next) if is_scalar(kind, text) && is_status(kind, text) => {
                    strong = strong.saturating_add(usize::from(matches!(kind, b':' | b',' | b'#' | b'_')));
                    next
                }
                Found::Cut => break,
                _ => return Shape::Other,
            },
            b'$' | b'=' | b'!' => match length(bytes, body) {
                Found::Whole(Length::Known(count), next) => {
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    let end = next.saturating_add(count);
                    match bytes.get(end..) {
                        Some([b'\r', b'\n', ..]) => {
                            strong = strong.saturating_add(2);
                            end.saturating_add(2)
                        }
                        Some([] | [b'\r']) | None => break,
                        _ => return Shape::Other,
                    }
                }
                Found::Whole(Length::Null, next) => {
                    strong = strong.saturating_add(2);
                    next
                }
                Found::Cut => break,
                _ => return Shape::Other,
            },
            b'*' | b'%' | b'~' | b'>' | b'|' => match length(bytes, body) {
                Found::Whole(_, next) => {
                    strong = strong.saturating_add(1);
                    next
                }
                Found::Cut => break,
                Found::Bad => return Shape::Other,
            },
            _ => return Shape::Other,
        };
        values = values.saturating_add(1);
        at = next;
    }
    match (values, strong) {
        (_, 2..) => Shape::Sure,
        (0, _) => Shape::Cut,
        _ => Shape::Weak,
    }
}

/// Whether a status line is one that Redis writes: visible characters; errors begin with a word in upper case.
fn is_status(kind: u8, text: &[u8]) -> bool {
    let is_visible = text.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
    match kind {
        b'-' => is_visible && text.first().is_some_and(u8::is_ascii_uppercase),
        _ => is_visible,
    }
}

fn memmem(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// The port that Redis listens on where nobody chose another.
const PORT: u16 = 6379;
/// The most arguments of a command that is recognised.
const MAX_PROBED_ARGUMENTS: u64 = 1 << 20;
/// The longest verb that is recognised.
const MAX_PROBED_VERB: u64 = 40;
/// The longest line that is looked at.
const MAX_PROBED_LINE: usize = 1024;
/// The most values that are looked at.
const MAX_PROBED_VALUES: usize = 64;
