//! Latencies in a small logarithmic histogram: percentiles within 3 %, and two histograms add up without loss.

use smallvec::SmallVec;

/// Counts of latencies by logarithmic buckets, 16 to each power of two.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    buckets: Buckets,
    total: u64,
    least_us: u64,
    greatest_us: u64,
}

/// Most groups of an analysis have few latencies: those are a list, in the order in which they came.
#[derive(Clone, Debug)]
enum Buckets {
    /// The bucket of each latency, at most [`FEW`].
    Few(SmallVec<[u16; 8]>),
    /// Counters of buckets from `first` on; it and their number are multiples of [`SUB_BUCKETS`].
    Many { first: u16, counts: Vec<u32> },
}

impl Default for Buckets {
    fn default() -> Buckets {
        Buckets::Few(SmallVec::new())
    }
}

impl Latencies {
    /// Counts a latency in µs.
    pub fn add(&mut self, us: u64) {
        self.widen(us, us);
        self.total = self.total.saturating_add(self.buckets.add(bucket(us), 1));
    }

    /// Adds all that another histogram counted.
    pub fn merge(&mut self, other: &Latencies) {
        if other.total == 0 {
            return;
        }
        self.widen(other.least_us, other.greatest_us);
        other.buckets.each(|bucket, count| self.total = self.total.saturating_add(self.buckets.add(bucket, count)));
    }

    /// Bytes of memory on the heap.
    pub fn footprint_bytes(&self) -> usize {
        match &self.buckets {
            Buckets::Few(few) if few.spilled() => few.capacity().saturating_mul(size_of::<u16>()),
            Buckets::Few(_) => 0,
            Buckets::Many { counts, .. } => counts.capacity().saturating_mul(size_of::<u32>()),
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Whether none was counted.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The latency in µs that a share of all does not exceed (0.95 for p95); `None` where nothing was counted.
    pub fn percentile(&self, share: f64) -> Option<u64> {
        if self.total == 0 {
            return None;
        }
        let rank = ((share.clamp(0.0, 1.0) * self.total as f64).ceil() as u64).clamp(1, self.total);
        let Some(bucket) = self.buckets.at_rank(rank) else { return Some(self.greatest_us) };
        let (low, high) = bounds(bucket);
        let middle = low + (high - low) / 2;
        Some(middle.clamp(self.least_us, self.greatest_us))
    }

    fn widen(&mut self, least_us: u64, greatest_us: u64) {
        let is_first = self.total == 0;
        self.least_us = if is_first { least_us } else { self.least_us.min(least_us) };
        self.greatest_us = self.greatest_us.max(greatest_us);
    }
}

impl Buckets {
    /// Counts in a bucket; gives how much it rose.
    fn add(&mut self, bucket: u16, count: u32) -> u64 {
        if let Buckets::Few(few) = self {
            if few.len().saturating_add(count as usize) <= FEW {
                few.extend(std::iter::repeat_n(bucket, count as usize));
                return count.into();
            }
            let few = std::mem::take(few);
            *self = Buckets::Many { first: octave(bucket), counts: Vec::new() };
            for bucket in few {
                self.add(bucket, 1);
            }
        }
        let Buckets::Many { first, counts } = self else { return 0 };
        let position = position(first, counts, bucket);
        let Some(slot) = counts.get_mut(position) else { return 0 };
        let before = *slot;
        *slot = slot.saturating_add(count);
        (*slot - before).into()
    }

    /// Shows each bucket with its count; one may come several times.
    fn each(&self, mut show: impl FnMut(u16, u32)) {
        match self {
            Buckets::Few(few) => few.iter().for_each(|&bucket| show(bucket, 1)),
            Buckets::Many { first, counts } => {
                for (position, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    show(first.saturating_add(position as u16), count);
                }
            }
        }
    }

    /// The bucket of the latency with a rank, the least being the first.
    fn at_rank(&self, rank: u64) -> Option<u16> {
        match self {
            Buckets::Few(few) => {
                let mut sorted = few.clone();
                sorted.sort_unstable();
                sorted.get(usize::try_from(rank.checked_sub(1)?).ok()?).copied()
            }
            Buckets::Many { first, counts } => {
                let mut sum = 0u64;
                let position = counts.iter().position(|&count| {
                    sum = sum.saturating_add(count.into());
                    sum >= rank
                })?;
                Some(first.saturating_add(position as u16))
            }
        }
    }
}

/// The place of a bucket's counter, for which room is made: whole powers of two, so that it is seldom made.
fn position(first: &mut u16, counts: &mut Vec<u32>, bucket: u16) -> usize {
    let octave = octave(bucket);
    if octave < *first {
        counts.splice(0..0, std::iter::repeat_n(0, usize::from(*first - octave)));
        *first = octave;
    }
    let position = usize::from(bucket - *first);
    if position >= counts.len() {
        counts.resize(usize::from(octave - *first) + SUB_BUCKETS as usize, 0);
    }
    position
}

/// The first bucket of the power of two that a bucket belongs to.
fn octave(bucket: u16) -> u16 {
    bucket - bucket % SUB_BUCKETS as u16
}

/// The same latencies, in whatever order they came.
impl PartialEq for Latencies {
    fn eq(&self, other: &Latencies) -> bool {
        let counted = |latencies: &Latencies| {
            let mut counts = std::collections::BTreeMap::<u16, u64>::new();
            latencies.buckets.each(|bucket, count| *counts.entry(bucket).or_default() += u64::from(count));
            (counts, latencies.total, latencies.least_us, latencies.greatest_us)
        };
        counted(self) == counted(other)
    }
}

impl Eq for Latencies {}

/// The bucket of a latency.
fn bucket(us: u64) -> u16 {
    if us < SUB_BUCKETS {
        return us as u16;
    }
    let exponent = us.ilog2();
    let within = (us >> (exponent - SUB_BITS)) & (SUB_BUCKETS - 1);
    ((exponent - SUB_BITS + 1) as u16) * SUB_BUCKETS as u16 + within as u16
}

/// The least and the greatest latency of a bucket.
fn bounds(bucket: u16) -> (u64, u64) {
    let (block, within) = (u64::from(bucket) / SUB_BUCKETS, u64::from(bucket) % SUB_BUCKETS);
    if block == 0 {
        return (within, within);
    }
    let shift = (block - 1).min(63 - u64::from(SUB_BITS));
    let low = (SUB_BUCKETS + within) << shift;
    (low, low.saturating_add((1u64 << shift) - 1))
}

/// So many latencies are kept as a list.
const FEW: usize = 64;
const SUB_BITS: u32 = 4;
const SUB_BUCKETS: u64 = 1 << SUB_BITS;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(values: &mut [u64], share: f64) -> u64 {
        values.sort_unstable();
        let rank = ((share * values.len() as f64).ceil() as usize).clamp(1, values.len());
        values[rank - 1]
    }

    #[test]
    fn one_value_is_told_exactly() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(0.5), None);
        latencies.add(123_457);
        assert_eq!(latencies.percentile(0.5), Some(123_457));
        assert_eq!(latencies.percentile(0.99), Some(123_457));
    }

    #[test]
    fn buckets_meet_without_gaps() {
        for number in 0..950u16 {
            let (low, high) = bounds(number);
            assert_eq!((bucket(low), bucket(high)), (number, number));
            assert_eq!(bucket(high + 1), number + 1);
        }
        assert_eq!(bucket(u64::MAX), bucket(u64::MAX - 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn percentiles_are_within_3_percent(mut values in prop::collection::vec(0u64..100_000_000, 1..300)) {
            let mut latencies = Latencies::default();
            values.iter().for_each(|&us| latencies.add(us));
            for share in [0.5, 0.95, 0.99] {
                let (told, exact) = (latencies.percentile(share).unwrap(), exact(&mut values, share));
                prop_assert!(told.abs_diff(exact) as f64 <= exact as f64 * 0.032 + 0.5, "{} for {}", told, exact);
            }
        }

        #[test]
        fn merged_is_the_same_as_added(a in prop::collection::vec(any::<u64>(), 0..150), b in prop::collection::vec(0u64..5000, 0..150)) {
            let of = |values: &[u64]| {
                let mut latencies = Latencies::default();
                values.iter().for_each(|&us| latencies.add(us));
                latencies
            };
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let count = (a.len() + b.len()) as u64;
            let all = of(&[a, b].concat());
            let shares = [0.01, 0.5, 0.99];
            prop_assert_eq!(shares.map(|share| merged.percentile(share)), shares.map(|share| all.percentile(share)));
            prop_assert_eq!(merged.count(), count);
            prop_assert_eq!(merged, all);
        }
    }
}
