//! Tests of Redis.

use lanternfish_dissect::{GapVerdict, Probe, Sender};
use lanternfish_model::{Cause, ConnectionFacts, Outcome, PairKey, Role, Transport};

use super::Redis;
use crate::dns::harness::{Run, ToClient, ToServer, facts, probe};

fn tcp() -> ConnectionFacts {
    facts(Transport::Tcp, "10.0.0.7#50123", "10.0.0.9#7000")
}

fn run() -> Run {
    Run::new(&Redis, tcp())
}

/// A command as a client sends it.
fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

/// The body of the one reply that some bytes make.
fn reply(bytes: &str) -> (String, String) {
    let mut run = run();
    run.feed(ToServer, &command(&["GET", "k"]));
    run.feed(ToClient, bytes.as_bytes());
    assert_eq!(run.messages.len(), 2, "{}", run.text());
    assert_eq!(run.desyncs, 0, "{bytes:?}");
    let body = String::from_utf8_lossy(&run.messages[1].body.bytes).into_owned();
    (run.value(1, "redis_response_type").replace('"', ""), body)
}

#[test]
fn a_command_and_its_reply() {
    let mut run = run();
    run.feed(ToServer, &command(&["set", "user:7", "Ada L."]));
    run.feed(ToClient, b"+OK\r\n");
    assert_eq!(
        run.text(),
        "Request InOrder Open 37 bytes redis_type=\"SET\" redis_command=\"set user:7 \\\"Ada L.\\\"\" redis_key=\"user:7\" \
         redis_request_size=37 body=\"set user:7 \\\"Ada L.\\\"\"\n\
         Response InOrder Ok 5 bytes redis_response_size=5 redis_total_size=42 redis_response_type=\"simple string\" \
         body=\"OK\"\n"
    );
}

#[test]
fn every_type_of_reply() {
    for (bytes, kind, body) in [
        ("+OK\r\n", "simple string", "OK"),
        ("-ERR no\r\n", "error", "ERR no"),
        (":-12\r\n", "integer", "-12"),
        ("$5\r\nhello\r\n", "bulk string", "hello"),
        ("$0\r\n\r\n", "bulk string", ""),
        ("$-1\r\n", "null", "(nil)"),
        ("*-1\r\n", "null", "(nil)"),
        ("_\r\n", "null", "(nil)"),
        ("#t\r\n", "boolean", "true"),
        (",3.25\r\n", "double", "3.25"),
        (",inf\r\n", "double", "inf"),
        (
            "(3492890328409238509324850943850943825024385\r\n",
            "big number",
            "3492890328409238509324850943850943825024385",
        ),
        ("!7\r\nERR bad\r\n", "bulk error", "ERR bad"),
        ("=8\r\ntxt:text\r\n", "verbatim string", "text"),
        ("*0\r\n", "array", "[]"),
        ("*3\r\n$1\r\na\r\n:2\r\n$-1\r\n", "array", "[\"a\",2,null]"),
        ("*2\r\n*1\r\n+a\r\n*0\r\n", "array", "[[\"a\"],[]]"),
        ("*1\r\n$4\r\n\"\\\n\x01\r\n", "array", "[\"\\\"\\\\\\n\\u0001\"]"),
        ("*2\r\n,inf\r\n,1.5\r\n", "array", "[\"inf\",1.5]"),
        ("%2\r\n+a\r\n:1\r\n:2\r\n#f\r\n", "map", "{\"a\":1,\"2\":false}"),
        ("~2\r\n+a\r\n_\r\n", "set", "[\"a\",null]"),
        ("|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n", "bulk string", "v"),
        ("*2\r\n|1\r\n+ttl\r\n*1\r\n:3\r\n:1\r\n:2\r\n", "array", "[1,2]"),
        ("$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n", "bulk string", "Hello"),
        ("*?\r\n:1\r\n:2\r\n.\r\n", "array", "[1,2]"),
        ("%?\r\n+a\r\n*?\r\n.\r\n.\r\n", "map", "{\"a\":[]}"),
    ] {
        assert_eq!(reply(bytes), (kind.to_owned(), body.to_owned()), "{bytes:?}");
    }
}

#[test]
fn errors_have_an_outcome() {
    for (bytes, outcome) in [
        ("-ERR unknown command\r\n", Outcome::ServerError),
        ("-MOVED 3999 127.0.0.1:6381\r\n", Outcome::ServerError),
        ("-WRONGPASS invalid username-password pair\r\n", Outcome::ClientError),
        ("$-1\r\n", Outcome::Ok),
    ] {
        let mut run = run();
        run.feed(ToServer, &command(&["GET", "k"]));
        run.feed(ToClient, bytes.as_bytes());
        assert_eq!(run.messages[1].outcome, outcome);
        let error = bytes.strip_prefix('-').map_or("-".to_owned(), |error| format!("{:?}", error.trim_end()));
        assert_eq!(run.value(1, "redis_error"), error);
    }
}

#[test]
fn keys_of_commands() {
    for (words, key) in [
        (&["GET", "a"][..], "\"a\""),
        (&["PING"], "-"),
        (&["EVAL", "return 1", "1", "k", "x"], "\"k\""),
        (&["EVAL", "return 1", "0", "k"], "-"),
        (&["XREAD", "COUNT", "2", "streams", "s1", "0"], "\"s1\""),
        (&["BITOP", "AND", "dest", "a"], "\"dest\""),
        (&["ZUNION", "2", "a", "b"], "\"a\""),
        (&["FT.SEARCH", "index", "q"], "\"index\""),
        (&["PUBLISH", "c", "m"], "-"),
    ] {
        let mut run = run();
        run.feed(ToServer, &command(words));
        assert_eq!(run.value(0, "redis_key"), key, "{words:?}");
    }
}

#[test]
fn arguments_that_are_no_text_are_quoted() {
    let mut run = run();
    run.feed(ToServer, b"*4\r\n$3\r\nSET\r\n$0\r\n\r\n$3\r\n\xff\x00a\r\n$7\r\ngr\xc3\xbc\xc3\x9fe\r\n");
    assert_eq!(run.value(0, "redis_command"), format!("{:?}", "SET \"\" \"\\xff\\x00a\" grüße"));
}

#[test]
fn lines_typed_by_hand() {
    let mut run = run();
    run.feed(ToServer, b"\r\nset a \"b c\"\r\nPING\r\n");
    assert_eq!(run.value(0, "redis_command"), format!("{:?}", "set a \"b c\""));
    assert_eq!(run.value(1, "redis_type"), "\"PING\"");
    assert_eq!(run.messages.len(), 2);
}

/// A conversation with most of what there is.
fn conversation() -> (Vec<u8>, Vec<u8>) {
    let mut there = Vec::new();
    for words in [
        &["HELLO", "3"][..],
        &["SET", "k", &"v".repeat(900)],
        &["MGET", "k", "none"],
        &["SUBSCRIBE", "a", "b"],
        &["GET", "k"],
    ] {
        there.extend_from_slice(&command(words));
    }
    let back = format!(
        "%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n+OK\r\n*2\r\n${0}\r\n{1}\r\n_\r\n\
         >3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n\
         >3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n${0}\r\n{1}\r\n",
        900,
        "v".repeat(900)
    );
    (there, back.into_bytes())
}

#[test]
fn the_cut_of_the_stream_does_not_matter() {
    let (there, back) = conversation();
    let mut whole = run();
    whole.feed(ToServer, &there);
    whole.feed(ToClient, &back);
    assert_eq!(whole.messages.len(), 12, "{}", whole.text());
    let expected = whole.text();
    for at in (0..there.len().max(back.len())).step_by(7) {
        let mut run = run();
        for (direction, bytes) in [(ToServer, &there), (ToClient, &back)] {
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            run.feed(direction, first);
            run.feed(direction, second);
        }
        assert_eq!(run.text(), expected, "cut at {at}");
    }
    let mut bytewise = run();
    for (direction, bytes) in [(ToServer, &there), (ToClient, &back)] {
        for byte in bytes {
            bytewise.feed(direction, &[*byte]);
        }
    }
    assert_eq!(bytewise.text(), expected);
    assert_eq!(bytewise.messages[0].packets.packet_count(), 22);
}

#[test]
fn every_cut_of_a_short_exchange() {
    let there = [command(&["SET", "a", "b c"]), command(&["GET", "a"])].concat();
    let back = b"+OK\r\n*2\r\n$3\r\nb c\r\n:1\r\n";
    let mut whole = run();
    whole.feed(ToServer, &there);
    whole.feed(ToClient, back);
    for (direction, bytes) in [(ToServer, &there[..]), (ToClient, &back[..])] {
        for at in 0..=bytes.len() {
            let mut run = run();
            if direction == ToClient {
                run.feed(ToServer, &there);
            }
            run.feed(direction, &bytes[..at]);
            run.feed(direction, &bytes[at..]);
            if direction == ToServer {
                run.feed(ToClient, back);
            }
            assert_eq!(run.text(), whole.text(), "cut at {at}");
        }
    }
}

#[test]
fn pipelined_commands_keep_their_order_and_sizes() {
    let mut run = run();
    let mut there = Vec::new();
    for number in 0..100 {
        there.extend_from_slice(&command(&["INCRBY", "n", &number.to_string()]));
    }
    run.feed(ToServer, &there);
    run.feed(ToClient, ":1\r\n".repeat(100).as_bytes());
    assert_eq!(run.messages.len(), 200);
    assert_eq!(run.messages[99].ordinal, 99);
    assert_eq!(run.value(100, "redis_total_size"), (4 + 12 + 7 + 7 + 4).to_string());
}

#[test]
fn subscriptions_are_confirmed_once_and_messages_stand_alone() {
    let mut run = run();
    run.feed(ToServer, &[command(&["SUBSCRIBE", "a", "b"]), command(&["UNSUBSCRIBE"])].concat());
    for (kind, channel) in [("subscribe", "a"), ("subscribe", "b"), ("unsubscribe", "a"), ("unsubscribe", "b")] {
        run.feed(ToClient, format!("*3\r\n${}\r\n{kind}\r\n$1\r\n{channel}\r\n:1\r\n", kind.len()).as_bytes());
    }
    run.feed(ToClient, &command(&["message", "a", "text"]));
    let roles: Vec<_> = run.messages.iter().map(|message| (message.role, message.pairing)).collect();
    let (one_way, response) = ((Role::OneWay, PairKey::Alone), (Role::Response, PairKey::InOrder));
    let request = (Role::Request, PairKey::InOrder);
    assert_eq!(roles, [request, request, response, one_way, response, one_way, one_way]);
    assert_eq!(run.value(6, "redis_type"), "\"MESSAGE\"");
    assert_eq!(run.value(6, "redis_channel"), "\"a\"");
}

#[test]
fn a_list_that_begins_like_a_message_is_a_reply() {
    let mut run = run();
    run.feed(ToServer, &command(&["LRANGE", "l", "0", "-1"]));
    run.feed(ToClient, &command(&["message", "a", "text"]));
    assert_eq!(run.messages[1].role, Role::Response);
}

#[test]
fn monitoring_goes_on_until_reset() {
    let mut run = run();
    run.feed(ToServer, &command(&["MONITOR"]));
    run.feed(ToClient, b"+OK\r\n+1339518083.107412 [0 127.0.0.1:60866] \"keys\" \"*\"\r\n");
    run.feed(ToServer, &command(&["RESET"]));
    run.feed(ToClient, b"+RESET\r\n");
    let roles: Vec<_> = run.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::Request, Role::Response, Role::OneWay, Role::Request, Role::Response]);
}

#[test]
fn commands_without_a_reply_stand_alone() {
    let mut run = run();
    for words in [
        &["CLIENT", "REPLY", "SKIP"][..],
        &["SET", "a", "1"],
        &["GET", "a"],
        &["CLIENT", "REPLY", "OFF"],
        &["SET", "a", "2"],
        &["client", "reply", "on"],
    ] {
        run.feed(ToServer, &command(words));
    }
    run.feed(ToClient, b"$1\r\n1\r\n+OK\r\n");
    let alone: Vec<_> = run.messages.iter().map(|message| message.pairing == PairKey::Alone).collect();
    assert_eq!(alone, [true, true, false, true, true, false, false, false]);
    assert_eq!(run.value(6, "redis_total_size"), "27");
}

#[test]
fn a_replica_is_given_a_snapshot_and_commands() {
    let mark = "0123456789abcdef0123456789abcdef01234567";
    let snapshots = ["\n\n$12\r\nREDIS\r\n$3\r\n*".to_owned(), format!("$EOF:{mark}\r\nREDIS 0123{mark}")];
    for snapshot in snapshots {
        let bytes = [
            b"+FULLRESYNC 8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb 0\r\n",
            snapshot.as_bytes(),
            &command(&["SELECT", "0"]),
            &command(&["SET", "a", "b"]),
        ]
        .concat();
        let check = |cut: usize| {
            let mut run = run();
            run.feed(ToServer, &command(&["PSYNC", "?", "-1"]));
            run.feed(ToClient, &bytes[..cut]);
            run.feed(ToClient, &bytes[cut..]);
            run.feed(ToServer, &command(&["REPLCONF", "ACK", "42"]));
            let types: Vec<_> = (0..run.messages.len()).map(|at| run.value(at, "redis_type")).collect();
            assert_eq!(types, ["\"PSYNC\"", "-", "\"SNAPSHOT\"", "\"SELECT\"", "\"SET\"", "\"REPLCONF\""], "cut {cut}");
            assert_eq!(run.messages[4].role, Role::OneWay);
            assert_eq!(run.messages[5].pairing, PairKey::Alone);
            assert_eq!(run.desyncs, 0);
        };
        (0..=bytes.len()).for_each(check);
    }
}

#[test]
fn sync_is_answered_by_the_snapshot() {
    let mut run = run();
    run.feed(ToServer, &command(&["SYNC"]));
    run.feed(ToClient, b"$4\r\nDATA*1\r\n$4\r\nPING\r\n");
    let roles: Vec<_> = run.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::Request, Role::Response, Role::OneWay], "{}", run.text());
}

#[test]
fn what_a_command_changes_is_known_after_room_was_made() {
    let mut run = run();
    run.feed(ToServer, &command(&["SUBSCRIBE", "a", "b"]));
    run.shed();
    for channel in ["a", "b"] {
        run.feed(ToClient, &command(&["subscribe", channel, "1"]));
    }
    run.feed(ToServer, &[command(&["RESET"]), command(&["MONITOR"])].concat());
    run.shed();
    run.feed(ToClient, b"+RESET\r\n+OK\r\n+1339518083.107412 [0 127.0.0.1:60866] \"keys\" \"*\"\r\n");
    run.feed(ToServer, &command(&["SYNC"]));
    run.shed();
    run.feed(ToClient, b"$4\r\nDATA*1\r\n$4\r\nPING\r\n");
    let (request, response, one_way) = (Role::Request, Role::Response, Role::OneWay);
    let (subscribed, synced) = ([request, response, one_way], [request, response, one_way]);
    let monitored = [request, request, response, response, one_way];
    let roles: Vec<_> = run.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [&subscribed[..], &monitored, &synced].concat(), "{}", run.text());
    assert_eq!(run.desyncs, 0);
}

#[test]
fn a_long_value_is_cut_and_goes_through() {
    let mut run = run();
    let value = "x".repeat(1 << 20);
    for part in command(&["SET", "k", &value]).chunks(1460) {
        run.feed(ToServer, part);
    }
    for part in format!("${}\r\n{value}\r\n:1\r\n", value.len()).as_bytes().chunks(1460) {
        run.feed(ToClient, part);
    }
    assert_eq!(run.messages.len(), 3);
    assert_eq!(run.messages[0].body.bytes.len(), run.limits.body_bytes);
    assert!(run.messages[0].body.is_cut && run.messages[1].body.is_cut);
    assert_eq!(run.messages[1].wire_bytes, (1 << 20) + 12);
    assert!(run.value(0, "redis_command").ends_with("…\""));
    assert_eq!(run.loss.count(Cause::LimitReached), 2);
}

#[test]
fn a_gap_within_a_value_is_absorbed() {
    let mut run = run();
    run.feed(ToServer, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nabc");
    assert_eq!(run.gap(ToServer, 90), GapVerdict::Absorbed);
    run.feed(ToServer, b"0123456\r\n");
    run.feed(ToClient, b"$10\r\nab");
    assert_eq!(run.gap(ToClient, 10), GapVerdict::Absorbed);
    run.feed(ToServer, &command(&["GET", "k"]));
    run.feed(ToClient, b":1\r\n");
    assert_eq!(run.messages.len(), 4, "{}", run.text());
    assert!(run.messages[0].is_partial && run.messages[1].is_partial);
    assert_eq!((run.messages[0].wire_bytes, run.messages[1].wire_bytes), (128, 17));
    assert_eq!(run.desyncs, 0);
}

#[test]
fn a_gap_elsewhere_loses_the_framing_until_the_next_command() {
    let mut run = run();
    run.feed(ToServer, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nabc");
    assert_eq!(run.gap(ToServer, 50), GapVerdict::Lost);
    run.feed_lost(ToServer, &[b"cd\r\n".to_vec(), command(&["GET", "k"])].concat());
    run.feed(ToClient, b"*2\r\n:1\r\n");
    assert_eq!(run.gap(ToClient, 50), GapVerdict::Lost);
    run.feed_lost(ToClient, b"rest\r\n$2\r\nok\r\n");
    assert_eq!(run.messages.len(), 4, "{}", run.text());
    assert!(run.messages[0].is_partial && run.messages[2].is_partial);
    assert_eq!(run.value(1, "redis_type"), "\"GET\"");
}

#[test]
fn the_middle_of_a_connection() {
    let mut run = run();
    run.feed_lost(ToClient, b"ue\r\n$3\r\nabc\r\n+OK\r\n");
    run.feed_lost(ToServer, &[b"ue\r\n".to_vec(), command(&["SET", "a", "b"])].concat());
    assert_eq!(run.messages.len(), 3, "{}", run.text());
}

#[test]
fn the_end_of_a_connection_shows_what_was_there() {
    let mut run = run();
    run.feed(ToServer, b"*2\r\n$3\r\nGET\r\n$10\r\nhalf");
    run.feed(ToClient, b"*3\r\n:1\r\n$5\r\nab");
    run.close();
    assert_eq!(run.messages.len(), 2);
    assert!(run.messages.iter().all(|message| message.is_partial));
    assert_eq!(run.value(0, "redis_command"), "\"GET half\"");
}

#[test]
fn malformed_bytes_are_left_behind() {
    for bytes in [&b"*1\r\n+PING\r\n"[..], b"*x\r\n", b"*1\r\n$4\r\nPINGxx", b"\x00\x01\x02", b"*1\r\n$-1\r\n"] {
        let mut run = run();
        run.feed(ToServer, bytes);
        run.feed(ToServer, &[b"\r\n".to_vec(), command(&["GET", "a"])].concat());
        assert!(run.desyncs > 0, "{bytes:?}");
        assert_eq!(run.messages.last().unwrap().wire_bytes, 20, "{}", run.text());
    }
    for bytes in ["$3\r\nabcd\r\n", ":1x\r\n", "?", "*2\r\n.\r\n", ";3\r\nabc\r\n"] {
        let mut run = run();
        run.feed(ToClient, bytes.as_bytes());
        assert!(run.desyncs > 0, "{bytes:?}");
    }
}

#[test]
fn values_nested_too_deep_are_left_out_and_the_next_reply_is_found() {
    let nested = |levels: usize, inner: &str| format!("{}{inner}", "*1\r\n".repeat(levels));
    for inner in [
        ":1\r\n",
        "*0\r\n",
        "*2\r\n$1\r\na\r\n%1\r\n+b\r\n*-1\r\n",
        "|1\r\n+a\r\n+b\r\n+c\r\n",
        "$?\r\n;1\r\na\r\n;0\r\n",
    ] {
        let bytes = format!("{}+OK\r\n", nested(50_000, inner));
        for part in [bytes.len(), 7] {
            let mut run = run();
            run.feed(ToServer, &[command(&["GET", "k"]), command(&["PING"])].concat());
            bytes.as_bytes().chunks(part).for_each(|part| run.feed(ToClient, part));
            assert_eq!((run.messages.len(), run.desyncs), (4, 0), "{inner:?}");
            let [.., deep, last] = run.messages.as_slice() else { panic!("four messages") };
            assert_eq!(deep.wire_bytes as usize, bytes.len() - 5);
            assert_eq!(deep.body.bytes, format!("{}\"…\"{}", "[".repeat(32), "]".repeat(32)).as_bytes());
            assert!(deep.body.is_cut && !deep.notes.is_empty() && last.notes.is_empty());
            assert_eq!(run.loss.count(Cause::LimitReached), 1);
        }
    }
    // Attributes are no value, so that the one behind them is the reply.
    let mut run = run();
    run.feed(ToServer, &command(&["GET", "k"]));
    run.feed(ToClient, format!("{}|1\r\n+a\r\n*1\r\n:1\r\n:2\r\n", "*1\r\n".repeat(32)).as_bytes());
    assert_eq!(run.messages.len(), 2, "{}", run.text());
    assert_eq!(run.messages[1].body.bytes, format!("{}2{}", "[".repeat(32), "]".repeat(32)).as_bytes());
    // The end of a list without a count can't be found in there.
    let mut endless = Run::new(&Redis, tcp());
    endless.feed(ToClient, nested(40, "*?\r\n:1\r\n.\r\n").as_bytes());
    assert_eq!((endless.messages.len(), endless.desyncs > 0), (1, true));
}

#[test]
fn redis_is_recognised() {
    let at = |bytes: &[u8], other: &[u8]| probe(&Redis, &tcp(), bytes, other);
    let (client, server) = (Probe::Match(Sender::Client), Probe::Match(Sender::Server));
    assert_eq!(at(&command(&["GET", "a"]), b""), client);
    assert_eq!(at(b"*2\r\n$3\r\nG", b""), Probe::NeedMore);
    assert_eq!(at(b"*", b""), Probe::NeedMore);
    assert_eq!(at(b"$5\r\nhello\r\n", b""), server);
    assert_eq!(at(b"*2\r\n$1\r\na\r\n:1\r\n", b""), server);
    assert_eq!(at(b":1\r\n:2\r\n", b""), server);
    assert_eq!(at(b"+OK\r\n", b""), Probe::NeedMore);
    assert_eq!(at(b"+OK\r\n", &command(&["SET", "a", "b"])), server);
    assert_eq!(at(b"PING\r\n", b""), Probe::NeedMore);
    assert_eq!(at(b"PING\r\n", b"+PONG\r\n"), client);
    assert_eq!(at(b"+PONG\r\n", b"PING\r\n"), server);
}

#[test]
fn other_protocols_are_left_alone() {
    for (bytes, other) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], &b""[..]),
        (b"HTTP/1.1 200 OK\r\n\r\n", b""),
        (b"+OK POP3 ready\r\n", b"USER a\r\n"),
        (b"+OK POP3 ready\r\n+OK\r\n+OK\r\n", b""),
        (b"USER a\r\n", b"+OK POP3 ready\r\n"),
        (b"QUIT\r\n", b"+OK POP3 ready\r\n"),
        (b"AUTH PLAIN\r\n", b"250 OK\r\n"),
        (b"* OK IMAP4rev1 ready\r\n", b""),
        (b"Get up, stand up.\r\n", b""),
        (b"The quick brown fox jumps over the lazy dog.\r\n", b""),
        (b"- a list\r\n- of things\r\n", b""),
        (b"INFO {\"server_id\":\"N\"}\r\n", b"CONNECT {}\r\nPING\r\n"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b""),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b""),
    ] {
        let probed = probe(&Redis, &tcp(), bytes, other);
        assert!(!matches!(probed, Probe::Match(_)), "{:?}", String::from_utf8_lossy(bytes));
    }
}

mod random {
    use super::*;
    use proptest::prelude::*;

    fn resp() -> impl Strategy<Value = Vec<u8>> {
        let token = prop_oneof![
            "[*$:+%~>|=!;.,#_(-]{1,2}[0-9?]{0,3}(\r\n)?".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..6),
            Just(b"\r\n".to_vec()),
            Just(command(&["PSYNC", "?", "-1"])),
            Just(command(&["SUBSCRIBE", "a", "b"])),
            Just(b"+FULLRESYNC a 0\r\n$9\r\n".to_vec()),
        ];
        proptest::collection::vec(token, 0..20).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(parts in proptest::collection::vec((any::<bool>(), resp(), 0u64..40), 0..12)) {
            let mut run = run();
            for (is_back, bytes, gap) in parts {
                let direction = if is_back { ToClient } else { ToServer };
                run.feed(direction, &bytes);
                if gap > 30 {
                    run.gap(direction, gap - 30);
                }
                let _ = probe(&Redis, &tcp(), &bytes, b"");
            }
            run.close();
        }

        #[test]
        fn random_bytes_are_not_redis(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let probed = probe(&Redis, &tcp(), &bytes, b"");
            prop_assert!(!matches!(probed, Probe::Match(_)));
        }

        #[test]
        fn text_is_not_redis(text in "[A-Za-z ,.!?'\"\r\n:*+$-]{0,200}") {
            let probed = probe(&Redis, &tcp(), text.as_bytes(), b"");
            prop_assert!(!matches!(probed, Probe::Match(_)));
        }
    }
}
