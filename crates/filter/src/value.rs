//! Values during evaluation, and what it means to compare them.
//!
//! The type checker refuses what should not be compared; what reaches this place is compared by content: numbers with
//! numeric texts, texts with bytes, times with numbers of milliseconds.

use std::borrow::Cow;
use std::cmp::Ordering;

use lanternfish_model::{ListRef, MapRef, Timestamp, Value};
use serde_json::Value as Json;

use crate::ast::Comparison;
use crate::clock;
use crate::context::json_of;

/// A value, borrowed from the entry or the filter where that is possible.
#[derive(Clone, Debug)]
pub(crate) enum Val<'e> {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'e, str>),
    Bytes(Cow<'e, [u8]>),
    Time(Timestamp),
    /// Nanoseconds.
    Duration(i64),
    /// A list of texts of an entry.
    Texts(ListRef<'e>),
    /// A list, or what a selector with a wildcard found.
    List(Vec<Val<'e>>),
    /// A map of texts of an entry, and whether its names are looked up without regard to case.
    Map(MapRef<'e>, bool),
    /// A JSON object.
    Object(Box<Json>),
    /// A map literal.
    Dict(Vec<(Val<'e>, Val<'e>)>),
}

/// There is no value: the comparison that holds it is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing;

impl<'e> Val<'e> {
    /// The same value without a copy of its text.
    pub fn borrowed(&'e self) -> Val<'e> {
        match self {
            Val::Text(text) => Val::Text(Cow::Borrowed(text)),
            Val::Bytes(bytes) => Val::Bytes(Cow::Borrowed(bytes)),
            Val::List(items) => Val::List(items.iter().map(Val::borrowed).collect()),
            other => other.clone(),
        }
    }

    /// The same value with texts of its own; values of an entry's arena have no such form.
    pub fn owned(self) -> Option<Val<'static>> {
        Some(match self {
            Val::Nil => Val::Nil,
            Val::Bool(value) => Val::Bool(value),
            Val::Int(value) => Val::Int(value),
            Val::Double(value) => Val::Double(value),
            Val::Text(text) => Val::Text(Cow::Owned(text.into_owned())),
            Val::Bytes(bytes) => Val::Bytes(Cow::Owned(bytes.into_owned())),
            Val::Time(time) => Val::Time(time),
            Val::Duration(ns) => Val::Duration(ns),
            Val::List(items) => Val::List(items.into_iter().map(Val::owned).collect::<Option<_>>()?),
            Val::Object(object) => Val::Object(object),
            Val::Dict(pairs) => Val::Dict(
                pairs.into_iter().map(|(key, value)| Some((key.owned()?, value.owned()?))).collect::<Option<_>>()?,
            ),
            Val::Texts(_) | Val::Map(..) => return None,
        })
    }

    /// The value of a field that is not absent.
    pub fn of(value: Value<'e>, is_caseless: bool) -> Result<Val<'e>, Missing> {
        Ok(match value {
            Value::Absent => return Err(Missing),
            Value::Bool(value) => Val::Bool(value),
            Value::Int(value) => Val::Int(value),
            Value::Double(value) => Val::Double(value),
            Value::Text(text) => Val::Text(Cow::Borrowed(text)),
            Value::Bytes(bytes) => Val::Bytes(Cow::Borrowed(bytes)),
            Value::Ip(ip) => Val::Text(Cow::Owned(ip.to_string())),
            Value::Time(time) => Val::Time(time),
            Value::List(list) => Val::Texts(list),
            Value::Map(map) => Val::Map(map, is_caseless),
        })
    }

    /// A value of a JSON document, copied out of it.
    pub fn of_json(json: &Json) -> Val<'static> {
        match json {
            Json::Null => Val::Nil,
            Json::Bool(value) => Val::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(value) => Val::Int(value),
                None => Val::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Val::Text(Cow::Owned(text.clone())),
            Json::Array(items) => Val::List(items.iter().map(Val::of_json).collect()),
            Json::Object(_) => Val::Object(Box::new(json.clone())),
        }
    }

    /// Text or bytes of an entry.
    pub fn of_bytes(bytes: &'e [u8]) -> Val<'e> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Val::Text(Cow::Borrowed(text)),
            Err(_) => Val::Bytes(Cow::Borrowed(bytes)),
        }
    }

    /// The items of a list; `None` where it is none.
    pub fn items(&self) -> Option<Vec<Val<'_>>> {
        match self {
            Val::List(items) => Some(items.iter().map(Val::borrowed).collect()),
            Val::Texts(list) => Some(list.iter_bytes().map(Val::of_bytes).collect()),
            _ => None,
        }
    }

    /// Whether a value counts as true: not false, nil, 0 or empty; for a list, whether any item does.
    pub fn is_true(&self) -> bool {
        match self {
            Val::Nil => false,
            Val::Bool(value) => *value,
            Val::Int(value) => *value != 0,
            Val::Double(value) => *value != 0.0,
            Val::Text(text) => !text.is_empty(),
            Val::Bytes(bytes) => !bytes.is_empty(),
            Val::Time(_) => true,
            Val::Duration(ns) => *ns != 0,
            Val::Texts(list) => list.iter_bytes().any(|item| !item.is_empty()),
            Val::List(items) => items.iter().any(Val::is_true),
            Val::Map(map, _) => !map.is_empty(),
            Val::Object(object) => object.as_object().is_some_and(|object| !object.is_empty()),
            Val::Dict(pairs) => !pairs.is_empty(),
        }
    }

    /// Text for string functions and regular expressions: numbers and booleans as they are written.
    pub fn text(&self) -> Option<Cow<'_, [u8]>> {
        Some(match self {
            Val::Text(text) => Cow::Borrowed(text.as_bytes()),
            Val::Bytes(bytes) => Cow::Borrowed(bytes),
            Val::Bool(value) => Cow::Borrowed(if *value { b"true" } else { b"false" }),
            Val::Int(value) => Cow::Owned(value.to_string().into_bytes()),
            Val::Double(value) => Cow::Owned(value.to_string().into_bytes()),
            Val::Time(time) => Cow::Owned(clock::format(*time).into_bytes()),
            Val::Object(_) => Cow::Owned(self.xml_text()?.as_bytes().to_vec()),
            _ => return None,
        })
    }

    /// The text of an XML element that has attributes or children too.
    fn xml_text(&self) -> Option<&str> {
        match self {
            Val::Object(object) => object.get(crate::xml::TEXT)?.as_str(),
            _ => None,
        }
    }
}

/// Compares two values; `is_caseless` compares texts without regard to (ASCII) case.
pub(crate) fn compare(comparison: Comparison, a: &Val<'_>, b: &Val<'_>, is_caseless: bool) -> bool {
    match (a.items(), b.items()) {
        (Some(a), Some(b)) if comparison.is_equality() => {
            let is_equal = a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| is_equal(a, b, is_caseless));
            is_equal == (comparison == Comparison::Equal)
        }
        (Some(a), Some(b)) => {
            !a.is_empty() && !b.is_empty() && a.iter().all(|a| b.iter().all(|b| compare(comparison, a, b, is_caseless)))
        }
        (Some(items), None) => compare_items(comparison, &items, b, is_caseless),
        (None, Some(items)) => compare_items(comparison.mirrored(), &items, a, is_caseless),
        (None, None) => match comparison {
            Comparison::Equal => is_equal(a, b, is_caseless),
            Comparison::NotEqual => !is_equal(a, b, is_caseless),
            _ => order(a, b, is_caseless).is_some_and(|order| comparison.holds(order)),
        },
    }
}

/// `!=`: no item equals; else any item satisfies it.
fn compare_items(comparison: Comparison, items: &[Val<'_>], other: &Val<'_>, is_caseless: bool) -> bool {
    match comparison {
        Comparison::NotEqual => !items.iter().any(|item| compare(Comparison::Equal, item, other, is_caseless)),
        _ => items.iter().any(|item| compare(comparison, item, other, is_caseless)),
    }
}

/// Whether two values are the same.
pub(crate) fn is_equal(a: &Val<'_>, b: &Val<'_>, is_caseless: bool) -> bool {
    match (a, b) {
        (Val::Nil, Val::Nil) => true,
        (Val::Bool(value), Val::Text(text)) | (Val::Text(text), Val::Bool(value)) => {
            text == if *value { "true" } else { "false" }
        }
        (Val::List(_) | Val::Texts(_), Val::List(_) | Val::Texts(_)) => compare(Comparison::Equal, a, b, is_caseless),
        (Val::Object(a), Val::Object(b)) => is_same_json(a, b),
        (Val::Dict(a), Val::Dict(b)) => {
            let has = |(key, value): &(Val<'_>, Val<'_>)| {
                b.iter().any(|(k, v)| is_equal(k, key, false) && compare(Comparison::Equal, v, value, false))
            };
            a.len() == b.len() && a.iter().all(has)
        }
        (Val::Map(..) | Val::Object(_) | Val::Dict(_), Val::Map(..) | Val::Object(_) | Val::Dict(_)) => {
            let is_caseless = matches!(a, Val::Map(_, true)) || matches!(b, Val::Map(_, true));
            let document = |value: &Val<'_>| document_of(value, is_caseless);
            document(a).zip(document(b)).is_some_and(|(a, b)| is_same_json(&a, &b))
        }
        (Val::Object(_), other) | (other, Val::Object(_)) => {
            let object = if matches!(a, Val::Object(_)) { a } else { b };
            object.xml_text().is_some_and(|text| is_equal(&Val::Text(Cow::Borrowed(text)), other, is_caseless))
        }
        _ => order(a, b, is_caseless) == Some(Ordering::Equal),
    }
}

/// A value as a JSON document, in which a repeated name is a list; `None` where it has no such form.
fn document_of(value: &Val<'_>, is_caseless: bool) -> Option<Json> {
    Some(match value {
        Val::Nil => Json::Null,
        Val::Bool(value) => Json::from(*value),
        Val::Int(value) => Json::from(*value),
        Val::Double(value) => Json::from(*value),
        Val::Text(text) => Json::from(text.as_ref()),
        Val::Bytes(bytes) => Json::from(String::from_utf8_lossy(bytes)),
        Val::Time(time) => Json::from(clock::format(*time)),
        Val::Duration(_) => return None,
        Val::Texts(_) | Val::List(_) => {
            value.items()?.iter().map(|item| document_of(item, false)).collect::<Option<Vec<_>>>()?.into()
        }
        Val::Map(map, _) => json_of(Value::Map(*map), is_caseless),
        Val::Object(object) => Json::clone(object),
        Val::Dict(pairs) => {
            let mut object = serde_json::Map::new();
            for (key, value) in pairs {
                let Val::Text(key) = key else { return None };
                let key = if is_caseless { key.to_ascii_lowercase() } else { key.clone().into_owned() };
                object.insert(key, document_of(value, false)?);
            }
            Json::Object(object)
        }
    })
}

/// Equality of JSON documents in which 1 and 1.0 are one number.
fn is_same_json(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(_), Json::Number(_)) => is_equal(&Val::of_json(a), &Val::of_json(b), false),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_json(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same_json(a, b)))
        }
        _ => a == b,
    }
}

/// The order of two values that have one.
fn order(a: &Val<'_>, b: &Val<'_>, is_caseless: bool) -> Option<Ordering> {
    match (a, b) {
        (Val::Int(a), Val::Int(b)) => Some(a.cmp(b)),
        (Val::Double(a), Val::Double(b)) => a.partial_cmp(b),
        (Val::Int(a), Val::Double(b)) => order_mixed(*a, *b),
        (Val::Double(a), Val::Int(b)) => order_mixed(*b, *a).map(Ordering::reverse),
        (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(b)),
        (Val::Time(a), Val::Time(b)) => Some(a.cmp(b)),
        (Val::Duration(a), Val::Duration(b)) => Some(a.cmp(b)),
        (Val::Text(_) | Val::Bytes(_), Val::Text(_) | Val::Bytes(_)) => {
            let (a, b) = (bytes(a), bytes(b));
            if is_caseless && a.eq_ignore_ascii_case(b) { Some(Ordering::Equal) } else { Some(order_bytes(a, b)) }
        }
        (Val::Int(_) | Val::Double(_), Val::Text(text)) => order(a, &number(text)?, is_caseless),
        (Val::Text(text), Val::Int(_) | Val::Double(_)) => order(&number(text)?, b, is_caseless),
        (Val::Time(_), Val::Int(_) | Val::Double(_) | Val::Text(_)) => order(a, &Val::Time(moment(b)?), is_caseless),
        (Val::Int(_) | Val::Double(_) | Val::Text(_), Val::Time(_)) => order(&Val::Time(moment(a)?), b, is_caseless),
        (Val::Object(_), Val::Object(_)) => None,
        (Val::Object(_), other) => order(&Val::Text(Cow::Borrowed(a.xml_text()?)), other, is_caseless),
        (other, Val::Object(_)) => order(other, &Val::Text(Cow::Borrowed(b.xml_text()?)), is_caseless),
        _ => None,
    }
}

fn bytes<'v>(value: &'v Val<'_>) -> &'v [u8] {
    match value {
        Val::Text(text) => text.as_bytes(),
        Val::Bytes(bytes) => bytes,
        _ => &[],
    }
}

/// Equality of bytes. Empty ones are told by length alone: their address may be one that no page is mapped at, and
/// libc's vector code takes a hundred times as long there.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && (a.is_empty() || a == b)
}

/// The order of bytes, with the same care for empty ones.
pub(crate) fn order_bytes(a: &[u8], b: &[u8]) -> Ordering {
    if a.is_empty() || b.is_empty() { a.len().cmp(&b.len()) } else { a.cmp(b) }
}

/// The order of an integer and a floating point number by value, exact also beyond 2^53.
fn order_mixed(a: i64, b: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if b.is_nan() {
        None
    } else if b >= LIMIT {
        Some(Ordering::Less)
    } else if b < -LIMIT {
        Some(Ordering::Greater)
    } else {
        // In this range the whole part fits an i64.
        Some(a.cmp(&(b.trunc() as i64)).then_with(|| 0.0.partial_cmp(&b.fract()).unwrap_or(Ordering::Equal)))
    }
}

/// The number that a text spells.
pub(crate) fn number(text: &str) -> Option<Val<'static>> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if !is_number || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse().map(Val::Int).ok().or_else(|| text.parse().map(Val::Double).ok())
}

/// The moment that a number of milliseconds since the epoch or a text stands for.
pub(crate) fn moment(value: &Val<'_>) -> Option<Timestamp> {
    match value {
        Val::Time(time) => Some(*time),
        Val::Int(ms) => Some(Timestamp::from_ns(ms.saturating_mul(1_000_000))),
        Val::Double(ms) if ms.is_finite() => Some(Timestamp::from_ns((ms * 1e6) as i64)),
        Val::Text(text) => clock::rfc3339(text).or_else(|| clock::datetime(text)).or_else(|| moment(&number(text)?)),
        _ => None,
    }
}
