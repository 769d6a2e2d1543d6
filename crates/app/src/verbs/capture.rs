//! The verbs that show entries: arguments are checked here, before anything is opened.

use std::sync::Arc;

use lanternfish_dissect::{Limits, Registry};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_filter::{Filter, FilterError};
use lanternfish_model::{Capture, FieldId, FieldTable, Timestamp, Wants};
use lanternfish_output::{Column, EntryWriter, Format, Options};
use lanternfish_pipeline::{Budget, EntrySink, Revisions, Settings};

use crate::cli::{Cli, EntryArgs, LimitArgs};
use crate::exit::Failure;
use crate::redaction;
use crate::sinks::{FormatSink, RedactingSink};
use crate::tables;
use crate::terminal::{Screen, tell};

/// What every verb that shows entries has checked before it begins.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// All fields.
    pub(crate) table: &'static FieldTable,
    /// Which entries to show.
    pub(crate) filter: Filter,
    /// The columns of `--fields`.
    pub(crate) columns: Option<Vec<Column>>,
    /// What standard output can show.
    pub(crate) screen: Screen,
}

impl Prepared {
    /// Checks the filter and the columns.
    pub(crate) fn new(cli: &Cli, query: Option<&str>, entries: &EntryArgs) -> Result<Prepared, Failure> {
        Prepared::of(cli, query, entries.fields.as_deref())
    }

    /// Checks a filter and a list of columns.
    pub(crate) fn of(cli: &Cli, query: Option<&str>, fields: Option<&str>) -> Result<Prepared, Failure> {
        let table = tables::field_table()?;
        let query = query.unwrap_or_default();
        let filter = compile(query, table)?;
        let columns = match fields {
            Some(list) => {
                let columns = Column::parse_list(table, list);
                Some(columns.map_err(|error| Failure::usage(format_args!("--fields: {error}")))?)
            }
            None => None,
        };
        Ok(Prepared { table, filter, columns, screen: Screen::of_stdout(cli.color) })
    }

    /// The writer of a format.
    pub(crate) fn writer(&self, format: Format) -> EntryWriter<'static> {
        let Screen { has_color, width } = self.screen;
        EntryWriter::new(format, self.table, Options { columns: self.columns.clone(), has_color, width })
    }

    /// What dissectors must keep: the fields of the output and those of the filter.
    pub(crate) fn wants(&self, output: impl IntoIterator<Item = FieldId>) -> Wants {
        Wants::only(self.table, output.into_iter().chain(self.filter.fields()))
    }

    /// The settings of a run over files; live runs change a few.
    pub(crate) fn settings(&self, wants: Wants, entries: &EntryArgs, limits: &LimitArgs) -> Result<Settings, Failure> {
        let body_bytes = usize::try_from(limits.body_limit.0).unwrap_or(usize::MAX);
        let budget = Budget::of(usize::try_from(limits.memory.0).unwrap_or(usize::MAX));
        let is_everything = self.filter.query().trim().is_empty();
        Ok(Settings {
            table: self.table,
            registry: Registry::new(PROTOCOLS),
            limits: Limits { body_bytes, decoded_bytes: body_bytes, ..Limits::default() },
            pairing: lanternfish_pairing::Limits::default(),
            reassembly: budget.reassembly(),
            wants,
            filter: if is_everything { None } else { Some(self.filter.clone()) },
            capture: Capture::File,
            scope: None,
            redaction: if entries.redact { Some(redaction::of_this_run()?) } else { None },
            revisions: if entries.all_revisions { Revisions::All } else { Revisions::Last },
            calls: true,
            connections: true,
            flows: true,
            budget,
            names: Arc::default(),
            resolver: None,
            node_name: Arc::from(""),
            node_id: Arc::from(""),
            node_ip: Arc::from(""),
        })
    }

    /// Makes the sinks that write entries with a writer, and with what the filter redacts taken out.
    pub(crate) fn sink(
        &self,
        writer: &EntryWriter<'static>,
    ) -> Result<impl FnMut() -> Box<dyn EntrySink> + use<>, Failure> {
        if writer.format() == Format::Har && self.columns.is_some() {
            return Err(Failure::usage("--fields has no meaning with -o har"));
        }
        let is_redacting = !self.filter.redactions().is_empty();
        let is_json = matches!(writer.format(), Format::Json | Format::Jsonl) && self.columns.is_none();
        if is_redacting && !is_json {
            return Err(Failure::usage("redact() needs -o json or jsonl, without --fields"));
        }
        let (writer, filter, table) = (writer.clone(), self.filter.clone(), self.table);
        Ok(move || -> Box<dyn EntrySink> {
            if is_redacting {
                return Box::new(RedactingSink::new(&writer, table, &filter));
            }
            Box::new(FormatSink::new(&writer))
        })
    }
}

/// Compiles a filter; its warnings go to standard error.
pub(crate) fn compile(query: &str, table: &FieldTable) -> Result<Filter, Failure> {
    let filter = Filter::compile(query, table, now()).map_err(|error| refused(&error, query))?;
    for warning in filter.warnings() {
        tell(&format!("lanternfish: filter, column {}: {}", warning.column, warning.message));
    }
    Ok(filter)
}

/// The failure for a filter that can't be used: its column, and a caret under it.
pub(crate) fn refused(error: &FilterError, query: &str) -> Failure {
    Failure::usage(format_args!("filter, column {}:\n{}", error.column, error.render(query)))
}

/// The number of workers for a number of threads that was asked for.
pub(crate) fn workers(threads: usize) -> u16 {
    u16::try_from(threads.min(MAX_THREADS)).unwrap_or(1)
}

/// The time of the clock.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ns(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// More threads than this only wait for each other.
const MAX_THREADS: usize = 64;
