//! The tables of all protocols.

use std::net::Ipv4Addr;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use lanternfish_model::{
    Capture, ConnectionContext, ConnectionFacts, Endpoint, Entry, EntryClass, FieldIndex, FieldTable, LocalSide, Notes,
    Outcome, PacketRef, Party, ProtocolIndex, Scope, Timestamp, Transport, Value, Values, fields,
};

use crate::ColumnError;
use crate::layout::Layout;

/// The tables of all protocols of a field table.
#[derive(Debug)]
pub struct Tables {
    table: &'static FieldTable,
    layouts: Vec<Arc<Layout>>,
    common: Layout,
    /// By the indexes of the common fields: whether the value lies among the loose ones of entry or connection.
    is_loose: Vec<bool>,
}

impl Tables {
    /// Makes the tables.
    pub fn new(table: &'static FieldTable) -> Tables {
        let protocols = (0..table.protocols().len()).map(|position| ProtocolIndex(position as u8));
        Tables {
            table,
            layouts: protocols.map(|protocol| Arc::new(Layout::new(table, Some(protocol)))).collect(),
            common: Layout::new(table, None),
            is_loose: loose_fields(table),
        }
    }

    /// The field table that they are made of.
    pub fn fields(&self) -> &'static FieldTable {
        self.table
    }

    /// The schema of a protocol's table; without columns where there is no such protocol.
    ///
    /// Names are the paths of fields, and those that begin with `_` are hidden. Texts that entries of one connection
    /// share are dictionaries in memory; Parquet files hold them as plain texts.
    pub fn schema(&self, protocol: ProtocolIndex) -> SchemaRef {
        self.layout(protocol)
            .map_or_else(|_| Arc::new(arrow::datatypes::Schema::empty()), |layout| Arc::clone(&layout.schema))
    }

    /// The schema of the columns that all tables have.
    pub fn common_schema(&self) -> &SchemaRef {
        &self.common.schema
    }

    /// The protocols, in the order of their indexes.
    pub fn protocols(&self) -> impl Iterator<Item = (ProtocolIndex, &'static str)> {
        let specs = self.table.protocols().iter().enumerate();
        specs.map(|(position, spec)| (ProtocolIndex(position as u8), spec.name))
    }

    pub(crate) fn layout(&self, protocol: ProtocolIndex) -> Result<&Arc<Layout>, ColumnError> {
        self.layouts.get(usize::from(protocol.0)).ok_or(ColumnError::UnknownProtocol(protocol.0))
    }

    /// Whether a common field has no member of its own in an entry or its connection.
    pub(crate) fn is_loose(&self, index: FieldIndex) -> bool {
        self.is_loose.get(usize::from(index.0)).copied().unwrap_or(false)
    }
}

/// Asks an entry whose loose values are all set which of them it gives.
fn loose_fields(table: &FieldTable) -> Vec<bool> {
    const MARK: i64 = -1_818_194_799;
    let end = Endpoint::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let first = PacketRef { time: Timestamp::from_ns(0), number: 0 };
    let facts = ConnectionFacts {
        id: 0,
        transport: Transport::Tcp,
        client: end,
        server: end,
        scope: Scope(0),
        first,
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 0,
    };
    let mut extra = Values::default();
    let indexes = || (0..fields::FIELDS.len()).map(|position| FieldIndex(position as u16));
    indexes().for_each(|index| extra.int(index, MARK));
    let entry = Entry {
        id: 0,
        protocol: ProtocolIndex(0),
        class: EntryClass::Call,
        connection: Arc::new(ConnectionContext {
            facts,
            flow_id: 0,
            local: LocalSide::Client,
            capture: Capture::Unspecified,
            has_pcap: false,
            node_name: Arc::from(""),
            values: Values::default(),
        }),
        src: Party::new(end),
        dst: Party::new(end),
        index: 0,
        timestamp: first.time,
        elapsed_ns: None,
        first_byte_ns: None,
        outcome: Outcome::Open,
        request: None,
        response: None,
        notes: Notes::default(),
        extra,
    };
    indexes().map(|index| entry.common(table, index) == Value::Int(MARK)).collect()
}
