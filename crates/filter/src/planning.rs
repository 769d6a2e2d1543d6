//! From the compiled test to the plan for stored data.

use lanternfish_model::{FieldTable, Kind};

use crate::expr::{Expr, Field, Function};
use crate::filter::Filter;
use crate::plan::{Check, Comparison, FieldPlan, Plan, TextPlan};
use crate::test::{MapText, Test, TextCheck, plain_field};
use crate::value::{Val, number};

impl Filter {
    /// What can be told about stored data without rebuilding entries; the table must be the one that it was compiled with.
    pub fn plan(&self, table: &FieldTable) -> Plan {
        Planner { table, is_redacted: false }.test(self.test())
    }
}

struct Planner<'a> {
    table: &'a FieldTable,
    /// Whether a redaction comes before: what is read behind it may be changed.
    is_redacted: bool,
}

impl Planner<'_> {
    fn test(&mut self, test: &Test) -> Plan {
        match test {
            Test::Const(value) => Plan::Const(*value),
            Test::Not(inner) => self.test(inner).negated(),
            Test::All(parts) => Plan::all(parts.iter().map(|part| self.test(part)).collect::<Vec<_>>()),
            Test::Any(parts) => Plan::any(parts.iter().map(|part| self.test(part)).collect::<Vec<_>>()),
            Test::Word(protocols, class) => Plan::Word { protocols: *protocols, class: *class, is_negated: false },
            Test::TextPair(left, right, comparison) => {
                Plan::Pair { left: *left, right: *right, comparison: *comparison, is_negated: false }
            }
            Test::General(expr) => self.expr(expr),
            Test::Bool(id) => field(*id, Check::IsTrue, false),
            Test::Has(id) => field(*id, Check::Present, false),
            Test::Int(id, comparison, number) => {
                field(*id, Check::Int(*comparison, *number), comparison.holds(0.cmp(number)))
            }
            Test::IntIn(id, numbers) => field(*id, Check::IntIn(numbers.to_vec()), numbers.contains(&0)),
            Test::Time(id, comparison, ns) => field(*id, Check::Time(*comparison, *ns), comparison.holds(0.cmp(ns))),
            Test::Text(id, check) => {
                let (text, is_negated) = text_plan(check);
                let if_absent = text.holds(b"") != is_negated;
                Plan::Field(FieldPlan { field: *id, check: Check::Text(text), is_negated, if_absent })
            }
            Test::MapText(id, map) => {
                let MapText { name, ignores_case, default, check } = &**map;
                let (text, is_none) = text_plan(check);
                let if_absent = default.as_ref().is_some_and(|default| text.holds(default) != is_none);
                let default = default.as_ref().map(|default| default.to_vec());
                let check = Check::MapText { name: name.to_vec(), is_caseless: *ignores_case, default, text, is_none };
                field(*id, check, if_absent)
            }
            Test::ListHas(id, item, is_caseless) => {
                field(*id, Check::ListHas { item: item.to_vec(), is_caseless: *is_caseless }, false)
            }
            Test::MapHas(id, name, is_caseless) => {
                field(*id, Check::MapHas { name: name.to_vec(), is_caseless: *is_caseless }, false)
            }
        }
    }

    /// A part that is evaluated the general way, in written order.
    fn expr(&mut self, expr: &Expr) -> Plan {
        match expr {
            Expr::Missing => Plan::Const(false),
            Expr::Const(value) => Plan::Const(value.is_true()),
            Expr::Redact(_) => {
                self.is_redacted = true;
                Plan::Const(true)
            }
            Expr::Not(inner) => self.expr(inner).negated(),
            Expr::All(parts) => Plan::all(parts.iter().map(|part| self.expr(part)).collect::<Vec<_>>()),
            Expr::Any(parts) => Plan::any(parts.iter().map(|part| self.expr(part)).collect::<Vec<_>>()),
            Expr::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                let condition = self.expr(condition);
                let (yes, no) = (self.expr(yes), self.expr(no));
                Plan::any([Plan::all([condition.clone(), yes]), Plan::all([condition.negated(), no])])
            }
            _ if self.is_redacted => Plan::Opaque,
            other => match Test::leaf(other, self.table) {
                Some(test) => self.test(&test),
                None => self.leaf(other).unwrap_or(Plan::Opaque),
            },
        }
    }

    /// Tests of one field that have no fast form on entries.
    fn leaf(&self, expr: &Expr) -> Option<Plan> {
        match expr {
            // A number where a bool stands.
            Expr::Path(_) => {
                let operand = plain_field(expr).filter(|field| field.kind == Kind::Int)?;
                Some(field(operand.id, Check::Int(Comparison::NotEqual, 0), false))
            }
            Expr::Regex { is_negated, operand, pattern } => {
                let operand = plain_field(operand).filter(|field| field.kind == Kind::Int)?;
                let check = Check::IntMatches(pattern.whole.clone());
                let plan = field(operand.id, check, pattern.whole.is_match(b"0"));
                Some(present(operand, if *is_negated { plan.negated() } else { plan }))
            }
            Expr::Compare { comparison, sides, as_written: None, .. } => {
                let [left, right] = &**sides;
                let (operand, comparison, value) = match (left.constant(), right.constant()) {
                    (None, Some(value)) => (left, *comparison, value),
                    (Some(value), None) => (right, comparison.mirrored(), value),
                    _ => return None,
                };
                if let Expr::Call(Function::Size, arguments) = operand {
                    return size(arguments, comparison, value);
                }
                let operand = plain_field(operand)?;
                Some(present(operand, compared(operand, comparison, value)?))
            }
            _ => None,
        }
    }
}

/// A comparison of a field with a constant of another type, by value.
fn compared(operand: Field, comparison: Comparison, value: &Val<'static>) -> Option<Plan> {
    let spelled;
    let value = match (operand.kind, value) {
        (Kind::Int | Kind::Double, Val::Text(text)) => {
            spelled = number(text)?;
            &spelled
        }
        _ => value,
    };
    match (operand.kind, value) {
        (Kind::Bool, Val::Bool(value)) if comparison.is_equality() => {
            let plan = field(operand.id, Check::IsTrue, false);
            Some(if *value == (comparison == Comparison::Equal) { plan } else { plan.negated() })
        }
        (Kind::Int, Val::Int(number)) => {
            Some(field(operand.id, Check::Int(comparison, *number), comparison.holds(0.cmp(number))))
        }
        (Kind::Int | Kind::Double, Val::Double(_) | Val::Int(_)) => {
            let number = match value {
                Val::Double(number) if number.is_finite() => *number,
                // Larger ones have no exact floating point form.
                Val::Int(number) if number.unsigned_abs() <= 1 << 53 => *number as f64,
                _ => return None,
            };
            let if_absent = comparison.holds(0.0.partial_cmp(&number)?);
            Some(field(operand.id, Check::Double(comparison, number), if_absent))
        }
        _ => None,
    }
}

/// `size(list)` beside a number.
fn size(arguments: &[Expr], comparison: Comparison, value: &Val<'static>) -> Option<Plan> {
    let ([list], Val::Int(number)) = (arguments, value) else { return None };
    let list = plain_field(list).filter(|field| field.kind == Kind::TextList)?;
    let if_absent = comparison.holds(0.cmp(number));
    Some(present(list, field(list.id, Check::ListSize(comparison, *number), if_absent)))
}

/// A field that can be missing must be there.
fn present(operand: Field, plan: Plan) -> Plan {
    if operand.is_optional { Plan::all([field(operand.id, Check::Present, false), plan]) } else { plan }
}

fn field(field: lanternfish_model::FieldId, check: Check, if_absent: bool) -> Plan {
    Plan::Field(FieldPlan { field, check, is_negated: false, if_absent })
}

/// The test of a text, and whether it is turned round. Addresses are stored as text, and compare as their texts.
fn text_plan(check: &TextCheck) -> (TextPlan, bool) {
    match check {
        TextCheck::Equals { texts, is_caseless, is_negated, .. } => {
            let texts = texts.iter().map(|text| text.to_vec()).collect();
            (TextPlan::Equals { texts, is_caseless: *is_caseless }, *is_negated)
        }
        TextCheck::Contains(finder) => (TextPlan::Contains(finder.needle().to_vec()), false),
        TextCheck::StartsWith(text) => (TextPlan::StartsWith(text.to_vec()), false),
        TextCheck::EndsWith(text) => (TextPlan::EndsWith(text.to_vec()), false),
        TextCheck::Finds(pattern, is_negated) => (TextPlan::Matches(pattern.clone()), *is_negated),
    }
}
