//! Columns without any value, shared by all columns of a batch that have none.

use arrow::array::{ArrayRef, new_null_array};

use crate::layout::Store;

/// The empty columns of one batch; each kind is made once.
pub(crate) struct Nulls {
    rows: usize,
    made: Vec<(Store, ArrayRef)>,
}

impl Nulls {
    pub(crate) fn new(rows: usize) -> Self {
        Nulls { rows, made: Vec::new() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn array(&mut self, store: Store) -> ArrayRef {
        if let Some((_, array)) = self.made.iter().find(|(known, _)| *known == store) {
            return ArrayRef::clone(array);
        }
        let array = new_null_array(&store.data_type(), self.rows);
        self.made.push((store, ArrayRef::clone(&array)));
        array
    }
}
