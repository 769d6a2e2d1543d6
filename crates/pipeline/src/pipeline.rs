//! All stages behind a source of packets, on the calling thread or on several, with the same result.
//!
//! With several threads the calling one reads as much of each packet as its worker follows from, spreads packets in
//! batches, and merges what the workers give. Time passes at the borders of batches only.

use std::sync::Arc;
use std::thread::Scope;
use std::time::Instant;

use lanternfish_model::{ConnectionKey, Timestamp};
use lanternfish_reassembly::Whole;
use lanternfish_telemetry::{Fate, Ledger};

use crate::chunk::Border;
use crate::merge::Merge;
use crate::spread::{Received, Spread};
use crate::{Chunk, EntrySink, Ingest, Ingested, RawPacket, Settings, Worker};

/// The stages of a run.
pub(crate) struct Pipeline<'scope, 'a> {
    ingest: Ingest,
    workers: Workers<'scope>,
    merge: Merge<'a>,
    /// The books that were asked for, without those of the workers.
    asked: Option<Ledger>,
    /// The books, once all packets that they are about are through.
    books: Option<Ledger>,
    is_gone: bool,
}

/// Who dissects.
enum Workers<'scope> {
    /// The calling thread. Chunks are filled and emptied in turn.
    Here { worker: Box<Worker>, room: Chunk },
    /// Threads of their own.
    Others(Box<Spread<'scope>>),
}

impl<'scope, 'a> Pipeline<'scope, 'a> {
    /// Begins a run; `sink` makes the sink of each worker, and one more for flows. `output` takes entries in their order,
    /// and `false` of it stops the run.
    pub(crate) fn start(
        scope: &'scope Scope<'scope, '_>,
        settings: &Arc<Settings>,
        threads: u16,
        sink: &mut dyn FnMut() -> Box<dyn EntrySink>,
        output: &'a mut dyn FnMut(&[u8]) -> bool,
    ) -> Pipeline<'scope, 'a> {
        let workers = match threads {
            0 | 1 => Workers::Here {
                worker: Box::new(Worker::new(Arc::clone(settings), sink(), 0, 1)),
                room: Chunk::default(),
            },
            _ => {
                let sinks = (0..threads).map(|_| sink()).collect();
                Workers::Others(Box::new(Spread::start(scope, settings, sinks)))
            }
        };
        Pipeline {
            ingest: Ingest::new(settings.reassembly.seed, Some(Arc::clone(&settings.names))),
            workers,
            merge: Merge::new(Arc::clone(settings), sink(), output),
            asked: None,
            books: None,
            is_gone: false,
        }
    }

    /// Whether no more entries are wanted.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_gone || self.merge.is_stopped()
    }

    /// Whether entries are being made that were not given out yet.
    pub(crate) fn is_under_way(&self) -> bool {
        match &self.workers {
            Workers::Here { .. } => false,
            Workers::Others(spread) => !spread.is_idle(),
        }
    }

    /// Counts a packet that is left out before its headers are read.
    pub(crate) fn leave_out(&mut self, raw: &RawPacket<'_>, fate: Fate) {
        self.ingest.leave_out(raw, fate);
    }

    /// Takes a packet, unless `is_own` says of its connection that it is of the program's own doing; tells whether it did.
    /// `shared` is the reader's memory, where it can be held on to, and where in it the packet is.
    #[inline]
    pub(crate) fn packet(
        &mut self,
        raw: &RawPacket<'_>,
        shared: Option<(&Arc<Vec<u8>>, usize)>,
        is_own: impl FnOnce(&ConnectionKey) -> bool,
    ) -> bool {
        if let Workers::Others(spread) = &mut self.workers
            && let Some((key, hash)) = self.ingest.skim(raw)
        {
            if is_own(&key) {
                self.ingest.count_own();
                return false;
            }
            spread.packet(hash, raw, shared);
            return true;
        }
        let number = raw.packet.number;
        let ingested = self.ingest.read(raw);
        self.partials(number);
        match ingested {
            Ingested::Datagram(datagram) => {
                let (key, hash, spread_hash) = self.ingest.place(&datagram);
                if is_own(&key) {
                    self.ingest.count_own();
                    return false;
                }
                match &mut self.workers {
                    Workers::Here { worker, .. } => {
                        worker.datagram(&datagram, &key, hash, raw.packet, raw.interface, &[]);
                    }
                    Workers::Others(spread) => spread.packet(spread_hash, raw, shared),
                }
            }
            Ingested::Whole(whole) => self.whole(whole, raw.interface, number),
            Ingested::Nothing => {}
        }
        if let Workers::Here { worker, room } = &mut self.workers
            && worker.is_full()
        {
            *room = worker.take_entries(std::mem::take(room));
            self.merge.take(room);
        }
        true
    }

    /// Gives a datagram that was put together before or with the packet that has the number `at`.
    fn whole(&mut self, whole: Whole, interface: u32, at: u64) {
        let Some(datagram) = self.ingest.read_whole(&whole) else { return };
        let (key, hash, spread_hash) = self.ingest.place(&datagram);
        match &mut self.workers {
            Workers::Here { worker, .. } => worker.whole(&whole, &datagram, &key, hash, interface, at),
            Workers::Others(spread) => spread.whole(spread_hash, whole, interface, at),
        }
    }

    /// Gives what came of datagrams whose fragments were given up before the packet that has the number `at`.
    fn partials(&mut self, at: u64) {
        while let Some(partial) = self.ingest.next_partial() {
            self.whole(partial, 0, at);
        }
    }

    /// Begins the first batch.
    pub(crate) fn begin(&mut self, border: Border) {
        self.merge.push_border(border);
        match &mut self.workers {
            Workers::Here { worker, room } => {
                while worker.advance(border.time, border.next_packet) {
                    give(worker, room, &mut self.merge);
                }
                if border.is_looking {
                    worker.give_up(border.time, border.next_packet);
                }
            }
            Workers::Others(spread) => spread.begin(border),
        }
    }

    /// The packets so far are a batch; the border is between them and the next one. `asked` asks for the books as they are
    /// at the border, and is what they shall hold besides; it must not be given while earlier ones are awaited.
    pub(crate) fn pass(&mut self, border: Border, asked: Option<Ledger>) {
        self.ingest.advance(border.time);
        self.partials(border.next_packet);
        let is_asked = asked.is_some();
        if let Some(mut books) = asked {
            books.merge(&self.ingest.ledger());
            self.asked = Some(books);
        }
        match &mut self.workers {
            Workers::Here { worker, room } => {
                worker.release(Instant::now());
                give(worker, room, &mut self.merge);
                self.merge.end_batch();
                if is_asked {
                    let books = worker.ledger();
                    self.tell(&books);
                }
            }
            Workers::Others(spread) => spread.send(is_asked, None),
        }
        self.begin(border);
        self.receive();
    }

    /// Whether books were asked for that are not there yet.
    pub(crate) fn are_books_awaited(&self) -> bool {
        self.asked.is_some()
    }

    /// The books that were asked for, once they are there: every packet up to their border has its place in them.
    pub(crate) fn take_books(&mut self) -> Option<Ledger> {
        self.books.take()
    }

    fn tell(&mut self, workers: &Ledger) {
        let Some(mut books) = self.asked.take() else { return };
        books.merge(workers);
        books.merge(self.merge.ledger());
        self.books = Some(books);
    }

    /// Gives out what other threads have made; waits for them where too much is under way.
    pub(crate) fn receive(&mut self) {
        while let Workers::Others(spread) = &mut self.workers
            && !spread.is_idle()
        {
            let is_waiting = spread.is_full();
            match spread.receive(&mut self.merge, is_waiting) {
                Received::Batch => {
                    if let Some(books) = spread.take_books() {
                        self.tell(&books);
                    }
                }
                Received::Later => return,
                Received::Nothing => {
                    self.is_gone = true;
                    return;
                }
            }
        }
    }

    /// The run is over: closes what is open, gives out all that is left, and adds up the books. `time` is that of the end,
    /// `next_packet` the number that the next packet would have.
    pub(crate) fn finish(mut self, time: Timestamp, next_packet: u64) -> Ledger {
        self.ingest.finish();
        self.partials(next_packet);
        let Pipeline { ingest, workers, mut merge, .. } = self;
        let border = Border { time, next_packet, is_looking: false };
        let mut ledger = match workers {
            Workers::Here { mut worker, mut room } => {
                give(&mut worker, &mut room, &mut merge);
                merge.end_batch();
                merge.push_border(border);
                while worker.advance(time, next_packet) {
                    give(&mut worker, &mut room, &mut merge);
                }
                while worker.finish() {
                    give(&mut worker, &mut room, &mut merge);
                }
                give(&mut worker, &mut room, &mut merge);
                merge.end_batch();
                worker.ledger()
            }
            Workers::Others(mut spread) => {
                spread.send(false, Some((time, next_packet)));
                merge.push_border(border);
                spread.conclude(&mut merge)
            }
        };
        ledger.merge(&ingest.ledger());
        ledger.merge(&merge.finish());
        ledger
    }
}

/// Gives what a worker has made so far to those who merge.
fn give(worker: &mut Worker, room: &mut Chunk, merge: &mut Merge<'_>) {
    *room = worker.take(std::mem::take(room));
    merge.take(room);
}

#[cfg(test)]
mod tests;
