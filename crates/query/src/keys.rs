//! The values that rows are grouped by, as numbers: texts are kept once and compared by number.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Result, exec_err};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::check::{Texts, is_same, keys_of, nulls_of};
use crate::limits::{MAX_TEXT_BYTES, MAX_VALUE_BYTES};

/// The number of all texts that there was no room for.
pub(crate) const OTHER: u32 = u32::MAX;

/// Texts that were seen, by number.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    /// One behind the other.
    bytes: Vec<u8>,
    /// By number: where the text ends.
    ends: Vec<u32>,
    known: HashTable<Known>,
    hasher: DefaultHashBuilder,
    is_full: bool,
}

/// A text, with its place at hand: that of another number lies elsewhere in memory.
#[derive(Clone, Copy, Debug)]
struct Known {
    number: u32,
    from: u32,
    to: u32,
}

impl Interner {
    /// The number of a text; longer ones are cut. Beyond [`MAX_TEXT_BYTES`] all that is new is [`OTHER`].
    pub fn number(&mut self, text: &[u8]) -> u32 {
        let text = cut(text);
        let hash = self.hasher.hash_one(text);
        let bytes = &self.bytes;
        let of = |known: &Known| bytes.get(known.from as usize..known.to as usize).unwrap_or_default();
        if let Some(known) = self.known.find(hash, |known| of(known) == text) {
            return known.number;
        }
        let footprint = bytes.len() + self.ends.len() * (size_of::<u32>() + size_of::<Known>());
        if footprint >= MAX_TEXT_BYTES {
            self.is_full = true;
            return OTHER;
        }
        let (number, from, to) = (self.ends.len() as u32, bytes.len() as u32, (bytes.len() + text.len()) as u32);
        let hasher = &self.hasher;
        self.known.insert_unique(hash, Known { number, from, to }, |known| hasher.hash_one(of(known)));
        self.bytes.extend_from_slice(text);
        self.ends.push(to);
        number
    }

    /// Whether there may be numbers that are [`OTHER`].
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Drops what only helps to find texts; gives the bytes of memory of what stays.
    pub fn settle(&mut self) -> usize {
        self.known = HashTable::new();
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.bytes.len() + size_of_val(self.ends.as_slice())
    }

    /// The text of a number.
    pub fn text(&self, number: u32) -> &[u8] {
        let end = |at: usize| self.ends.get(at).map(|end| *end as usize);
        let at = number as usize;
        let from = if at == 0 { Some(0) } else { end(at - 1) };
        from.zip(end(at)).and_then(|(from, to)| self.bytes.get(from..to)).unwrap_or_default()
    }
}

/// A text within [`MAX_VALUE_BYTES`], whole characters where it is UTF-8.
fn cut(text: &[u8]) -> &[u8] {
    if text.len() <= MAX_VALUE_BYTES {
        return text;
    }
    let start = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let end = (MAX_VALUE_BYTES.saturating_sub(3)..=MAX_VALUE_BYTES).rev().find(start).unwrap_or(MAX_VALUE_BYTES);
    text.get(..end).unwrap_or_default()
}

/// The values of one column of a batch as numbers: integers as they are, texts by the interner, `None` where absent.
pub(crate) struct Keys {
    values: Vec<u64>,
    absent: Option<Vec<bool>>,
}

impl Keys {
    /// All rows have the same value.
    pub fn constant(value: Option<u64>, rows: usize) -> Keys {
        Keys { values: vec![value.unwrap_or(0); rows], absent: value.is_none().then(|| vec![true; rows]) }
    }

    /// The value of a row.
    pub fn get(&self, row: usize) -> Option<u64> {
        match &self.absent {
            Some(absent) if absent.get(row).copied().unwrap_or(true) => None,
            _ => self.values.get(row).copied(),
        }
    }

    fn of_each(rows: usize, mut value: impl FnMut(usize) -> Option<u64>) -> Keys {
        let mut absent: Option<Vec<bool>> = None;
        let mut of = |row| {
            let value = value(row);
            if value.is_none()
                && let Some(is_absent) = absent.get_or_insert_with(|| vec![false; rows]).get_mut(row)
            {
                *is_absent = true;
            }
            value.unwrap_or_default()
        };
        let values = (0..rows).map(&mut of).collect();
        Keys { values, absent }
    }
}

/// Makes keys of the batches of one column; the numbers of a dictionary that comes again are known.
#[derive(Debug, Default)]
pub(crate) struct KeyMaker {
    dictionary: Option<ArrayRef>,
    numbers: Vec<Option<Option<u32>>>,
}

impl KeyMaker {
    /// The keys of a column. Of a map the value at a name is taken; of a list all items, joined.
    pub fn keys(&mut self, column: &ArrayRef, name: Option<&MapName>, interner: &mut Interner) -> Result<Keys> {
        let rows = column.len();
        Ok(match column.data_type() {
            DataType::Boolean => {
                let values = column.as_boolean();
                Keys::of_each(rows, |row| column.is_valid(row).then(|| u64::from(values.value(row))))
            }
            DataType::Int64 => {
                let values = column.as_primitive::<Int64Type>();
                let absent = nulls_of(column).map(|nulls| nulls.iter().map(|is_valid| !is_valid).collect());
                Keys { values: values.values().iter().map(|value| value.cast_unsigned()).collect(), absent }
            }
            DataType::Float64 => {
                let values = column.as_primitive::<Float64Type>();
                Keys::of_each(rows, |row| column.is_valid(row).then(|| values.value(row).to_bits()))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let values = column.as_primitive::<TimestampNanosecondType>();
                Keys::of_each(rows, |row| column.is_valid(row).then(|| values.value(row).cast_unsigned()))
            }
            DataType::Dictionary(_, _) => self.by_dictionary(column, interner)?,
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                let items = Texts::of(lists.values())?;
                let offsets = lists.value_offsets();
                Keys::of_each(rows, |row| {
                    let (from, to) = (*offsets.get(row)?, *offsets.get(row + 1)?);
                    if column.is_null(row) || from == to {
                        return None;
                    }
                    let mut joined = Vec::new();
                    for at in from..to {
                        if at > from {
                            joined.extend_from_slice(b", ");
                        }
                        joined.extend_from_slice(items.get(at as usize).unwrap_or_default());
                        if joined.len() > MAX_VALUE_BYTES {
                            break;
                        }
                    }
                    Some(u64::from(interner.number(&joined)))
                })
            }
            DataType::Map(_, _) => {
                let Some(name) = name else { return exec_err!("a map without a name") };
                let maps = column.as_map();
                let (names, values) = (Texts::of(maps.keys())?, Texts::of(maps.values())?);
                let offsets = maps.value_offsets();
                Keys::of_each(rows, |row| {
                    let (from, to) = (*offsets.get(row)?, *offsets.get(row + 1)?);
                    let at = (from..to).find(|at| name.is(names.get(*at as usize).unwrap_or_default()))?;
                    column.is_valid(row).then(|| interner.number(values.get(at as usize).unwrap_or_default()).into())
                })
            }
            _ => {
                let texts = Texts::of(column)?;
                Keys::of_each(rows, |row| Some(u64::from(interner.number(texts.get(row)?))))
            }
        })
    }

    fn by_dictionary(&mut self, column: &ArrayRef, interner: &mut Interner) -> Result<Keys> {
        let dictionary = column.as_any_dictionary();
        let values = dictionary.values();
        if !self.dictionary.as_ref().is_some_and(|known| is_same(known, values)) {
            self.numbers = vec![None; values.len()];
            self.dictionary = Some(Arc::clone(values));
        }
        let texts = Texts::of(values)?;
        let keys = keys_of(dictionary);
        let numbers = &mut self.numbers;
        let nulls = nulls_of(column);
        Ok(Keys::of_each(column.len(), |row| {
            let key = keys.get(row).copied().filter(|_| nulls.is_none_or(|nulls| nulls.is_valid(row)))?;
            let number = numbers.get_mut(key)?;
            let number = number.get_or_insert_with(|| texts.get(key).map(|text| interner.number(text)));
            number.map(u64::from)
        }))
    }
}

/// A name of a map.
#[derive(Clone, Debug)]
pub(crate) struct MapName {
    pub name: Vec<u8>,
    pub is_caseless: bool,
}

impl MapName {
    fn is(&self, other: &[u8]) -> bool {
        if self.is_caseless { other.eq_ignore_ascii_case(&self.name) } else { other == self.name.as_slice() }
    }
}
