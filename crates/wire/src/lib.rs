//! Views of link, network and transport headers and of tunnels: from a packet's bytes to the innermost datagram.
//!
//! Nothing is copied and nothing is kept; fragments are given back as such and put together by the reassembly crate.

mod packet;

pub use packet::{
    Datagram, Fragment, IcmpHeader, LinkType, Payload, Quoted, SctpHeader, TcpFlags, TcpHeader, TransportHeader,
    Tunnel, TunnelKind, Unread, View,
};
