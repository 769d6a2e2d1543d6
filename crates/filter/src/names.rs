//! Names and selectors: which field or path a chain like `request.headers["a"]` means.

use std::borrow::Cow;

use lanternfish_model::{FieldId, FieldTable, Place};

use crate::ast::{Ast, Node};
use crate::context::is_below;
use crate::decode::Format;
use crate::error::{FilterError, Warning, column, nearest};
use crate::expr::{Expr, Field, Path, Root};
use crate::lower::{Lower, Names, Typed};
use crate::path::{self, Step};
use crate::types::{Base, Type};
use crate::value::Val;

/// One selector of a chain, as written.
enum Selector<'q> {
    Name(Cow<'q, str>),
    Wild,
    Descend(Option<&'q str>),
    Index(i64),
    Computed(&'q Ast),
    Decode(Format),
}

impl Lower<'_> {
    /// A name with its selectors.
    pub fn path(&mut self, ast: &Ast) -> Result<Typed, FilterError> {
        let mut selectors = Vec::new();
        let mut base = ast;
        loop {
            base = match &base.node {
                Node::Select(target, name) => {
                    selectors.push(Selector::Name(Cow::Borrowed(name)));
                    target
                }
                Node::Wild(target) => {
                    selectors.push(Selector::Wild);
                    target
                }
                Node::Descend(target, name) => {
                    selectors.push(Selector::Descend(name.as_deref()));
                    target
                }
                Node::Index(target, index) => {
                    selectors.push(match &index.node {
                        Node::Text { value, .. } | Node::RawText(value) => Selector::Name(Cow::Borrowed(value)),
                        Node::Int(number) => Selector::Index(*number),
                        _ => Selector::Computed(index),
                    });
                    target
                }
                Node::Call { target: Some(target), name, arguments, .. } if arguments.is_empty() => {
                    match Format::of(name) {
                        Some(format) => {
                            selectors.push(Selector::Decode(format));
                            target
                        }
                        None => break,
                    }
                }
                _ => break,
            };
        }
        selectors.reverse();
        let Node::Name(name) = &base.node else {
            return match base.node {
                Node::Root => self.whole(Vec::new(), &selectors, ast),
                _ => {
                    let (expr, kind) = self.expr(base)?;
                    self.selected(Root::Expr(Box::new(expr)), kind, &selectors, false, ast)
                }
            };
        };
        if let Some(number) = self.variables.iter().rposition(|(known, _)| known == name) {
            let kind = self.variables.get(number).map_or(Type::any(), |(_, kind)| *kind);
            return self.selected(Root::Variable(number), kind, &selectors, false, ast);
        }
        match self.names {
            Names::Record => {
                selectors.insert(0, Selector::Name(Cow::Borrowed(name)));
                self.record(&selectors)
            }
            Names::Table(table) => self.named(table, name, &selectors, ast),
        }
    }

    /// A path in a record.
    fn record(&mut self, selectors: &[Selector<'_>]) -> Result<Typed, FilterError> {
        let mut path = Path { root: Root::Record(Vec::new()), steps: Vec::new(), computed: Vec::new(), is_many: false };
        for selector in selectors {
            let step = match selector {
                Selector::Name(name) => path::key_after(&path.steps, name),
                Selector::Wild => path::wild_after(&path.steps),
                Selector::Descend(Some(name)) => Step::Descend((*name).to_owned()),
                Selector::Descend(None) => Step::DescendAll,
                Selector::Index(number) => path::index_after(&path.steps, *number),
                Selector::Decode(format) => Step::Decode(*format),
                Selector::Computed(index) => {
                    let index = self.expr(index)?.0;
                    path.computed.push((path.steps.len(), index));
                    path::index_after(&path.steps, 0)
                }
            };
            path.is_many |= step.is_many();
            path.steps.push(step);
        }
        let mut kind = Type::any();
        kind.is_caseless = match path.steps.as_slice() {
            [Step::Key { name, .. }] => CASELESS_NAMES.contains(&name.as_str()),
            [Step::Key { name: first, .. }, Step::Key { name, .. }] if first == "protocol" => {
                matches!(name.as_str(), "name" | "abbr")
            }
            [.., Step::Key { name, .. }] => name == "headers",
            _ => false,
        };
        Ok((Expr::Path(path), kind))
    }

    /// A chain that begins with the name of a field.
    fn named(
        &mut self,
        table: &FieldTable,
        first: &str,
        selectors: &[Selector<'_>],
        ast: &Ast,
    ) -> Result<Typed, FilterError> {
        let mut names = vec![first];
        names.extend(selectors.iter().map_while(|selector| match selector {
            Selector::Name(name) => Some(name.as_ref()),
            _ => None,
        }));
        for length in (1..=names.len()).rev() {
            let name = names.get(..length).unwrap_or_default().join(".");
            if let Some(id) = table.find(&name) {
                let rest = selectors.get(length - 1..).unwrap_or_default();
                return self.field(table, id, &name, rest, ast);
            }
        }
        let prefix: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let rest = selectors.get(names.len() - 1..).unwrap_or_default();
        if matches!(rest.first(), Some(Selector::Wild | Selector::Descend(_))) && is_prefix(table, &prefix) {
            return self.whole(prefix, rest, ast);
        }
        Err(self.unknown(table, &names.join("."), ast.start))
    }

    /// The fields below a prefix as one record.
    fn whole(&mut self, prefix: Vec<String>, selectors: &[Selector<'_>], _ast: &Ast) -> Result<Typed, FilterError> {
        if let Names::Table(table) = self.names {
            let below = table
                .iter()
                .filter(|(_, spec, place)| !matches!(place, Place::Word { .. }) && is_below(spec.path, &prefix));
            self.fields.extend(below.map(|(id, _, _)| id));
        }
        let (mut expr, kind) = self.record(selectors)?;
        if let Expr::Path(path) = &mut expr {
            path.root = Root::Record(prefix);
        }
        Ok((expr, kind))
    }

    fn field(
        &mut self,
        table: &FieldTable,
        id: FieldId,
        name: &str,
        selectors: &[Selector<'_>],
        ast: &Ast,
    ) -> Result<Typed, FilterError> {
        let spec = table.spec(id);
        if self.fields.insert(id) && !spec.pending.is_empty() {
            let message = format!("{name} has no values yet: {}", spec.pending);
            self.warnings.push(Warning { column: column(self.query, ast.start), message });
        }
        let is_v1 = spec.aliases.contains(&name) || V1_NAMES.contains(&name);
        let field = Field { id, kind: spec.kind, is_optional: is_v1, is_caseless: spec.is_caseless };
        let last = |name: &str| matches!(name.rsplit('.').next(), Some("path" | "url"));
        let is_path = last(name) || last(spec.path);
        self.selected(Root::Field(field), Type::field(spec.kind, is_v1, spec.is_caseless), selectors, is_path, ast)
    }

    /// Selectors on a value of a known type.
    fn selected(
        &mut self,
        root: Root,
        mut kind: Type,
        selectors: &[Selector<'_>],
        mut is_path: bool,
        ast: &Ast,
    ) -> Result<Typed, FilterError> {
        let mut is_header_map = matches!(&root, Root::Field(field) if field.is_caseless);
        let mut path = Path { root, steps: Vec::new(), computed: Vec::new(), is_many: false };
        for selector in selectors {
            let step = match selector {
                Selector::Name(name) => Step::Key { name: name.to_string(), is_caseless: is_header_map },
                Selector::Descend(Some(name)) if kind.base == Base::Map => {
                    Step::Key { name: (*name).to_owned(), is_caseless: is_header_map }
                }
                Selector::Descend(None) if kind.base == Base::Map => Step::Wild { is_path },
                Selector::Descend(Some(name)) => Step::Descend((*name).to_owned()),
                Selector::Descend(None) => Step::DescendAll,
                Selector::Wild => Step::Wild { is_path },
                Selector::Index(number) => Step::Index { number: *number, is_path },
                Selector::Decode(format) => Step::Decode(*format),
                Selector::Computed(index) => {
                    let index = self.expr(index)?.0;
                    path.computed.push((path.steps.len(), index));
                    Step::Index { number: 0, is_path }
                }
            };
            let is_many = kind.is_many || step.is_many();
            let base = kind.compared();
            let below = match (base, selector) {
                (Base::Any, _) | (Base::Text, Selector::Decode(_)) => Some(Type::any()),
                (Base::Map, Selector::Index(_)) if matches!(path.root, Root::Field(_)) => None,
                (Base::Map, Selector::Decode(_)) => None,
                (Base::Map, _) => {
                    Some(if matches!(path.root, Root::Field(_)) { Type::of(Base::Text).loose() } else { Type::any() })
                }
                (Base::List, Selector::Index(_) | Selector::Computed(_) | Selector::Wild) => {
                    Some(Type { base: kind.item, is_caseless: kind.is_caseless, ..Type::any() })
                }
                (Base::Text, Selector::Index(_) | Selector::Computed(_) | Selector::Wild) if is_path => {
                    Some(Type::of(Base::Text).loose())
                }
                // Below a text of a map or of a document there is nothing; that is missing, not wrong.
                (Base::Text, _) if kind.is_loose && !path.steps.is_empty() => return Ok((Expr::Missing, Type::any())),
                _ => None,
            };
            let Some(below) = below else { return self.cannot_select(selector, &kind, ast) };
            path.is_many |= step.is_many();
            kind = if is_many && below.base != Base::Any {
                Type { base: Base::List, item: below.base, is_many: true, ..below }
            } else {
                Type { is_many, ..below }
            };
            path.steps.push(step);
            (is_path, is_header_map) = (false, false);
        }
        if let (Root::Expr(_), true) = (&path.root, path.steps.is_empty()) {
            let Root::Expr(expr) = path.root else { return Ok((Expr::Missing, Type::any())) };
            return Ok((*expr, kind));
        }
        Ok((Expr::Path(path), kind))
    }

    fn cannot_select(&self, selector: &Selector<'_>, kind: &Type, ast: &Ast) -> Result<Typed, FilterError> {
        let shown = ast.text(self.query);
        if let (Names::Table(table), Selector::Name(_)) = (self.names, selector) {
            let name: String = shown.chars().take_while(|c| !matches!(c, '[' | '(')).collect();
            if table.find(&name).is_none() {
                return Err(self.unknown(table, &name, ast.start));
            }
        }
        let what = match selector {
            Selector::Name(_) | Selector::Descend(_) => "has no names below it",
            Selector::Wild => "has no elements",
            Selector::Index(_) | Selector::Computed(_) => "takes no index",
            Selector::Decode(_) => "is not a text that could be decoded",
        };
        self.refuse(self.error(ast.start, format!("in {shown}: {} {what}", kind.name())))
    }

    /// The error for a name that the table does not have.
    pub fn unknown(&self, table: &FieldTable, name: &str, at: usize) -> FilterError {
        let error = self.error(at, format!("unknown name {name}"));
        let prefix: Vec<String> = name.split('.').map(str::to_owned).collect();
        if is_prefix(table, &prefix) {
            let mut below: Vec<&str> =
                table.names().map(|(known, _)| known).filter(|known| is_below(known, &prefix)).collect();
            below.sort_unstable();
            below.truncate(SUGGESTED_NAMES);
            return error.expected(format!("a name that goes on, such as {}", below.join(", ")));
        }
        let error = error.expected("the name of a field or protocol");
        match nearest(name, table.names().map(|(known, _)| known)) {
            Some(known) => error.hint(format!("did you mean {known}?")),
            None if !name.contains('.') => error.hint(format!("put a text in quotes: \"{name}\"")),
            None => error,
        }
    }

    /// What a `redact` path hides: as written, and by the names that records have.
    pub fn redaction_targets(&self, text: &str, at: usize) -> Result<Vec<Vec<Step>>, FilterError> {
        let Some(steps) = path::parse_path(text) else {
            return Err(self
                .error(at, format!("invalid path {text:?}"))
                .expected("a path such as \"request.headers.cookie\" or \"..password\""));
        };
        let Names::Table(table) = self.names else { return Ok(vec![steps]) };
        let names: Vec<&str> = steps
            .iter()
            .map_while(|step| match step {
                Step::Key { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        for length in (1..=names.len()).rev() {
            let Some(id) = table.find(&names.get(..length).unwrap_or_default().join(".")) else { continue };
            let spec = table.spec(id);
            let mut resolved: Vec<Step> = spec.path.split('.').map(Step::key).collect();
            let mut rest = steps.get(length..).unwrap_or_default().to_vec();
            if let Some(Step::Key { is_caseless, .. }) = rest.first_mut() {
                *is_caseless = spec.is_caseless;
            }
            resolved.append(&mut rest);
            return Ok(if resolved == steps { vec![steps] } else { vec![steps, resolved] });
        }
        let prefix: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        if is_prefix(table, &prefix) {
            return Ok(vec![steps]);
        }
        Err(self.unknown(table, &names.join("."), at))
    }
}

/// Whether any field lies below a prefix.
fn is_prefix(table: &FieldTable, prefix: &[String]) -> bool {
    table.names().any(|(known, _)| is_below(known, prefix))
}

/// A text of a constant argument.
pub(crate) fn constant_text(expr: &Expr) -> Option<&str> {
    match expr.constant() {
        Some(Val::Text(text)) => Some(text),
        _ => None,
    }
}

/// Whether an expression is a map whose names are looked up without regard to case.
pub(crate) fn is_caseless_map(expr: &Expr) -> bool {
    matches!(expr, Expr::Path(Path { root: Root::Field(map), steps, .. })
        if steps.is_empty() && map.kind == lanternfish_model::Kind::Map && map.is_caseless)
}

/// Names that the older form alone has though they are no aliases: where an entry lacks them they are missing (rule 5).
const V1_NAMES: &[&str] =
    &["src.name", "dst.name", "src.namespace", "dst.namespace", "request.body", "response.body", "outgoing"];
/// Names of records whose texts compare without regard to case, as their fields do.
const CASELESS_NAMES: &[&str] = &["protocol", "conn_l7_detected", "flow_l7_detected"];
/// How many names an error lists.
const SUGGESTED_NAMES: usize = 5;
