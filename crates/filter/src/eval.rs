//! Evaluates any checked expression, on entries and records alike: the one place that says what the language means.
//!
//! Simple tests on entries have a faster path in `test.rs`, which a property test holds to this one.

use std::borrow::Cow;

use crate::ast::{Arithmetic, Comparison};
use crate::context::Context;
use crate::expr::{Expr, MacroKind, Path, Pattern, Root, TextTest};
use crate::functions;
use crate::limits::MAX_TEXT_BYTES;
use crate::path::{self, Step};
use crate::value::{Missing, Val, compare, moment};

impl Expr {
    /// The truth of an expression; a missing value is false.
    pub fn holds<'e>(&'e self, context: &Context<'e>) -> bool {
        match self {
            Expr::Not(operand) => !operand.holds(context),
            Expr::All(parts) => parts.iter().all(|part| part.holds(context)),
            Expr::Any(parts) => parts.iter().any(|part| part.holds(context)),
            Expr::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                if condition.holds(context) { yes.holds(context) } else { no.holds(context) }
            }
            Expr::Compare { comparison, sides, is_caseless, as_written } => {
                let [left, right] = &**sides;
                let (Ok(a), Ok(b)) = (left.value(context), right.value(context)) else { return false };
                let result = compare(*comparison, &a, &b, *is_caseless);
                let Some(as_written) = as_written else { return result };
                let (a, b) = if as_written.is_left { (&as_written.text, &b) } else { (&a, &as_written.text) };
                let other = compare(*comparison, a, b, *is_caseless);
                if *comparison == Comparison::NotEqual { result && other } else { result || other }
            }
            Expr::Regex { is_negated, operand, pattern } => match operand.value(context) {
                Ok(value) => pattern.finds(&value, true) != *is_negated,
                Err(Missing) => false,
            },
            Expr::In { sides, is_caseless } => {
                let [item, container] = &**sides;
                let (Ok(item), Ok(container)) = (item.value(context), container.value(context)) else { return false };
                is_in(&item, &container, *is_caseless)
            }
            Expr::TextTest { test, operand, argument } => {
                let (Ok(value), Ok(argument)) = (operand.value(context), argument.value(context)) else { return false };
                let Some(argument) = argument.text() else { return false };
                any_text(&value, &mut |text| test.holds(text, &argument))
            }
            Expr::Matches { operand, pattern } => {
                operand.value(context).is_ok_and(|value| pattern.finds(&value, false))
            }
            Expr::Macro { kind: MacroKind::Exists | MacroKind::ExistsOne | MacroKind::All, .. } => {
                self.quantifier(context).unwrap_or(false)
            }
            Expr::Has(operand) => match &**operand {
                Expr::Path(Path { root: Root::Field(field), steps, .. }) if steps.is_empty() => {
                    context.has_field(field)
                }
                other => other.value(context).is_ok(),
            },
            Expr::Redact(range) => {
                context.redact(range.clone());
                true
            }
            _ => self.value(context).is_ok_and(|value| value.is_true()),
        }
    }

    /// The value of an expression.
    pub fn value<'e>(&'e self, context: &Context<'e>) -> Result<Val<'e>, Missing> {
        match self {
            Expr::Missing => Err(Missing),
            Expr::Const(value) => Ok(value.borrowed()),
            Expr::Path(path) => path.value(context),
            Expr::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                if condition.holds(context) { yes.value(context) } else { no.value(context) }
            }
            Expr::Negate(operand) => match operand.value(context)? {
                Val::Int(value) => value.checked_neg().map(Val::Int).ok_or(Missing),
                Val::Double(value) => Ok(Val::Double(-value)),
                Val::Duration(ns) => ns.checked_neg().map(Val::Duration).ok_or(Missing),
                _ => Err(Missing),
            },
            Expr::Arithmetic(operation, sides) => {
                let [left, right] = &**sides;
                arithmetic(*operation, left.value(context)?, right.value(context)?)
            }
            Expr::Call(function, arguments) => functions::call(*function, arguments, context),
            Expr::List(items) => items.iter().map(|item| item.value(context)).collect::<Result<_, _>>().map(Val::List),
            Expr::Dict(pairs) => {
                let pair = |(key, value): &'e (Expr, Expr)| Ok((key.value(context)?, value.value(context)?));
                pairs.iter().map(pair).collect::<Result<_, _>>().map(Val::Dict)
            }
            Expr::Macro { kind: kind @ (MacroKind::Filter | MacroKind::Map), range, body } => {
                let [condition, result] = &**body;
                let mut items = Vec::new();
                each_item(range.value(context)?, context, &mut |item| {
                    if with_variable(context, item.clone(), || condition.holds(context)) {
                        let is_filter = *kind == MacroKind::Filter;
                        items.push(if is_filter {
                            item
                        } else {
                            with_variable(context, item, || result.value(context))?
                        });
                    }
                    Ok(true)
                })?;
                Ok(Val::List(items))
            }
            _ => Ok(Val::Bool(self.holds(context))),
        }
    }

    fn quantifier<'e>(&'e self, context: &Context<'e>) -> Result<bool, Missing> {
        let Expr::Macro { kind, range, body } = self else { return Err(Missing) };
        let [condition, _] = &**body;
        let mut count = 0u32;
        let mut is_stopped = false;
        each_item(range.value(context)?, context, &mut |item| {
            let holds = with_variable(context, item, || condition.holds(context));
            count = count.saturating_add(u32::from(holds));
            is_stopped = match kind {
                MacroKind::Exists => holds,
                MacroKind::All => !holds,
                _ => count > 1,
            };
            Ok(!is_stopped)
        })?;
        Ok(match kind {
            MacroKind::Exists => is_stopped,
            MacroKind::All => !is_stopped,
            _ => count == 1,
        })
    }
}

/// Runs a macro's body with its variable set.
fn with_variable<'e, T>(context: &Context<'e>, item: Val<'e>, body: impl FnOnce() -> T) -> T {
    context.variables.borrow_mut().push(item);
    let result = body();
    context.variables.borrow_mut().pop();
    result
}

/// Visits the items of a list, or the keys of a map, until told to stop.
fn each_item<'e>(
    range: Val<'e>,
    context: &Context<'e>,
    visit: &mut dyn FnMut(Val<'e>) -> Result<bool, Missing>,
) -> Result<(), Missing> {
    let mut all = |items: &mut dyn Iterator<Item = Val<'e>>| {
        for item in items {
            context.visit()?;
            if !visit(item)? {
                break;
            }
        }
        Ok(())
    };
    match range {
        Val::Texts(list) => all(&mut list.iter_bytes().map(Val::of_bytes)),
        Val::List(items) => all(&mut items.into_iter()),
        Val::Map(map, _) => all(&mut map.iter_bytes().map(|(name, _)| Val::of_bytes(name))),
        Val::Dict(pairs) => all(&mut pairs.into_iter().map(|(key, _)| key)),
        Val::Object(object) => {
            let keys: Vec<String> = object.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default();
            all(&mut keys.into_iter().map(|key| Val::Text(Cow::Owned(key))))
        }
        _ => Err(Missing),
    }
}

impl Path {
    fn value<'e>(&'e self, context: &Context<'e>) -> Result<Val<'e>, Missing> {
        if self.steps.is_empty() {
            return self.root(context);
        }
        let resolved;
        let steps = if self.computed.is_empty() {
            &self.steps
        } else {
            resolved = self.resolve(context)?;
            &resolved
        };
        let mut found = Found { values: Vec::new(), first: None };
        match &self.root {
            Root::Record(prefix) => context.record(prefix, steps, &mut |json| found.add(Val::of_json(json))),
            _ => select(self.root(context)?, steps, context, &mut found),
        }
        found.finish(self.is_many)
    }

    /// The steps with those indexes that are only known at run time.
    fn resolve<'e>(&'e self, context: &Context<'e>) -> Result<Vec<Step>, Missing> {
        let mut steps = self.steps.clone();
        for (at, index) in &self.computed {
            let value = index.value(context)?;
            let (before, rest) = steps.split_at_mut_checked(*at).ok_or(Missing)?;
            let step = rest.first_mut().ok_or(Missing)?;
            match (value, &mut *step) {
                (Val::Int(known), Step::Index { number, .. }) => *number = known,
                (Val::Text(name), _) => {
                    let is_header = matches!(&self.root, Root::Field(map) if map.is_caseless && before.is_empty());
                    *step = match path::key_after(before, &name) {
                        Step::Key { name, is_caseless } => Step::Key { name, is_caseless: is_caseless || is_header },
                        other => other,
                    };
                }
                _ => return Err(Missing),
            }
        }
        Ok(steps)
    }

    fn root<'e>(&'e self, context: &Context<'e>) -> Result<Val<'e>, Missing> {
        match &self.root {
            Root::Field(field) => context.field(field),
            Root::Variable(number) => context.variables.borrow().get(*number).cloned().ok_or(Missing),
            Root::Expr(expr) => expr.value(context),
            Root::Record(prefix) => {
                let mut found = Found { values: Vec::new(), first: None };
                context.record(prefix, &[], &mut |json| found.add(Val::of_json(json)));
                found.finish(false)
            }
        }
    }
}

/// What a path found; one value needs no allocation.
struct Found<'e> {
    first: Option<Val<'e>>,
    values: Vec<Val<'e>>,
}

impl<'e> Found<'e> {
    fn add(&mut self, value: Val<'e>) {
        match self.first {
            None => self.first = Some(value),
            Some(_) => self.values.push(value),
        }
    }

    /// Several values, or one where a name of a map is not repeated.
    fn finish(mut self, is_many: bool) -> Result<Val<'e>, Missing> {
        let first = self.first.ok_or(Missing)?;
        if !is_many && self.values.is_empty() {
            return Ok(first);
        }
        self.values.insert(0, first);
        Ok(Val::List(self.values))
    }
}

/// Runs selectors on a value.
fn select<'e>(value: Val<'e>, steps: &[Step], context: &Context<'e>, found: &mut Found<'e>) {
    let Some((step, rest)) = steps.split_first() else { return found.add(value) };
    if context.visit().is_err() {
        return;
    }
    match (value, step) {
        (Val::Map(map, is_caseless), Step::Key { name, .. }) => {
            for (key, value) in map.iter_bytes() {
                let is_it =
                    if is_caseless { key.eq_ignore_ascii_case(name.as_bytes()) } else { key == name.as_bytes() };
                if is_it {
                    select(Val::of_bytes(value), rest, context, found);
                }
            }
        }
        (Val::Map(map, _), Step::Wild { .. }) => {
            map.iter_bytes().for_each(|(_, value)| select(Val::of_bytes(value), rest, context, found));
        }
        (Val::Texts(list), Step::Index { number, .. }) => {
            let at = path::position(*number, list.len());
            if let Some(item) = at.and_then(|at| list.iter_bytes().nth(at)) {
                select(Val::of_bytes(item), rest, context, found);
            }
        }
        (Val::Texts(list), Step::Wild { .. }) => {
            list.iter_bytes().for_each(|item| select(Val::of_bytes(item), rest, context, found));
        }
        (Val::List(mut items), Step::Index { number, .. }) => {
            if let Some(at) = path::position(*number, items.len()) {
                select(items.swap_remove(at), rest, context, found);
            }
        }
        (Val::List(items), Step::Wild { .. }) => items.into_iter().for_each(|item| select(item, rest, context, found)),
        (Val::Dict(pairs), Step::Key { name, .. }) => {
            let is_it = |(key, _): &(Val<'_>, Val<'_>)| matches!(key, Val::Text(text) if text == name);
            if let Some((_, value)) = pairs.into_iter().find(is_it) {
                select(value, rest, context, found);
            }
        }
        (Val::Dict(pairs), Step::Index { number, .. }) => {
            if let Some((_, value)) = pairs.into_iter().find(|(key, _)| matches!(key, Val::Int(key) if key == number)) {
                select(value, rest, context, found);
            }
        }
        (Val::Dict(pairs), Step::Wild { .. }) => {
            pairs.into_iter().for_each(|(_, value)| select(value, rest, context, found));
        }
        (Val::Text(text), Step::Index { number, is_path: true }) => {
            if let Some(segment) = path::segment(&text, *number) {
                select(Val::Text(Cow::Owned(segment.to_owned())), rest, context, found);
            }
        }
        (Val::Text(text), Step::Wild { is_path: true }) => {
            for segment in path::segments(&text) {
                select(Val::Text(Cow::Owned(segment.to_owned())), rest, context, found);
            }
        }
        (value @ Val::Text(_), Step::Decode(format)) => {
            if let Ok(document) = context.decode(&value, *format) {
                context.walk(&document, rest, &mut |json| found.add(Val::of_json(json)));
            }
        }
        (Val::List(items), Step::Descend(_) | Step::DescendAll | Step::Decode(_) | Step::Key { .. }) => {
            // What a wildcard found is selected from one by one; `..` looks into the items of a list anyway.
            items.into_iter().for_each(|item| select(item, steps, context, found));
        }
        (Val::Object(object), _) => {
            context.walk(&object, steps, &mut |json| found.add(Val::of_json(json)));
        }
        _ => {}
    }
}

impl Pattern {
    /// Whether it is found in a text or in any item of a list; for `==` it must match the whole of a number.
    pub fn finds(&self, value: &Val<'_>, is_comparison: bool) -> bool {
        any_value(value, &mut |value| match value {
            Val::Int(_) | Val::Double(_) if is_comparison => {
                value.text().is_some_and(|text| self.whole.is_match(&text))
            }
            _ => value.text().is_some_and(|text| self.search.is_match(&text)),
        })
    }
}

impl TextTest {
    /// Whether the test holds for a text.
    pub fn holds(self, text: &[u8], argument: &[u8]) -> bool {
        match self {
            TextTest::Contains => memchr::memmem::find(text, argument).is_some(),
            TextTest::StartsWith => argument.is_empty() || text.starts_with(argument),
            TextTest::EndsWith => argument.is_empty() || text.ends_with(argument),
        }
    }
}

fn any_value(value: &Val<'_>, test: &mut dyn FnMut(&Val<'_>) -> bool) -> bool {
    match value.items() {
        Some(items) => items.iter().any(|item| any_value(item, test)),
        None => test(value),
    }
}

fn any_text(value: &Val<'_>, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    any_value(value, &mut |value| value.text().is_some_and(|text| test(&text)))
}

/// Whether a list holds an item, or a map a name.
fn is_in(item: &Val<'_>, container: &Val<'_>, is_caseless: bool) -> bool {
    let name = || item.text();
    match container {
        Val::Texts(list) => {
            list.iter_bytes().any(|other| compare(Comparison::Equal, item, &Val::of_bytes(other), is_caseless))
        }
        Val::List(items) => items.iter().any(|other| compare(Comparison::Equal, item, other, is_caseless)),
        Val::Map(map, ignores_case) => name().is_some_and(|name| map.find(&name, *ignores_case).is_some()),
        Val::Object(object) => name().is_some_and(|name| {
            let name = String::from_utf8_lossy(&name);
            let keys = object.as_object();
            keys.is_some_and(|keys| {
                keys.contains_key(&*name) || is_caseless && keys.keys().any(|key| key.eq_ignore_ascii_case(&name))
            })
        }),
        Val::Dict(pairs) => pairs.iter().any(|(key, _)| compare(Comparison::Equal, item, key, false)),
        _ => false,
    }
}

/// `+ - * / %`; what overflows, divides by zero or does not fit is missing (rule 11).
fn arithmetic<'e>(operation: Arithmetic, a: Val<'e>, b: Val<'e>) -> Result<Val<'e>, Missing> {
    use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
    let value = match (operation, a, b) {
        (_, Val::Int(a), Val::Int(b)) => {
            return match operation {
                Add => a.checked_add(b),
                Subtract => a.checked_sub(b),
                Multiply => a.checked_mul(b),
                Divide => a.checked_div(b),
                Remainder => a.checked_rem(b),
            }
            .map(Val::Int)
            .ok_or(Missing);
        }
        (_, Val::Int(a), b @ Val::Double(_)) => return arithmetic(operation, Val::Double(a as f64), b),
        (_, a @ Val::Double(_), Val::Int(b)) => return arithmetic(operation, a, Val::Double(b as f64)),
        (_, Val::Double(a), Val::Double(b)) => Val::Double(match operation {
            Add => a + b,
            Subtract => a - b,
            Multiply => a * b,
            Divide => a / b,
            Remainder => return Err(Missing),
        }),
        (Add, Val::Text(a), Val::Text(b)) if a.len() + b.len() <= MAX_TEXT_BYTES => Val::Text(a + b),
        (Add, Val::Bytes(a), Val::Bytes(b)) if a.len() + b.len() <= MAX_TEXT_BYTES => {
            Val::Bytes(Cow::Owned([a.as_ref(), b.as_ref()].concat()))
        }
        (Add, Val::Time(time), Val::Duration(ns)) | (Add, Val::Duration(ns), Val::Time(time)) => Val::Time(time + ns),
        (Subtract, Val::Time(time), Val::Duration(ns)) => Val::Time(time - ns),
        (Subtract, Val::Time(a), Val::Time(b)) => Val::Duration(a.since(b)),
        // What only the evaluation knows to be a moment: a number of milliseconds or a text, as in comparisons.
        (Add | Subtract, a @ (Val::Int(_) | Val::Double(_) | Val::Text(_)), b @ (Val::Duration(_) | Val::Time(_)))
            if operation == Subtract || matches!(b, Val::Duration(_)) =>
        {
            return arithmetic(operation, Val::Time(moment(&a).ok_or(Missing)?), b);
        }
        (Add, a @ Val::Duration(_), b @ (Val::Int(_) | Val::Double(_) | Val::Text(_))) => {
            return arithmetic(operation, a, Val::Time(moment(&b).ok_or(Missing)?));
        }
        (Subtract, a @ Val::Time(_), b @ (Val::Int(_) | Val::Double(_) | Val::Text(_))) => {
            return arithmetic(operation, a, Val::Time(moment(&b).ok_or(Missing)?));
        }
        (Add, Val::Duration(a), Val::Duration(b)) => Val::Duration(a.checked_add(b).ok_or(Missing)?),
        (Subtract, Val::Duration(a), Val::Duration(b)) => Val::Duration(a.checked_sub(b).ok_or(Missing)?),
        (Add, Val::List(mut a), Val::List(b)) => {
            a.extend(b);
            Val::List(a)
        }
        (Add, Val::Texts(a), b) => {
            return arithmetic(operation, Val::List(a.iter_bytes().map(Val::of_bytes).collect()), b);
        }
        (Add, a @ Val::List(_), Val::Texts(b)) => {
            return arithmetic(operation, a, Val::List(b.iter_bytes().map(Val::of_bytes).collect()));
        }
        _ => return Err(Missing),
    };
    Ok(value)
}
