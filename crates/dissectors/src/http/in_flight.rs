//! The requests that wait for their response, as far as framing needs them.
//!
//! RFC 9112 section 6.3: whether a response has a body depends on the method of its request. Equal neighbours share a
//! run, so that a direction seen alone costs nothing.

use smallvec::SmallVec;

/// What matters of a request for the framing of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request was not seen.
    Unknown,
    /// Any other.
    Plain,
    /// HEAD: the response has no body.
    Head,
    /// CONNECT: a tunnel follows a response with 2xx.
    Connect,
    /// It asks for another protocol.
    Upgrade,
}

/// The kinds of the requests in flight, oldest first.
#[derive(Debug, Default)]
pub struct InFlight {
    runs: SmallVec<[(Kind, u32); 3]>,
    /// Responses that came before their request: the two directions are captured in no strict order.
    early: u32,
    is_order_lost: bool,
}

impl InFlight {
    /// The most runs that are kept; past it the oldest is forgotten.
    pub const MAX_RUNS: usize = 64;

    /// Adds a request. `is_quiet` says that no response is under way.
    pub fn push(&mut self, kind: Kind, is_quiet: bool) {
        if self.is_order_lost && is_quiet {
            // Without pipelining nothing is owed when a request begins, so this is where the order is known again.
            *self = InFlight::default();
        }
        if self.early > 0 {
            self.early -= 1;
            return;
        }
        match self.runs.last_mut() {
            Some((last, count)) if *last == kind => *count = count.saturating_add(1),
            _ => {
                if self.runs.len() >= Self::MAX_RUNS {
                    self.runs.remove(0);
                    self.is_order_lost = true;
                }
                self.runs.push((kind, 1));
            }
        }
    }

    /// Takes the oldest request. `is_from_start` says that none can have been missed.
    pub fn pop(&mut self, is_from_start: bool) -> Kind {
        let is_order_lost = self.is_order_lost;
        let Some((kind, count)) = self.runs.first_mut() else {
            if is_from_start && !is_order_lost {
                self.early = self.early.saturating_add(1);
            }
            return Kind::Unknown;
        };
        let kind = *kind;
        *count -= 1;
        if *count == 0 {
            self.runs.remove(0);
        }
        if is_order_lost && kind == Kind::Head { Kind::Unknown } else { kind }
    }

    /// The newest request.
    pub fn newest(&self) -> Option<Kind> {
        self.runs.last().map(|&(kind, _)| kind)
    }

    /// Learns that messages were lost, so that requests and responses may no longer fit.
    pub fn lose_order(&mut self) {
        self.is_order_lost = true;
    }
}
