//! A worker: a connection table and everything behind it, with nothing shared but the names of addresses.

use std::sync::Arc;
use std::time::Instant;

use lanternfish_model::{ConnectionKey, Loss, PacketRef, Timestamp};
use lanternfish_reassembly::{Fate, PacketMeta, Tracker, Whole};
use lanternfish_telemetry::Ledger;
use lanternfish_wire::Datagram;

use crate::stage::Stage;
use crate::{Chunk, EntrySink, Rank, Settings};

/// One share of the work.
pub struct Worker {
    tracker: Tracker<Stage>,
    stage: Stage,
    loss: Loss,
    dissected: u64,
    duplicate_views: u64,
}

impl Worker {
    /// Begins the `number`-th of `count` workers.
    pub fn new(settings: Arc<Settings>, sink: Box<dyn EntrySink>, number: u16, count: u16) -> Worker {
        let mut config = settings.reassembly;
        let count = usize::from(count.max(1));
        config.max_connections /= count;
        config.max_embryonic /= count;
        config.max_table_bytes /= count;
        config.max_buffered_bytes /= count;
        Worker {
            tracker: Tracker::new(config),
            stage: Stage::new(settings, sink, number, count as u16),
            loss: Loss::default(),
            dissected: 0,
            duplicate_views: 0,
        }
    }

    /// Takes a datagram that came in `packets` (its fragments, or the one packet).
    pub fn datagram(
        &mut self,
        datagram: &Datagram<'_>,
        key: &ConnectionKey,
        hash: u64,
        packet: PacketRef,
        interface: u32,
        fragments: &[PacketRef],
    ) {
        self.stage.begin(Rank { packet: packet.number, class: Rank::BY_PACKET, connection: 0 });
        let meta = PacketMeta { packet, interface, fragments };
        let count = fragments.len() as u64 + 1;
        match self.tracker.datagram(&mut self.stage, &meta, datagram, key, hash, &mut self.loss) {
            Fate::Dissected => self.dissected += count,
            Fate::DuplicateView => self.duplicate_views += count,
        }
    }

    /// Takes a datagram that was put together from fragments, before or with the packet that has the number `at`.
    pub fn whole(
        &mut self,
        whole: &Whole,
        datagram: &Datagram<'_>,
        key: &ConnectionKey,
        hash: u64,
        interface: u32,
        at: u64,
    ) {
        let Some((&last, earlier)) = whole.packets.split_last() else { return };
        if !whole.is_partial {
            return self.datagram(datagram, key, hash, last, interface, earlier);
        }
        // Its packets are counted as lost; what came of it is shown nevertheless.
        let first = whole.packets.first().map_or(0, |packet| packet.number);
        self.stage.begin(Rank { packet: at, class: Rank::BY_PARTS, connection: first });
        self.stage.is_partial = true;
        let meta = PacketMeta { packet: last, interface, fragments: earlier };
        self.tracker.datagram(&mut self.stage, &meta, datagram, key, hash, &mut self.loss);
        self.stage.is_partial = false;
    }

    /// Lets time pass before the packet with this number is taken. Tells whether there is more to do: then the entries so
    /// far are to be taken, and it is to be called again.
    pub fn advance(&mut self, now: Timestamp, next_packet: u64) -> bool {
        self.stage.begin_timers(next_packet);
        self.tracker.advance_some(&mut self.stage, now, &mut self.loss, is_full)
    }

    /// The input is over: everything that is open is closed, and nothing is held back any more. Tells whether there is
    /// more to do, as [`Worker::advance`] does.
    pub fn finish(&mut self) -> bool {
        self.stage.begin_finish();
        let has_more = self.tracker.finish_some(&mut self.stage, &mut self.loss, is_full);
        if !has_more {
            self.stage.release(None);
        }
        has_more
    }

    /// Whether the entries that were made should be taken before more packets.
    pub fn is_full(&self) -> bool {
        self.stage.chunk().is_full_of_entries()
    }

    /// Live: lets entries go on whose processes are known by now, or that have waited for them long enough.
    pub fn release(&mut self, now: Instant) {
        self.stage.release(Some(now));
    }

    /// Live: gives up requests that have waited too long for their answers.
    pub fn give_up(&mut self, now: Timestamp, next_packet: u64) {
        self.stage.begin_timers(next_packet);
        self.tracker.for_each(|connection, facts| self.stage.give_up(connection, facts, now));
    }

    /// Takes the entries made since the last call, with an empty chunk in return.
    pub fn take(&mut self, empty: Chunk) -> Chunk {
        self.stage.take(empty)
    }

    /// Gives on what the sink keeps back.
    pub fn flush(&mut self) {
        self.stage.flush();
    }

    /// Takes the entries alone: what connections told their flows stays for the end of the batch.
    pub fn take_entries(&mut self, empty: Chunk) -> Chunk {
        self.stage.take_entries(empty)
    }

    /// What became of its packets, how many entries it made, and what it lost.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.add_fate(lanternfish_telemetry::Fate::Dissected, self.dissected);
        ledger.add_fate(lanternfish_telemetry::Fate::DuplicateView, self.duplicate_views);
        ledger.add_loss(&self.loss);
        self.stage.count(&mut ledger);
        ledger
    }
}

fn is_full(stage: &Stage) -> bool {
    stage.chunk().is_full()
}
