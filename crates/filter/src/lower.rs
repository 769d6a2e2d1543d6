//! From the syntax tree to the checked expression: names to fields, types, constants folded.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use lanternfish_model::{FieldId, FieldTable, Timestamp};
use regex::bytes::{Regex, RegexBuilder};

use crate::ast::{Ast, Binary, Comparison, Node};
use crate::context::{Context, Source};
use crate::error::{FilterError, Warning, column};
use crate::expr::{AsWritten, Expr, Pattern};
use crate::limits::{MAX_REGEX_BYTES, MAX_REGEXES};
use crate::names::is_caseless_map;
use crate::redaction::Redaction;
use crate::types::{Base, Type, are_comparable};
use crate::value::Val;

/// What names mean.
#[derive(Clone, Copy)]
pub(crate) enum Names<'t> {
    /// Fields of the table; others are errors.
    Table(&'t FieldTable),
    /// Paths in a record; what is not there is missing.
    Record,
}

/// A checked expression and its type.
pub(crate) type Typed = (Expr, Type);

/// The state of the checker.
pub(crate) struct Lower<'a> {
    pub query: &'a str,
    pub names: Names<'a>,
    pub now: Timestamp,
    pub variables: Vec<(String, Type)>,
    pub fields: BTreeSet<FieldId>,
    pub warnings: Vec<Warning>,
    pub limit: Option<u64>,
    pub redactions: Vec<Redaction>,
    pub regexes: usize,
}

impl<'a> Lower<'a> {
    pub fn new(query: &'a str, names: Names<'a>, now: Timestamp) -> Self {
        Lower {
            query,
            names,
            now,
            variables: Vec::new(),
            fields: BTreeSet::new(),
            warnings: Vec::new(),
            limit: None,
            redactions: Vec::new(),
            regexes: 0,
        }
    }

    /// Checks a whole query.
    pub fn query(&mut self, ast: &Ast) -> Result<Expr, FilterError> {
        self.truth(ast, true)
    }

    pub fn error(&self, at: usize, message: impl Into<String>) -> FilterError {
        FilterError::new(self.query, at, message)
    }

    /// In a record what does not fit is missing; against the table it is an error.
    pub fn refuse(&self, error: FilterError) -> Result<Typed, FilterError> {
        match self.names {
            Names::Table(_) => Err(error),
            Names::Record => Ok((Expr::Missing, Type::any())),
        }
    }

    pub fn expr(&mut self, ast: &Ast) -> Result<Typed, FilterError> {
        Ok(match &ast.node {
            Node::Nil => (Expr::Const(Val::Nil), Type::of(Base::Nil)),
            Node::Bool(value) => (Expr::Const(Val::Bool(*value)), Type::of(Base::Bool)),
            Node::Int(value) => (Expr::Const(Val::Int(*value)), Type::of(Base::Int)),
            Node::Double(value) => (Expr::Const(Val::Double(*value)), Type::of(Base::Double)),
            Node::Text { value, .. } | Node::RawText(value) => (text(value), Type::of(Base::Text)),
            Node::Bytes(value) => (Expr::Const(Val::Bytes(Cow::Owned(value.clone()))), Type::of(Base::Bytes)),
            Node::Name(_) | Node::Root | Node::Select(..) | Node::Wild(_) | Node::Descend(..) | Node::Index(..) => {
                return self.path(ast);
            }
            Node::Call { target, name, at, arguments } => {
                return self.call(ast, target.as_deref(), name, *at, arguments);
            }
            Node::Not(operand) => {
                let operand = self.truth(operand, true)?;
                (fold(Expr::Not(Box::new(operand))), Type::of(Base::Bool))
            }
            Node::Negate(operand) => {
                let (operand, kind) = self.expr(operand)?;
                if !matches!(kind.base, Base::Any | Base::Int | Base::Double | Base::Duration) {
                    let message = format!("- takes a number, {} is {}", ast.text(self.query), kind.name());
                    return self.refuse(self.error(ast.start, message));
                }
                (fold(Expr::Negate(Box::new(operand))), kind)
            }
            Node::Binary(Binary::Compare(comparison), left, right) => {
                return self.compare(*comparison, left, right, ast);
            }
            Node::Binary(Binary::Arithmetic(operation), left, right) => {
                let (a, a_type) = self.expr(left)?;
                let (b, b_type) = self.expr(right)?;
                let Some(kind) = arithmetic_type(*operation, &a_type, &b_type) else {
                    let message = format!(
                        "{} {} {}: {} and {} do not go together",
                        left.text(self.query),
                        operation.sign(),
                        right.text(self.query),
                        a_type.name(),
                        b_type.name()
                    );
                    return self.refuse(self.error(ast.start, message).expected("two values of one type"));
                };
                (fold(Expr::Arithmetic(*operation, Box::new([a, b]))), kind)
            }
            Node::In(left, right) => return self.membership(left, right, ast),
            Node::Logic { is_and, is_words, parts } => {
                let mut lowered = Vec::with_capacity(parts.len());
                for part in parts {
                    lowered.push(self.truth(part, *is_words)?);
                }
                (logic(*is_and, lowered), Type::of(Base::Bool))
            }
            Node::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                let condition = self.truth(condition, false)?;
                let (yes, yes_type) = self.expr(yes)?;
                let (no, no_type) = self.expr(no)?;
                let is_known = yes_type.base != Base::Any && no_type.base != Base::Any;
                if is_known && yes_type.base != no_type.base && matches!(self.names, Names::Table(_)) {
                    let message = format!("one branch of ? : is {}, the other {}", yes_type.name(), no_type.name());
                    return Err(self.error(ast.start, message).expected("two branches of one type"));
                }
                let mut kind = if yes_type.base == Base::Any { no_type } else { yes_type };
                if !is_known {
                    kind = Type::any();
                }
                (Expr::Choice(Box::new([condition, yes, no])), kind)
            }
            Node::List(items) => {
                let mut lowered = Vec::with_capacity(items.len());
                let mut item_type = None;
                for item in items {
                    let (item, kind) = self.expr(item)?;
                    item_type = Some(match item_type {
                        None => kind.base,
                        Some(known) if known == kind.base => known,
                        Some(_) => Base::Any,
                    });
                    lowered.push(item);
                }
                (fold(Expr::List(lowered)), Type::list(item_type.unwrap_or(Base::Any)))
            }
            Node::Dict(pairs) => {
                let mut lowered = Vec::with_capacity(pairs.len());
                for (key, value) in pairs {
                    lowered.push((self.expr(key)?.0, self.expr(value)?.0));
                }
                (fold(Expr::Dict(lowered)), Type::of(Base::Map))
            }
        })
    }

    /// An expression where a bool stands. Numbers count as true there in the older form, and so do values of v1 names.
    pub fn truth(&mut self, ast: &Ast, takes_numbers: bool) -> Result<Expr, FilterError> {
        let (expr, kind) = self.expr(ast)?;
        let is_fine = kind.is_loose
            || matches!(kind.base, Base::Bool | Base::Any)
            || takes_numbers && (kind.base.is_number() || kind.base == Base::Nil);
        if is_fine || matches!(self.names, Names::Record) {
            return Ok(expr);
        }
        let shown = ast.text(self.query);
        let error = self.error(ast.start, format!("{shown} is {}", kind.name())).expected("a bool");
        Err(match kind.base {
            Base::Text => error.hint(format!("compare it, for example {shown} != \"\"")),
            Base::Int | Base::Double => error.hint(format!("compare it, for example {shown} != 0")),
            Base::List | Base::Map => error.hint(format!("ask for its size, for example size({shown}) > 0")),
            _ => error,
        })
    }

    fn compare(&mut self, comparison: Comparison, left: &Ast, right: &Ast, ast: &Ast) -> Result<Typed, FilterError> {
        let is_pattern = |side: &Ast| matches!(side.node, Node::RawText(_));
        if comparison.is_equality() && is_pattern(left) != is_pattern(right) {
            let (operand, pattern) = if is_pattern(right) { (left, right) } else { (right, left) };
            return self.pattern_comparison(comparison, operand, pattern);
        }
        let (a, a_type) = self.expr(left)?;
        let (b, b_type) = self.expr(right)?;
        if !are_comparable(&a_type, &b_type, comparison.is_equality()) && matches!(self.names, Names::Table(_)) {
            return Err(self.mismatch(comparison, left, &a_type, right, &b_type, ast));
        }
        if comparison.is_equality() && matches!(self.names, Names::Table(_)) {
            self.warn_of_network(left, right);
            self.warn_of_network(right, left);
        }
        let is_caseless = a_type.is_caseless || b_type.is_caseless;
        let raw = |side: &Ast| match &side.node {
            Node::Text { raw: Some(raw), .. } => Some(Val::Text(Cow::Owned(raw.clone()))),
            _ => None,
        };
        let as_written = match (comparison.is_equality(), raw(left), raw(right)) {
            (true, None, Some(text)) => Some(AsWritten { is_left: false, text }),
            (true, Some(text), None) => Some(AsWritten { is_left: true, text }),
            _ => None,
        };
        let sides = Box::new([a, b]);
        Ok((fold(Expr::Compare { comparison, sides, is_caseless, as_written }), Type::of(Base::Bool)))
    }

    /// Warns where a name is compared with the text of a network, such as `10.0.0.0/8`, which no address equals.
    fn warn_of_network(&mut self, name: &Ast, network: &Ast) {
        let Node::Text { value, .. } = &network.node else { return };
        if matches!(name.node, Node::Text { .. }) {
            return;
        }
        let Some((address, bits)) = value.split_once('/') else { return };
        let (Ok(address), Ok(bits)) = (address.parse::<IpAddr>(), bits.parse::<usize>()) else { return };
        let IpAddr::V4(v4) = address else {
            return self
                .warn(network, format!("no address equals the network {value}: compare the start of the address"));
        };
        let kept = v4.octets().into_iter().take((bits / 8).clamp(1, 3)).map(|octet| format!("{octet}."));
        let start: String = kept.collect();
        let shown = name.text(self.query);
        self.warn(network, format!("no address equals the network {value}: write {shown}.startsWith(\"{start}\")"));
    }

    fn warn(&mut self, at: &Ast, message: String) {
        self.warnings.push(Warning { column: column(self.query, at.start), message });
    }

    fn mismatch(&self, comparison: Comparison, left: &Ast, a: &Type, right: &Ast, b: &Type, ast: &Ast) -> FilterError {
        let (x, y) = (left.text(self.query), right.text(self.query));
        let message = format!("{x} is {}, {y} is {}", a.name(), b.name());
        let is_literal =
            |side: &Ast| matches!(side.node, Node::Text { .. } | Node::Int(_) | Node::Double(_) | Node::Bool(_));
        let ((name, known), (literal, other)) = if is_literal(left) { ((y, b), (x, a)) } else { ((x, a), (y, b)) };
        let sign = if is_literal(left) { comparison.mirrored() } else { comparison }.sign();
        let error = self.error(ast.start, message).expected(format!("{} on both sides", known.name()));
        if !is_literal(left) && !is_literal(right) && other.base != Base::Nil {
            return error;
        }
        let unquoted = literal.trim_matches(['"', '\'']);
        match (known.base, other.base) {
            (Base::Int | Base::Double | Base::Bool, Base::Text) if !unquoted.is_empty() && unquoted.len() < 20 => {
                error.hint(format!("write {name} {sign} {unquoted}"))
            }
            (Base::Text, Base::Int | Base::Double) => error.hint(format!("write {name} {sign} \"{literal}\"")),
            (Base::Time, Base::Text) => error.hint(format!("write timestamp({literal})")),
            (Base::List, Base::Text) => error.hint(format!("write {literal} in {name}")),
            (_, Base::Nil) => error.hint("a field that an entry does not have takes the default of its type"),
            _ => error,
        }
    }

    fn pattern_comparison(
        &mut self,
        comparison: Comparison,
        operand: &Ast,
        pattern: &Ast,
    ) -> Result<Typed, FilterError> {
        let Node::RawText(written) = &pattern.node else { return self.refuse(self.error(pattern.start, "no pattern")) };
        let compiled = self.pattern(written, pattern.start)?;
        let (value, kind) = self.expr(operand)?;
        let is_fine = match kind.compared() {
            Base::Text | Base::Bytes | Base::Any => true,
            Base::List | Base::Map => false,
            _ => kind.is_loose,
        };
        if !is_fine && matches!(self.names, Names::Table(_)) {
            let shown = operand.text(self.query);
            let error = self.error(operand.start, format!("{shown} is {}", kind.name()));
            let error = error.expected("a string beside a regular expression");
            return Err(match (shown, kind.base) {
                ("status_code", _) => error.hint(format!("write response.status == r\"{written}\"")),
                (_, Base::List) => error.hint(format!("write {shown}.exists(x, x.matches(r\"{written}\"))")),
                _ => error,
            });
        }
        let is_negated = comparison == Comparison::NotEqual;
        Ok((fold(Expr::Regex { is_negated, operand: Box::new(value), pattern: compiled }), Type::of(Base::Bool)))
    }

    /// Compiles a pattern, within limits.
    pub fn pattern(&mut self, written: &str, at: usize) -> Result<Pattern, FilterError> {
        self.regexes += 1;
        if self.regexes > MAX_REGEXES {
            return Err(self.error(at, "too many regular expressions").expected(format!("at most {MAX_REGEXES}")));
        }
        let compile = |pattern: &str| -> Result<Regex, FilterError> {
            let built = RegexBuilder::new(pattern)
                .size_limit(MAX_REGEX_BYTES)
                .dfa_size_limit(MAX_REGEX_BYTES)
                .nest_limit(REGEX_NESTING)
                .build();
            built.map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => {
                    let error = self.error(at, "regular expression too large");
                    error.expected(format!("at most {MAX_REGEX_BYTES} bytes when compiled"))
                }
                other => {
                    let shown = other.to_string();
                    let last = shown.lines().last().unwrap_or_default();
                    let reason = last.trim().strip_prefix("error: ").unwrap_or(last.trim());
                    self.error(at, format!("invalid regular expression: {reason}"))
                }
            })
        };
        let search = compile(written)?;
        let whole = compile(&format!("^(?:{written})$")).unwrap_or_else(|_| search.clone());
        Ok(Pattern { search, whole })
    }

    fn membership(&mut self, left: &Ast, right: &Ast, ast: &Ast) -> Result<Typed, FilterError> {
        let (item, item_type) = self.expr(left)?;
        let (container, kind) = self.expr(right)?;
        let text = |side: &Ast| side.text(self.query).to_owned();
        if matches!(self.names, Names::Table(_)) {
            if !matches!(kind.base, Base::List | Base::Map | Base::Any) {
                let error = self
                    .error(ast.start, format!("{} is {}", text(right), kind.name()))
                    .expected("a list or map after in");
                return Err(match kind.base {
                    Base::Text => error.hint(format!("write {}.contains({})", text(right), text(left))),
                    _ => error,
                });
            }
            let sought = Type { is_many: true, ..kind };
            let is_fine = match kind.base {
                Base::List => are_comparable(&item_type, &sought, true),
                Base::Map => matches!(item_type.base, Base::Text | Base::Any) || matches!(right.node, Node::Dict(_)),
                _ => true,
            };
            if !is_fine {
                let message = format!("{} is {}, {} is {}", text(left), item_type.name(), text(right), kind.name());
                return Err(self.error(ast.start, message).expected("an item of the type of the list"));
            }
        }
        let is_caseless = item_type.is_caseless || kind.is_caseless || is_caseless_map(&container);
        Ok((fold(Expr::In { sides: Box::new([item, container]), is_caseless }), Type::of(Base::Bool)))
    }
}

/// A text constant.
pub(crate) fn text(value: &str) -> Expr {
    Expr::Const(Val::Text(Cow::Owned(value.to_owned())))
}

fn arithmetic_type(operation: crate::ast::Arithmetic, a: &Type, b: &Type) -> Option<Type> {
    use crate::ast::Arithmetic::{Add, Remainder, Subtract};
    if a.base == Base::Any || b.base == Base::Any {
        return Some(Type::any());
    }
    let base = match (operation, a.base, b.base) {
        (_, Base::Int, Base::Int) => Base::Int,
        (Remainder, Base::Double, _) | (Remainder, _, Base::Double) => return None,
        (_, Base::Double, Base::Double) => Base::Double,
        (Add, Base::Text, Base::Text) => Base::Text,
        (Add, Base::Bytes, Base::Bytes) => Base::Bytes,
        (Add, Base::List, Base::List) => {
            return Some(Type::list(if a.item == b.item { a.item } else { Base::Any }));
        }
        (Add, Base::Time, Base::Duration) | (Add, Base::Duration, Base::Time) => Base::Time,
        (Subtract, Base::Time, Base::Duration) => Base::Time,
        (Subtract, Base::Time, Base::Time) => Base::Duration,
        (Add | Subtract, Base::Duration, Base::Duration) => Base::Duration,
        _ => return None,
    };
    let kind = Type::of(base);
    Some(if a.is_loose || b.is_loose { kind.loose() } else { kind })
}

/// `and` or `or` of parts: parts that decide nothing are left out, and those that are never reached.
fn logic(is_and: bool, parts: Vec<Expr>) -> Expr {
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        match (part, is_and) {
            (Expr::All(inner), true) | (Expr::Any(inner), false) => kept.extend(inner),
            (Expr::Const(value), _) if value.is_true() == is_and => {}
            (part, _) => {
                let is_last = matches!(part, Expr::Const(_));
                kept.push(part);
                if is_last {
                    break;
                }
            }
        }
    }
    match kept.first() {
        None => Expr::Const(Val::Bool(is_and)),
        Some(Expr::Const(_)) => Expr::Const(Val::Bool(!is_and)),
        Some(_) if is_and => Expr::All(kept),
        Some(_) => Expr::Any(kept),
    }
}

/// Evaluates an expression of constants now.
pub(crate) fn fold(expr: Expr) -> Expr {
    let is_constant = match &expr {
        Expr::Not(operand) | Expr::Negate(operand) | Expr::Matches { operand, .. } | Expr::Regex { operand, .. } => {
            is_known(operand)
        }
        Expr::Arithmetic(_, sides) | Expr::Compare { sides, .. } | Expr::In { sides, .. } => sides.iter().all(is_known),
        Expr::TextTest { operand, argument, .. } => is_known(operand) && is_known(argument),
        Expr::Call(_, arguments) | Expr::List(arguments) => arguments.iter().all(is_known),
        Expr::Dict(pairs) => pairs.iter().all(|(key, value)| is_known(key) && is_known(value)),
        _ => false,
    };
    if !is_constant {
        return expr;
    }
    let value = expr.value(&Context::new(Source::Nothing, &[])).ok().and_then(Val::owned);
    value.map_or(Expr::Missing, Expr::Const)
}

fn is_known(expr: &Expr) -> bool {
    matches!(expr, Expr::Const(_) | Expr::Missing)
}

/// How deep a regular expression may nest.
const REGEX_NESTING: u32 = 64;
