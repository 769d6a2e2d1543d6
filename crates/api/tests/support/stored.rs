//! What is stored, in memory: every function of `Stored` by the shortest way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream;
use lanternfish_api::{Stored, Streamed};
use lanternfish_filter::Filter;
use lanternfish_model::{Cause, Entry, FieldTable, Loss, Outcome, Timestamp, Value};
use lanternfish_query::{
    Cell, Clause, Cost, Cursor, Explain, FieldValues, Group, GroupBy, Map, Order, Page, QueryError, StatRow, Stats,
    Unreadable, Window,
};
use lanternfish_servicemap::LiveMap;

/// Entries in memory, the oldest first.
pub struct Memory {
    pub table: &'static FieldTable,
    pub entries: Vec<Entry>,
    /// When something was lost.
    pub lost_at: Timestamp,
    /// How long each query takes.
    pub delay: Duration,
    /// Queries that were begun, and queries that came to their end.
    pub begun: Arc<AtomicUsize>,
    pub ended: Arc<AtomicUsize>,
}

impl Memory {
    fn matching<'a>(&'a self, filter: &'a Filter, window: Window) -> impl DoubleEndedIterator<Item = &'a Entry> {
        let matches = move |entry: &&Entry| window.contains(entry.timestamp) && filter.matches(self.table, entry);
        self.entries.iter().filter(matches)
    }

    async fn work(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.delay).await;
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    fn cost(&self) -> Cost {
        let broken = Unreadable { name: "http/1.parquet".to_owned(), reason: "bad magic".to_owned(), rows: 3 };
        Cost { scanned_rows: self.entries.len() as u64, unreadable: vec![broken], ..Cost::default() }
    }

    fn cell(&self, group: &Group, entry: &Entry) -> Cell {
        match entry.value(self.table, group.field) {
            Value::Absent => Cell::Absent,
            Value::Bool(value) => Cell::Bool(value),
            Value::Int(value) => Cell::Int(value),
            Value::Double(value) => Cell::Double(value),
            Value::Text(value) => Cell::Text(value.to_owned()),
            Value::Ip(value) => Cell::Text(value.to_string()),
            Value::Time(value) => Cell::Time(value),
            Value::Map(map) => {
                let key = group.key.as_deref().unwrap_or_default();
                let found = map.iter_bytes().find(|(name, _)| name.eq_ignore_ascii_case(key.as_bytes()));
                found.map_or(Cell::Absent, |(_, value)| Cell::Text(String::from_utf8_lossy(value).into_owned()))
            }
            Value::Bytes(_) | Value::List(_) => Cell::Text(format!("{:?}", entry.value(self.table, group.field))),
        }
    }
}

#[async_trait]
impl Stored for Memory {
    async fn entries(
        &self,
        filter: &Filter,
        window: Window,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page, QueryError> {
        self.work().await;
        let is_later =
            |entry: &&Entry| cursor.is_none_or(|cursor| Cursor { time: entry.timestamp, id: entry.id } < cursor);
        let mut entries: Vec<Entry> =
            self.matching(filter, window).rev().filter(is_later).take(limit + 1).cloned().collect();
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| has_more).map(|last| Cursor { time: last.timestamp, id: last.id });
        Ok(Page { entries, next, loss: self.loss(window), cost: self.cost() })
    }

    fn stream(&self, filter: &Filter, window: Window, order: Order) -> Streamed<Vec<Entry>, QueryError> {
        let mut entries: Vec<Entry> = self.matching(filter, window).cloned().collect();
        if order == Order::Newest {
            entries.reverse();
        }
        let batches: Vec<_> = entries.chunks(3).map(|batch| Ok(batch.to_vec())).collect();
        Box::pin(stream::iter(batches))
    }

    async fn entry(&self, id: u64) -> Result<Option<Entry>, QueryError> {
        self.work().await;
        Ok(self.entries.iter().find(|entry| entry.id == id).cloned())
    }

    async fn stats(
        &self,
        filter: &Filter,
        window: Window,
        by: &[Group],
        step_ns: Option<i64>,
        limit: usize,
    ) -> Result<Stats, QueryError> {
        self.work().await;
        let mut groups: BTreeMap<String, StatRow> = BTreeMap::new();
        for entry in self.matching(filter, window) {
            let cells: Vec<(String, Cell)> =
                by.iter().map(|group| (group.name.clone(), self.cell(group, entry))).collect();
            let time = step_ns.map(|step| Timestamp::from_ns(entry.timestamp.ns().div_euclid(step) * step));
            let elapsed = entry.elapsed_ns.map(|ns| (ns / 1000).cast_unsigned());
            let row = groups.entry(format!("{cells:?}{time:?}")).or_insert_with(|| StatRow {
                by: cells,
                time,
                calls: 0,
                errors: 0,
                client_errors: 0,
                bytes: 0,
                answered: 0,
                p50_us: None,
                p95_us: None,
                p99_us: None,
            });
            row.calls += 1;
            row.errors += u64::from(matches!(entry.outcome, Outcome::ServerError | Outcome::Failed));
            row.client_errors += u64::from(entry.outcome == Outcome::ClientError);
            row.answered += u64::from(elapsed.is_some());
            row.p50_us = row.p50_us.max(elapsed);
            row.p95_us = row.p50_us;
            row.p99_us = row.p50_us;
        }
        let omitted_groups = groups.len().saturating_sub(limit) as u64;
        let rows = groups.into_values().take(limit).collect();
        Ok(Stats { rows, omitted_groups, omitted_calls: 0, loss: self.loss(window), cost: self.cost() })
    }

    async fn map(&self, filter: &Filter, window: Window, group: GroupBy) -> Result<Map, QueryError> {
        self.work().await;
        let mut map = LiveMap::default();
        self.matching(filter, window).for_each(|entry| map.fold(self.table, entry));
        let map = map.map(self.table, group, None, None);
        Ok(Map { map, loss: self.loss(window), cost: self.cost() })
    }

    async fn values(
        &self,
        field: &Group,
        prefix: &str,
        limit: usize,
        window: Window,
    ) -> Result<FieldValues, QueryError> {
        self.work().await;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| window.contains(entry.timestamp)) {
            let text = match self.cell(field, entry) {
                Cell::Text(text) => text,
                Cell::Int(number) => number.to_string(),
                _ => continue,
            };
            if text.starts_with(prefix) {
                *counts.entry(text).or_default() += 1;
            }
        }
        let is_cut = counts.len() > limit;
        Ok(FieldValues { values: counts.into_iter().take(limit).collect(), is_cut, cost: self.cost() })
    }

    async fn explain(&self, filter: &Filter, window: Window) -> Result<Explain, QueryError> {
        self.work().await;
        let everything = Filter::compile("", self.table, Timestamp::default())?;
        let matched = self.matching(filter, window).count() as u64;
        let clause = Clause {
            text: filter.query().to_owned(),
            start: 0,
            end: filter.query().len(),
            words: "as written".to_owned(),
            left: matched,
            left_so_far: matched,
        };
        Ok(Explain {
            text: "as written".to_owned(),
            clauses: vec![clause],
            total: self.matching(&everything, window).count() as u64,
            matched,
            loss: self.loss(window),
            cost: self.cost(),
        })
    }

    fn loss(&self, window: Window) -> Loss {
        let mut loss = Loss::default();
        if window.contains(self.lost_at) {
            loss.add(Cause::KernelDrop, 7);
        }
        loss
    }

    fn range(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.entries.first()?.timestamp, self.entries.last()?.timestamp))
    }
}
