//! Query text to tokens: CEL's lexical rules, with `..`, `nil`-free words and `#` comments of the older form.

use crate::error::FilterError;

/// A token and the bytes it came from.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Ident(String),
    /// The magnitude of an integer; the sign is an operator.
    Int(u64),
    Double(f64),
    /// A string; `raw` is the text as written where escapes make it differ.
    Text {
        value: String,
        raw: Option<String>,
    },
    /// `r"…"`.
    RawText(String),
    Bytes(Vec<u8>),
    /// An operator or bracket.
    Sign(&'static str),
    End,
}

/// How a backslash before the quote is read in `r"…"`.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum RawQuotes {
    /// CEL: the quote ends the string.
    End,
    /// The older form: the quote belongs to it.
    Escaped,
}

/// Splits a query into tokens; the last one is `End`.
pub(crate) fn tokens(query: &str, raw_quotes: RawQuotes) -> Result<Vec<Token>, FilterError> {
    let mut lexer = Lexer { query, at: 0, raw_quotes, tokens: Vec::new() };
    while lexer.token()? {}
    Ok(lexer.tokens)
}

struct Lexer<'q> {
    query: &'q str,
    at: usize,
    raw_quotes: RawQuotes,
    tokens: Vec<Token>,
}

impl<'q> Lexer<'q> {
    fn rest(&self) -> &'q str {
        self.query.get(self.at..).unwrap_or_default()
    }

    fn error(&self, at: usize, message: impl Into<String>) -> FilterError {
        FilterError::new(self.query, at, message)
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            let rest = self.rest();
            if !(rest.starts_with('#') || rest.starts_with("//")) {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, start, end: self.at });
    }

    /// Reads a token; false after the last one.
    fn token(&mut self) -> Result<bool, FilterError> {
        self.skip_blanks();
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            self.push(Kind::End, start);
            return Ok(false);
        };
        if first == '"' || first == '\'' {
            self.string("", start)?;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, after) = rest.split_at(length);
            let is_prefix =
                matches!(word, "r" | "R" | "b" | "B" | "br" | "bR" | "Br" | "BR" | "rb" | "rB" | "Rb" | "RB");
            self.at += length;
            if is_prefix && after.starts_with(['"', '\'']) {
                self.string(word, start)?;
            } else {
                self.push(Kind::Ident(word.to_owned()), start);
            }
        } else if first.is_ascii_digit() || (first == '.' && self.is_fraction(rest)) {
            self.number(start)?;
        } else {
            let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
                let error = self.error(start, format!("unexpected character {first:?}"));
                return Err(match first {
                    '=' => error.expected("=="),
                    '&' => error.expected("&&"),
                    '|' => error.expected("||"),
                    '“' | '”' | '„' => error.expected("straight quotes"),
                    _ => error,
                });
            };
            self.at += sign.len();
            self.push(Kind::Sign(sign), start);
        }
        Ok(true)
    }

    /// `.5` is a number only where no selector can stand.
    fn is_fraction(&self, rest: &str) -> bool {
        let after_value = matches!(
            self.tokens.last().map(|t| &t.kind),
            Some(Kind::Ident(_) | Kind::Sign(")" | "]" | "*") | Kind::Text { .. } | Kind::RawText(_))
        );
        !after_value && rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit())
    }

    fn digits(&mut self, is_digit: fn(&char) -> bool) -> usize {
        let length = self.rest().chars().take_while(is_digit).count();
        self.at += length;
        length
    }

    fn number(&mut self, start: usize) -> Result<(), FilterError> {
        let out_of_range = |lexer: &Self| lexer.error(start, "number out of range").expected("at most 64 bits");
        if self.rest().starts_with("0x") || self.rest().starts_with("0X") {
            self.at += 2;
            let from = self.at;
            self.digits(char::is_ascii_hexdigit);
            let text = self.query.get(from..self.at).unwrap_or_default();
            let value = u64::from_str_radix(text, 16).map_err(|_| out_of_range(self))?;
            self.unsigned_suffix();
            self.push(Kind::Int(value), start);
            return self.end_of_number(start);
        }
        self.digits(char::is_ascii_digit);
        let mut is_double = false;
        if self.rest().starts_with('.') && self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit()) {
            is_double = true;
            self.at += 1;
            self.digits(char::is_ascii_digit);
        }
        let exponent = self.rest().strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
        if let Some(rest) = exponent
            && rest.starts_with(|c: char| c.is_ascii_digit())
        {
            is_double = true;
            self.at = self.query.len() - rest.len();
            self.digits(char::is_ascii_digit);
        }
        let text = self.query.get(start..self.at).unwrap_or_default();
        let kind = if is_double {
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
            Kind::Double(value.ok_or_else(|| out_of_range(self))?)
        } else {
            Kind::Int(text.parse().map_err(|_| out_of_range(self))?)
        };
        if !is_double {
            self.unsigned_suffix();
        }
        self.push(kind, start);
        self.end_of_number(start)
    }

    /// CEL's `u` suffix: there is one kind of integer here.
    fn unsigned_suffix(&mut self) {
        if self.rest().starts_with(['u', 'U']) {
            self.at += 1;
        }
    }

    fn end_of_number(&self, start: usize) -> Result<(), FilterError> {
        match self.rest().chars().next() {
            Some(c) if c.is_ascii_alphanumeric() || c == '_' => Err(self
                .error(start, format!("a number runs into {c:?}"))
                .expected("a blank or an operator after it, or quotes around it")),
            _ => Ok(()),
        }
    }

    fn string(&mut self, prefix: &str, start: usize) -> Result<(), FilterError> {
        let is_raw = prefix.contains(['r', 'R']);
        let is_bytes = prefix.contains(['b', 'B']);
        let rest = self.rest();
        let quote = if rest.starts_with('"') { '"' } else { '\'' };
        let triple = if quote == '"' { "\"\"\"" } else { "'''" };
        let is_triple = rest.starts_with(triple);
        let close: &str = if is_triple { triple } else { triple.get(..1).unwrap_or(triple) };
        self.at += close.len();
        let from = self.at;
        let skips_escaped = !is_raw || self.raw_quotes == RawQuotes::Escaped;
        let end = loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                let shown = self.query.get(start..).unwrap_or_default().chars().take(12).collect::<String>();
                return Err(self
                    .error(start, format!("unterminated string {shown}"))
                    .expected(format!("a closing {close}")));
            };
            if rest.starts_with(close) {
                break self.at;
            }
            self.at += c.len_utf8();
            if c == '\\' && skips_escaped {
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            }
        };
        let written = self.query.get(from..end).unwrap_or_default();
        self.at = end + close.len();
        let kind = match (is_raw, is_bytes) {
            (true, true) => Kind::Bytes(written.as_bytes().to_vec()),
            (true, false) => Kind::RawText(written.to_owned()),
            (false, true) => Kind::Bytes(unescape(written, true)),
            (false, false) => {
                let value = String::from_utf8_lossy(&unescape(written, false)).into_owned();
                let raw = (value != written).then(|| written.to_owned());
                Kind::Text { value, raw }
            }
        };
        self.push(kind, start);
        Ok(())
    }
}

/// Undoes CEL's escapes; an unknown one stands as written, as in the older form.
fn unescape(written: &str, is_bytes: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before.as_bytes());
        let mut chars = from.chars();
        chars.next();
        let code = |length: usize, radix: u32| {
            let digits = from.get(2..2 + length)?;
            digits.chars().all(|c| c.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok()).flatten()
        };
        let simple = match chars.next() {
            Some('a') => Some(7),
            Some('b') => Some(8),
            Some('f') => Some(12),
            Some('n') => Some(b'\n'),
            Some('r') => Some(b'\r'),
            Some('t') => Some(b'\t'),
            Some('v') => Some(11),
            Some(c @ ('\\' | '?' | '"' | '\'' | '`')) => Some(c as u8),
            _ => None,
        };
        let (number, length) = match from.as_bytes().get(1) {
            Some(b'x' | b'X') => (code(2, 16), 4),
            Some(b'u') => (code(4, 16), 6),
            Some(b'U') => (code(8, 16), 10),
            Some(b'0'..=b'3') => (from.get(1..4).and_then(|d| u32::from_str_radix(d, 8).ok()), 4),
            _ => (None, 0),
        };
        let used = if let Some(byte) = simple {
            out.push(byte);
            2
        } else if let (Some(value), true) = (number, is_bytes && length == 4) {
            out.push(value as u8);
            length
        } else if let Some(c) = number.and_then(char::from_u32) {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            length
        } else {
            out.push(b'\\');
            1
        };
        rest = from.get(used..).unwrap_or_default();
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// Operators and brackets, longer ones first.
const SIGNS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "..", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ",", ".", "(", ")",
    "[", "]", "{", "}",
];
