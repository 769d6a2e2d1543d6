//! The numbers of packets, which ids of entries are made of: they go on from run to run, so that no id comes twice.
//!
//! The newest number is written about once a second. After a crash numbers go on well behind it.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dir::{self, Dir};

/// The newest number of a packet.
#[derive(Debug)]
pub(crate) struct Numbers {
    newest: AtomicU64,
    saved: AtomicU64,
    first: u64,
}

impl Numbers {
    /// Reads the number of the last run; `known` is the largest one that something stored has.
    pub(crate) fn open(dir: &Dir, known: u64) -> Numbers {
        let text = fs::read_to_string(dir.numbers()).unwrap_or_default();
        let (number, is_clean) = match text.trim_end().strip_suffix(CLEAN) {
            Some(number) => (number.parse().unwrap_or(0), true),
            None => (text.trim_end().parse().unwrap_or(0u64), false),
        };
        let newest = number.max(known);
        let is_new = text.is_empty() && known == 0;
        let margin = if is_new || (is_clean && known <= number) { 0 } else { CRASH_MARGIN };
        let newest = newest.saturating_add(margin);
        Numbers { newest: AtomicU64::new(newest), saved: AtomicU64::new(0), first: newest.saturating_add(1) }
    }

    /// The first number of this run.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// A packet has this number.
    pub(crate) fn note(&self, number: u64) {
        self.newest.fetch_max(number, Ordering::Relaxed);
    }

    /// Writes the newest number where it is news; `is_clean` says that no later one will come.
    pub(crate) fn save(&self, dir: &Dir, is_clean: bool) -> io::Result<()> {
        let newest = self.newest.load(Ordering::Relaxed);
        if !is_clean && self.saved.load(Ordering::Relaxed) == newest {
            return Ok(());
        }
        let end = if is_clean { CLEAN } else { "" };
        dir::replace(&dir.numbers(), format!("{newest}{end}\n").as_bytes(), false)?;
        self.saved.store(newest, Ordering::Relaxed);
        Ok(())
    }
}

const CLEAN: &str = " clean";
/// More packets than come between two writings.
const CRASH_MARGIN: u64 = 1 << 22;
