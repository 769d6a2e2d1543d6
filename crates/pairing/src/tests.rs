use lanternfish_model::{Direction, PacketRef, ProtocolIndex};

use super::*;

fn message(role: Role, pairing: PairKey, number: u64) -> Box<Message> {
    let direction = if role == Role::Response { Direction::ToClient } else { Direction::ToServer };
    let time = Timestamp::from_ns(number as i64 * 1_000_000_000);
    let mut message = Message::new(ProtocolIndex(0), role, direction, PacketRef { time, number });
    message.pairing = pairing;
    Box::new(message)
}

/// Runs messages through a pairer: `q`/`r` in order, with a digit by id, `n` a response after a loss, `o` one way; gives the packet numbers of the halves.
fn run(script: &str, limits: Limits) -> (Vec<(u64, u64)>, Loss) {
    let (mut pairer, mut loss, mut pairs) = (Pairer::default(), Loss::default(), Vec::new());
    let mut emit = |pair: Pair| {
        let number = |half: &Option<Box<Message>>| half.as_ref().map_or(0, |m| m.first.number);
        pairs.push((number(&pair.request), number(&pair.response)));
    };
    for (position, word) in script.split(' ').enumerate() {
        let role = match word.as_bytes()[0] {
            b'q' => Role::Request,
            b'r' | b'n' => Role::Response,
            _ => Role::OneWay,
        };
        let pairing = match word.get(1..).and_then(|id| id.parse().ok()) {
            Some(id) => PairKey::Id(id),
            None if word.starts_with('n') => PairKey::Newest,
            None => PairKey::InOrder,
        };
        pairer.push(message(role, pairing, position as u64 + 1), &limits, &mut loss, &mut emit);
    }
    pairer.finish(&mut emit);
    assert!(pairer.is_empty());
    (pairs, loss)
}

#[test]
fn in_order() {
    assert_eq!(run("q q r r", Limits::default()).0, [(1, 3), (2, 4)]);
}

#[test]
fn by_id_in_any_order() {
    assert_eq!(run("q1 q2 r2 r1", Limits::default()).0, [(2, 3), (1, 4)]);
}

#[test]
fn a_repeated_request_stays_without_answer() {
    assert_eq!(run("q7 q7 r7", Limits::default()).0, [(1, 3), (2, 0)]);
}

#[test]
fn a_request_repeated_after_a_long_time_is_the_one_that_is_answered() {
    // The packets are a second apart.
    assert_eq!(run("q7 o o o o q7 o r7", Limits::default()).0[5..], [(1, 8), (6, 0)]);
    assert_eq!(run("q7 o o o o o q7 r7", Limits::default()).0[5..], [(7, 8), (1, 0)]);
    assert_eq!(run("q7 o o o o o q8 r7", Limits::default()).0[5..], [(1, 8), (7, 0)]);
}

#[test]
fn after_a_loss_the_newest_request_is_answered() {
    assert_eq!(run("q q q n q r", Limits::default()).0, [(1, 0), (2, 0), (3, 4), (5, 6)]);
    assert_eq!(run("n q r", Limits::default()).0, [(0, 1), (2, 3)]);
    assert_eq!(run("q5 q n r5", Limits::default()).0, [(2, 3), (1, 4)]);
}

#[test]
fn after_a_loss_requests_of_one_packet_are_not_guessed_at() {
    let (mut pairer, mut loss, mut pairs) = (Pairer::default(), Loss::default(), Vec::new());
    let mut emit = |pair: Pair| pairs.push((pair.request.is_some(), pair.response.is_some()));
    for (role, pairing, number) in [
        (Role::Request, PairKey::InOrder, 1),
        (Role::Request, PairKey::InOrder, 1),
        (Role::Response, PairKey::Newest, 2),
    ] {
        pairer.push(message(role, pairing, number), &Limits::default(), &mut loss, &mut emit);
    }
    assert_eq!(pairs, [(true, false), (true, false), (false, true)]);
}

#[test]
fn halves_and_one_way_messages_come_out() {
    assert_eq!(run("r o q r q", Limits::default()).0, [(2, 0), (0, 1), (3, 4), (5, 0)]);
}

#[test]
fn an_id_waits_for_a_limited_time() {
    let limits = Limits { answer_ns: 1_500_000_000, ..Limits::default() };
    let (pairs, loss) = run("q1 q2 q3 r1 r3", limits);
    assert_eq!(pairs, [(1, 0), (0, 4), (3, 5), (2, 0)]);
    assert_eq!(loss.count(Cause::PairTimeout), 1);
}

#[test]
fn the_limit_is_counted() {
    let (pairs, loss) = run("q q q r r", Limits { waiting: 2, ..Limits::default() });
    assert_eq!(pairs, [(3, 0), (1, 4), (2, 5)]);
    assert_eq!(loss.count(Cause::PairLimit), 1);
}

#[test]
fn a_late_answer_does_not_answer_the_next_request() {
    let (mut pairer, mut loss, mut pairs) = (Pairer::default(), Loss::default(), Vec::new());
    let limits = Limits::default();
    let mut emit = |pair: Pair| pairs.push((pair.request.is_some(), pair.response.is_some()));
    pairer.push(message(Role::Request, PairKey::InOrder, 1), &limits, &mut loss, &mut emit);
    pairer.give_up(Timestamp::from_ns(90_000_000_000), 30_000_000_000, &mut loss, &mut emit);
    pairer.push(message(Role::Request, PairKey::InOrder, 100), &limits, &mut loss, &mut emit);
    pairer.push(message(Role::Response, PairKey::InOrder, 101), &limits, &mut loss, &mut emit);
    pairer.push(message(Role::Response, PairKey::InOrder, 102), &limits, &mut loss, &mut emit);
    assert_eq!(pairs, [(true, false), (false, true), (true, true)]);
}

#[test]
fn what_is_given_up_keeps_its_place() {
    let (mut pairer, limits, mut loss) = (Pairer::default(), Limits::default(), Loss::default());
    let mut pairs = Vec::new();
    let mut emit = |pair: Pair| {
        let number = |half: &Option<Box<Message>>| half.as_ref().map_or(0, |m| m.first.number);
        let notes = pair.request.as_ref().map_or(0, |message| message.notes.iter().count());
        pairs.push((number(&pair.request), number(&pair.response), notes));
    };
    for (number, pairing) in [(1, PairKey::InOrder), (2, PairKey::Id(7)), (3, PairKey::InOrder)] {
        pairer.push(message(Role::Request, pairing, number), &limits, &mut loss, &mut emit);
    }
    assert_eq!(pairer.places(), 3);
    pairer.relieve("given up", &mut emit);
    assert_eq!(pairer.places(), 2);
    pairer.push(message(Role::Request, PairKey::InOrder, 4), &limits, &mut loss, &mut emit);
    for (number, pairing) in [(5, PairKey::InOrder), (6, PairKey::InOrder), (7, PairKey::InOrder), (8, PairKey::Id(7))]
    {
        pairer.push(message(Role::Response, pairing, number), &limits, &mut loss, &mut emit);
    }
    assert_eq!(pairs, [(1, 0, 1), (2, 0, 1), (3, 0, 1), (0, 5, 0), (0, 6, 0), (4, 7, 0), (0, 8, 0)]);
}
