//! Where a column finds its value in the entries of one protocol.

use lanternfish_model::{Entry, FieldId, FieldIndex, FieldTable, MapRef, Place, ProtocolIndex, Value};

use crate::Column;

/// The place of a value, for one protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// A common field.
    Common(FieldIndex),
    /// A protocol word.
    Word(FieldId),
    /// A field of the protocol itself.
    Local(FieldIndex),
}

impl Source {
    /// The place of a field for a protocol; `None` where the protocol has no such field.
    pub(crate) fn of(table: &FieldTable, protocol: ProtocolIndex, field: FieldId) -> Option<Source> {
        match table.place(field) {
            Place::Common(index) => Some(Source::Common(index)),
            Place::Word { .. } => Some(Source::Word(field)),
            Place::Protocol => table.local(protocol, field).map(Source::Local),
        }
    }

    /// The value.
    #[inline]
    pub(crate) fn value<'a>(self, entry: &'a Entry, table: &'a FieldTable) -> Value<'a> {
        match self {
            Source::Common(index) => entry.common(table, index),
            Source::Word(field) => entry.value(table, field),
            Source::Local(index) => entry.protocol_value(index),
        }
    }
}

/// The sources of a list of columns, for each protocol.
#[derive(Clone, Debug)]
pub(crate) struct Sources(Vec<Vec<Option<Source>>>);

impl Sources {
    /// Looks the columns up for all protocols.
    pub(crate) fn new(table: &FieldTable, columns: &[Column]) -> Self {
        let of = |protocol| columns.iter().map(|column| Source::of(table, protocol, column.field)).collect();
        Sources((0..table.protocols().len()).map(|position| of(ProtocolIndex(position as u8))).collect())
    }

    /// Those of a protocol, in the order of the columns.
    pub(crate) fn of(&self, protocol: ProtocolIndex) -> &[Option<Source>] {
        self.0.get(usize::from(protocol.0)).map_or(&[], Vec::as_slice)
    }
}

/// The values of one key of a map.
pub(crate) fn of_key<'a>(map: MapRef<'a>, key: &'a str, is_caseless: bool) -> impl Iterator<Item = &'a [u8]> {
    let key = key.as_bytes();
    map.iter_bytes()
        .filter(move |(name, _)| if is_caseless { name.eq_ignore_ascii_case(key) } else { *name == key })
        .map(|(_, value)| value)
}
