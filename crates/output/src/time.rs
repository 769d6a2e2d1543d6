//! Times as RFC 3339 with nanoseconds in UTC.

use lanternfish_model::Timestamp;

use crate::buffer::Buffer;

/// Writes times, and remembers the last second: entries come in the order of time.
#[derive(Clone, Debug)]
pub(crate) struct TimeText {
    second: i64,
    /// `2026-03-14T22:00:00.`
    text: [u8; 20],
}

impl Default for TimeText {
    fn default() -> Self {
        TimeText { second: 0, text: *b"1970-01-01T00:00:00." }
    }
}

impl TimeText {
    /// Writes a time in full.
    pub(crate) fn write(&mut self, out: &mut Buffer, time: Timestamp) {
        let nanos = self.turn_to(time);
        let mut text = [0u8; 32];
        let [a, b, c, d, e, f, g, h, i] = nine_digits(nanos);
        let fraction = [a, b, c, d, e, f, g, h, i, b'Z'];
        for (slot, byte) in text.iter_mut().zip(self.text.iter().chain(&fraction)) {
            *slot = *byte;
        }
        out.put_some(&text, self.text.len() + fraction.len());
    }

    /// Writes the time of day with milliseconds.
    pub(crate) fn write_clock(&mut self, out: &mut Buffer, time: Timestamp) {
        let nanos = self.turn_to(time);
        let [.., _, a, b, c, d, e, f, g, h, point] = self.text;
        let [x, y, z, ..] = nine_digits(nanos);
        out.put_some(&[a, b, c, d, e, f, g, h, point, x, y, z], 12);
    }

    /// Makes the text that of the time's second; returns its nanoseconds.
    fn turn_to(&mut self, time: Timestamp) -> u32 {
        let second = time.ns().div_euclid(NS_PER_SECOND);
        if second != self.second {
            self.second = second;
            self.text = second_text(second);
        }
        time.ns().rem_euclid(NS_PER_SECOND) as u32
    }
}

fn second_text(second: i64) -> [u8; 20] {
    let (year, month, day) = civil(second.div_euclid(86_400));
    let of_day = second.rem_euclid(86_400);
    let mut text = *b"0000-00-00T00:00:00.";
    let parts = [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, of_day / 3600),
        (14, of_day / 60 % 60),
        (17, of_day % 60),
    ];
    for (at, part) in parts {
        if let Some(slot) = text.get_mut(at..at + 2) {
            slot.copy_from_slice(&two_digits(part as u32));
        }
    }
    text
}

/// The year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years are counted from 1 March, so that the leap day is the last one.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let era = days.div_euclid(DAYS_PER_ERA);
    let of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

fn two_digits(number: u32) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

fn nine_digits(number: u32) -> [u8; 9] {
    let [a, b] = two_digits(number / 10_000_000);
    let [c, d] = two_digits(number / 100_000);
    let [e, f] = two_digits(number / 1000);
    let [g, h] = two_digits(number / 10);
    [a, b, c, d, e, f, g, h, b'0' + (number % 10) as u8]
}

const NS_PER_SECOND: i64 = 1_000_000_000;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;
/// Days of 400 years.
const DAYS_PER_ERA: i64 = 146_097;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        let mut times = TimeText::default();
        for (ns, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (1_773_525_600_000_123_456, "2026-03-14T22:00:00.000123456Z"),
            (1_709_164_799_999_999_999, "2024-02-28T23:59:59.999999999Z"),
            (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000000000Z"),
            (951_868_800_000_000_001, "2000-03-01T00:00:00.000000001Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        ] {
            let mut out = Buffer::default();
            times.write(&mut out, Timestamp::from_ns(ns));
            assert_eq!(std::str::from_utf8(out.since(0)).unwrap(), text);
        }
        let mut out = Buffer::default();
        times.write_clock(&mut out, Timestamp::from_ns(1_773_525_600_012_345_678));
        assert_eq!(out.since(0), b"22:00:00.012");
    }
}
