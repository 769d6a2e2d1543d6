//! Analyses: rows grouped by one or two fields, and by steps of time.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, exec_err};
use hashbrown::HashMap;
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
        let time = self.step_ns.map(|_| path(fields::TIMESTAMP));
        Facts::columns().chain(fields).chain(time).map(str::to_owned).collect()
    }
}

/// A group: the values of at most two fields, and a step of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    /// By field: a number, or that of a text in the interner.
    values: [Option<u64>; 2],
    step: i64,
}

impl Key {
    /// The group over all steps of time.
    fn whole(self) -> Key {
        Key { step: 0, ..self }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Of an absent value and a number that is all ones the hash is the same: there is one of them at most.
        self.values.iter().for_each(|value| state.write_u64(value.unwrap_or(u64::MAX)));
        state.write_i64(self.step);
    }
}

/// Groups under way.
#[derive(Debug)]
pub(crate) struct StatFold {
    grouping: Arc<Grouping>,
    /// By group: whether its values are numbers of the interner.
    is_text: Vec<bool>,
    interner: Interner,
    makers: [KeyMaker; 2],
    places: Places,
    keys: Vec<Key>,
    /// By key.
    tallies: Vec<Tally>,
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
            places: Places::default(),
            keys: Vec::new(),
            tallies: Vec::new(),
            omitted: Tally::default(),
        }
    }

    /// The finished answer, with at most so many groups.
    pub fn finish(self, limit: usize) -> Stats {
        let mut shown = Shown::default();
        self.tallies.iter().for_each(|tally| shown.notice_all(tally));
        shown.notice_all(&self.omitted);
        // Calls by group, over all steps of time.
        let mut sums: HashMap<Key, u64> = HashMap::with_capacity(self.keys.len());
        for (key, tally) in self.groups() {
            let calls = tally.calls(shown);
            if calls > 0 {
                let sum = sums.entry(key.whole()).or_default();
                *sum = sum.saturating_add(calls);
            }
        }
        let mut order: Vec<(Key, u64)> = sums.into_iter().collect();
        let most_first =
            |(a_key, a): &(Key, u64), (b_key, b): &(Key, u64)| b.cmp(a).then_with(|| self.compare(a_key, b_key));
        let omitted_groups = order.len().saturating_sub(limit) as u64;
        if omitted_groups > 0 {
            // There may be many, of which few are wanted.
            order.select_nth_unstable_by(limit, most_first);
            order.truncate(limit);
        }
        order.sort_by(most_first);
        let places: HashMap<Key, usize> = order.iter().enumerate().map(|(place, (key, _))| (*key, place)).collect();
        let mut placed: Vec<(usize, &Key, &Tally)> =
            self.groups().filter_map(|(key, tally)| Some((*places.get(&key.whole())?, key, tally))).collect();
        placed.sort_by_key(|(place, key, _)| (*place, key.step));
        let step_ns = self.grouping.step_ns;
        let row = |(_, key, tally): (usize, &Key, &Tally)| {
            Some(StatRow {
                by: self.cells(key),
                time: step_ns.map(|step| Timestamp::from_ns(key.step.saturating_mul(step))),
                figures: tally.shown(shown)?.figures(),
            })
        };
        let omitted_calls = self.omitted.calls(shown);
        Stats {
            rows: placed.into_iter().filter_map(row).take(MAX_STAT_ROWS).collect(),
            omitted_groups,
            omitted_calls,
            ..Stats::default()
        }
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
                Cell::Text(String::from_utf8_lossy(self.text(value)).into_owned())
            }
        }
    }

    /// The order of two groups with as many calls: by value, so that it does not depend on the threads.
    fn compare(&self, a: &Key, b: &Key) -> Ordering {
        let mut order = Ordering::Equal;
        for (group, (a, b)) in self.grouping.by.iter().zip(a.values.iter().zip(&b.values)) {
            order = order.then_with(|| {
                let (Some(a), Some(b)) = (a, b) else { return a.cmp(b) };
                match self.grouping.table.spec(group.field).kind {
                    Kind::Bool => a.cmp(b),
                    Kind::Int | Kind::Time => a.cast_signed().cmp(&b.cast_signed()),
                    Kind::Double => f64::from_bits(*a).total_cmp(&f64::from_bits(*b)),
                    Kind::Text | Kind::Bytes | Kind::TextList | Kind::Map => self.text(*a).cmp(self.text(*b)),
                }
            });
        }
        order
    }

    fn text(&self, value: u64) -> &[u8] {
        self.interner.text(u32::try_from(value).unwrap_or(u32::MAX))
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

    /// Where the tally of a group is, which is made where it is new; [`NOWHERE`] for what is omitted.
    fn place(&mut self, key: Key) -> u32 {
        if self.interner.is_full() {
            let mut values = self.is_text.iter().zip(key.values);
            if values.any(|(is_text, value)| *is_text && value == Some(OTHER.into())) {
                return NOWHERE;
            }
        }
        let next = if self.keys.len() < MAX_GROUPS { self.keys.len() as u32 } else { NOWHERE };
        let is_dense = self.grouping.step_ns.is_none() && self.is_text == [true];
        let place = match key.values {
            [Some(number), None] if is_dense => self.places.of_number(number as usize, next),
            _ => self.places.of_key(key, next),
        };
        if place as usize == self.keys.len() {
            self.keys.push(key);
            self.tallies.push(Tally::default());
        }
        place
    }

    fn tally(&mut self, place: u32) -> &mut Tally {
        self.tallies.get_mut(place as usize).unwrap_or(&mut self.omitted)
    }

    fn groups(&self) -> impl Iterator<Item = (&Key, &Tally)> {
        self.keys.iter().zip(&self.tallies)
    }
}

/// Where groups are; a new one gets the next place, which is [`NOWHERE`] where there is no room.
#[derive(Debug, Default)]
struct Places {
    /// Of one text without steps of time, by the number of the text: those come one after the other.
    by_number: Vec<u32>,
    by_key: HashMap<Key, u32>,
}

impl Places {
    fn of_number(&mut self, number: usize, next: u32) -> u32 {
        if number >= self.by_number.len() {
            self.by_number.resize((number + 1).next_power_of_two(), NOWHERE);
        }
        let Some(place) = self.by_number.get_mut(number) else { return NOWHERE };
        if *place == NOWHERE {
            *place = next;
        }
        *place
    }

    fn of_key(&mut self, key: Key, next: u32) -> u32 {
        match self.by_key.get(&key) {
            Some(&place) => place,
            None if next == NOWHERE => NOWHERE,
            None => {
                self.by_key.insert(key, next);
                next
            }
        }
    }
}

/// The place of a group that there is no room for.
const NOWHERE: u32 = u32::MAX;
/// Rows whose groups are looked for in memory at once.
const ROWS_AT_ONCE: usize = 256;

impl Fold for StatFold {
    fn batch(&mut self, protocol: ProtocolIndex, batch: &RecordBatch) -> Result<()> {
        let grouping = Arc::clone(&self.grouping);
        let facts = Facts::of(grouping.table, protocol, batch)?;
        let (first, second) = (self.keys(0, protocol, batch)?, self.keys(1, protocol, batch)?);
        let mut steps = Steps::of(grouping.step_ns);
        let mut places: Vec<(usize, u32)> = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            if facts.is_outdated(&grouping.newest, row) {
                continue;
            }
            let time = facts.time(row);
            let step = match (&mut steps, time) {
                (Some(steps), Some(time)) => steps.step(time.ns()),
                (Some(_), None) => return exec_err!("rows without time"),
                (None, _) => 0,
            };
            places.push((row, self.place(Key { values: [first.get(row), second.get(row)], step })));
        }
        // Where there are many groups, each row's lies elsewhere in memory: a short loop over some rows gets them all at once.
        for some in places.chunks(ROWS_AT_ONCE) {
            for &(row, place) in some {
                self.tally(place).of(facts.counted(row)).count(facts.time(row));
            }
            for &(row, place) in some {
                let counted = facts.counted(row);
                let elapsed_us = if counted == Counted::Call { facts.elapsed_us(row) } else { None };
                self.tally(place).of(counted).measure(facts.outcome(row), facts.bytes(row), elapsed_us);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: &StatFold) {
        let mut places: Vec<u32> = Vec::with_capacity(other.keys.len());
        for key in &other.keys {
            let mut key = *key;
            for (value, is_text) in key.values.iter_mut().zip(&self.is_text) {
                if let Some(value) = value.as_mut().filter(|_| *is_text) {
                    *value = self.interner.number(other.text(*value)).into();
                }
            }
            places.push(self.place(key));
        }
        for (tally, place) in other.tallies.iter().zip(places) {
            self.tally(place).merge(tally);
        }
        self.omitted.merge(&other.omitted);
    }

    fn settle(&mut self) -> usize {
        let Grouping { table, by, step_ns, .. } = &*self.grouping;
        // The newest revisions are many, and of no use to what is folded.
        let newest = Arc::default();
        self.grouping = Arc::new(Grouping { table, by: by.clone(), step_ns: *step_ns, newest });
        self.makers = Default::default();
        self.places = Places::default();
        self.keys.shrink_to_fit();
        self.tallies.shrink_to_fit();
        let groups = self.tallies.iter().map(|tally| size_of::<Key>().saturating_add(tally.footprint_bytes()));
        groups.fold(self.interner.settle(), usize::saturating_add).saturating_add(size_of_val(self))
    }
}

/// Steps of time, by number. Rows come nearly in the order of time, so the last step mostly is that of the next row too.
struct Steps {
    length_ns: i64,
    number: i64,
    first_ns: i64,
    last_ns: i64,
}

impl Steps {
    fn of(length_ns: Option<i64>) -> Option<Steps> {
        Some(Steps { length_ns: length_ns?, number: 0, first_ns: 1, last_ns: 0 })
    }

    fn step(&mut self, ns: i64) -> i64 {
        if ns < self.first_ns || self.last_ns < ns {
            self.number = ns.div_euclid(self.length_ns);
            self.first_ns = ns.saturating_sub(ns.rem_euclid(self.length_ns));
            self.last_ns = self.first_ns.saturating_add(self.length_ns - 1);
        }
        self.number
    }
}
