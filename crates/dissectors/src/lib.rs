//! The protocols: one folder each, and one line each in the table below.

pub mod dns;
pub mod http;
pub mod icmp;
pub mod redis;
pub mod sctp;
pub mod tcp;
pub mod template;
pub mod tls;
pub mod udp;

use lanternfish_dissect::Protocol;

/// Every protocol, in the order in which they are probed. A protocol's position is its index everywhere.
pub static PROTOCOLS: &[&'static dyn Protocol] = &[
    &http::Http,
    &tls::Tls,
    &redis::Redis,
    &dns::Dns,
    &icmp::Icmp,
    &tcp::Tcp,
    &udp::Udp,
    &sctp::Sctp,
];
