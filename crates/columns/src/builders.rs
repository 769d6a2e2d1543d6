//! Entries to batches, one for each protocol.

use std::sync::Arc;

use arrow::array::RecordBatch;
use lanternfish_model::{Entry, ProtocolIndex};

use crate::builder::Builder;
use crate::{ColumnError, Tables};

/// Collects entries and gives them as batches.
#[derive(Debug)]
pub struct Builders {
    tables: Arc<Tables>,
    /// By protocol; made with the first entry of it.
    builders: Vec<Option<Box<Builder>>>,
    rows: usize,
}

impl Builders {
    /// Past so many bytes a batch should be finished before its time.
    pub const FULL_BYTES: usize = 8 << 20;

    /// Begins the first batches.
    pub fn new(tables: Arc<Tables>) -> Builders {
        let builders = tables.protocols().map(|_| None).collect();
        Builders { tables, builders, rows: 0 }
    }

    /// Adds an entry; one of a protocol that is not in the tables is left out, and `false` says so.
    pub fn push(&mut self, entry: &Entry) -> bool {
        let Some(slot) = self.builders.get_mut(usize::from(entry.protocol.0)) else { return false };
        let builder = match slot {
            Some(builder) => builder,
            None => {
                let Ok(layout) = self.tables.layout(entry.protocol) else { return false };
                slot.insert(Box::new(Builder::new(layout)))
            }
        };
        builder.push(self.tables.fields(), entry);
        self.rows += 1;
        true
    }

    /// Entries since the last batches.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of values held since the last batches. It adds up all columns: ask after many entries, not after each.
    pub fn bytes(&self) -> usize {
        self.builders.iter().flatten().filter(|builder| builder.rows() > 0).map(|builder| builder.bytes()).sum()
    }

    /// Whether so much waits that it should be taken now. Asked after each entry it costs little: what waits is added up
    /// after every [`LOOK_EVERY`]th alone.
    pub fn is_full(&self) -> bool {
        self.rows.is_multiple_of(LOOK_EVERY) && self.bytes() >= MAX_WAITING_BYTES
    }

    /// Gives a batch for each protocol that had entries, and begins the next ones.
    pub fn finish(&mut self) -> Result<Vec<(ProtocolIndex, RecordBatch)>, ColumnError> {
        self.rows = 0;
        let mut batches = Vec::new();
        for (position, builder) in self.builders.iter_mut().enumerate() {
            if let Some(builder) = builder.as_mut().filter(|builder| builder.rows() > 0) {
                batches.push((ProtocolIndex(position as u8), builder.finish()?));
            }
        }
        Ok(batches)
    }
}

/// Entries between two looks at how many bytes wait.
const LOOK_EVERY: usize = 32;
/// The bytes of columns that should not wait longer; those of a few entries may come on top.
const MAX_WAITING_BYTES: usize = 2 << 20;
