//! Rates: packets and bytes a second over the last seconds, counted in a bucket for each second.

use lanternfish_model::Timestamp;

/// Packets and bytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Packets a second.
    pub packets: u64,
    /// Bytes a second.
    pub bytes: u64,
}

impl Rate {
    fn add(&mut self, packets: u64, bytes: u64) {
        self.packets = self.packets.saturating_add(packets);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// What passed in one second: that of the clients, and that of the server.
pub type Sides = [Rate; 2];

/// What passed both ways in the last seconds before the last packet.
#[derive(Clone, Debug, Default)]
pub struct RateWindow {
    /// When the last packet passed.
    last: Timestamp,
    /// Its second.
    newest: Sides,
    /// The seconds before it, each at its number modulo [`RateWindow::SECONDS`]; nothing before there is one.
    older: Option<Box<[Sides; RateWindow::SECONDS]>>,
}

impl RateWindow {
    /// The length of the window.
    pub const SECONDS: usize = 10;

    /// Counts what passed within one second, the last of it at `last`; what is older than the window is left out.
    pub fn add(&mut self, last: Timestamp, passed: &Sides) {
        if self.newest == Sides::default() && self.older.is_none() {
            self.last = last;
        }
        let ahead = second(last).saturating_sub(second(self.last));
        if ahead > 0 {
            self.advance(ahead);
        }
        let sides = match ahead {
            0.. => Some(&mut self.newest),
            _ if ahead < -(Self::SECONDS as i64) => return,
            _ => self.older.get_or_insert_default().get_mut(slot(second(last))),
        };
        for (side, passed) in sides.into_iter().flatten().zip(passed) {
            side.add(passed.packets, passed.bytes);
        }
        self.last = self.last.max(last);
    }

    /// The rates over the window that ends with the last packet, to the nearest whole number.
    pub fn rates(&self) -> Sides {
        // Of the oldest second only the end lies within the window; what passed in it is taken for even.
        let inside_ns = SECOND_NS.saturating_sub(self.last.ns().rem_euclid(SECOND_NS as i64).unsigned_abs());
        let oldest = slot(second(self.last));
        let mut rates = Sides::default();
        for (side, rate) in rates.iter_mut().enumerate() {
            let mut sum = Sum::default();
            let mut count = |sides: &Sides, share_ns: u64| {
                if let Some(side) = sides.get(side) {
                    sum.add(side, share_ns);
                }
            };
            count(&self.newest, SECOND_NS);
            for (position, sides) in self.older.iter().flat_map(|older| older.iter().enumerate()) {
                count(sides, if position == oldest { inside_ns } else { SECOND_NS });
            }
            *rate = sum.rate();
        }
        rates
    }

    /// Begins another second, so many after the newest.
    fn advance(&mut self, ahead: i64) {
        if ahead > Self::SECONDS as i64 {
            self.older = None;
            self.newest = Sides::default();
            return;
        }
        let before = second(self.last);
        let older = self.older.get_or_insert_default();
        for step in 0..ahead {
            if let Some(sides) = older.get_mut(slot(before.saturating_add(step))) {
                *sides = std::mem::take(&mut self.newest);
            }
        }
    }
}

/// A sum over seconds of which some count in part only.
#[derive(Default)]
struct Sum {
    packets: u128,
    bytes: u128,
}

impl Sum {
    fn add(&mut self, passed: &Rate, share_ns: u64) {
        self.packets = self.packets.saturating_add(u128::from(passed.packets) * u128::from(share_ns));
        self.bytes = self.bytes.saturating_add(u128::from(passed.bytes) * u128::from(share_ns));
    }

    fn rate(&self) -> Rate {
        let window = u128::from(SECOND_NS) * RateWindow::SECONDS as u128;
        let a_second = |sum: u128| u64::try_from(sum.saturating_add(window / 2) / window).unwrap_or(u64::MAX);
        Rate { packets: a_second(self.packets), bytes: a_second(self.bytes) }
    }
}

/// The second that a time lies in.
pub fn second(time: Timestamp) -> i64 {
    time.ns().div_euclid(SECOND_NS as i64)
}

fn slot(second: i64) -> usize {
    second.rem_euclid(RateWindow::SECONDS as i64) as usize
}

const SECOND_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_parts(1_700_000_000, 0) + ms * 1_000_000
    }

    fn one(packets: u64, bytes: u64) -> Sides {
        [Rate { packets, bytes }, Rate { packets: 2 * packets, bytes: 3 * bytes }]
    }

    fn client(window: &RateWindow) -> (u64, u64) {
        let [client, server] = window.rates();
        assert!(server.packets.abs_diff(2 * client.packets) <= 1);
        (client.packets, client.bytes)
    }

    #[test]
    fn even_traffic_has_its_rate_at_any_time() {
        let mut window = RateWindow::default();
        for packet in 0..3000i64 {
            window.add(at(packet * 10), &one(1, 500));
            // After ten seconds the window is full.
            let expected = u64::try_from(packet + 1).unwrap().min(1000);
            let (packets, bytes) = client(&window);
            assert!(packets.abs_diff(expected / 10) <= 1 && bytes.abs_diff(expected * 50) <= 500, "{packet} {packets}");
        }
        assert_eq!(client(&window), (100, 50_050));
    }

    #[test]
    fn a_burst_is_forgotten_after_ten_seconds() {
        let mut window = RateWindow::default();
        window.add(at(250), &one(1000, 0));
        assert_eq!(client(&window).0, 100);
        window.add(at(9_900), &one(10, 0));
        assert_eq!(client(&window).0, 101);
        // Half of the burst's second lies outside.
        window.add(at(10_500), &one(0, 0));
        assert_eq!(client(&window).0, 51);
        window.add(at(11_000), &one(0, 0));
        assert_eq!(client(&window).0, 1);
        window.add(at(40_000), &one(20, 70));
        assert_eq!(client(&window), (2, 7));
    }

    #[test]
    fn what_comes_late_counts_where_it_belongs() {
        let mut window = RateWindow::default();
        window.add(at(10_000), &one(50, 0));
        window.add(at(5_000), &one(40, 0));
        window.add(at(-500), &one(1_000_000, 0));
        assert_eq!(client(&window).0, 9);
        window.add(at(15_999), &one(0, 0));
        assert_eq!(client(&window).0, 5);
    }

    #[test]
    fn times_at_the_ends_of_all_time_are_taken() {
        let mut window = RateWindow::default();
        for ns in [i64::MIN, 0, i64::MAX, i64::MIN, 1] {
            window.add(Timestamp::from_ns(ns), &[Rate { packets: u64::MAX, bytes: u64::MAX }; 2]);
        }
        assert!(window.rates().iter().all(|rate| rate.packets > 0 && rate.bytes > 0));
    }
}
