use lanternfish_model::{Direction, PacketRef, ProtocolIndex, StreamPosition};

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
            None if word.starts_with('n') => PairKey::AfterLoss,
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

/// Messages over TCP: `q` or `r` (capital behind a loss), its sequence and acknowledgement numbers; each is ten bytes long.
fn over_tcp(script: &str) -> Vec<(u64, u64)> {
    let (mut pairer, mut loss, mut pairs) = (Pairer::default(), Loss::default(), Vec::new());
    let mut emit = |pair: Pair| {
        let number = |half: &Option<Box<Message>>| half.as_ref().map_or(0, |m| m.first.number);
        pairs.push((number(&pair.request), number(&pair.response)));
    };
    for (position, word) in script.split(' ').enumerate() {
        let (kind, numbers) = word.split_at(1);
        let (sequence, acknowledgement) = numbers.split_once('/').unwrap();
        let role = if kind.eq_ignore_ascii_case("q") { Role::Request } else { Role::Response };
        let is_behind_loss = kind.starts_with(char::is_uppercase);
        let pairing = if is_behind_loss { PairKey::AfterLoss } else { PairKey::InOrder };
        let mut message = message(role, pairing, position as u64 + 1);
        let number = |text: &str| text.parse::<u32>().unwrap().wrapping_sub(20);
        message.position =
            Some(StreamPosition { sequence: number(sequence), acknowledgement: number(acknowledgement) });
        message.wire_bytes = 10;
        pairer.push(message, &Limits::default(), &mut loss, &mut emit);
    }
    pairer.finish(&mut emit);
    assert!(pairer.is_empty());
    pairs
}

#[test]
fn after_a_lost_response_the_request_sent_behind_it_is_answered() {
    assert_eq!(over_tcp("q0/0 q10/10 R10/20 q20/20 r20/30"), [(1, 0), (2, 3), (4, 5)]);
    // Of several that were sent together it answers the first.
    assert_eq!(over_tcp("q0/0 q10/10 q20/10 R10/30 r20/30"), [(1, 0), (2, 4), (3, 5)]);
    // The last of several was sent too early to be the one.
    assert_eq!(over_tcp("q0/0 q10/0 q20/0 R20/30"), [(0, 4), (1, 0), (2, 0), (3, 0)]);
}

#[test]
fn after_a_lost_request_its_response_is_not_given_to_another() {
    // The lost one was answered before the next was sent.
    assert_eq!(over_tcp("q0/0 r0/10 r10/20 Q20/20 r20/30"), [(1, 2), (0, 3), (4, 5)]);
    // It was captured late.
    assert_eq!(over_tcp("q0/0 r0/10 Q20/20 r10/20 r20/30"), [(1, 2), (3, 5), (0, 4)]);
    // It was sent together with the next: nobody can tell whose response it is.
    assert_eq!(over_tcp("q0/0 r0/10 Q20/10 q30/10 r10/40 r20/40"), [(1, 2), (0, 5), (0, 6), (3, 0), (4, 0)]);
    // The order is known again with what was sent when nothing was owed.
    assert_eq!(over_tcp("q0/0 r0/10 Q20/10 q30/10 r10/40 r20/40 q40/30 r30/50")[2..], [(0, 6), (3, 0), (4, 0), (7, 8)]);
}

#[test]
fn after_the_loss_of_a_response_and_the_next_request_nothing_is_guessed() {
    assert_eq!(over_tcp("q0/0 R10/20"), [(0, 2), (1, 0)]);
    assert_eq!(over_tcp("q0/0 R10/20 Q20/20 r20/30"), [(0, 2), (1, 0), (3, 4)]);
}

#[test]
fn where_the_beginning_was_missed_the_first_response_is_that_of_the_request_sent_before_it() {
    assert_eq!(over_tcp("q0/0 q10/10 r10/20"), [(1, 0), (2, 3)]);
    assert_eq!(over_tcp("q0/0 r10/20"), [(0, 2), (1, 0)]);
    // These numbers make no sense: nothing was acknowledged.
    assert_eq!(over_tcp("q100/0 r100/0 q110/0 r110/0"), [(1, 2), (3, 4)]);
}

#[test]
fn without_positions_a_loss_leaves_halves() {
    assert_eq!(run("q n q r", Limits::default()).0, [(0, 2), (0, 4), (1, 0), (3, 0)]);
    assert_eq!(run("q5 q n r5", Limits::default()).0, [(1, 4), (0, 3), (2, 0)]);
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
    for (number, pairing) in [(1, PairKey::InOrder), (2, PairKey::Id(7)), (3, PairKey::InOrder)] {
        pairer.push(message(Role::Request, pairing, number), &limits, &mut loss, &mut |pair| pairs.push(pair));
    }
    assert!(pairer.held_bytes() > 3 * size_of::<Message>());
    pairer.relieve("given up", &mut |pair| pairs.push(pair));
    pairs.iter().for_each(|pair| pairer.hand_over(pair));
    assert_eq!(pairer.held_bytes(), 2 * size_of::<Slot>());
    pairer.push(message(Role::Request, PairKey::InOrder, 4), &limits, &mut loss, &mut |pair| pairs.push(pair));
    for (number, pairing) in [(5, PairKey::InOrder), (6, PairKey::InOrder), (7, PairKey::InOrder), (8, PairKey::Id(7))]
    {
        pairer.push(message(Role::Response, pairing, number), &limits, &mut loss, &mut |pair| pairs.push(pair));
    }
    pairs.iter().skip(3).for_each(|pair| pairer.hand_over(pair));
    assert_eq!(pairer.held_bytes(), 0);
    let number = |half: &Option<Box<Message>>| half.as_ref().map_or(0, |message| message.first.number);
    let notes = |pair: &Pair| pair.request.as_ref().map_or(0, |message| message.notes.iter().count());
    let told: Vec<_> = pairs.iter().map(|pair| (number(&pair.request), number(&pair.response), notes(pair))).collect();
    assert_eq!(told, [(1, 0, 1), (2, 0, 1), (3, 0, 1), (0, 5, 0), (0, 6, 0), (4, 7, 0), (0, 8, 0)]);
}

/// A message over TCP that begins in a packet, with its sequence and acknowledgement numbers and its length.
fn at(role: Role, number: u64, [sequence, acknowledgement, length]: [u32; 3]) -> Box<Message> {
    let mut message = message(role, PairKey::InOrder, number);
    message.position = Some(StreamPosition { sequence, acknowledgement });
    message.wire_bytes = length.into();
    message
}

#[test]
fn a_request_whose_early_response_was_given_up_does_not_take_the_next_one() {
    let limits = Limits { waiting: 1, ..Limits::default() };
    let first = [at(Role::Request, 1, [0, 0, 10]), at(Role::Response, 2, [0, 10, 10])];
    // A long upload is refused while it runs.
    let refusal = at(Role::Response, 4, [10, 500, 10]);
    let upload = at(Role::Request, 3, [10, 10, 1000]);
    let call = [at(Role::Request, 6, [1010, 30, 10]), at(Role::Response, 7, [30, 1020, 10])];
    let next = [at(Role::Request, 8, [1020, 40, 10]), at(Role::Response, 9, [40, 1030, 10])];
    let told = |is_relieved: bool| {
        let (mut pairer, mut loss, mut pairs) = (Pairer::default(), Loss::default(), Vec::new());
        let mut emit = |pair: Pair| {
            let number = |half: &Option<Box<Message>>| half.as_ref().map_or(0, |message| message.first.number);
            pairs.push((number(&pair.request), number(&pair.response)));
        };
        let begin = first.iter().chain([&refusal]);
        begin.for_each(|message| pairer.push(message.clone(), &limits, &mut loss, &mut emit));
        match is_relieved {
            true => pairer.relieve("given up", &mut emit),
            // One more than may wait.
            false => pairer.push(at(Role::Response, 5, [20, 500, 10]), &limits, &mut loss, &mut emit),
        }
        let limits = Limits::default();
        for message in [&upload].into_iter().chain(&call).chain(&next) {
            pairer.push(message.clone(), &limits, &mut loss, &mut emit);
        }
        pairs
    };
    assert_eq!(told(true), [(1, 2), (0, 4), (3, 0), (6, 7), (8, 9)]);
    assert_eq!(told(false), [(1, 2), (0, 4), (0, 5), (3, 0), (6, 7), (8, 9)]);
}
