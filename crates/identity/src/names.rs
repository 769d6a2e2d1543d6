//! The names of addresses, as DNS answers, hosts files and captures gave them, each from when it was learned.
//!
//! An address gets other names over time. What was learned counts from the number of its packet on, so that a look-up for
//! an earlier packet gives the earlier name, and the answer does not depend on which thread learned first.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Names by address and time, for all threads.
#[derive(Debug, Default)]
pub struct Names {
    shards: [RwLock<HashMap<IpAddr, Vec<Learned>>>; SHARDS],
    hasher: RandomState,
    generation: AtomicU64,
    learned: AtomicU64,
    refused: AtomicU64,
    forgotten: AtomicU64,
}

/// A name and the packet from which on it counts.
#[derive(Debug)]
struct Learned {
    number: u64,
    name: Arc<str>,
    /// The last packet that told it again.
    last: AtomicU64,
}

impl Learned {
    fn new(number: u64, name: Arc<str>) -> Learned {
        Learned { number, name, last: AtomicU64::new(number) }
    }
}

/// What became of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamesStats {
    /// Names learned that were news.
    pub learned: u64,
    /// Names that were not taken: empty or too long.
    pub refused: u64,
    /// Names forgotten for a limit.
    pub forgotten: u64,
}

impl Names {
    /// The most addresses with names; past it those whose last name is oldest are forgotten.
    pub const MAX_ADDRESSES: usize = 65_536;
    /// The most names of one address over time; past it the oldest is forgotten.
    pub const MAX_NAMES_PER_ADDRESS: usize = 16;
    /// The longest name: RFC 1035 section 2.3.4, with its closing dot.
    pub const MAX_NAME_BYTES: usize = 256;

    /// Learns that an address has a name from a packet on; 0 is before all packets.
    pub fn learn(&self, name: &str, ip: IpAddr, number: u64) {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() || name.len() > Self::MAX_NAME_BYTES {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let ip = ip.to_canonical();
        let Some(shard) = self.shard(ip) else { return };
        // Most answers tell what is known already.
        let is_known = |all: &HashMap<IpAddr, Vec<Learned>>| {
            let known = all.get(&ip).and_then(|learned| in_force(learned, number));
            let same = known.filter(|known| &*known.name == name);
            same.map(|known| known.last.fetch_max(number, Ordering::Relaxed)).is_some()
        };
        if is_known(&shard.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut all = shard.write().unwrap_or_else(PoisonError::into_inner);
        if is_known(&all) {
            return;
        }
        if all.len() >= MAX_PER_SHARD && !all.contains_key(&ip) {
            self.forget(&mut all);
        }
        let learned = all.entry(ip).or_default();
        let at = learned.partition_point(|known| known.number <= number);
        match learned.get_mut(at) {
            // The same name was learned from a later packet first.
            Some(later) if &*later.name == name => later.number = number,
            _ => learned.insert(at, Learned::new(number, name.into())),
        }
        // An earlier name that a later packet told again comes back there.
        let before = at.checked_sub(1).and_then(|before| learned.get(before));
        if let Some((again, earlier)) = before.map(|before| (before.last.load(Ordering::Relaxed), before.name.clone()))
            && again > number
            && learned.get(at.saturating_add(1)).is_none_or(|next| next.number > again)
        {
            learned.insert(at.saturating_add(1), Learned::new(again, earlier));
        }
        while learned.len() > Self::MAX_NAMES_PER_ADDRESS {
            learned.remove(0);
            self.forgotten.fetch_add(1, Ordering::Relaxed);
        }
        drop(all);
        self.learned.fetch_add(1, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Learns the names of a hosts file (hosts(5)); of several names of an address the first counts.
    pub fn learn_hosts(&self, text: &str) {
        let mut seen = std::collections::HashSet::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            if let (Some(Ok(ip)), Some(name)) = (words.next().map(str::parse::<IpAddr>), words.next())
                && seen.len() < Self::MAX_ADDRESSES
                && seen.insert(ip)
            {
                self.learn(name, ip, 0);
            }
        }
    }

    /// Learns the names of this machine's hosts file, where there is one.
    pub fn learn_hosts_file(&self) {
        if let Ok(text) = crate::proc_net::read_limited("/etc/hosts", MAX_HOSTS_BYTES) {
            self.learn_hosts(&text);
        }
    }

    /// The name that an address had at a packet.
    pub fn lookup(&self, ip: IpAddr, number: u64) -> Option<Arc<str>> {
        let ip = ip.to_canonical();
        let all = self.shard(ip)?.read().unwrap_or_else(PoisonError::into_inner);
        in_force(all.get(&ip)?, number).map(|known| known.name.clone())
    }

    /// The name that an address had at a packet, and the numbers of the packets for which that answer holds until the
    /// generation changes.
    pub fn lookup_span(&self, ip: IpAddr, number: u64) -> (Option<Arc<str>>, Range<u64>) {
        let ip = ip.to_canonical();
        let all = self.shard(ip).map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner));
        let Some(learned) = all.as_ref().and_then(|all| all.get(&ip)) else { return (None, 0..u64::MAX) };
        let after = learned.partition_point(|known| known.number <= number);
        let known = after.checked_sub(1).and_then(|at| learned.get(at));
        let until = learned.get(after).map_or(u64::MAX, |next| next.number);
        (known.map(|known| known.name.clone()), known.map_or(0, |known| known.number)..until)
    }

    /// A number that changes whenever a name is learned or forgotten: answers may be kept until then.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What became of names up to now.
    pub fn stats(&self) -> NamesStats {
        NamesStats {
            learned: self.learned.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            forgotten: self.forgotten.load(Ordering::Relaxed),
        }
    }

    fn shard(&self, ip: IpAddr) -> Option<&RwLock<HashMap<IpAddr, Vec<Learned>>>> {
        self.shards.get(self.hasher.hash_one(ip) as usize % SHARDS)
    }

    /// Forgets the eighth of the addresses whose last name is oldest.
    fn forget(&self, all: &mut HashMap<IpAddr, Vec<Learned>>) {
        let age = |learned: &[Learned]| learned.last().map_or(0, |last| last.number);
        let mut ages: Vec<(u64, IpAddr)> = all.iter().map(|(ip, learned)| (age(learned), *ip)).collect();
        let count = (ages.len() / 8).max(1).min(ages.len());
        ages.sort_unstable();
        for (_, ip) in ages.into_iter().take(count) {
            let names = all.remove(&ip).map_or(0, |learned| learned.len());
            self.forgotten.fetch_add(names as u64, Ordering::Relaxed);
        }
    }
}

/// The name that was learned last up to a packet.
fn in_force(learned: &[Learned], number: u64) -> Option<&Learned> {
    let after = learned.partition_point(|known| known.number <= number);
    learned.get(after.checked_sub(1)?)
}

const SHARDS: usize = 16;
const MAX_PER_SHARD: usize = Names::MAX_ADDRESSES / SHARDS;
const MAX_HOSTS_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn earlier_packets_see_the_earlier_name() {
        let facts = [("a.example.", 10), ("b.example", 20), ("a.example", 30)];
        // In whatever order they are learned.
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1], [2, 0, 1], [1, 2, 0]] {
            let names = Names::default();
            for position in order {
                names.learn(facts[position].0, ip("10.0.0.1"), facts[position].1);
            }
            let cases = [
                (9, None),
                (10, Some("a.example")),
                (19, Some("a.example")),
                (20, Some("b.example")),
                (29, Some("b.example")),
                (30, Some("a.example")),
                (u64::MAX, Some("a.example")),
            ];
            for (number, expected) in cases {
                assert_eq!(names.lookup(ip("10.0.0.1"), number).as_deref(), expected, "{order:?} {number}");
            }
            assert_eq!(names.lookup(ip("10.0.0.2"), 30), None);
            assert_eq!(names.lookup(ip("::ffff:10.0.0.1"), 20).as_deref(), Some("b.example"));
        }
    }

    #[test]
    fn the_same_name_again_is_no_news() {
        let names = Names::default();
        names.learn("a", ip("::1"), 5);
        let generation = names.generation();
        names.learn("a", ip("::1"), 9);
        assert_eq!(names.generation(), generation);
        names.learn("a", ip("::1"), 2);
        assert_ne!(names.generation(), generation);
        assert_eq!(names.lookup(ip("::1"), 2).as_deref(), Some("a"));
        names.learn("", ip("::1"), 2);
        names.learn(&"x".repeat(300), ip("::1"), 2);
        assert_eq!(names.stats(), NamesStats { learned: 2, refused: 2, forgotten: 0 });
    }

    #[test]
    fn limits_hold() {
        let names = Names::default();
        for number in 0..200_000u32 {
            names.learn("x", IpAddr::V4(number.into()), u64::from(number));
        }
        let count: usize = names.shards.iter().map(|shard| shard.read().unwrap().len()).sum();
        assert!(count <= Names::MAX_ADDRESSES, "{count}");
        assert_eq!(names.stats().forgotten, 200_000 - count as u64);
        assert!(names.lookup(IpAddr::V4(199_999.into()), 199_999).is_some());
        for number in 0..100u64 {
            names.learn(&number.to_string(), ip("::1"), number);
        }
        assert_eq!(names.lookup(ip("::1"), 83), None);
        assert_eq!(names.lookup(ip("::1"), 84).as_deref(), Some("84"));
    }

    #[test]
    fn hosts_files_give_the_first_name() {
        let names = Names::default();
        names.learn_hosts(
            "127.0.0.1 localhost loop\n10.0.0.7\tdb db.example # x\n10.0.0.7 other\n# 1.1.1.1 no\nbad line\n::1\n",
        );
        assert_eq!(names.lookup(ip("127.0.0.1"), 0).as_deref(), Some("localhost"));
        assert_eq!(names.lookup(ip("10.0.0.7"), 0).as_deref(), Some("db"));
        assert_eq!((names.lookup(ip("1.1.1.1"), 9), names.lookup(ip("::1"), 9)), (None, None));
    }
}
