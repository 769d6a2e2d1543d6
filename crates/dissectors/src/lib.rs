//! The protocols: one folder each, and one line each in the table below.

pub mod dns;
#[cfg(test)]
mod driver;
pub mod flow;
pub mod http;
pub mod icmp;
pub mod pending;
pub mod rate;
pub mod redis;
pub mod sctp;
mod silent;
pub mod tcp;
pub mod template;
pub mod tls;
pub mod transport;
#[cfg(test)]
mod transport_tests;
pub mod udp;

use lanternfish_dissect::Protocol;

/// Every protocol, in the order in which they are probed. A protocol's position is its index everywhere.
pub static PROTOCOLS: &[&'static dyn Protocol] =
    &[&http::Http, &tls::Tls, &redis::Redis, &dns::Dns, &icmp::Icmp, &tcp::Tcp, &udp::Udp, &sctp::Sctp];
