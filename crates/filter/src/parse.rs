//! Tokens to a syntax tree: CEL's grammar, and in the same grammar the words and selectors of the older form.
//!
//! `and` and `or` have no precedence and group from the right; `&&` and `||` have CEL's. Both in one expression
//! without parentheses are refused, because either reading would surprise somebody.

use crate::ast::{Arithmetic, Ast, Binary, Comparison, Node};
use crate::error::{FilterError, Warning, column};
use crate::limits::{MAX_HEIGHT, MAX_NESTING, MAX_QUERY_BYTES};
use crate::token::{Kind, RawQuotes, Token, tokens};

/// A parsed query; `None` is the empty one, which matches everything.
pub(crate) struct Parsed {
    pub ast: Option<Ast>,
    pub warnings: Vec<Warning>,
}

/// Parses a query.
pub(crate) fn parse(query: &str) -> Result<Parsed, FilterError> {
    if query.len() > MAX_QUERY_BYTES {
        let message = format!("query of {} bytes is too long", query.len());
        return Err(FilterError::new("", 0, message).expected(format!("at most {MAX_QUERY_BYTES} bytes")));
    }
    let first = parse_with(query, RawQuotes::End);
    match first {
        // In the older form a backslash keeps a quote within r"…"; in CEL it does not. Whichever reads as a query holds.
        Err(error) if query.contains("\\\"") || query.contains("\\'") => {
            parse_with(query, RawQuotes::Escaped).map_err(|_| error)
        }
        other => other,
    }
}

fn parse_with(query: &str, raw_quotes: RawQuotes) -> Result<Parsed, FilterError> {
    let tokens = tokens(query, raw_quotes)?;
    let mut parser = Parser { query, tokens, at: 0, nesting: 0, style: None, warnings: Vec::new() };
    if parser.peek().kind == Kind::End {
        return Ok(Parsed { ast: None, warnings: Vec::new() });
    }
    let ast = parser.expression()?;
    if parser.peek().kind != Kind::End {
        let error = parser.unexpected("an operator or the end of the query");
        return Err(if parser.is_after_not() { error.hint("write ! for not") } else { error });
    }
    Ok(Parsed { ast: Some(ast), warnings: parser.warnings })
}

struct Parser<'q> {
    query: &'q str,
    tokens: Vec<Token>,
    at: usize,
    nesting: usize,
    /// Words (true) or signs within the innermost parentheses, and where the first one stands.
    style: Option<(bool, usize)>,
    warnings: Vec<Warning>,
}

/// An `and`, `or`, `&&` or `||`.
#[derive(Clone, Copy)]
struct LogicSign {
    is_and: bool,
    is_word: bool,
}

static END: Token = Token { kind: Kind::End, start: usize::MAX, end: usize::MAX };

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&END)
    }

    fn start(&self) -> usize {
        self.peek().start.min(self.query.len())
    }

    fn end_of_last(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.end)
    }

    fn is_after_not(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        matches!(before.map(|token| &token.kind), Some(Kind::Ident(word)) if word.eq_ignore_ascii_case("not"))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(&self.peek().kind, Kind::Sign(s) if *s == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_there = self.is_sign(sign);
        self.at += usize::from(is_there);
        is_there
    }

    fn need(&mut self, sign: &'static str) -> Result<(), FilterError> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(sign)) }
    }

    fn error(&self, at: usize, message: impl Into<String>) -> FilterError {
        FilterError::new(self.query, at, message)
    }

    fn unexpected(&self, expected: &str) -> FilterError {
        let token = self.peek();
        let text = self.query.get(token.start..token.end).unwrap_or_default();
        let message = match token.kind {
            Kind::End => "the query ends too early".to_owned(),
            _ => format!("unexpected {}", text.chars().take(40).collect::<String>()),
        };
        self.error(self.start(), message).expected(expected)
    }

    fn make(&self, node: Node, start: usize, height: u16) -> Result<Ast, FilterError> {
        if height > MAX_HEIGHT {
            return Err(self
                .error(start, "the query is nested too deeply")
                .expected(format!("at most {MAX_HEIGHT} levels")));
        }
        Ok(Ast { node, start, end: self.end_of_last(), height })
    }

    /// Runs a rule one level deeper, so that no query can exhaust the stack.
    fn nested<T>(&mut self, rule: fn(&mut Self) -> Result<T, FilterError>) -> Result<T, FilterError> {
        if self.nesting >= MAX_NESTING {
            let error = self.error(self.start(), "the query is nested too deeply");
            return Err(error.expected(format!("at most {MAX_NESTING} levels")));
        }
        self.nesting += 1;
        let result = rule(self);
        self.nesting -= 1;
        result
    }

    /// An expression in parentheses, brackets or arguments of its own: words and signs may differ from those around it.
    fn expression(&mut self) -> Result<Ast, FilterError> {
        let outer = self.style.take();
        let result = self.nested(Self::choice);
        self.style = outer;
        result
    }

    fn choice(&mut self) -> Result<Ast, FilterError> {
        let start = self.start();
        let condition = self.logic()?;
        if !self.take("?") {
            return Ok(condition);
        }
        let yes = self.logic()?;
        self.need(":")?;
        let no = self.nested(Self::choice)?;
        let height = Ast::height_of([&condition, &yes, &no]);
        self.make(Node::Choice(Box::new([condition, yes, no])), start, height)
    }

    fn logic_sign(&mut self) -> Result<Option<LogicSign>, FilterError> {
        let sign = match &self.peek().kind {
            Kind::Sign("&&") => LogicSign { is_and: true, is_word: false },
            Kind::Sign("||") => LogicSign { is_and: false, is_word: false },
            Kind::Ident(word) if word == "and" => LogicSign { is_and: true, is_word: true },
            Kind::Ident(word) if word == "or" => LogicSign { is_and: false, is_word: true },
            Kind::Ident(word) if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") => {
                return Err(self.unexpected(&word.to_ascii_lowercase()));
            }
            _ => return Ok(None),
        };
        let at = self.start();
        match self.style {
            Some((is_word, _)) if is_word != sign.is_word => {
                let error = self.error(at, "words (and, or) and signs (&&, ||) mixed without parentheses");
                return Err(error.expected("one of the two forms").hint(
                    "put parentheses around one part, for example (a && b) or c; or write && for and, || for or",
                ));
            }
            Some(_) => {}
            None => self.style = Some((sign.is_word, at)),
        }
        self.at += 1;
        Ok(Some(sign))
    }

    fn logic(&mut self) -> Result<Ast, FilterError> {
        let start = self.start();
        let first = self.relation()?;
        let Some(sign) = self.logic_sign()? else { return Ok(first) };
        let mut parts = vec![first];
        let mut signs = vec![sign];
        loop {
            parts.push(self.relation()?);
            match self.logic_sign()? {
                Some(sign) => signs.push(sign),
                None => break,
            }
        }
        if sign.is_word { self.words(parts, signs, start) } else { self.signs(parts, signs, start) }
    }

    /// `a and b or c` is `a and (b or c)`.
    fn words(&mut self, mut parts: Vec<Ast>, mut signs: Vec<LogicSign>, start: usize) -> Result<Ast, FilterError> {
        let is_mixed = signs.windows(2).any(|pair| matches!(pair, [a, b] if a.is_and != b.is_and));
        let Some(mut right) = parts.pop() else { return Err(self.unexpected("an expression")) };
        let mut shown = if is_mixed { right.text(self.query).to_owned() } else { String::new() };
        let mut group: Vec<Ast> = Vec::new();
        let mut group_is_and = None;
        while let (Some(left), Some(sign)) = (parts.pop(), signs.pop()) {
            if group_is_and.is_some_and(|is_and| is_and != sign.is_and) {
                right = self.group(std::mem::take(&mut group), right, !sign.is_and)?;
                shown = format!("({shown})");
            }
            group_is_and = Some(sign.is_and);
            if is_mixed {
                let word = if sign.is_and { "and" } else { "or" };
                shown = format!("{} {word} {shown}", left.text(self.query));
            }
            group.push(left);
        }
        right = self.group(group, right, group_is_and.unwrap_or(true))?;
        if is_mixed {
            let message = format!("and, or group from the right: this is read as {shown}");
            self.warnings.push(Warning { column: column(self.query, start), message });
        }
        Ok(right)
    }

    /// Joins parts, collected from the right, with what stands to their right.
    fn group(&self, mut parts: Vec<Ast>, last: Ast, is_and: bool) -> Result<Ast, FilterError> {
        parts.reverse();
        let start = parts.first().map_or(last.start, |part| part.start);
        parts.push(last);
        let height = Ast::height_of(&parts);
        self.make(Node::Logic { is_and, is_words: true, parts }, start, height)
    }

    /// `&&` binds tighter than `||`.
    fn signs(&mut self, parts: Vec<Ast>, signs: Vec<LogicSign>, start: usize) -> Result<Ast, FilterError> {
        let mut alternatives = Vec::new();
        let mut both: Vec<Ast> = Vec::new();
        let mut signs = signs.into_iter();
        for part in parts {
            both.push(part);
            if !signs.next().is_some_and(|sign| sign.is_and) {
                alternatives.push(self.join(std::mem::take(&mut both), true, start)?);
            }
        }
        self.join(alternatives, false, start)
    }

    fn join(&self, mut parts: Vec<Ast>, is_and: bool, start: usize) -> Result<Ast, FilterError> {
        if parts.len() > 1 {
            let height = Ast::height_of(&parts);
            return self.make(Node::Logic { is_and, is_words: false, parts }, start, height);
        }
        parts.pop().ok_or_else(|| self.unexpected("an expression"))
    }

    fn relation(&mut self) -> Result<Ast, FilterError> {
        let start = self.start();
        let mut left = self.sum()?;
        loop {
            let comparison = match &self.peek().kind {
                Kind::Sign("==") => Comparison::Equal,
                Kind::Sign("!=") => Comparison::NotEqual,
                Kind::Sign("<") => Comparison::Less,
                Kind::Sign("<=") => Comparison::LessOrEqual,
                Kind::Sign(">") => Comparison::Greater,
                Kind::Sign(">=") => Comparison::GreaterOrEqual,
                Kind::Ident(word) if word == "in" => {
                    self.at += 1;
                    let right = self.sum()?;
                    let height = Ast::height_of([&left, &right]);
                    left = self.make(Node::In(Box::new(left), Box::new(right)), start, height)?;
                    continue;
                }
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.sum()?;
            left = self.binary(Binary::Compare(comparison), left, right, start)?;
        }
    }

    fn binary(&self, binary: Binary, left: Ast, right: Ast, start: usize) -> Result<Ast, FilterError> {
        let height = Ast::height_of([&left, &right]);
        self.make(Node::Binary(binary, Box::new(left), Box::new(right)), start, height)
    }

    fn sum(&mut self) -> Result<Ast, FilterError> {
        let start = self.start();
        let mut left = self.product()?;
        loop {
            let sign = match self.peek().kind {
                Kind::Sign("+") => Arithmetic::Add,
                Kind::Sign("-") => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.product()?;
            left = self.binary(Binary::Arithmetic(sign), left, right, start)?;
        }
    }

    fn product(&mut self) -> Result<Ast, FilterError> {
        let start = self.start();
        let mut left = self.unary()?;
        loop {
            let sign = match self.peek().kind {
                Kind::Sign("*") => Arithmetic::Multiply,
                Kind::Sign("/") => Arithmetic::Divide,
                Kind::Sign("%") => Arithmetic::Remainder,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.unary()?;
            left = self.binary(Binary::Arithmetic(sign), left, right, start)?;
        }
    }

    fn unary(&mut self) -> Result<Ast, FilterError> {
        let start = self.start();
        if self.take("!") {
            let operand = self.nested(Self::unary)?;
            let height = operand.height.saturating_add(1);
            return self.make(Node::Not(Box::new(operand)), start, height);
        }
        if !self.take("-") {
            return self.member();
        }
        if let Kind::Int(magnitude) = self.peek().kind {
            let Some(value) = 0i64.checked_sub_unsigned(magnitude) else {
                return Err(self.error(start, "number out of range").expected("at most 64 bits"));
            };
            self.at += 1;
            return self.make(Node::Int(value), start, 1);
        }
        let operand = self.nested(Self::unary)?;
        let height = operand.height.saturating_add(1);
        self.make(Node::Negate(Box::new(operand)), start, height)
    }

    fn member(&mut self) -> Result<Ast, FilterError> {
        let start = self.start();
        let mut target = self.primary()?;
        loop {
            let height = target.height.saturating_add(1);
            if self.take("..") {
                let name = self.name_or_wild()?;
                target = self.make(Node::Descend(Box::new(target), name), start, height)?;
            } else if self.take(".") {
                if self.is_sign("[") {
                    continue;
                }
                let at = self.start();
                let Some(name) = self.name_or_wild()? else {
                    target = self.make(Node::Wild(Box::new(target)), start, height)?;
                    continue;
                };
                if !self.take("(") {
                    target = self.make(Node::Select(Box::new(target), name), start, height)?;
                    continue;
                }
                let arguments = self.list(")")?;
                let height = Ast::height_of(arguments.iter().chain([&target]));
                let call = Node::Call { target: Some(Box::new(target)), name, at, arguments };
                target = self.make(call, start, height)?;
            } else if self.take("[") {
                if self.take("*") {
                    self.need("]")?;
                    target = self.make(Node::Wild(Box::new(target)), start, height)?;
                    continue;
                }
                let index = self.expression()?;
                self.need("]")?;
                let height = Ast::height_of([&target, &index]);
                target = self.make(Node::Index(Box::new(target), Box::new(index)), start, height)?;
            } else {
                return Ok(target);
            }
        }
    }

    /// A name after a dot, or `None` for `*`.
    fn name_or_wild(&mut self) -> Result<Option<String>, FilterError> {
        if self.take("*") {
            return Ok(None);
        }
        let Kind::Ident(name) = &self.peek().kind else { return Err(self.unexpected("a name or * after the dot")) };
        let name = name.clone();
        self.at += 1;
        Ok(Some(name))
    }

    fn list(&mut self, close: &'static str) -> Result<Vec<Ast>, FilterError> {
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.expression()?);
            if !self.take(",") && !self.is_sign(close) {
                return Err(self.unexpected(if close == ")" { ", or )" } else { ", or ]" }));
            }
        }
        Ok(items)
    }

    fn primary(&mut self) -> Result<Ast, FilterError> {
        let start = self.start();
        let kind = self.peek().kind.clone();
        let node = match kind {
            Kind::Int(magnitude) => match i64::try_from(magnitude) {
                Ok(value) => Node::Int(value),
                Err(_) => return Err(self.error(start, "number out of range").expected("at most 64 bits")),
            },
            Kind::Double(value) => Node::Double(value),
            Kind::Text { value, raw } => Node::Text { value, raw },
            Kind::RawText(value) => Node::RawText(value),
            Kind::Bytes(value) => Node::Bytes(value),
            Kind::Sign("..") => return self.make(Node::Root, start, 1),
            Kind::Sign(".") => {
                self.at += 1;
                return self.primary_name();
            }
            Kind::Ident(_) => return self.primary_name(),
            Kind::Sign("(") => {
                self.at += 1;
                let mut inner = self.expression()?;
                self.need(")")?;
                (inner.start, inner.end) = (start, self.end_of_last());
                return Ok(inner);
            }
            Kind::Sign("[") => {
                self.at += 1;
                let items = self.list("]")?;
                let height = Ast::height_of(&items);
                return self.make(Node::List(items), start, height);
            }
            Kind::Sign("{") => {
                self.at += 1;
                return self.dict(start);
            }
            _ => return Err(self.unexpected("a name, a value or (")),
        };
        self.at += 1;
        self.make(node, start, 1)
    }

    fn primary_name(&mut self) -> Result<Ast, FilterError> {
        let start = self.start();
        let Kind::Ident(name) = &self.peek().kind else { return Err(self.unexpected("a name")) };
        let name = name.clone();
        if matches!(name.as_str(), "and" | "or" | "in") {
            return Err(self.unexpected("a name, a value or ("));
        }
        self.at += 1;
        if self.take("(") {
            let arguments = self.list(")")?;
            let height = Ast::height_of(&arguments);
            return self.make(Node::Call { target: None, name, at: start, arguments }, start, height);
        }
        let node = match name.as_str() {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            "nil" | "null" => Node::Nil,
            _ => Node::Name(name),
        };
        self.make(node, start, 1)
    }

    fn dict(&mut self, start: usize) -> Result<Ast, FilterError> {
        let mut pairs = Vec::new();
        while !self.take("}") {
            let key = self.expression()?;
            self.need(":")?;
            pairs.push((key, self.expression()?));
            if !self.take(",") && !self.is_sign("}") {
                return Err(self.unexpected(", or }"));
            }
        }
        let height = Ast::height_of(pairs.iter().flat_map(|(key, value)| [key, value]));
        self.make(Node::Dict(pairs), start, height)
    }
}
