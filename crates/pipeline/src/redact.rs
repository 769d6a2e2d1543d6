//! Redaction: secrets leave an entry before a filter, a screen or a file sees it.
//!
//! Which fields are looked at is declared with them ([`Secrecy`]). A value that is a secret becomes
//! `[REDACTED 3f9a1c]`; the six digits are a keyed fingerprint, so that two tokens can be told apart and one can be
//! followed, but not found by trying. A credential keeps its scheme: `Token [REDACTED 3f9a1c]`.
//! What is on the wire stays there: the raw packets are not changed.

mod fingerprint;
mod names;
mod scan;

use lanternfish_model::{Entry, FieldIndex, FieldTable, Message, ProtocolIndex, Secrecy, Value, fields};

pub use fingerprint::{FINGERPRINT_KEY_BYTES, Fingerprint};
use scan::Scanner;

/// Takes secrets out of entries.
pub struct Redactor {
    /// By protocol, then by the protocol's own index.
    plans: Vec<Vec<Secrecy>>,
    bodies: [Secrecy; 2],
    scanner: Scanner,
    fingerprint: Fingerprint,
}

impl Redactor {
    /// Makes a redactor whose fingerprints depend on a secret key.
    pub fn new(table: &FieldTable, fingerprint: Fingerprint) -> Redactor {
        let protocols = table.protocols().iter();
        let secrecy =
            |index: FieldIndex| fields::FIELDS.get(usize::from(index.0)).map_or(Secrecy::Within, |spec| spec.secrecy);
        Redactor {
            plans: protocols.map(|protocol| protocol.fields.iter().map(|spec| spec.secrecy).collect()).collect(),
            bodies: [secrecy(fields::REQUEST_BODY), secrecy(fields::RESPONSE_BODY)],
            scanner: Scanner::new(),
            fingerprint,
        }
    }

    /// Replaces the secrets of an entry.
    pub fn redact(&self, entry: &mut Entry) {
        let protocol = entry.protocol;
        let [request, response] = self.bodies;
        let mut is_dropped = false;
        for (message, body) in [(&mut entry.request, request), (&mut entry.response, response)] {
            if let Some(message) = message {
                self.values(protocol, message);
                is_dropped |= self.body(message, body);
            }
        }
        if is_dropped {
            entry.notes.add(NOT_KEPT);
        }
    }

    fn values(&self, protocol: ProtocolIndex, message: &mut Message) {
        let Some(plan) = self.plans.get(usize::from(protocol.0)) else { return };
        let (scanner, fingerprint) = (&self.scanner, &self.fingerprint);
        let mut positions = 0..;
        while let Some((position, field)) = positions.next().and_then(|at| Some((at, message.values.field_at(at)?))) {
            let secrecy = plan.get(usize::from(field.0)).copied().unwrap_or(Secrecy::Public);
            if secrecy == Secrecy::Public {
                continue;
            }
            let replaced = match message.values.at(position) {
                Value::Text(text) => text_value(scanner, fingerprint, secrecy, text.as_bytes()),
                Value::Bytes(bytes) => text_value(scanner, fingerprint, secrecy, bytes),
                Value::Map(_) | Value::List(_) => {
                    message.values.replace_items(position, |name, value| match secrecy {
                        Secrecy::Whole => fingerprint.replace(value),
                        _ => names::replace(name, value, fingerprint).or_else(|| scanner.replace(value, fingerprint)),
                    });
                    continue;
                }
                _ => continue,
            };
            if let Some(replaced) = replaced {
                message.values.replace_text(position, &replaced);
            }
        }
    }

    /// Redacts a body; whether it was dropped because it can't be read.
    fn body(&self, message: &mut Message, secrecy: Secrecy) -> bool {
        let body = &mut message.body;
        if secrecy == Secrecy::Public || body.bytes.is_empty() || !body.is_present {
            return false;
        }
        if body.is_encoded {
            body.bytes.clear();
            body.is_cut = true;
            return true;
        }
        if let Some(replaced) = text_value(&self.scanner, &self.fingerprint, secrecy, &body.bytes) {
            body.bytes = replaced;
        }
        false
    }
}

fn text_value(scanner: &Scanner, fingerprint: &Fingerprint, secrecy: Secrecy, text: &[u8]) -> Option<Vec<u8>> {
    match secrecy {
        Secrecy::Public => None,
        Secrecy::Within => scanner.replace(text, fingerprint),
        Secrecy::Whole => fingerprint.replace(text),
    }
}

/// The note of a body that was not kept.
const NOT_KEPT: &str = "body not kept: its encoding is not known, so secrets in it can't be redacted";

#[cfg(test)]
mod tests;
