//! What analyses and maps count of each row: what it counts as, its outcome, bytes, latency and time.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, TimestampNanosecondArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use lanternfish_columns::hidden;
use lanternfish_model::{EntryClass, FieldTable, Outcome, ProtocolIndex, Timestamp, fields};
use lanternfish_servicemap::{Counted, DETECTED};

use crate::check::{Texts, keys_of, nulls_of};
use crate::question::{is_revised, path};
use crate::revisions::{Newest, REVISIONS, Revisions, revisions};

/// The facts of the rows of a batch.
pub(crate) struct Facts<'a> {
    times: Option<&'a TimestampNanosecondArray>,
    ids: Option<Ints<'a>>,
    bytes: Option<Ints<'a>>,
    elapsed: Option<Ints<'a>>,
    outcomes: Outcomes,
    /// Of protocols that have connections and flows.
    classes: Option<Classes<'a>>,
}

struct Classes<'a> {
    connections: Option<&'a BooleanArray>,
    flows: Option<&'a BooleanArray>,
    detected: Option<&'a ListArray>,
    revisions: Revisions<'a>,
}

impl Classes<'_> {
    fn counted(&self, row: usize) -> Counted {
        let is = |column: Option<&BooleanArray>| column.is_some_and(|c| c.is_valid(row) && c.value(row));
        let class = match (is(self.connections), is(self.flows)) {
            (true, _) => EntryClass::Connection,
            (false, true) => EntryClass::Flow,
            (false, false) => EntryClass::Call,
        };
        let carries = || self.detected.is_some_and(|lists| lists.is_valid(row) && lists.value_length(row) > 0);
        Counted::of_class(class, carries)
    }
}

impl<'a> Facts<'a> {
    /// The columns that it reads; that of the time is read where another asks for it.
    pub fn columns() -> impl Iterator<Item = &'static str> {
        [path(fields::ELAPSED_TIME), path(fields::OUTCOME), hidden::BYTES].into_iter()
    }

    /// The columns that it reads besides of protocols that have connections and flows.
    pub fn revised_columns() -> impl Iterator<Item = &'static str> {
        [path(fields::ID), path(fields::CONN), path(fields::FLOW), DETECTED]
            .into_iter()
            .chain(REVISIONS.iter().copied())
    }

    /// The facts of a batch of rows of a protocol.
    pub fn of(table: &FieldTable, protocol: ProtocolIndex, batch: &'a RecordBatch) -> Result<Facts<'a>> {
        let ints = |name: &str| Some(Ints::of(batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()?));
        let bools = |index| batch.column_by_name(path(index))?.as_boolean_opt();
        let classes = is_revised(table, protocol).then(|| Classes {
            connections: bools(fields::CONN),
            flows: bools(fields::FLOW),
            detected: batch.column_by_name(DETECTED).and_then(|lists| lists.as_list_opt()),
            revisions: revisions(batch),
        });
        Ok(Facts {
            times: batch
                .column_by_name(path(fields::TIMESTAMP))
                .and_then(|times| times.as_primitive_opt::<TimestampNanosecondType>()),
            ids: ints(path(fields::ID)),
            bytes: ints(hidden::BYTES),
            elapsed: ints(path(fields::ELAPSED_TIME)),
            outcomes: Outcomes::of(batch.column_by_name(path(fields::OUTCOME)))?,
            classes,
        })
    }

    /// What a row counts as.
    #[inline]
    pub fn counted(&self, row: usize) -> Counted {
        self.classes.as_ref().map_or(Counted::Call, |classes| classes.counted(row))
    }

    /// Whether a row is not the newest revision of its entry.
    pub fn is_outdated(&self, newest: &Newest, row: usize) -> bool {
        match (&self.classes, self.ids) {
            (Some(classes), Some(ids)) => {
                ids.get(row).is_some_and(|id| newest.is_outdated(id, || classes.revisions.of(row)))
            }
            _ => false,
        }
    }

    /// How it went.
    pub fn outcome(&self, row: usize) -> Outcome {
        self.outcomes.get(row)
    }

    /// Bytes on the wire of both directions.
    pub fn bytes(&self, row: usize) -> u64 {
        self.bytes.and_then(|bytes| bytes.get(row)).map_or(0, |bytes| bytes.max(0).cast_unsigned())
    }

    /// The latency of an answered pair in µs.
    pub fn elapsed_us(&self, row: usize) -> Option<u64> {
        Some(self.elapsed?.get(row)?.max(0).cast_unsigned())
    }

    /// The time; `None` where it was not asked for.
    pub fn time(&self, row: usize) -> Option<Timestamp> {
        self.times.map(|times| Timestamp::from_ns(times.value(row)))
    }
}

/// A column of integers.
#[derive(Clone, Copy)]
struct Ints<'a> {
    values: &'a [i64],
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Ints<'a> {
    fn of(column: &'a Int64Array) -> Ints<'a> {
        Ints { values: column.values(), nulls: nulls_of(column) }
    }

    fn get(&self, row: usize) -> Option<i64> {
        let is_null = || self.nulls.is_some_and(|nulls| nulls.is_null(row));
        self.values.get(row).copied().filter(|_| !is_null())
    }
}

/// The outcomes of the rows of a batch.
struct Outcomes(Vec<Outcome>);

impl Outcomes {
    fn of(column: Option<&ArrayRef>) -> Result<Outcomes> {
        let Some(column) = column else { return Ok(Outcomes(Vec::new())) };
        if let DataType::Dictionary(_, _) = column.data_type() {
            let dictionary = column.as_any_dictionary();
            let Outcomes(values) = Outcomes::of(Some(dictionary.values()))?;
            let keys = keys_of(dictionary);
            let of = |(row, key): (usize, usize)| match column.is_valid(row) {
                true => values.get(key).copied().unwrap_or_default(),
                false => Outcome::Open,
            };
            return Ok(Outcomes(keys.into_iter().enumerate().map(of).collect()));
        }
        let texts = Texts::of(column)?;
        Ok(Outcomes((0..column.len()).map(|row| outcome(texts.get(row).unwrap_or_default())).collect()))
    }

    fn get(&self, row: usize) -> Outcome {
        self.0.get(row).copied().unwrap_or_default()
    }
}

fn outcome(name: &[u8]) -> Outcome {
    let all = [Outcome::Ok, Outcome::ClientError, Outcome::ServerError, Outcome::Failed];
    all.into_iter().find(|outcome| outcome.name().as_bytes() == name).unwrap_or_default()
}
