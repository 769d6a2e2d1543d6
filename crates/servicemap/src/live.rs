//! The map of what happens now: entries folded into windows of a few seconds.

use std::collections::{HashMap, VecDeque};

use lanternfish_model::{Entry, EntryClass, FieldTable, Outcome, ProtocolIndex, Timestamp};

use crate::limits::{MAX_CELLS, MAX_CONNECTIONS, MAX_PAIRS, MAX_WINDOWS, WINDOW_NS};
use crate::peers::{PeerId, Peers};
use crate::{Counted, Facts, GroupBy, MapBuilder, ServiceMap, Tally};

/// Folds entries as they come, and makes maps of any of the last minutes.
#[derive(Debug, Default)]
pub struct LiveMap {
    peers: Peers,
    pairs: Vec<Pair>,
    numbers: hashbrown::HashMap<Pair, u32>,
    /// The windows, the oldest first; `first` is the number of the first.
    windows: VecDeque<hashbrown::HashMap<u32, Tally>>,
    first: i64,
    cells: usize,
    connections: HashMap<u64, Latest>,
    loss: LiveMapLoss,
}

/// What a live map could not fold, by limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveMapLoss {
    /// Entries older than the oldest window.
    pub too_old: u64,
    /// Entries between peers of which one is not told apart any more; they are counted for the node of all others.
    pub peers: u64,
    /// Entries of pairs of peers past [`MAX_PAIRS`].
    pub pairs: u64,
    /// Windows that went early for [`MAX_CELLS`].
    pub windows: u64,
    /// Connections and flows past [`MAX_CONNECTIONS`], whose later states were not folded.
    pub connections: u64,
}

/// Two peers and the protocol that they talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pair {
    src: Option<PeerId>,
    dst: Option<PeerId>,
    protocol: ProtocolIndex,
}

/// How a connection or flow was counted last: a newer revision replaces it.
#[derive(Clone, Copy, Debug)]
struct Latest {
    pair: u32,
    window: i64,
    counted: Counted,
    outcome: Outcome,
    bytes: u64,
}

impl LiveMap {
    /// Folds an entry; a later revision of a connection or flow replaces the one before.
    pub fn fold(&mut self, table: &FieldTable, entry: &Entry) {
        let counted = Counted::of(table, entry);
        let bytes = [&entry.request, &entry.response].into_iter().flatten();
        let bytes = bytes.fold(0u64, |sum, message| sum.saturating_add(message.wire_bytes));
        if entry.class != EntryClass::Call {
            return self.fold_connection(entry, counted, bytes);
        }
        let Some((pair, window)) = self.place(entry, entry.timestamp) else { return };
        let elapsed_us = entry.elapsed_ns.map(|ns| (ns / 1000).max(0).cast_unsigned());
        if let Some(tally) = self.cell(pair, window) {
            tally.of(counted).add(entry.outcome, bytes, elapsed_us, entry.timestamp);
        }
    }

    /// The map of the windows that lie in a range of time, as far as they are kept.
    pub fn map(
        &self,
        table: &FieldTable,
        group: GroupBy,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> ServiceMap {
        let from = from.map_or(i64::MIN, window_of);
        let to = to.map_or(i64::MAX, window_of);
        let mut builder = MapBuilder::new(group);
        let mut nodes: HashMap<Option<PeerId>, u32> = HashMap::new();
        for (position, window) in self.windows.iter().enumerate() {
            let number = self.first.saturating_add(position as i64);
            if number < from || number > to {
                continue;
            }
            for (pair, tally) in window {
                let Some(pair) = self.pairs.get(*pair as usize) else { continue };
                let mut node = |peer: Option<PeerId>| match nodes.get(&peer) {
                    Some(&number) => number,
                    None => {
                        let number = builder.node(&self.peers.facts(peer));
                        nodes.insert(peer, number);
                        number
                    }
                };
                let (src, dst) = (node(pair.src), node(pair.dst));
                builder.add(src, dst, table.protocol_name(pair.protocol), tally);
            }
        }
        builder.finish()
    }

    /// What was not folded.
    pub fn loss(&self) -> LiveMapLoss {
        self.loss
    }

    /// The range of time that is kept, from the beginning of the oldest window to the end of the newest.
    pub fn range(&self) -> Option<(Timestamp, Timestamp)> {
        let end = self.first.saturating_add(self.windows.len() as i64);
        let at = |number: i64| Timestamp::from_ns(number.saturating_mul(WINDOW_NS));
        (!self.windows.is_empty()).then(|| (at(self.first), at(end)))
    }

    fn fold_connection(&mut self, entry: &Entry, counted: Counted, bytes: u64) {
        // A connection is shown where it was last active.
        let last = entry.timestamp + entry.elapsed_ns.unwrap_or(0);
        if let Some(before) = self.connections.get(&entry.id).copied() {
            if let Some(tally) = self.known_cell(before.pair, before.window) {
                let counts = tally.of(before.counted);
                counts.calls = counts.calls.saturating_sub(1);
                counts.bytes = counts.bytes.saturating_sub(before.bytes);
                match before.outcome {
                    Outcome::ServerError | Outcome::Failed => counts.errors = counts.errors.saturating_sub(1),
                    Outcome::ClientError => counts.client_errors = counts.client_errors.saturating_sub(1),
                    Outcome::Open | Outcome::Ok => {}
                }
            }
        } else if self.connections.len() >= MAX_CONNECTIONS {
            self.forget_connections();
            if self.connections.len() >= MAX_CONNECTIONS {
                self.loss.connections = self.loss.connections.saturating_add(1);
                return;
            }
        }
        let Some((pair, window)) = self.place(entry, last) else {
            self.connections.remove(&entry.id);
            return;
        };
        if let Some(tally) = self.cell(pair, window) {
            tally.of(counted).add(entry.outcome, bytes, None, last);
            self.connections.insert(entry.id, Latest { pair, window, counted, outcome: entry.outcome, bytes });
        }
    }

    /// Forgets connections whose window is gone.
    fn forget_connections(&mut self) {
        let first = self.first;
        self.connections.retain(|_, latest| latest.window >= first);
    }

    /// The pair and the window of an entry.
    fn place(&mut self, entry: &Entry, time: Timestamp) -> Option<(u32, i64)> {
        let window = self.window(time)?;
        let src = self.peers.number(&Facts::of(&entry.src));
        let dst = self.peers.number(&Facts::of(&entry.dst));
        if src.is_none() || dst.is_none() {
            self.loss.peers = self.loss.peers.saturating_add(1);
        }
        let pair = Pair { src, dst, protocol: entry.protocol };
        if let Some(&number) = self.numbers.get(&pair) {
            return Some((number, window));
        }
        if self.pairs.len() >= MAX_PAIRS {
            self.loss.pairs = self.loss.pairs.saturating_add(1);
            return None;
        }
        let number = self.pairs.len() as u32;
        self.pairs.push(pair);
        self.numbers.insert(pair, number);
        Some((number, window))
    }

    /// The number of the window of a time, with room made for it; `None` where it is too old.
    fn window(&mut self, time: Timestamp) -> Option<i64> {
        let number = window_of(time);
        if self.windows.is_empty() {
            self.first = number;
        }
        let last = self.first.saturating_add(self.windows.len() as i64).saturating_sub(1);
        if number > last {
            let missing = number.saturating_sub(last);
            if missing >= MAX_WINDOWS as i64 {
                self.restart(number);
                return Some(number);
            }
            for _ in 0..missing {
                self.windows.push_back(hashbrown::HashMap::new());
            }
        }
        while self.windows.len() > MAX_WINDOWS {
            self.drop_oldest();
        }
        if number < self.first {
            let missing = self.first.saturating_sub(number);
            if missing > 2 * MAX_WINDOWS as i64 {
                // The clock went back for good: what it showed before would keep all else out.
                self.restart(number);
                return Some(number);
            }
            if missing.saturating_add(self.windows.len() as i64) > MAX_WINDOWS as i64 {
                self.loss.too_old = self.loss.too_old.saturating_add(1);
                return None;
            }
            for _ in 0..missing {
                self.windows.push_front(hashbrown::HashMap::new());
            }
            self.first = number;
        }
        Some(number)
    }

    fn restart(&mut self, number: i64) {
        self.windows.clear();
        self.windows.push_back(hashbrown::HashMap::new());
        self.cells = 0;
        self.first = number;
    }

    fn drop_oldest(&mut self) {
        if let Some(window) = self.windows.pop_front() {
            self.cells = self.cells.saturating_sub(window.len());
            self.first = self.first.saturating_add(1);
        }
    }

    fn known_cell(&mut self, pair: u32, window: i64) -> Option<&mut Tally> {
        let position = usize::try_from(window.checked_sub(self.first)?).ok()?;
        self.windows.get_mut(position)?.get_mut(&pair)
    }

    fn cell(&mut self, pair: u32, window: i64) -> Option<&mut Tally> {
        while self.cells >= MAX_CELLS && self.windows.len() > 1 && self.known_cell(pair, window).is_none() {
            self.drop_oldest();
            self.loss.windows = self.loss.windows.saturating_add(1);
        }
        let position = usize::try_from(window.checked_sub(self.first)?).ok()?;
        let cells = &mut self.cells;
        Some(self.windows.get_mut(position)?.entry(pair).or_insert_with(|| {
            *cells += 1;
            Tally::default()
        }))
    }
}

fn window_of(time: Timestamp) -> i64 {
    time.ns().div_euclid(WINDOW_NS)
}
