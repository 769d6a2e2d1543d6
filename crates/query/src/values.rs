//! The values of a field in a window, for completion.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use lanternfish_model::{FieldTable, Kind, ProtocolIndex, Timestamp};

use crate::check::Texts;
use crate::engine::Fold;
use crate::keys::{Interner, KeyMaker, MapName, OTHER};
use crate::limits::MAX_VALUES;
use crate::types::{FieldValues, Group};

/// The values that were seen, and how often.
#[derive(Debug)]
pub(crate) struct ValueFold {
    table: &'static FieldTable,
    group: Arc<Group>,
    prefix: Arc<str>,
    interner: Interner,
    maker: KeyMaker,
    counts: hashbrown::HashMap<u64, u64>,
    is_cut: bool,
}

impl ValueFold {
    pub fn new(table: &'static FieldTable, group: Arc<Group>, prefix: Arc<str>) -> ValueFold {
        ValueFold {
            table,
            group,
            prefix,
            interner: Interner::default(),
            maker: KeyMaker::default(),
            counts: hashbrown::HashMap::new(),
            is_cut: false,
        }
    }

    /// The values that begin with the prefix, the most frequent first.
    pub fn finish(self, limit: usize) -> FieldValues {
        let prefix = self.prefix.to_lowercase();
        let mut values: Vec<(String, u64)> = self
            .counts
            .iter()
            .map(|(value, count)| (self.shown(*value), *count))
            .filter(|(value, _)| !value.is_empty() && value.to_lowercase().starts_with(&prefix))
            .collect();
        values.sort_by(|(a_value, a), (b_value, b)| b.cmp(a).then_with(|| a_value.cmp(b_value)));
        values.truncate(limit);
        FieldValues { values, is_cut: self.is_cut, ..FieldValues::default() }
    }

    fn is_text(&self) -> bool {
        matches!(self.kind(), Kind::Text | Kind::Bytes | Kind::TextList | Kind::Map)
    }

    fn kind(&self) -> Kind {
        self.table.spec(self.group.field).kind
    }

    fn shown(&self, value: u64) -> String {
        match self.kind() {
            Kind::Bool => (value != 0).to_string(),
            Kind::Int => value.cast_signed().to_string(),
            Kind::Double => f64::from_bits(value).to_string(),
            Kind::Time => Timestamp::from_ns(value.cast_signed()).ns().to_string(),
            Kind::Text | Kind::Bytes | Kind::TextList | Kind::Map => {
                let text = self.interner.text(u32::try_from(value).unwrap_or(u32::MAX));
                String::from_utf8_lossy(text).into_owned()
            }
        }
    }

    fn items(&mut self, items: &ArrayRef, offsets: &[i32]) -> Result<()> {
        let texts = Texts::of(items)?;
        let (Some(&from), Some(&to)) = (offsets.first(), offsets.last()) else { return Ok(()) };
        for at in from..to {
            let number = self.interner.number(texts.get(at as usize).unwrap_or_default());
            self.count(number.into(), 1);
        }
        Ok(())
    }

    fn count(&mut self, value: u64, by: u64) {
        if value == u64::from(OTHER) && self.is_text() {
            self.is_cut = true;
            return;
        }
        let is_room = self.counts.len() < MAX_VALUES;
        match self.counts.get_mut(&value) {
            Some(count) => *count = count.saturating_add(by),
            None if is_room => {
                self.counts.insert(value, by);
            }
            None => self.is_cut = true,
        }
    }
}

impl Fold for ValueFold {
    fn batch(&mut self, _protocol: ProtocolIndex, batch: &RecordBatch) -> Result<()> {
        let spec = self.table.spec(self.group.field);
        let Some(column) = batch.column_by_name(spec.path) else { return Ok(()) };
        match (column.data_type(), &self.group.key) {
            // Each item of a list is a value, and so is each name of a map.
            (DataType::List(_), _) => {
                let lists = column.as_list::<i32>();
                self.items(lists.values(), lists.value_offsets())?;
            }
            (DataType::Map(_, _), None) => {
                let maps = column.as_map();
                self.items(maps.keys(), maps.value_offsets())?;
            }
            (_, key) => {
                let name =
                    key.as_ref().map(|key| MapName { name: key.as_bytes().to_vec(), is_caseless: spec.is_caseless });
                let keys = self.maker.keys(column, name.as_ref(), &mut self.interner)?;
                (0..batch.num_rows()).filter_map(|row| keys.get(row)).for_each(|value| self.count(value, 1));
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: &ValueFold) {
        let is_text = self.is_text();
        for (&value, &count) in &other.counts {
            let value = match is_text {
                true => {
                    let text = other.interner.text(u32::try_from(value).unwrap_or(u32::MAX));
                    self.interner.number(text).into()
                }
                false => value,
            };
            self.count(value, count);
        }
        self.is_cut |= other.is_cut;
    }
}
