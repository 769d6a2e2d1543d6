//! What can be told about stored data before an entry is rebuilt: a filter as a tree of tests of single fields.
//!
//! A plan never says no to an entry that the filter meets. Where it is exact it says yes to no other; what it cannot tell
//! is [`Plan::Opaque`], and whoever holds the data asks the filter itself there. A field that an entry lacks has a fixed
//! answer in every test, so nothing is ever NULL or unknown. There is no I/O here and no query engine.

use lanternfish_model::{Entry, EntryClass, FieldId, FieldTable, Place, ProtocolIndex, ProtocolSet, Value, WordClass};
use regex::bytes::Regex;

pub use crate::ast::Comparison;
use crate::test::{MAX_IP_TEXT_BYTES, text_of};
use crate::value::{is_same, order_bytes};

/// A filter as a tree of tests.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Every entry, or none.
    Const(bool),
    /// All parts hold.
    All(Vec<Plan>),
    /// Any part holds.
    Any(Vec<Plan>),
    /// The entry is of certain protocols and of a class.
    Word {
        /// The protocols.
        protocols: ProtocolSet,
        /// The class.
        class: WordClass,
        /// Whether the test is turned round.
        is_negated: bool,
    },
    /// A test of one field.
    Field(FieldPlan),
    /// Two fields of text compared; one that is absent is the empty text.
    Pair {
        /// The left side.
        left: FieldId,
        /// The right side.
        right: FieldId,
        /// How they are compared.
        comparison: Comparison,
        /// Whether the test is turned round.
        is_negated: bool,
    },
    /// May hold or not: only the filter itself can tell.
    Opaque,
}

/// A test of one field.
#[derive(Clone, Debug)]
pub struct FieldPlan {
    /// The field.
    pub field: FieldId,
    /// What its value is tested for.
    pub check: Check,
    /// Whether the test of a value is turned round.
    pub is_negated: bool,
    /// The answer where the entry has no value.
    pub if_absent: bool,
}

/// What a value is tested for.
#[derive(Clone, Debug)]
pub enum Check {
    /// There is a value.
    Present,
    /// A bool is true.
    IsTrue,
    /// An integer against a number.
    Int(Comparison, i64),
    /// A number against a floating point number, by value.
    Double(Comparison, f64),
    /// An integer is one of these.
    IntIn(Vec<i64>),
    /// The whole of an integer as it is written matches.
    IntMatches(Regex),
    /// A time against nanoseconds since the epoch.
    Time(Comparison, i64),
    /// A text or bytes.
    Text(TextPlan),
    /// A text at a name of a map: any of them, where the name is repeated and there is no default.
    MapText {
        /// The name.
        name: Vec<u8>,
        /// Whether the name is looked up without regard to case.
        is_caseless: bool,
        /// The text where the map lacks the name; without one the test does not hold there.
        default: Option<Vec<u8>>,
        /// The test of the text.
        text: TextPlan,
        /// Whether none of the texts may meet the test, instead of any.
        is_none: bool,
    },
    /// A list has an item that equals a text.
    ListHas {
        /// The text.
        item: Vec<u8>,
        /// Whether items compare without regard to (ASCII) case.
        is_caseless: bool,
    },
    /// How many items a list has.
    ListSize(Comparison, i64),
    /// A map has a name.
    MapHas {
        /// The name.
        name: Vec<u8>,
        /// Whether it is looked up without regard to case.
        is_caseless: bool,
    },
}

/// A test of a text, by its bytes.
#[derive(Clone, Debug)]
pub enum TextPlan {
    /// It is one of these.
    Equals {
        /// The texts.
        texts: Vec<Vec<u8>>,
        /// Whether (ASCII) case is ignored.
        is_caseless: bool,
    },
    /// It has this within.
    Contains(Vec<u8>),
    /// It begins with this.
    StartsWith(Vec<u8>),
    /// It ends with this.
    EndsWith(Vec<u8>),
    /// The expression is found in it.
    Matches(Regex),
}

impl Plan {
    /// Whether it says exactly what the filter says.
    pub fn is_exact(&self) -> bool {
        match self {
            Plan::Const(_) | Plan::Word { .. } | Plan::Pair { .. } | Plan::Field(_) => true,
            Plan::All(parts) | Plan::Any(parts) => parts.iter().all(Plan::is_exact),
            Plan::Opaque => false,
        }
    }

    /// Whether it holds for an entry; what is opaque does.
    pub fn holds(&self, table: &FieldTable, entry: &Entry) -> bool {
        match self {
            Plan::Const(value) => *value,
            Plan::Opaque => true,
            Plan::All(parts) => parts.iter().all(|part| part.holds(table, entry)),
            Plan::Any(parts) => parts.iter().any(|part| part.holds(table, entry)),
            Plan::Word { protocols, class, is_negated } => {
                let is_class = match class {
                    WordClass::Any => true,
                    WordClass::Connection => entry.class == EntryClass::Connection,
                    WordClass::Flow => entry.class == EntryClass::Flow,
                };
                (protocols.contains(entry.protocol) && is_class) != *is_negated
            }
            Plan::Field(field) => field.holds(entry.value(table, field.field)),
            Plan::Pair { left, right, comparison, is_negated } => {
                let (mut a, mut b) = ([0; MAX_IP_TEXT_BYTES], [0; MAX_IP_TEXT_BYTES]);
                let a = text_of(entry.value(table, *left), &mut a);
                comparison.holds(order_bytes(a, text_of(entry.value(table, *right), &mut b))) != *is_negated
            }
        }
    }

    /// The plan for entries of one protocol: what is the same for all of them is decided.
    pub fn for_protocol(&self, table: &FieldTable, protocol: ProtocolIndex) -> Plan {
        match self {
            Plan::All(parts) => Plan::all(parts.iter().map(|part| part.for_protocol(table, protocol))),
            Plan::Any(parts) => Plan::any(parts.iter().map(|part| part.for_protocol(table, protocol))),
            Plan::Word { protocols, class, is_negated } => {
                let words = table.protocols().get(usize::from(protocol.0)).map_or(&[][..], |spec| spec.words);
                match class {
                    _ if !protocols.contains(protocol) => Plan::Const(*is_negated),
                    WordClass::Any => Plan::Const(!is_negated),
                    // A protocol without words for connections and flows has calls alone.
                    _ if words.iter().all(|word| word.class == WordClass::Any) => Plan::Const(*is_negated),
                    _ => self.clone(),
                }
            }
            Plan::Field(field) => match table.place(field.field) {
                Place::Protocol if table.local(protocol, field.field).is_none() => Plan::Const(field.if_absent),
                Place::Common(lanternfish_model::fields::PROTOCOL) => {
                    Plan::Const(field.holds(Value::Text(table.protocol_name(protocol))))
                }
                _ => self.clone(),
            },
            other => other.clone(),
        }
    }

    /// All parts hold, with what decides nothing left out.
    pub fn all(parts: impl IntoIterator<Item = Plan>) -> Plan {
        Plan::join(parts, true)
    }

    /// Any part holds, with what decides nothing left out.
    pub fn any(parts: impl IntoIterator<Item = Plan>) -> Plan {
        Plan::join(parts, false)
    }

    fn join(parts: impl IntoIterator<Item = Plan>, is_all: bool) -> Plan {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Plan::Const(value) if value == is_all => {}
                Plan::Const(value) => return Plan::Const(value),
                Plan::All(inner) if is_all => kept.extend(inner),
                Plan::Any(inner) if !is_all => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match (kept.pop(), kept.is_empty()) {
            (None, _) => Plan::Const(is_all),
            (Some(only), true) => only,
            (Some(last), false) => {
                kept.push(last);
                if is_all { Plan::All(kept) } else { Plan::Any(kept) }
            }
        }
    }

    /// The plan of the opposite: exact where this one is, else it can only say that it does not know.
    pub fn negated(self) -> Plan {
        match self {
            Plan::Const(value) => Plan::Const(!value),
            Plan::All(parts) => Plan::any(parts.into_iter().map(Plan::negated)),
            Plan::Any(parts) => Plan::all(parts.into_iter().map(Plan::negated)),
            Plan::Word { protocols, class, is_negated } => Plan::Word { protocols, class, is_negated: !is_negated },
            Plan::Field(field) => {
                Plan::Field(FieldPlan { is_negated: !field.is_negated, if_absent: !field.if_absent, ..field })
            }
            Plan::Pair { left, right, comparison, is_negated } => {
                Plan::Pair { left, right, comparison, is_negated: !is_negated }
            }
            Plan::Opaque => Plan::Opaque,
        }
    }

    /// The fields that it tests.
    pub fn fields(&self, found: &mut Vec<FieldId>) {
        match self {
            Plan::Const(_) | Plan::Word { .. } | Plan::Opaque => {}
            Plan::All(parts) | Plan::Any(parts) => parts.iter().for_each(|part| part.fields(found)),
            Plan::Field(field) => found.push(field.field),
            Plan::Pair { left, right, .. } => found.extend([*left, *right]),
        }
    }
}

impl FieldPlan {
    /// Whether it holds for a value of the field.
    pub fn holds(&self, value: Value<'_>) -> bool {
        if value == Value::Absent { self.if_absent } else { self.check.holds(value) != self.is_negated }
    }
}

impl Check {
    /// Whether a value that is there meets it.
    pub fn holds(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Check::Present, _) => true,
            (Check::IsTrue, Value::Bool(value)) => value,
            (Check::Int(comparison, number), Value::Int(value)) => comparison.holds(value.cmp(number)),
            (Check::Double(comparison, number), value) => double_holds(*comparison, value, *number),
            (Check::IntIn(numbers), Value::Int(value)) => numbers.contains(&value),
            (Check::IntMatches(pattern), Value::Int(value)) => pattern.is_match(value.to_string().as_bytes()),
            (Check::Time(comparison, ns), Value::Time(time)) => comparison.holds(time.ns().cmp(ns)),
            (Check::Text(text), value) => text.holds(text_of(value, &mut [0; MAX_IP_TEXT_BYTES])),
            (Check::MapText { name, is_caseless, default: Some(default), text, is_none }, Value::Map(map)) => {
                text.holds(map.find(name, *is_caseless).unwrap_or(default)) != *is_none
            }
            (Check::MapText { name, is_caseless, default: None, text, is_none }, Value::Map(map)) => {
                let is_it = |key: &[u8]| if *is_caseless { key.eq_ignore_ascii_case(name) } else { is_same(key, name) };
                let mut found = map.iter_bytes().filter(|(key, _)| is_it(key)).map(|(_, value)| text.holds(value));
                match (found.next(), is_none) {
                    (None, _) => false,
                    (Some(first), false) => first || found.any(|holds| holds),
                    (Some(first), true) => !first && found.all(|holds| !holds),
                }
            }
            (Check::ListHas { item, is_caseless }, Value::List(list)) => list
                .iter_bytes()
                .any(|other| if *is_caseless { other.eq_ignore_ascii_case(item) } else { is_same(other, item) }),
            (Check::ListSize(comparison, size), Value::List(list)) => {
                comparison.holds(i64::try_from(list.len()).unwrap_or(i64::MAX).cmp(size))
            }
            (Check::MapHas { name, is_caseless }, Value::Map(map)) => map.find(name, *is_caseless).is_some(),
            _ => false,
        }
    }
}

fn double_holds(comparison: Comparison, value: Value<'_>, number: f64) -> bool {
    let value = match value {
        Value::Int(value) => crate::value::Val::Int(value),
        Value::Double(value) => crate::value::Val::Double(value),
        _ => return false,
    };
    crate::value::compare(comparison, &value, &crate::value::Val::Double(number), false)
}

impl TextPlan {
    /// Whether the bytes of a text meet it.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        match self {
            TextPlan::Equals { texts, is_caseless: true } => texts.iter().any(|text| bytes.eq_ignore_ascii_case(text)),
            TextPlan::Equals { texts, .. } => texts.iter().any(|text| is_same(bytes, text)),
            TextPlan::Contains(text) => memchr::memmem::find(bytes, text).is_some(),
            TextPlan::StartsWith(text) => text.is_empty() || bytes.starts_with(text),
            TextPlan::EndsWith(text) => text.is_empty() || bytes.ends_with(text),
            TextPlan::Matches(pattern) => pattern.is_match(bytes),
        }
    }
}
