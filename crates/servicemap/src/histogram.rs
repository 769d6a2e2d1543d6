//! Latencies in a small logarithmic histogram: percentiles within 3 %, and two histograms add up without loss.

/// Counts of latencies by logarithmic buckets, 16 to each power of two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// The bucket that `counts` begins with.
    first: u16,
    counts: Vec<u32>,
    total: u64,
    least_us: u64,
    greatest_us: u64,
}

impl Latencies {
    /// Counts a latency in µs.
    pub fn add(&mut self, us: u64) {
        self.widen(us, us);
        self.add_bucket(bucket(us), 1);
    }

    /// Adds all that another histogram counted.
    pub fn merge(&mut self, other: &Latencies) {
        if other.total > 0 {
            self.widen(other.least_us, other.greatest_us);
        }
        for (position, &count) in other.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            self.add_bucket(other.first.saturating_add(position as u16), count);
        }
    }

    /// Bytes of memory on the heap.
    pub fn footprint_bytes(&self) -> usize {
        self.counts.capacity().saturating_mul(size_of::<u32>())
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
        let mut sum = 0u64;
        for (position, &count) in self.counts.iter().enumerate() {
            sum = sum.saturating_add(u64::from(count));
            if sum >= rank {
                let (low, high) = bounds(self.first.saturating_add(position as u16));
                let middle = low + (high - low) / 2;
                return Some(middle.clamp(self.least_us, self.greatest_us));
            }
        }
        Some(self.greatest_us)
    }

    fn add_bucket(&mut self, bucket: u16, count: u32) {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let missing = usize::from(self.first - bucket);
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = bucket;
        }
        let position = usize::from(bucket - self.first);
        if position >= self.counts.len() {
            self.counts.resize(position + 1, 0);
        }
        if let Some(slot) = self.counts.get_mut(position) {
            let before = *slot;
            *slot = slot.saturating_add(count);
            self.total = self.total.saturating_add(u64::from(*slot - before));
        }
    }

    fn widen(&mut self, least_us: u64, greatest_us: u64) {
        let is_first = self.total == 0;
        self.least_us = if is_first { least_us } else { self.least_us.min(least_us) };
        self.greatest_us = self.greatest_us.max(greatest_us);
    }
}

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
        fn merged_is_the_same_as_added(a in prop::collection::vec(any::<u64>(), 0..50), b in prop::collection::vec(0u64..5000, 0..50)) {
            let of = |values: &[u64]| {
                let mut latencies = Latencies::default();
                values.iter().for_each(|&us| latencies.add(us));
                latencies
            };
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let all = of(&[a, b].concat());
            prop_assert_eq!(merged, all);
        }
    }
}
