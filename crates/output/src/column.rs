//! The columns that a user asked for with `--fields`: field names, their aliases, and single keys of a map.

use lanternfish_model::{FieldId, FieldTable, Kind};

use crate::nearest;

/// A column: a field under the name that the user gave it, or one key of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name as it was given, which stands in the header of CSV.
    pub name: String,
    /// The field.
    pub field: FieldId,
    /// The key, where only one of a map is wanted (`request.headers["host"]`).
    pub key: Option<Box<str>>,
    /// Whether the key is looked up without regard to case.
    pub is_caseless: bool,
}

/// Why a list of columns can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// No such field.
    #[error("unknown field `{name}`{}", .hint.map(|hint| format!(", did you mean `{hint}`?")).unwrap_or_default())]
    Unknown {
        /// The name that was given.
        name: String,
        /// The nearest known one.
        hint: Option<&'static str>,
    },
    /// A key of something that is not a map.
    #[error("`{name}`: the field `{field}` is of type {kind} and has no keys")]
    NotAMap {
        /// The name that was given.
        name: String,
        /// The field.
        field: &'static str,
        /// Its type.
        kind: &'static str,
    },
    /// Two commas in a row, or nothing at all.
    #[error("a field name is missing in `{0}`")]
    Empty(String),
    /// A bracket or quote without its end.
    #[error("a bracket or quote is not closed in `{0}`")]
    Unclosed(String),
}

impl Column {
    /// The columns of a comma-separated list.
    pub fn parse_list(table: &FieldTable, list: &str) -> Result<Vec<Column>, ColumnError> {
        split(list)?.into_iter().map(|name| Column::parse(table, name)).collect()
    }

    /// The column of one name: a field, an alias, `map["key"]` or `map.key`.
    pub fn parse(table: &FieldTable, name: &str) -> Result<Column, ColumnError> {
        if let Some(field) = table.find(name) {
            return Ok(Column { name: name.to_owned(), field, key: None, is_caseless: false });
        }
        if let Some((path, key)) = name.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
            let field = table.find(path).ok_or_else(|| unknown(table, path))?;
            let key = unquote(key).ok_or_else(|| ColumnError::Unclosed(name.to_owned()))?;
            return of_map(table, name, field, key);
        }
        for (at, _) in name.rmatch_indices('.') {
            if let (Some(path), Some(key)) = (name.get(..at), name.get(at + 1..))
                && let Some(field) = table.find(path)
                && !key.is_empty()
            {
                return of_map(table, name, field, key);
            }
        }
        Err(unknown(table, name))
    }
}

fn of_map(table: &FieldTable, name: &str, field: FieldId, key: &str) -> Result<Column, ColumnError> {
    let spec = table.spec(field);
    if spec.kind != Kind::Map {
        return Err(ColumnError::NotAMap { name: name.to_owned(), field: spec.path, kind: spec.kind.name() });
    }
    Ok(Column { name: name.to_owned(), field, key: Some(key.into()), is_caseless: spec.is_caseless })
}

fn unknown(table: &FieldTable, name: &str) -> ColumnError {
    let names = table.iter().flat_map(|(_, spec, _)| std::iter::once(spec.path).chain(spec.other_names()));
    let hint = nearest::nearest(name, names);
    ColumnError::Unknown { name: name.to_owned(), hint }
}

fn unquote(key: &str) -> Option<&str> {
    let quote = key.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    key.strip_prefix(quote)?.strip_suffix(quote)
}

/// The names between the commas that stand outside brackets.
fn split(list: &str) -> Result<Vec<&str>, ColumnError> {
    let mut names = Vec::new();
    let (mut start, mut quote, mut depth) = (0, None, 0u32);
    for (at, character) in list.char_indices() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if depth > 0 => quote = Some(character),
            (None, '[') => depth = depth.saturating_add(1),
            (None, ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                names.push(list.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if quote.is_some() || depth > 0 {
        return Err(ColumnError::Unclosed(list.to_owned()));
    }
    names.push(list.get(start..).unwrap_or_default().trim());
    if names.iter().any(|name| name.is_empty()) {
        return Err(ColumnError::Empty(list.to_owned()));
    }
    Ok(names)
}
