//! Packets and conversations made in code, for tests: builders with right lengths and checksums, TCP conversations,
//! captures in memory, and seeded damage to all of them.
//!
//! It panics on misuse, as tests do; nothing of it runs in the product.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod capture;
mod conversation;
mod packet;
mod random;

#[cfg(test)]
mod tests;

pub use capture::{Capture, TimedPacket};
pub use conversation::{Side, TcpConversation};
pub use packet::{
    Segment, arp, ethernet, frame, geneve, gre, gtp_u, icmp, icmp_echo, icmp_error, ip, ipv4_fragments, ipv6_extension,
    ipv6_fragments, sctp, tcp, udp, vlan, vxlan,
};
pub use random::Random;

use lanternfish_model::Endpoint;

/// An endpoint from text such as `10.0.0.1:80` or `[2001:db8::1]:80`.
pub fn endpoint(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().expect("an address with a port");
    Endpoint::new(address.ip(), address.port())
}
