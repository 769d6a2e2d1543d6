//! Times and durations as people write them: RFC 3339, CEL durations, and the older form's dates. UTC throughout.

use lanternfish_model::Timestamp;

const SECOND: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;

/// A calendar time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// From 1.
    pub day: i64,
    /// Of the day.
    pub second: i64,
    pub ns: i64,
}

impl Civil {
    /// The calendar time of a moment.
    pub fn of(time: Timestamp) -> Civil {
        let seconds = time.ns().div_euclid(SECOND);
        let (year, month, day) = date_of(seconds.div_euclid(DAY_SECONDS));
        Civil { year, month, day, second: seconds.rem_euclid(DAY_SECONDS), ns: time.ns().rem_euclid(SECOND) }
    }

    /// The moment, saturating where it does not fit.
    pub fn time(self) -> Timestamp {
        let seconds =
            day_number(self.year, self.month, self.day).saturating_mul(DAY_SECONDS).saturating_add(self.second);
        Timestamp::from_ns(seconds.saturating_mul(SECOND)) + self.ns
    }

    /// Days since the epoch.
    pub fn day_number(self) -> i64 {
        day_number(self.year, self.month, self.day)
    }

    /// Days since 1 January, from 0.
    pub fn day_of_year(self) -> i64 {
        self.day_number() - day_number(self.year, 1, 1)
    }

    /// The same time some months later; a day that the month does not have becomes its last.
    pub fn add_months(self, months: i64) -> Civil {
        let months = months.clamp(-120_000, 120_000);
        let total = self.year * 12 + (self.month - 1) + months;
        let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
        Civil { year, month, day: self.day.min(days_in(year, month)), ..self }
    }
}

/// Days since the epoch of a date of the proleptic Gregorian calendar.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from March, so that the leap day is the last of the year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of(day_number: i64) -> (i64, i64, i64) {
    let shifted = day_number + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn civil(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64, ns: i64) -> Option<Civil> {
    let is_date = (1..=12).contains(&month) && day >= 1 && day <= days_in(year, month);
    let is_time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..61).contains(&second);
    (is_date && is_time).then_some(Civil { year, month, day, second: hour * 3600 + minute * 60 + second, ns })
}

fn number(text: &str) -> Option<i64> {
    let is_plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// The digits after a decimal point as nanoseconds; further digits are cut.
fn fraction(text: &str) -> Option<i64> {
    let digits = text.get(..9).unwrap_or(text);
    let value = number(digits)?;
    text.bytes().all(|b| b.is_ascii_digit()).then(|| value * 10i64.pow(9 - digits.len() as u32))
}

/// Reads `2026-03-14T22:00:00.5Z` (RFC 3339).
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    let (ns, rest_of_time) = match rest.strip_prefix('.') {
        Some(rest) => {
            let length = rest.find(|c: char| !c.is_ascii_digit())?;
            (fraction(rest.get(..length)?)?, rest.get(length..)?)
        }
        None => (0, rest),
    };
    let offset = match rest_of_time {
        "Z" | "z" => 0,
        offset if offset.starts_with(['+', '-']) => zone(offset)?,
        _ => return None,
    };
    let mut date = date.split('-');
    let (year, month, day) = (number(date.next()?)?, number(date.next()?)?, number(date.next()?)?);
    let mut clock = clock.split(':');
    let (hour, minute, second) = (number(clock.next()?)?, number(clock.next()?)?, number(clock.next()?)?);
    Some(civil(year, month, day, hour, minute, second, ns)?.time() - offset * SECOND)
}

/// Reads `1/2/2006, 3:04:05.000 PM`, the older form's date: month, day, year, in UTC.
pub(crate) fn datetime(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.trim().split_once(',')?;
    let mut date = date.trim().split('/');
    let (month, day, year) = (number(date.next()?)?, number(date.next()?)?, number(date.next()?)?);
    if date.next().is_some() {
        return None;
    }
    let (clock, half) = clock.trim().rsplit_once(' ')?;
    let (clock, ns) = match clock.trim().split_once('.') {
        Some((clock, digits)) => (clock, fraction(digits)?),
        None => (clock.trim(), 0),
    };
    let mut clock = clock.split(':');
    let hour = number(clock.next()?).filter(|hour| (1..=12).contains(hour))?;
    let minute = number(clock.next()?)?;
    let second = clock.next().map_or(Some(0), number)?;
    let afternoon = match half.trim() {
        half if half.eq_ignore_ascii_case("AM") => 0,
        half if half.eq_ignore_ascii_case("PM") => 12,
        _ => return None,
    };
    Some(civil(year, month, day, hour % 12 + afternoon, minute, second, ns)?.time())
}

/// Reads a CEL duration (`1h30m`, `-1.5s`, `250ms`) as nanoseconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (digits, after) = rest.split_at(length);
        if !digits.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let unit_length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_length);
        let unit: i64 = match unit {
            "h" => 3600 * SECOND,
            "m" => 60 * SECOND,
            "s" => SECOND,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        // The fraction is cut after nine digits, as in RFC 3339; 128 bits hold its product with an hour.
        let part = if part.is_empty() { 0 } else { fraction(part)? };
        let part = i64::try_from(i128::from(part) * i128::from(unit) / i128::from(SECOND)).ok()?;
        total = total.checked_add(whole.checked_mul(unit)?.checked_add(part)?)?;
        rest = next;
    }
    Some(sign * total)
}

/// Writes a moment as RFC 3339 with as many digits as it needs, as CEL's `string()` does.
pub(crate) fn format_short(time: Timestamp) -> String {
    let text = format(time);
    format!("{}Z", text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.'))
}

/// Reads a zone with a fixed offset (`UTC`, `Z`, `+02:00`, `-03:30`, `02:00`) as seconds ahead of UTC.
pub(crate) fn zone(text: &str) -> Option<i64> {
    if text.is_empty() || text == "Z" || text.eq_ignore_ascii_case("UTC") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    Some(sign * (number(hours).filter(|h| *h < 24)? * 3600 + number(minutes).filter(|m| *m < 60)? * 60))
}

/// Writes a moment as RFC 3339 with nanoseconds.
pub(crate) fn format(time: Timestamp) -> String {
    let civil = Civil::of(time);
    let (hour, minute, second) = (civil.second / 3600, civil.second / 60 % 60, civil.second % 60);
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{:09}Z", civil.year, civil.month, civil.day, civil.ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let cases = [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-03-14T22:00:00Z", 1_773_525_600 * SECOND),
            ("2026-03-15T00:00:00.25+02:00", 1_773_525_600 * SECOND + 250_000_000),
            ("2000-02-29T00:00:00Z", 951_782_400 * SECOND),
        ];
        for (text, ns) in cases {
            assert_eq!(rfc3339(text).map(Timestamp::ns), Some(ns), "{text}");
        }
        for text in [
            "",
            "2026-03-14",
            "2026-02-30T00:00:00Z",
            "2026-03-14T25:00:00Z",
            "2026-03-14T22:00:00",
            "é026-03-14T22:00:00Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
        assert_eq!(format(Timestamp::from_ns(-1)), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(rfc3339(&format(Timestamp::from_ns(123_456_789_012))).map(Timestamp::ns), Some(123_456_789_012));
    }

    #[test]
    fn dates_of_the_older_form_are_read() {
        assert_eq!(datetime("3/14/2026, 10:00:00.000 PM"), rfc3339("2026-03-14T22:00:00Z"));
        assert_eq!(datetime("3/14/2026, 12:00:00.500 AM"), rfc3339("2026-03-14T00:00:00.5Z"));
        assert_eq!(datetime("12/1/2026, 12:30:01 pm"), rfc3339("2026-12-01T12:30:01Z"));
        for text in
            ["", "14/3/2026, 1:00:00 PM", "3/14/2026 1:00:00 PM", "3/14/2026, 13:00:00 PM", "3/14/2026, 1:00:00"]
        {
            assert_eq!(datetime(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        let cases = [("5m", 300), ("1h30m", 5400), ("-1.5s", -1), ("0", 0), ("90s", 90)];
        for (text, seconds) in cases {
            let expected = if text == "-1.5s" { -1_500_000_000 } else { seconds * SECOND };
            assert_eq!(duration(text), Some(expected), "{text}");
        }
        assert_eq!(duration("250ms"), Some(250_000_000));
        for text in ["", "5", "m", "5d", "9999999999h", "1.2.3s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn months_keep_within_the_month() {
        let time = |text| rfc3339(text).unwrap();
        let add = |text, months| Civil::of(time(text)).add_months(months).time();
        assert_eq!(add("2026-01-31T01:02:03Z", 1), time("2026-02-28T01:02:03Z"));
        assert_eq!(add("2026-01-31T01:02:03Z", -2), time("2025-11-30T01:02:03Z"));
        assert_eq!(add("2024-02-29T00:00:00Z", 12), time("2025-02-28T00:00:00Z"));
    }
}
