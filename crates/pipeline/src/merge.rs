//! The entries of all workers in the order of their ranks, and those of flows behind what they are folded from.
//!
//! A batch comes in pieces from each worker, each in the order of ranks. Flows are folded where that does not depend on
//! how the pieces were cut, nor on the number of workers: at the end of a batch, and between blocks of connections that
//! time or the end of the input closed, as there may be very many of these.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use lanternfish_model::Timestamp;
use lanternfish_telemetry::Ledger;

use crate::chunk::{Border, FlowEvent};
use crate::flows::{FlowTable, Writer};
use crate::{Chunk, EntrySink, Rank, Settings};

/// Takes what the workers give, and gives it out.
pub(crate) struct Merge<'a> {
    output: &'a mut dyn FnMut(&[u8]) -> bool,
    /// The most entries that are wanted.
    limit: u64,
    written: u64,
    is_stopped: bool,
    /// Entries that were not given out yet.
    merged: Vec<u8>,
    flows: FlowTable,
    flow_sink: Box<dyn EntrySink>,
    early: Chunk,
    ledger: Ledger,
    /// The borders before the batches that were not begun yet.
    borders: VecDeque<Border>,
    /// That of the batch under way, until flows were told.
    border: Option<Border>,
    /// Live: the time at which the batch under way ends the flows that are idle, where it does.
    idle_at: Option<Timestamp>,
    is_under_way: bool,
    /// The block of connections that the last entry or event was of, where time completed it.
    block: Option<(u64, u64)>,
}

impl<'a> Merge<'a> {
    /// Begins a run.
    pub(crate) fn new(
        settings: Arc<Settings>,
        flow_sink: Box<dyn EntrySink>,
        output: &'a mut dyn FnMut(&[u8]) -> bool,
    ) -> Merge<'a> {
        Merge {
            output,
            limit: settings.filter.as_ref().and_then(|filter| filter.limit()).unwrap_or(u64::MAX),
            written: 0,
            is_stopped: false,
            merged: Vec::new(),
            flows: FlowTable::new(settings),
            flow_sink,
            early: Chunk::default(),
            ledger: Ledger::default(),
            borders: VecDeque::new(),
            border: None,
            idle_at: None,
            is_under_way: false,
            block: None,
        }
    }

    /// Whether no more entries are wanted.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Tells of the border before the next batch that will be.
    pub(crate) fn push_border(&mut self, border: Border) {
        self.borders.push_back(border);
    }

    /// The counters of flows so far.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes a piece of the only worker, and leaves its room.
    pub(crate) fn take(&mut self, chunk: &mut Chunk) {
        self.begin_batch();
        let by_time = |rank: Option<Rank>| rank.is_some_and(|rank| rank.class == Rank::BY_TIME);
        let marks = (chunk.marks.first(), chunk.marks.last());
        let is_plain = !by_time(marks.0.map(|mark| mark.rank)) && !by_time(chunk.flows.first().map(|event| event.rank));
        if is_plain && self.limit == u64::MAX && chunk.is_sorted() {
            if !chunk.bytes.is_empty() {
                self.pass(marks.1.map_or(Rank::default(), |mark| mark.rank));
                self.give_out();
                self.is_stopped |= !self.is_stopped && !(self.output)(&chunk.bytes);
            }
            self.flows.collect(&mut chunk.flows);
        } else {
            let mut queue = Queue::default();
            queue.fill(std::mem::take(chunk));
            self.take_all(std::slice::from_mut(&mut queue), |_| Refill::Nothing);
            *chunk = std::mem::take(&mut queue.chunk);
        }
        chunk.clear();
    }

    /// Takes what several workers give, the least rank first, until all are empty; `refill` is asked for more of the
    /// workers whose pieces are used up. Tells whether that was all of the batch: where a worker is not that far, it is to
    /// be called again.
    pub(crate) fn take_all(&mut self, queues: &mut [Queue], mut refill: impl FnMut(&mut [Queue]) -> Refill) -> bool {
        self.begin_batch();
        loop {
            if queues.iter().any(Queue::is_empty) {
                match refill(queues) {
                    Refill::Some => continue,
                    Refill::Later => return false,
                    Refill::Nothing => {}
                }
            }
            // There are few workers: looking at each one's next entry is cheaper than a heap.
            let next = queues.iter_mut().filter_map(|queue| queue.next_rank().map(|rank| (rank, queue)));
            let Some((rank, queue)) = next.min_by_key(|(rank, _)| *rank) else { break };
            self.pass(rank);
            while queue.next_mark() == Some(rank) {
                self.entry(queue.pop());
            }
            while let Some(event) = queue.timed.pop_front_if(|event| event.rank == rank) {
                self.flows.collect_one(event);
            }
        }
        for queue in queues {
            self.flows.collect(&mut queue.late);
        }
        true
    }

    /// The batch is over.
    pub(crate) fn end_batch(&mut self) {
        self.begin_batch();
        self.give_out();
        let (border, idle_at) = (self.border.take(), self.idle_at.take());
        let mut writer = writer(&mut self.flow_sink, &mut self.early, &mut self.ledger);
        self.flows.fold_batch(border, &mut writer);
        if let Some(now) = idle_at {
            self.flows.close_idle(now, &mut writer);
        }
        self.flows.release(Some(Instant::now()), &mut writer);
        self.write_early();
        self.flow_sink.flush();
        self.is_under_way = false;
        self.block = None;
    }

    /// The run is over: writes the flows that are left; gives the counters of all flows.
    pub(crate) fn finish(mut self) -> Ledger {
        loop {
            let mut writer = writer(&mut self.flow_sink, &mut self.early, &mut self.ledger);
            let has_more = self.flows.finish(&mut writer);
            self.write_early();
            if !has_more {
                self.flow_sink.flush();
                return self.ledger;
            }
        }
    }

    fn begin_batch(&mut self) {
        if !self.is_under_way {
            self.is_under_way = true;
            self.border = self.borders.pop_front();
            self.idle_at = self.border.filter(|border| border.is_looking).map(|border| border.time);
        }
    }

    /// Folds flows where a block of connections is over.
    fn pass(&mut self, rank: Rank) {
        let block = (rank.class == Rank::BY_TIME).then_some((rank.packet, rank.connection >> BLOCK_BITS));
        if block == self.block {
            return;
        }
        if self.block.is_some() {
            self.give_out();
            let mut writer = writer(&mut self.flow_sink, &mut self.early, &mut self.ledger);
            self.flows.fold(&mut self.border, &mut writer);
            self.write_early();
        }
        self.block = block;
    }

    fn entry(&mut self, bytes: &[u8]) {
        if self.is_stopped {
            return;
        }
        if self.written < self.limit {
            self.written += 1;
            self.merged.extend_from_slice(bytes);
        }
        let is_last = self.written >= self.limit;
        if is_last || self.merged.len() >= Chunk::FULL_BYTES {
            self.give_out();
        }
        self.is_stopped |= is_last;
    }

    fn give_out(&mut self) {
        if !self.merged.is_empty() && !self.is_stopped {
            self.is_stopped = !(self.output)(&self.merged);
        }
        self.merged.clear();
    }

    fn write_early(&mut self) {
        let early = std::mem::take(&mut self.early);
        (0..early.marks.len()).for_each(|position| self.entry(early.entry(position)));
        self.give_out();
        self.early = early;
        self.early.clear();
    }
}

fn writer<'a>(sink: &'a mut Box<dyn EntrySink>, out: &'a mut Chunk, ledger: &'a mut Ledger) -> Writer<'a> {
    Writer { sink: sink.as_mut(), out, ledger }
}

/// What there is of the workers whose pieces are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refill {
    /// Of some another piece came.
    Some,
    /// One is not that far yet.
    Later,
    /// They are through with the batch.
    Nothing,
}

/// A piece of a worker on its way out.
#[derive(Default)]
pub(crate) struct Queue {
    chunk: Chunk,
    /// The order of its entries, where it is not that of the chunk.
    order: Option<Vec<usize>>,
    at: usize,
    /// What was told to flows while time passed.
    timed: VecDeque<FlowEvent>,
    /// What was told to flows by packets; it is folded when the batch is over.
    late: Vec<FlowEvent>,
}

impl Queue {
    /// Takes the next piece; the one before is used up.
    pub(crate) fn fill(&mut self, mut chunk: Chunk) {
        self.at = 0;
        self.order = (!chunk.is_sorted()).then(|| {
            let mut order: Vec<usize> = (0..chunk.marks.len()).collect();
            order.sort_by_key(|&position| (chunk.marks.get(position).map(|mark| mark.rank), position));
            order
        });
        let timed = chunk.flows.iter().take_while(|event| event.rank.class == Rank::BY_TIME).count();
        self.timed.extend(chunk.flows.drain(..timed));
        self.late.append(&mut chunk.flows);
        self.chunk = chunk;
    }

    /// Takes the room of a piece that is used up.
    pub(crate) fn leave(&mut self) -> Chunk {
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.clear();
        chunk
    }

    /// Whether all of the piece was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.next_rank().is_none()
    }

    fn position(&self) -> Option<usize> {
        match &self.order {
            Some(order) => order.get(self.at).copied(),
            None => Some(self.at),
        }
    }

    fn next_mark(&self) -> Option<Rank> {
        self.chunk.marks.get(self.position()?).map(|mark| mark.rank)
    }

    fn next_rank(&self) -> Option<Rank> {
        match (self.next_mark(), self.timed.front().map(|event| event.rank)) {
            (Some(mark), Some(event)) => Some(mark.min(event)),
            (mark, event) => mark.or(event),
        }
    }

    fn pop(&mut self) -> &[u8] {
        let position = self.position();
        self.at += 1;
        position.map_or(&[], |position| self.chunk.entry(position))
    }
}

/// Connections whose numbers share all higher bits are one block: 1024 numbers of packets.
const BLOCK_BITS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mark;

    fn chunk(entries: &[(u64, &str)]) -> Chunk {
        let mut chunk = Chunk::default();
        for (packet, text) in entries {
            chunk.bytes.extend_from_slice(text.as_bytes());
            let rank = Rank { packet: *packet, class: Rank::BY_PACKET, connection: 0 };
            chunk.marks.push(Mark { rank, end: chunk.bytes.len() });
        }
        chunk
    }

    /// The entries of pieces, those of each worker after each other.
    fn merged(workers: Vec<Vec<Chunk>>) -> String {
        let mut queues: Vec<Queue> = workers.iter().map(|_| Queue::default()).collect();
        let mut left: Vec<VecDeque<Chunk>> = workers.into_iter().map(VecDeque::from).collect();
        let mut out = String::new();
        loop {
            for (queue, left) in queues.iter_mut().zip(&mut left) {
                while queue.is_empty()
                    && let Some(chunk) = left.pop_front()
                {
                    queue.fill(chunk);
                }
            }
            let next = queues.iter_mut().filter(|queue| !queue.is_empty()).min_by_key(|queue| queue.next_rank());
            let Some(queue) = next else { return out };
            out.push_str(std::str::from_utf8(queue.pop()).unwrap());
        }
    }

    #[test]
    fn entries_come_in_the_order_of_their_packets() {
        let one = vec![chunk(&[(1, "a"), (4, "d")]), chunk(&[(4, "e"), (9, "i")])];
        let two = vec![chunk(&[]), chunk(&[(2, "b"), (3, "c"), (7, "g")])];
        let unsorted = vec![chunk(&[(8, "h"), (5, "f")])];
        assert_eq!(merged(vec![one, two, vec![Chunk::default()], unsorted]), "abcdefghi");
        assert_eq!(merged(vec![vec![chunk(&[(2, "b"), (1, "a")])]]), "ab");
    }
}
