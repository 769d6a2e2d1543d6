//! Tests of a filter's plan on columns: the same checks as on entries, on many rows at once, never NULL.
//!
//! A column that is dictionary encoded is tested once a value and not once a row.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{
    AnyDictionaryArray, Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, LargeBinaryArray,
    LargeStringArray, ListArray, MapArray, StringArray, StringViewArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampNanosecondType};
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use lanternfish_filter::Comparison;
use lanternfish_filter::plan::{Check, FieldPlan, TextPlan};
use lanternfish_model::Value;

/// A test of one column as an expression of the query engine.
#[derive(Clone, Debug)]
pub(crate) struct CheckExpr {
    column: Arc<dyn PhysicalExpr>,
    plan: Arc<FieldPlan>,
    memory: Arc<Mutex<Memory>>,
}

/// The answers for the values of the dictionary that was seen last: batches of a row group share one.
#[derive(Debug, Default)]
struct Memory {
    values: Option<ArrayRef>,
    answers: Vec<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Unknown,
    Yes,
    No,
}

impl CheckExpr {
    pub fn new(column: Arc<dyn PhysicalExpr>, plan: FieldPlan) -> CheckExpr {
        CheckExpr { column, plan: Arc::new(plan), memory: Arc::default() }
    }

    /// Tests each value of a dictionary that a row refers to once.
    fn by_dictionary(&self, array: &ArrayRef, text: &TextPlan) -> Result<BooleanArray> {
        let plan = &*self.plan;
        let dictionary = array.as_any_dictionary();
        let (values, keys) = (dictionary.values(), keys_of(dictionary));
        let texts = Texts::of(values)?;
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if !memory.values.as_ref().is_some_and(|known| is_same(known, values)) {
            memory.answers = vec![Answer::Unknown; values.len()];
            memory.values = Some(Arc::clone(values));
        }
        let answers = &mut memory.answers;
        let test = |row: usize| {
            let key = keys.get(row).copied().unwrap_or(usize::MAX);
            let Some(answer) = answers.get_mut(key).filter(|_| array.is_valid(row)) else { return plan.if_absent };
            if *answer == Answer::Unknown {
                let holds = match texts.get(key) {
                    Some(value) => text.holds(value) != plan.is_negated,
                    None => plan.if_absent,
                };
                *answer = if holds { Answer::Yes } else { Answer::No };
            }
            *answer == Answer::Yes
        };
        Ok(BooleanArray::new(BooleanBuffer::collect_bool(array.len(), test), None))
    }
}

pub(crate) fn is_same(a: &ArrayRef, b: &ArrayRef) -> bool {
    Arc::ptr_eq(a, b) || (a.len() == b.len() && a.to_data().ptr_eq(&b.to_data()))
}

impl PartialEq for CheckExpr {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.plan, &other.plan) && self.column.eq(&other.column)
    }
}

impl Eq for CheckExpr {}

impl Hash for CheckExpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.plan).hash(state);
        self.column.hash(state);
    }
}

impl fmt::Display for CheckExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.plan.is_negated { "not " } else { "" };
        write!(f, "{not}meets({}, {})", self.column, name(&self.plan.check))
    }
}

impl PhysicalExpr for CheckExpr {
    fn data_type(&self, _schema: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _schema: &Schema) -> Result<bool> {
        Ok(false)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let array = self.column.evaluate(batch)?.into_array(batch.num_rows())?;
        let met = match (array.data_type(), &self.plan.check) {
            (DataType::Dictionary(_, _), Check::Text(text)) => self.by_dictionary(&array, text)?,
            _ => meets(&self.plan, &array)?,
        };
        Ok(ColumnarValue::Array(Arc::new(met)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.column]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match <[_; 1]>::try_from(children) {
            Ok([column]) => Ok(Arc::new(CheckExpr { column, ..(*self).clone() })),
            Err(_) => exec_err!("a test has one column"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Two columns of text compared; an absent one is the empty text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PairExpr {
    sides: [Arc<dyn PhysicalExpr>; 2],
    comparison: u8,
    is_negated: bool,
}

impl PairExpr {
    pub fn new(sides: [Arc<dyn PhysicalExpr>; 2], comparison: Comparison, is_negated: bool) -> PairExpr {
        PairExpr { sides, comparison: comparison as u8, is_negated }
    }

    fn holds(&self, order: std::cmp::Ordering) -> bool {
        let all = [
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ];
        all.into_iter().find(|c| *c as u8 == self.comparison).is_some_and(|c| c.holds(order)) != self.is_negated
    }
}

impl fmt::Display for PairExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, right] = &self.sides;
        write!(f, "compares({left}, {right})")
    }
}

impl PhysicalExpr for PairExpr {
    fn data_type(&self, _schema: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _schema: &Schema) -> Result<bool> {
        Ok(false)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let [left, right] = &self.sides;
        let rows = batch.num_rows();
        let (left, right) = (left.evaluate(batch)?.into_array(rows)?, right.evaluate(batch)?.into_array(rows)?);
        let (left, right) = (Texts::of(&left)?, Texts::of(&right)?);
        let test = |row| {
            let (a, b) = (left.get(row).unwrap_or_default(), right.get(row).unwrap_or_default());
            self.holds(a.cmp(b))
        };
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(rows, test), None))))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.sides.iter().collect()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match <[_; 2]>::try_from(children) {
            Ok(sides) => Ok(Arc::new(PairExpr { sides, ..(*self).clone() })),
            Err(_) => exec_err!("a comparison has two columns"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether each row meets a test.
pub(crate) fn meets(plan: &FieldPlan, array: &ArrayRef) -> Result<BooleanArray> {
    let rows = array.len();
    let answer = |test: &dyn Fn(usize) -> bool| {
        let of = |row| if array.is_null(row) { plan.if_absent } else { test(row) != plan.is_negated };
        Ok(BooleanArray::new(BooleanBuffer::collect_bool(rows, of), None))
    };
    if let DataType::Dictionary(_, _) = array.data_type() {
        let dictionary = array.as_any_dictionary();
        let of_values = meets(plan, dictionary.values())?;
        let keys = keys_of(dictionary);
        // A key may stand for a null among the values, which the test of the values answered.
        let of = |row: usize| match (array.is_null(row), keys.get(row)) {
            (false, Some(&key)) if key < of_values.len() => of_values.value(key),
            _ => plan.if_absent,
        };
        return Ok(BooleanArray::new(BooleanBuffer::collect_bool(rows, of), None));
    }
    match &plan.check {
        Check::Present => answer(&|_| true),
        Check::Text(text) => {
            let texts = Texts::of(array)?;
            answer(&|row| texts.get(row).is_some_and(|value| text.holds(value)))
        }
        Check::ListHas { .. } | Check::ListSize(..) => {
            let Some(lists) = array.as_any().downcast_ref::<ListArray>() else { return unexpected(array, "list") };
            let items = Texts::of(lists.values())?;
            let offsets = lists.value_offsets();
            answer(&|row| {
                let (Some(&from), Some(&to)) = (offsets.get(row), offsets.get(row + 1)) else { return false };
                match &plan.check {
                    Check::ListHas { item, is_caseless } => (from..to).any(|at| {
                        let other = items.get(at as usize).unwrap_or_default();
                        if *is_caseless { other.eq_ignore_ascii_case(item) } else { other == item.as_slice() }
                    }),
                    Check::ListSize(comparison, size) => comparison.holds(i64::from(to - from).cmp(size)),
                    _ => false,
                }
            })
        }
        Check::MapText { .. } | Check::MapHas { .. } => {
            let Some(maps) = array.as_any().downcast_ref::<MapArray>() else { return unexpected(array, "map") };
            let (names, values) = (Texts::of(maps.keys())?, Texts::of(maps.values())?);
            let offsets = maps.value_offsets();
            answer(&|row| {
                let (Some(&from), Some(&to)) = (offsets.get(row), offsets.get(row + 1)) else { return false };
                map_meets(&plan.check, &names, &values, from as usize..to as usize)
            })
        }
        check => match array.data_type() {
            DataType::Boolean => {
                let values = array.as_boolean();
                answer(&|row| check.holds(Value::Bool(values.value(row))))
            }
            DataType::Int64 => {
                let values = array.as_primitive::<Int64Type>();
                match check {
                    Check::IntMatches(_) => {
                        let mut known = std::collections::HashMap::new();
                        let tested: Vec<bool> = values
                            .values()
                            .iter()
                            .map(|value| *known.entry(*value).or_insert_with(|| check.holds(Value::Int(*value))))
                            .collect();
                        answer(&|row| tested.get(row).copied().unwrap_or(false))
                    }
                    _ => answer(&|row| check.holds(Value::Int(values.value(row)))),
                }
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>();
                answer(&|row| check.holds(Value::Double(values.value(row))))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let values = array.as_primitive::<TimestampNanosecondType>();
                let at = |row| lanternfish_model::Timestamp::from_ns(values.value(row));
                answer(&|row| check.holds(Value::Time(at(row))))
            }
            DataType::Null => answer(&|_| false),
            _ => unexpected(array, name(check)),
        },
    }
}

fn unexpected<T>(array: &ArrayRef, check: &str) -> Result<T> {
    exec_err!("a column of {} cannot be tested as {check}", array.data_type())
}

fn map_meets(check: &Check, names: &Texts<'_>, values: &Texts<'_>, range: std::ops::Range<usize>) -> bool {
    let is_it = |at: usize, name: &[u8], is_caseless: bool| {
        let other = names.get(at).unwrap_or_default();
        if is_caseless { other.eq_ignore_ascii_case(name) } else { other == name }
    };
    match check {
        Check::MapHas { name, is_caseless } => range.into_iter().any(|at| is_it(at, name, *is_caseless)),
        Check::MapText { name, is_caseless, default, text, is_none } => {
            let mut found =
                range.filter(|at| is_it(*at, name, *is_caseless)).map(|at| values.get(at).unwrap_or_default());
            match (default, found.next()) {
                (Some(default), first) => text.holds(first.unwrap_or(default)) != *is_none,
                (None, None) => false,
                (None, Some(first)) if *is_none => !text.holds(first) && found.all(|value| !text.holds(value)),
                (None, Some(first)) => text.holds(first) || found.any(|value| text.holds(value)),
            }
        }
        _ => false,
    }
}

/// The place among the values that each row of a dictionary refers to; rows that are null refer to any.
pub(crate) fn keys_of(dictionary: &dyn AnyDictionaryArray) -> Vec<usize> {
    // Arrow asserts that there are values; a column without any has none where all its rows are null.
    if dictionary.values().is_empty() {
        return vec![usize::MAX; dictionary.len()];
    }
    dictionary.normalized_keys()
}

/// Which values of a column are null, where any is.
pub(crate) fn nulls_of(column: &dyn Array) -> Option<&NullBuffer> {
    column.nulls().filter(|nulls| nulls.null_count() > 0)
}

/// A column of texts or bytes of any layout.
pub(crate) enum Texts<'a> {
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Utf8View(&'a StringViewArray),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    Dictionary(Box<Texts<'a>>, Vec<usize>, &'a dyn Array),
    None,
}

impl<'a> Texts<'a> {
    /// The texts of a column.
    pub fn of(array: &'a ArrayRef) -> Result<Texts<'a>> {
        Ok(match array.data_type() {
            DataType::Utf8 => Texts::Utf8(array.as_string()),
            DataType::LargeUtf8 => Texts::LargeUtf8(array.as_string()),
            DataType::Utf8View => Texts::Utf8View(array.as_string_view()),
            DataType::Binary => Texts::Binary(array.as_binary()),
            DataType::LargeBinary => Texts::LargeBinary(array.as_binary()),
            DataType::BinaryView => Texts::BinaryView(array.as_binary_view()),
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                Texts::Dictionary(Box::new(Texts::of(dictionary.values())?), keys_of(dictionary), array)
            }
            DataType::Null => Texts::None,
            other => return exec_err!("a column of {other} is not text"),
        })
    }

    /// The bytes of a row; `None` where it is null.
    pub fn get(&self, row: usize) -> Option<&[u8]> {
        match self {
            Texts::Utf8(array) => (row < array.len() && array.is_valid(row)).then(|| array.value(row).as_bytes()),
            Texts::LargeUtf8(array) => (row < array.len() && array.is_valid(row)).then(|| array.value(row).as_bytes()),
            Texts::Utf8View(array) => (row < array.len() && array.is_valid(row)).then(|| array.value(row).as_bytes()),
            Texts::Binary(array) => (row < array.len() && array.is_valid(row)).then(|| array.value(row)),
            Texts::LargeBinary(array) => (row < array.len() && array.is_valid(row)).then(|| array.value(row)),
            Texts::BinaryView(array) => (row < array.len() && array.is_valid(row)).then(|| array.value(row)),
            Texts::Dictionary(values, keys, array) => {
                if row >= array.len() || array.is_null(row) {
                    return None;
                }
                values.get(*keys.get(row)?)
            }
            Texts::None => None,
        }
    }
}

fn name(check: &Check) -> &'static str {
    match check {
        Check::Present => "is there",
        Check::IsTrue => "is true",
        Check::Int(..) | Check::Double(..) => "a number compared",
        Check::IntIn(_) => "one of some numbers",
        Check::IntMatches(_) => "a number by its digits",
        Check::Time(..) => "a time compared",
        Check::Text(text) => match text {
            TextPlan::Equals { .. } => "equals",
            TextPlan::Contains(_) => "contains",
            TextPlan::StartsWith(_) => "begins with",
            TextPlan::EndsWith(_) => "ends with",
            TextPlan::Matches(_) => "matches",
        },
        Check::MapText { .. } => "a text of a map",
        Check::ListHas { .. } => "a list that has an item",
        Check::ListSize(..) => "the size of a list",
        Check::MapHas { .. } => "a map that has a name",
    }
}
