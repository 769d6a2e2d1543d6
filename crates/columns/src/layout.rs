//! The columns of one protocol's table, made from the field table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use lanternfish_model::{FieldIndex, FieldTable, Kind, Place, ProtocolIndex, fields};

/// The names of the columns that no field stands for: what an entry needs to be rebuilt exactly.
pub mod hidden {
    /// The class, which halves there are, and of each its packets, lengths and the like, as compact bytes.
    pub const DETAIL: &str = "_detail";
    /// What is known of the connection and of the processes at its ends, as compact bytes.
    pub const CONNECTION: &str = "_connection";
    /// The nanoseconds that `elapsed_time`, in µs, leaves out.
    pub const ELAPSED_NS: &str = "_elapsed_ns";
    /// The nanoseconds that `time_to_first_byte`, in µs, leaves out.
    pub const FIRST_BYTE_NS: &str = "_first_byte_ns";
    /// Values that their column cannot hold exactly, such as text that is not UTF-8.
    pub const RAW: &str = "_raw";
}

/// A column that no field stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    Detail,
    Connection,
    ElapsedNs,
    FirstByteNs,
    Raw,
}

impl Hidden {
    const ALL: [Hidden; 5] = [Hidden::Detail, Hidden::Connection, Hidden::ElapsedNs, Hidden::FirstByteNs, Hidden::Raw];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Hidden::Detail => hidden::DETAIL,
            Hidden::Connection => hidden::CONNECTION,
            Hidden::ElapsedNs => hidden::ELAPSED_NS,
            Hidden::FirstByteNs => hidden::FIRST_BYTE_NS,
            Hidden::Raw => hidden::RAW,
        }
    }

    const fn store(self) -> Store {
        match self {
            Hidden::Detail | Hidden::Raw => Store::Bytes,
            Hidden::Connection => Store::SharedBytes,
            Hidden::ElapsedNs | Hidden::FirstByteNs => Store::Small,
        }
    }
}

/// Where the values of a column come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A common field that entries of one connection share.
    Shared(FieldIndex),
    /// A common field of each entry.
    Common(FieldIndex),
    /// The body of the request.
    RequestBody,
    /// The body of the response.
    ResponseBody,
    /// A field of the protocol.
    Local(FieldIndex),
    /// No field.
    Hidden(Hidden),
}

/// How the values of a column are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Bool,
    Int,
    /// A 32-bit integer.
    Small,
    Double,
    Time,
    Text,
    /// A text of few values: numbers of a dictionary.
    SharedText,
    Bytes,
    SharedBytes,
    List,
    Map,
}

impl Store {
    const fn of(kind: Kind, is_shared: bool) -> Store {
        match kind {
            Kind::Bool => Store::Bool,
            Kind::Int => Store::Int,
            Kind::Double => Store::Double,
            Kind::Text if is_shared => Store::SharedText,
            Kind::Text => Store::Text,
            Kind::Bytes => Store::Bytes,
            Kind::Time => Store::Time,
            Kind::TextList => Store::List,
            Kind::Map => Store::Map,
        }
    }

    /// The Arrow type.
    pub(crate) fn data_type(self) -> DataType {
        let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int32), Box::new(values));
        match self {
            Store::Bool => DataType::Boolean,
            Store::Int => DataType::Int64,
            Store::Small => DataType::Int32,
            Store::Double => DataType::Float64,
            Store::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())),
            Store::Text => DataType::Utf8,
            Store::SharedText => dictionary(DataType::Utf8),
            Store::Bytes => DataType::Binary,
            Store::SharedBytes => dictionary(DataType::Binary),
            Store::List => DataType::List(item_field()),
            Store::Map => DataType::Map(pair_field(), false),
        }
    }
}

/// The field of the items of a list.
pub(crate) fn item_field() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Utf8, false))
}

/// The fields of the names and the values of a map.
pub(crate) fn pair_fields() -> Fields {
    Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, false)])
}

/// The field of the pairs of a map.
pub(crate) fn pair_field() -> Arc<Field> {
    Arc::new(Field::new("entries", DataType::Struct(pair_fields()), false))
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// The path of the field, or the name of the hidden column.
    pub name: &'static str,
    pub source: Source,
    pub store: Store,
}

impl Column {
    /// Whether it may lack a value.
    const fn is_nullable(&self) -> bool {
        let is_always =
            matches!(self.source, Source::Common(fields::ID | fields::TIMESTAMP) | Source::Shared(fields::PROTOCOL));
        !is_always && !matches!(self.source, Source::Hidden(Hidden::Detail | Hidden::Connection))
    }
}

/// The columns of a table, in the order of its schema.
#[derive(Debug)]
pub(crate) struct Layout {
    pub columns: Vec<Column>,
    pub schema: SchemaRef,
    /// How many fields the protocol has of its own.
    pub local_count: usize,
}

impl Layout {
    /// The table of a protocol, or with none the columns that all tables have.
    pub(crate) fn new(table: &FieldTable, protocol: Option<ProtocolIndex>) -> Layout {
        let mut columns = Vec::new();
        let (mut common, mut local) = (Vec::new(), Vec::new());
        for (id, spec, place) in table.iter().filter(|(_, spec, _)| spec.pending.is_empty()) {
            match (place, protocol) {
                (Place::Common(index), _) => common.push(common_column(index, spec.path, spec.kind, spec.is_shared)),
                (Place::Protocol, Some(protocol)) => {
                    if let Some(index) = table.local(protocol, id) {
                        let store = Store::of(spec.kind, false);
                        local.push(Column { name: spec.path, source: Source::Local(index), store });
                    }
                }
                (Place::Word { .. } | Place::Protocol, _) => {}
            }
        }
        let local_count = protocol
            .and_then(|protocol| table.protocols().get(usize::from(protocol.0)))
            .map_or(0, |spec| spec.fields.len());
        columns.append(&mut common);
        columns.append(&mut local);
        columns.extend(Hidden::ALL.map(|hidden| Column {
            name: hidden.name(),
            source: Source::Hidden(hidden),
            store: hidden.store(),
        }));
        let arrow = |column: &Column| Field::new(column.name, column.store.data_type(), column.is_nullable());
        let schema = Arc::new(Schema::new(columns.iter().map(arrow).collect::<Vec<_>>()));
        Layout { columns, schema, local_count }
    }
}

fn common_column(index: FieldIndex, name: &'static str, kind: Kind, is_shared: bool) -> Column {
    match index {
        fields::REQUEST_BODY => Column { name, source: Source::RequestBody, store: Store::Bytes },
        fields::RESPONSE_BODY => Column { name, source: Source::ResponseBody, store: Store::Bytes },
        // Lists and maps of a connection are rare, and hardly longer for being repeated.
        _ if is_shared && !matches!(kind, Kind::TextList | Kind::Map | Kind::Bytes) => {
            Column { name, source: Source::Shared(index), store: Store::of(kind, true) }
        }
        _ => Column { name, source: Source::Common(index), store: Store::of(kind, false) },
    }
}

const UTC: &str = "UTC";
