//! What kinds of packets were not known, counted by name (`ARP 12, STP 3`) in a table of limited size.

use std::collections::BTreeMap;

use lanternfish_model::Cause;

/// A kind of packet that is not dissected: the cause that it is counted under, and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unknown {
    /// The cause that its packets are counted under.
    pub cause: Cause,
    /// The name as users know it.
    pub what: &'static str,
}

/// Counts of unknown kinds; at most [`UnknownCounts::MAX_KINDS`], the rest is counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownCounts {
    kinds: BTreeMap<Unknown, u64>,
    others: u64,
}

impl UnknownCounts {
    /// The most kinds that are counted apart.
    pub const MAX_KINDS: usize = 64;

    /// Counts packets of a kind.
    pub fn add(&mut self, unknown: Unknown, packets: u64) {
        let is_full = self.kinds.len() >= Self::MAX_KINDS;
        let count = match self.kinds.get_mut(&unknown) {
            Some(count) => count,
            None if is_full => &mut self.others,
            None => self.kinds.entry(unknown).or_default(),
        };
        *count = count.saturating_add(packets);
    }

    /// Adds all counts of another table.
    pub fn merge(&mut self, other: &UnknownCounts) {
        for (&unknown, &count) in &other.kinds {
            self.add(unknown, count);
        }
        self.others = self.others.saturating_add(other.others);
    }

    /// The kinds with their counts, the most frequent first.
    pub fn ranked(&self) -> Vec<(Unknown, u64)> {
        let mut ranked: Vec<(Unknown, u64)> = self.kinds.iter().map(|(unknown, count)| (*unknown, *count)).collect();
        ranked.sort_by_key(|(unknown, count)| (std::cmp::Reverse(*count), *unknown));
        ranked
    }

    /// Packets of kinds that are not counted apart.
    pub fn others(&self) -> u64 {
        self.others
    }
}
