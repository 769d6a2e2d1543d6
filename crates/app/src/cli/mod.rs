//! The command line: one declaration, from which parsing, help, completions, man pages, environment variables and the keys
//! of `lanternfish.toml` derive.

mod arguments;
mod stored;
mod values;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::demo::Service;

pub(crate) use arguments::{
    CaptureArgs, EntryArgs, LimitArgs, LiveArgs, OpenArgs, ReadArgs, ServeArgs, StoreArgs, WatchArgs,
};
pub(crate) use stored::{
    DataDirArgs, ExportArgs, MapArgs, OrderArgs, QueryArgs, SnapshotArgs, SnapshotVerb, StoredArgs, WindowArgs,
};
pub(crate) use values::{
    Age, ArchiveFormat, ByteSize, ColorChoice, EntryFormat, ExportFormat, ListFormat, MapFormat, OrderChoice,
    PacketFormat, QueryFormat,
};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "lanternfish",
    version,
    about = "Sees every API message on a machine: who sent it to whom, and how it went",
    long_about = "Lanternfish turns packets into API calls: requests with their responses, latency, outcome and the processes at \
                  both ends. It reads capture files and watches this machine, with the same protocols and the same filter \
                  language (KFL).\n\nWithout a verb it does `lanternfish live`.",
    after_help = "Examples:
  lanternfish                                           watch this machine
  lanternfish live -f 'http && status_code >= 500'      only failing HTTP calls
  lanternfish read trace.pcapng -o jsonl                a capture file as JSON lines
  lanternfish read trace.pcapng -f dns -o csv --fields timestamp,dns_questions,elapsed_time
  lanternfish query 'status_code >= 500' --last 15m     what was stored of it
  lanternfish fields http                               what a filter can ask of HTTP
  lanternfish doctor                                    what can be seen here, and why not

Every flag is also an environment variable (--body-limit is LANTERNFISH_BODY_LIMIT) and a key of
lanternfish.toml; `lanternfish config` shows what holds and where it comes from.
Exit status: 0 done, 1 a file can't be read, 2 unusable arguments or a filter error.",
    subcommand_required = true,
    arg_required_else_help = true,
    styles = STYLES,
    max_term_width = 110
)]
pub(crate) struct Cli {
    /// When to colour output
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto", help_heading = "Everywhere")]
    pub(crate) color: ColorChoice,

    /// Read this configuration file and no other
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub(crate) config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Dissect capture files (pcap, pcapng) to standard output
    #[command(after_help = arguments::READ_EXAMPLES)]
    Read(ReadArgs),
    /// Watch this machine; what happens without a verb
    #[command(after_help = arguments::LIVE_EXAMPLES)]
    Live(LiveArgs),
    /// Show capture files in the dashboard, browsable while they are read
    #[command(after_help = arguments::OPEN_EXAMPLES)]
    Open(OpenArgs),
    /// Print the entries of this machine that match a filter, as they happen
    #[command(after_help = arguments::WATCH_EXAMPLES)]
    Watch(WatchArgs),
    /// Ask what is stored: entries that match a filter, the newest first
    #[command(after_help = stored::QUERY_EXAMPLES)]
    Query(QueryArgs),
    /// Show who calls whom in what is stored
    #[command(after_help = stored::MAP_EXAMPLES)]
    Map(MapArgs),
    /// Write what is stored to a file: entries or packets
    #[command(after_help = stored::EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Freeze a window of what is stored, so that it stays until it is deleted
    Snapshot(SnapshotArgs),
    /// Make traffic of every protocol on the loopback, and show it
    Demo(DemoArgs),
    /// List what filters and columns can name
    #[command(after_help = "Examples:
  lanternfish fields            all names
  lanternfish fields http       those of HTTP
  lanternfish fields --pending  those that have no values yet, and why")]
    Fields(FieldsArgs),
    /// List the protocols
    Protocols(ListArgs),
    /// Check a filter, or try it on a record
    Kfl(KflArgs),
    /// Tell what can and can't be seen on this machine, why, and what helps
    #[command(after_help = "Examples:
  lanternfish doctor
  sudo lanternfish doctor --fix   let members of the group `lanternfish` capture without root")]
    Doctor(DoctorArgs),
    /// Show the settings that hold, and where each comes from
    Config(ListArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  lanternfish completions bash > /etc/bash_completion.d/lanternfish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write all man pages to a directory
    Man {
        /// Where to write lanternfish.1, lanternfish-read.1 and the others
        directory: Option<PathBuf>,
    },
    /// Be one service of the shop of `demo`, or the whole shop, until standard input is closed
    #[command(hide = true)]
    Shop {
        /// The service
        service: Option<Service>,
    },
    /// Write the generated pages of the documentation
    #[command(hide = true)]
    Docs {
        /// The folder that holds cli.md and protocols/
        directory: PathBuf,
    },
}

/// Arguments of `fields`.
#[derive(Debug, Args)]
pub(crate) struct FieldsArgs {
    /// Only the fields of this protocol
    #[arg(value_name = "PROTOCOL")]
    pub(crate) protocol: Option<String>,

    /// Only the fields that have no values yet, with the reason
    #[arg(long)]
    pub(crate) pending: bool,

    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// Arguments of every verb that lists something.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How to print
    #[arg(
        short = 'o',
        long,
        alias = "output",
        value_enum,
        value_name = "FORMAT",
        default_value = "table",
        help_heading = "Output"
    )]
    pub(crate) format: ListFormat,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Visits of the shop a second; each makes about five calls
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=200), help_heading = "Demo")]
    pub(crate) rate: u32,

    #[command(flatten)]
    pub(crate) entries: EntryArgs,

    /// Print entries, instead of serving the dashboard
    #[arg(short, long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) output: Option<EntryFormat>,

    #[command(flatten)]
    pub(crate) capture: CaptureArgs,

    #[command(flatten)]
    pub(crate) serve: ServeArgs,

    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Arguments of `kfl`.
#[derive(Debug, Args)]
pub(crate) struct KflArgs {
    /// What to do with the filter.
    #[command(subcommand)]
    pub(crate) verb: KflVerb,
}

/// The verbs of `kfl`.
#[derive(Debug, Subcommand)]
pub(crate) enum KflVerb {
    /// Check a filter against the fields: silent if it is right, else the error and exit status 2
    #[command(after_help = "Example:\n  lanternfish kfl check 'http && status_code >= 400'")]
    Check {
        /// The filter
        #[arg(value_name = "QUERY", allow_hyphen_values = true)]
        query: String,
    },
    /// Evaluate a filter on a JSON record: prints true or false, the limit, and the record afterwards
    #[command(after_help = "Example:\n  lanternfish kfl eval --record '{\"id\":5}' 'id == 5 and redact(\"id\")'")]
    Eval {
        /// The record, a JSON object
        #[arg(long, value_name = "JSON")]
        record: String,
        /// The filter
        #[arg(value_name = "QUERY", allow_hyphen_values = true)]
        query: String,
    },
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Set up the group `lanternfish` and the capabilities of this program, after asking
    #[arg(long)]
    pub(crate) fix: bool,

    /// Do not ask before setting up
    #[arg(long, requires = "fix")]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// The whole command line, every flag with its environment variable.
pub(crate) fn command() -> clap::Command {
    with_variables(Cli::command())
}

fn with_variables(command: clap::Command) -> clap::Command {
    let with_env = |argument: clap::Arg| match env_name(&argument) {
        Some(name) => argument.env(name).hide_env(true),
        None => argument,
    };
    command.mut_args(with_env).mut_subcommands(with_variables)
}

/// The arguments of a verb and of the verbs under it.
pub(crate) fn arguments_of(verb: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    // No verb is more than two words.
    verb.get_arguments().chain(verb.get_subcommands().flat_map(clap::Command::get_arguments))
}

/// The key of a flag in `lanternfish.toml`: its long name; `None` for what only a command line can say.
pub(crate) fn key(argument: &clap::Arg) -> Option<&str> {
    argument.get_long().filter(|long| !ONLY_ON_THE_COMMAND_LINE.contains(long))
}

/// The environment variable of a flag.
pub(crate) fn env_name(argument: &clap::Arg) -> Option<String> {
    let long = argument.get_long().filter(|long| *long == "config" || key(argument).is_some())?;
    Some(format!("LANTERNFISH_{}", long.replace('-', "_").to_ascii_uppercase()))
}

/// The names of the values of an enum, for messages.
pub(crate) fn value_name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Flags that would be dangerous or senseless as a setting.
const ONLY_ON_THE_COMMAND_LINE: &[&str] = &[
    "config",
    "fix",
    "from",
    "help",
    "last",
    "name",
    "only-matching",
    "pending",
    "record",
    "snapshot",
    "to",
    "version",
    "yes",
];

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Green.on_default());

#[cfg(test)]
mod tests;
