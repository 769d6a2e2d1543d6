//! The pieces that queries are cut into: segments, their row groups, the tail; each is scanned by itself.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;
use arrow::record_batch::RecordBatch;
use datafusion::execution::TaskContext;
use lanternfish_model::{ProtocolIndex, Timestamp, fields};

use crate::Window;
use crate::kept::RowGroups;
use crate::question::{Question, is_revised, path};
use crate::scan::{Taker, Which, scan_batches, scan_segment};
use crate::segment::{Segment, Segments};
use crate::source::{SegmentFile, Snapshot};
use crate::types::{Cost, Unreadable};

/// A piece.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub protocol: ProtocolIndex,
    pub from: Timestamp,
    pub to: Timestamp,
    pub part: Part,
}

/// What a piece is.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// A segment that was not opened yet.
    Segment(SegmentFile),
    /// Row groups of a segment.
    Groups(Arc<Segment>, std::ops::Range<usize>),
    /// Batches that are in memory.
    Tail(Arc<Vec<RecordBatch>>),
}

/// What came of a piece.
pub(crate) enum Outcome {
    /// A segment was opened: these are its parts.
    Opened(Vec<Unit>),
    /// It was scanned.
    Scanned(u64),
    /// It could not be read.
    Unreadable(Unreadable),
}

impl Unit {
    /// The pieces of a snapshot that may hold rows that a question asks for; what is left out is counted.
    pub fn all(snapshot: &dyn Snapshot, question: &Question, cost: &mut Cost) -> Vec<Unit> {
        let mut units = Vec::new();
        for segment in snapshot.segments() {
            let has_id =
                question.ids.as_ref().is_none_or(|ids| segment.min_id <= *ids.end() && *ids.start() <= segment.max_id);
            let is_wanted =
                question.concerns(segment.protocol) && question.window.overlaps(segment.from, segment.to) && has_id;
            if !is_wanted {
                cost.segments_skipped += 1;
                continue;
            }
            let (protocol, from, to) = (segment.protocol, segment.from, segment.to);
            units.push(Unit { protocol, from, to, part: Part::Segment(segment) });
        }
        for (protocol, batches) in snapshot.tail() {
            if !question.concerns(protocol) {
                continue;
            }
            let Some((from, to)) = range(&batches) else { continue };
            if question.window.overlaps(from, to) {
                units.push(Unit { protocol, from, to, part: Part::Tail(batches) });
            }
        }
        units
    }

    /// Whether it is a segment that was not opened yet.
    pub fn is_segment(&self) -> bool {
        matches!(self.part, Part::Segment(_))
    }

    /// Its row groups, where what they answer can't change: all of them lie within the window, and their rows are not
    /// superseded by rows elsewhere.
    pub fn unchanging(&self, question: &Question) -> Option<RowGroups> {
        let Part::Groups(segment, groups) = &self.part else { return None };
        let Window { from, to } = question.window;
        let is_within = from.is_none_or(|from| from <= self.from) && to.is_none_or(|to| self.to <= to);
        let is_settled = is_within && question.ids.is_none() && !is_revised(question.table(), self.protocol);
        is_settled.then(|| RowGroups { path: segment.path.clone(), groups: groups.clone() })
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        match &self.part {
            Part::Segment(file) => file.rows,
            Part::Groups(segment, groups) => {
                segment.row_groups.get(groups.clone()).unwrap_or_default().iter().map(|g| g.rows).sum()
            }
            Part::Tail(batches) => batches.iter().map(|batch| batch.num_rows() as u64).sum(),
        }
    }

    /// Opens or scans it.
    pub async fn run(
        &self,
        context: Arc<TaskContext>,
        segments: &Segments,
        question: &Question,
        taker: &mut impl Taker,
    ) -> Outcome {
        let scanned = match &self.part {
            Part::Segment(file) => {
                return match segments.open(file) {
                    Ok(segment) => Outcome::Opened(self.opened(&segment, question)),
                    Err(reason) => Outcome::Unreadable(unreadable(file, reason)),
                };
            }
            Part::Groups(segment, groups) => {
                scan_segment(context, segment, Which::Groups(groups.clone()), question, taker).await
            }
            Part::Tail(batches) => scan_batches(batches, self.protocol, question, taker).await,
        };
        match scanned {
            Ok(rows) => Outcome::Scanned(rows),
            Err(error) => Outcome::Unreadable(self.unreadable(error.to_string())),
        }
    }

    /// The row groups of a segment that overlap the window: one by one where their order counts, else in runs.
    fn opened(&self, segment: &Arc<Segment>, question: &Question) -> Vec<Unit> {
        let longest = if question.has_row_numbers { 1 } else { ROW_GROUPS_AT_ONCE };
        let mut units: Vec<Unit> = Vec::new();
        for (number, group) in segment.row_groups.iter().enumerate() {
            if !question.window.overlaps(group.from, group.to) {
                continue;
            }
            if let Some(Unit { from, to, part: Part::Groups(_, run), .. }) = units.last_mut()
                && run.end == number
                && run.len() < longest
            {
                run.end = number + 1;
                (*from, *to) = ((*from).min(group.from), (*to).max(group.to));
                continue;
            }
            units.push(Unit {
                protocol: self.protocol,
                from: group.from,
                to: group.to,
                part: Part::Groups(Arc::clone(segment), number..number + 1),
            });
        }
        units
    }

    /// That it could not be read.
    pub fn unreadable(&self, reason: String) -> Unreadable {
        match &self.part {
            Part::Segment(file) => unreadable(file, reason),
            Part::Groups(segment, _) => {
                let name = segment.path.file_name().map(|name| name.to_string_lossy().into_owned());
                Unreadable { name: name.unwrap_or_default(), reason, rows: self.rows() }
            }
            Part::Tail(_) => Unreadable { name: "rows that are not sealed yet".to_owned(), reason, rows: self.rows() },
        }
    }
}

fn unreadable(file: &SegmentFile, reason: String) -> Unreadable {
    let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Unreadable { name, reason, rows: file.rows }
}

/// The oldest and the newest time of batches.
fn range(batches: &[RecordBatch]) -> Option<(Timestamp, Timestamp)> {
    let mut range: Option<(i64, i64)> = None;
    for batch in batches {
        let Some(times) = batch.column_by_name(path(fields::TIMESTAMP)) else { continue };
        let Some(times) = times.as_primitive_opt::<TimestampNanosecondType>() else { continue };
        if times.is_empty() {
            continue;
        }
        let (oldest, newest) = (arrow::compute::min(times)?, arrow::compute::max(times)?);
        range = Some(range.map_or((oldest, newest), |(from, to)| (from.min(oldest), to.max(newest))));
    }
    range.map(|(from, to)| (Timestamp::from_ns(from), Timestamp::from_ns(to)))
}

/// Row groups that are scanned at once where their order does not count.
const ROW_GROUPS_AT_ONCE: usize = 2;
