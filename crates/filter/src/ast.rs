//! The syntax tree of a query, both forms alike.

/// A node and the bytes of the query that it came from.
#[derive(Clone, Debug)]
pub(crate) struct Ast {
    pub node: Node,
    pub start: usize,
    pub end: usize,
    /// The height of the tree below, for the limit.
    pub height: u16,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text {
        value: String,
        raw: Option<String>,
    },
    /// `r"…"`: a regular expression beside `==` and `!=`, else a text.
    RawText(String),
    Bytes(Vec<u8>),
    Name(String),
    /// What a leading `..` or `*` selects from: the whole record.
    Root,
    Select(Box<Ast>, String),
    /// `.*` and `[*]`.
    Wild(Box<Ast>),
    /// `..name`, and `..*` without a name.
    Descend(Box<Ast>, Option<String>),
    Index(Box<Ast>, Box<Ast>),
    Call {
        target: Option<Box<Ast>>,
        name: String,
        at: usize,
        arguments: Vec<Ast>,
    },
    Not(Box<Ast>),
    Negate(Box<Ast>),
    Binary(Binary, Box<Ast>, Box<Ast>),
    In(Box<Ast>, Box<Ast>),
    Logic {
        is_and: bool,
        is_words: bool,
        parts: Vec<Ast>,
    },
    Choice(Box<[Ast; 3]>),
    List(Vec<Ast>),
    Dict(Vec<(Ast, Ast)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Compare(Comparison),
    Arithmetic(Arithmetic),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The same comparison with its sides exchanged.
    pub fn mirrored(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }

    /// Whether it holds for two values in this order.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }

    /// `==` or `!=`.
    pub fn is_equality(self) -> bool {
        matches!(self, Comparison::Equal | Comparison::NotEqual)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    pub fn sign(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        }
    }
}

impl Ast {
    /// The nodes right below.
    pub fn height_of<'a>(parts: impl IntoIterator<Item = &'a Ast>) -> u16 {
        parts.into_iter().map(|part| part.height).max().unwrap_or(0).saturating_add(1)
    }

    /// The text of a node in its query.
    pub fn text<'q>(&self, query: &'q str) -> &'q str {
        query.get(self.start..self.end).unwrap_or_default().trim()
    }
}
