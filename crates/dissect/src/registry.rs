//! The protocols that are probed, by transport.

use std::sync::atomic::{AtomicU64, Ordering};

use lanternfish_model::{ProtocolIndex, Transport};

use crate::Protocol;

/// The table of protocols, ready for probing.
pub struct Registry {
    protocols: &'static [&'static dyn Protocol],
    by_transport: [u64; 4],
    /// The protocols that are switched on, as a bit a position.
    switched_on: AtomicU64,
}

impl Registry {
    /// Takes the table of protocols; positions past 63 are not probed.
    pub fn new(protocols: &'static [&'static dyn Protocol]) -> Registry {
        let mut by_transport = [0u64; 4];
        for transport in [Transport::Tcp, Transport::Udp, Transport::Sctp, Transport::Icmp] {
            for (position, protocol) in protocols.iter().enumerate().take(64) {
                if protocol.transports().contains(transport)
                    && let Some(mask) = by_transport.get_mut(transport as usize)
                {
                    *mask |= 1 << position;
                }
            }
        }
        Registry { protocols, by_transport, switched_on: AtomicU64::new(u64::MAX) }
    }

    /// The protocols that may be found on a transport, as a bit a position.
    pub(crate) fn candidates(&self, transport: Transport) -> u64 {
        let all = self.by_transport.get(transport as usize).copied().unwrap_or(0);
        all & self.switched_on.load(Ordering::Relaxed)
    }

    /// Whether a protocol is looked for and told of.
    pub fn is_on(&self, index: ProtocolIndex) -> bool {
        let bit = 1u64.checked_shl(u32::from(index.0)).unwrap_or(0);
        self.switched_on.load(Ordering::Relaxed) & bit != 0 || bit == 0
    }

    /// Switches a protocol on or off, at any time and from any thread: connections that come later are not looked through
    /// for one that is off, and who makes entries asks [`Registry::is_on`].
    pub fn switch(&self, index: ProtocolIndex, is_on: bool) {
        let bit = 1u64.checked_shl(u32::from(index.0)).unwrap_or(0);
        match is_on {
            true => self.switched_on.fetch_or(bit, Ordering::Relaxed),
            false => self.switched_on.fetch_and(!bit, Ordering::Relaxed),
        };
    }

    /// The protocol at an index.
    pub fn protocol(&self, index: ProtocolIndex) -> Option<&'static dyn Protocol> {
        self.protocols.get(usize::from(index.0)).copied()
    }

    /// The index of a protocol by its name.
    pub fn find(&self, name: &str) -> Option<ProtocolIndex> {
        self.protocols.iter().position(|p| p.spec().name == name).map(|position| ProtocolIndex(position as u8))
    }
}
