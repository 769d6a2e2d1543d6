//! Queries of both forms of the language, drawn from names and values that a test gives.

use proptest::prelude::*;

/// What queries are made of.
pub struct Words {
    /// Names of numbers.
    pub numbers: &'static [&'static str],
    /// Numbers.
    pub values: &'static [&'static str],
    /// Names of texts.
    pub texts: &'static [&'static str],
    /// Texts in quotes.
    pub literals: &'static [&'static str],
    /// Regular expressions.
    pub patterns: &'static [&'static str],
    /// Lists of texts in quotes.
    pub sets: &'static [&'static str],
    /// Names of lists and maps.
    pub lists: &'static [&'static str],
    /// Whole tests.
    pub tests: &'static [&'static str],
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    prop::sample::select(values).prop_map(str::to_owned)
}

/// Tests of fields, joined by `and`, `or`, `!` and `?:`.
pub fn query(words: &'static Words) -> impl Strategy<Value = String> {
    let order = one_of(&["==", "!=", "<", "<=", ">", ">="]);
    let (text, literal) = (one_of(words.texts), one_of(words.literals));
    let method = one_of(&["contains", "startsWith", "endsWith", "matches"]);
    let leaf = prop_oneof![
        1 => (one_of(words.numbers), order.clone(), one_of(words.values)).prop_map(|(a, b, c)| format!("{a} {b} {c}")),
        1 => (text.clone(), order, literal.clone()).prop_map(|(a, b, c)| format!("{a} {b} {c}")),
        1 => (text.clone(), one_of(&["==", "!="]), one_of(words.patterns)).prop_map(|(a, b, c)| format!("{a} {b} {c}")),
        1 => (text.clone(), method, literal.clone()).prop_map(|(a, b, c)| format!("{a}.{b}({c})")),
        1 => (text, one_of(words.sets)).prop_map(|(a, b)| format!("{a} in {b}")),
        1 => (literal, one_of(words.lists)).prop_map(|(a, b)| format!("{a} in {b}")),
        2 => one_of(words.tests),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))")),
        ]
    })
}
