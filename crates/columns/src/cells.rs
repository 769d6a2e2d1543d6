//! Columns of a batch as values of fields, whatever arrays a query engine made of them.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Float64Array, Int32Array, Int64Array,
    ListArray, MapArray, StringArray, StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampNanosecondType};
use lanternfish_model::{FieldIndex, Timestamp, Values};

use crate::ColumnError;
use crate::layout::{Column, Store};

/// A column that is read row by row.
#[derive(Debug)]
pub(crate) enum Cells {
    /// The batch has no such column.
    Missing,
    Bool(BooleanArray),
    Int(Int64Array),
    Double(Float64Array),
    Time(Int64Array),
    Bytes(ByteCells),
    Text(ByteCells),
    List(ListArray, ByteCells),
    Map(Box<(MapArray, ByteCells, ByteCells)>),
}

/// Texts or bytes.
#[derive(Debug)]
pub(crate) enum ByteCells {
    Text(StringArray),
    TextView(StringViewArray),
    Bytes(BinaryArray),
    BytesView(BinaryViewArray),
    Dictionary(Int32Array, Box<ByteCells>),
}

impl ByteCells {
    fn new(array: &ArrayRef, is_text: bool) -> Option<ByteCells> {
        Some(match array.data_type() {
            DataType::Utf8 => ByteCells::Text(array.as_string().clone()),
            DataType::Utf8View => ByteCells::TextView(array.as_string_view().clone()),
            DataType::Binary => ByteCells::Bytes(array.as_binary().clone()),
            DataType::BinaryView => ByteCells::BytesView(array.as_binary_view().clone()),
            DataType::Dictionary(key, _) if **key == DataType::Int32 => {
                let dictionary = array.as_dictionary::<Int32Type>();
                ByteCells::Dictionary(
                    dictionary.keys().clone(),
                    Box::new(ByteCells::new(dictionary.values(), is_text)?),
                )
            }
            DataType::Dictionary(_, value) => ByteCells::new(&cast(array, value).ok()?, is_text)?,
            _ => {
                let target = if is_text { DataType::Utf8 } else { DataType::Binary };
                if array.data_type() == &target {
                    return None;
                }
                ByteCells::new(&cast(array, &target).ok()?, is_text)?
            }
        })
    }

    pub(crate) fn get(&self, row: usize) -> Option<&[u8]> {
        match self {
            ByteCells::Text(array) => is_there(array, row).then(|| array.value(row).as_bytes()),
            ByteCells::TextView(array) => is_there(array, row).then(|| array.value(row).as_bytes()),
            ByteCells::Bytes(array) => is_there(array, row).then(|| array.value(row)),
            ByteCells::BytesView(array) => is_there(array, row).then(|| array.value(row)),
            ByteCells::Dictionary(keys, values) => {
                if !is_there(keys, row) {
                    return None;
                }
                values.get(usize::try_from(keys.value(row)).ok()?)
            }
        }
    }
}

impl Cells {
    pub(crate) fn new(column: &Column, array: Option<&ArrayRef>) -> Result<Cells, ColumnError> {
        let Some(array) = array else { return Ok(Cells::Missing) };
        let wrong = || ColumnError::WrongType {
            name: column.name,
            found: array.data_type().to_string(),
            expected: expected(column.store),
        };
        if array.data_type() == &DataType::Null {
            return Ok(Cells::Missing);
        }
        let to = |target: &DataType| cast(array, target).map_err(|_| wrong());
        Ok(match column.store {
            Store::Bool => Cells::Bool(to(&DataType::Boolean)?.as_boolean().clone()),
            Store::Int | Store::Small => Cells::Int(to(&DataType::Int64)?.as_primitive::<Int64Type>().clone()),
            Store::Double => Cells::Double(to(&DataType::Float64)?.as_primitive::<Float64Type>().clone()),
            Store::Time => {
                let zone = match array.data_type() {
                    DataType::Timestamp(_, zone) => zone.clone(),
                    _ => return Err(wrong()),
                };
                let times = to(&DataType::Timestamp(TimeUnit::Nanosecond, zone))?;
                Cells::Time(times.as_primitive::<TimestampNanosecondType>().reinterpret_cast::<Int64Type>())
            }
            Store::Text | Store::SharedText => Cells::Text(ByteCells::new(array, true).ok_or_else(wrong)?),
            Store::Bytes | Store::SharedBytes => Cells::Bytes(ByteCells::new(array, false).ok_or_else(wrong)?),
            Store::List => {
                let DataType::List(_) = array.data_type() else { return Err(wrong()) };
                let lists = array.as_list::<i32>().clone();
                let items = ByteCells::new(lists.values(), true).ok_or_else(wrong)?;
                Cells::List(lists, items)
            }
            Store::Map => {
                let DataType::Map(_, _) = array.data_type() else { return Err(wrong()) };
                let maps = array.as_map().clone();
                let names = ByteCells::new(maps.keys(), true).ok_or_else(wrong)?;
                let values = ByteCells::new(maps.values(), true).ok_or_else(wrong)?;
                Cells::Map(Box::new((maps, names, values)))
            }
        })
    }

    pub(crate) fn int(&self, row: usize) -> Option<i64> {
        match self {
            Cells::Int(array) | Cells::Time(array) => is_there(array, row).then(|| array.value(row)),
            _ => None,
        }
    }

    pub(crate) fn bool(&self, row: usize) -> Option<bool> {
        match self {
            Cells::Bool(array) => is_there(array, row).then(|| array.value(row)),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self, row: usize) -> Option<&[u8]> {
        match self {
            Cells::Text(cells) | Cells::Bytes(cells) => cells.get(row),
            _ => None,
        }
    }

    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        std::str::from_utf8(self.bytes(row)?).ok()
    }

    /// Sets the value of a row as that of a field.
    pub(crate) fn set(&self, row: usize, values: &mut Values, field: FieldIndex) {
        match self {
            Cells::Missing => {}
            Cells::Bool(array) if is_there(array, row) => values.bool(field, array.value(row)),
            Cells::Int(array) if is_there(array, row) => values.int(field, array.value(row)),
            Cells::Double(array) if is_there(array, row) => values.double(field, array.value(row)),
            Cells::Time(array) if is_there(array, row) => values.time(field, Timestamp::from_ns(array.value(row))),
            Cells::Bool(_) | Cells::Int(_) | Cells::Double(_) | Cells::Time(_) => {}
            Cells::Text(cells) => {
                if let Some(text) = cells.get(row) {
                    values.text(field, text);
                }
            }
            Cells::Bytes(cells) => {
                if let Some(bytes) = cells.get(row) {
                    values.bytes(field, bytes);
                }
            }
            Cells::List(lists, items) if is_there(lists, row) => {
                let mut list = values.list(field);
                for position in range(lists.value_offsets(), row) {
                    list.push(items.get(position).unwrap_or_default());
                }
                list.finish();
            }
            Cells::Map(parts) if is_there(&parts.0, row) => {
                let (maps, names, texts) = parts.as_ref();
                let mut map = values.map(field);
                for position in range(maps.value_offsets(), row) {
                    map.push(names.get(position).unwrap_or_default(), texts.get(position).unwrap_or_default());
                }
                map.finish();
            }
            Cells::List(..) | Cells::Map(_) => {}
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self, row: usize) -> impl Iterator<Item = &str> {
        let found = match self {
            Cells::List(lists, items) if is_there(lists, row) => Some((range(lists.value_offsets(), row), items)),
            _ => None,
        };
        let items = found.into_iter().flat_map(|(range, items)| range.map(|position| items.get(position)));
        items.filter_map(|item| std::str::from_utf8(item?).ok())
    }
}

fn is_there(array: &dyn Array, row: usize) -> bool {
    row < array.len() && array.is_valid(row)
}

fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    let at =
        |position: usize| offsets.get(position).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or_default();
    at(row)..at(row.saturating_add(1))
}

const fn expected(store: Store) -> &'static str {
    match store {
        Store::Bool => "a bool",
        Store::Int | Store::Small => "an integer",
        Store::Double => "a floating point number",
        Store::Time => "a time",
        Store::Text | Store::SharedText => "a text",
        Store::Bytes | Store::SharedBytes => "bytes",
        Store::List => "a list of texts",
        Store::Map => "a map of texts",
    }
}
