//! Requests and responses matched: in order, by id, or alone.
//!
//! A state machine of one connection. What finds no other half comes out as a half pair; nothing is dropped.

use std::collections::VecDeque;

use lanternfish_model::{Cause, Loss, Message, PairKey, Role, Timestamp};

/// A request and its response, or one of them.
#[derive(Debug)]
pub struct Pair {
    /// The request, or the one-way message.
    pub request: Option<Box<Message>>,
    /// The response.
    pub response: Option<Box<Message>>,
}

/// The named limits of pairing.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages of one connection that may wait for their other half.
    pub waiting: usize,
    /// How long a request with an id waits for its response, in ns of packet time.
    pub answer_ns: i64,
    /// A request with an id that is older by more than this than another with the same id gets no answer any more: it
    /// was lost, or its id is used again.
    pub repeat_ns: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { waiting: 16_384, answer_ns: 60_000_000_000, repeat_ns: 5_000_000_000 }
    }
}

/// A place in the queue of messages that wait.
#[derive(Debug)]
enum Slot {
    Waiting(Box<Message>),
    /// It was given up; in order, its response must still be taken as its own.
    GivenUp,
}

/// The messages of one connection that wait for their other half.
#[derive(Debug, Default)]
pub struct Pairer {
    requests: VecDeque<Slot>,
    /// Responses that became whole before their requests.
    early: VecDeque<Box<Message>>,
}

impl Pairer {
    /// Takes a message and gives what it completes.
    pub fn push(&mut self, message: Box<Message>, limits: &Limits, loss: &mut Loss, emit: &mut impl FnMut(Pair)) {
        match (message.role, message.pairing) {
            (Role::OneWay, _) | (Role::Request, PairKey::Alone) => {
                emit(Pair { request: Some(message), response: None })
            }
            (Role::Response, PairKey::Alone) => emit(Pair { request: None, response: Some(message) }),
            (Role::Request, PairKey::InOrder | PairKey::Newest) => self.request_in_order(message, limits, loss, emit),
            (Role::Response, PairKey::InOrder) => self.response_in_order(message, limits, loss, emit),
            (Role::Response, PairKey::Newest) => self.response_after_loss(message, limits, loss, emit),
            (Role::Request, PairKey::Id(_)) => {
                self.expire_ids(message.first.time, limits, loss, emit);
                self.wait(message, limits, loss, emit);
            }
            (Role::Response, PairKey::Id(id)) => self.response_by_id(message, id, limits, emit),
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.early.is_empty()
    }

    /// Gives up requests that have waited longer than `longest_ns` at a time: half pairs, counted. Their responses, if
    /// they come after all, come out as half pairs too.
    pub fn give_up(&mut self, now: Timestamp, longest_ns: i64, loss: &mut Loss, emit: &mut impl FnMut(Pair)) {
        let mut given_up = Vec::new();
        self.requests.retain_mut(|slot| {
            let Slot::Waiting(message) = slot else { return true };
            if now.since(message.last.time) <= longest_ns {
                return true;
            }
            let keeps_place = message.pairing == PairKey::InOrder;
            if let Slot::Waiting(message) = std::mem::replace(slot, Slot::GivenUp) {
                given_up.push(message);
            }
            keeps_place
        });
        for mut message in given_up {
            loss.add(Cause::PairTimeout, 1);
            message.note("no answer in time");
            emit(Pair { request: Some(message), response: None });
        }
    }

    /// How many places are taken by what waits, those included that only keep the order.
    pub fn places(&self) -> usize {
        self.requests.len().saturating_add(self.early.len())
    }

    /// Gives up everything that waits, to make room: half pairs with a note. Requests in order keep their places, so that
    /// their responses are not taken for others'.
    pub fn relieve(&mut self, note: &str, emit: &mut impl FnMut(Pair)) {
        while let Some(response) = self.early.pop_front() {
            emit(Pair { request: None, response: Some(response) });
        }
        let mut places = VecDeque::with_capacity(self.requests.len());
        for slot in std::mem::take(&mut self.requests) {
            match slot {
                Slot::GivenUp => places.push_back(slot),
                Slot::Waiting(mut message) => {
                    if message.pairing == PairKey::InOrder {
                        places.push_back(Slot::GivenUp);
                    }
                    message.note(note);
                    emit(Pair { request: Some(message), response: None });
                }
            }
        }
        self.requests = places;
    }

    /// The connection is over: gives everything that still waits, in the order it came.
    pub fn finish(&mut self, emit: &mut impl FnMut(Pair)) {
        while let Some(response) = self.early.pop_front() {
            emit(Pair { request: None, response: Some(response) });
        }
        while let Some(slot) = self.requests.pop_front() {
            if let Slot::Waiting(message) = slot {
                emit(Pair { request: Some(message), response: None });
            }
        }
    }

    fn request_in_order(
        &mut self,
        message: Box<Message>,
        limits: &Limits,
        loss: &mut Loss,
        emit: &mut impl FnMut(Pair),
    ) {
        // A response may become whole before its request (an early refusal of a long upload), but never begins before it.
        while let Some(response) = self.early.pop_front() {
            if response.protocol == message.protocol && response.first.number >= message.first.number {
                emit(Pair { request: Some(message), response: Some(response) });
                return;
            }
            emit(Pair { request: None, response: Some(response) });
        }
        self.wait(message, limits, loss, emit);
    }

    fn response_in_order(
        &mut self,
        message: Box<Message>,
        limits: &Limits,
        loss: &mut Loss,
        emit: &mut impl FnMut(Pair),
    ) {
        let position = self.requests.iter().position(|slot| match slot {
            Slot::Waiting(request) => request.protocol == message.protocol && request.pairing == PairKey::InOrder,
            Slot::GivenUp => true,
        });
        let slot = match position {
            Some(0) => self.requests.pop_front(),
            Some(position) => self.requests.remove(position),
            None => None,
        };
        match slot {
            Some(Slot::Waiting(request)) => emit(Pair { request: Some(request), response: Some(message) }),
            Some(Slot::GivenUp) => emit(Pair { request: None, response: Some(message) }),
            None => self.come_early(message, limits, loss, emit),
        }
    }

    fn come_early(&mut self, message: Box<Message>, limits: &Limits, loss: &mut Loss, emit: &mut impl FnMut(Pair)) {
        if self.early.len() >= limits.waiting {
            loss.add(Cause::PairLimit, 1);
            if let Some(oldest) = self.early.pop_front() {
                emit(Pair { request: None, response: Some(oldest) });
            }
        }
        self.early.push_back(message);
    }

    /// Responses before this one were lost, nobody knows how many: it answers the newest request that began before it,
    /// as clients seldom send one before the answer to the last. Of several in one packet it may be any: then it stays
    /// alone. What is older has no answer any more.
    fn response_after_loss(
        &mut self,
        message: Box<Message>,
        limits: &Limits,
        loss: &mut Loss,
        emit: &mut impl FnMut(Pair),
    ) {
        let (mut answered, mut kept) = (Vec::new(), VecDeque::with_capacity(self.requests.len()));
        for slot in self.requests.drain(..) {
            match slot {
                Slot::GivenUp => {}
                Slot::Waiting(request)
                    if request.protocol == message.protocol
                        && request.pairing == PairKey::InOrder
                        && request.first.number < message.first.number =>
                {
                    answered.push(request);
                }
                other => kept.push_back(other),
            }
        }
        self.requests = kept;
        let newest = answered.pop();
        let is_ambiguous = match (&newest, answered.last()) {
            (Some(newest), Some(before)) => newest.first.number == before.first.number,
            _ => false,
        };
        let (request, more) = if is_ambiguous { (None, newest) } else { (newest, None) };
        for mut request in answered.into_iter().chain(more) {
            request.note("the answer was lost");
            emit(Pair { request: Some(request), response: None });
        }
        match request {
            Some(request) => emit(Pair { request: Some(request), response: Some(message) }),
            None if is_ambiguous => emit(Pair { request: None, response: Some(message) }),
            None => self.come_early(message, limits, loss, emit),
        }
    }

    fn response_by_id(&mut self, message: Box<Message>, id: u64, limits: &Limits, emit: &mut impl FnMut(Pair)) {
        let is_of = |slot: &Slot| match slot {
            Slot::Waiting(request) => request.protocol == message.protocol && request.pairing == PairKey::Id(id),
            Slot::GivenUp => false,
        };
        let mut position = self.requests.iter().position(is_of);
        while let Some(later) = position.and_then(|chosen| self.repeated(chosen, &message, limits, is_of)) {
            position = Some(later);
        }
        let slot = match position {
            Some(0) => self.requests.pop_front(),
            Some(position) => self.requests.remove(position),
            None => None,
        };
        match slot {
            Some(Slot::Waiting(request)) => emit(Pair { request: Some(request), response: Some(message) }),
            _ => emit(Pair { request: None, response: Some(message) }),
        }
    }

    /// The position of a request that repeats the one at a position after a long time, and so stands for it.
    fn repeated(
        &self,
        position: usize,
        response: &Message,
        limits: &Limits,
        is_of: impl Fn(&Slot) -> bool,
    ) -> Option<usize> {
        let Some(Slot::Waiting(request)) = self.requests.get(position) else { return None };
        let first = request.first.time;
        if response.first.time.since(first) <= limits.repeat_ns {
            return None;
        }
        let is_late =
            |slot: &Slot| matches!(slot, Slot::Waiting(later) if later.first.time.since(first) > limits.repeat_ns);
        let behind = position.saturating_add(1);
        let steps = self.requests.iter().skip(behind).position(|slot| is_of(slot) && is_late(slot))?;
        Some(behind.saturating_add(steps))
    }

    fn wait(&mut self, message: Box<Message>, limits: &Limits, loss: &mut Loss, emit: &mut impl FnMut(Pair)) {
        if self.requests.len() >= limits.waiting {
            loss.add(Cause::PairLimit, 1);
            let mut message = message;
            message.note("too many requests were waiting for their answers");
            emit(Pair { request: Some(message), response: None });
            return;
        }
        self.requests.push_back(Slot::Waiting(message));
    }

    /// Gives requests with an id up that are older than the limit; they stand in the order of time.
    fn expire_ids(&mut self, now: Timestamp, limits: &Limits, loss: &mut Loss, emit: &mut impl FnMut(Pair)) {
        while let Some(Slot::Waiting(oldest)) = self.requests.front() {
            if oldest.pairing == PairKey::InOrder || now.since(oldest.last.time) <= limits.answer_ns {
                return;
            }
            if let Some(Slot::Waiting(mut message)) = self.requests.pop_front() {
                loss.add(Cause::PairTimeout, 1);
                message.note("no answer in time");
                emit(Pair { request: Some(message), response: None });
            }
        }
    }
}

#[cfg(test)]
mod tests;
