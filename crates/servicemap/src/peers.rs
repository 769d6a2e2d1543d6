//! The peers of a live map: what is known of each end, kept once.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::Facts;
use crate::limits::MAX_PEERS;

/// A peer by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PeerId(u32);

/// All peers that were seen.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    peers: Vec<Peer>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug)]
struct Peer {
    service: Box<str>,
    container: Box<str>,
    process: Box<str>,
    dns: Box<str>,
    ip: Option<IpAddr>,
}

impl Peers {
    /// The number of a peer; `None` where there are too many to keep another.
    pub fn number(&mut self, facts: &Facts<'_>) -> Option<PeerId> {
        let hash = self.hash(facts);
        let is_it = |number: &u32| self.peers.get(*number as usize).is_some_and(|peer| peer.facts() == *facts);
        if let Some(&number) = self.numbers.find(hash, is_it) {
            return Some(PeerId(number));
        }
        if self.peers.len() >= MAX_PEERS {
            return None;
        }
        let number = self.peers.len() as u32;
        self.peers.push(Peer {
            service: facts.service.into(),
            container: facts.container.into(),
            process: facts.process.into(),
            dns: facts.dns.into(),
            ip: facts.ip,
        });
        let (peers, hasher) = (&self.peers, &self.hasher);
        let rehash = |number: &u32| peers.get(*number as usize).map_or(0, |peer| hash_of(hasher, &peer.facts()));
        self.numbers.insert_unique(hash, number, rehash);
        Some(PeerId(number))
    }

    /// What is known of a peer; nothing of one that was not kept.
    pub fn facts(&self, peer: Option<PeerId>) -> Facts<'_> {
        peer.and_then(|peer| self.peers.get(peer.0 as usize)).map_or(Facts::default(), Peer::facts)
    }

    fn hash(&self, facts: &Facts<'_>) -> u64 {
        hash_of(&self.hasher, facts)
    }
}

impl Peer {
    fn facts(&self) -> Facts<'_> {
        Facts {
            service: &self.service,
            container: &self.container,
            process: &self.process,
            dns: &self.dns,
            ip: self.ip,
        }
    }
}

/// The address and the process tell most peers apart; the rest is compared.
fn hash_of(hasher: &DefaultHashBuilder, facts: &Facts<'_>) -> u64 {
    struct Key<'a>(&'a Facts<'a>);
    impl Hash for Key<'_> {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            match self.0.ip {
                Some(IpAddr::V4(ip)) => state.write_u32(ip.to_bits()),
                Some(IpAddr::V6(ip)) => state.write_u128(ip.to_bits()),
                None => state.write_u8(0),
            }
            state.write(self.0.process.as_bytes());
        }
    }
    hasher.hash_one(Key(facts))
}
