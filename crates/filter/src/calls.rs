//! Helpers and macros: their arguments are checked here.

use std::borrow::Cow;

use lanternfish_model::Timestamp;

use crate::ast::{Ast, Node};
use crate::clock::{self, Civil};
use crate::decode::Format;
use crate::error::{FilterError, nearest};
use crate::expr::{Accessor, Expr, Function, MacroKind, TextTest};
use crate::limits::{MAX_MACRO_NESTING, MAX_REDACTIONS};
use crate::lower::{Lower, Names, Typed, fold};
use crate::names::{constant_text, is_caseless_map};
use crate::redaction::Redaction;
use crate::types::{Base, Type};
use crate::value::Val;

impl Lower<'_> {
    /// A call, `name(…)` or `target.name(…)`.
    pub fn call(
        &mut self,
        ast: &Ast,
        target: Option<&Ast>,
        name: &str,
        at: usize,
        arguments: &[Ast],
    ) -> Result<Typed, FilterError> {
        if let Some(target) = target {
            if Format::of(name).is_some() && arguments.is_empty() {
                return self.path(ast);
            }
            if let Some(kind) = macro_of(name)
                && (1..=3).contains(&arguments.len())
                && matches!(arguments.first().map(|first| &first.node), Some(Node::Name(_)))
            {
                return self.comprehension(kind, target, at, arguments);
            }
        }
        let all: Vec<&Ast> = target.into_iter().chain(arguments).collect();
        match (name, target.is_some()) {
            ("contains", true) => self.text_test(TextTest::Contains, name, at, &all),
            ("startsWith", true) => self.text_test(TextTest::StartsWith, name, at, &all),
            ("endsWith", true) => self.text_test(TextTest::EndsWith, name, at, &all),
            ("matches", _) => self.matches(at, &all),
            ("has", false) => self.has(at, &all),
            ("now", false) => match self.count(name, at, &all, 0)? {
                Some(_) => self.refuse(self.error(at, "wrong number of arguments")),
                None => Ok((Expr::Const(Val::Time(self.now)), Type::of(Base::Time))),
            },
            ("datetime", false) => self.datetime(at, &all),
            ("seconds" | "minutes" | "hours" | "days" | "weeks" | "months" | "years", false) => {
                self.offset(name, at, &all)
            }
            ("limit", false) => self.limit(at, &all),
            ("redact", false) => self.redact(at, &all),
            ("size", _) => self.simple(Function::Size, name, at, &all, 1),
            ("map_get", false) => self.map_get(at, &all),
            ("int" | "uint", false) => self.simple(Function::ToInt, name, at, &all, 1),
            ("double", false) => self.simple(Function::ToDouble, name, at, &all, 1),
            ("string", false) => self.simple(Function::ToText, name, at, &all, 1),
            ("bool", false) => self.simple(Function::ToBool, name, at, &all, 1),
            ("bytes", false) => self.simple(Function::ToBytes, name, at, &all, 1),
            ("timestamp", false) => self.simple(Function::ToTime, name, at, &all, 1),
            ("duration", false) => self.simple(Function::ToDuration, name, at, &all, 1),
            ("dyn", false) => self.simple(Function::Same, name, at, &all, 1),
            (_, true) => match Accessor::of(name) {
                Some(accessor) => self.accessor(accessor, name, at, &all),
                None if macro_of(name).is_some() => {
                    let error = self.error(at, format!("{name} takes a name and an expression"));
                    self.refuse(error.expected(format!("for example dns_answers.{name}(x, x == \"10.1.2.3\")")))
                }
                None => self.unknown_helper(name, at, METHODS),
            },
            (_, false) => self.unknown_helper(name, at, FUNCTIONS),
        }
    }

    /// `t.getHours()`, or with a zone `t.getHours("+02:00")`.
    fn accessor(&mut self, accessor: Accessor, name: &str, at: usize, all: &[&Ast]) -> Result<Typed, FilterError> {
        let [time, zone] = all else { return self.simple(Function::Accessor(accessor, 0), name, at, all, 1) };
        let (expr, kind) = self.expr(zone)?;
        let Some(written) = constant_text(&expr) else {
            return self.wrong_type(name, "a zone in quotes", zone, &kind);
        };
        match clock::zone(written) {
            Some(offset) => self.simple(Function::Accessor(accessor, offset), name, at, &[time], 1),
            None => {
                let error = self.error(zone.start, format!("unknown zone {written:?}"));
                self.refuse(error.expected("\"UTC\" or an offset such as \"+02:00\""))
            }
        }
    }

    fn unknown_helper(&self, name: &str, at: usize, known: &[&str]) -> Result<Typed, FilterError> {
        let error = self.error(at, format!("unknown helper {name}")).expected("the name of a helper");
        self.refuse(match nearest(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None if FUNCTIONS.contains(&name) => error.hint(format!("write {name}(…) without a name before it")),
            None if METHODS.contains(&name) => error.hint(format!("write it after a name, for example url.{name}(…)")),
            None => error,
        })
    }

    /// Checks the number of arguments (the target counts); in a record `Some(())` says that it is wrong.
    fn count(&self, name: &str, at: usize, all: &[&Ast], expected: usize) -> Result<Option<()>, FilterError> {
        if all.len() == expected {
            return Ok(None);
        }
        let of_target = usize::from(METHODS.contains(&name) && name != "size");
        let (given, needed) = (all.len().saturating_sub(of_target), expected.saturating_sub(of_target));
        let error = self.error(at, format!("{name} has {given} argument{}", if given == 1 { "" } else { "s" }));
        let error = error.expected(format!("{needed} argument{}", if needed == 1 { "" } else { "s" }));
        self.refuse(error).map(|_| Some(()))
    }

    fn wrong_type(&self, name: &str, takes: &str, argument: &Ast, kind: &Type) -> Result<Typed, FilterError> {
        let message = format!("{name} takes {takes}, {} is {}", argument.text(self.query), kind.name());
        let error = self.error(argument.start, message);
        self.refuse(match kind.base {
            Base::List if name == "contains" => error.hint(format!("write \"…\" in {}", argument.text(self.query))),
            _ => error,
        })
    }

    /// An argument that must be a text, or something that loosely reads as one.
    fn text_argument(&mut self, name: &str, ast: &Ast) -> Result<Result<Expr, Typed>, FilterError> {
        let (expr, kind) = self.expr(ast)?;
        let is_text = match kind.compared() {
            Base::Text | Base::Bytes | Base::Any => true,
            Base::Bool | Base::Int | Base::Double => kind.is_loose,
            _ => false,
        };
        if is_text { Ok(Ok(expr)) } else { self.wrong_type(name, "a string", ast, &kind).map(Err) }
    }

    fn text_test(&mut self, test: TextTest, name: &str, at: usize, all: &[&Ast]) -> Result<Typed, FilterError> {
        let [target, argument] = all else {
            self.count(name, at, all, 2)?;
            return Ok((Expr::Missing, Type::of(Base::Bool)));
        };
        let operand = match self.text_argument(name, target)? {
            Ok(operand) => operand,
            Err(missing) => return Ok(missing),
        };
        let argument = match self.text_argument(name, argument)? {
            Ok(argument) => argument,
            Err(missing) => return Ok(missing),
        };
        let test = Expr::TextTest { test, operand: Box::new(operand), argument: Box::new(argument) };
        Ok((fold(test), Type::of(Base::Bool)))
    }

    fn matches(&mut self, at: usize, all: &[&Ast]) -> Result<Typed, FilterError> {
        let [target, pattern] = all else {
            self.count("matches", at, all, 2)?;
            return Ok((Expr::Missing, Type::of(Base::Bool)));
        };
        let operand = match self.text_argument("matches", target)? {
            Ok(operand) => operand,
            Err(missing) => return Ok(missing),
        };
        let (written, kind) = self.expr(pattern)?;
        let Some(written) = constant_text(&written) else {
            if kind.base != Base::Text {
                return self.wrong_type("matches", "a string", pattern, &kind);
            }
            let error = self.error(pattern.start, format!("{} is not a fixed text", pattern.text(self.query)));
            return self.refuse(error.expected("a regular expression in quotes"));
        };
        let pattern = self.pattern(written, pattern.start)?;
        Ok((fold(Expr::Matches { operand: Box::new(operand), pattern }), Type::of(Base::Bool)))
    }

    fn has(&mut self, at: usize, all: &[&Ast]) -> Result<Typed, FilterError> {
        let [argument] = all else {
            self.count("has", at, all, 1)?;
            return Ok((Expr::Missing, Type::of(Base::Bool)));
        };
        let is_path = matches!(
            argument.node,
            Node::Name(_)
                | Node::Select(..)
                | Node::Index(..)
                | Node::Wild(_)
                | Node::Descend(..)
                | Node::Call { target: Some(_), .. }
        );
        if !is_path {
            let error = self.error(argument.start, format!("{} is no name", argument.text(self.query)));
            return self.refuse(error.expected("a name or selector in has()"));
        }
        let (expr, _) = self.expr(argument)?;
        Ok((Expr::Has(Box::new(expr)), Type::of(Base::Bool)))
    }

    fn datetime(&mut self, at: usize, all: &[&Ast]) -> Result<Typed, FilterError> {
        let [argument] = all else {
            self.count("datetime", at, all, 1)?;
            return Ok((Expr::Missing, Type::of(Base::Time)));
        };
        let (expr, kind) = self.expr(argument)?;
        let Some(written) = constant_text(&expr) else {
            return self.wrong_type("datetime", "a date in quotes", argument, &kind);
        };
        match clock::datetime(written).or_else(|| clock::rfc3339(written)) {
            Some(time) => Ok((Expr::Const(Val::Time(time)), Type::of(Base::Time))),
            None => {
                let error = self.error(argument.start, format!("invalid date {written:?}"));
                self.refuse(error.expected("month/day/year in UTC, such as \"1/2/2006, 3:04:05.000 PM\""))
            }
        }
    }

    /// `seconds(n)` … `years(n)`: n from now.
    fn offset(&mut self, name: &str, at: usize, all: &[&Ast]) -> Result<Typed, FilterError> {
        let [argument] = all else {
            self.count(name, at, all, 1)?;
            return Ok((Expr::Missing, Type::of(Base::Time)));
        };
        let (expr, kind) = self.expr(argument)?;
        let number = match expr.constant() {
            Some(Val::Int(number)) => *number as f64,
            Some(Val::Double(number)) => *number,
            _ => return self.wrong_type(name, "a fixed number", argument, &kind),
        };
        let seconds = |each: f64| -> Timestamp { self.now + (number * each * 1e9) as i64 };
        let months = |each: f64| Civil::of(self.now).add_months((number * each) as i64).time();
        let time = match name {
            "seconds" => seconds(1.0),
            "minutes" => seconds(60.0),
            "hours" => seconds(3600.0),
            "days" => seconds(86_400.0),
            "weeks" => seconds(604_800.0),
            "months" => months(1.0),
            _ => months(12.0),
        };
        Ok((Expr::Const(Val::Time(time)), Type::of(Base::Time)))
    }

    fn limit(&mut self, at: usize, all: &[&Ast]) -> Result<Typed, FilterError> {
        let [argument] = all else {
            self.count("limit", at, all, 1)?;
            return Ok((Expr::Missing, Type::of(Base::Bool)));
        };
        let (expr, kind) = self.expr(argument)?;
        let number = match expr.constant() {
            Some(Val::Int(number)) => u64::try_from(*number).ok(),
            Some(Val::Double(number)) if number.fract() == 0.0 && *number >= 0.0 => Some(*number as u64),
            _ => None,
        };
        let Some(number) = number else { return self.wrong_type("limit", "a fixed number from 0", argument, &kind) };
        // 0 is no limit; of several the smallest holds.
        if number > 0 {
            self.limit = Some(self.limit.map_or(number, |known| known.min(number)));
        }
        Ok((Expr::Const(Val::Bool(true)), Type::of(Base::Bool)))
    }

    fn redact(&mut self, at: usize, all: &[&Ast]) -> Result<Typed, FilterError> {
        if all.is_empty() {
            self.count("redact", at, all, 1)?;
            return Ok((Expr::Missing, Type::of(Base::Bool)));
        }
        let from = self.redactions.len();
        for argument in all {
            let (expr, kind) = self.expr(argument)?;
            let Some(text) = constant_text(&expr) else {
                return self.wrong_type("redact", "paths in quotes", argument, &kind);
            };
            if self.redactions.len() >= MAX_REDACTIONS {
                let error = self.error(argument.start, "too many paths to redact");
                return Err(error.expected(format!("at most {MAX_REDACTIONS}")));
            }
            match (self.redaction_targets(text, argument.start), self.names) {
                (Ok(targets), _) => self.redactions.push(Redaction::new(text.to_owned(), targets)),
                (Err(error), Names::Table(_)) => return Err(error),
                (Err(_), Names::Record) => {}
            }
        }
        Ok((Expr::Redact(from..self.redactions.len()), Type::of(Base::Bool)))
    }

    fn map_get(&mut self, at: usize, all: &[&Ast]) -> Result<Typed, FilterError> {
        let [map, key, default] = all else {
            self.count("map_get", at, all, 3)?;
            return Ok((Expr::Missing, Type::any()));
        };
        let (map_expr, map_type) = self.expr(map)?;
        if !matches!(map_type.base, Base::Map | Base::Any) {
            return self.wrong_type("map_get", "a map", map, &map_type);
        }
        let (key_expr, key_type) = self.expr(key)?;
        if !matches!(key_type.base, Base::Text | Base::Any) {
            return self.wrong_type("map_get", "a string as its key", key, &key_type);
        }
        let (default_expr, default_type) = self.expr(default)?;
        let is_field = map_type.base == Base::Map && !matches!(map.node, Node::Dict(_));
        if is_field && !matches!(default_type.base, Base::Text | Base::Any) {
            return self.wrong_type("map_get", "a string as its default", default, &default_type);
        }
        let kind = if is_field { Type::of(Base::Text) } else { Type::any() };
        let function = Function::MapGet { is_caseless: map_type.is_caseless || is_caseless_map(&map_expr) };
        Ok((fold(Expr::Call(function, vec![map_expr, key_expr, default_expr])), kind))
    }

    /// A helper of one argument.
    fn simple(
        &mut self,
        function: Function,
        name: &str,
        at: usize,
        all: &[&Ast],
        expected: usize,
    ) -> Result<Typed, FilterError> {
        let [argument] = all else {
            self.count(name, at, all, expected)?;
            return Ok((Expr::Missing, Type::any()));
        };
        let (expr, kind) = self.expr(argument)?;
        use Base::{Any, Bool, Bytes, Double, Duration, Int, List, Map, Text, Time};
        let (takes, fits, result): (&str, &[Base], Type) = match function {
            Function::Size => ("a string, bytes, list or map", &[Text, Bytes, List, Map], Type::of(Int)),
            Function::ToInt => ("a number, string or timestamp", &[Int, Double, Text, Time], Type::of(Int)),
            Function::ToDouble => ("a number or string", &[Int, Double, Text], Type::of(Double)),
            Function::ToText => (
                "a number, string, bool, bytes, timestamp or duration",
                &[Int, Double, Text, Bool, Bytes, Time, Duration],
                Type::of(Text),
            ),
            Function::ToBool => ("a bool or string", &[Bool, Text], Type::of(Bool)),
            Function::ToBytes => ("a string or bytes", &[Text, Bytes], Type::of(Bytes)),
            Function::ToTime => ("a time in quotes", &[Text, Time, Int], Type::of(Time)),
            Function::ToDuration => ("a duration in quotes", &[Text, Duration], Type::of(Duration)),
            Function::Accessor(..) => ("a timestamp or duration", &[Time, Duration], Type::of(Int)),
            Function::Same | Function::MapGet { .. } => ("any value", &[kind.base], Type::any()),
        };
        if kind.base != Any && !fits.contains(&kind.base) {
            return self.wrong_type(name, takes, argument, &kind);
        }
        let example = match function {
            Function::ToTime => "a time in RFC 3339, such as \"2026-03-14T22:00:00Z\"",
            Function::ToDuration => "a duration, such as \"5m\", \"1h30m\", \"250ms\"",
            _ => "a text that can be converted",
        };
        let literal = constant_text(&expr).map(str::to_owned);
        let call = fold(Expr::Call(function, vec![expr]));
        if let (Expr::Missing, Some(literal)) = (&call, literal) {
            let error = self.error(argument.start, format!("{name} of {literal:?} fails")).expected(example);
            return self.refuse(error);
        }
        Ok((call, result))
    }

    fn comprehension(
        &mut self,
        kind: MacroKind,
        target: &Ast,
        at: usize,
        arguments: &[Ast],
    ) -> Result<Typed, FilterError> {
        if self.variables.len() >= MAX_MACRO_NESTING {
            return Err(self
                .error(at, "macros nested too deeply")
                .expected(format!("at most {MAX_MACRO_NESTING} levels")));
        }
        let (range, range_type) = self.expr(target)?;
        let item = match range_type.base {
            Base::List => Type { base: range_type.item, is_caseless: range_type.is_caseless, ..Type::of(Base::Any) },
            Base::Map => Type { is_caseless: range_type.is_caseless, ..Type::of(Base::Text) },
            Base::Any => Type { is_caseless: range_type.is_caseless, ..Type::any() },
            _ => {
                let message = format!("{} is {}", target.text(self.query), range_type.name());
                return self.refuse(self.error(target.start, message).expected("a list or map"));
            }
        };
        let item = if item.base == Base::Any { item.loose() } else { item };
        let (name, first, second) = match (arguments, kind) {
            ([Ast { node: Node::Name(name), .. }, body], _) => (name, body, None),
            ([Ast { node: Node::Name(name), .. }, condition, result], MacroKind::Map) => {
                (name, condition, Some(result))
            }
            _ => {
                let error = self.error(at, format!("macro with {} arguments", arguments.len()));
                return self.refuse(error.expected("a name and an expression, such as exists(x, x == \"a\")"));
            }
        };
        self.variables.push((name.clone(), item));
        let body = self.body(kind, first, second);
        self.variables.pop();
        let (body, result) = body?;
        let result = match kind {
            MacroKind::Filter => Type { is_caseless: range_type.is_caseless, ..Type::list(item.base) },
            MacroKind::Map => Type::list(result),
            _ => Type::of(Base::Bool),
        };
        let is_loose = range_type.is_loose && result.base == Base::List;
        let body = Expr::Macro { kind, range: Box::new(range), body: Box::new(body) };
        Ok((body, if is_loose { result.loose() } else { result }))
    }

    fn body(&mut self, kind: MacroKind, first: &Ast, second: Option<&Ast>) -> Result<([Expr; 2], Base), FilterError> {
        let yes = Expr::Const(Val::Bool(true));
        match (kind, second) {
            (MacroKind::Map, Some(result)) => {
                let condition = self.truth(first, false)?;
                let (result, kind) = self.expr(result)?;
                Ok(([condition, result], kind.base))
            }
            (MacroKind::Map, None) => {
                let (result, kind) = self.expr(first)?;
                Ok(([yes, result], kind.base))
            }
            _ => Ok(([self.truth(first, false)?, yes], Base::Bool)),
        }
    }
}

fn macro_of(name: &str) -> Option<MacroKind> {
    Some(match name {
        "exists" => MacroKind::Exists,
        "exists_one" | "existsOne" => MacroKind::ExistsOne,
        "all" => MacroKind::All,
        "filter" => MacroKind::Filter,
        "map" => MacroKind::Map,
        _ => return None,
    })
}

/// The words of the language that are no names of fields, for completion.
pub fn helpers() -> impl Iterator<Item = Cow<'static, str>> {
    FUNCTIONS.iter().chain(METHODS).map(|name| Cow::Borrowed(*name))
}

/// What is written `name(…)`.
const FUNCTIONS: &[&str] = &[
    "now",
    "datetime",
    "seconds",
    "minutes",
    "hours",
    "days",
    "weeks",
    "months",
    "years",
    "timestamp",
    "duration",
    "limit",
    "redact",
    "has",
    "size",
    "matches",
    "map_get",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "dyn",
];
/// What is written `value.name(…)`.
const METHODS: &[&str] = &[
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "size",
    "json",
    "xml",
    "exists",
    "exists_one",
    "all",
    "filter",
    "map",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];
