//! What the server counts of its clients.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::dto::ClientsStatus;

/// Counters of clients and requests.
#[derive(Debug, Default)]
pub struct Counters {
    connections: AtomicU64,
    subscribers: AtomicU64,
    dropped_entries: AtomicU64,
    slow: AtomicU64,
    large: AtomicU64,
    refused: AtomicU64,
    /// By hundreds of the status.
    answers: [AtomicU64; 6],
}

/// A subscriber that is counted as long as it lives, wherever it goes.
#[derive(Debug)]
pub(crate) struct Place(std::sync::Arc<Counters>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts something as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted<'a>(&'a AtomicU64);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    pub(crate) fn connection(&self) -> Counted<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Counted(&self.connections)
    }

    /// Counts a subscriber, if there are fewer than so many.
    pub(crate) fn subscriber(&self, most: u64) -> Option<Counted<'_>> {
        let fits = |count: u64| (count < most).then_some(count + 1);
        self.subscribers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Counted(&self.subscribers))
    }

    /// As [`Counters::subscriber`], for one that outlives its function.
    pub(crate) fn subscriber_place(self: &std::sync::Arc<Self>, most: u64) -> Option<Place> {
        std::mem::forget(self.subscriber(most)?);
        Some(Place(std::sync::Arc::clone(self)))
    }

    pub(crate) fn dropped(&self, entries: u64) {
        self.dropped_entries.fetch_add(entries, Ordering::Relaxed);
    }

    pub(crate) fn slow_client(&self) {
        self.slow.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn large_client(&self) {
        self.large.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused_connection(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answer(&self, status: u16) {
        if let Some(count) = self.answers.get(usize::from(status / 100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers by the hundreds of their status, from 1.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (usize, u64)> {
        self.answers.iter().enumerate().skip(1).map(|(hundreds, count)| (hundreds, count.load(Ordering::Relaxed)))
    }

    /// The counters as they are shown.
    pub(crate) fn status(&self) -> ClientsStatus {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ClientsStatus {
            connections: of(&self.connections),
            subscribers: of(&self.subscribers),
            dropped_entries: of(&self.dropped_entries),
            cut_off_slow: of(&self.slow),
            cut_off_large: of(&self.large),
            refused: of(&self.refused),
        }
    }
}
