//! One scan: row groups of one segment, or batches of the tail, narrowed to the rows that meet a filter and to the
//! columns that somebody reads.
//!
//! The engine prunes row groups by statistics and bloom filters, tests rows while it decodes, and decodes other columns
//! only for rows that are left. What it cannot test while decoding (maps, lists) is tested behind it, and what the plan
//! of the filter cannot tell is asked of the filter itself, on rebuilt entries.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow::compute::{and, filter_record_batch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::cast::as_boolean_array;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::parquet::{
    ParquetAccessPlan, ParquetRowSelection, can_expr_be_pushed_down_with_schemas,
};
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::TaskContext;
use datafusion::parquet::arrow::RowNumber;
use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use lanternfish_columns::{Rows, hidden};
use lanternfish_model::ProtocolIndex;

use crate::predicate::{Predicate, all_of, predicate};
use crate::question::Question;
use crate::segment::{ReaderFactory, Segment};

/// Which rows of a segment are read.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// Those of some row groups that meet the filter.
    Groups(Range<usize>),
    /// These, by their ascending numbers in the file, whether they meet the filter or not.
    Numbers(Vec<u64>),
}

/// Takes the batches of a scan, one after the other.
pub(crate) trait Taker: Send {
    /// Takes a batch of rows that meet the filter; the scan goes on when it is done with it.
    fn take(&mut self, batch: RecordBatch) -> impl Future<Output = Result<()>> + Send;
}

impl<F: FnMut(RecordBatch) -> Result<()> + Send> Taker for F {
    async fn take(&mut self, batch: RecordBatch) -> Result<()> {
        self(batch)
    }
}

/// Scans a segment; the taker gets the batches of rows that meet the filter. Gives how many rows were looked at.
pub(crate) async fn scan_segment(
    context: Arc<TaskContext>,
    segment: &Arc<Segment>,
    which: Which,
    question: &Question,
    taker: &mut impl Taker,
) -> Result<u64> {
    let made = match &which {
        Which::Groups(_) => Prepared::new(question, segment.protocol, &segment.schema, segment.has_raw)?,
        Which::Numbers(_) => Prepared::default(),
    };
    if made.predicate.is_never {
        return Ok(0);
    }
    let schema = &segment.schema;
    let (pushed, behind): (Vec<_>, Vec<_>) =
        made.predicate.conjuncts.iter().cloned().partition(|part| can_expr_be_pushed_down_with_schemas(part, schema));
    let tested: Vec<_> = behind.iter().flat_map(collect_columns).collect();
    let names =
        question.names(segment.protocol, made.ask != Ask::Nothing).chain(tested.iter().map(|column| column.name()));
    let mut indices: Vec<usize> = names.filter_map(|name| schema.index_of(name).ok()).collect();
    indices.sort_unstable();
    indices.dedup();
    let looked_at = match &which {
        Which::Groups(groups) => {
            segment.row_groups.get(groups.clone()).unwrap_or_default().iter().map(|g| g.rows).sum()
        }
        Which::Numbers(numbers) => numbers.len() as u64,
    };
    let plan = source(segment, which, pushed, indices, question.has_row_numbers)?;
    let mut stream = plan.execute(0, context)?;
    let given = stream.schema();
    let behind: Vec<_> = behind.into_iter().map(|part| reassign_expr_columns(part, &given)).collect::<Result<_>>()?;
    while let Some(batch) = stream.next().await {
        let mut batch = batch?;
        for part in &behind {
            let met = meets(part, &batch)?;
            batch = keep(batch, &met)?;
        }
        let batch = made.ask_filter(batch, question, segment.protocol)?;
        if batch.num_rows() > 0 {
            taker.take(batch).await?;
        }
    }
    Ok(looked_at)
}

/// Scans batches that are in memory; row numbers go through all of them.
pub(crate) async fn scan_batches(
    batches: &[RecordBatch],
    protocol: ProtocolIndex,
    question: &Question,
    taker: &mut impl Taker,
) -> Result<u64> {
    let mut prepared: Option<(SchemaRef, bool, Prepared)> = None;
    let mut looked_at = 0u64;
    for batch in batches {
        let first = looked_at;
        looked_at = looked_at.saturating_add(batch.num_rows() as u64);
        let has_raw = batch.column_by_name(hidden::RAW).is_some_and(|raw| raw.null_count() < raw.len());
        let known = prepared.take_if(|(schema, raw, _)| schema != batch.schema_ref() || *raw != has_raw);
        drop(known);
        let (_, _, made) = match &mut prepared {
            Some(known) => known,
            None => {
                let made = Prepared::new(question, protocol, batch.schema_ref(), has_raw)?;
                prepared.insert((Arc::clone(batch.schema_ref()), has_raw, made))
            }
        };
        if made.predicate.is_never || batch.num_rows() == 0 {
            continue;
        }
        let mask = made.mask(batch)?;
        if mask.true_count() == 0 {
            continue;
        }
        let schema = batch.schema_ref();
        let names = question.names(protocol, made.ask != Ask::Nothing);
        let mut indices: Vec<usize> = names.filter_map(|name| schema.index_of(name).ok()).collect();
        indices.sort_unstable();
        indices.dedup();
        let mut given = batch.project(&indices)?;
        if question.has_row_numbers {
            given = with_row_numbers(&given, first)?;
        }
        let given = keep(given, &mask)?;
        let given = made.ask_filter(given, question, protocol)?;
        if given.num_rows() > 0 {
            taker.take(given).await?;
        }
    }
    Ok(looked_at)
}

/// Which rows of a batch meet the filter of a question; the batch must have all columns that it reads.
pub(crate) fn mask(batch: &RecordBatch, protocol: ProtocolIndex, question: &Question) -> Result<BooleanArray> {
    let has_raw = batch.column_by_name(hidden::RAW).is_some_and(|raw| raw.null_count() < raw.len());
    if !question.concerns(protocol) {
        return Ok(BooleanArray::from(vec![false; batch.num_rows()]));
    }
    let made = Prepared::new(question, protocol, batch.schema_ref(), has_raw)?;
    let met = made.mask(batch)?;
    Ok(match made.answers(batch, question, protocol, |row| met.value(row))? {
        Some(answers) => and(&met, &answers)?,
        None => met,
    })
}

/// A predicate for one schema, and whether the filter itself is asked too.
#[derive(Debug, Default)]
struct Prepared {
    predicate: Predicate,
    ask: Ask,
}

/// Which rows are shown to the filter itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ask {
    #[default]
    Nothing,
    /// Those with values that their columns cannot hold exactly.
    Raw,
    All,
}

impl Prepared {
    fn new(question: &Question, protocol: ProtocolIndex, schema: &Schema, has_raw: bool) -> Result<Prepared> {
        let plan = question.plan(protocol);
        // Without a filter to ask, what a column can't hold exactly meets no test of it.
        let has_raw = has_raw && question.filter.is_some();
        let predicate = predicate(question.table(), schema, plan, question.window, has_raw)?;
        let ask = match (question.filter.is_some(), plan.is_exact(), has_raw) {
            (false, _, _) | (true, true, false) => Ask::Nothing,
            (true, true, true) => Ask::Raw,
            (true, false, _) => Ask::All,
        };
        Ok(Prepared { predicate, ask })
    }

    /// The rows of a batch that meet the predicate.
    fn mask(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let mut all = BooleanArray::from(vec![!self.predicate.is_never; batch.num_rows()]);
        for part in &self.predicate.conjuncts {
            if all.true_count() == 0 {
                break;
            }
            all = and(&all, &meets(part, batch)?)?;
        }
        Ok(all)
    }

    fn ask_filter(&self, batch: RecordBatch, question: &Question, protocol: ProtocolIndex) -> Result<RecordBatch> {
        match self.answers(&batch, question, protocol, |_| true)? {
            Some(mask) => keep(batch, &mask),
            None => Ok(batch),
        }
    }

    /// What the filter itself says of the rows that it is asked about; of others it is yes. `None` where it is not asked.
    fn answers(
        &self,
        batch: &RecordBatch,
        question: &Question,
        protocol: ProtocolIndex,
        is_open: impl Fn(usize) -> bool,
    ) -> Result<Option<BooleanArray>> {
        let Some(filter) = question.filter.as_ref().filter(|_| self.ask != Ask::Nothing && batch.num_rows() > 0) else {
            return Ok(None);
        };
        let raw: Option<ArrayRef> = batch.column_by_name(hidden::RAW).cloned();
        let is_asked =
            |row: usize| is_open(row) && (self.ask == Ask::All || raw.as_ref().is_some_and(|raw| raw.is_valid(row)));
        let rows =
            Rows::new(&question.tables, protocol, batch).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let table = question.table();
        let answer = |row| Some(!is_asked(row) || filter.matches(table, &rows.entry(row)));
        Ok(Some((0..batch.num_rows()).map(answer).collect()))
    }
}

/// The plan of the engine: a source that prunes, tests and decodes.
fn source(
    segment: &Arc<Segment>,
    which: Which,
    pushed: Vec<Arc<dyn PhysicalExpr>>,
    mut indices: Vec<usize>,
    has_row_numbers: bool,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut schema = TableSchema::builder(Arc::clone(&segment.schema));
    if has_row_numbers {
        indices.push(segment.schema.fields().len());
        schema = schema.with_virtual_columns(vec![row_number_field()]);
    }
    let mut source = ParquetSource::new(schema.build())
        .with_pushdown_filters(true)
        .with_enable_page_index(false)
        .with_bloom_filter_on_read(true)
        .with_parquet_file_reader_factory(Arc::new(ReaderFactory(Arc::clone(segment))));
    if let Some(all) = all_of(pushed) {
        source = source.with_predicate(all);
    }
    let file = match which {
        Which::Groups(groups) => {
            let mut access = ParquetAccessPlan::new_none(segment.row_groups.len());
            groups.filter(|group| *group < segment.row_groups.len()).for_each(|group| access.scan(group));
            segment.partitioned_file().with_extension(access)
        }
        Which::Numbers(numbers) => {
            segment.partitioned_file().with_extension(ParquetRowSelection::new(selection(segment, &numbers)))
        }
    };
    let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
        .with_file(file)
        .with_projection_indices(Some(indices))?
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// The selection of rows by their ascending numbers.
fn selection(segment: &Segment, numbers: &[u64]) -> RowSelection {
    let rows = segment.rows();
    let mut selectors = Vec::with_capacity(numbers.len() * 2 + 1);
    let mut at = 0u64;
    for &number in numbers.iter().filter(|number| **number < rows) {
        if number < at {
            continue;
        }
        if number > at {
            selectors.push(RowSelector::skip((number - at) as usize));
        }
        selectors.push(RowSelector::select(1));
        at = number + 1;
    }
    if rows > at {
        selectors.push(RowSelector::skip((rows - at) as usize));
    }
    selectors.into()
}

fn keep(batch: RecordBatch, mask: &BooleanArray) -> Result<RecordBatch> {
    if mask.true_count() == batch.num_rows() { Ok(batch) } else { Ok(filter_record_batch(&batch, mask)?) }
}

fn meets(part: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<BooleanArray> {
    let met = part.evaluate(batch)?.into_array(batch.num_rows())?;
    let met = as_boolean_array(&met)?;
    // No test yields null; should one ever do, it does not hold.
    Ok(if met.null_count() > 0 { arrow::compute::prep_null_mask_filter(met) } else { met.clone() })
}

fn row_number_field() -> FieldRef {
    Arc::new(Field::new(ROW_NUMBER, DataType::Int64, false).with_extension_type(RowNumber))
}

fn with_row_numbers(batch: &RecordBatch, first: u64) -> Result<RecordBatch> {
    let first = first.cast_signed();
    let numbers: Int64Array = (first..first.saturating_add(batch.num_rows() as i64)).collect();
    let mut fields: Vec<FieldRef> = batch.schema_ref().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(ROW_NUMBER, DataType::Int64, false)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(numbers));
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The name of the column with the numbers of the rows in their file.
pub(crate) const ROW_NUMBER: &str = "_row";
