//! The facts of this machine: its name, an id that stays, and the address by which it goes out.

use std::net::{IpAddr, UdpSocket};

use crate::diag::SocketDiag;
use crate::proc_net::read_limited;

/// What tells this machine apart from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its host name.
    pub name: String,
    /// An id that stays when it starts again, below 2^53: a hash of its machine id, which itself is not to be shown
    /// (machine-id(5)); else of its name.
    pub id: u64,
    /// The address that it has towards others, where it has one.
    pub primary_ip: Option<IpAddr>,
}

impl NodeFacts {
    /// Reads the facts of this machine.
    pub fn read() -> NodeFacts {
        let read = |path: &str| read_limited(path, MAX_BYTES).unwrap_or_default().trim().to_owned();
        let name = read("/proc/sys/kernel/hostname");
        let machine_ids = ["/etc/machine-id", "/var/lib/dbus/machine-id"].map(read);
        let source = machine_ids.iter().find(|id| id.len() >= 32).unwrap_or(&name);
        NodeFacts { id: hash(source), name, primary_ip: primary_ip() }
    }
}

/// The source address of the default route: connecting a datagram socket sends nothing.
fn primary_ip() -> Option<IpAddr> {
    let routed = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")].into_iter().find_map(|(own, other)| {
        let socket = UdpSocket::bind(own).ok()?;
        socket.connect(other).ok()?;
        Some(socket.local_addr().ok()?.ip())
    });
    let is_useful = |ip: &IpAddr| !ip.is_loopback() && !ip.is_unspecified();
    routed.filter(is_useful).or_else(|| SocketDiag::addresses().ok()?.into_iter().find(is_useful))
}

/// FNV-1a with 64 bits over a word of our own and the text, folded to 53 bits.
fn hash(text: &str) -> u64 {
    let bytes = b"lanternfish node ".iter().chain(text.as_bytes());
    let full =
        bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    (full >> 53) ^ (full & ((1 << 53) - 1))
}

const MAX_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stays_and_is_small() {
        let facts = NodeFacts::read();
        assert_eq!(facts, NodeFacts::read());
        assert!(!facts.name.is_empty() && facts.id > 0 && facts.id < 1 << 53);
        assert_eq!(hash("0123"), hash("0123"));
        assert_ne!(hash("0123"), hash("0124"));
    }
}
