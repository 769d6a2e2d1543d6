//! The declaration of a field and of a protocol: the one source of names, types, columns, docs and output.

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// true or false.
    Bool,
    /// A 64-bit signed integer.
    Int,
    /// A 64-bit floating point number.
    Double,
    /// UTF-8 text (an IP address too).
    Text,
    /// Raw bytes.
    Bytes,
    /// A point in time, nanoseconds since the epoch.
    Time,
    /// A list of texts.
    TextList,
    /// Pairs of texts in their order on the wire; names may repeat.
    Map,
}

impl Kind {
    /// The name as users see it in `fields` and in filter errors.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Double => "double",
            Kind::Text => "string",
            Kind::Bytes => "bytes",
            Kind::Time => "timestamp",
            Kind::TextList => "[]string",
            Kind::Map => "map",
        }
    }
}

/// When a field is dissected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Always, when entries are stored or shown whole.
    Stored,
    /// Only for a filter, column or view that names it, from the kept bytes.
    OnDemand,
}

/// The position of a field in the list that declares it (the common fields, or one protocol's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldIndex(pub u16);

/// A named, typed, documented value of an entry.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// The name in KFL and JSON; dots nest.
    pub path: &'static str,
    /// Other names that mean the same field (the v1 forms).
    pub aliases: &'static [&'static str],
    /// The type.
    pub kind: Kind,
    /// The unit of a number (`µs`, `bytes`), or empty.
    pub unit: &'static str,
    /// One sentence, ending with a full stop.
    pub doc: &'static str,
    /// A value as it is shown, without quotes.
    pub example: &'static str,
    /// When it is dissected.
    pub keep: Keep,
    /// Whether the value is a secret by itself (redaction targets it).
    pub is_secret: bool,
    /// Whether names within a map are looked up without regard to case.
    pub is_caseless: bool,
    /// Whether the field is part of the one-line summary of an entry.
    pub is_summary: bool,
    /// Whether all entries of one class have the same value that share their connection and the parties at both ends.
    pub is_shared: bool,
    /// Why the field has no values yet; empty where it has.
    pub pending: &'static str,
}

impl FieldSpec {
    /// Declares a field of a type.
    pub const fn new(path: &'static str, kind: Kind) -> Self {
        FieldSpec {
            path,
            aliases: &[],
            kind,
            unit: "",
            doc: "",
            example: "",
            keep: Keep::Stored,
            is_secret: false,
            is_caseless: false,
            is_summary: false,
            is_shared: false,
            pending: "",
        }
    }
    /// Declares a bool.
    pub const fn bool(path: &'static str) -> Self {
        Self::new(path, Kind::Bool)
    }
    /// Declares an integer.
    pub const fn int(path: &'static str) -> Self {
        Self::new(path, Kind::Int)
    }
    /// Declares a floating point number.
    pub const fn double(path: &'static str) -> Self {
        Self::new(path, Kind::Double)
    }
    /// Declares a text.
    pub const fn text(path: &'static str) -> Self {
        Self::new(path, Kind::Text)
    }
    /// Declares bytes.
    pub const fn bytes(path: &'static str) -> Self {
        Self::new(path, Kind::Bytes)
    }
    /// Declares a time.
    pub const fn time(path: &'static str) -> Self {
        Self::new(path, Kind::Time)
    }
    /// Declares a list of texts.
    pub const fn list(path: &'static str) -> Self {
        Self::new(path, Kind::TextList)
    }
    /// Declares a map.
    pub const fn map(path: &'static str) -> Self {
        Self::new(path, Kind::Map)
    }
    /// Sets the aliases.
    pub const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
    /// Sets the unit.
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }
    /// Sets the description.
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }
    /// Sets the example.
    pub const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }
    /// Dissects the field only where something names it.
    pub const fn on_demand(mut self) -> Self {
        self.keep = Keep::OnDemand;
        self
    }
    /// Marks the value as a secret.
    pub const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }
    /// Looks names within the map up without regard to case.
    pub const fn caseless(mut self) -> Self {
        self.is_caseless = true;
        self
    }
    /// Makes the field a part of the one-line summary of an entry; the parts stand in declared order.
    pub const fn summary(mut self) -> Self {
        self.is_summary = true;
        self
    }
    /// Says that the value depends on the class, the connection and the parties of an entry, and on nothing else of it.
    pub const fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }
    /// Says why the field has no values yet.
    pub const fn pending(mut self, why: &'static str) -> Self {
        self.pending = why;
        self
    }
}

/// Which entries of a protocol a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordClass {
    /// All entries of the protocol.
    Any,
    /// Connection entries only.
    Connection,
    /// Flow entries only.
    Flow,
}

/// A protocol word of KFL: a boolean that is true for entries of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The word in lower case.
    pub name: &'static str,
    /// Which of the protocol's entries it stands for.
    pub class: WordClass,
}

/// The facts of a protocol.
#[derive(Debug)]
pub struct ProtocolSpec {
    /// The name in lower case: the value of `protocol`.
    pub name: &'static str,
    /// The name as its specification spells it (`PostgreSQL`).
    pub title: &'static str,
    /// One or two sentences for the docs.
    pub doc: &'static str,
    /// The specifications it follows.
    pub references: &'static [&'static str],
    /// The KFL words that stand for it.
    pub words: &'static [Word],
    /// Its fields.
    pub fields: &'static [FieldSpec],
    /// Why nothing of it is dissected yet; empty where it is.
    pub pending: &'static str,
}

/// Declares a list of fields and a constant index for each.
///
/// ```
/// lanternfish_model::fields! {
///     METHOD = text("method").doc("The request method.").example("GET");
///     SIZE = int("size").unit("bytes").doc("The size.").example("12");
/// }
/// assert_eq!(FIELDS[usize::from(SIZE.0)].path, "size");
/// ```
#[macro_export]
macro_rules! fields {
    ($($name:ident = $kind:ident($path:expr) $(. $method:ident ( $($arg:expr),* ))* ;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, dead_code)]
        enum Position { $($name),* }
        $(
            #[doc = concat!("The index of `", $path, "`.")]
            pub const $name: $crate::FieldIndex = $crate::FieldIndex(Position::$name as u16);
        )*
        /// The declarations, in the order of their indexes.
        pub static FIELDS: &[$crate::FieldSpec] = &[
            $( $crate::FieldSpec::$kind($path) $(. $method ( $($arg),* ))* ),*
        ];
    };
}
