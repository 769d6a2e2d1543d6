//! A timer wheel of packet time.
//!
//! A connection hangs on one slot. Packets do not move it: when its slot comes, its true deadline is looked up, and it
//! is hung on a later slot where that has not come. A packet therefore costs nothing here.

use lanternfish_model::Timestamp;

use crate::lists::Lists;

/// The wheel.
pub(crate) struct Wheel {
    slots: Lists,
    current: Option<i64>,
}

impl Wheel {
    /// Makes an empty wheel.
    pub(crate) fn new() -> Self {
        Wheel { slots: Lists::new(SLOTS as usize), current: None }
    }

    /// Begins at a time, where the wheel has none yet.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.current.get_or_insert(tick_of(now));
    }

    /// Hangs an index on the slot behind a deadline, and takes it off the one where it hung.
    pub(crate) fn schedule(&mut self, index: u32, deadline: Timestamp) {
        self.slots.remove(index);
        let tick = tick_of(deadline).saturating_add(1);
        let current = *self.current.get_or_insert(tick.saturating_sub(1));
        // A later deadline than the wheel reaches is looked up on the way.
        let tick = tick.clamp(current.saturating_add(1), current.saturating_add(SLOTS - 1));
        self.slots.push(slot_of(tick), index);
    }

    /// Takes an index off.
    pub(crate) fn remove(&mut self, index: u32) {
        self.slots.remove(index);
    }

    /// Turns the wheel to a time, takes off all indexes on the slots passed and adds them to `due`.
    pub(crate) fn turn(&mut self, now: Timestamp, due: &mut Vec<u32>) {
        let now = tick_of(now);
        let current = *self.current.get_or_insert(now);
        if now <= current {
            // A time far back is a new beginning; what hangs on the wheel is seen within one turn from there.
            if current.saturating_sub(now) > SLOTS {
                self.current = Some(now);
            }
            return;
        }
        self.current = Some(now);
        for passed in 1..=now.saturating_sub(current).min(SLOTS) {
            let slot = slot_of(current.saturating_add(passed));
            while let Some(index) = self.slots.first(slot) {
                self.slots.remove(index);
                due.push(index);
            }
        }
    }
}

fn tick_of(time: Timestamp) -> i64 {
    time.ns() >> TICK_BITS
}

fn slot_of(tick: i64) -> u32 {
    (tick & (SLOTS - 1)) as u32
}

/// A tick is 2^28 ns, about a quarter of a second.
const TICK_BITS: u32 = 28;
pub(crate) const TICK_NS: i64 = 1 << TICK_BITS;
/// One turn takes about 18 minutes.
const SLOTS: i64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn due(wheel: &mut Wheel, seconds: i64) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.turn(Timestamp::from_parts(seconds, 0), &mut due);
        due
    }

    #[test]
    fn deadlines_come_in_time() {
        let mut wheel = Wheel::new();
        assert!(due(&mut wheel, 5).is_empty());
        wheel.schedule(1, Timestamp::from_parts(10, 0));
        wheel.schedule(2, Timestamp::from_parts(12, 0));
        wheel.schedule(3, Timestamp::from_parts(100_000, 0));
        assert!(due(&mut wheel, 10).is_empty());
        assert_eq!(due(&mut wheel, 11), [1]);
        wheel.schedule(1, Timestamp::from_parts(3, 0));
        assert_eq!(due(&mut wheel, 13), [1, 2]);
        assert!(due(&mut wheel, 2).is_empty());
        assert_eq!(due(&mut wheel, 1_000_000), [3]);
        assert!(due(&mut wheel, 990_000).is_empty());
        wheel.schedule(4, Timestamp::MAX);
        wheel.schedule(5, Timestamp::MIN);
        assert_eq!(due(&mut wheel, 990_001), [5]);
        assert!(due(&mut wheel, i64::MAX / 2_000_000_000).contains(&4));
    }
}
