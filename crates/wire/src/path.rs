//! The way through the headers of one packet: its tunnels so far, and the limits on nesting.

use lanternfish_model::Cause;
use smallvec::SmallVec;

use crate::{Payload, Tunnel, Unread, View};

/// The most tags, labels, extension headers and tunnels within each other, ordinary headers not counted.
pub const MAX_HEADERS: u8 = 32;
/// The most tunnels within each other.
pub const MAX_TUNNELS: usize = 8;

/// What was passed on the way to the innermost datagram.
pub(crate) struct Path {
    /// The tunnels, outermost first.
    pub tunnels: SmallVec<[Tunnel; 1]>,
    headers: u8,
}

/// A place to go back to when a tunnel turns out to be none.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    tunnels: usize,
    headers: u8,
}

impl Path {
    #[inline]
    pub fn new() -> Self {
        Path { tunnels: SmallVec::new(), headers: 0 }
    }

    pub fn behind(tunnels: &[Tunnel]) -> Self {
        Path { tunnels: SmallVec::from_slice(tunnels), headers: 0 }
    }

    /// What an IP header says is its packet, without padding. A length beyond the frame is damage, and the frame is
    /// believed; within a tunnel it is a mirrored packet that was cut on its way into it.
    #[inline]
    pub fn cut_to<'a>(&self, packet: Payload<'a>, network_bytes: u32) -> Payload<'a> {
        if self.tunnels.is_empty() { packet.shortened(network_bytes) } else { packet.sized(network_bytes) }
    }

    /// Counts a header; false past the limit.
    pub fn enter(&mut self) -> bool {
        self.headers = self.headers.saturating_add(1);
        self.headers <= MAX_HEADERS
    }

    /// Adds a tunnel; false past the limit.
    pub fn enter_tunnel(&mut self, tunnel: Tunnel) -> bool {
        if self.tunnels.len() >= MAX_TUNNELS || !self.enter() {
            return false;
        }
        self.tunnels.push(tunnel);
        true
    }

    pub fn mark(&self) -> Mark {
        Mark { tunnels: self.tunnels.len(), headers: self.headers }
    }

    pub fn back_to(&mut self, mark: Mark) {
        self.tunnels.truncate(mark.tunnels);
        self.headers = mark.headers;
    }
}

/// A header that is cut short or contradicts itself.
#[cold]
pub(crate) fn malformed(what: &'static str) -> View<'static> {
    View::Unread(Unread { cause: Cause::MalformedHeader, what })
}

/// A frame of another network protocol.
#[cold]
pub(crate) fn not_ip(what: &'static str) -> View<'static> {
    View::Unread(Unread { cause: Cause::NotIp, what })
}

/// An IP packet of another transport.
#[cold]
pub(crate) fn unknown_transport(what: &'static str) -> View<'static> {
    View::Unread(Unread { cause: Cause::UnknownTransport, what })
}

/// More headers within each other than the limits allow.
#[cold]
pub(crate) fn too_deep() -> View<'static> {
    View::Unread(Unread { cause: Cause::TunnelTooDeep, what: "too many headers within each other" })
}
