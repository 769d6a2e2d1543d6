//! Values within values: where a reply stands, and when it is over. What is nested deeper than the limit is counted, but
//! not kept.

use lanternfish_dissect::{Chunk, Out};
use lanternfish_model::Cause;

use super::Replies;

/// An open aggregate.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) kind: u8,
    /// Values that are still to come; `u64::MAX` until an end token.
    pub(super) left: u64,
    /// Values that came.
    pub(super) position: u64,
}

/// An aggregate within more others than the limit: its values are counted, so that the reply's end is found.
#[derive(Debug)]
pub(super) struct Deep {
    /// Values that are still to come, those of further aggregates within it included.
    left: u64,
    /// Whether it is a value of the aggregate around it, not attributes of one.
    is_value: bool,
}

impl Replies {
    pub(super) fn begin_level(
        &mut self,
        chunk: &Chunk<'_>,
        at: usize,
        kind: u8,
        left: u64,
        out: &mut Out<'_>,
    ) -> Option<()> {
        if self.deep.is_some() || self.levels.len() >= out.limits.depth {
            return self.pass_over(chunk, at, kind, left, out);
        }
        self.begin(chunk, at, kind, out);
        if kind == b'|' {
            self.attributes = self.attributes.saturating_add(1);
        } else if self.attributes == 0 {
            self.render.raw(if kind == b'%' { b"{" } else { b"[" });
        }
        self.levels.push(Level { kind, left, position: 0 });
        if left == 0 {
            self.end_level();
        }
        Some(())
    }

    /// Begins an aggregate that is nested too deep. Where one has no count, its end can't be told from that of others.
    fn pass_over(&mut self, chunk: &Chunk<'_>, at: usize, kind: u8, left: u64, out: &mut Out<'_>) -> Option<()> {
        let is_value = kind != b'|';
        if let Some(deep) = &mut self.deep {
            if left == u64::MAX {
                return None;
            }
            deep.left = deep.left.saturating_add(left);
            if is_value {
                self.end_value();
            }
            return Some(());
        }
        self.begin(chunk, at, kind, out);
        if self.attributes == 0 && is_value {
            self.render.raw("\"…\"".as_bytes());
        }
        if !self.is_too_deep {
            self.is_too_deep = true;
            out.count(Cause::LimitReached, 1);
        }
        if left == u64::MAX {
            return None;
        }
        match left {
            0 if is_value => self.end_value(),
            0 => {}
            _ => {
                self.attributes = self.attributes.saturating_add(1);
                self.deep = Some(Deep { left, is_value });
            }
        }
        Some(())
    }

    /// Closes the innermost aggregate; it is a value of the one around it, save for attributes.
    pub(super) fn end_level(&mut self) {
        let Some(level) = self.levels.pop() else { return };
        if level.kind == b'|' {
            self.attributes = self.attributes.saturating_sub(1);
            return;
        }
        if self.attributes == 0 {
            self.render.raw(if level.kind == b'%' { b"}" } else { b"]" });
        }
        self.end_value();
    }

    /// Counts a value that is over, and closes what it completes.
    pub(super) fn end_value(&mut self) {
        if let Some(deep) = &mut self.deep {
            deep.left = deep.left.saturating_sub(1);
            if deep.left > 0 {
                return;
            }
            let is_value = deep.is_value;
            self.deep = None;
            self.attributes = self.attributes.saturating_sub(1);
            if !is_value {
                return;
            }
        }
        let depth = self.levels.len();
        match self.levels.last_mut() {
            None => self.facts.count = self.facts.count.max(1),
            Some(level) => {
                level.position = level.position.saturating_add(1);
                if depth == 1 && self.attributes == 0 {
                    self.facts.count = level.position;
                }
                if level.left == u64::MAX {
                    return;
                }
                level.left = level.left.saturating_sub(1);
                if level.left == 0 {
                    self.end_level();
                }
            }
        }
    }

    pub(super) fn is_streamed_level(&self) -> bool {
        self.deep.is_none() && self.levels.last().is_some_and(|level| level.left == u64::MAX)
    }

    /// Whether the value under way stands where a name of a JSON object must.
    pub(super) fn is_name(&self) -> bool {
        self.levels.last().is_some_and(|level| level.kind == b'%' && level.position % 2 == 0)
    }
}
