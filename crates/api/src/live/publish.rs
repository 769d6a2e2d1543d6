//! From the threads that make entries to the queues of those who listen.
//!
//! An entry is matched by each client's filter, and written once for all clients that want the same fields. Where nobody
//! listens, publishing costs one load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use lanternfish_filter::Filter;
use lanternfish_model::{Entry, FieldTable};

use super::queue::Queue;
use super::text::TextEntries;
use crate::counters::Counters;
use crate::writers::{JsonEntries, Projection};

/// Where the program publishes entries, and clients subscribe to them; cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveEntries(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    table: &'static FieldTable,
    counters: Arc<Counters>,
    /// Rises with each change of the subscribers.
    version: AtomicU64,
    subscribers: RwLock<Arc<Vec<Arc<Subscriber>>>>,
}

/// What one client wants to hear.
#[derive(Debug)]
struct Subscriber {
    generation: u64,
    filter: Filter,
    writer: Writer,
    queue: Arc<Queue>,
}

/// Who writes entries for a subscriber.
#[derive(Debug)]
enum Writer {
    /// The publisher, all fields.
    Whole,
    /// The publisher, all fields but bodies.
    WithoutBodies,
    /// The subscriber's own: fields of its choice, or with something redacted.
    Own(Box<Mutex<JsonEntries>>),
    /// The subscriber's own: text of another format.
    Text(Box<Mutex<TextEntries>>),
}

/// Publishes entries; one for each thread that makes them.
#[derive(Debug)]
pub struct Publisher {
    hub: Arc<Hub>,
    version: u64,
    subscribers: Arc<Vec<Arc<Subscriber>>>,
    whole: JsonEntries,
    without_bodies: JsonEntries,
    texts: [Vec<u8>; 2],
    own: Vec<u8>,
    everything: Option<Filter>,
}

/// A subscription; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    subscriber: Option<Arc<Subscriber>>,
    generation: u64,
    pub(crate) queue: Arc<Queue>,
}

impl LiveEntries {
    /// A place without subscribers, for entries by a table.
    pub fn new(table: &'static FieldTable) -> LiveEntries {
        let hub = Hub { table, counters: Arc::default(), version: AtomicU64::new(0), subscribers: RwLock::default() };
        LiveEntries(Arc::new(hub))
    }

    /// A publisher for one thread.
    pub fn publisher(&self) -> Publisher {
        let table = self.0.table;
        Publisher {
            hub: Arc::clone(&self.0),
            version: 0,
            subscribers: Arc::default(),
            whole: JsonEntries::new(table, &Projection::All),
            without_bodies: JsonEntries::new(table, &Projection::NoBodies),
            texts: [Vec::new(), Vec::new()],
            own: Vec::new(),
            everything: Filter::compile("", table, lanternfish_model::Timestamp::default()).ok(),
        }
    }

    /// The counters of the server, of which subscriptions are a part.
    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.0.counters)
    }

    /// A subscription that hears nothing yet.
    pub(crate) fn subscribe(&self) -> Subscription {
        Subscription { hub: Arc::clone(&self.0), subscriber: None, generation: 0, queue: Arc::default() }
    }
}

impl Hub {
    fn change(&self, old: Option<&Arc<Subscriber>>, new: Option<&Arc<Subscriber>>) {
        let Ok(mut subscribers) = self.subscribers.write() else { return };
        let is_kept = |known: &&Arc<Subscriber>| old.is_none_or(|old| !Arc::ptr_eq(known, old));
        let list = subscribers.iter().filter(is_kept).chain(new).cloned().collect();
        *subscribers = Arc::new(list);
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl Publisher {
    /// Whether anybody listens.
    #[inline]
    pub fn has_listeners(&mut self) -> bool {
        self.renew();
        !self.subscribers.is_empty()
    }

    /// Gives an entry to all who want it.
    #[inline]
    pub fn publish(&mut self, entry: &Entry) {
        if self.has_listeners() {
            self.spread(entry);
        }
    }

    #[inline]
    fn renew(&mut self) {
        let version = self.hub.version.load(Ordering::Acquire);
        if version != self.version
            && let Ok(subscribers) = self.hub.subscribers.read()
        {
            self.version = version;
            self.subscribers = Arc::clone(&subscribers);
        }
    }

    fn spread(&mut self, entry: &Entry) {
        let table = self.hub.table;
        let Some(everything) = &self.everything else { return };
        let [whole, without_bodies] = &mut self.texts;
        whole.clear();
        without_bodies.clear();
        for subscriber in self.subscribers.iter() {
            if !subscriber.filter.matches(table, entry) {
                continue;
            }
            if subscriber.queue.is_full() {
                subscriber.queue.miss();
                continue;
            }
            let text = match &subscriber.writer {
                Writer::Whole => {
                    if whole.is_empty() {
                        self.whole.write(everything, entry, whole);
                    }
                    &*whole
                }
                Writer::WithoutBodies => {
                    if without_bodies.is_empty() {
                        self.without_bodies.write(everything, entry, without_bodies);
                    }
                    &*without_bodies
                }
                Writer::Own(writer) => {
                    self.own.clear();
                    let Ok(mut writer) = writer.lock() else { continue };
                    writer.write(&subscriber.filter, entry, &mut self.own);
                    &self.own
                }
                Writer::Text(writer) => {
                    self.own.clear();
                    let Ok(mut writer) = writer.lock() else { continue };
                    writer.write(&subscriber.filter, entry, &mut self.own);
                    if self.own.is_empty() {
                        continue;
                    }
                    &self.own
                }
            };
            subscriber.queue.push(subscriber.generation, text);
        }
    }
}

impl Subscription {
    /// Listens by a filter from now on; what waits under the one before is forgotten.
    pub(super) fn listen(&mut self, filter: &Filter, projection: &Projection) {
        let writer = match projection {
            Projection::All if filter.redactions().is_empty() => Writer::Whole,
            Projection::NoBodies if filter.redactions().is_empty() => Writer::WithoutBodies,
            projection => Writer::Own(Box::new(Mutex::new(JsonEntries::new(self.hub.table, projection)))),
        };
        self.begin(filter, writer, b",");
    }

    /// Listens by a filter from now on, to text that has its own separators.
    pub(crate) fn listen_as_text(&mut self, filter: &Filter, writer: TextEntries) {
        self.begin(filter, Writer::Text(Box::new(Mutex::new(writer))), b"");
    }

    fn begin(&mut self, filter: &Filter, writer: Writer, separator: &'static [u8]) {
        self.generation += 1;
        self.queue.restart(self.generation, filter.limit(), separator);
        let subscriber = Arc::new(Subscriber {
            generation: self.generation,
            filter: filter.clone(),
            writer,
            queue: Arc::clone(&self.queue),
        });
        self.hub.change(self.subscriber.as_ref(), Some(&subscriber));
        self.subscriber = Some(subscriber);
    }

    /// Hears nothing from now on.
    pub(super) fn stop(&mut self) {
        if let Some(subscriber) = self.subscriber.take() {
            self.hub.change(Some(&subscriber), None);
            self.generation += 1;
            self.queue.restart(self.generation, None, b",");
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.stop();
    }
}
