//! The kernel's socket tables of this network namespace, by sock_diag(7): one socket by its addresses, or all listeners.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lanternfish_model::{Endpoint, Transport};
use rustix::net::netlink;

use crate::netlink::{Netlink, attributes, word};

/// What the kernel says of one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The local end.
    pub local: Endpoint,
    /// The other end, unspecified where it has none.
    pub remote: Endpoint,
    /// The state, numbered as the kernel does.
    pub state: u8,
    /// The user that it belongs to.
    pub uid: u32,
    /// Its inode, 0 where no process has it (yet, or any more).
    pub inode: u64,
}

/// Asks the kernel for sockets.
pub struct SocketDiag {
    netlink: Netlink,
}

impl SocketDiag {
    /// Opens the way to the kernel; no right is needed.
    pub fn open() -> io::Result<SocketDiag> {
        Ok(SocketDiag { netlink: Netlink::open(Some(netlink::SOCK_DIAG))? })
    }

    /// The socket that packets from `remote` to `local` go to: the connected one, else a listener; TCP and UDP only.
    pub fn find(&mut self, transport: Transport, local: Endpoint, remote: Endpoint) -> io::Result<Option<Socket>> {
        // The kernel takes both ends of UDP the other way round, "for historical reasons" (net/ipv4/udp_diag.c).
        let (first, second) = match transport {
            Transport::Udp => (remote, local),
            _ => (local, remote),
        };
        let request = request(transport, first, second, u32::MAX);
        let mut found = None;
        match self.netlink.ask(SOCK_DIAG_BY_FAMILY, false, &request, |body| found = read_socket(body)) {
            Ok(()) => Ok(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All listening TCP sockets, at most [`MAX_LISTENERS`].
    pub fn listeners(&mut self) -> io::Result<Vec<Socket>> {
        let mut all = Vec::new();
        for ip in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
            let end = Endpoint::new(ip, 0);
            let request = request(Transport::Tcp, end, end, 1 << LISTEN);
            self.netlink.ask(SOCK_DIAG_BY_FAMILY, true, &request, |body| {
                if all.len() < MAX_LISTENERS {
                    all.extend(read_socket(body));
                }
            })?;
        }
        Ok(all)
    }

    /// The addresses of this network namespace.
    pub fn addresses() -> io::Result<Vec<IpAddr>> {
        let mut all = Vec::new();
        // `struct ifaddrmsg`: any family, any interface.
        Netlink::open(None)?.ask(RTM_GETADDR, true, &[0; IFADDRMSG_BYTES], |body| {
            let mut address = None;
            for (kind, value) in attributes(body.get(IFADDRMSG_BYTES..).unwrap_or_default()) {
                // IFA_LOCAL is the own address where a link has an address for each end.
                if kind == IFA_LOCAL || (kind == IFA_ADDRESS && address.is_none()) {
                    address = read_ip(value);
                }
            }
            all.extend(address);
        })?;
        Ok(all)
    }
}

/// `struct inet_diag_req_v2` of linux/inet_diag.h.
fn request(transport: Transport, first: Endpoint, second: Endpoint, states: u32) -> Vec<u8> {
    let is_v4 = first.ip.is_ipv4() && second.ip.is_ipv4();
    let protocol = if transport == Transport::Udp { IPPROTO_UDP } else { IPPROTO_TCP };
    let mut raw = vec![if is_v4 { AF_INET } else { AF_INET6 }, protocol, 0, 0];
    raw.extend(states.to_ne_bytes());
    raw.extend(first.port.to_be_bytes());
    raw.extend(second.port.to_be_bytes());
    for end in [first, second] {
        let mut address = [0u8; 16];
        match end.ip {
            IpAddr::V4(ip) if is_v4 => {
                for (to, from) in address.iter_mut().zip(ip.octets()) {
                    *to = from;
                }
            }
            IpAddr::V4(ip) => address = ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => address = ip.octets(),
        }
        raw.extend(address);
    }
    // Any interface, and no cookie.
    raw.extend(0u32.to_ne_bytes());
    raw.extend([0xff; 8]);
    raw
}

/// `struct inet_diag_msg` of linux/inet_diag.h.
fn read_socket(body: &[u8]) -> Option<Socket> {
    let family = *body.first()?;
    let port = |at: usize| body.get(at..)?.first_chunk().map(|raw| u16::from_be_bytes(*raw));
    let ip = |at: usize| {
        let length = if family == AF_INET { 4 } else { 16 };
        read_ip(body.get(at..at.checked_add(length)?)?)
    };
    body.get(..72)?;
    Some(Socket {
        local: Endpoint::new(ip(8)?, port(4)?),
        remote: Endpoint::new(ip(24)?, port(6)?),
        state: *body.get(1)?,
        uid: word(body, 64),
        inode: u64::from(word(body, 68)),
    })
}

fn read_ip(raw: &[u8]) -> Option<IpAddr> {
    match raw.len() {
        4 => raw.first_chunk::<4>().map(|raw| IpAddr::from(*raw)),
        16 => raw.first_chunk::<16>().map(|raw| IpAddr::from(*raw).to_canonical()),
        _ => None,
    }
}

/// The most listeners that are looked at.
pub const MAX_LISTENERS: usize = 16_384;
/// The state of a listener (`TCP_LISTEN`).
pub const LISTEN: u8 = 10;
/// The state of a connection that has ended but for stray packets (`TCP_TIME_WAIT`).
pub const TIME_WAIT: u8 = 6;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const RTM_GETADDR: u16 = 22;
const IFADDRMSG_BYTES: usize = 8;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

    use super::*;

    fn end(address: SocketAddr) -> Endpoint {
        Endpoint::new(address.ip().to_canonical(), address.port())
    }

    #[test]
    fn sockets_are_found_by_their_addresses() {
        for loopback in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(loopback) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (ours, theirs) = (end(client.local_addr().unwrap()), end(client.peer_addr().unwrap()));
            let mut diag = SocketDiag::open().unwrap();
            let found = diag.find(Transport::Tcp, ours, theirs).unwrap().unwrap();
            assert_eq!((found.local, found.remote, found.state), (ours, theirs, 1));
            assert!(found.inode > 0);
            // The server's socket has no process before it is accepted.
            assert_eq!(diag.find(Transport::Tcp, theirs, ours).unwrap().unwrap().inode, 0);
            let accepted = listener.accept().unwrap();
            assert!(diag.find(Transport::Tcp, theirs, ours).unwrap().unwrap().inode > 0);
            assert!(diag.listeners().unwrap().iter().any(|socket| socket.local == theirs && socket.state == LISTEN));
            drop((accepted, listener));
            assert_eq!(diag.find(Transport::Tcp, Endpoint::new(theirs.ip, 1), ours).unwrap(), None);
        }
    }

    #[test]
    fn datagram_sockets_are_found_with_and_without_a_peer() {
        let server = UdpSocket::bind("0.0.0.0:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let theirs = Endpoint::new("127.0.0.1".parse().unwrap(), server.local_addr().unwrap().port());
        let ours = end(client.local_addr().unwrap());
        let mut diag = SocketDiag::open().unwrap();
        assert!(diag.find(Transport::Udp, ours, theirs).unwrap().unwrap().inode > 0);
        client.connect(("127.0.0.1", theirs.port)).unwrap();
        let found = diag.find(Transport::Udp, ours, theirs).unwrap().unwrap();
        assert_eq!(found.local.port, ours.port);
        assert_eq!(diag.find(Transport::Udp, theirs, ours).unwrap().unwrap().local.port, theirs.port);
    }

    #[test]
    fn short_answers_are_no_sockets() {
        for length in 0..72 {
            assert_eq!(read_socket(&vec![2; length]), None);
        }
        assert!(SocketDiag::addresses().is_ok_and(|all| !all.is_empty()));
    }
}
