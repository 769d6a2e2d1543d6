//! How much processor time the thread may still use.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A bucket that fills with a share of the time that passes, and empties by the processor time that is used.
pub struct Budget {
    share: f64,
    left_ns: f64,
    filled_at: Instant,
    used_ns: u64,
}

impl Budget {
    /// A full bucket.
    pub fn new(share: f64) -> Budget {
        // A share of nothing would never answer anything.
        let share = if share.is_finite() { share.clamp(0.001, 1.0) } else { 1.0 };
        Budget { share, left_ns: BURST_NS, filled_at: Instant::now(), used_ns: processor_ns() }
    }

    /// Fills and empties the bucket; returns the processor time used since the thread began.
    pub fn settle(&mut self, now: Instant) -> u64 {
        let used_ns = processor_ns();
        let passed_ns = now.saturating_duration_since(self.filled_at).as_nanos() as f64;
        let spent_ns = used_ns.saturating_sub(self.used_ns) as f64;
        self.left_ns = (self.left_ns + passed_ns * self.share - spent_ns).min(BURST_NS);
        self.filled_at = now;
        self.used_ns = used_ns;
        used_ns
    }

    /// Forgives what was used since the last look.
    pub fn forgive(&mut self) {
        self.used_ns = processor_ns();
        self.filled_at = Instant::now();
    }

    /// How long to wait until something may be done; zero where it may be done now.
    pub fn wait(&self) -> Duration {
        if self.left_ns > 0.0 {
            return Duration::ZERO;
        }
        // Until a little is there, so that the thread does not wake for nothing.
        Duration::from_nanos(((REST_NS - self.left_ns) / self.share) as u64)
    }
}

/// The processor time of this thread.
fn processor_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

/// The most that is saved up: enough for one walk over a few thousand processes.
const BURST_NS: f64 = 100e6;
const REST_NS: f64 = 0.2e6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_takes_time_to_come_back() {
        let mut budget = Budget::new(0.1);
        assert_eq!(budget.wait(), Duration::ZERO);
        budget.left_ns = -1e6;
        assert_eq!(budget.wait(), Duration::from_millis(12));
        let later = budget.filled_at + Duration::from_secs(1);
        budget.settle(later);
        assert_eq!(budget.wait(), Duration::ZERO);
        assert!(budget.left_ns > 90e6 && budget.left_ns <= BURST_NS);
        assert_eq!(Budget::new(f64::NAN).share, 1.0);
    }
}
