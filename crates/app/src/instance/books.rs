//! The books of the running instance: what became of packets, and how much passes now.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lanternfish_api::dto::{MemoryStatus, RatesStatus};
use lanternfish_telemetry::Ledger;

/// What became of all packets, as it was told last.
#[derive(Debug, Default)]
pub(crate) struct Books {
    told: Mutex<Told>,
    /// Entries that were made.
    pub(crate) recorded: Arc<AtomicU64>,
    /// Bytes of capture rings, which count as memory.
    ring_bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Told {
    ledger: Ledger,
    marks: VecDeque<Mark>,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    packets: u64,
    bytes: u64,
    entries: u64,
}

impl Books {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the ledger as it stands.
    pub(crate) fn tell(&self, ledger: Ledger) {
        let entries = self.recorded.load(Ordering::Relaxed);
        let mark = Mark { at: Instant::now(), packets: ledger.packets(), bytes: ledger.bytes(), entries };
        let mut told = self.told();
        told.ledger = ledger;
        while told.marks.front().is_some_and(|first| first.at.elapsed() > RATES_OVER) {
            told.marks.pop_front();
        }
        told.marks.push_back(mark);
    }

    /// The ledger as it was told last.
    pub(crate) fn ledger(&self) -> Ledger {
        self.told().ledger.clone()
    }

    /// What passed a second, over the last seconds.
    pub(crate) fn rates(&self) -> RatesStatus {
        let told = self.told();
        let (Some(first), Some(last)) = (told.marks.front(), told.marks.back()) else { return RatesStatus::default() };
        let seconds = last.at.saturating_duration_since(first.at).as_secs_f64();
        if seconds <= 0.0 {
            return RatesStatus::default();
        }
        let rate = |from: u64, to: u64| to.saturating_sub(from) as f64 / seconds;
        RatesStatus {
            entries_per_second: rate(first.entries, last.entries),
            packets_per_second: rate(first.packets, last.packets),
            bytes_per_second: rate(first.bytes, last.bytes),
        }
    }

    /// Sets the bytes of the capture ring.
    pub(crate) fn set_ring_bytes(&self, bytes: usize) {
        self.ring_bytes.store(bytes as u64, Ordering::Relaxed);
    }

    /// The memory of the program. `limit_bytes` is what it shall stay within.
    pub(crate) fn memory(&self, limit_bytes: u64) -> MemoryStatus {
        let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
        };
        let anonymous = value("RssAnon:").unwrap_or(0).saturating_add(value("RssShmem:").unwrap_or(0));
        MemoryStatus {
            used_bytes: anonymous.saturating_add(self.ring_bytes.load(Ordering::Relaxed)),
            resident_bytes: value("VmRSS:").unwrap_or(0),
            limit_bytes: Some(limit_bytes),
        }
    }
}

/// The time that rates are told over.
const RATES_OVER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_last_seconds() {
        let books = Books::default();
        assert_eq!(books.rates().packets_per_second, 0.0);
        let mut ledger = Ledger::default();
        books.tell(ledger.clone());
        std::thread::sleep(Duration::from_millis(100));
        ledger.add_packets(1000, 50_000);
        books.recorded.store(10, Ordering::Relaxed);
        books.tell(ledger);
        let rates = books.rates();
        assert!((1000.0..=10_000.0).contains(&rates.packets_per_second), "{rates:?}");
        assert!((rates.bytes_per_second / rates.packets_per_second - 50.0).abs() < 0.01);
        assert!((rates.packets_per_second / rates.entries_per_second - 100.0).abs() < 0.01);
        assert_eq!(books.ledger().packets(), 1000);
    }

    #[test]
    fn memory_is_that_of_this_process() {
        let books = Books::default();
        let before = books.memory(7).used_bytes;
        books.set_ring_bytes(1 << 30);
        let memory = books.memory(7);
        assert!(before > 0 && memory.used_bytes >= before.min(1 << 20) + (1 << 30));
        assert!(memory.resident_bytes > 0);
        assert_eq!(memory.limit_bytes, Some(7));
    }
}
