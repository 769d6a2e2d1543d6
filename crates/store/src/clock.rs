//! Whether the clock can be trusted: what is deleted for its age is gone, and a clock that is wrong would delete everything.
//!
//! The clock of the wall is held against the one that only counts on. Age counts when both went alike for a while.

use std::time::{Duration, Instant};

use lanternfish_model::Timestamp;

/// Watches the clock of the wall.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: Timestamp,
    ticks: Instant,
    steady_since: Instant,
}

impl Clock {
    pub(crate) fn new(wall: Timestamp, ticks: Instant) -> Clock {
        Clock { wall, ticks, steady_since: ticks }
    }

    /// Takes notice of the time; gives by how many ns the clock jumped, where it did.
    pub(crate) fn look(&mut self, wall: Timestamp, ticks: Instant) -> Option<i64> {
        let passed = i64::try_from(ticks.saturating_duration_since(self.ticks).as_nanos()).unwrap_or(i64::MAX);
        let jump = wall.since(self.wall).saturating_sub(passed);
        (self.wall, self.ticks) = (wall, ticks);
        if jump.saturating_abs() <= MAX_DRIFT_NS {
            return None;
        }
        self.steady_since = ticks;
        Some(jump)
    }

    /// Whether the clock has gone well for so long that age counts.
    pub(crate) fn is_steady(&self) -> bool {
        self.ticks.saturating_duration_since(self.steady_since) >= STEADY_FOR
    }
}

/// Clocks that are set by less than this between two looks are well.
const MAX_DRIFT_NS: i64 = 60_000_000_000;
/// The clock must go well for so long before anything is deleted for its age.
const STEADY_FOR: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_not_trusted_for_a_while() {
        let start = Instant::now();
        let second = |count: u64| start + Duration::from_secs(count);
        let wall = |seconds: i64| Timestamp::from_parts(seconds, 0);
        let mut clock = Clock::new(wall(1_000_000), start);
        assert!(!clock.is_steady());
        for passed in [1u64, 300, 599] {
            assert_eq!(clock.look(wall(1_000_000 + passed as i64), second(passed)), None);
            assert!(!clock.is_steady());
        }
        assert_eq!(clock.look(wall(1_000_601), second(600)), None, "a second is no jump");
        assert!(clock.is_steady());
        assert_eq!(clock.look(wall(5_000_602), second(601)), Some(4_000_000_000_000_000));
        assert!(!clock.is_steady());
        assert_eq!(clock.look(wall(5_001_202), second(1201)), None);
        assert!(clock.is_steady());
        assert_eq!(clock.look(wall(1_001_203), second(1202)), Some(-4_000_000_000_000_000));
        assert!(!clock.is_steady());
    }
}
