//! Entries of every shape, to columns and back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod sample;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Int32Type};
use lanternfish_model::{Entry, FieldTable, Message, ProtocolIndex, Value, fields};
use proptest::prelude::*;

use crate::{Builders, Rows, Tables, hidden};
use sample::{Plan, entry, plan, table};

fn tables() -> Arc<Tables> {
    Arc::new(Tables::new(table()))
}

fn batches(entries: &[Entry]) -> Vec<(ProtocolIndex, RecordBatch)> {
    let mut builders = Builders::new(tables());
    for entry in entries {
        assert!(builders.push(entry));
    }
    assert_eq!(builders.rows(), entries.len());
    assert!(entries.is_empty() || builders.bytes() > 0);
    let batches = builders.finish().unwrap();
    assert_eq!(builders.rows(), 0);
    assert_eq!(builders.bytes(), 0);
    batches
}

/// The entries of a protocol, in their order.
fn of(entries: &[Entry], protocol: ProtocolIndex) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(move |entry| entry.protocol == protocol)
}

/// An `Ip` in a text field comes back as the text that it is.
fn value_text(value: Value<'_>) -> String {
    match value {
        Value::Ip(ip) => format!("{:?}", Value::Text(&ip.to_string())),
        Value::Double(number) => format!("Double({:x})", number.to_bits()),
        other => format!("{other:?}"),
    }
}

fn assert_same(table: &FieldTable, stored: &Entry, live: &Entry) {
    for (id, spec, _) in table.iter() {
        assert_eq!(value_text(stored.value(table, id)), value_text(live.value(table, id)), "{}", spec.path);
    }
    assert_eq!(
        (stored.id, stored.protocol, stored.class, stored.index, stored.timestamp),
        (live.id, live.protocol, live.class, live.index, live.timestamp)
    );
    assert_eq!((stored.elapsed_ns, stored.first_byte_ns), (live.elapsed_ns, live.first_byte_ns));
    assert_eq!((stored.outcome, &stored.notes), (live.outcome, &live.notes));
    for (stored, live) in [(&stored.src, &live.src), (&stored.dst, &live.dst)] {
        assert_eq!((stored.endpoint, &stored.identity, &stored.dns), (live.endpoint, &live.identity, &live.dns));
    }
    let (a, b) = (&stored.connection, &live.connection);
    assert_eq!(format!("{:?}", a.facts), format!("{:?}", b.facts));
    assert_eq!((a.flow_id, a.local, a.capture, a.has_pcap), (b.flow_id, b.local, b.capture, b.has_pcap));
    for (stored, live) in [(&stored.request, &live.request), (&stored.response, &live.response)] {
        assert_eq!(stored.as_deref().map(message), live.as_deref().map(message));
    }
}

fn message(message: &Message) -> String {
    let body = (&message.body.bytes, message.body.wire_bytes, message.body.is_cut, message.body.is_present);
    let Message { protocol, role, direction, pairing, first, last, packets, ordinal, wire_bytes, .. } = message;
    format!(
        "{protocol:?} {role:?} {direction:?} {pairing:?} {first:?} {last:?} {packets:?} {ordinal} {wire_bytes} {:?} {:?} {} {body:?} {:?}",
        message.status_code, message.outcome, message.is_partial, message.notes
    )
}

fn check(plans: &[Plan]) {
    let entries: Vec<Entry> = plans.iter().map(entry).collect();
    let tables = tables();
    for (protocol, batch) in batches(&entries) {
        let live: Vec<&Entry> = of(&entries, protocol).collect();
        assert_eq!(batch.num_rows(), live.len());
        let rows = Rows::new(&tables, protocol, &batch).unwrap();
        for (stored, live) in rows.iter().zip(live) {
            assert_same(table(), &stored, live);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn entries_come_back(plans in proptest::collection::vec(plan(), 0..12)) {
        check(&plans);
    }

    #[test]
    fn damaged_details_are_read_without_harm(plan in plan(), cut in 0usize..64, flip in 0usize..64, bit in 0u8..8) {
        let entry = entry(&plan);
        let mut bytes = Vec::new();
        crate::detail::write(&mut bytes, &entry);
        if let Some(byte) = bytes.get_mut(flip) {
            *byte ^= 1 << bit;
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        crate::detail::read(&bytes, &entry, entry.status_code());
        bytes.clear();
        crate::connection::write(&mut bytes, &entry);
        if let Some(byte) = bytes.get_mut(flip) {
            *byte ^= 1 << bit;
        }
        let mut facts = entry.connection.facts.clone();
        let (mut src, mut dst) = (entry.src.clone(), entry.dst.clone());
        crate::connection::read(&bytes, &mut facts, [&mut src, &mut dst]);
        crate::raw::read(&bytes).count();
    }
}

#[test]
fn batches_in_a_row_are_independent() {
    let mut builders = Builders::new(tables());
    let tables = tables();
    for round in 0..4u64 {
        let entries: Vec<Entry> = (0..50).map(|number| entry(&Plan::plain(round * 100 + number))).collect();
        entries.iter().for_each(|entry| assert!(builders.push(entry)));
        for (protocol, batch) in builders.finish().unwrap() {
            let rows = Rows::new(&tables, protocol, &batch).unwrap();
            for (stored, live) in rows.iter().zip(of(&entries, protocol)) {
                assert_same(table(), &stored, live);
            }
        }
    }
    assert!(builders.finish().unwrap().is_empty());
}

/// What a query engine makes of the columns: other orders, texts as views, dictionaries undone.
fn as_an_engine_gives_it(batch: &RecordBatch) -> RecordBatch {
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let target = match array.data_type() {
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            DataType::Dictionary(_, value) if **value == DataType::Utf8 => DataType::Utf8View,
            DataType::Dictionary(_, value) => (**value).clone(),
            other => other.clone(),
        };
        columns.push((field.name().clone(), cast(array, &target).unwrap()));
    }
    columns.reverse();
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

#[test]
fn columns_of_a_query_engine_are_read() {
    let entries: Vec<Entry> = (0..200).map(|number| entry(&Plan::plain(number))).collect();
    let tables = tables();
    for (protocol, batch) in batches(&entries) {
        let live: Vec<&Entry> = of(&entries, protocol).collect();
        let batch = as_an_engine_gives_it(&batch);
        let rows = Rows::new(&tables, protocol, &batch).unwrap();
        for (stored, live) in rows.iter().zip(&live) {
            assert_same(table(), &stored, live);
        }
        let two = concat_batches(&batch.schema(), [&batch, &batch]).unwrap();
        let picked = take_record_batch(&two, &arrow::array::UInt32Array::from(vec![3, 1])).unwrap();
        let rows = Rows::new(&tables, protocol, &picked).unwrap();
        assert_same(table(), &rows.entry(0), live[3]);
        assert_same(table(), &rows.entry(1), live[1]);
    }
}

#[test]
fn missing_columns_are_absent() {
    let live = entry(&Plan::plain(7));
    let (protocol, batch) = batches(std::slice::from_ref(&live)).remove(0);
    let tables = tables();
    let kept = ["id", "timestamp", "status_code", "text"];
    let places: Vec<usize> = kept.iter().map(|name| batch.schema().index_of(name).unwrap()).collect();
    let batch = batch.project(&places).unwrap();
    let rows = Rows::new(&tables, protocol, &batch).unwrap();
    let stored = rows.entry(0);
    for (id, spec, _) in table().iter() {
        let value = stored.value(table(), id);
        if kept.contains(&spec.path) {
            assert_eq!(value, live.value(table(), id), "{}", spec.path);
        } else if spec.path == "request.body" || spec.path.starts_with("text_") {
            assert_eq!(value, Value::Absent, "{}", spec.path);
        }
    }
    rows.entry(99);
}

#[test]
fn what_entries_share_is_kept_once() {
    let entries: Vec<Entry> = (0..1000).map(|_| entry(&Plan::plain(1))).collect();
    let (_, batch) = batches(&entries).remove(0);
    let keys = |name: &str| {
        let column = batch.column_by_name(name).unwrap().as_dictionary::<Int32Type>();
        (column.keys().values().as_ptr(), column.values().len())
    };
    assert_eq!(keys("src.process.name").0, keys("src.name").0);
    assert_eq!(keys("src.process.name").0, keys(hidden::CONNECTION).0);
    let mut builders = Builders::new(tables());
    let one = entry(&Plan::plain(1));
    (0..1000).for_each(|_| assert!(builders.push(&one)));
    let (_, batch) = builders.finish().unwrap().remove(0);
    let column = batch.column_by_name("src.process.name").unwrap().as_dictionary::<Int32Type>().clone();
    assert_eq!((column.values().len(), column.len()), (1, 1000));
}

#[test]
fn every_field_has_its_column() {
    let tables = tables();
    for (protocol, name) in tables.protocols() {
        let schema = tables.schema(protocol);
        for (id, spec, place) in table().iter() {
            let is_local = table().local(protocol, id).is_some() && spec.pending.is_empty();
            let is_common = matches!(place, lanternfish_model::Place::Common(_)) && spec.pending.is_empty();
            assert_eq!(schema.index_of(spec.path).is_ok(), is_local || is_common, "{name} {}", spec.path);
        }
        let common = tables.common_schema().fields();
        assert!(common.iter().all(|field| schema.field_with_name(field.name()).unwrap() == field.as_ref()));
    }
    assert!(tables.schema(ProtocolIndex(60)).fields().is_empty());
    assert_eq!(fields::FIELDS[usize::from(fields::ID.0)].path, "id");
}
