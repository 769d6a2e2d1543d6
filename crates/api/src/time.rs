//! Times and durations as they stand in requests and answers.

use chrono::{DateTime, SecondsFormat, Utc};
use lanternfish_model::Timestamp;

/// A time as RFC 3339 with nanoseconds.
pub fn text(time: Timestamp) -> String {
    DateTime::<Utc>::from_timestamp_nanos(time.ns()).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// The time of a parameter: RFC 3339, `now`, or so long before now (`-15m`, `now-15m`). A time before 1677-09-22 or after
/// 2262-04-11 is the first or the last that there is, for nothing can lie beyond.
pub fn parse(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    if value.eq_ignore_ascii_case("now") {
        return Some(now);
    }
    let back = value.strip_prefix("now-").or_else(|| value.strip_prefix('-'));
    if let Some(back) = back {
        return Some(now - duration_ns(back)?);
    }
    // A plus sign of a zone becomes a space where the client did not encode it.
    let value = value.replace(' ', "+");
    let time = DateTime::parse_from_rfc3339(&value).ok()?;
    let bound = if time.timestamp() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Some(time.timestamp_nanos_opt().map_or(bound, Timestamp::from_ns))
}

/// A duration above zero: a number with `ms`, `s`, `m`, `h` or `d`; seconds where nothing follows.
pub fn duration_ns(value: &str) -> Option<i64> {
    let value = value.trim();
    let digits = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(digits)?;
    let unit_ns = match unit {
        "ms" => MS,
        "s" | "" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        "d" => 86_400 * SECOND,
        _ => return None,
    };
    let ns = match number.parse::<i64>() {
        Ok(whole) => whole.checked_mul(unit_ns)?,
        Err(_) => {
            let ns = number.parse::<f64>().ok()? * unit_ns as f64;
            if ns.is_finite() && ns < MAX_NS as f64 { ns.round() as i64 } else { return None }
        }
    };
    (1..=MAX_NS).contains(&ns).then_some(ns)
}

/// What a time may look like, for errors.
pub const TIME_FORMS: &str = "a time such as 2026-03-14T22:00:00Z, now, or -15m";
/// What a duration may look like, for errors.
pub const DURATION_FORMS: &str = "a duration such as 500ms, 10s, 5m, 1h or 1d";

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;
/// A hundred years: longer durations are mistakes.
const MAX_NS: i64 = 36_525 * 86_400 * SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let now = Timestamp::from_parts(1_000_000, 7);
        for (value, ns) in [
            ("2026-03-14T22:00:00Z", Some(1_773_525_600_000_000_000)),
            ("2026-03-14T22:00:00.000123456Z", Some(1_773_525_600_000_123_456)),
            ("2026-03-14T23:00:00+01:00", Some(1_773_525_600_000_000_000)),
            ("2026-03-14T23:00:00 01:00", Some(1_773_525_600_000_000_000)),
            ("now", Some(now.ns())),
            ("now-1s", Some(now.ns() - 1_000_000_000)),
            ("-15m", Some(now.ns() - 900_000_000_000)),
            ("2026-03-14", None),
            ("22:00", None),
            ("-", None),
            ("-5x", None),
            ("", None),
            ("9999-12-31T00:00:00Z", Some(i64::MAX)),
            ("0001-01-01T00:00:00Z", Some(i64::MIN)),
            ("9999-13-31T00:00:00Z", None),
        ] {
            assert_eq!(parse(value, now).map(Timestamp::ns), ns, "{value}");
        }
        assert_eq!(text(Timestamp::from_ns(1_773_525_600_000_123_456)), "2026-03-14T22:00:00.000123456Z");
    }

    #[test]
    fn durations_are_read() {
        for (value, ns) in [
            ("500ms", Some(500_000_000)),
            ("10s", Some(10_000_000_000)),
            ("10", Some(10_000_000_000)),
            ("1.5m", Some(90_000_000_000)),
            ("2h", Some(7_200_000_000_000)),
            ("1d", Some(86_400_000_000_000)),
            ("0s", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("999999999999d", None),
            ("9999999999999999999999", None),
            ("1 week", None),
            ("s", None),
        ] {
            assert_eq!(duration_ns(value), ns, "{value}");
        }
    }
}
