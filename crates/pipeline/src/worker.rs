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
        config.max_table_bytes /= count;
        config.max_buffered_bytes /= count;
        Worker {
            tracker: Tracker::new(config),
            stage: Stage::new(settings, sink, number),
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
        self.stage.begin(Rank { packet: packet.number, class: 1, connection: 0 });
        let meta = PacketMeta { packet, interface, fragments };
        let count = fragments.len() as u64 + 1;
        match self.tracker.datagram(&mut self.stage, &meta, datagram, key, hash, &mut self.loss) {
            Fate::Dissected => self.dissected += count,
            Fate::DuplicateView => self.duplicate_views += count,
        }
    }

    /// Takes a datagram that was put together from fragments.
    pub fn whole(&mut self, whole: &Whole, datagram: &Datagram<'_>, key: &ConnectionKey, hash: u64, interface: u32) {
        if let Some((&last, earlier)) = whole.packets.split_last() {
            self.datagram(datagram, key, hash, last, interface, earlier);
        }
    }

    /// Lets time pass before the packet with this number is taken.
    pub fn advance(&mut self, now: Timestamp, next_packet: u64) {
        self.stage.begin_timers(next_packet);
        self.tracker.advance(&mut self.stage, now, &mut self.loss);
    }

    /// The input is over: everything that is open is closed, and nothing is held back any more.
    pub fn finish(&mut self) {
        self.stage.begin_finish();
        self.tracker.finish(&mut self.stage, &mut self.loss);
        self.stage.release(None);
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
