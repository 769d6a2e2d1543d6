//! Tests compiled to what they read: the fast path of a filter, without values in between.

use std::net::IpAddr;

use lanternfish_model::{Entry, EntryClass, FieldId, FieldTable, Kind, Place, ProtocolSet, Value, WordClass};
use memchr::memmem::Finder;
use regex::bytes::Regex;

use crate::ast::Comparison;
use crate::context::Context;
use crate::expr::{Expr, Field, Function, Path, Root, TextTest};
use crate::path::Step;
use crate::value::{Val, is_same, order_bytes};

/// A compiled test.
#[derive(Debug)]
pub(crate) enum Test {
    Const(bool),
    Not(Box<Test>),
    All(Box<[Test]>),
    Any(Box<[Test]>),
    Word(ProtocolSet, WordClass),
    Bool(FieldId),
    /// Whether the entry has a value of its own.
    Has(FieldId),
    Int(FieldId, Comparison, i64),
    IntIn(FieldId, Box<[i64]>),
    Time(FieldId, Comparison, i64),
    Text(FieldId, Box<TextCheck>),
    /// Two fields of text compared with each other.
    TextPair(FieldId, FieldId, Comparison),
    /// A text of a map; without a default it can be missing.
    MapText(FieldId, Box<MapText>),
    ListHas(FieldId, Box<[u8]>, bool),
    MapHas(FieldId, Box<[u8]>, bool),
    /// Anything else.
    General(Box<Expr>),
}

/// A test of the text at a name of a map.
#[derive(Debug)]
pub(crate) struct MapText {
    pub name: Box<[u8]>,
    pub ignores_case: bool,
    pub default: Option<Box<[u8]>>,
    pub check: TextCheck,
}

/// A test of a text.
#[derive(Debug)]
pub(crate) enum TextCheck {
    Equals { texts: Vec<Box<[u8]>>, ips: Vec<IpAddr>, is_caseless: bool, is_negated: bool },
    Contains(Box<Finder<'static>>),
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
            Test::Bool(_) | Test::Has(_) => 3,
            Test::Int(..) | Test::IntIn(..) | Test::Time(..) => 4,
            Test::Text(_, check) => match **check {
                TextCheck::Equals { .. } | TextCheck::StartsWith(_) | TextCheck::EndsWith(_) => 6,
                TextCheck::Contains(_) => 8,
                TextCheck::Finds(..) => 30,
            },
            Test::TextPair(..) => 9,
            Test::ListHas(..) | Test::MapHas(..) => 10,
            Test::MapText(..) => 15,
            Test::General(_) => 100,
            Test::Not(inner) => inner.cost(),
            Test::All(parts) | Test::Any(parts) => parts.iter().fold(1, |sum, part| part.cost().saturating_add(sum)),
        }
    }

    /// The fast form of a test of fields against constants; a field that can be missing is asked for first.
    pub fn leaf(expr: &Expr, table: &FieldTable) -> Option<Test> {
        let test = Self::of_present(expr, table)?;
        let operands: &[&Expr] = match expr {
            Expr::Compare { sides, .. } | Expr::In { sides, .. } => {
                let [left, right] = &**sides;
                &[left, right]
            }
            Expr::TextTest { operand, .. } | Expr::Matches { operand, .. } | Expr::Regex { operand, .. } => &[operand],
            _ => &[],
        };
        let optional = operands.iter().filter_map(|operand| plain_field(operand)).filter(|field| field.is_optional);
        let mut tests: Vec<Test> = optional.map(|field| Test::Has(field.id)).collect();
        if tests.is_empty() {
            return Some(test);
        }
        tests.push(test);
        Some(Test::All(tests.into_boxed_slice()))
    }

    fn of_present(expr: &Expr, table: &FieldTable) -> Option<Test> {
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
                let (operand, comparison, value) = match (left.constant(), right.constant()) {
                    (None, Some(value)) => (left, *comparison, value),
                    (Some(value), None) => (right, comparison.mirrored(), value),
                    _ => {
                        let (a, b) = (text_field(left)?, text_field(right)?);
                        return (!is_caseless).then_some(Test::TextPair(a.id, b.id, *comparison));
                    }
                };
                if let Val::Text(text) = value
                    && comparison.is_equality()
                {
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
                    return Self::of_text(operand, check);
                }
                let field = plain_field(operand)?;
                match (field.kind, value) {
                    (Kind::Int, Val::Int(value)) => Some(Test::Int(field.id, comparison, *value)),
                    (Kind::Time, Val::Time(time)) => Some(Test::Time(field.id, comparison, time.ns())),
                    _ => None,
                }
            }
            Expr::TextTest { test, operand, argument } => {
                let Val::Text(text) = argument.constant()? else { return None };
                let bytes = text.as_bytes();
                let check = match test {
                    TextTest::Contains => TextCheck::Contains(Box::new(Finder::new(bytes).into_owned())),
                    TextTest::StartsWith => TextCheck::StartsWith(bytes.into()),
                    TextTest::EndsWith => TextCheck::EndsWith(bytes.into()),
                };
                Self::of_text(operand, check)
            }
            Expr::Matches { operand, pattern } => {
                Self::of_text(operand, TextCheck::Finds(pattern.search.clone(), false))
            }
            Expr::Regex { is_negated, operand, pattern } => {
                Self::of_text(operand, TextCheck::Finds(pattern.search.clone(), *is_negated))
            }
            Expr::In { sides, is_caseless } => Self::membership(sides, *is_caseless),
            _ => None,
        }
    }

    /// A check of a field of text, or of the text at a name of a map.
    fn of_text(operand: &Expr, check: TextCheck) -> Option<Test> {
        if let Some(field) = text_field(operand) {
            return Some(Test::Text(field.id, Box::new(check)));
        }
        let (map, name, default) = match operand {
            Expr::Call(Function::MapGet, arguments) => {
                let [map, name, default] = arguments.as_slice() else { return None };
                let (Val::Text(name), Val::Text(default)) = (name.constant()?, default.constant()?) else {
                    return None;
                };
                (plain_field(map)?, name.as_bytes(), Some(Box::from(default.as_bytes())))
            }
            Expr::Path(Path { root: Root::Field(map), steps, computed, .. }) if computed.is_empty() => {
                match steps.as_slice() {
                    [Step::Key { name, .. }] => (*map, name.as_bytes(), None),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let text = MapText { name: name.into(), ignores_case: map.is_caseless, default, check };
        (map.kind == Kind::Map).then(|| Test::MapText(map.id, Box::new(text)))
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
        let field = plain_field(item)?;
        let Some(Val::List(items)) = container.constant() else { return None };
        match field.kind {
            Kind::Int => {
                let numbers = items.iter().map(|item| if let Val::Int(number) = item { Some(*number) } else { None });
                Some(Test::IntIn(field.id, numbers.collect::<Option<_>>()?))
            }
            Kind::Text => {
                let text =
                    |item: &Val<'_>| if let Val::Text(text) = item { Some(Box::from(text.as_bytes())) } else { None };
                let check = TextCheck::Equals {
                    texts: items.iter().map(text).collect::<Option<_>>()?,
                    ips: items
                        .iter()
                        .filter_map(|item| if let Val::Text(text) = item { text.parse().ok() } else { None })
                        .collect(),
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
            Test::Has(id) => entry.value(table, *id) != Value::Absent,
            Test::Int(id, comparison, number) => comparison.holds(int(entry.value(table, *id)).cmp(number)),
            Test::IntIn(id, numbers) => numbers.contains(&int(entry.value(table, *id))),
            Test::Time(id, comparison, ns) => {
                let time = if let Value::Time(time) = entry.value(table, *id) { time.ns() } else { 0 };
                comparison.holds(time.cmp(ns))
            }
            Test::Text(id, check) => check.holds(entry.value(table, *id)),
            Test::TextPair(a, b, comparison) => {
                let (mut first, mut second) = ([0; MAX_IP_TEXT_BYTES], [0; MAX_IP_TEXT_BYTES]);
                let a = text_of(entry.value(table, *a), &mut first);
                comparison.holds(order_bytes(a, text_of(entry.value(table, *b), &mut second)))
            }
            Test::MapText(id, text) => text.holds(entry.value(table, *id)),
            Test::ListHas(id, text, is_caseless) => match entry.value(table, *id) {
                Value::List(list) if *is_caseless => list.iter_bytes().any(|item| item.eq_ignore_ascii_case(text)),
                Value::List(list) => list.iter_bytes().any(|item| is_same(item, text)),
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

impl MapText {
    fn holds(&self, map: Value<'_>) -> bool {
        let Value::Map(map) = map else {
            return self.default.as_ref().is_some_and(|default| self.check.finds(default) != self.check.is_negated());
        };
        if let Some(default) = &self.default {
            let text = map.find(&self.name, self.ignores_case).unwrap_or(default);
            return self.check.finds(text) != self.check.is_negated();
        }
        let mut is_there = false;
        for (name, value) in map.iter_bytes() {
            let is_it =
                if self.ignores_case { name.eq_ignore_ascii_case(&self.name) } else { is_same(name, &self.name) };
            if is_it && self.check.finds(value) {
                return !self.check.is_negated();
            }
            is_there |= is_it;
        }
        is_there && self.check.is_negated()
    }
}

impl TextCheck {
    fn holds(&self, value: Value<'_>) -> bool {
        let mut buffer = [0; MAX_IP_TEXT_BYTES];
        let is_found = match (value, self) {
            (Value::Ip(ip), TextCheck::Equals { ips, .. }) => ips.contains(&ip),
            (value, _) => self.finds(text_of(value, &mut buffer)),
        };
        is_found != self.is_negated()
    }

    fn is_negated(&self) -> bool {
        matches!(self, TextCheck::Equals { is_negated: true, .. } | TextCheck::Finds(_, true))
    }

    fn finds(&self, bytes: &[u8]) -> bool {
        match self {
            TextCheck::Equals { texts, is_caseless: true, .. } => {
                texts.iter().any(|text| bytes.eq_ignore_ascii_case(text))
            }
            TextCheck::Equals { texts, .. } => texts.iter().any(|text| is_same(bytes, text)),
            TextCheck::Contains(finder) => finder.find(bytes).is_some(),
            TextCheck::StartsWith(text) => text.is_empty() || bytes.starts_with(text),
            TextCheck::EndsWith(text) => text.is_empty() || bytes.ends_with(text),
            TextCheck::Finds(pattern, _) => pattern.is_match(bytes),
        }
    }
}

pub(crate) fn text_of<'v>(value: Value<'v>, buffer: &'v mut [u8; MAX_IP_TEXT_BYTES]) -> &'v [u8] {
    match value {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        Value::Ip(ip) => ip_text(ip, buffer),
        _ => &[],
    }
}

/// A field of text.
fn text_field(expr: &Expr) -> Option<Field> {
    plain_field(expr).filter(|field| field.kind == Kind::Text)
}

/// A field without selectors.
pub(crate) fn plain_field(expr: &Expr) -> Option<Field> {
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
    let length = match ip {
        IpAddr::V4(ip) => {
            let mut length = 0;
            let mut put = |byte: u8| {
                if let Some(slot) = buffer.get_mut(length) {
                    *slot = byte;
                    length += 1;
                }
            };
            for (position, octet) in ip.octets().into_iter().enumerate() {
                if position > 0 {
                    put(b'.');
                }
                if octet >= 100 {
                    put(b'0' + octet / 100);
                }
                if octet >= 10 {
                    put(b'0' + octet / 10 % 10);
                }
                put(b'0' + octet % 10);
            }
            length
        }
        IpAddr::V6(ip) => {
            let mut left: &mut [u8] = buffer;
            let _ = std::io::Write::write_fmt(&mut left, format_args!("{ip}"));
            MAX_IP_TEXT_BYTES - left.len()
        }
    };
    buffer.get(..length).unwrap_or_default()
}

/// The longest text of an address (RFC 4291 section 2.2, with an embedded IPv4 address).
pub(crate) const MAX_IP_TEXT_BYTES: usize = 48;
