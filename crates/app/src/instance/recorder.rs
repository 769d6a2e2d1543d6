//! From entries to the store and to live clients, on the threads that make them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lanternfish_api::{LiveEntries, Publisher};
use lanternfish_columns::Builders;
use lanternfish_model::{Cause, Entry, Loss};
use lanternfish_pipeline::EntrySink;
use lanternfish_store::Store;

use crate::verbs::capture::now;

/// Stores entries and publishes them to those who listen; one for each thread that makes entries.
pub(crate) struct Recorder {
    store: Arc<Store>,
    publisher: Publisher,
    builders: Builders,
    /// Since when entries wait to be stored.
    since: Option<Instant>,
    recorded: Arc<AtomicU64>,
    /// Prints entries too, where somebody wants that.
    print: Option<Box<dyn EntrySink>>,
}

impl Recorder {
    /// A recorder. `recorded` counts its entries; `print` gets them too.
    pub(crate) fn new(
        store: Arc<Store>,
        live: &LiveEntries,
        recorded: Arc<AtomicU64>,
        print: Option<Box<dyn EntrySink>>,
    ) -> Recorder {
        let builders = Builders::new(Arc::clone(store.tables()));
        Recorder { store, publisher: live.publisher(), builders, since: None, recorded, print }
    }

    /// Hands over what waits.
    fn hand_over(&mut self) {
        self.since = None;
        let rows = self.builders.rows() as u64;
        if rows == 0 {
            return;
        }
        match self.builders.finish() {
            Ok(batches) => self.store.append(batches),
            Err(_) => {
                let mut loss = Loss::default();
                loss.add(Cause::StoreFailed, rows);
                self.store.append_loss(now(), &loss);
            }
        }
    }
}

impl EntrySink for Recorder {
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        self.publisher.publish(entry);
        self.builders.push(entry);
        self.recorded.fetch_add(1, Ordering::Relaxed);
        if self.since.is_none() {
            self.since = Some(Instant::now());
        }
        if self.builders.is_full() {
            self.hand_over();
        }
        if let Some(print) = &mut self.print {
            print.entry(entry, out);
        }
    }

    fn flush(&mut self) {
        if self.since.is_some_and(|since| since.elapsed() >= WAIT) {
            self.hand_over();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// How long entries wait for others, so that a batch is worth its cost. With the kernel's block, the tick of the capture and the
/// writing it stays far below the quarter of a second that a kill may cost, on a busy machine too.
const WAIT: std::time::Duration = std::time::Duration::from_millis(80);
