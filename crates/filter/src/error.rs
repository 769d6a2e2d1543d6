//! What is wrong with a query, and where; and what is worth a word though it runs.

use std::fmt;

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, with the text that is.
    pub message: String,
    /// What would have been right; may be empty.
    pub expected: String,
    /// A suggestion: the nearest known name, or another way to write it; may be empty.
    pub hint: String,
}

impl FilterError {
    pub(crate) fn new(query: &str, at: usize, message: impl Into<String>) -> Self {
        let column = column(query, at);
        FilterError { column, message: message.into(), expected: String::new(), hint: String::new() }
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The error under its query, with a caret at the column.
    ///
    /// Long queries are cut to the line of the error and a window around it.
    pub fn render(&self, query: &str) -> String {
        let mut line = Vec::new();
        let mut caret = 0;
        for (position, c) in query.chars().enumerate() {
            if position + 1 == self.column {
                caret = line.len();
            }
            if c == '\n' {
                if position + 1 >= self.column {
                    break;
                }
                line.clear();
                continue;
            }
            line.push(if c.is_control() { ' ' } else { c });
        }
        if self.column > query.chars().count() {
            caret = line.len();
        }
        let from = caret.saturating_sub(RENDERED_BEFORE);
        let shown: String = line.iter().skip(from).take(RENDERED_BEFORE + RENDERED_AFTER).collect();
        let mut text = format!("{shown}\n{}^ {}", " ".repeat(caret - from), self.message);
        if !self.expected.is_empty() {
            text.push_str(&format!("\nexpected {}", self.expected));
        }
        if !self.hint.is_empty() {
            text.push_str(&format!("\nhint: {}", self.hint));
        }
        text
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)?;
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for FilterError {}

/// Something in a query that runs but may not mean what its writer meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The column in characters, from 1.
    pub column: usize,
    /// What to know.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)
    }
}

/// The column of a byte offset, in characters from 1.
pub(crate) fn column(query: &str, at: usize) -> usize {
    query.char_indices().take_while(|(offset, _)| *offset < at).count() + 1
}

/// The known name with the smallest edit distance, where that is small enough to help.
pub(crate) fn nearest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wrong: Vec<char> = wrong.chars().take(MAX_NAME_CHARS + 1).collect();
    if wrong.is_empty() || wrong.len() > MAX_NAME_CHARS {
        return None;
    }
    let most = (wrong.len() / 3).max(1);
    names
        .map(|name| (distance(&wrong, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, name)| (*distance, name.len(), *name))
        .map(|(_, name)| name)
}

/// The edit distance (insert, delete, replace), without regard to case.
fn distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, cb) in b.chars().take(MAX_NAME_CHARS).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (ca, cell) in a.iter().zip(row.iter_mut().skip(1)) {
            let replace = diagonal + usize::from(!ca.eq_ignore_ascii_case(&cb));
            diagonal = *cell;
            left = replace.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// Longer names get no suggestion.
const MAX_NAME_CHARS: usize = 80;
/// How much of the line is shown before the caret.
const RENDERED_BEFORE: usize = 100;
/// How much of the line is shown from the caret on.
const RENDERED_AFTER: usize = 60;
