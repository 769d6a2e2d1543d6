//! From the plan of a filter to expressions over the columns of one file: what the engine can prune with becomes its own
//! comparisons, the rest tests of columns; none ever yields NULL.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, IsNotNullExpr, IsNullExpr, Literal, in_list, lit};
use lanternfish_columns::hidden;
use lanternfish_filter::plan::{Check, FieldPlan, TextPlan};
use lanternfish_filter::{Comparison, Plan};
use lanternfish_model::{FieldId, FieldTable, Timestamp, WordClass, fields};

use crate::Window;
use crate::check::{CheckExpr, PairExpr};

/// The expressions for one schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Predicate {
    /// All must hold; the cheap ones come first.
    pub conjuncts: Vec<Arc<dyn PhysicalExpr>>,
    /// Whether no row meets it.
    pub is_never: bool,
}

/// Makes the expressions for a schema; the plan must be the one for the protocol. Where rows have values that their
/// columns cannot hold exactly, those rows meet the expressions: the filter itself must be asked.
pub(crate) fn predicate(
    table: &FieldTable,
    schema: &Schema,
    plan: &Plan,
    window: Window,
    has_raw: bool,
) -> Result<Predicate> {
    let mut made = Predicate::default();
    let maker = Maker { table, schema };
    let bounds = [(window.from, Operator::GtEq), (window.to, Operator::LtEq)];
    for (bound, operator) in bounds {
        if let (Some(bound), Some(column)) = (bound, maker.column(fields::TIMESTAMP.0.into())) {
            made.conjuncts.push(maker.native(&column, operator, maker.time(&column, bound))?);
        }
    }
    let parts = match plan {
        Plan::Const(true) => &[][..],
        Plan::All(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut tests = Vec::new();
    for part in parts {
        match maker.expr(part)? {
            Made::Always => {}
            Made::Never if has_raw => tests.push((0, lit(false))),
            Made::Never => made.is_never = true,
            Made::Test(test) => tests.push((cost(part), test)),
        }
    }
    if let Some((index, _)) = schema.column_with_name(hidden::RAW).filter(|_| has_raw) {
        let raw: Arc<dyn PhysicalExpr> = Arc::new(Column::new(hidden::RAW, index));
        for (_, test) in &mut tests {
            let is_raw = Arc::new(IsNotNullExpr::new(Arc::clone(&raw)));
            *test = Arc::new(BinaryExpr::new(is_raw, Operator::Or, Arc::clone(test)));
        }
    }
    tests.sort_by_key(|(cost, _)| *cost);
    made.conjuncts.extend(tests.into_iter().map(|(_, test)| test));
    Ok(made)
}

/// All of several expressions, or `None` where there is none.
pub(crate) fn all_of(parts: impl IntoIterator<Item = Arc<dyn PhysicalExpr>>) -> Option<Arc<dyn PhysicalExpr>> {
    parts.into_iter().reduce(|a, b| Arc::new(BinaryExpr::new(a, Operator::And, b)))
}

enum Made {
    Always,
    Never,
    Test(Arc<dyn PhysicalExpr>),
}

struct Maker<'a> {
    table: &'a FieldTable,
    schema: &'a Schema,
}

/// A column and what the schema says of it.
struct Known {
    expr: Arc<dyn PhysicalExpr>,
    data_type: DataType,
    is_nullable: bool,
}

impl Maker<'_> {
    fn expr(&self, plan: &Plan) -> Result<Made> {
        Ok(match plan {
            Plan::Const(true) | Plan::Opaque => Made::Always,
            Plan::Const(false) => Made::Never,
            Plan::All(parts) => {
                let mut tests = Vec::new();
                for part in parts {
                    match self.expr(part)? {
                        Made::Always => {}
                        Made::Never => return Ok(Made::Never),
                        Made::Test(test) => tests.push(test),
                    }
                }
                all_of(tests).map_or(Made::Always, Made::Test)
            }
            Plan::Any(parts) => {
                let mut tests = Vec::new();
                for part in parts {
                    match self.expr(part)? {
                        Made::Always => return Ok(Made::Always),
                        Made::Never => {}
                        Made::Test(test) => tests.push(test),
                    }
                }
                let any = tests.into_iter().reduce(|a, b| Arc::new(BinaryExpr::new(a, Operator::Or, b)));
                any.map_or(Made::Never, Made::Test)
            }
            Plan::Word { class, is_negated, .. } => {
                // The protocol decided all else.
                let field = match class {
                    WordClass::Connection => fields::CONN,
                    WordClass::Flow => fields::FLOW,
                    WordClass::Any => return Ok(if *is_negated { Made::Never } else { Made::Always }),
                };
                let plan = FieldPlan {
                    field: FieldId(field.0),
                    check: Check::IsTrue,
                    is_negated: *is_negated,
                    if_absent: *is_negated,
                };
                self.field(&plan)?
            }
            Plan::Field(plan) => self.field(plan)?,
            Plan::Pair { left, right, comparison, is_negated } => {
                let side = |field: FieldId| match self.column(field.0.into()) {
                    Some(column) => column.expr,
                    None => lit(ScalarValue::Utf8(Some(String::new()))),
                };
                Made::Test(Arc::new(PairExpr::new([side(*left), side(*right)], *comparison, *is_negated)))
            }
        })
    }

    fn column(&self, field: usize) -> Option<Known> {
        let path = self.table.spec(FieldId(field as u16)).path;
        let (index, field) = self.schema.column_with_name(path)?;
        Some(Known {
            expr: Arc::new(Column::new(path, index)),
            data_type: field.data_type().clone(),
            is_nullable: field.is_nullable(),
        })
    }

    fn field(&self, plan: &FieldPlan) -> Result<Made> {
        let Some(column) = self.column(plan.field.0.into()) else {
            // An older segment may lack the column: none of its entries has a value.
            return Ok(if plan.if_absent { Made::Always } else { Made::Never });
        };
        let test = match self.of_values(&column, plan)? {
            Some(test) => test,
            None => return Ok(Made::Test(Arc::new(CheckExpr::new(column.expr, plan.clone())))),
        };
        Ok(Made::Test(match (column.is_nullable, plan.if_absent) {
            (false, _) => test,
            (true, true) => Arc::new(BinaryExpr::new(Arc::new(IsNullExpr::new(column.expr)), Operator::Or, test)),
            (true, false) => Arc::new(BinaryExpr::new(Arc::new(IsNotNullExpr::new(column.expr)), Operator::And, test)),
        }))
    }

    /// The engine's own comparison for a value that is there, where it has one that means the same.
    fn of_values(&self, column: &Known, plan: &FieldPlan) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let is_negated = plan.is_negated;
        Ok(match (&plan.check, value_type(&column.data_type)) {
            (Check::Present, _) => Some(lit(!is_negated)),
            (Check::IsTrue, DataType::Boolean) => Some(self.native(column, Operator::Eq, Some(lit(!is_negated)))?),
            (Check::Int(comparison, number), DataType::Int64) => {
                Some(self.native(column, operator(*comparison, is_negated), Some(lit(*number)))?)
            }
            (Check::IntIn(numbers), DataType::Int64) if !numbers.is_empty() => {
                let list = numbers.iter().map(|number| lit(*number)).collect();
                Some(in_list(Arc::clone(&column.expr), list, &is_negated, self.schema)?)
            }
            (Check::Time(comparison, ns), DataType::Timestamp(TimeUnit::Nanosecond, _)) => {
                let bound = self.time(column, Timestamp::from_ns(*ns));
                Some(self.native(column, operator(*comparison, is_negated), bound)?)
            }
            (
                Check::Text(TextPlan::Equals { texts, is_caseless: false }),
                DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8,
            ) if (1..=MAX_EQUALS).contains(&texts.len()) => {
                let mut any: Option<Arc<dyn PhysicalExpr>> = None;
                for text in texts {
                    // A text that is not UTF-8 is never found in such a column.
                    let Ok(text) = std::str::from_utf8(text) else { return Ok(None) };
                    let (sign, join) =
                        if is_negated { (Operator::NotEq, Operator::And) } else { (Operator::Eq, Operator::Or) };
                    let test = self.native(column, sign, Some(text_literal(text, value_type(&column.data_type))))?;
                    any = Some(match any {
                        None => test,
                        Some(other) => Arc::new(BinaryExpr::new(other, join, test)),
                    });
                }
                any
            }
            _ => None,
        })
    }

    fn native(
        &self,
        column: &Known,
        operator: Operator,
        literal: Option<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let literal = literal.unwrap_or_else(|| lit(ScalarValue::Null));
        Ok(Arc::new(BinaryExpr::new(Arc::clone(&column.expr), operator, literal)))
    }

    fn time(&self, column: &Known, bound: Timestamp) -> Option<Arc<dyn PhysicalExpr>> {
        let DataType::Timestamp(TimeUnit::Nanosecond, zone) = &column.data_type else { return None };
        Some(Arc::new(Literal::new(ScalarValue::TimestampNanosecond(Some(bound.ns()), zone.clone()))))
    }
}

/// The type of the values of a column.
fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

fn text_literal(text: &str, data_type: &DataType) -> Arc<dyn PhysicalExpr> {
    let text = Some(text.to_owned());
    lit(match data_type {
        DataType::Utf8View => ScalarValue::Utf8View(text),
        DataType::LargeUtf8 => ScalarValue::LargeUtf8(text),
        _ => ScalarValue::Utf8(text),
    })
}

fn operator(comparison: Comparison, is_negated: bool) -> Operator {
    match (comparison, is_negated) {
        (Comparison::Equal, false) | (Comparison::NotEqual, true) => Operator::Eq,
        (Comparison::NotEqual, false) | (Comparison::Equal, true) => Operator::NotEq,
        (Comparison::Less, false) | (Comparison::GreaterOrEqual, true) => Operator::Lt,
        (Comparison::LessOrEqual, false) | (Comparison::Greater, true) => Operator::LtEq,
        (Comparison::Greater, false) | (Comparison::LessOrEqual, true) => Operator::Gt,
        (Comparison::GreaterOrEqual, false) | (Comparison::Less, true) => Operator::GtEq,
    }
}

/// Roughly what a test costs a row.
fn cost(plan: &Plan) -> u32 {
    match plan {
        Plan::Const(_) | Plan::Opaque => 0,
        Plan::Word { .. } => 1,
        Plan::Pair { .. } => 20,
        Plan::All(parts) | Plan::Any(parts) => parts.iter().fold(1, |sum, part| sum.saturating_add(cost(part))),
        Plan::Field(field) => match &field.check {
            Check::Present | Check::IsTrue => 1,
            Check::Int(..) | Check::IntIn(_) | Check::Time(..) | Check::Double(..) | Check::IntMatches(_) => 2,
            Check::Text(TextPlan::Equals { .. }) => 4,
            Check::Text(TextPlan::Matches(_)) => 12,
            Check::Text(_) => 8,
            Check::ListHas { .. } | Check::ListSize(..) => 30,
            Check::MapText { .. } | Check::MapHas { .. } => 60,
        },
    }
}

/// More texts than this are looked up by one test instead of as many comparisons.
const MAX_EQUALS: usize = 16;
