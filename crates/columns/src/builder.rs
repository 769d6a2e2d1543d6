//! The batch of one protocol under construction.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use lanternfish_model::{Entry, FieldIndex, FieldTable, Message, Value, Values};

use crate::arrays::Nulls;
use crate::buffers::{Buffered, Fit};
use crate::layout::{Hidden, Layout, Source};
use crate::shared::Shared;
use crate::{ColumnError, detail, raw};

/// A column with its place in the schema.
#[derive(Debug)]
struct Placed {
    place: usize,
    column: Buffered,
}

/// The batch of one protocol.
#[derive(Debug)]
pub(crate) struct Builder {
    layout: Arc<Layout>,
    rows: usize,
    shared: Shared,
    common: Vec<(FieldIndex, Placed)>,
    /// Request and response.
    bodies: [Option<Placed>; 2],
    /// By the protocol's own indexes; none for fields that are not stored.
    local: Vec<Option<Placed>>,
    detail: Option<Placed>,
    elapsed_ns: Option<Placed>,
    first_byte_ns: Option<Placed>,
    raw: Option<Placed>,
    /// What the raw column gets for the row under way.
    raw_row: Vec<u8>,
    scratch: Vec<u8>,
}

impl Builder {
    pub(crate) fn new(layout: &Arc<Layout>) -> Builder {
        let mut builder = Builder {
            layout: Arc::clone(layout),
            rows: 0,
            shared: Shared::new(&layout.columns),
            common: Vec::new(),
            bodies: [None, None],
            local: (0..layout.local_count).map(|_| None).collect(),
            detail: None,
            elapsed_ns: None,
            first_byte_ns: None,
            raw: None,
            raw_row: Vec::new(),
            scratch: Vec::new(),
        };
        let [request, response] = &mut builder.bodies;
        for (place, column) in layout.columns.iter().enumerate() {
            let placed = Placed { place, column: Buffered::new(column.store) };
            match column.source {
                Source::Shared(_) | Source::Hidden(Hidden::Connection) => {}
                Source::Common(index) => builder.common.push((index, placed)),
                Source::RequestBody => *request = Some(placed),
                Source::ResponseBody => *response = Some(placed),
                Source::Local(index) => {
                    if let Some(slot) = builder.local.get_mut(usize::from(index.0)) {
                        *slot = Some(placed);
                    }
                }
                Source::Hidden(Hidden::Detail) => builder.detail = Some(placed),
                Source::Hidden(Hidden::ElapsedNs) => builder.elapsed_ns = Some(placed),
                Source::Hidden(Hidden::FirstByteNs) => builder.first_byte_ns = Some(placed),
                Source::Hidden(Hidden::Raw) => builder.raw = Some(placed),
            }
        }
        builder
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of values held.
    pub(crate) fn bytes(&self) -> usize {
        let common = self.common.iter().map(|(_, placed)| placed);
        let hidden = [&self.detail, &self.elapsed_ns, &self.first_byte_ns, &self.raw];
        let others = self.bodies.iter().chain(&self.local).chain(hidden).flatten();
        let values: usize = common.chain(others).map(|placed| placed.column.bytes()).sum();
        values.saturating_add(self.shared.bytes())
    }

    /// Adds an entry of the protocol.
    pub(crate) fn push(&mut self, table: &FieldTable, entry: &Entry) {
        let row = self.rows;
        let is_shared = |index: FieldIndex| {
            let spec = lanternfish_model::fields::FIELDS.get(usize::from(index.0));
            spec.is_some_and(|spec| spec.is_shared)
        };
        let has_own = !entry.extra.is_empty() && entry.extra.fields().any(is_shared);
        self.shared.push(table, entry, has_own);
        for (index, placed) in &mut self.common {
            let value = entry.common(table, *index);
            if placed.column.put(row, value) == Fit::Lossy {
                keep_raw(&mut self.raw_row, &self.layout, placed.place, value);
            }
        }
        for (half, body) in [&entry.request, &entry.response].into_iter().zip(&mut self.bodies) {
            let Some(message) = half else { continue };
            if message.body.is_present
                && let Some(Placed { column: Buffered::Bytes(column), .. }) = body
            {
                column.put(row, &message.body.bytes);
            }
        }
        for message in [&entry.request, &entry.response].into_iter().flatten() {
            self.own(row, message);
        }
        let remainder = |ns: Option<i64>| ns.map(|ns| (ns % 1000) as i32);
        put_small(&mut self.elapsed_ns, row, remainder(entry.elapsed_ns));
        put_small(&mut self.first_byte_ns, row, remainder(entry.first_byte_ns));
        self.scratch.clear();
        detail::write(&mut self.scratch, entry);
        put_bytes(&mut self.detail, row, &self.scratch);
        if !self.raw_row.is_empty() {
            put_bytes(&mut self.raw, row, &self.raw_row);
            self.raw_row.clear();
        }
        self.rows += 1;
    }

    /// Adds the protocol's own values of a half; where both halves have a field, the request's counts.
    fn own(&mut self, row: usize, message: &Message) {
        for (field, value) in Values::iter(&message.values) {
            let Some(Some(placed)) = self.local.get_mut(usize::from(field.0)) else { continue };
            if placed.column.has(row) {
                continue;
            }
            if placed.column.put(row, value) == Fit::Lossy {
                keep_raw(&mut self.raw_row, &self.layout, placed.place, value);
            }
        }
    }

    /// Gives the batch and begins the next one.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ColumnError> {
        let mut nulls = Nulls::new(std::mem::take(&mut self.rows));
        let mut arrays: Vec<Option<ArrayRef>> = self.layout.columns.iter().map(|_| None).collect();
        self.shared.finish(&mut nulls, &mut arrays)?;
        let common = self.common.iter_mut().map(|(_, placed)| placed);
        let hidden = [&mut self.detail, &mut self.elapsed_ns, &mut self.first_byte_ns, &mut self.raw];
        let others = self.bodies.iter_mut().chain(&mut self.local).chain(hidden).flatten();
        for placed in common.chain(others) {
            let Some(column) = self.layout.columns.get(placed.place) else { continue };
            if let Some(slot) = arrays.get_mut(placed.place) {
                *slot = Some(placed.column.finish(&mut nulls, column.store)?);
            }
        }
        let stores = self.layout.columns.iter().map(|column| column.store);
        let arrays = arrays.into_iter().zip(stores).map(|(array, store)| array.unwrap_or_else(|| nulls.array(store)));
        Ok(RecordBatch::try_new(Arc::clone(&self.layout.schema), arrays.collect())?)
    }
}

#[cold]
fn keep_raw(out: &mut Vec<u8>, layout: &Layout, place: usize, value: Value<'_>) {
    if let Some(column) = layout.columns.get(place) {
        raw::put(out, column.name, value);
    }
}

fn put_small(placed: &mut Option<Placed>, row: usize, value: Option<i32>) {
    if let (Some(Placed { column: Buffered::Small(column), .. }), Some(value)) = (placed, value) {
        column.put(row, value);
    }
}

fn put_bytes(placed: &mut Option<Placed>, row: usize, value: &[u8]) {
    if let Some(Placed { column: Buffered::Bytes(column), .. }) = placed {
        column.put(row, value);
    }
}
