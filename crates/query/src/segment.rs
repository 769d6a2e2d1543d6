//! Segments as they are read: metadata kept in a bounded cache, columns in the layout that is cheapest to test.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use lanternfish_columns::hidden;
use lanternfish_model::{ProtocolIndex, Timestamp, fields};

use crate::limits::{MAX_METADATA_BYTES, MAX_OPEN_SEGMENTS};
use crate::source::SegmentFile;

/// A segment whose metadata was read.
#[derive(Debug)]
pub(crate) struct Segment {
    pub protocol: ProtocolIndex,
    pub path: PathBuf,
    /// The columns as they are read.
    pub schema: SchemaRef,
    pub row_groups: Vec<RowGroup>,
    pub metadata: Arc<ParquetMetaData>,
    /// Bytes of memory of the metadata.
    pub metadata_bytes: usize,
    pub file: Arc<File>,
    pub size: u64,
    /// Whether rows have values that their columns cannot hold exactly.
    pub has_raw: bool,
}

/// A row group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowGroup {
    pub from: Timestamp,
    pub to: Timestamp,
    pub rows: u64,
}

/// Segments that were read before, within [`MAX_METADATA_BYTES`] and [`MAX_OPEN_SEGMENTS`].
#[derive(Debug, Default)]
pub(crate) struct Segments(Mutex<Cache>);

#[derive(Debug, Default)]
struct Cache {
    known: HashMap<PathBuf, (Arc<Segment>, u64)>,
    bytes: usize,
    clock: u64,
}

impl Segments {
    /// The metadata of a segment.
    pub fn open(&self, segment: &SegmentFile) -> Result<Arc<Segment>, String> {
        if let Some(known) = self.known(&segment.path) {
            return Ok(known);
        }
        let read = Arc::new(Segment::read(segment)?);
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = read.metadata_bytes;
        cache.clock += 1;
        while cache.bytes.saturating_add(bytes) > MAX_METADATA_BYTES || cache.known.len() >= MAX_OPEN_SEGMENTS {
            let oldest = cache.known.iter().min_by_key(|(_, (_, used))| *used).map(|(path, _)| path.clone());
            let Some((dropped, _)) = oldest.and_then(|path| cache.known.remove(&path)) else { break };
            cache.bytes = cache.bytes.saturating_sub(dropped.metadata_bytes);
        }
        cache.bytes = cache.bytes.saturating_add(bytes);
        let used = cache.clock;
        if let Some((replaced, _)) = cache.known.insert(segment.path.clone(), (Arc::clone(&read), used)) {
            cache.bytes = cache.bytes.saturating_sub(replaced.metadata_bytes);
        }
        Ok(read)
    }

    /// Forgets segments that are no longer there.
    pub fn retain(&self, is_there: impl Fn(&Path) -> bool) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.known.retain(|path, _| is_there(path));
        cache.bytes = cache.known.values().map(|(segment, _)| segment.metadata_bytes).sum();
    }

    fn known(&self, path: &Path) -> Option<Arc<Segment>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.clock += 1;
        let now = cache.clock;
        let (segment, used) = cache.known.get_mut(path)?;
        *used = now;
        Some(Arc::clone(segment))
    }
}

impl Segment {
    fn read(segment: &SegmentFile) -> Result<Segment, String> {
        let file = File::open(&segment.path).map_err(|error| error.to_string())?;
        let size = file.metadata().map_err(|error| error.to_string())?.len();
        let metadata = ParquetMetaDataReader::new()
            .with_column_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .parse_and_finish(&file)
            .map_err(|error| error.to_string())?;
        let schema = schema(&metadata).map_err(|error| error.to_string())?;
        let row_groups = row_groups(&metadata, &schema, segment)?;
        let has_raw = has_values(&metadata, hidden::RAW);
        Ok(Segment {
            protocol: segment.protocol,
            path: segment.path.clone(),
            schema: Arc::new(schema),
            row_groups,
            metadata_bytes: metadata.memory_size(),
            metadata: Arc::new(metadata),
            file: Arc::new(file),
            size,
            has_raw,
        })
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.row_groups.iter().map(|group| group.rows).sum()
    }

    /// The file for the query engine.
    pub fn partitioned_file(&self) -> PartitionedFile {
        let name = self.path.to_string_lossy();
        PartitionedFile::new(name.trim_start_matches('/').to_owned(), self.size)
            .with_arrow_schema(Arc::clone(&self.schema))
    }
}

/// The columns of a file: texts as dictionaries where all their pages have one, else as views.
fn schema(metadata: &ParquetMetaData) -> ParquetResult<Schema> {
    let file = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
    let leaves = file.schema_descr().columns();
    let is_dictionary = |name: &str| {
        let Some(leaf) = leaves.iter().position(|leaf| leaf.path().parts() == [name]) else { return false };
        metadata.row_groups().iter().all(|group| {
            let pages = group.columns().get(leaf).and_then(|column| column.page_encoding_stats_mask().copied());
            pages.is_some_and(|pages| pages.is_only(Encoding::RLE_DICTIONARY))
        })
    };
    let fields = schema.fields().iter().map(|field| {
        let plain = match field.data_type() {
            DataType::Dictionary(_, value) => value.as_ref(),
            other => other,
        };
        let layout = match plain {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is_dictionary(field.name()) => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            other => other.clone(),
        };
        Field::new(field.name(), layout, field.is_nullable())
    });
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

fn row_groups(metadata: &ParquetMetaData, schema: &Schema, segment: &SegmentFile) -> Result<Vec<RowGroup>, String> {
    let path = fields::FIELDS.get(usize::from(fields::TIMESTAMP.0)).map_or("", |spec| spec.path);
    let converter = StatisticsConverter::try_new(path, schema, metadata.file_metadata().schema_descr())
        .map_err(|error| error.to_string())?;
    let groups = metadata.row_groups();
    let bound = |array: arrow::array::ArrayRef| -> Vec<Option<i64>> {
        use arrow::array::AsArray;
        match array.as_primitive_opt::<arrow::datatypes::TimestampNanosecondType>() {
            Some(times) => times.iter().collect(),
            None => vec![None; groups.len()],
        }
    };
    let oldest = bound(converter.row_group_mins(groups).map_err(|error| error.to_string())?);
    let newest = bound(converter.row_group_maxes(groups).map_err(|error| error.to_string())?);
    let of = |(group, (from, to)): (
        &datafusion::parquet::file::metadata::RowGroupMetaData,
        (&Option<i64>, &Option<i64>),
    )| RowGroup {
        from: from.map_or(segment.from, Timestamp::from_ns),
        to: to.map_or(segment.to, Timestamp::from_ns),
        rows: group.num_rows().max(0).cast_unsigned(),
    };
    Ok(groups.iter().zip(oldest.iter().zip(&newest)).map(of).collect())
}

/// Whether a column may have values, by its statistics.
fn has_values(metadata: &ParquetMetaData, name: &str) -> bool {
    let leaves = metadata.file_metadata().schema_descr().columns();
    let Some(leaf) = leaves.iter().position(|leaf| leaf.path().parts() == [name]) else { return false };
    metadata.row_groups().iter().any(|group| {
        let statistics = group.columns().get(leaf).and_then(|column| column.statistics());
        let nulls = statistics.and_then(|statistics| statistics.null_count_opt());
        nulls != Some(group.num_rows().max(0).cast_unsigned())
    })
}

/// Gives the engine a reader of a segment whose metadata is at hand.
#[derive(Debug)]
pub(crate) struct ReaderFactory(pub Arc<Segment>);

impl ParquetFileReaderFactory for ReaderFactory {
    fn create_reader(
        &self,
        _partition: usize,
        _file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> datafusion::common::Result<Box<dyn AsyncFileReader + Send>> {
        Ok(Box::new(Reader(Arc::clone(&self.0))))
    }
}

/// Reads the ranges of a local file; queries run on threads of their own, so it may block.
struct Reader(Arc<Segment>);

impl Reader {
    fn range(&self, range: Range<u64>) -> ParquetResult<Bytes> {
        let length = range.end.saturating_sub(range.start);
        if range.end > self.0.size {
            return Err(ParquetError::EOF(format!("bytes up to {} of a file of {}", range.end, self.0.size)));
        }
        let mut bytes = vec![0; length as usize];
        self.0.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes.into())
    }
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        let read = self.range(range);
        async move { read }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        let read = ranges.into_iter().map(|range| self.range(range)).collect();
        async move { read }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let metadata = Arc::clone(&self.0.metadata);
        async move { Ok(metadata) }.boxed()
    }
}
