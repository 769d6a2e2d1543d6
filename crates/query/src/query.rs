//! The questions that can be asked of what is stored.

use std::sync::Arc;
use std::time::Instant;

use futures::Stream;
use lanternfish_columns::Tables;
use lanternfish_filter::plan::{Check, FieldPlan};
use lanternfish_filter::{Comparison, Filter, Plan};
use lanternfish_model::{Entry, FieldId, FieldTable, Timestamp, fields};

use crate::engine::Engine;
use crate::explain::{Clauses, ExplainFold};
use crate::fetch::fetch;
use crate::kept::By;
use crate::limits::{MAX_CLAUSES, MAX_PAGE, MAX_PAGE_BYTES, MAX_STAT_ROWS, MAX_VALUES};
use crate::map::{MapFold, Mapping};
use crate::newest::{Candidate, Search};
use crate::question::Question;
use crate::revisions::Newest;
use crate::source::{Snapshot, Source};
use crate::stats::{Grouping, StatFold};
use crate::types::{
    Clause, Cost, Cursor, Explain, FieldValues, Group, GroupBy, Map, Order, Page, QueryError, Stats, Window,
};
use crate::values::ValueFold;

/// Answers questions about what a source has stored.
///
/// Every future may be dropped: what runs for it on other threads stops at its next piece.
pub struct Query {
    pub(crate) engine: Arc<Engine>,
    source: Arc<dyn Source>,
}

impl Query {
    /// Begins to answer; `threads` is how many work on one question.
    pub fn new(source: Arc<dyn Source>, tables: Arc<Tables>, threads: usize) -> Result<Query, QueryError> {
        Ok(Query { engine: Arc::new(Engine::new(tables, threads)?), source })
    }

    /// The field table of the entries.
    pub fn table(&self) -> &'static FieldTable {
        self.engine.tables.fields()
    }

    /// A page of entries, the newest first; of connections and flows the newest revision.
    pub async fn entries(
        &self,
        filter: &Filter,
        window: Window,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page, QueryError> {
        let begun = Instant::now();
        let _turn = self.engine.turn().await?;
        let (snapshot, window) = self.snapshot(window);
        let mut reader = Reader::new(&self.engine, &snapshot, filter, window, Order::Newest, cursor);
        let entries = reader.read(limit.clamp(1, MAX_PAGE)).await?;
        let next = reader.cursor().await?;
        Ok(Page { entries, next, loss: snapshot.loss(window), cost: reader.cost().since(begun) })
    }

    /// All entries in the order of time, or the first so many, in portions; what could not be read on the way to the last
    /// of them is told behind them, as [`QueryError::Unreadable`].
    pub fn stream(
        &self,
        filter: &Filter,
        window: Window,
        order: Order,
        limit: Option<u64>,
    ) -> impl Stream<Item = Result<Vec<Entry>, QueryError>> + Send + use<> {
        let engine = Arc::clone(&self.engine);
        let (snapshot, window) = self.snapshot(window);
        let mut reader = Reader::new(&engine, &snapshot, filter, window, order, None);
        reader.limit = reader.limit.min(limit.unwrap_or(u64::MAX));
        futures::stream::try_unfold((engine, reader), |(engine, mut reader)| async move {
            let _turn = engine.turn().await?;
            let entries = reader.read(PORTION).await?;
            drop(_turn);
            if entries.is_empty() {
                let unreadable = reader.cost().unreadable;
                return if unreadable.is_empty() { Ok(None) } else { Err(QueryError::Unreadable(unreadable)) };
            }
            Ok(Some((entries, (engine, reader))))
        })
    }

    /// The entry with an id; of a connection or flow the newest revision. Where it is not found and a part of what is
    /// stored can't be read, that is [`QueryError::Unreadable`].
    pub async fn entry(&self, id: u64) -> Result<Option<Entry>, QueryError> {
        let _turn = self.engine.turn().await?;
        let Ok(number) = i64::try_from(id) else { return Ok(None) };
        let test = FieldPlan {
            field: FieldId(fields::ID.0),
            check: Check::Int(Comparison::Equal, number),
            is_negated: false,
            if_absent: false,
        };
        let (snapshot, window) = self.snapshot(Window::ALL);
        let mut question = Question::of_plan(&self.engine.tables, &Plan::Field(test), window, Search::columns());
        question.ids = Some(id..=id);
        let mut search = Search::new(&self.engine, &*snapshot, question, Order::Newest, None);
        let found = search.next(1).await?;
        let entries = fetch(&self.engine, &found, &mut search.cost).await?;
        match entries.into_iter().next() {
            // It may lie in what can't be read.
            None if !search.cost.unreadable.is_empty() => Err(QueryError::Unreadable(search.cost.unreadable)),
            entry => Ok(entry),
        }
    }

    /// Entries counted by at most two groups, and by steps of time.
    pub async fn stats(
        &self,
        filter: &Filter,
        window: Window,
        by: &[Group],
        step_ns: Option<i64>,
        limit: usize,
    ) -> Result<Stats, QueryError> {
        if by.len() > 2 {
            return Err(QueryError::BadParameter(format!("{} groups are too many, at most two", by.len())));
        }
        if step_ns.is_some_and(|step| step <= 0) {
            return Err(QueryError::BadParameter("a step of time must be longer than nothing".to_owned()));
        }
        let begun = Instant::now();
        let _turn = self.engine.turn().await?;
        let (snapshot, window) = self.snapshot(window);
        let mut cost = Cost::default();
        let newest = self.newest(&snapshot, filter, window, &mut cost).await?;
        let grouping = Arc::new(Grouping { table: self.table(), by: by.to_vec(), step_ns, newest });
        let question = Question::new(&self.engine.tables, Some(filter), window, grouping.columns()).with_revisions();
        let make = move || StatFold::new(Arc::clone(&grouping));
        let again = self.engine.stats.again(filter, By::Stats(by.to_vec(), step_ns), begun);
        let folded = self.engine.fold_again(&snapshot, Arc::new(question), make, again, &mut cost).await?;
        let stats = folded.finish(limit.clamp(1, MAX_STAT_ROWS));
        Ok(Stats { loss: snapshot.loss(window), cost: cost.since(begun), ..stats })
    }

    /// The service map.
    pub async fn map(&self, filter: &Filter, window: Window, group: GroupBy) -> Result<Map, QueryError> {
        let begun = Instant::now();
        let _turn = self.engine.turn().await?;
        let (snapshot, window) = self.snapshot(window);
        let mut cost = Cost::default();
        let newest = self.newest(&snapshot, filter, window, &mut cost).await?;
        let mapping = Arc::new(Mapping { table: self.table(), group, newest });
        let question = Question::new(&self.engine.tables, Some(filter), window, mapping.columns()).with_revisions();
        let make = move || MapFold::new(Arc::clone(&mapping));
        let again = self.engine.maps.again(filter, By::Map(group), begun);
        let folded = self.engine.fold_again(&snapshot, Arc::new(question), make, again, &mut cost).await?;
        Ok(Map { map: folded.finish(), loss: snapshot.loss(window), cost: cost.since(begun) })
    }

    /// The values of a field that begin with a prefix, without regard to case; of a list its items, of a map its names.
    pub async fn values(
        &self,
        group: &Group,
        prefix: &str,
        limit: usize,
        window: Window,
    ) -> Result<FieldValues, QueryError> {
        let begun = Instant::now();
        let _turn = self.engine.turn().await?;
        let (snapshot, window) = self.snapshot(window);
        let table = self.table();
        let columns = vec![table.spec(group.field).path.to_owned()];
        let test = FieldPlan { field: group.field, check: Check::Present, is_negated: false, if_absent: false };
        let question = Arc::new(Question::of_plan(&self.engine.tables, &Plan::Field(test), window, columns));
        let (group, prefix): (Arc<Group>, Arc<str>) = (Arc::new(group.clone()), prefix.into());
        let make = move || ValueFold::new(table, Arc::clone(&group), Arc::clone(&prefix));
        let mut cost = Cost::default();
        let folded = self.engine.fold(&snapshot, question, make, &mut cost).await?;
        Ok(FieldValues { cost: cost.since(begun), ..folded.finish(limit.clamp(1, MAX_VALUES)) })
    }

    /// A filter in words, and how many entries each of its clauses leaves.
    pub async fn explain(&self, filter: &Filter, now: Timestamp, window: Window) -> Result<Explain, QueryError> {
        let begun = Instant::now();
        let _turn = self.engine.turn().await?;
        let (table, tables) = (self.table(), &self.engine.tables);
        let texts = filter.clauses(table)?;
        if texts.len() > MAX_CLAUSES {
            return Err(QueryError::BadParameter(format!("more than {MAX_CLAUSES} clauses are not explained")));
        }
        let mut filters =
            texts.iter().map(|clause| Filter::compile(&clause.text, table, now)).collect::<Result<Vec<_>, _>>()?;
        filters.push(filter.clone());
        let (snapshot, window) = self.snapshot(window);
        let mut cost = Cost::default();
        let all = Question::of_plan(tables, &Plan::Const(true), window, Vec::new());
        let newest = Newest::of_window(&self.engine, &snapshot, &all, &mut cost).await?;
        let questions = filters.iter().map(|filter| Question::new(tables, Some(filter), Window::ALL, Vec::new()));
        let clauses = Arc::new(Clauses { table, questions: questions.collect(), newest });
        let question =
            Question::of_plan(tables, &Plan::Const(true), window, clauses.columns(&filters)).with_revisions();
        let make = move || ExplainFold::new(Arc::clone(&clauses));
        let folded = self.engine.fold(&snapshot, Arc::new(question), make, &mut cost).await?;
        let (matched, _) = folded.left.last().copied().unwrap_or_default();
        let counted = texts.into_iter().zip(&folded.left).map(|(clause, (left, left_so_far))| Clause {
            text: clause.text,
            start: clause.start,
            end: clause.end,
            words: clause.words,
            left: *left,
            left_so_far: *left_so_far,
        });
        Ok(Explain {
            text: filter.words(table),
            clauses: counted.collect(),
            total: folded.total,
            matched,
            loss: snapshot.loss(window),
            cost: cost.since(begun),
        })
    }

    /// What there is now, and the part of a window that counts in it.
    pub(crate) fn snapshot(&self, window: Window) -> (Arc<dyn Snapshot>, Window) {
        let snapshot = self.source.snapshot();
        let there: std::collections::HashSet<_> = snapshot.segments().into_iter().map(|segment| segment.path).collect();
        self.engine.segments.retain(|path| there.contains(path));
        self.engine.maps.retain(|path| there.contains(path));
        self.engine.stats.retain(|path| there.contains(path));
        let window = snapshot.bounds().map_or(window, |bounds| window.within(bounds));
        (snapshot, window)
    }

    async fn newest(
        &self,
        snapshot: &Arc<dyn Snapshot>,
        filter: &Filter,
        window: Window,
        cost: &mut Cost,
    ) -> Result<Arc<Newest>, QueryError> {
        let question = Question::new(&self.engine.tables, Some(filter), window, Vec::new());
        Newest::of_window(&self.engine, snapshot, &question, cost).await
    }
}

/// Reads entries in the order of time, portion by portion.
struct Reader {
    engine: Arc<Engine>,
    snapshot: Arc<dyn Snapshot>,
    search: Search,
    /// Rows that were found and not read yet.
    found: std::collections::VecDeque<Candidate>,
    last: Option<Cursor>,
    /// Entries that were given, on the pages before too.
    shown: u64,
    /// The most that the filter allows.
    limit: u64,
    is_done: bool,
    /// All so far.
    cost: Cost,
}

impl Reader {
    fn new(
        engine: &Arc<Engine>,
        snapshot: &Arc<dyn Snapshot>,
        filter: &Filter,
        window: Window,
        order: Order,
        cursor: Option<Cursor>,
    ) -> Reader {
        let question = Question::new(&engine.tables, Some(filter), window, Search::columns());
        Reader {
            engine: Arc::clone(engine),
            snapshot: Arc::clone(snapshot),
            search: Search::new(engine, &**snapshot, question, order, cursor),
            found: std::collections::VecDeque::new(),
            last: cursor,
            shown: cursor.map_or(0, |cursor| cursor.shown),
            limit: filter.limit().unwrap_or(u64::MAX),
            is_done: false,
            cost: Cost::default(),
        }
    }

    /// The next entries, at most so many and at most [`MAX_PAGE_BYTES`] of them; none where there are no more.
    async fn read(&mut self, limit: usize) -> Result<Vec<Entry>, QueryError> {
        let allowed = usize::try_from(self.limit.saturating_sub(self.shown)).unwrap_or(usize::MAX);
        let limit = limit.min(allowed);
        let mut entries = Vec::new();
        let mut bytes = 0usize;
        while entries.len() < limit && bytes < MAX_PAGE_BYTES {
            // One more than is read tells whether there is more.
            self.find((limit - entries.len()).saturating_add(1)).await?;
            let count = self.found.len().min(limit - entries.len()).min(FETCHED_AT_ONCE);
            let next: Vec<Candidate> = self.found.drain(..count).collect();
            let Some(last) = next.last() else { break };
            self.last = Some(last.cursor);
            let read = fetch(&self.engine, &next, &mut self.cost).await?;
            bytes = read.iter().fold(bytes, |sum, entry| sum.saturating_add(footprint(entry)));
            self.shown = self.shown.saturating_add(next.len() as u64);
            entries.extend(read);
        }
        Ok(entries)
    }

    /// Where the next page goes on.
    async fn cursor(&mut self) -> Result<Option<Cursor>, QueryError> {
        if self.shown >= self.limit {
            return Ok(None);
        }
        self.find(1).await?;
        Ok(self.last.filter(|_| !self.found.is_empty()).map(|last| Cursor { shown: self.shown, ..last }))
    }

    /// Looks for rows until so many are at hand: newest revisions alone.
    async fn find(&mut self, wanted: usize) -> Result<(), QueryError> {
        while self.found.len() < wanted && !self.is_done {
            let missing = wanted - self.found.len();
            let next = self.search.next(missing).await?;
            self.is_done = next.len() < missing;
            let newest = Newest::of_candidates(&self.engine, &self.snapshot, &next, &mut self.cost).await?;
            let current = next.into_iter().filter(|c| !newest.is_outdated(c.cursor.id.cast_signed(), || c.revision));
            self.found.extend(current);
        }
        Ok(())
    }

    fn cost(&mut self) -> Cost {
        let mut cost = std::mem::take(&mut self.cost);
        cost.add(std::mem::take(&mut self.search.cost));
        cost
    }
}

/// Bytes of memory of an entry.
fn footprint(entry: &Entry) -> usize {
    let halves = [&entry.request, &entry.response].into_iter().flatten();
    halves.fold(std::mem::size_of::<Entry>(), |sum, half| sum.saturating_add(half.footprint_bytes()))
}

/// Entries of a portion of a stream.
const PORTION: usize = 2_000;
/// Rows that are made entries at a time.
const FETCHED_AT_ONCE: usize = 500;
