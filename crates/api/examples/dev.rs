#[path = "../tests/support/mod.rs"]
mod support;
use std::sync::Arc;
use lanternfish_api::{Access, Server};
use lanternfish_model::Timestamp;
use support::engine::{Shared, TestEngine};
fn now() -> Timestamp { let d = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap(); Timestamp::from_ns(d.as_nanos() as i64) }
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut engine = TestEngine::new();
    let base = support::traffic::entries();
    let mem = Arc::get_mut(&mut engine.memory).unwrap();
    let n = 200u64; let start = now() + (-800_000_000_000i64);
    mem.entries = (0..n).flat_map(|k| base.iter().enumerate().map(move |(i, e)| { let mut e = e.clone(); e.id = (k * 100 + i as u64 + 1) * 65536; e.timestamp = start + (k as i64 * 4_000_000_000 + i as i64 * 100_000_000); e }).collect::<Vec<_>>()).collect();
    mem.lost_at = start + 300_000_000_000i64;
    engine.state.lock().unwrap().demo = true;
    let engine = Arc::new(engine);
    let server = Server::new(Arc::new(Shared(Arc::clone(&engine))), Access::default(), None);
    let listener = std::net::TcpListener::bind("127.0.0.1:8897").unwrap();
    let e2 = Arc::clone(&engine);
    tokio::spawn(async move { let mut k = 0u64; loop { tokio::time::sleep(std::time::Duration::from_millis(200)).await; let b = &base[(k as usize) % base.len()]; let mut e = b.clone(); e.id = (1_000_000 + k) * 65536; e.timestamp = now(); k += 1; e2.live.publish(&e); } });
    println!("up"); server.serve(vec![listener], std::future::pending::<()>()).await.unwrap();
}
