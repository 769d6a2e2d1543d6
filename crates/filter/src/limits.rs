//! The limits of a query and of its evaluation: a query is input, and so is what it reads.

/// The longest query in bytes.
pub const MAX_QUERY_BYTES: usize = 64 << 10;
/// How deep parentheses, brackets, arguments and signs may nest.
pub const MAX_NESTING: usize = 48;
/// The tallest tree of operators and selectors.
pub const MAX_HEIGHT: u16 = 128;
/// The most regular expressions in a query.
pub const MAX_REGEXES: usize = 64;
/// The most bytes that one compiled regular expression may take, and again for its lazy automaton.
pub const MAX_REGEX_BYTES: usize = 1 << 20;
/// How deep macros (`exists`, `map` …) may nest.
pub const MAX_MACRO_NESTING: usize = 4;
/// The most elements that the macros and selectors of one evaluation may visit; beyond it the comparison is missing.
pub const MAX_VISITS: u32 = 1 << 20;
/// The most `redact` paths in a query.
pub const MAX_REDACTIONS: usize = 64;
/// The largest text that `json()` and `xml()` decode.
pub const MAX_DECODED_BYTES: usize = 16 << 20;
/// How deep XML elements may nest (serde_json has its own limit of 128).
pub const MAX_XML_DEPTH: usize = 64;
/// The longest text that `+` and `string()` may make.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
