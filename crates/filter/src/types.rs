//! Static types: what the checker knows of an expression before it runs.

use lanternfish_model::Kind;

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Type {
    pub base: Base,
    /// The items of a list.
    pub item: Base,
    /// Whether it compares loosely: v1 names, and what lies below a map or a decoded body.
    pub is_loose: bool,
    /// Whether its text compares without regard to case.
    pub is_caseless: bool,
    /// Whether it is what a selector with a wildcard found: comparisons hold for any of the items.
    pub is_many: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Any,
    Nil,
    Bool,
    Int,
    Double,
    Text,
    Bytes,
    Time,
    Duration,
    List,
    Map,
}

impl Base {
    pub const fn name(self) -> &'static str {
        match self {
            Base::Any => "a value of any type",
            Base::Nil => "nil",
            Base::Bool => "bool",
            Base::Int => "int",
            Base::Double => "double",
            Base::Text => "string",
            Base::Bytes => "bytes",
            Base::Time => "timestamp",
            Base::Duration => "duration",
            Base::List => "list",
            Base::Map => "map",
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Base::Int | Base::Double)
    }
}

impl Type {
    pub const fn of(base: Base) -> Type {
        Type { base, item: Base::Any, is_loose: false, is_caseless: false, is_many: false }
    }

    /// A value of which only the evaluation knows the type.
    pub const fn any() -> Type {
        Type { is_loose: true, ..Type::of(Base::Any) }
    }

    pub const fn list(item: Base) -> Type {
        Type { item, ..Type::of(Base::List) }
    }

    pub const fn loose(mut self) -> Type {
        self.is_loose = true;
        self
    }

    /// The type of a field.
    pub fn field(kind: Kind, is_loose: bool, is_caseless: bool) -> Type {
        let base = match kind {
            Kind::Bool => Base::Bool,
            Kind::Int => Base::Int,
            Kind::Double => Base::Double,
            Kind::Text => Base::Text,
            Kind::Bytes => Base::Bytes,
            Kind::Time => Base::Time,
            Kind::TextList => Base::List,
            Kind::Map => Base::Map,
        };
        let item = if kind == Kind::TextList { Base::Text } else { Base::Any };
        Type { base, item, is_loose, is_caseless: is_caseless && kind != Kind::Map, is_many: false }
    }

    /// The name as users see it.
    pub fn name(&self) -> String {
        match (self.base, self.item) {
            (Base::List, Base::Any) => "list".to_owned(),
            (Base::List, item) => format!("[]{}", item.name()),
            (base, _) => base.name().to_owned(),
        }
    }

    /// Its type where it stands in a comparison: that of an item, if any of many may satisfy it.
    pub fn compared(&self) -> Base {
        if self.is_many { self.item } else { self.base }
    }
}

/// Whether two types can be compared.
pub(crate) fn are_comparable(a: &Type, b: &Type, is_equality: bool) -> bool {
    let is_loose = a.is_loose || b.is_loose;
    let (x, y) = (a.compared(), b.compared());
    match (x, y) {
        (Base::Any, _) | (_, Base::Any) => true,
        (Base::Nil, other) | (other, Base::Nil) => is_equality && (is_loose || other == Base::Nil),
        (Base::List, Base::List) => {
            let is_known = a.item != Base::Any && b.item != Base::Any;
            is_equality && (!is_known || a.item == b.item)
        }
        (Base::Map, Base::Map) => is_equality,
        (Base::Map, _) | (_, Base::Map) => false,
        (x, y) if x == y => true,
        (x, y) if x.is_number() && y.is_number() => true,
        // A number beside a time is milliseconds since the epoch, as in the older form.
        (Base::Time, y) if y.is_number() => true,
        (x, Base::Time) if x.is_number() => true,
        (Base::List, _) | (_, Base::List) => is_loose,
        (Base::Text, y) | (y, Base::Text) => {
            is_loose && (y.is_number() || matches!(y, Base::Bool | Base::Time | Base::Bytes))
        }
        _ => false,
    }
}
