//! The checked expression: names are fields or paths, constants are folded, patterns are compiled.

use lanternfish_model::{FieldId, Kind};
use regex::bytes::Regex;

use crate::ast::{Arithmetic, Comparison};
use crate::path::Step;
use crate::value::Val;

/// A checked expression.
#[derive(Debug)]
pub(crate) enum Expr {
    /// Never has a value: what is below a text, or in `kfl eval` an unknown helper or bad arguments.
    Missing,
    Const(Val<'static>),
    Path(Path),
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Choice(Box<[Expr; 3]>),
    Negate(Box<Expr>),
    Arithmetic(Arithmetic, Box<[Expr; 2]>),
    Compare {
        comparison: Comparison,
        sides: Box<[Expr; 2]>,
        is_caseless: bool,
        as_written: Option<AsWritten>,
    },
    /// `==` or `!=` beside `r"…"`.
    Regex {
        is_negated: bool,
        operand: Box<Expr>,
        pattern: Pattern,
    },
    In {
        sides: Box<[Expr; 2]>,
        is_caseless: bool,
    },
    TextTest {
        test: TextTest,
        operand: Box<Expr>,
        argument: Box<Expr>,
    },
    Matches {
        operand: Box<Expr>,
        pattern: Pattern,
    },
    Call(Function, Vec<Expr>),
    Macro {
        kind: MacroKind,
        range: Box<Expr>,
        body: Box<[Expr; 2]>,
    },
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Has(Box<Expr>),
    /// From the first redaction to the last one of a `redact`.
    Redact(std::ops::Range<usize>),
}

/// A literal of a comparison as it was written, with its escapes (rule 6).
#[derive(Debug)]
pub(crate) struct AsWritten {
    /// Which side the literal stands on.
    pub is_left: bool,
    pub text: Val<'static>,
}

/// A compiled regular expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// Finds it anywhere in a text.
    pub search: Regex,
    /// Matches a whole number.
    pub whole: Regex,
}

/// A value and the selectors behind it.
#[derive(Debug)]
pub(crate) struct Path {
    pub root: Root,
    pub steps: Vec<Step>,
    /// Indexes that are only known at run time, by the place of their step.
    pub computed: Vec<(usize, Expr)>,
    /// Whether a step may find several values.
    pub is_many: bool,
}

/// What a path begins at.
#[derive(Debug)]
pub(crate) enum Root {
    Field(Field),
    /// The record (`kfl eval`), or the fields of the entry below a prefix as one.
    Record(Vec<String>),
    Variable(usize),
    Expr(Box<Expr>),
}

/// A field of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub id: FieldId,
    pub kind: Kind,
    /// Whether it can be missing (v1 names), instead of taking its type's default.
    pub is_optional: bool,
    pub is_caseless: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MacroKind {
    Exists,
    ExistsOne,
    All,
    Filter,
    Map,
}

/// A helper that makes a value of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Size,
    MapGet {
        is_caseless: bool,
    },
    ToInt,
    ToDouble,
    ToText,
    ToBool,
    ToBytes,
    ToTime,
    ToDuration,
    Same,
    /// A part of a time in a zone so many seconds ahead of UTC, or of a duration.
    Accessor(Accessor, i64),
}

/// A part of a time or duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accessor {
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Accessor {
    /// The accessor of a CEL name.
    pub fn of(name: &str) -> Option<Accessor> {
        Some(match name {
            "getFullYear" => Accessor::FullYear,
            "getMonth" => Accessor::Month,
            "getDate" => Accessor::Date,
            "getDayOfMonth" => Accessor::DayOfMonth,
            "getDayOfWeek" => Accessor::DayOfWeek,
            "getDayOfYear" => Accessor::DayOfYear,
            "getHours" => Accessor::Hours,
            "getMinutes" => Accessor::Minutes,
            "getSeconds" => Accessor::Seconds,
            "getMilliseconds" => Accessor::Milliseconds,
            _ => return None,
        })
    }
}

impl Expr {
    /// The value of a constant.
    pub fn constant(&self) -> Option<&Val<'static>> {
        match self {
            Expr::Const(value) => Some(value),
            _ => None,
        }
    }
}
