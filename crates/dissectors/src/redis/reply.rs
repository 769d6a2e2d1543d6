//! What a whole reply is in the exchange, and its fields.

use lanternfish_dissect::Out;
use lanternfish_model::{Message, Outcome, PairKey, Role};

use super::commands::size;
use super::exchange::{Asked, Exchange, ServerMode};
use super::fields as f;
use super::line::cut_half_character;
use super::replies::Facts;
use super::verbs::Kind;

/// Decides what a reply answers, and writes its fields.
pub fn write(message: &mut Message, facts: &Facts, exchange: &mut Exchange, out: &Out<'_>) {
    // Of a command that is not known the length is not known either.
    let request = match unasked(facts, exchange) {
        Some(kind) => {
            one_way(message, facts, kind, out);
            Some(0)
        }
        None => answer(message, facts, exchange).map(|asked| u64::from(asked.size)),
    };
    size(message, f::RESPONSE_SIZE, message.wire_bytes, out);
    if let Some(request) = request {
        size(message, f::TOTAL_SIZE, message.wire_bytes.saturating_add(request), out);
    }
    if out.wants(f::RESPONSE_TYPE) {
        message.values.name(f::RESPONSE_TYPE, type_name(facts));
    }
    message.outcome = Outcome::Ok;
    if matches!(facts.kind, b'-' | b'!') {
        message.outcome = outcome(facts.first.as_slice());
        if out.wants(f::ERROR) {
            message.values.text(f::ERROR, text(facts.first.as_slice(), facts.first.is_cut));
        }
    }
}

/// The kind of a message that no command asked for; `None` for replies.
fn unasked(facts: &Facts, exchange: &mut Exchange) -> Option<&'static str> {
    let first = facts.first.as_slice();
    match facts.kind {
        b'>' | b'*' => {
            if let Some(kind) = confirmation(first, facts.count) {
                return unasked_confirmation(kind, exchange);
            }
            let kind = match first {
                b"message" if facts.count == 3 => "MESSAGE",
                b"smessage" if facts.count == 3 => "SMESSAGE",
                b"pmessage" if facts.count == 4 => "PMESSAGE",
                b"invalidate" if facts.kind == b'>' => "INVALIDATE",
                _ if facts.kind == b'>' => "PUSH",
                _ => return None,
            };
            // RESP2 has the same type for replies: a list may begin with such a word too.
            let is_push = facts.kind == b'>' || exchange.is_subscribed || exchange.is_idle();
            if is_push { Some(kind) } else { None }
        }
        b'+' if exchange.is_monitor && first.first().is_some_and(u8::is_ascii_digit) => Some("MONITOR"),
        _ => None,
    }
}

/// Whether a list confirms a subscription or its end.
fn confirmation(first: &[u8], count: u64) -> Option<(Kind, &'static str)> {
    if count != 3 {
        return None;
    }
    Some(match first {
        b"subscribe" => (Kind::Subscribe, "SUBSCRIBE"),
        b"psubscribe" => (Kind::Subscribe, "PSUBSCRIBE"),
        b"ssubscribe" => (Kind::Subscribe, "SSUBSCRIBE"),
        b"unsubscribe" => (Kind::Unsubscribe, "UNSUBSCRIBE"),
        b"punsubscribe" => (Kind::Unsubscribe, "PUNSUBSCRIBE"),
        b"sunsubscribe" => (Kind::Unsubscribe, "SUNSUBSCRIBE"),
        _ => return None,
    })
}

/// The first confirmation answers the command, the others stand alone.
fn unasked_confirmation((kind, name): (Kind, &'static str), exchange: &mut Exchange) -> Option<&'static str> {
    if exchange.confirmations > 0 {
        exchange.confirmations = exchange.confirmations.saturating_sub(1);
        return Some(name);
    }
    match exchange.next() {
        Some(asked) if asked.kind == kind => None,
        _ => Some(name),
    }
}

fn one_way(message: &mut Message, facts: &Facts, kind: &'static str, out: &Out<'_>) {
    message.role = Role::OneWay;
    message.pairing = PairKey::Alone;
    if out.wants(f::TYPE) {
        message.values.name(f::TYPE, kind);
    }
    let channel = facts.second.as_slice();
    if out.wants(f::CHANNEL) && !channel.is_empty() && !matches!(kind, "MONITOR" | "PUSH" | "INVALIDATE") {
        message.values.text(f::CHANNEL, text(channel, facts.second.is_cut));
    }
}

/// Takes the command that the reply answers, and lets it take effect.
fn answer(message: &mut Message, facts: &Facts, exchange: &mut Exchange) -> Option<Asked> {
    message.role = Role::Response;
    message.pairing = PairKey::InOrder;
    let asked = exchange.answer()?;
    let is_error = matches!(facts.kind, b'-' | b'!');
    match asked.kind {
        Kind::Subscribe | Kind::Unsubscribe if !is_error => {
            exchange.confirmations = asked.more;
            exchange.is_subscribed = true;
        }
        Kind::Monitor if !is_error => exchange.is_monitor = true,
        Kind::Reset if !is_error => exchange.reset(),
        Kind::PartialSync if !is_error => {
            let is_full = facts.first.as_slice().starts_with(b"FULLRESYNC");
            exchange.server = if is_full { ServerMode::Snapshot } else { ServerMode::Commands };
        }
        _ => {}
    }
    Some(asked)
}

fn outcome(error: &[u8]) -> Outcome {
    let is_password = error.starts_with(b"WRONGPASS") || error.starts_with(b"ERR invalid password");
    if is_password { Outcome::ClientError } else { Outcome::ServerError }
}

fn text(bytes: &[u8], is_cut: bool) -> &[u8] {
    let end = if is_cut { cut_half_character(bytes) } else { bytes.len() };
    bytes.get(..end).unwrap_or_default()
}

fn type_name(facts: &Facts) -> &'static str {
    match facts.kind {
        _ if facts.is_null => "null",
        b'+' => "simple string",
        b'-' => "error",
        b':' => "integer",
        b'$' => "bulk string",
        b'*' => "array",
        b'_' => "null",
        b'#' => "boolean",
        b',' => "double",
        b'(' => "big number",
        b'!' => "bulk error",
        b'=' => "verbatim string",
        b'%' => "map",
        b'~' => "set",
        b'>' => "push",
        _ => "unknown",
    }
}
