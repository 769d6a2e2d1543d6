//! The arguments of the verbs that ask what is stored.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use lanternfish_model::Timestamp;
use lanternfish_query::GroupBy;

use super::{ArchiveFormat, ExportFormat, ListArgs, MapFormat, OrderChoice, QueryFormat};

/// Where entries are stored.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DataDirArgs {
    /// Entries, packets and snapshots are in this directory [default: lanternfish in the user's state directory, for root
    /// /var/lib/lanternfish]
    #[arg(long, value_name = "DIR", help_heading = "Store")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// What is asked: all that is stored, or a snapshot of it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct StoredArgs {
    #[command(flatten)]
    pub(crate) place: DataDirArgs,

    /// Ask this snapshot, by its id
    #[arg(long, value_name = "ID", help_heading = "Store")]
    pub(crate) snapshot: Option<String>,
}

/// Of which time.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct WindowArgs {
    /// Only what begins at this time or later: 2026-03-14T22:00:00Z, now, or so long before now (-15m)
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true, help_heading = "Choose")]
    pub(crate) from: Option<Timestamp>,

    /// Only what begins at this time or earlier
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true, help_heading = "Choose")]
    pub(crate) to: Option<Timestamp>,

    /// Only the last 30s, 15m, 2h or 7d
    #[arg(long, value_name = "TIME", value_parser = duration_ns, conflicts_with = "from", help_heading = "Choose")]
    pub(crate) last: Option<i64>,
}

/// How many, and in which order.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OrderArgs {
    /// Which entries come first
    #[arg(long, value_enum, value_name = "ORDER", default_value = "newest", help_heading = "Choose")]
    pub(crate) order: OrderChoice,

    /// The most entries [default: 100 in a table, else all]
    #[arg(long, value_name = "N", help_heading = "Choose")]
    pub(crate) limit: Option<NonZeroU64>,
}

/// Arguments of `query`.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// Only entries that match this filter
    #[arg(value_name = "KFL", allow_hyphen_values = true)]
    pub(crate) query: Option<String>,

    #[command(flatten)]
    pub(crate) window: WindowArgs,

    #[command(flatten)]
    pub(crate) order: OrderArgs,

    /// How to print
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub(crate) output: QueryFormat,

    /// Show only these fields, in this order: id,method,request.headers["host"]
    #[arg(long, value_name = "LIST", help_heading = "Output")]
    pub(crate) fields: Option<String>,

    #[command(flatten)]
    pub(crate) stored: StoredArgs,
}

/// Arguments of `map`.
#[derive(Debug, Args)]
pub(crate) struct MapArgs {
    /// Only entries that match this filter
    #[arg(value_name = "KFL", allow_hyphen_values = true)]
    pub(crate) query: Option<String>,

    #[command(flatten)]
    pub(crate) window: WindowArgs,

    /// What a node is: the best name known, or one kind of name where it is known
    #[arg(long, value_name = "KIND", default_value = "auto", value_parser = group(), help_heading = "Choose")]
    pub(crate) group: GroupBy,

    /// How to print
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub(crate) output: MapFormat,

    #[command(flatten)]
    pub(crate) stored: StoredArgs,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Only entries that match this filter; '' for all
    #[arg(value_name = "KFL", allow_hyphen_values = true)]
    pub(crate) query: Option<String>,

    /// Where to write [default: standard output]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) window: WindowArgs,

    #[command(flatten)]
    pub(crate) order: OrderArgs,

    /// What to write [default: what the name of the file says, else jsonl]
    #[arg(short, long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) output: Option<ExportFormat>,

    /// With jsonl or csv: only these fields, in this order
    #[arg(long, value_name = "LIST", help_heading = "Output")]
    pub(crate) fields: Option<String>,

    /// With pcapng: write all packets of the connections that carried the matching entries
    #[arg(long, value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub(crate) whole_connection: bool,

    #[command(flatten)]
    pub(crate) stored: StoredArgs,
}

/// Arguments of `snapshot`.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: SnapshotVerb,
}

/// The verbs of `snapshot`.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotVerb {
    /// Freeze a window of entries and packets, and print its id
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// A bookmark: the filter to begin with where the snapshot is browsed. The snapshot holds the whole window all the
        /// same, unless --only-matching is given
        #[arg(value_name = "KFL", allow_hyphen_values = true)]
        query: Option<String>,

        /// Keep only the entries that KFL meets, and the packets of their connections
        #[arg(long, requires = "query", value_parser = BoolishValueParser::new())]
        only_matching: bool,

        /// A name for people
        #[arg(long, value_name = "NAME", default_value = "")]
        name: String,

        /// Without packets, which hold secrets unredacted
        #[arg(long, value_parser = BoolishValueParser::new())]
        no_packets: bool,

        #[command(flatten)]
        window: WindowArgs,

        #[command(flatten)]
        place: DataDirArgs,
    },
    /// List the snapshots
    List {
        #[command(flatten)]
        list: ListArgs,

        #[command(flatten)]
        place: DataDirArgs,
    },
    /// Show a snapshot in the dashboard of the running instance, or print where it lies
    Open {
        /// The id of the snapshot
        id: String,

        #[command(flatten)]
        place: DataDirArgs,
    },
    /// Write a snapshot to a file: all of it, or its entries or packets
    #[command(after_help = "Examples:
  lanternfish snapshot export 1773525600000 incident.tar
  lanternfish snapshot export 1773525600000 -o pcapng incident.pcapng")]
    Export {
        /// The id of the snapshot
        id: String,

        /// Where to write [default: standard output]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,

        /// What to write
        #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "tar", help_heading = "Output")]
        output: ArchiveFormat,

        #[command(flatten)]
        place: DataDirArgs,
    },
    /// Delete snapshots
    Delete {
        /// The ids of the snapshots
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,

        #[command(flatten)]
        place: DataDirArgs,
    },
}

fn time(text: &str) -> Result<Timestamp, String> {
    let now = crate::verbs::capture::now();
    lanternfish_api::time::parse(text, now).ok_or_else(|| format!("expected {}", lanternfish_api::time::TIME_FORMS))
}

fn duration_ns(text: &str) -> Result<i64, String> {
    let text = text.strip_prefix('-').unwrap_or(text);
    lanternfish_api::time::duration_ns(text)
        .ok_or_else(|| format!("expected {}", lanternfish_api::time::DURATION_FORMS))
}

fn group() -> impl TypedValueParser<Value = GroupBy> {
    let names = GroupBy::ALL.map(GroupBy::name);
    PossibleValuesParser::new(names).map(|name| GroupBy::of(&name).unwrap_or_default())
}

/// The examples under `query --help`.
pub(super) const QUERY_EXAMPLES: &str = "Examples:
  lanternfish query                                               the newest 100 entries
  lanternfish query 'http && status_code >= 500' --last 15m
  lanternfish query dns --from 2026-03-14T22:00:00Z --to -1h -o csv --fields timestamp,src.name,dns_questions
  lanternfish query 'elapsed_time > 1000000' -o parquet > slow.parquet

The directory may be one that a running instance writes to: what it has stored so far is asked.";

/// The examples under `map --help`.
pub(super) const MAP_EXAMPLES: &str = "Examples:
  lanternfish map --last 1h
  lanternfish map 'http && outcome == \"server_error\"' --group host
  lanternfish map -o dot | dot -Tsvg > map.svg
  lanternfish map -o mermaid";

/// The examples under `export --help`.
pub(super) const EXPORT_EXAMPLES: &str = "Examples:
  lanternfish export 'http && status_code >= 500' failures.jsonl
  lanternfish export '' all.parquet --last 24h
  lanternfish export 'dst.port == 6379' redis.pcapng --whole-connection
  lanternfish export http -o har > calls.har";

const CREATE_EXAMPLES: &str = "Examples:
  lanternfish snapshot create --last 15m --name 'checkout fails'
  lanternfish snapshot create 'status_code >= 500' --from 2026-03-14T22:00:00Z --to 2026-03-14T22:30:00Z
  lanternfish snapshot create 'status_code >= 500' --only-matching --name 'for the vendor'";
