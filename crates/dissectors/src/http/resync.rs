//! Finds the next message after framing was lost.

use lanternfish_model::Direction;
use memchr::memchr_iter;

use super::start::{self, Begins};

/// The next offset at which a message begins: at the start of the bytes or of a line. At the very end of the bytes also
/// one that may become a message, where it already shows a well-known method or a version. `is_rejected` says that none
/// begins with the first byte.
pub fn next_message(direction: Direction, bytes: &[u8], is_rejected: bool) -> Option<usize> {
    std::iter::once(0)
        .filter(|_| !is_rejected)
        .chain(memchr_iter(b'\n', bytes).map(|end| end + 1))
        .find(|&at| is_candidate(direction, bytes.get(at..).unwrap_or_default()))
}

fn is_candidate(direction: Direction, bytes: &[u8]) -> bool {
    // Most lines are ruled out by their first byte.
    let is_possible = match (direction, bytes.first()) {
        (Direction::ToServer, Some(&first)) => start::is_token(first),
        (Direction::ToClient, first) => first == Some(&b'H'),
        (_, None) => false,
    };
    if !is_possible {
        return false;
    }
    match start::begins(direction, bytes.get(..MAX_CANDIDATE_BYTES).unwrap_or(bytes)) {
        Begins::Yes => true,
        Begins::No => false,
        Begins::Maybe => match direction {
            Direction::ToClient => true,
            Direction::ToServer => start::begins_known_method(bytes),
        },
    }
}

/// Bytes of a candidate that are looked at.
const MAX_CANDIDATE_BYTES: usize = 8 << 10;
