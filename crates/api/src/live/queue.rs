//! What waits for a live client: JSON that is written already, within named limits; what does not fit is counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

use crate::limits::{MAX_LIVE_BYTES, MAX_LIVE_ENTRIES};

/// The queue of one client.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// A hint for publishers: nothing more fits, so that nothing needs to be written.
    is_full: AtomicBool,
    dropped: AtomicU64,
    pub(crate) notify: Notify,
}

/// Entries that wait, with separators between them.
#[derive(Debug)]
struct Waiting {
    json: Vec<u8>,
    separator: &'static [u8],
    entries: usize,
    /// Entries under an older filter are not taken any more.
    generation: u64,
    is_paused: bool,
    /// The most entries a second.
    max_rate: Option<u32>,
    /// Entries that may still be taken until the queue is emptied.
    allowance: Option<u64>,
    emptied: Option<Instant>,
    /// Entries that may still be taken under this filter.
    left: Option<u64>,
}

/// What waited.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Text of entries, JSON with commas between them if nothing else was asked for.
    pub json: Vec<u8>,
    /// How many.
    pub entries: usize,
    /// How many matched and were not taken.
    pub dropped: u64,
    /// Whether no more come: the filter's limit is reached.
    pub is_last: bool,
}

impl Queue {
    /// Whether an entry would not fit, as far as is known.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Counts an entry that was not taken.
    pub(super) fn miss(&self) {
        if self.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            self.notify.notify_one();
        }
    }

    /// Takes an entry under the filter of a generation.
    pub(super) fn push(&self, generation: u64, json: &[u8]) {
        let Ok(mut waiting) = self.waiting.lock() else { return };
        if waiting.generation != generation || waiting.left == Some(0) {
            return;
        }
        let is_over = waiting.is_paused
            || waiting.entries >= MAX_LIVE_ENTRIES
            || waiting.allowance == Some(0)
            || waiting.json.len().saturating_add(json.len()) > MAX_LIVE_BYTES;
        if is_over {
            self.is_full.store(true, Ordering::Relaxed);
            drop(waiting);
            self.miss();
            return;
        }
        if waiting.entries > 0 {
            let separator = waiting.separator;
            waiting.json.extend_from_slice(separator);
        }
        waiting.json.extend_from_slice(json);
        waiting.entries += 1;
        waiting.allowance = waiting.allowance.map(|allowance| allowance.saturating_sub(1));
        waiting.left = waiting.left.map(|left| left.saturating_sub(1));
        let is_first = waiting.entries == 1;
        drop(waiting);
        if is_first {
            self.notify.notify_one();
        }
    }

    /// Takes all that waits.
    pub(crate) fn take(&self, now: Instant) -> Batch {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        let Ok(mut waiting) = self.waiting.lock() else { return Batch::default() };
        waiting.renew(now);
        let is_last = waiting.left == Some(0);
        let batch = Batch { json: std::mem::take(&mut waiting.json), entries: waiting.entries, dropped, is_last };
        waiting.entries = 0;
        self.is_full.store(waiting.is_paused, Ordering::Relaxed);
        batch
    }

    /// Begins anew under another filter: what waits is forgotten, it was asked for by the old one.
    pub(super) fn restart(&self, generation: u64, limit: Option<u64>, separator: &'static [u8]) {
        let Ok(mut waiting) = self.waiting.lock() else { return };
        waiting.json.clear();
        waiting.separator = separator;
        waiting.entries = 0;
        waiting.generation = generation;
        waiting.left = limit;
        self.dropped.store(0, Ordering::Relaxed);
        self.is_full.store(waiting.is_paused, Ordering::Relaxed);
    }

    /// Sets the most entries a second.
    pub(super) fn set_rate(&self, max_rate: Option<u32>, now: Instant) {
        if let Ok(mut waiting) = self.waiting.lock() {
            waiting.max_rate = max_rate;
            waiting.emptied = None;
            waiting.renew(now);
        }
    }

    /// Stops and goes on.
    pub(super) fn pause(&self, is_paused: bool) {
        if let Ok(mut waiting) = self.waiting.lock() {
            waiting.is_paused = is_paused;
            self.is_full.store(is_paused, Ordering::Relaxed);
        }
    }
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting {
            json: Vec::new(),
            separator: b",",
            entries: 0,
            generation: 0,
            is_paused: false,
            max_rate: None,
            allowance: None,
            emptied: None,
            left: None,
        }
    }
}

impl Waiting {
    /// Gives the allowance of the time since the queue was emptied last.
    fn renew(&mut self, now: Instant) {
        self.allowance = self.max_rate.map(|rate| {
            let since = self.emptied.map_or(1.0, |last| now.saturating_duration_since(last).as_secs_f64().min(1.0));
            let gained = (f64::from(rate) * since).ceil() as u64;
            self.allowance.unwrap_or(0).saturating_add(gained).clamp(1, u64::from(rate).max(1))
        });
        self.emptied = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let queue = Queue::default();
        for _ in 0..MAX_LIVE_ENTRIES + 5 {
            queue.push(0, b"{}");
        }
        let batch = queue.take(Instant::now());
        assert_eq!((batch.entries, batch.dropped), (MAX_LIVE_ENTRIES, 5));
        assert_eq!(batch.json.len(), MAX_LIVE_ENTRIES * 3 - 1);
        assert!(!queue.is_full());
        let large = vec![b' '; MAX_LIVE_BYTES];
        queue.push(0, &large);
        queue.push(0, b"{}");
        let batch = queue.take(Instant::now());
        assert_eq!((batch.entries, batch.dropped), (1, 1));
    }

    #[test]
    fn a_rate_is_kept() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.set_rate(Some(100), start);
        let mut taken = 0;
        for round in 1..=20u32 {
            for _ in 0..1000 {
                queue.push(0, b"{}");
            }
            taken += queue.take(start + Duration::from_millis(50) * round).entries;
        }
        // The first second's worth at once, and then 100 a second.
        assert!((190..=210).contains(&taken), "{taken}");
    }

    #[test]
    fn an_older_filter_is_not_heard() {
        let queue = Queue::default();
        queue.push(0, b"1");
        queue.restart(1, Some(2), b",");
        for json in [b"2", b"3", b"4"] {
            queue.push(0, json);
            queue.push(1, json);
        }
        let batch = queue.take(Instant::now());
        assert_eq!((batch.json.as_slice(), batch.dropped, batch.is_last), (&b"2,3"[..], 0, true));
        queue.restart(2, Some(2), b",");
        queue.push(2, b"5");
        assert!(!queue.take(Instant::now()).is_last);
    }

    #[test]
    fn what_passes_in_a_pause_is_counted() {
        let queue = Queue::default();
        queue.push(0, b"1");
        queue.pause(true);
        queue.push(0, b"2");
        assert!(queue.is_full());
        queue.pause(false);
        queue.push(0, b"3");
        let batch = queue.take(Instant::now());
        assert_eq!((batch.json.as_slice(), batch.dropped), (&b"1,3"[..], 1));
    }
}
