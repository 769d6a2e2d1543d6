//! Real sockets of real processes: the test program runs itself again as the other process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use lanternfish_model::{PacketRef, Scope};

use super::*;

#[test]
fn both_ends_in_one_process_are_found() {
    let resolver = start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let ends = ask_tcp(&resolver, &client);
    for end in [&ends.client, &ends.server] {
        assert_eq!((end.status, end.pid), (ResolutionStatus::Resolved, std::process::id()));
        assert!(end.executable.contains("lanternfish"), "{}", end.executable);
        assert!(end.network_namespace > 0 && !end.user.is_empty());
    }
    // Long after the accept too, as where capture begins in the middle.
    let _accepted = listener.accept().unwrap();
    let later = ask_tcp(&resolver, &client);
    assert_eq!(later, ends);
    assert!(Arc::ptr_eq(&later.client, &ends.client));
}

#[test]
fn a_child_that_connects_is_the_client() {
    let resolver = start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let child = Other::start("connect", &listener.local_addr().unwrap().to_string(), Stdio::piped(), &[]);
    let (server, peer) = listener.accept().unwrap();
    let ends = ask(&resolver, Transport::Tcp, peer, server.local_addr().unwrap());
    assert_eq!((ends.client.status, ends.client.pid), (ResolutionStatus::Resolved, child.pid()));
    assert_eq!(ends.server.pid, std::process::id());
}

#[test]
fn of_several_listeners_the_one_that_accepts_is_the_server() {
    let resolver = start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let shared: OwnedFd = listener.as_fd().try_clone_to_owned().unwrap();
    let mut child = Other::start("accept", "", shared.into(), &[]);
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(child.line(), "accepted");
    let ends = ask_tcp(&resolver, &client);
    assert_eq!(ends.server.pid, child.pid());
    // Where nobody accepts in time, the oldest stands for all.
    let waiting = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(ask_tcp(&resolver, &waiting).server.pid, std::process::id());
}

#[test]
fn who_listened_before_is_remembered() {
    let resolver = start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let client = TcpStream::connect(server).unwrap();
    let known = ask_tcp(&resolver, &client).server;
    assert_eq!(known.status, ResolutionStatus::Resolved);
    drop((listener, client));
    let refused = || TcpStream::connect(server).is_err();
    assert!(refused());
    let from = "127.0.0.1:9".parse().unwrap();
    let gone = ask(&resolver, Transport::Tcp, from, server).server;
    assert_eq!((gone.status, &gone.process_name), (ResolutionStatus::ProcessEnded, &known.process_name));
    let other = SocketAddr::new("127.0.0.2".parse().unwrap(), server.port());
    assert_eq!(ask(&resolver, Transport::Tcp, from, other).server.process_name, "");
}

#[test]
fn datagram_sockets_are_found() {
    let resolver = start();
    let server = UdpSocket::bind("0.0.0.0:0").unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    let theirs = SocketAddr::new("127.0.0.1".parse().unwrap(), server.local_addr().unwrap().port());
    let ends = ask(&resolver, Transport::Udp, client.local_addr().unwrap(), theirs);
    assert_eq!([ends.client.pid, ends.server.pid], [std::process::id(); 2]);
}

#[test]
fn what_can_not_be_found_says_why() {
    let resolver = start();
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let gone = ask(&resolver, Transport::Tcp, address("127.0.0.1:1"), address("192.0.2.1:443"));
    assert_eq!(gone.client.status, ResolutionStatus::ProcessEnded);
    assert_eq!(gone.server.status, ResolutionStatus::NotLocal);
    let echo = ask(&resolver, Transport::Icmp, address("192.0.2.1:0"), address("127.0.0.1:0"));
    assert_eq!(echo.server.status, ResolutionStatus::KernelSocket);
    let sctp = ask(&resolver, Transport::Sctp, address("127.0.0.1:5"), address("127.0.0.1:6"));
    assert_eq!(sctp.server.status, ResolutionStatus::Unavailable);
    let mut inside = facts(Transport::Tcp, address("127.0.0.1:1"), address("127.0.0.1:2"));
    inside.tunnels = vec!["vxlan 42 10.0.0.1 > 10.0.0.2".to_owned()];
    assert_eq!(wait(&resolver.observe(&inside)).client.status, ResolutionStatus::NotLocal);
    assert!(resolver.is_local("127.0.0.1".parse().unwrap()) && !resolver.is_local("192.0.2.1".parse().unwrap()));
    assert_eq!(resolver.loss().count(Cause::ProcessEnded), 1);
    assert_eq!(resolver.loss().count(Cause::IdentityUnavailable), 2);
}

#[test]
fn sockets_of_other_namespaces_are_found() {
    if !Command::new("unshare")
        .args(["--net", "ip", "link"])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        println!("skipped: no right to make a network namespace");
        return;
    }
    let resolver = start();
    let mut child = Other::start("both", "10.99.7.1:0", Stdio::piped(), &["unshare", "--net"]);
    let line = child.line();
    let (client, server) = line.split_once(' ').unwrap();
    let ends = ask(&resolver, Transport::Tcp, client.parse().unwrap(), server.parse().unwrap());
    assert_eq!((ends.client.status, ends.client.pid), (ResolutionStatus::Resolved, child.pid()));
    assert_eq!(ends.server, ends.client);
    assert_ne!(Some(ends.client.network_namespace), crate::process::network_namespace(std::process::id()));
    let ended = ask(&resolver, Transport::Tcp, "10.99.7.1:1".parse().unwrap(), server.parse().unwrap());
    assert_eq!(ended.client.status, ResolutionStatus::ProcessEnded);
    assert!(resolver.is_local("10.99.7.1".parse().unwrap()));
}

#[test]
fn a_flood_is_settled_in_time_and_counted() {
    let resolver = start();
    let address = |port: u16| SocketAddr::new("127.0.0.1".parse().unwrap(), port);
    let tickets: Vec<_> =
        (0..20_000u16).map(|port| resolver.observe(&facts(Transport::Tcp, address(port), address(1)))).collect();
    for ticket in &tickets {
        wait(ticket);
    }
    let stats = resolver.stats();
    assert_eq!(stats.asked, 20_000);
    let ends = stats.resolved + stats.not_local + stats.process_ended + stats.no_permission;
    assert_eq!(ends + stats.kernel_socket + stats.unavailable, 40_000);
    assert!(stats.unavailable >= 2 * stats.refused);
}

#[test]
fn many_children_are_found_within_the_budget() {
    let resolver = start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for _ in 0..10 {
        let child = Other::start("connect", &address.to_string(), Stdio::piped(), &[]);
        let (_server, peer) = listener.accept().unwrap();
        assert_eq!(ask(&resolver, Transport::Tcp, peer, address).client.pid, child.pid());
    }
    let clients: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
    for client in &clients {
        assert_eq!(ask_tcp(&resolver, client).client.pid, std::process::id());
    }
    let stats = resolver.stats();
    assert_eq!((stats.resolved, stats.asked), (220, 110));
    println!("{} µs of processor time for each connection", stats.processor_ns / 1000 / stats.asked);
}

#[test]
fn tickets_are_settled_when_the_resolver_ends() {
    let resolver = start();
    let address = |port: u16| SocketAddr::new("127.0.0.1".parse().unwrap(), port);
    let tickets: Vec<_> =
        (0..500u16).map(|port| resolver.observe(&facts(Transport::Tcp, address(port), address(1)))).collect();
    drop(resolver);
    assert!(tickets.iter().all(|ticket| ticket.ends().is_some()));
}

/// What the test program does when it runs as the other process.
#[test]
fn other_process() {
    let Ok(role) = std::env::var("LANTERNFISH_TEST_ROLE") else { return };
    let argument = std::env::var("LANTERNFISH_TEST_ARGUMENT").unwrap();
    let _kept: Vec<TcpStream> = match role.as_str() {
        "connect" => vec![TcpStream::connect(argument).unwrap()],
        "accept" => {
            let listener = TcpListener::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
            let stream = listener.accept().unwrap().0;
            println!("\n>accepted");
            vec![stream]
        }
        _ => {
            let run = |command: &str| Command::new("ip").args(command.split(' ')).status().unwrap();
            run("link set lo up");
            run("addr add 10.99.7.1/32 dev lo");
            let listener = TcpListener::bind(argument).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let server = listener.accept().unwrap().0;
            println!("\n>{} {}", client.local_addr().unwrap(), listener.local_addr().unwrap());
            vec![client, server]
        }
    };
    let _ = std::io::stdout().flush();
    std::thread::sleep(Duration::from_secs(20));
}

/// The other process; it ends with this value.
struct Other {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Other {
    fn start(role: &str, argument: &str, input: Stdio, before: &[&str]) -> Other {
        let program = std::env::current_exe().unwrap().to_string_lossy().into_owned();
        let arguments = ["--exact", "resolver::tests::other_process", "--nocapture", "--test-threads=1"];
        let mut words = before.iter().copied().chain([program.as_str()]).chain(arguments);
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .env("LANTERNFISH_TEST_ROLE", role)
            .env("LANTERNFISH_TEST_ARGUMENT", argument)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Other { child, lines }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has to say.
    fn line(&mut self) -> String {
        let lines = self.lines.by_ref().lines().map_while(Result::ok);
        lines.filter_map(|line| line.strip_prefix('>').map(str::to_owned)).next().unwrap()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start() -> Resolver {
    Resolver::start(ResolverConfig::default()).unwrap()
}

fn facts(transport: Transport, client: SocketAddr, server: SocketAddr) -> ConnectionFacts {
    let end = |address: SocketAddr| Endpoint::new(address.ip(), address.port());
    ConnectionFacts {
        id: 1,
        transport,
        client: end(client),
        server: end(server),
        scope: Scope(0),
        first: PacketRef::default(),
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 1,
    }
}

fn ask(resolver: &Resolver, transport: Transport, client: SocketAddr, server: SocketAddr) -> Ends {
    wait(&resolver.observe(&facts(transport, client, server)))
}

fn ask_tcp(resolver: &Resolver, client: &TcpStream) -> Ends {
    ask(resolver, Transport::Tcp, client.local_addr().unwrap(), client.peer_addr().unwrap())
}

/// Waits for a ticket, a little longer than it may take on a busy machine.
fn wait(ticket: &Ticket) -> Ends {
    while ticket.ends().is_none() {
        assert!(ticket.asked_at().elapsed() < Resolver::SETTLE_WITHIN * 4, "not settled in time");
        std::thread::sleep(Duration::from_millis(1));
    }
    ticket.ends().unwrap()
}
