//! The protocols that are probed, by transport.

use lanternfish_model::{ProtocolIndex, Transport};

use crate::Protocol;

/// The table of protocols, ready for probing.
pub struct Registry {
    protocols: &'static [&'static dyn Protocol],
    by_transport: [u64; 4],
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
        Registry { protocols, by_transport }
    }

    /// The protocols that may be found on a transport, as a bit a position.
    pub(crate) fn candidates(&self, transport: Transport) -> u64 {
        self.by_transport.get(transport as usize).copied().unwrap_or(0)
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
