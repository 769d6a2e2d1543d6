//! Entries of capture files as rows of a Parquet file.
//!
//! The workers put entries into columns and give marks in their place, which are merged in the order of the entries. The
//! thread that writes takes the rows by their marks, so that the file does not depend on the number of threads.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::compute::interleave_record_batch;
use arrow::record_batch::RecordBatch;
use lanternfish_columns::{Builders, ColumnError, Flat, Tables};
use lanternfish_model::{Entry, Loss, ProtocolIndex};
use lanternfish_pipeline::EntrySink;

use crate::parquet_file::{ParquetFile, WriteError};

/// The rows of all workers that wait for their turn.
#[derive(Clone)]
pub(crate) struct Waiting {
    tables: Arc<Tables>,
    workers: Arc<Mutex<Vec<Arc<Mutex<Made>>>>>,
}

/// What one worker has made.
struct Made {
    builders: Builders,
    /// Rows so far, by protocol.
    rows: Vec<u64>,
}

impl Waiting {
    /// No rows so far.
    pub(crate) fn new(tables: Arc<Tables>) -> Waiting {
        Waiting { tables, workers: Arc::default() }
    }

    /// The sink of one more worker.
    pub(crate) fn sink(&self) -> RowSink {
        let rows = vec![0; self.tables.protocols().count()];
        let made = Arc::new(Mutex::new(Made { builders: Builders::new(Arc::clone(&self.tables)), rows }));
        let mut workers = locked(&self.workers);
        workers.push(Arc::clone(&made));
        let worker = u32::try_from(workers.len() - 1).unwrap_or(u32::MAX);
        RowSink { worker, made }
    }
}

/// Puts entries into columns.
pub(crate) struct RowSink {
    worker: u32,
    made: Arc<Mutex<Made>>,
}

impl EntrySink for RowSink {
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        let mut made = locked(&self.made);
        let Some(rows) = made.rows.get_mut(usize::from(entry.protocol.0)) else { return };
        let row = *rows;
        *rows += 1;
        made.builders.push(entry);
        let halves = [&entry.request, &entry.response].into_iter().flatten();
        // The same for the same entry, so that it does not depend on the threads which rows are written together.
        let bytes = halves.fold(ROW_BYTES, |sum, half| sum.saturating_add(half.body.bytes.len()));
        out.extend_from_slice(&self.worker.to_le_bytes());
        out.extend_from_slice(&u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes());
        out.push(entry.protocol.0);
        out.extend_from_slice(&row.to_le_bytes());
    }
}

/// Where a row is.
#[derive(Clone, Copy)]
struct Mark {
    worker: usize,
    /// About how long it is.
    bytes: usize,
    protocol: ProtocolIndex,
    row: u64,
}

impl Mark {
    fn read(bytes: &[u8; MARK_BYTES]) -> Mark {
        let &[a, b, c, d, e, f, g, h, protocol, ref row @ ..] = bytes;
        let worker = u32::from_le_bytes([a, b, c, d]) as usize;
        let bytes = u32::from_le_bytes([e, f, g, h]) as usize;
        Mark { worker, bytes, protocol: ProtocolIndex(protocol), row: u64::from_le_bytes(*row) }
    }
}

/// Rows of one worker and protocol that were taken and not written yet.
#[derive(Default)]
struct Taken {
    /// With the number of the first row, and how many are still to be written.
    batches: VecDeque<(u64, u64, RecordBatch)>,
    rows: u64,
}

/// Writes rows in the order of their marks.
pub(crate) struct RowWriter<W: Write + Send> {
    waiting: Waiting,
    flat: Flat,
    file: ParquetFile<W>,
    /// By worker and protocol.
    taken: Vec<Vec<Taken>>,
    marks: Vec<Mark>,
    /// The length of the rows of these.
    bytes: usize,
    error: Option<WriteError>,
}

impl<W: Write + Send> RowWriter<W> {
    /// Begins a file with the columns of these protocols.
    pub(crate) fn begin(
        out: W,
        waiting: &Waiting,
        is_wanted: impl Fn(ProtocolIndex) -> bool,
    ) -> Result<RowWriter<W>, WriteError> {
        let flat = Flat::new(&waiting.tables, is_wanted);
        let file = ParquetFile::begin(out, flat.schema())?;
        Ok(RowWriter {
            waiting: waiting.clone(),
            flat,
            file,
            taken: Vec::new(),
            marks: Vec::new(),
            bytes: 0,
            error: None,
        })
    }

    /// Takes marks in the order of their entries; `false` where nothing can be written any more.
    pub(crate) fn write(&mut self, marks: &[u8]) -> bool {
        let (marks, _) = marks.as_chunks::<MARK_BYTES>();
        for mark in marks.iter().map(Mark::read) {
            self.bytes = self.bytes.saturating_add(mark.bytes);
            self.marks.push(mark);
            if self.marks.len() >= MAX_WAITING_ROWS || self.bytes >= MAX_WAITING_BYTES {
                let written = self.flush();
                self.error = self.error.take().or(written.err());
            }
        }
        self.error.is_none()
    }

    /// Ends the file; an error of an earlier write comes out here.
    pub(crate) fn end(mut self, loss: &Loss) -> Result<(), WriteError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.flush()?;
        self.file.end(loss)
    }

    /// Writes the rows whose marks have come.
    fn flush(&mut self) -> Result<(), WriteError> {
        self.bytes = 0;
        self.take()?;
        let mut used: Vec<RecordBatch> = Vec::new();
        let mut places: Vec<(usize, usize, u64)> = Vec::new();
        let mut picked: Vec<(usize, usize)> = Vec::with_capacity(self.marks.len());
        for mark in self.marks.drain(..) {
            let taken = self.taken.get_mut(mark.worker).and_then(|all| all.get_mut(usize::from(mark.protocol.0)));
            let found = taken.and_then(|taken| {
                let is_in = |(first, _, batch): &&mut (u64, u64, RecordBatch)| {
                    mark.row.checked_sub(*first).is_some_and(|row| row < batch.num_rows() as u64)
                };
                taken.batches.iter_mut().find(is_in)
            });
            // Each mark has its row: it was made before its mark.
            let Some((first, left, batch)) = found else { continue };
            *left = left.saturating_sub(1);
            let place = (mark.worker, usize::from(mark.protocol.0), *first);
            let index = places.iter().position(|known| *known == place).unwrap_or_else(|| {
                places.push(place);
                used.push(batch.clone());
                used.len() - 1
            });
            picked.push((index, usize::try_from(mark.row - *first).unwrap_or(usize::MAX)));
        }
        for taken in self.taken.iter_mut().flatten() {
            taken.batches.retain(|(_, left, _)| *left > 0);
        }
        if picked.is_empty() {
            return Ok(());
        }
        let used: Vec<&RecordBatch> = used.iter().collect();
        let rows = interleave_record_batch(&used, &picked).map_err(|error| WriteError::Format(error.to_string()))?;
        self.file.write(&rows)
    }

    /// Takes what the workers have made so far.
    fn take(&mut self) -> Result<(), WriteError> {
        let workers: Vec<Arc<Mutex<Made>>> = locked(&self.waiting.workers).clone();
        let protocols = self.waiting.tables.protocols().count();
        for (position, made) in workers.iter().enumerate() {
            if self.taken.len() <= position {
                self.taken.push((0..protocols).map(|_| Taken::default()).collect());
            }
            let batches = locked(made).builders.finish().map_err(|error| columns(&error))?;
            for (protocol, batch) in batches {
                let taken = self.taken.get_mut(position).and_then(|all| all.get_mut(usize::from(protocol.0)));
                let Some(taken) = taken else { continue };
                let shaped = self.flat.shaped(&batch).map_err(|error| columns(&error))?;
                let rows = shaped.num_rows() as u64;
                taken.batches.push_back((taken.rows, rows, shaped));
                taken.rows += rows;
            }
        }
        Ok(())
    }
}

fn columns(error: &ColumnError) -> WriteError {
    WriteError::Format(error.to_string())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The length of a mark: worker, length, protocol, row.
const MARK_BYTES: usize = 4 + 4 + 1 + 8;
/// About the length of a row without bodies.
const ROW_BYTES: usize = 512;
/// Rows that are written at a time.
const MAX_WAITING_ROWS: usize = 8192;
/// Bytes of entries after which rows are written though they are few.
const MAX_WAITING_BYTES: usize = 16 << 20;
