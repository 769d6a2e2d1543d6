//! Tests compiled to what they read: the fast path of a filter, without values in between.

use std::net::IpAddr;

use lanternfish_model::{Entry, EntryClass, FieldId, FieldTable, Kind, Place, ProtocolSet, Value, WordClass};
use memchr::memmem::Finder;
use regex::bytes::Regex;

use crate::ast::Comparison;
use crate::context::Context;
use crate::expr::{Expr, Field, Path, Root, TextTest};
use crate::value::Val;

/// A compiled test.
#[derive(Debug)]
pub(crate) enum Test {
    Const(bool),
    Not(Box<Test>),
    All(Box<[Test]>),
    Any(Box<[Test]>),
    Word(ProtocolSet, WordClass),
    Bool(FieldId),
    Int(FieldId, Comparison, i64),
    IntIn(FieldId, Box<[i64]>),
    Time(FieldId, Comparison, i64),
    Text(FieldId, Box<TextCheck>),
    ListHas(FieldId, Box<[u8]>, bool),
    MapHas(FieldId, Box<[u8]>, bool),
    /// Anything else.
    General(Box<Expr>),
}

/// A test of a text.
#[derive(Debug)]
pub(crate) enum TextCheck {
    Equals { texts: Vec<Box<[u8]>>, ips: Vec<IpAddr>, is_caseless: bool, is_negated: bool },
    Contains(Finder<'static>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Finds(Regex, bool),
}

impl Test {
    /// Compiles an expression; one with redactions is evaluated in written order by the general way.
    pub fn new(expr: Expr, table: &FieldTable, has_redactions: bool) -> Test {
        if has_redactions { Test::General(Box::new(expr)) } else { Test::of(expr, table) }
    }

    fn of(expr: Expr, table: &FieldTable) -> Test {
        match expr {
            Expr::Missing => Test::Const(false),
            Expr::Const(value) => Test::Const(value.is_true()),
            Expr::Not(operand) => Test::Not(Box::new(Test::of(*operand, table))),
            Expr::All(parts) => Test::All(Test::parts(parts, table)),
            Expr::Any(parts) => Test::Any(Test::parts(parts, table)),
            other => Test::leaf(&other, table).unwrap_or_else(|| Test::General(Box::new(other))),
        }
    }

    /// Cheap tests go first: without redactions nothing can tell the order.
    fn parts(parts: Vec<Expr>, table: &FieldTable) -> Box<[Test]> {
        let mut parts: Vec<Test> = parts.into_iter().map(|part| Test::of(part, table)).collect();
        parts.sort_by_key(Test::cost);
        parts.into_boxed_slice()
    }

    fn cost(&self) -> u32 {
        match self {
            Test::Const(_) => 0,
            Test::Word(..) => 1,
            Test::Bool(_) => 3,
            Test::Int(..) | Test::IntIn(..) | Test::Time(..) => 4,
            Test::Text(_, check) => match **check {
                TextCheck::Equals { .. } | TextCheck::StartsWith(_) | TextCheck::EndsWith(_) => 6,
                TextCheck::Contains(_) => 8,
                TextCheck::Finds(..) => 30,
            },
            Test::ListHas(..) | Test::MapHas(..) => 10,
            Test::General(_) => 100,
            Test::Not(inner) => inner.cost(),
            Test::All(parts) | Test::Any(parts) => {
                parts.iter().fold(1, |sum, part| part.cost().saturating_add(sum))
            }
        }
    }

    /// The fast form of a test of one field against constants.
    fn leaf(expr: &Expr, table: &FieldTable) -> Option<Test> {
        match expr {
            Expr::Path(_) => {
                let field = plain_field(expr)?;
                match (field.kind, table.place(field.id)) {
                    (Kind::Bool, Place::Word { protocols, class }) => Some(Test::Word(protocols, class)),
                    (Kind::Bool, _) => Some(Test::Bool(field.id)),
                    _ => None,
                }
            }
            Expr::Compare { comparison, sides, is_caseless, as_written } => {
                let [left, right] = &**sides;
                let (field, comparison, value) = match (plain_field(left), plain_field(right)) {
                    (Some(field), None) => (field, *comparison, right.constant()?),
                    (None, Some(field)) => (field, comparison.mirrored(), left.constant()?),
                    _ => return None,
                };
                match (field.kind, value) {
                    (Kind::Int, Val::Int(value)) if !field.is_optional => Some(Test::Int(field.id, comparison, *value)),
                    (Kind::Time, Val::Time(time)) if !field.is_optional => Some(Test::Time(field.id, comparison, time.ns())),
                    (Kind::Text, Val::Text(text)) if !field.is_optional && comparison.is_equality() => {
                        let mut texts = vec![Box::from(text.as_bytes())];
                        if let Some(Val::Text(raw)) = as_written.as_ref().map(|written| &written.text) {
                            texts.push(Box::from(raw.as_bytes()));
                        }
                        let check = TextCheck::Equals {
                            texts,
                            ips: text.parse().into_iter().collect(),
                            is_caseless: *is_caseless,
                            is_negated: comparison == Comparison::NotEqual,
                        };
                        Some(Test::Text(field.id, Box::new(check)))
                    }
                    _ => None,
                }
            }
            Expr::TextTest { test, operand, argument } => {
                let field = plain_field(operand).filter(|field| field.kind == Kind::Text && !field.is_optional)?;
                let Val::Text(text) = argument.constant()? else { return None };
                let bytes = text.as_bytes();
                let check = match test {
                    TextTest::Contains => TextCheck::Contains(Finder::new(bytes).into_owned()),
                    TextTest::StartsWith => TextCheck::StartsWith(bytes.into()),
                    TextTest::EndsWith => TextCheck::EndsWith(bytes.into()),
                };
                Some(Test::Text(field.id, Box::new(check)))
            }
            Expr::Matches { operand, pattern } => {
                let field = plain_field(operand).filter(|field| field.kind == Kind::Text && !field.is_optional)?;
                Some(Test::Text(field.id, Box::new(TextCheck::Finds(pattern.search.clone(), false))))
            }
            Expr::Regex { is_negated, operand, pattern } => {
                let field = plain_field(operand).filter(|field| field.kind == Kind::Text && !field.is_optional)?;
                Some(Test::Text(field.id, Box::new(TextCheck::Finds(pattern.search.clone(), *is_negated))))
            }
            Expr::In { sides, is_caseless } => Self::membership(sides, *is_caseless),
            _ => None,
        }
    }

    fn membership(sides: &[Expr; 2], is_caseless: bool) -> Option<Test> {
        let [item, container] = sides;
        if let (Some(Val::Text(text)), Some(field)) = (item.constant(), plain_field(container)) {
            let bytes = text.as_bytes().into();
            return match field.kind {
                Kind::TextList => Some(Test::ListHas(field.id, bytes, is_caseless)),
                Kind::Map => Some(Test::MapHas(field.id, bytes, field.is_caseless)),
                _ => None,
            };
        }
        let field = plain_field(item).filter(|field| !field.is_optional)?;
        let Some(Val::List(items)) = container.constant() else { return None };
        match field.kind {
            Kind::Int => {
                let numbers = items.iter().map(|item| if let Val::Int(number) = item { Some(*number) } else { None });
                Some(Test::IntIn(field.id, numbers.collect::<Option<_>>()?))
            }
            Kind::Text => {
                let text = |item: &Val<'_>| if let Val::Text(text) = item { Some(Box::from(text.as_bytes())) } else { None };
                let check = TextCheck::Equals {
                    texts: items.iter().map(text).collect::<Option<_>>()?,
                    ips: items.iter().filter_map(|item| if let Val::Text(text) = item { text.parse().ok() } else { None }).collect(),
                    is_caseless,
                    is_negated: false,
                };
                Some(Test::Text(field.id, Box::new(check)))
            }
            _ => None,
        }
    }

    /// Whether it holds for an entry.
    pub fn holds<'e>(&'e self, context: &Context<'e>, table: &'e FieldTable, entry: &'e Entry) -> bool {
        match self {
            Test::Const(value) => *value,
            Test::Not(inner) => !inner.holds(context, table, entry),
            Test::All(parts) => parts.iter().all(|part| part.holds(context, table, entry)),
            Test::Any(parts) => parts.iter().any(|part| part.holds(context, table, entry)),
            Test::Word(protocols, class) => {
                protocols.contains(entry.protocol)
                    && match class {
                        WordClass::Any => true,
                        WordClass::Connection => entry.class == EntryClass::Connection,
                        WordClass::Flow => entry.class == EntryClass::Flow,
                    }
            }
            Test::Bool(id) => entry.value(table, *id) == Value::Bool(true),
            Test::Int(id, comparison, number) => comparison.holds(int(entry.value(table, *id)).cmp(number)),
            Test::IntIn(id, numbers) => numbers.contains(&int(entry.value(table, *id))),
            Test::Time(id, comparison, ns) => {
                let time = if let Value::Time(time) = entry.value(table, *id) { time.ns() } else { 0 };
                comparison.holds(time.cmp(ns))
            }
            Test::Text(id, check) => check.holds(entry.value(table, *id)),
            Test::ListHas(id, text, is_caseless) => match entry.value(table, *id) {
                Value::List(list) if *is_caseless => list.iter_bytes().any(|item| item.eq_ignore_ascii_case(text)),
                Value::List(list) => list.iter_bytes().any(|item| item == &**text),
                _ => false,
            },
            Test::MapHas(id, name, is_caseless) => match entry.value(table, *id) {
                Value::Map(map) => map.find(name, *is_caseless).is_some(),
                _ => false,
            },
            Test::General(expr) => expr.holds(context),
        }
    }
}

impl TextCheck {
    fn holds(&self, value: Value<'_>) -> bool {
        let mut buffer = [0; MAX_IP_TEXT_BYTES];
        let bytes = match (value, self) {
            (Value::Text(text), _) => text.as_bytes(),
            (Value::Bytes(bytes), _) => bytes,
            (Value::Ip(ip), TextCheck::Equals { ips, is_negated, .. }) => return ips.contains(&ip) != *is_negated,
            (Value::Ip(ip), _) => ip_text(ip, &mut buffer),
            _ => &[],
        };
        match self {
            TextCheck::Equals { texts, is_caseless, is_negated, .. } => {
                let is_equal = if *is_caseless {
                    texts.iter().any(|text| bytes.eq_ignore_ascii_case(text))
                } else {
                    texts.iter().any(|text| bytes == &**text)
                };
                is_equal != *is_negated
            }
            TextCheck::Contains(finder) => finder.find(bytes).is_some(),
            TextCheck::StartsWith(text) => bytes.starts_with(text),
            TextCheck::EndsWith(text) => bytes.ends_with(text),
            TextCheck::Finds(pattern, is_negated) => pattern.is_match(bytes) != *is_negated,
        }
    }
}

/// A field without selectors.
fn plain_field(expr: &Expr) -> Option<Field> {
    match expr {
        Expr::Path(Path { root: Root::Field(field), steps, .. }) if steps.is_empty() => Some(*field),
        _ => None,
    }
}

fn int(value: Value<'_>) -> i64 {
    if let Value::Int(value) = value { value } else { 0 }
}

/// The text of an address, without an allocation.
fn ip_text(ip: IpAddr, buffer: &mut [u8; MAX_IP_TEXT_BYTES]) -> &[u8] {
    let mut left: &mut [u8] = buffer;
    let _ = std::io::Write::write_fmt(&mut left, format_args!("{ip}"));
    let length = MAX_IP_TEXT_BYTES - left.len();
    buffer.get(..length).unwrap_or_default()
}

/// The longest text of an address (RFC 4291 section 2.2, with an embedded IPv4 address).
const MAX_IP_TEXT_BYTES: usize = 48;
