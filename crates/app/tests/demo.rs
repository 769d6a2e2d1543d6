//! The shop of `demo` as the system sees it: processes with names of their own, which end with their parent.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

struct Shop {
    parent: Child,
    gateway: SocketAddr,
    inventory: SocketAddr,
}

fn open() -> Shop {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_lanternfish"))
        .arg("shop")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut places = Vec::new();
    for line in BufReader::new(parent.stdout.take().unwrap()).lines().take(6) {
        let line = line.unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        places.push((words.next().unwrap(), words.next().unwrap().parse().unwrap()));
    }
    let place = |name: &str| places.iter().find(|(known, _)| known == name).unwrap().1;
    Shop { gateway: place("gateway"), inventory: place("inventory"), parent }
}

/// The children of a process, by name.
fn children(pid: u32) -> Vec<(String, u32)> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let mut found: Vec<(String, u32)> = list
        .split_whitespace()
        .map(|child| (fs::read_to_string(format!("/proc/{child}/comm")).unwrap(), child.parse().unwrap()))
        .map(|(name, child)| (name.trim_end().to_owned(), child))
        .collect();
    found.sort();
    found
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process lives under its name; one that nobody waits for any more is dead.
fn is_alive((name, pid): &(String, u32)) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.contains(&format!("({name})")) && !stat.contains(") Z ")
}

fn talk(at: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

const NAMES: [&str; 7] = ["cart", "catalog", "customers", "gateway", "inventory", "names", "payment"];

#[test]
fn the_demo_is_a_process_for_each_service_and_closes_with_its_input() {
    let mut shop = open();
    let pid = shop.parent.id();
    wait_for("all have their names", || children(pid).iter().map(|(name, _)| name.as_str()).eq(NAMES));
    let services = children(pid);
    for (name, child) in &services {
        let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap();
        assert!(status.contains("CapEff:\t0000000000000000"), "{name} has rights");
    }
    let answer = talk(shop.gateway, "GET /items HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(talk(shop.gateway, "GET /delivery HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 503"));
    // Customers come by themselves, and what they pay reaches the inventory.
    wait_for("an order is paid", || {
        let orders = talk(shop.inventory, "*2\r\n$3\r\nGET\r\n$6\r\norders\r\n");
        orders.starts_with('$') && !orders.starts_with("$-")
    });
    drop(shop.parent.stdin.take());
    assert!(shop.parent.wait().unwrap().success());
    assert!(!services.iter().any(is_alive));
    assert!(TcpStream::connect(shop.gateway).is_err());
}

#[test]
fn the_services_of_the_demo_do_not_outlive_a_parent_that_is_killed() {
    let mut shop = open();
    let pid = shop.parent.id();
    wait_for("all have their names", || children(pid).iter().map(|(name, _)| name.as_str()).eq(NAMES));
    let services = children(pid);
    shop.parent.kill().unwrap();
    shop.parent.wait().unwrap();
    wait_for("all end", || !services.iter().any(is_alive));
}
