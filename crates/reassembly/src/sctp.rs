//! SCTP packets: their chunks are listed (RFC 9260 section 3.2), their streams are not put together.

use lanternfish_model::CloseReason;

use crate::half::{End, Marks};
use crate::record::{Class, Record};

impl<T> Record<T> {
    /// Notes the chunk types of a packet and what they mean for the association.
    pub(crate) fn sctp(&mut self, end: End, payload: &[u8], missing: u32) {
        self.keep_head(end, payload);
        self.is_head_full |= !payload.is_empty();
        let half = self.half_mut(end);
        let length = (payload.len() as u64).saturating_add(u64::from(missing));
        half.payload_bytes = half.payload_bytes.saturating_add(length);
        for kind in chunk_types(payload) {
            let types = &mut self.rare().chunk_types;
            if let Err(at) = types.binary_search(&kind) {
                types.insert(at, kind);
            }
            match kind {
                ABORT => {
                    self.half_mut(end).marks.set(Marks::RST);
                    let is_answer = end != self.client && self.half(end).packets == 1 && !self.facts.is_midstream;
                    self.finish_as(if is_answer { CloseReason::Refused } else { CloseReason::Reset });
                }
                SHUTDOWN_COMPLETE => self.finish_as(CloseReason::Finished),
                _ => {}
            }
        }
    }

    /// Lets the connection linger, with the reason that its packets told first.
    pub(crate) fn finish_as(&mut self, reason: CloseReason) {
        if self.close == CloseReason::Open {
            self.close = reason;
        }
        self.class = Class::Closed;
    }
}

/// The types of the chunks in a packet, as far as they are whole enough to tell.
pub(crate) fn chunk_types(payload: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        let (&[kind, _, high, low], _) = rest.split_first_chunk::<4>()?;
        // A length below that of its own header ends the list; others are padded to four bytes.
        let length = usize::from(u16::from_be_bytes([high, low]));
        let padded = length.next_multiple_of(4);
        rest = if length < 4 { &[] } else { rest.get(padded..).unwrap_or_default() };
        Some(kind)
    })
}

/// The chunk that opens an association.
pub(crate) const INIT: u8 = 1;
/// Its answer.
pub(crate) const INIT_ACK: u8 = 2;
const ABORT: u8 = 6;
const SHUTDOWN_COMPLETE: u8 = 14;
