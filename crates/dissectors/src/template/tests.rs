//! Every protocol has these: whole, cut at every byte, a byte at a time, a gap, the middle, the server first, pipelined,
//! malformed, over the limit.

use lanternfish_dissect::{Probe, Sender};
use lanternfish_model::{Cause, Direction::*};

use super::Toy;
use crate::driver::Driver;

fn frame(kind: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"TOY1".to_vec();
    bytes.push(kind);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn call() -> (Vec<u8>, Vec<u8>) {
    (frame(1, 7, b"how deep"), frame(2, 7, b"very"))
}

const CALL: &[&str] = &[
    "Request Open",
    "toy_request_size 19",
    "toy_question how deep",
    "Response Ok",
    "toy_response_size 15",
    "toy_answer very",
];

#[test]
fn whole() {
    let (question, answer) = call();
    let mut driver = Driver::new(&Toy);
    driver.feed(ToServer, &question);
    driver.feed(ToClient, &answer);
    assert_eq!(driver.lines(), CALL);
    assert_eq!(driver.messages[0].pairing, driver.messages[1].pairing);
}

#[test]
fn cut_at_every_byte_and_a_byte_at_a_time() {
    let (question, answer) = call();
    for cut in 1..question.len() {
        let mut driver = Driver::new(&Toy);
        driver.feed(ToServer, &question[..cut]);
        driver.feed(ToServer, &question[cut..]);
        driver.feed_in(ToClient, &answer, 1);
        assert_eq!(driver.lines(), CALL, "cut at {cut}");
        assert_eq!(driver.messages[0].packets.packet_count(), 2, "cut at {cut}");
    }
}

#[test]
fn server_first_and_pipelined() {
    let mut driver = Driver::new(&Toy);
    driver.feed(ToClient, &frame(2, 1, b"b"));
    driver.feed(ToServer, &[frame(1, 1, b"a"), frame(1, 2, b"c")].concat());
    assert_eq!(driver.messages.len(), 3);
}

#[test]
fn a_gap_in_the_payload_is_absorbed_and_one_in_the_header_is_not() {
    let question = frame(1, 7, b"how deep is the sea");
    let mut driver = Driver::new(&Toy);
    driver.feed(ToServer, &question[..14]);
    driver.gap(ToServer, 5);
    driver.feed(ToServer, &question[19..]);
    assert_eq!(driver.text("toy_question"), "how is the sea");
    driver.feed(ToServer, &question[..5]);
    driver.gap(ToServer, 20);
    driver.feed(ToServer, &[b"sea".to_vec(), frame(1, 8, b"x")].concat());
    assert_eq!((driver.lost, driver.messages.len()), (1, 2));
}

#[test]
fn the_middle_and_the_end() {
    let mut driver = Driver::new(&Toy);
    driver.feed(ToServer, b"some of an older frame");
    driver.feed(ToServer, &frame(1, 9, b"x"));
    driver.feed(ToServer, &frame(1, 10, b"unfinished")[..15]);
    driver.close();
    assert_eq!(driver.messages.len(), 2);
    assert!(driver.messages[1].is_partial);
}

#[test]
fn over_the_limit() {
    let mut driver = Driver::new(&Toy);
    driver.limits.body_bytes = 4;
    driver.feed(ToServer, &frame(1, 7, b"how deep"));
    assert_eq!(driver.text("toy_question"), "how ");
    assert!(driver.messages[0].body.is_cut);
    assert_eq!(driver.loss.count(Cause::LimitReached), 1);
}

#[test]
fn recognition() {
    let (question, answer) = call();
    assert_eq!(Driver::probe(&Toy, &question, true), Probe::Match(Sender::Client));
    assert_eq!(Driver::probe(&Toy, &answer, true), Probe::Match(Sender::Server));
    assert_eq!(Driver::probe(&Toy, &question[..6], true), Probe::NeedMore);
    assert_eq!(Driver::probe(&Toy, b"TOY2", true), Probe::NoMatch);
    assert_eq!(Driver::probe(&Toy, &frame(3, 0, b""), true), Probe::NoMatch);
}
