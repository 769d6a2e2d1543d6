//! The passing of time and the end of the input: connections that are over, and summaries that are due.

use lanternfish_model::{CloseReason, Loss, Timestamp};

use super::Tracker;
use crate::{Moment, Sink};

impl<S: Sink> Tracker<S> {
    /// Closes connections that have been silent for too long at this time, and gives the summaries that are due, in the
    /// order of their last packets.
    pub fn advance(&mut self, sink: &mut S, now: Timestamp, loss: &mut Loss) {
        self.advance_some(sink, now, loss, |_| false);
    }

    /// As [`Tracker::advance`], but stops behind a connection where `is_enough` says so. Tells whether more are due: then
    /// it is to be called again before the next datagram.
    pub fn advance_some(
        &mut self,
        sink: &mut S,
        now: Timestamp,
        loss: &mut Loss,
        is_enough: impl Fn(&S) -> bool,
    ) -> bool {
        if self.due_seen >= self.due.len() {
            self.find_due(now);
        }
        while let Some(&index) = self.due.get(self.due_seen) {
            self.due_seen += 1;
            let Some(Some(record)) = self.records.get(index as usize) else { continue };
            if record.is_expired(now, &self.config.timeouts) {
                self.close(sink, index, CloseReason::Timeout, loss);
            } else {
                self.report(sink, index, now, Moment::Active);
            }
            if is_enough(sink) {
                break;
            }
        }
        self.due_seen < self.due.len()
    }

    /// Finds the connections that are due.
    fn find_due(&mut self, now: Timestamp) {
        let mut due = std::mem::take(&mut self.due);
        due.clear();
        self.due_seen = 0;
        self.wheel.turn(now, &mut due);
        due.retain(|&index| {
            let Some(Some(record)) = self.records.get(index as usize) else { return false };
            let is_due = record.is_expired(now, &self.config.timeouts) || record.is_report_due(now, &self.config);
            if !is_due {
                self.wheel.schedule(index, record.alarm(&self.config));
            }
            is_due
        });
        let records = &self.records;
        due.sort_unstable_by_key(|&index| match records.get(index as usize) {
            Some(Some(record)) => (record.last.number, record.facts.id),
            _ => (0, 0),
        });
        self.due = due;
    }

    /// Closes all connections, in the order of their first packets.
    pub fn finish(&mut self, sink: &mut S, loss: &mut Loss) {
        self.finish_some(sink, loss, |_| false);
    }

    /// As [`Tracker::finish`], but stops behind a connection where `is_enough` says so. Tells whether there are more.
    pub fn finish_some(&mut self, sink: &mut S, loss: &mut Loss, is_enough: impl Fn(&S) -> bool) -> bool {
        let mut ending = self.ending.take().unwrap_or_else(|| self.by_first_packet());
        while let Some((_, _, index)) = ending.pop() {
            self.close(sink, index, CloseReason::Open, loss);
            if is_enough(sink) && !ending.is_empty() {
                self.ending = Some(ending);
                return true;
            }
        }
        false
    }

    fn by_first_packet(&self) -> Vec<(u64, u64, u32)> {
        let mut all = Vec::with_capacity(self.table.len());
        for slot in &self.table {
            if let Some(Some(record)) = self.records.get(slot.index as usize) {
                all.push((record.facts.first.number, record.facts.id, slot.index));
            }
        }
        all.sort_unstable_by(|one, other| other.cmp(one));
        all
    }
}
