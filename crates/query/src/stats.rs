//! Analyses: rows grouped by one or two fields, and by steps of time.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use lanternfish_model::{FieldTable, Kind, Place, ProtocolIndex, Timestamp, WordClass, fields};
use lanternfish_servicemap::{Counted, Shown, Tally};

use crate::engine::Fold;
use crate::facts::Facts;
use crate::keys::{Interner, KeyMaker, Keys, MapName, OTHER};
use crate::limits::{MAX_GROUPS, MAX_STAT_ROWS};
use crate::question::path;
use crate::revisions::Newest;
use crate::types::{Cell, Group, StatRow, Stats};

/// What rows are grouped by.
#[derive(Debug)]
pub(crate) struct Grouping {
    pub table: &'static FieldTable,
    pub by: Vec<Group>,
    pub step_ns: Option<i64>,
    pub newest: Arc<Newest>,
}

impl Grouping {
    /// The columns that it reads.
    pub fn columns(&self) -> Vec<String> {
        let fields = self.by.iter().map(|group| self.table.spec(group.field).path);
        Facts::columns().chain(fields).map(str::to_owned).collect()
    }
}

/// A group: the values of at most two fields, and a step of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    values: [Option<u64>; 2],
    step: i64,
}

/// Groups under way.
#[derive(Debug)]
pub(crate) struct StatFold {
    grouping: Arc<Grouping>,
    /// By group: whether its values are numbers of the interner.
    is_text: Vec<bool>,
    interner: Interner,
    makers: [KeyMaker; 2],
    numbers: hashbrown::HashMap<Key, u32>,
    groups: Vec<(Key, Tally)>,
    omitted: Tally,
}

impl StatFold {
    pub fn new(grouping: Arc<Grouping>) -> StatFold {
        let is_text = |group: &Group| {
            matches!(grouping.table.spec(group.field).kind, Kind::Text | Kind::Bytes | Kind::TextList | Kind::Map)
        };
        StatFold {
            is_text: grouping.by.iter().map(is_text).collect(),
            grouping,
            interner: Interner::default(),
            makers: Default::default(),
            numbers: hashbrown::HashMap::new(),
            groups: Vec::new(),
            omitted: Tally::default(),
        }
    }

    /// The finished answer, with at most so many groups.
    pub fn finish(self, limit: usize) -> Stats {
        let mut shown = Shown::default();
        self.groups.iter().for_each(|(_, tally)| shown.notice_all(tally));
        shown.notice_all(&self.omitted);
        // Calls by group, over all steps of time.
        let mut sums: HashMap<[Option<u64>; 2], u64> = HashMap::new();
        let mut counted = Vec::new();
        for (key, tally) in &self.groups {
            let Some(counts) = tally.shown(shown) else { continue };
            let sum = sums.entry(key.values).or_default();
            *sum = sum.saturating_add(counts.calls);
            counted.push((*key, counts));
        }
        let mut order: Vec<([Option<u64>; 2], u64)> = sums.into_iter().collect();
        order.sort_by(|(a_key, a), (b_key, b)| b.cmp(a).then_with(|| self.compare(a_key, b_key)));
        let places: HashMap<[Option<u64>; 2], usize> =
            order.iter().take(limit).enumerate().map(|(place, (key, _))| (*key, place)).collect();
        let omitted_groups = order.len().saturating_sub(limit) as u64;
        let mut placed: Vec<(usize, _, _)> =
            counted.into_iter().filter_map(|(key, counts)| Some((*places.get(&key.values)?, key, counts))).collect();
        placed.sort_by_key(|(place, key, _)| (*place, key.step));
        placed.truncate(MAX_STAT_ROWS);
        let step_ns = self.grouping.step_ns;
        let row = |(_, key, counts): &(usize, Key, lanternfish_servicemap::Counts)| StatRow {
            by: self.cells(key),
            time: step_ns.map(|step| Timestamp::from_ns(key.step.saturating_mul(step))),
            figures: counts.figures(),
        };
        let omitted_calls = self.omitted.shown(shown).map_or(0, |counts| counts.calls);
        Stats { rows: placed.iter().map(row).collect(), omitted_groups, omitted_calls, ..Stats::default() }
    }

    fn cells(&self, key: &Key) -> Vec<(String, Cell)> {
        let groups = self.grouping.by.iter().zip(key.values);
        groups.map(|(group, value)| (group.name.clone(), self.cell(group, value))).collect()
    }

    fn cell(&self, group: &Group, value: Option<u64>) -> Cell {
        let Some(value) = value else { return Cell::Absent };
        match self.grouping.table.spec(group.field).kind {
            Kind::Bool => Cell::Bool(value != 0),
            Kind::Int => Cell::Int(value.cast_signed()),
            Kind::Double => Cell::Double(f64::from_bits(value)),
            Kind::Time => Cell::Time(Timestamp::from_ns(value.cast_signed())),
            Kind::Text | Kind::Bytes | Kind::TextList | Kind::Map => {
                let text = self.interner.text(u32::try_from(value).unwrap_or(u32::MAX));
                Cell::Text(String::from_utf8_lossy(text).into_owned())
            }
        }
    }

    /// The order of two groups with as many calls: by value, so that it does not depend on the threads.
    fn compare(&self, a: &[Option<u64>; 2], b: &[Option<u64>; 2]) -> std::cmp::Ordering {
        let mut order = std::cmp::Ordering::Equal;
        for (group, (a, b)) in self.grouping.by.iter().zip(a.iter().zip(b)) {
            order = order.then_with(|| match (self.cell(group, *a), self.cell(group, *b)) {
                (Cell::Text(a), Cell::Text(b)) => a.cmp(&b),
                (Cell::Int(a), Cell::Int(b)) => a.cmp(&b),
                _ => a.cmp(b),
            });
        }
        order
    }

    fn keys(&mut self, number: usize, protocol: ProtocolIndex, batch: &RecordBatch) -> Result<Keys> {
        let grouping = Arc::clone(&self.grouping);
        let rows = batch.num_rows();
        let (Some(group), Some(maker)) = (grouping.by.get(number), self.makers.get_mut(number)) else {
            return Ok(Keys::constant(None, rows));
        };
        let spec = grouping.table.spec(group.field);
        let column = match grouping.table.place(group.field) {
            Place::Word { protocols, class } => {
                let name = match class {
                    WordClass::Any => return Ok(Keys::constant(Some(protocols.contains(protocol).into()), rows)),
                    _ if !protocols.contains(protocol) => return Ok(Keys::constant(Some(0), rows)),
                    WordClass::Connection => path(fields::CONN),
                    WordClass::Flow => path(fields::FLOW),
                };
                batch.column_by_name(name)
            }
            _ => batch.column_by_name(spec.path),
        };
        let Some(column) = column else { return Ok(Keys::constant(None, rows)) };
        let name =
            group.key.as_ref().map(|key| MapName { name: key.as_bytes().to_vec(), is_caseless: spec.is_caseless });
        maker.keys(column, name.as_ref(), &mut self.interner)
    }

    fn tally(&mut self, key: Key) -> &mut Tally {
        let mut values = self.is_text.iter().zip(key.values);
        if values.any(|(is_text, value)| *is_text && value == Some(OTHER.into())) {
            return &mut self.omitted;
        }
        let is_room = self.groups.len() < MAX_GROUPS;
        match self.numbers.get(&key) {
            Some(&number) => match self.groups.get_mut(number as usize) {
                Some((_, tally)) => tally,
                None => &mut self.omitted,
            },
            None if is_room => {
                self.numbers.insert(key, self.groups.len() as u32);
                self.groups.push((key, Tally::default()));
                self.groups.last_mut().map_or(&mut self.omitted, |(_, tally)| tally)
            }
            None => &mut self.omitted,
        }
    }
}

impl Fold for StatFold {
    fn batch(&mut self, protocol: ProtocolIndex, batch: &RecordBatch) -> Result<()> {
        let grouping = Arc::clone(&self.grouping);
        let facts = Facts::of(grouping.table, protocol, batch)?;
        let (first, second) = (self.keys(0, protocol, batch)?, self.keys(1, protocol, batch)?);
        for row in 0..batch.num_rows() {
            if facts.is_outdated(&grouping.newest, row) {
                continue;
            }
            let time = facts.time(row);
            let step = grouping.step_ns.map_or(0, |step| time.ns().div_euclid(step));
            let key = Key { values: [first.get(row), second.get(row)], step };
            let counted = facts.counted(row);
            let elapsed_us = if counted == Counted::Call { facts.elapsed_us(row) } else { None };
            let (outcome, bytes) = (facts.outcome(row), facts.bytes(row));
            self.tally(key).of(counted).add(outcome, bytes, elapsed_us, time);
        }
        Ok(())
    }

    fn merge(&mut self, other: &StatFold) {
        for (key, tally) in &other.groups {
            let mut key = *key;
            for (value, is_text) in key.values.iter_mut().zip(&self.is_text) {
                if let Some(value) = value.as_mut().filter(|_| *is_text) {
                    let text = other.interner.text(u32::try_from(*value).unwrap_or(u32::MAX));
                    *value = self.interner.number(text).into();
                }
            }
            self.tally(key).merge(tally);
        }
        self.omitted.merge(&other.omitted);
    }

    fn settle(&mut self) -> usize {
        let Grouping { table, by, step_ns, .. } = &*self.grouping;
        // The newest revisions are many, and of no use to what is folded.
        let newest = Arc::default();
        self.grouping = Arc::new(Grouping { table, by: by.clone(), step_ns: *step_ns, newest });
        self.makers = Default::default();
        self.numbers = hashbrown::HashMap::new();
        self.groups.shrink_to_fit();
        let groups = self.groups.iter().map(|(_, tally)| size_of::<Key>().saturating_add(tally.footprint_bytes()));
        groups.fold(self.interner.settle(), usize::saturating_add).saturating_add(size_of_val(self))
    }
}
