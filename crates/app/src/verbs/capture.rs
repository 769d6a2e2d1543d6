//! The verbs that show entries: arguments are checked here, before anything is opened.

use lanternfish_model::{FieldId, FieldTable, Timestamp, Wants};
use lanternfish_output::{Column, EntryWriter, Format, Options};

use crate::cli::{self, Cli, DemoArgs, EntryArgs, LiveArgs, PacketFormat, ReadArgs, WatchArgs};
use crate::exit::Failure;
use crate::filter_shim as filter;
use crate::tables;
use crate::terminal::{Screen, tell};

/// What every verb that shows entries has checked before it begins.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// All fields.
    pub(crate) table: FieldTable,
    /// Which entries to show.
    pub(crate) filter: filter::Filter,
    /// The columns of `--fields`.
    pub(crate) columns: Option<Vec<Column>>,
    /// What standard output can show.
    pub(crate) screen: Screen,
}

impl Prepared {
    /// Checks the filter and the columns.
    pub(crate) fn new(cli: &Cli, query: Option<&str>, entries: &EntryArgs) -> Result<Prepared, Failure> {
        let table = tables::field_table()?;
        let query = query.unwrap_or_default();
        let filter = compile(query, &table)?;
        let columns = match &entries.fields {
            Some(list) => {
                let columns = Column::parse_list(&table, list);
                Some(columns.map_err(|error| Failure::usage(format_args!("--fields: {error}")))?)
            }
            None => None,
        };
        Ok(Prepared { table, filter, columns, screen: Screen::of_stdout(cli.color) })
    }

    /// The writer of a format.
    pub(crate) fn writer(&self, format: Format) -> EntryWriter<'_> {
        let Screen { has_color, width } = self.screen;
        EntryWriter::new(format, &self.table, Options { columns: self.columns.clone(), has_color, width })
    }

    /// What dissectors must keep: the fields of the output and those of the filter.
    pub(crate) fn wants(&self, writer: &EntryWriter<'_>, filtered: impl IntoIterator<Item = FieldId>) -> Wants {
        Wants::only(&self.table, writer.fields().into_iter().chain(filtered))
    }
}

/// Compiles a filter; its warnings go to standard error.
pub(crate) fn compile(query: &str, table: &FieldTable) -> Result<filter::Filter, Failure> {
    let filter = filter::Filter::compile(query, table, now()).map_err(|error| Failure::usage(error.render(query)))?;
    for warning in filter.warnings() {
        tell(&format!("lanternfish: {warning}"));
    }
    Ok(filter)
}

/// The time of the clock.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ns(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// `lanternfish read`
pub(super) fn read(cli: &Cli, arguments: &ReadArgs) -> Result<(), Failure> {
    if arguments.keylog.is_some() {
        return Err(Failure::usage("--keylog: not yet: TLS can't be decrypted so far"));
    }
    let is_packets = arguments.output == PacketFormat::Pcapng;
    if arguments.whole_connection && !is_packets {
        let output = cli::value_name(&arguments.output);
        return Err(Failure::usage(format_args!("--whole-connection goes with -o pcapng, not with -o {output}")));
    }
    if arguments.entries.fields.is_some() && is_packets {
        return Err(Failure::usage("--fields has no meaning with -o pcapng"));
    }
    if arguments.files.iter().filter(|file| file.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("standard input (-) can be read only once"));
    }
    let prepared = Prepared::new(cli, arguments.filter.as_deref(), &arguments.entries)?;
    unwired(&prepared, arguments.output.format())
}

/// `lanternfish live`
pub(super) fn live(cli: &Cli, arguments: &LiveArgs) -> Result<(), Failure> {
    let prepared = Prepared::new(cli, arguments.filter.as_deref(), &arguments.entries)?;
    unwired(&prepared, Some(arguments.output.format()))
}

/// `lanternfish watch`
pub(super) fn watch(cli: &Cli, arguments: &WatchArgs) -> Result<(), Failure> {
    let prepared = Prepared::new(cli, arguments.query.as_deref(), &arguments.entries)?;
    unwired(&prepared, Some(arguments.output.format()))
}

/// `lanternfish demo`
pub(super) fn demo(cli: &Cli, arguments: &DemoArgs) -> Result<(), Failure> {
    let prepared = Prepared::new(cli, None, &arguments.entries)?;
    unwired(&prepared, Some(arguments.output.format()))
}

/// Stands where the pipeline will be started.
fn unwired(prepared: &Prepared, format: Option<Format>) -> Result<(), Failure> {
    let writer = prepared.writer(format.unwrap_or(Format::Table));
    let _ = prepared.wants(&writer, []);
    Err(Failure::usage("this verb is not wired to the pipeline yet"))
}
