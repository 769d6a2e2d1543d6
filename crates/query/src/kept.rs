//! What was folded of row groups, kept for whoever asks the same again: a live page asks every second, and only the newest
//! rows have changed since.
//!
//! A row group never changes, so its fold under one filter and grouping does not either, as long as all of it lies within
//! the window and its protocol has no revisions, which are superseded by rows elsewhere. It is kept from the second time on
//! that the same compiled filter comes: most questions are asked once.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lanternfish_filter::Filter;

use crate::limits::{KEPT_IDLE, MAX_ASKED, MAX_KEPT_BYTES};
use crate::types::{Group, GroupBy};

/// What the rows that meet a filter are folded by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A map.
    Map(GroupBy),
    /// An analysis: groups and steps of time.
    Stats(Vec<Group>, Option<i64>),
}

/// Folds of row groups, by what was asked; within [`MAX_ASKED`] and [`MAX_KEPT_BYTES`].
#[derive(Debug)]
pub(crate) struct Kept<F>(Mutex<Folds<F>>);

#[derive(Debug)]
struct Folds<F> {
    asked: Vec<Asked<F>>,
    bytes: usize,
}

#[derive(Debug)]
struct Asked<F> {
    filter: Filter,
    by: By,
    used: Instant,
    parts: HashMap<RowGroups, Part<F>>,
}

/// Row groups of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RowGroups {
    /// The file of the segment.
    pub path: PathBuf,
    /// Their numbers.
    pub groups: Range<usize>,
}

#[derive(Debug)]
struct Part<F> {
    fold: Arc<F>,
    bytes: usize,
    used: Instant,
}

/// What is kept for one question.
#[derive(Debug)]
pub(crate) struct Again<F> {
    kept: Arc<Kept<F>>,
    filter: Filter,
    by: By,
}

impl<F> Default for Kept<F> {
    fn default() -> Self {
        Kept(Mutex::new(Folds { asked: Vec::new(), bytes: 0 }))
    }
}

impl<F> Kept<F> {
    /// Takes notice of a question; what is kept for it where it was asked before.
    pub fn again(self: &Arc<Self>, filter: &Filter, by: By, now: Instant) -> Option<Again<F>> {
        let mut folds = self.folds();
        if let Some(asked) = folds.find(filter, &by) {
            asked.used = now;
            drop(folds);
            return Some(Again { kept: Arc::clone(self), filter: filter.clone(), by });
        }
        if folds.asked.len() >= MAX_ASKED {
            let oldest = folds.asked.iter().enumerate().min_by_key(|(_, asked)| asked.used).map(|(at, _)| at);
            let gone = oldest.map(|at| folds.asked.swap_remove(at));
            folds.bytes = folds.bytes.saturating_sub(gone.map_or(0, |gone| gone.bytes()));
        }
        folds.asked.push(Asked { filter: filter.clone(), by, used: now, parts: HashMap::new() });
        None
    }

    /// Forgets segments that are gone.
    pub fn retain(&self, is_there: impl Fn(&Path) -> bool) {
        self.folds().retain(|_, groups, _| is_there(&groups.path));
    }

    fn folds(&self) -> MutexGuard<'_, Folds<F>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Again<F> {
    /// The fold of row groups.
    pub fn find(&self, groups: &RowGroups, now: Instant) -> Option<Arc<F>> {
        let mut folds = self.kept.folds();
        let part = folds.find(&self.filter, &self.by)?.parts.get_mut(groups)?;
        part.used = now;
        Some(Arc::clone(&part.fold))
    }

    /// Keeps the fold of row groups, where there is room.
    pub fn keep(&self, groups: RowGroups, fold: Arc<F>, bytes: usize, now: Instant) {
        let mut folds = self.kept.folds();
        let is_room = |folds: &Folds<F>| folds.bytes.saturating_add(bytes) <= MAX_KEPT_BYTES;
        if !is_room(&folds) {
            // What is in use stays: parts that take turns in being forgotten would all be folded each time.
            folds.retain(|asked, _, used| is_recent(asked, now) && is_recent(used, now));
        }
        if !is_room(&folds) {
            return;
        }
        let Some(asked) = folds.find(&self.filter, &self.by) else { return };
        let before = asked.parts.insert(groups, Part { fold, bytes, used: now });
        folds.bytes = folds.bytes.saturating_add(bytes).saturating_sub(before.map_or(0, |part| part.bytes));
    }
}

impl<F> Folds<F> {
    fn find(&mut self, filter: &Filter, by: &By) -> Option<&mut Asked<F>> {
        self.asked.iter_mut().find(|asked| asked.filter.is_same(filter) && asked.by == *by)
    }

    /// Keeps what is wanted, by when its question and it were used last.
    fn retain(&mut self, is_wanted: impl Fn(Instant, &RowGroups, Instant) -> bool) {
        for asked in &mut self.asked {
            let used = asked.used;
            asked.parts.retain(|groups, part| is_wanted(used, groups, part.used));
        }
        self.bytes = self.asked.iter().map(Asked::bytes).sum();
    }
}

impl<F> Asked<F> {
    fn bytes(&self) -> usize {
        self.parts.values().map(|part| part.bytes).sum()
    }
}

fn is_recent(used: Instant, now: Instant) -> bool {
    now.saturating_duration_since(used) < KEPT_IDLE
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lanternfish_dissectors::PROTOCOLS;
    use lanternfish_model::{FieldTable, Timestamp};

    use super::*;

    fn filter(text: &str) -> Filter {
        let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).collect();
        Filter::compile(text, &FieldTable::join(&specs).unwrap(), Timestamp::from_ns(0)).unwrap()
    }

    fn groups(number: usize) -> RowGroups {
        RowGroups { path: PathBuf::from("segment"), groups: number..number + 1 }
    }

    #[test]
    fn only_what_is_asked_again_is_kept() {
        let (kept, now) = (Arc::new(Kept::<usize>::default()), Instant::now());
        let by = By::Map(GroupBy::Auto);
        let (one, same_text) = (filter("http"), filter("http"));
        assert!(kept.again(&one, by.clone(), now).is_none(), "the first time");
        assert!(kept.again(&same_text, by.clone(), now).is_none(), "another compilation, with another now()");
        let again = kept.again(&one.clone(), by.clone(), now).unwrap();
        again.keep(groups(0), Arc::new(7), 10, now);
        assert_eq!(again.find(&groups(0), now).as_deref(), Some(&7));
        assert_eq!(again.find(&groups(1), now), None);
        let other = kept.again(&same_text, by, now).unwrap();
        assert_eq!(other.find(&groups(0), now), None);
        assert!(kept.again(&one, By::Map(GroupBy::Ip), now).is_none());
        kept.retain(|path| path != Path::new("segment"));
        assert_eq!((again.find(&groups(0), now), kept.folds().bytes), (None, 0));
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_in_use_stays() {
        let (kept, now) = (Arc::new(Kept::<usize>::default()), Instant::now());
        let one = filter("http");
        let _ = kept.again(&one, By::Map(GroupBy::Auto), now);
        let again = kept.again(&one, By::Map(GroupBy::Auto), now).unwrap();
        let half = MAX_KEPT_BYTES / 2;
        (0..3).for_each(|number| again.keep(groups(number), Arc::new(number), half, now));
        assert_eq!([0, 1, 2].map(|number| again.find(&groups(number), now).is_some()), [true, true, false]);
        // The window moves on: what was not asked for any more makes room.
        let later = now + KEPT_IDLE + Duration::from_secs(1);
        let again = kept.again(&one, By::Map(GroupBy::Auto), later).unwrap();
        assert!(again.find(&groups(1), later).is_some());
        again.keep(groups(2), Arc::new(2), half, later);
        assert_eq!([0, 1, 2].map(|number| again.find(&groups(number), later).is_some()), [false, true, true]);
        assert!(kept.folds().bytes <= MAX_KEPT_BYTES);
        for number in 0..2 * MAX_ASKED {
            let _ = kept.again(&filter(&format!("status_code == {number}")), By::Map(GroupBy::Auto), later);
        }
        let folds = kept.folds();
        assert_eq!((folds.asked.len(), folds.bytes), (MAX_ASKED, 0));
    }
}
