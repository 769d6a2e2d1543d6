//! `lanternfish query`: stored entries that match a filter.

use std::io::IsTerminal;
use std::num::NonZeroU64;

use futures::StreamExt;
use lanternfish_api::{EngineFormat, ExportRequest};
use lanternfish_model::{Entry, Loss};
use lanternfish_output::Format;
use lanternfish_pipeline::EntrySink;
use lanternfish_query::{Order, QueryError, Window};

use crate::cli::{Cli, OrderArgs, QueryArgs, QueryFormat};
use crate::exit::Failure;
use crate::output::Output;
use crate::terminal::tell;
use crate::verbs::capture::Prepared;
use crate::verbs::export::{self, Target};
use crate::verbs::stored::{Stored, query_failure, window};

/// Prints stored entries.
pub(super) fn run(cli: &Cli, arguments: &QueryArgs) -> Result<(), Failure> {
    let prepared = Prepared::of(cli, arguments.query.as_deref(), arguments.fields.as_deref())?;
    let window = window(arguments.window)?;
    let format = match arguments.output {
        QueryFormat::Table => Format::Table,
        QueryFormat::Jsonl => Format::Jsonl,
        QueryFormat::Json => Format::Json,
        QueryFormat::Csv => Format::Csv,
        QueryFormat::Parquet => return parquet(&prepared, arguments, window),
    };
    let mut writer = prepared.writer(format);
    let mut sink = prepared.sink(&writer)?;
    let mut stored = Stored::open(&arguments.stored, prepared.table)?;
    let mut output = Output::begin(&mut writer)?;
    let order = OrderArgs { limit: arguments.order.limit.or(default_limit(format)), ..arguments.order };
    let told = write_text(&mut stored, &prepared, window, order, sink().as_mut(), &mut output)?;
    output.end(&mut writer)?;
    if told.has_more && arguments.order.limit.is_none() {
        tell(&format!("lanternfish: these are the first {TABLE_LIMIT} entries: --limit N shows more"));
    }
    if told.entries == 0 {
        stored.tell_nothing(window);
    }
    stored.conclude(&told.loss)
}

/// What was written.
pub(super) struct Told {
    /// How many entries.
    pub(super) entries: u64,
    /// Whether more match.
    pub(super) has_more: bool,
    /// What was lost in their time.
    pub(super) loss: Loss,
}

/// Writes entries as text.
pub(super) fn write_text(
    stored: &mut Stored,
    prepared: &Prepared,
    window: Window,
    order: OrderArgs,
    sink: &mut dyn EntrySink,
    output: &mut Output,
) -> Result<Told, Failure> {
    let mut told = Told { entries: 0, has_more: false, loss: stored.loss(window) };
    let mut left = order.limit.map_or(u64::MAX, NonZeroU64::get);
    let mut bytes = Vec::new();
    let mut write = |entries: &[Entry]| {
        bytes.clear();
        entries.iter().for_each(|entry| sink.entry(entry, &mut bytes));
        bytes.is_empty() || output.write(&bytes)
    };
    match order.order.order() {
        Order::Newest => {
            let mut cursor = None;
            loop {
                let limit = usize::try_from(left).unwrap_or(usize::MAX).min(PAGE);
                let page = stored.queried.query().entries(&prepared.filter, window, limit, cursor);
                let page = stored.wait(page).map_err(query_failure)?;
                told.entries += page.entries.len() as u64;
                left = left.saturating_sub(page.entries.len() as u64);
                cursor = page.next;
                told.has_more = cursor.is_some();
                let is_read = write(&page.entries);
                stored.tell_unreadable(&page.cost.unreadable);
                if left == 0 || cursor.is_none() || !is_read {
                    return Ok(told);
                }
            }
        }
        Order::Oldest => {
            let portions =
                stored.queried.query().stream(&prepared.filter, window, Order::Oldest, Some(left.saturating_add(1)));
            let mut portions = Box::pin(portions);
            while let Some(portion) = stored.wait(portions.next()) {
                let portion = match portion {
                    Ok(portion) => portion,
                    Err(QueryError::Unreadable(parts)) => {
                        stored.tell_unreadable(&parts);
                        break;
                    }
                    Err(error) => return Err(query_failure(error)),
                };
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(portion.len());
                told.has_more |= count < portion.len();
                told.entries += count as u64;
                left -= count as u64;
                if !write(portion.get(..count).unwrap_or_default()) {
                    break;
                }
            }
            Ok(told)
        }
    }
}

fn parquet(prepared: &Prepared, arguments: &QueryArgs, window: Window) -> Result<(), Failure> {
    if arguments.fields.is_some() {
        return Err(Failure::usage("--fields has no meaning with -o parquet, which has all columns"));
    }
    if std::io::stdout().is_terminal() {
        return Err(Failure::usage("-o parquet is not for terminals: write it to a file, as in > entries.parquet"));
    }
    let stored = Stored::open(&arguments.stored, prepared.table)?;
    let request = ExportRequest {
        snapshot: None,
        filter: prepared.filter.clone(),
        window,
        order: arguments.order.order.order(),
        limit: arguments.order.limit.map(NonZeroU64::get),
        format: EngineFormat::Parquet,
    };
    export::write_file(&stored, request, Target::Stdout)?;
    stored.conclude(&stored.loss(window))
}

/// A table on a terminal is for people, who read a screen or two.
fn default_limit(format: Format) -> Option<NonZeroU64> {
    if format == Format::Table { NonZeroU64::new(TABLE_LIMIT) } else { None }
}

/// The entries of a table where none are asked for.
const TABLE_LIMIT: u64 = 100;
/// Entries that are read at a time.
const PAGE: usize = 2000;
