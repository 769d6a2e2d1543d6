//! The rows of a batch as entries again.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use lanternfish_model::{Entry, ProtocolIndex, fields};

use crate::cells::Cells;
use crate::layout::{Column, Hidden, Layout, Source};
use crate::{ColumnError, Tables, rebuild};

/// The rows of a batch.
///
/// Columns are found by name, in any order: those of an earlier version or of a projection lack some, whose fields are
/// then absent. Texts may be plain, views or dictionaries.
#[derive(Debug)]
pub struct Rows {
    pub(crate) protocol: ProtocolIndex,
    len: usize,
    /// By the indexes of the common fields.
    pub(crate) common: Vec<Cells>,
    /// The indexes of the common fields that have no member in an entry, with a column: those that entries of a
    /// connection share, and the others.
    pub(crate) loose: [Vec<lanternfish_model::FieldIndex>; 2],
    pub(crate) bodies: [Cells; 2],
    /// By the protocol's own indexes.
    pub(crate) local: Vec<Cells>,
    pub(crate) hidden: HiddenCells,
    /// The fields by the names of their columns.
    pub(crate) layout: Arc<Layout>,
}

/// The columns that no field stands for.
#[derive(Debug)]
pub(crate) struct HiddenCells {
    pub detail: Cells,
    pub connection: Cells,
    pub elapsed_ns: Cells,
    pub first_byte_ns: Cells,
    pub raw: Cells,
}

impl Rows {
    /// Finds the columns of a protocol's table in a batch.
    pub fn new(tables: &Tables, protocol: ProtocolIndex, batch: &RecordBatch) -> Result<Rows, ColumnError> {
        let layout = tables.layout(protocol)?;
        let names: HashMap<&str, usize> = batch
            .schema_ref()
            .fields()
            .iter()
            .enumerate()
            .map(|(place, field)| (field.name().as_str(), place))
            .collect();
        let cells = |column: &Column| {
            let place = names.get(column.name);
            Cells::new(column, place.and_then(|&place| batch.columns().get(place)))
        };
        let mut rows = Rows {
            protocol,
            len: batch.num_rows(),
            common: fields::FIELDS.iter().map(|_| Cells::Missing).collect(),
            loose: [Vec::new(), Vec::new()],
            bodies: [Cells::Missing, Cells::Missing],
            local: (0..layout.local_count).map(|_| Cells::Missing).collect(),
            hidden: HiddenCells {
                detail: Cells::Missing,
                connection: Cells::Missing,
                elapsed_ns: Cells::Missing,
                first_byte_ns: Cells::Missing,
                raw: Cells::Missing,
            },
            layout: Arc::clone(layout),
        };
        for column in &layout.columns {
            let cells = cells(column)?;
            match column.source {
                Source::Shared(index) | Source::Common(index) => {
                    if tables.is_loose(index) && !matches!(cells, Cells::Missing) {
                        let [shared, own] = &mut rows.loose;
                        let is_shared = matches!(column.source, Source::Shared(_));
                        if is_shared { shared } else { own }.push(index);
                    }
                    set(&mut rows.common, index.0, cells);
                }
                Source::RequestBody => rows.bodies[0] = cells,
                Source::ResponseBody => rows.bodies[1] = cells,
                Source::Local(index) => set(&mut rows.local, index.0, cells),
                Source::Hidden(Hidden::Detail) => rows.hidden.detail = cells,
                Source::Hidden(Hidden::Connection) => rows.hidden.connection = cells,
                Source::Hidden(Hidden::ElapsedNs) => rows.hidden.elapsed_ns = cells,
                Source::Hidden(Hidden::FirstByteNs) => rows.hidden.first_byte_ns = cells,
                Source::Hidden(Hidden::Raw) => rows.hidden.raw = cells,
            }
        }
        Ok(rows)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry of a row; behind the last row one without any value.
    ///
    /// Where a column is missing, its field is absent. Values of both halves lie on the first half that there is.
    pub fn entry(&self, row: usize) -> Entry {
        rebuild::entry(self, row)
    }

    /// The entries of all rows.
    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        (0..self.len).map(|row| self.entry(row))
    }
}

fn set(cells: &mut [Cells], index: u16, value: Cells) {
    if let Some(slot) = cells.get_mut(usize::from(index)) {
        *slot = value;
    }
}
