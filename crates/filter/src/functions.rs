//! The helpers that make a value of values.

use std::borrow::Cow;

use crate::clock::{self, Civil};
use crate::context::Context;
use crate::expr::{Accessor, Expr, Function};
use crate::limits::MAX_TEXT_BYTES;
use crate::value::{Missing, Val, is_equal, moment, number};

/// Calls a helper; the number of arguments was checked.
pub(crate) fn call<'e>(function: Function, arguments: &'e [Expr], context: &Context<'e>) -> Result<Val<'e>, Missing> {
    let argument = |number: usize| arguments.get(number).ok_or(Missing)?.value(context);
    if let Function::MapGet { is_caseless } = function {
        return match argument(0).and_then(|map| Ok(lookup(map, &argument(1)?, is_caseless))) {
            Ok(Some(value)) => Ok(value),
            _ => argument(2),
        };
    }
    let value = argument(0)?;
    match function {
        Function::Size => size(&value).and_then(|size| i64::try_from(size).ok()).map(Val::Int),
        Function::MapGet { .. } | Function::Same => Some(value),
        Function::ToInt => to_int(&value),
        Function::ToDouble => match value {
            Val::Int(value) => Some(Val::Double(value as f64)),
            Val::Double(_) => Some(value),
            Val::Text(text) => match number(&text) {
                Some(Val::Int(value)) => Some(Val::Double(value as f64)),
                other => other,
            },
            _ => None,
        },
        Function::ToText => match value {
            Val::Text(_) => Some(value),
            Val::Duration(ns) => Some(Val::Text(Cow::Owned(format!("{}s", ns as f64 / 1e9)))),
            Val::Time(time) => Some(Val::Text(Cow::Owned(clock::format_short(time)))),
            Val::Nil | Val::Object(_) => None,
            other => {
                let text = other.text().filter(|text| text.len() <= MAX_TEXT_BYTES).map(Cow::into_owned);
                text.and_then(|text| String::from_utf8(text).ok()).map(|text| Val::Text(Cow::Owned(text)))
            }
        },
        Function::ToBool => match &value {
            Val::Bool(_) => Some(value),
            Val::Text(text) => match text.as_ref() {
                "1" | "t" | "true" | "TRUE" | "True" => Some(Val::Bool(true)),
                "0" | "f" | "false" | "FALSE" | "False" => Some(Val::Bool(false)),
                _ => None,
            },
            _ => None,
        },
        Function::ToBytes => match value {
            Val::Text(Cow::Borrowed(text)) => Some(Val::Bytes(Cow::Borrowed(text.as_bytes()))),
            Val::Text(Cow::Owned(text)) => Some(Val::Bytes(Cow::Owned(text.into_bytes()))),
            Val::Bytes(_) => Some(value),
            _ => None,
        },
        Function::ToTime => match &value {
            Val::Time(_) => Some(value),
            Val::Text(text) => clock::rfc3339(text).map(Val::Time),
            // CEL: seconds since the epoch.
            Val::Int(seconds) => Some(Val::Time(lanternfish_model::Timestamp::from_parts(*seconds, 0))),
            _ => None,
        },
        Function::ToDuration => match &value {
            Val::Duration(_) => Some(value),
            Val::Text(text) => clock::duration(text).map(Val::Duration),
            _ => None,
        },
        Function::Accessor(accessor, offset) => access(accessor, offset, &value).map(Val::Int),
    }
    .ok_or(Missing)
}

/// Characters of a text, bytes, items of a list, or names of a map.
pub(crate) fn size(value: &Val<'_>) -> Option<usize> {
    Some(match value {
        Val::Text(text) => text.chars().count(),
        Val::Bytes(bytes) => bytes.len(),
        Val::List(items) => items.len(),
        Val::Texts(list) => list.len(),
        Val::Map(map, _) => map.len(),
        Val::Dict(pairs) => pairs.len(),
        Val::Object(object) => object.as_object()?.len(),
        _ => return None,
    })
}

fn lookup<'e>(map: Val<'e>, key: &Val<'e>, is_caseless: bool) -> Option<Val<'e>> {
    match map {
        Val::Map(map, is_caseless) => map.find(&key.text()?, is_caseless).map(Val::of_bytes),
        Val::Dict(pairs) => pairs.into_iter().find(|(other, _)| is_equal(other, key, false)).map(|(_, value)| value),
        Val::Object(object) => match key {
            Val::Text(name) => {
                let same = |key: &&String| is_caseless && key.eq_ignore_ascii_case(name);
                let object = object.as_object()?;
                let other = || object.iter().find(|(key, _)| same(key)).map(|(_, value)| value);
                object.get(name.as_ref()).or_else(other).map(Val::of_json)
            }
            _ => None,
        },
        _ => None,
    }
}

fn to_int(value: &Val<'_>) -> Option<Val<'static>> {
    match value {
        Val::Int(value) => Some(Val::Int(*value)),
        // The bounds are those that an i64 holds exactly as a double.
        Val::Double(value) if value.abs() < 9_223_372_036_854_775_808.0 => Some(Val::Int(*value as i64)),
        Val::Text(text) => text.parse().ok().map(Val::Int),
        Val::Time(time) => Some(Val::Int(time.ns().div_euclid(1_000_000_000))),
        _ => None,
    }
}

fn access(accessor: Accessor, offset: i64, value: &Val<'_>) -> Option<i64> {
    match value {
        Val::Duration(ns) => Some(match accessor {
            Accessor::Hours => ns / 3_600_000_000_000,
            Accessor::Minutes => ns / 60_000_000_000,
            Accessor::Seconds => ns / 1_000_000_000,
            Accessor::Milliseconds => ns / 1_000_000 % 1000,
            _ => return None,
        }),
        Val::Time(time) => {
            let civil = Civil::of(*time + offset.saturating_mul(1_000_000_000));
            Some(match accessor {
                Accessor::FullYear => civil.year,
                Accessor::Month => civil.month - 1,
                Accessor::Date => civil.day,
                Accessor::DayOfMonth => civil.day - 1,
                // 1970-01-01 was a Thursday; Sunday is 0.
                Accessor::DayOfWeek => (civil.day_number() + 4).rem_euclid(7),
                Accessor::DayOfYear => civil.day_of_year(),
                Accessor::Hours => civil.second / 3600,
                Accessor::Minutes => civil.second / 60 % 60,
                Accessor::Seconds => civil.second % 60,
                Accessor::Milliseconds => civil.ns / 1_000_000,
            })
        }
        other => access(accessor, offset, &Val::Time(moment(other)?)),
    }
}
