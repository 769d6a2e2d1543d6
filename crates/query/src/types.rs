//! What questions and answers are made of: plain types without DataFusion or Arrow.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lanternfish_model::{Entry, FieldId, FieldTable, Kind, Loss, Place, Timestamp};
use thiserror::Error;
use tokio::sync::Notify;

pub use lanternfish_servicemap::{Edge, Figures, GroupBy, Node, NodeKind, ServiceMap};

/// A range of time, both ends included; an end that is not set is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The oldest time of an entry.
    pub from: Option<Timestamp>,
    /// The newest time of an entry.
    pub to: Option<Timestamp>,
}

impl Window {
    /// All of time.
    pub const ALL: Window = Window { from: None, to: None };

    /// What lies in this window and in another one.
    pub fn within(&self, other: Window) -> Window {
        let to = match (self.to, other.to) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        };
        Window { from: self.from.max(other.from), to }
    }

    /// Whether a time lies in it.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time <= to)
    }

    /// Whether any time of a range lies in it.
    pub fn overlaps(&self, oldest: Timestamp, newest: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= newest) && self.to.is_none_or(|to| oldest <= to)
    }
}

/// The order of a stream of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By time, the newest first.
    #[default]
    Newest,
    /// By time, the oldest first.
    Oldest,
}

/// Where a page ended: the next one goes on with entries that are older, whatever was stored meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The time of the last entry of the page.
    pub time: Timestamp,
    /// Its id.
    pub id: u64,
    /// Entries that were shown up to here, for a filter with a limit.
    pub shown: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}-{:x}", self.time.ns().cast_unsigned(), self.id, self.shown)
    }
}

impl std::str::FromStr for Cursor {
    type Err = QueryError;
    fn from_str(text: &str) -> Result<Cursor, QueryError> {
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let mut parts = text.splitn(3, '-').map(number);
        let mut part = || parts.next().flatten();
        let parsed = (|| {
            let time = Timestamp::from_ns(part()?.cast_signed());
            Some(Cursor { time, id: part()?, shown: part()? })
        })();
        parsed.ok_or_else(|| QueryError::BadCursor(text.chars().take(64).collect()))
    }
}

/// What an answer cost, and what it could not read.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// The time from question to answer.
    pub took: Duration,
    /// Rows that were looked at.
    pub scanned_rows: u64,
    /// Segments that were opened.
    pub segments: u64,
    /// Segments that were left out because of their time, protocol or statistics.
    pub segments_skipped: u64,
    /// Segments that could not be read.
    pub unreadable: Vec<Unreadable>,
}

/// A segment that could not be read; its rows are missing from the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The name of the file.
    pub name: String,
    /// Why, in words.
    pub reason: String,
    /// How many rows it should have.
    pub rows: u64,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} can't be read ({}): its {} rows are missing", self.name, self.reason, self.rows)
    }
}

fn words(parts: &[Unreadable]) -> String {
    parts.iter().map(Unreadable::to_string).collect::<Vec<_>>().join("; ")
}

/// Entries, the newest first.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where the next page goes on; `None` where there is none.
    pub next: Option<Cursor>,
    /// The loss of the window.
    pub loss: Loss,
    /// What it cost.
    pub cost: Cost,
}

/// What rows of an analysis are grouped by: a field, or a name of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The field.
    pub field: FieldId,
    /// The name within a field that is a map.
    pub key: Option<String>,
    /// As it was written: the name in [`StatRow::by`].
    pub name: String,
}

impl Group {
    /// The group of a text such as `status_code` or `request.headers["x-trace"]`.
    pub fn parse(text: &str, table: &FieldTable) -> Result<Group, QueryError> {
        let written = text.trim();
        let bad = |reason: &str| QueryError::BadGroup { name: written.to_owned(), reason: reason.to_owned() };
        let (path, key) = match written.split_once('[') {
            Some((path, rest)) => {
                let inside = rest.strip_suffix(']').map(str::trim).ok_or_else(|| bad("no ] at its end"))?;
                let quoted = ['"', '\''].iter().find_map(|q| inside.strip_prefix(*q)?.strip_suffix(*q));
                (path.trim(), Some(quoted.ok_or_else(|| bad("the name within [ ] is not in quotes"))?.to_owned()))
            }
            None => (written, None),
        };
        let field = table.find(path).ok_or_else(|| bad("there is no such field"))?;
        let kind = table.spec(field).kind;
        match (kind, &key) {
            _ if matches!(table.place(field), Place::Word { .. }) && key.is_none() => {}
            (Kind::Map, None) => return Err(bad("a map needs a name, as in request.headers[\"host\"]")),
            (Kind::Map, Some(_)) | (_, None) => {}
            (_, Some(_)) => return Err(bad("it is not a map")),
        }
        Ok(Group { field, key, name: written.to_owned() })
    }
}

/// The value of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// The entries have no such value.
    Absent,
    /// true or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// A text.
    Text(String),
    /// A point in time.
    Time(Timestamp),
}

/// The figures of a group, or of a group in a step of time.
#[derive(Clone, Debug)]
pub struct StatRow {
    /// The groups by the names they were asked for, in that order.
    pub by: Vec<(String, Cell)>,
    /// The beginning of the step of time, where one was asked for.
    pub time: Option<Timestamp>,
    /// Its calls; which entries count as such tells `lanternfish_servicemap::Counted`.
    pub figures: Figures,
}

/// The answer of an analysis.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Groups by calls, the most first; with a step of time, by time within each group.
    pub rows: Vec<StatRow>,
    /// Groups that are not among the rows: past the limit of the request, or of what is kept apart.
    pub omitted_groups: u64,
    /// Calls of groups that were not kept apart.
    pub omitted_calls: u64,
    /// The loss of the window.
    pub loss: Loss,
    /// What it cost.
    pub cost: Cost,
}

/// The service map of what a filter meets.
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// Nodes and edges.
    pub map: ServiceMap,
    /// The loss of the window.
    pub loss: Loss,
    /// What it cost.
    pub cost: Cost,
}

/// Values of a field and how many entries have them.
#[derive(Clone, Debug, Default)]
pub struct FieldValues {
    /// The most frequent first.
    pub values: Vec<(String, u64)>,
    /// Whether there were more different values than were counted.
    pub is_cut: bool,
    /// What it cost.
    pub cost: Cost,
}

/// What a filter does to the entries of a window.
#[derive(Clone, Debug, Default)]
pub struct Explain {
    /// The filter in words.
    pub text: String,
    /// Its clauses in written order.
    pub clauses: Vec<Clause>,
    /// Entries of the window.
    pub total: u64,
    /// Entries that the whole filter meets.
    pub matched: u64,
    /// The loss of the window.
    pub loss: Loss,
    /// What it cost.
    pub cost: Cost,
}

/// A clause of a filter: what is joined by its outermost `&&`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// As written.
    pub text: String,
    /// The byte in the filter where it begins.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
    /// In words.
    pub words: String,
    /// Entries that this clause alone meets.
    pub left: u64,
    /// Entries that this clause and all before it meet.
    pub left_so_far: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, Error)]
pub enum QueryError {
    /// The one who asked is gone.
    #[error("the query was cancelled")]
    Cancelled,
    /// It would have needed more memory than queries may take.
    #[error("too much for one query: {reason}")]
    TooLarge {
        /// What there is too much of, and what would help.
        reason: String,
    },
    /// A cursor that is none.
    #[error("{0:?} is no cursor")]
    BadCursor(String),
    /// A group that is none.
    #[error("cannot group by {name}: {reason}")]
    BadGroup {
        /// As it was written.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A parameter out of its range.
    #[error("{0}")]
    BadParameter(String),
    /// A clause that does not stand alone.
    #[error(transparent)]
    Filter(#[from] lanternfish_filter::FilterError),
    /// Parts of what is stored can't be read; all else was given.
    #[error("{}", words(.0))]
    Unreadable(Vec<Unreadable>),
    /// Something within failed.
    #[error("the query failed: {0}")]
    Failed(String),
}

/// Stops queries: give clones of it away, and trigger it where the one who asked is gone.
///
/// Dropping the future of a query stops it as well.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Trigger>);

#[derive(Debug, Default)]
struct Trigger {
    is_triggered: AtomicBool,
    notify: Notify,
}

impl Cancel {
    /// One that was not triggered.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Stops what runs under it.
    pub fn cancel(&self) {
        self.0.is_triggered.store(true, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }

    /// Whether it was triggered.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_triggered.load(Ordering::SeqCst)
    }

    /// Waits until it is triggered.
    pub async fn cancelled(&self) {
        loop {
            let notified = self.0.notify.notified();
            if self.is_cancelled() {
                return;
            }
            notified.await;
        }
    }

    /// Runs a query under it.
    pub async fn run<T>(&self, query: impl Future<Output = Result<T, QueryError>>) -> Result<T, QueryError> {
        tokio::select! {
            biased;
            () = self.cancelled() => Err(QueryError::Cancelled),
            answer = query => answer,
        }
    }
}
