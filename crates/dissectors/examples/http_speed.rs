//! Measures the HTTP dissector: nanoseconds a message, for a few sets of wanted fields.

use std::hint::black_box;
use std::time::Instant;

use lanternfish_dissect::{Chunk, Limits, MessagePool, Out, Progress, Protocol, Session, Source};
use lanternfish_dissectors::http::Http;
use lanternfish_model::{
    ConnectionFacts, Direction, Endpoint, FieldTable, FieldTableError, Loss, PacketRef, ProtocolIndex, Scope,
    Transport, Wants,
};

const REQUEST: &[u8] = b"GET /api/v1/cart?id=7 HTTP/1.1\r\nHost: shop.example.org:8080\r\nUser-Agent: curl/7.88.1\r\n\
    Accept: application/json\r\nX-Request-Id: 7f3a9c\r\nConnection: keep-alive\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 14 Mar 2026 22:00:00 GMT\r\n\
    Content-Type: application/json\r\nContent-Length: 17\r\nConnection: keep-alive\r\nETag: \"5f3a9c-10\"\r\n\
    Cache-Control: no-cache\r\n\r\n{\"status\":\"paid\"}";

fn main() -> Result<(), FieldTableError> {
    let table = FieldTable::join(&[Http.spec()])?;
    let seven = ["method", "url", "path", "http_version", "status_code", "request_headers_size", "response_body_size"];
    let only = |names: &[&str]| Wants::only(&table, names.iter().filter_map(|name| table.find(name)));
    let stored = table.iter().filter(|(_, spec, _)| spec.keep == lanternfish_model::Keep::Stored).map(|(id, _, _)| id);
    println!("request {} bytes, response {} bytes", REQUEST.len(), RESPONSE.len());
    for (name, wants) in [
        ("nothing", only(&[])),
        ("seven fields", only(&seven)),
        ("stored fields", Wants::only(&table, stored)),
        ("everything", Wants::everything(&table)),
    ] {
        println!(
            "{name:14} request {:6.1} ns, response {:6.1} ns",
            run(&wants, REQUEST, Direction::ToServer),
            run(&wants, RESPONSE, Direction::ToClient)
        );
    }
    Ok(())
}

/// The best of some rounds.
fn run(wants: &Wants, bytes: &[u8], direction: Direction) -> f64 {
    const ROUNDS: usize = 40;
    const TIMES: u32 = 20_000;
    let end = Endpoint::UNSPECIFIED;
    let first = PacketRef::default();
    let facts = ConnectionFacts {
        id: 1,
        transport: Transport::Tcp,
        client: end,
        server: end,
        scope: Scope(0),
        first,
        is_midstream: true,
        tunnels: Vec::new(),
        interface: 0,
    };
    let limits = Limits::default();
    let (mut pool, mut session, mut messages, mut loss) =
        (MessagePool::default(), Session::default(), Vec::new(), Loss::default());
    let mut dissector = Http.open(&facts);
    let mut best = f64::MAX;
    let mut number = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..TIMES {
            number += 1;
            let sources = [Source { end: bytes.len(), packet: PacketRef { number, ..first }, position: None }];
            let chunk = Chunk {
                direction,
                bytes: black_box(bytes),
                is_datagram: false,
                missing: 0,
                quoted_connection: None,
                sources: &sources,
            };
            let mut out = Out {
                protocol: ProtocolIndex(0),
                facts: &facts,
                limits: &limits,
                wants,
                pool: &mut pool,
                session: &mut session,
                messages: &mut messages,
                loss: &mut loss,
            };
            assert_eq!(dissector.data(&chunk, &mut out), Progress::Done);
            assert_eq!(messages.len(), 1);
            messages.drain(..).for_each(|message| pool.give(black_box(message)));
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(TIMES));
    }
    best
}
