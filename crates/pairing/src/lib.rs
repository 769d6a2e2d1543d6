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
    order: Order,
    /// Bytes of the messages that wait.
    waiting_bytes: usize,
}

/// Whether the n-th response is that of the n-th request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    /// Nothing speaks against it, but the beginning may have been missed.
    #[default]
    Assumed,
    /// The acknowledgement numbers have shown it.
    Known,
    /// Messages were lost.
    Lost,
}

impl Pairer {
    /// Takes a message and gives what it completes.
    pub fn push(&mut self, message: Box<Message>, limits: &Limits, loss: &mut Loss, emit: &mut impl FnMut(Pair)) {
        match (message.role, message.pairing) {
            (Role::OneWay, _) | (Role::Request, PairKey::Alone) => {
                emit(Pair { request: Some(message), response: None })
            }
            (Role::Response, PairKey::Alone) => emit(Pair { request: None, response: Some(message) }),
            (Role::Request, PairKey::InOrder | PairKey::AfterLoss) => {
                self.look_for_loss(&message);
                self.request_in_order(message, limits, loss, emit);
            }
            (Role::Response, PairKey::InOrder | PairKey::AfterLoss) => {
                self.look_for_loss(&message);
                match self.order {
                    Order::Known => self.response_in_order(message, limits, loss, emit),
                    Order::Assumed | Order::Lost => self.response_by_position(message, limits, loss, emit),
                }
            }
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
            let keeps_place = is_in_order(message);
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

    /// Bytes of memory that are held of what waits, places included that only keep the order.
    #[inline]
    pub fn held_bytes(&self) -> usize {
        let places = self.requests.len().saturating_add(self.early.len());
        self.waiting_bytes.saturating_add(places.saturating_mul(size_of::<Slot>()))
    }

    /// Reckons that what was given as a pair is not held here any more.
    #[inline]
    pub fn hand_over(&mut self, pair: &Pair) {
        for half in [&pair.request, &pair.response].into_iter().flatten() {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(half.reckoned_bytes);
        }
    }

    /// Gives up everything that waits, to make room: half pairs with a note. Requests in order keep their places, so that
    /// their responses are not taken for others'.
    pub fn relieve(&mut self, note: &str, emit: &mut impl FnMut(Pair)) {
        while self.give_up_early(emit) {}
        let mut places = VecDeque::with_capacity(self.requests.len());
        for slot in std::mem::take(&mut self.requests) {
            match slot {
                Slot::GivenUp => places.push_back(slot),
                Slot::Waiting(mut message) => {
                    if is_in_order(&message) {
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

    fn look_for_loss(&mut self, message: &Message) {
        if message.pairing == PairKey::AfterLoss {
            self.order = Order::Lost;
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
            let begins = begins_round(&message, &response);
            let is_answer = match self.order {
                Order::Lost => begins && self.requests.is_empty() && is_single(&message, &response),
                _ => response.protocol == message.protocol && response.first.number >= message.first.number,
            };
            if is_answer {
                if begins {
                    self.order = Order::Known;
                }
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
            Slot::Waiting(request) => request.protocol == message.protocol && is_in_order(request),
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

    fn come_early(&mut self, mut message: Box<Message>, limits: &Limits, loss: &mut Loss, emit: &mut impl FnMut(Pair)) {
        if self.early.len() >= limits.waiting {
            loss.add(Cause::PairLimit, 1);
            self.give_up_early(emit);
        }
        self.reckon(&mut message);
        self.early.push_back(message);
    }

    /// Gives up the oldest response whose request is not whole yet; tells whether there was one.
    fn give_up_early(&mut self, emit: &mut impl FnMut(Pair)) -> bool {
        let Some(oldest) = self.early.pop_front() else { return false };
        // Its request is still to come, and must not be given the next response.
        self.order = Order::Lost;
        emit(Pair { request: None, response: Some(oldest) });
        true
    }

    /// Messages may have been lost, nobody knows how many, so counting tells little. The acknowledgement numbers tell
    /// more: a request that was sent when all bytes before this response had been received, and none of it, is answered
    /// by it. Where they tell nothing and messages were lost, the response stays alone, and so do all until they tell
    /// something again.
    fn response_by_position(
        &mut self,
        message: Box<Message>,
        limits: &Limits,
        loss: &mut Loss,
        emit: &mut impl FnMut(Pair),
    ) {
        let is_candidate = |slot: &Slot| matches!(slot, Slot::Waiting(request) if is_in_order(request) && begins_round(request, &message));
        let found = match message.position {
            Some(_) => self.requests.iter().take(LOOKED_AT).position(is_candidate),
            None => None,
        };
        let Some(first) = found else {
            let is_excluded = match self.requests.front() {
                Some(Slot::Waiting(oldest)) => is_excluded(oldest, &message),
                _ => false,
            };
            match self.order == Order::Lost || is_excluded {
                true => self.come_early(message, limits, loss, emit),
                false => self.response_in_order(message, limits, loss, emit),
            }
            return;
        };
        let is_certain = match self.requests.get(first) {
            // What was lost before it may have been sent in the same breath, and be what is answered.
            Some(Slot::Waiting(request)) if request.pairing == PairKey::AfterLoss => {
                is_single(request, &message)
                    && self.requests.iter().skip(first.saturating_add(1)).all(|slot| !is_candidate(slot))
            }
            _ => true,
        };
        if !is_certain {
            emit(Pair { request: None, response: Some(message) });
            return;
        }
        let mut kept = VecDeque::with_capacity(self.requests.len());
        let mut answered = None;
        for (position, slot) in self.requests.drain(..).enumerate() {
            match slot {
                Slot::Waiting(request) if position == first => answered = Some(request),
                Slot::Waiting(mut request) if position < first && is_in_order(&request) => {
                    request.note("the answer was lost");
                    emit(Pair { request: Some(request), response: None });
                }
                Slot::GivenUp if position < first => {}
                other => kept.push_back(other),
            }
        }
        self.requests = kept;
        self.order = Order::Known;
        emit(Pair { request: answered, response: Some(message) });
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

    fn wait(&mut self, mut message: Box<Message>, limits: &Limits, loss: &mut Loss, emit: &mut impl FnMut(Pair)) {
        if self.requests.len() >= limits.waiting {
            loss.add(Cause::PairLimit, 1);
            message.note("too many requests were waiting for their answers");
            emit(Pair { request: Some(message), response: None });
            return;
        }
        self.reckon(&mut message);
        self.requests.push_back(Slot::Waiting(message));
    }

    fn reckon(&mut self, message: &mut Message) {
        message.reckoned_bytes = message.footprint_bytes();
        self.waiting_bytes = self.waiting_bytes.saturating_add(message.reckoned_bytes);
    }

    /// Gives requests with an id up that are older than the limit; they stand in the order of time.
    fn expire_ids(&mut self, now: Timestamp, limits: &Limits, loss: &mut Loss, emit: &mut impl FnMut(Pair)) {
        while let Some(Slot::Waiting(oldest)) = self.requests.front() {
            if is_in_order(oldest) || now.since(oldest.last.time) <= limits.answer_ns {
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

fn is_in_order(message: &Message) -> bool {
    matches!(message.pairing, PairKey::InOrder | PairKey::AfterLoss)
}

/// Whether a request was sent when exactly the bytes before a response had been received, and was received when the
/// response was sent.
fn begins_round(request: &Message, response: &Message) -> bool {
    let (Some(asked), Some(answered)) = (request.position, response.position) else { return false };
    let received = answered.acknowledgement.wrapping_sub(asked.sequence).cast_signed();
    request.protocol == response.protocol && asked.acknowledgement == answered.sequence && received > 0
}

/// Whether nothing behind a request was received when a response was sent.
fn is_single(request: &Message, response: &Message) -> bool {
    let (Some(asked), Some(answered)) = (request.position, response.position) else { return false };
    u64::from(answered.acknowledgement.wrapping_sub(asked.sequence)) <= request.wire_bytes
}

/// Whether other bytes were answered between a request, the oldest that waits, and a response: it answers one that was
/// sent later. Numbers that make no sense exclude nothing.
fn is_excluded(request: &Message, response: &Message) -> bool {
    let (Some(asked), Some(answered)) = (request.position, response.position) else { return false };
    let is_near = |from: u32, to: u32| (1..=MAX_DISTANCE).contains(&to.wrapping_sub(from));
    is_near(asked.acknowledgement, answered.sequence) && is_near(asked.sequence, answered.acknowledgement)
}

/// Requests that are looked at for the one that a response answers.
const LOOKED_AT: usize = 64;
/// Bytes between two numbers that are believed to be of the same exchange.
const MAX_DISTANCE: u32 = 1 << 24;

#[cfg(test)]
mod tests;
