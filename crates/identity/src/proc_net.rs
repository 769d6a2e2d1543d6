//! The socket tables and addresses of any network namespace, by /proc/<pid>/net of a process inside (proc(5)).
//!
//! This needs no right to enter the namespace, but the kernel walks its whole table for it; callers keep what they read.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lanternfish_model::{Endpoint, Transport};

use crate::diag::Socket;

/// Reads the sockets of a transport in the namespace of a process.
pub fn read_sockets(pid: u32, transport: Transport) -> io::Result<Vec<Socket>> {
    let names: &[&str] = match transport {
        Transport::Tcp => &["tcp", "tcp6"],
        Transport::Udp => &["udp", "udp6"],
        Transport::Icmp => &["icmp", "icmp6", "raw", "raw6"],
        Transport::Sctp => &[],
    };
    let mut all = Vec::new();
    for name in names {
        // A table of an address family that is switched off is not there.
        match read_limited(&format!("/proc/{pid}/net/{name}"), MAX_TABLE_BYTES) {
            Ok(text) => all.extend(text.lines().filter_map(read_socket)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// The socket that packets from `remote` to `local` go to: the connected one, else the closest listener.
pub fn find(sockets: &[Socket], local: Endpoint, remote: Endpoint) -> Option<Socket> {
    let fit = |socket: &&Socket| {
        if socket.local.port != local.port {
            return 0;
        }
        let is_any = socket.local.ip.is_unspecified();
        // A socket on `::` takes IPv4 too; whether it was told not to is not in the table.
        let is_family = socket.local.ip.is_ipv6() || local.ip.is_ipv4();
        if socket.local.ip != local.ip && !(is_any && is_family) {
            return 0;
        }
        match socket.remote {
            peer if peer == remote => 4,
            peer if peer.port != 0 => 0,
            _ if !is_any => 3,
            _ if socket.local.ip.is_ipv4() == local.ip.is_ipv4() => 2,
            _ => 1,
        }
    };
    sockets.iter().filter(|socket| fit(socket) > 0).max_by_key(fit).copied()
}

/// Reads the addresses of the namespace of a process.
pub fn read_addresses(pid: u32) -> io::Result<Vec<IpAddr>> {
    let mut all = Vec::new();
    let tree = read_limited(&format!("/proc/{pid}/net/fib_trie"), MAX_TREE_BYTES)?;
    let mut leaf = None;
    for line in tree.lines() {
        let line = line.trim_start();
        match line.strip_prefix("|-- ") {
            Some(address) => leaf = address.trim_end().parse::<Ipv4Addr>().ok(),
            None if line.starts_with("/32 host LOCAL") => all.extend(leaf.map(IpAddr::V4)),
            None => {}
        }
    }
    if let Ok(table) = read_limited(&format!("/proc/{pid}/net/if_inet6"), MAX_TREE_BYTES) {
        let addresses = table.lines().filter_map(|line| u128::from_str_radix(line.get(..32)?, 16).ok());
        all.extend(addresses.map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Reads one line: number, local, remote, state, queues, timer, retransmissions, user, timeout, inode.
fn read_socket(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let local = read_endpoint(words.next()?)?;
    let remote = read_endpoint(words.next()?)?;
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let uid = words.nth(3)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    Some(Socket { local, remote, state, uid, inode })
}

/// An address is printed as words of the machine's order, the port as a number.
fn read_endpoint(text: &str) -> Option<Endpoint> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let text = address.get(at..at.checked_add(8)?)?;
        u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match address.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let mut octets = [0u8; 16];
            for (position, chunk) in octets.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(position.checked_mul(8)?)?);
            }
            IpAddr::from(octets).to_canonical()
        }
        _ => return None,
    };
    Some(Endpoint::new(ip, port))
}

/// Reads a file up to a limit; what lies behind it is left out.
pub fn read_limited(path: &str, limit: u64) -> io::Result<String> {
    let mut raw = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut raw)?;
    Ok(String::from_utf8_lossy(&raw).into_owned())
}

/// The most bytes of a socket table that are read: about 100,000 sockets.
const MAX_TABLE_BYTES: u64 = 16 << 20;
/// The most bytes of a table of addresses that are read.
const MAX_TREE_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_families_are_read() {
        let cases = [
            (
                "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0",
                Some(("127.0.0.1:8080", "0.0.0.0:0", 10, 1000, 4711)),
            ),
            (
                "   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:D431 01 00000000:00000000 \
                 00:00000000 00000000     0        0 99 1",
                Some(("127.0.0.1:8080", "127.0.0.2:54321", 1, 0, 99)),
            ),
            ("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", None),
            ("   0: 0100007F:1F90 0000", None),
            ("", None),
        ];
        for (line, expected) in cases {
            let found = read_socket(line);
            let found = found.map(|s| (s.local.to_string(), s.remote.to_string(), s.state, s.uid, s.inode));
            let expected = expected.map(|(l, r, s, u, i)| (l.to_owned(), r.to_owned(), s, u, i));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn the_closest_socket_is_found() {
        let end = |text: &str, port| Endpoint::new(text.parse().unwrap(), port);
        let socket = |local, remote, inode| Socket { local, remote, state: 1, uid: 0, inode };
        let table = [
            socket(end("::", 80), end("::", 0), 1),
            socket(end("0.0.0.0", 80), end("0.0.0.0", 0), 2),
            socket(end("10.0.0.1", 80), end("0.0.0.0", 0), 3),
            socket(end("10.0.0.1", 80), end("10.0.0.2", 4000), 4),
            socket(end("0.0.0.0", 81), end("0.0.0.0", 0), 5),
        ];
        let cases = [
            ("10.0.0.1", 80, "10.0.0.2", 4000, Some(4)),
            ("10.0.0.1", 80, "10.0.0.2", 4001, Some(3)),
            ("10.0.0.9", 80, "10.0.0.2", 4001, Some(2)),
            ("fd00::1", 80, "fd00::2", 4001, Some(1)),
            ("fd00::1", 81, "fd00::2", 4001, None),
            ("10.0.0.1", 82, "10.0.0.2", 4001, None),
        ];
        for (local, port, remote, remote_port, expected) in cases {
            let found = find(&table, end(local, port), end(remote, remote_port));
            assert_eq!(found.map(|socket| socket.inode), expected, "{local}:{port}");
        }
    }

    #[test]
    fn own_addresses_and_sockets_are_read() {
        let pid = std::process::id();
        assert!(read_addresses(pid).unwrap().contains(&"127.0.0.1".parse().unwrap()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(read_sockets(pid, Transport::Tcp).unwrap().iter().any(|s| s.local.port == port && s.remote.port == 0));
    }
}
