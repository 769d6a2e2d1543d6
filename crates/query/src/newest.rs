//! The search for the next entries in the order of time: pieces are looked at by their newest (or oldest) time, and the
//! search stops as soon as no other piece can hold an entry that comes before those found.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, exec_err};
use lanternfish_model::{ProtocolIndex, Timestamp, fields};
use tokio::task::JoinSet;

use crate::engine::{Engine, failed};
use crate::question::{Question, is_revised, path};
use crate::revisions::{REVISIONS, revisions};
use crate::scan::ROW_NUMBER;
use crate::source::Snapshot;
use crate::types::{Cost, Cursor, Order, QueryError};
use crate::units::{Outcome, Part, Unit};

/// Where an entry stands in the order: time, then id; smaller is nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    time: i128,
    id: i128,
}

/// A row that meets the filter.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub cursor: Cursor,
    pub protocol: ProtocolIndex,
    /// The revision of a connection or flow, 0 for calls.
    pub revision: i64,
    pub part: Part,
    /// The number of the row in its segment or tail.
    pub row: u64,
}

/// A search under way.
pub(crate) struct Search {
    engine: Arc<Engine>,
    question: Arc<Question>,
    order: Order,
    waiting: BinaryHeap<Reverse<Waiting>>,
    running: JoinSet<Looked>,
    /// The ranks of the pieces that are being looked at, by their tickets.
    in_flight: BTreeMap<u64, Rank>,
    tickets: u64,
    found: BTreeMap<Rank, Candidate>,
    pub cost: Cost,
}

#[derive(Debug)]
struct Waiting {
    rank: Rank,
    ticket: u64,
    unit: Unit,
    /// Rows of it up to here are known already.
    after: Option<Cursor>,
}

/// A piece that was looked at.
struct Looked {
    ticket: u64,
    unit: Unit,
    outcome: Outcome,
    after: Option<Cursor>,
    found: BTreeMap<Rank, Candidate>,
    /// Whether it holds more rows behind those found.
    is_cut: bool,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        (self.rank, self.ticket) == (other.rank, other.ticket)
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.rank, self.ticket).cmp(&(other.rank, other.ticket))
    }
}

impl Search {
    /// The columns that a search reads besides those of the filter.
    pub fn columns() -> Vec<String> {
        let common = [path(fields::ID), path(fields::TIMESTAMP)];
        common.iter().chain(REVISIONS).map(|name| (*name).to_owned()).collect()
    }

    /// Begins a search behind a cursor.
    pub fn new(
        engine: &Arc<Engine>,
        snapshot: &dyn Snapshot,
        mut question: Question,
        order: Order,
        after: Option<Cursor>,
    ) -> Search {
        question.has_row_numbers = true;
        if let Some(after) = after {
            match order {
                Order::Newest => {
                    question.window.to = Some(question.window.to.map_or(after.time, |to| to.min(after.time)))
                }
                Order::Oldest => {
                    question.window.from = Some(question.window.from.map_or(after.time, |from| from.max(after.time)));
                }
            }
        }
        let mut search = Search {
            engine: Arc::clone(engine),
            question: Arc::new(question),
            order,
            waiting: BinaryHeap::new(),
            running: JoinSet::new(),
            in_flight: BTreeMap::new(),
            tickets: 0,
            found: BTreeMap::new(),
            cost: Cost::default(),
        };
        let units = Unit::all(snapshot, &search.question, &mut search.cost);
        units.into_iter().for_each(|unit| search.wait(unit, after));
        search
    }

    /// The next rows in order, at most so many; fewer only where there are no more.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<Candidate>, QueryError> {
        loop {
            self.start(limit);
            let frontier = self.frontier();
            let ready = match frontier {
                Some(frontier) => self.found.range(..frontier).count(),
                None => self.found.len(),
            };
            if ready >= limit || frontier.is_none() {
                let mut next = Vec::with_capacity(limit.min(ready));
                while next.len() < limit.min(ready) {
                    let Some((_, candidate)) = self.found.pop_first() else { break };
                    next.push(candidate);
                }
                return Ok(next);
            }
            let Some(done) = self.running.join_next().await else { continue };
            let looked = done.map_err(|error| failed(&error))?;
            self.in_flight.remove(&looked.ticket);
            if let Some((_, last)) = looked.found.last_key_value().filter(|_| looked.is_cut) {
                self.wait_behind(looked.unit, last.cursor);
            }
            looked.found.into_values().for_each(|candidate| self.find(candidate));
            if let Some(parts) = self.cost.take(looked.outcome) {
                parts.into_iter().for_each(|part| self.wait(part, looked.after));
            }
        }
    }

    /// Of several revisions the newest is kept.
    fn find(&mut self, candidate: Candidate) {
        let rank = rank(self.order, candidate.cursor);
        match self.found.get(&rank) {
            Some(known) if known.revision >= candidate.revision => {}
            _ => {
                self.found.insert(rank, candidate);
            }
        }
    }

    /// The rank before which nothing new can come.
    fn frontier(&self) -> Option<Rank> {
        let waiting = self.waiting.peek().map(|Reverse(waiting)| waiting.rank);
        let in_flight = self.in_flight.values().min().copied();
        match (waiting, in_flight) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        }
    }

    fn wait(&mut self, unit: Unit, after: Option<Cursor>) {
        let edge = match self.order {
            Order::Newest => Cursor { time: unit.to, id: u64::MAX, shown: 0 },
            Order::Oldest => Cursor { time: unit.from, id: 0, shown: 0 },
        };
        self.tickets += 1;
        let rank = rank(self.order, edge);
        self.waiting.push(Reverse(Waiting { rank, ticket: self.tickets, unit, after }));
    }

    /// Lets a piece wait whose rows up to a place are known.
    fn wait_behind(&mut self, unit: Unit, last: Cursor) {
        self.tickets += 1;
        let Rank { time, id } = rank(self.order, last);
        let rank = Rank { time, id: id.saturating_add(1) };
        self.waiting.push(Reverse(Waiting { rank, ticket: self.tickets, unit, after: Some(last) }));
    }

    /// Lets the threads look at the next pieces.
    fn start(&mut self, limit: usize) {
        while self.running.len() < self.engine.threads() {
            let worst = self.found.keys().nth(limit.saturating_sub(1)).copied();
            match self.waiting.peek() {
                // Enough was found that comes before all that waits.
                Some(Reverse(next)) if worst.is_none_or(|worst| next.rank <= worst) => {}
                _ => return,
            }
            let Some(Reverse(Waiting { rank, ticket, unit, after })) = self.waiting.pop() else { return };
            self.in_flight.insert(ticket, rank);
            let (engine, question) = (Arc::clone(&self.engine), Arc::clone(&self.question));
            let part = unit.part.clone();
            let mut gather = Gather { order: self.order, after, limit, found: BTreeMap::new(), is_cut: false, part };
            let is_revised = is_revised(question.table(), unit.protocol);
            let work = async move {
                let protocol = unit.protocol;
                let mut each = |batch: RecordBatch| gather.batch(protocol, &batch, is_revised);
                let outcome = unit.run(engine.context(), &engine.segments, &question, &mut each).await;
                Looked { ticket, unit, outcome, after, found: gather.found, is_cut: gather.is_cut }
            };
            self.running.spawn_on(work, self.engine.handle());
        }
    }
}

/// Keeps the nearest rows of one piece.
struct Gather {
    order: Order,
    after: Option<Cursor>,
    limit: usize,
    found: BTreeMap<Rank, Candidate>,
    is_cut: bool,
    part: Part,
}

impl Gather {
    fn batch(&mut self, protocol: ProtocolIndex, batch: &RecordBatch, is_revised: bool) -> Result<()> {
        let (ids, times, numbers) = (
            batch.column_by_name(path(fields::ID)).and_then(|a| a.as_primitive_opt::<Int64Type>()),
            batch.column_by_name(path(fields::TIMESTAMP)).and_then(|a| a.as_primitive_opt::<TimestampNanosecondType>()),
            batch.column_by_name(ROW_NUMBER).and_then(|a| a.as_primitive_opt::<Int64Type>()),
        );
        let (Some(ids), Some(times), Some(numbers)) = (ids, times, numbers) else {
            return exec_err!("rows without id or time");
        };
        let revisions = is_revised.then(|| revisions(batch));
        for row in 0..batch.num_rows() {
            let time = Timestamp::from_ns(times.value(row));
            let cursor = Cursor { time, id: ids.value(row).cast_unsigned(), shown: 0 };
            let rank = rank(self.order, cursor);
            if self.after.is_some_and(|after| rank <= self::rank(self.order, after)) {
                continue;
            }
            if self.found.len() >= self.limit && self.found.last_key_value().is_some_and(|(worst, _)| rank > *worst) {
                self.is_cut = true;
                continue;
            }
            let revision = revisions.as_ref().map_or(0, |revisions| revisions.of(row));
            if self.found.get(&rank).is_some_and(|known| known.revision >= revision) {
                continue;
            }
            let row = numbers.value(row).cast_unsigned();
            self.found.insert(rank, Candidate { cursor, protocol, revision, part: self.part.clone(), row });
            if self.found.len() > self.limit {
                self.found.pop_last();
                self.is_cut = true;
            }
        }
        Ok(())
    }
}

fn rank(order: Order, cursor: Cursor) -> Rank {
    let (time, id) = (i128::from(cursor.time.ns()), i128::from(cursor.id));
    match order {
        Order::Newest => Rank { time: -time, id: -id },
        Order::Oldest => Rank { time, id },
    }
}
