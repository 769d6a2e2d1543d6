//! A filter in words, and its clauses: what is joined by its outermost `&&`.

use lanternfish_model::{FieldTable, Place, WordClass};

use crate::ast::{Ast, Binary, Comparison, Node};
use crate::error::FilterError;
use crate::filter::Filter;
use crate::parse::parse;

/// A clause of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseText {
    /// The byte of the query where it begins.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
    /// As it is written.
    pub text: String,
    /// In words.
    pub words: String,
}

impl Filter {
    /// The filter in words.
    pub fn words(&self, table: &FieldTable) -> String {
        match parse(self.query()) {
            Ok(parsed) => match &parsed.ast {
                Some(ast) => words(ast, self.query(), table),
                None => "everything".to_owned(),
            },
            Err(_) => self.query().to_owned(),
        }
    }

    /// The clauses of the filter in written order; each is a filter by itself. An empty filter has none.
    pub fn clauses(&self, table: &FieldTable) -> Result<Vec<ClauseText>, FilterError> {
        let Some(ast) = parse(self.query())?.ast else { return Ok(Vec::new()) };
        let parts = match &ast.node {
            Node::Logic { is_and: true, parts, .. } => parts.as_slice(),
            _ => std::slice::from_ref(&ast),
        };
        let clause = |part: &Ast| ClauseText {
            start: part.start,
            end: part.end.min(self.query().len()),
            text: part.text(self.query()).to_owned(),
            words: words(part, self.query(), table),
        };
        Ok(parts.iter().map(clause).collect())
    }
}

fn words(ast: &Ast, query: &str, table: &FieldTable) -> String {
    let say = |part: &Ast| words(part, query, table);
    let shown = |part: &Ast| part.text(query).to_owned();
    match &ast.node {
        Node::Logic { is_and, parts, .. } => {
            let said: Vec<String> = parts.iter().map(|part| grouped(part, say(part))).collect();
            said.join(if *is_and { " and " } else { " or " })
        }
        Node::Not(inner) => match &inner.node {
            Node::Name(_) | Node::Select(..) => match word_of(inner, query, table) {
                Some(word) => format!("it is not {word}"),
                None => format!("{} is not true", shown(inner)),
            },
            _ => format!("not ({})", say(inner)),
        },
        Node::Binary(Binary::Compare(comparison), left, right) => {
            let is_pattern = |side: &Ast| matches!(side.node, Node::RawText(_));
            let (left, right, comparison) = if is_constant(left) && !is_constant(right) {
                (right, left, comparison.mirrored())
            } else {
                (left, right, *comparison)
            };
            let verb = match comparison {
                Comparison::Equal if is_pattern(right) => "matches",
                Comparison::NotEqual if is_pattern(right) => "does not match",
                Comparison::Equal => "is",
                Comparison::NotEqual => "is not",
                Comparison::Less => "is less than",
                Comparison::LessOrEqual => "is at most",
                Comparison::Greater => "is more than",
                Comparison::GreaterOrEqual => "is at least",
            };
            format!("{} {verb} {}", shown(left), shown(right))
        }
        Node::In(item, container) => match &container.node {
            Node::List(items) => {
                let items: Vec<String> = items.iter().map(shown).collect();
                format!("{} is one of {}", shown(item), items.join(", "))
            }
            _ => format!("{} has {}", shown(container), shown(item)),
        },
        Node::Call { target: Some(target), name, arguments, .. } => {
            let verb = match name.as_str() {
                "contains" => "contains",
                "startsWith" => "begins with",
                "endsWith" => "ends with",
                "matches" => "matches",
                _ => return shown(ast),
            };
            let arguments: Vec<String> = arguments.iter().map(shown).collect();
            format!("{} {verb} {}", shown(target), arguments.join(", "))
        }
        Node::Call { target: None, name, arguments, .. } => {
            let arguments: Vec<String> = arguments.iter().map(shown).collect();
            match name.as_str() {
                "limit" => format!("at most {} entries", arguments.join(", ")),
                "redact" => format!("with {} hidden", arguments.join(", ")),
                "has" => format!("there is {}", arguments.join(", ")),
                _ => shown(ast),
            }
        }
        Node::Choice(parts) => {
            let [condition, yes, no] = &**parts;
            format!("if {} then {}, else {}", say(condition), say(yes), say(no))
        }
        Node::Name(_) | Node::Select(..) => match word_of(ast, query, table) {
            Some(word) => format!("it is {word}"),
            None => format!("{} is true", shown(ast)),
        },
        Node::Bool(true) => "everything".to_owned(),
        Node::Bool(false) => "nothing".to_owned(),
        _ => shown(ast),
    }
}

/// Words of a part within a larger sentence: in parentheses where they would read otherwise.
fn grouped(part: &Ast, said: String) -> String {
    match part.node {
        Node::Logic { .. } | Node::Choice(_) => format!("({said})"),
        _ => said,
    }
}

/// What a protocol word stands for.
fn word_of(ast: &Ast, query: &str, table: &FieldTable) -> Option<String> {
    let name = ast.text(query);
    let Place::Word { protocols, class } = table.place(table.find(name)?) else { return None };
    let of = |(position, _): &(usize, &&lanternfish_model::ProtocolSpec)| {
        u8::try_from(*position).is_ok_and(|index| protocols.contains(lanternfish_model::ProtocolIndex(index)))
    };
    let titles: Vec<&str> = table.protocols().iter().enumerate().filter(of).map(|(_, spec)| spec.title).collect();
    let title = if titles.len() == 1 { titles.concat() } else { name.to_owned() };
    Some(match class {
        WordClass::Any => title,
        WordClass::Connection => format!("a {title} connection"),
        WordClass::Flow => format!("a {title} flow"),
    })
}

fn is_constant(ast: &Ast) -> bool {
    matches!(ast.node, Node::Text { .. } | Node::RawText(_) | Node::Int(_) | Node::Double(_) | Node::Bool(_))
}
