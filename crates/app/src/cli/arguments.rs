//! The arguments of the verbs that show entries.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::{Age, ByteSize, DataDirArgs, EntryFormat, PacketFormat};

/// Arguments of `read`.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// The capture files in the order to read them; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Show only entries that match this filter
    #[arg(short, long, value_name = "KFL", help_heading = "Choose", allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,

    /// How to print; pcapng writes the packets of the matching entries
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub(crate) output: PacketFormat,

    /// With -o pcapng: write all packets of the connections that carried the matching entries
    #[arg(long, value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub(crate) whole_connection: bool,

    #[command(flatten)]
    pub(crate) entries: EntryArgs,

    /// Read only packets that match this expression of tcpdump's syntax
    #[arg(long, value_name = "EXPRESSION", help_heading = "Choose")]
    pub(crate) bpf: Option<String>,

    /// Decrypt TLS with the keys of this file
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) keylog: Option<PathBuf>,

    /// Threads that dissect [default: one, and one for each processor on files over 256 MiB]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Arguments of `live`.
#[derive(Debug, Args)]
pub(crate) struct LiveArgs {
    /// Show only entries that match this filter
    #[arg(short, long, value_name = "KFL", help_heading = "Choose", allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,

    /// Print entries, instead of serving the dashboard
    #[arg(short, long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) output: Option<EntryFormat>,

    #[command(flatten)]
    pub(crate) entries: EntryArgs,

    #[command(flatten)]
    pub(crate) capture: CaptureArgs,

    #[command(flatten)]
    pub(crate) serve: ServeArgs,

    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Arguments of `open`.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// The capture files (pcap, pcapng; also compressed with gzip or zstd), read in this order
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Keep everything in this directory, which outlives the program; a file that was read into it is not read again [default: a
    /// temporary one]
    #[arg(long, value_name = "DIR", help_heading = "Store")]
    pub(crate) data_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) serve: ServeArgs,

    /// Keep passwords, tokens, cookies and keys as they are, instead of [REDACTED] and a fingerprint
    #[arg(long, value_parser = BoolishValueParser::new(), help_heading = "Store")]
    pub(crate) no_redact: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// What every verb that serves the dashboard takes.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Serve the dashboard and the machine interface at this address; others than those of the loopback need a token
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8899", help_heading = "Dashboard")]
    pub(crate) listen: String,

    /// The token that opens the dashboard from other machines stands in this file [default: one is made and shown once]
    #[arg(long, value_name = "FILE", help_heading = "Dashboard")]
    pub(crate) token_file: Option<PathBuf>,

    /// Serve with TLS: the certificate chain in PEM
    #[arg(long, value_name = "FILE", help_heading = "Dashboard")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Serve with TLS: the private key in PEM
    #[arg(long, value_name = "FILE", help_heading = "Dashboard")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Do not open a browser
    #[arg(long, value_parser = BoolishValueParser::new(), help_heading = "Dashboard")]
    pub(crate) no_open: bool,
}

/// What every verb that stores live traffic takes.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) place: DataDirArgs,

    /// Keep nothing over the end of the program, and no packets
    #[arg(long, value_parser = BoolishValueParser::new(), help_heading = "Store")]
    pub(crate) no_store: bool,

    /// The most bytes of raw packets that are kept, the oldest go first; 0 keeps none
    #[arg(long, value_name = "SIZE", default_value = "1GiB", help_heading = "Store")]
    pub(crate) ring_bytes: ByteSize,

    /// The most bytes of entries that are kept, the oldest go first
    #[arg(long, value_name = "SIZE", default_value = "10GiB", help_heading = "Store")]
    pub(crate) retention_bytes: ByteSize,

    /// The longest that entries are kept: 90m, 36h, 7d
    #[arg(long, value_name = "TIME", default_value = "7d", help_heading = "Store")]
    pub(crate) retention_age: Age,

    /// Keep passwords, tokens, cookies and keys as they are, instead of [REDACTED] and a fingerprint
    #[arg(long, value_parser = BoolishValueParser::new(), help_heading = "Store")]
    pub(crate) no_redact: bool,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Show only entries that match this filter
    #[arg(value_name = "KFL", allow_hyphen_values = true)]
    pub(crate) query: Option<String>,

    /// How to print
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub(crate) output: EntryFormat,

    #[command(flatten)]
    pub(crate) entries: EntryArgs,

    #[command(flatten)]
    pub(crate) capture: CaptureArgs,

    #[command(flatten)]
    pub(crate) place: DataDirArgs,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// What every verb that shows entries takes.
#[derive(Debug, Default, Args)]
pub(crate) struct EntryArgs {
    /// Show only these fields, in this order: id,method,request.headers["host"]
    #[arg(long, value_name = "LIST", help_heading = "Output")]
    pub(crate) fields: Option<String>,

    /// Show every revision of connections and flows: `read` shows the last one else, and the table of what is observed
    /// live the first and the last one
    #[arg(long, value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub(crate) all_revisions: bool,

    /// Replace passwords, tokens, cookies, keys and card numbers by [REDACTED] and a fingerprint
    #[arg(long, value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub(crate) redact: bool,

    /// At the end, print what was seen and what was lost
    #[arg(long, value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub(crate) stats: bool,
}

/// What every verb that captures takes.
#[derive(Debug, Args)]
pub(crate) struct CaptureArgs {
    /// Capture on this interface; may be repeated [default: all]
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', help_heading = "Choose")]
    pub(crate) interface: Vec<String>,

    /// Capture only packets that match this expression of tcpdump's syntax
    #[arg(long, value_name = "EXPRESSION", help_heading = "Choose")]
    pub(crate) bpf: Option<String>,

    /// Threads that dissect; where there are several, one more takes the packets from the kernel
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Limits")]
    pub(crate) threads: NonZeroUsize,
}

/// What every verb that dissects takes.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// The most bytes of a message's body that are kept
    #[arg(long, value_name = "SIZE", default_value = "64KiB", help_heading = "Limits")]
    pub(crate) body_limit: ByteSize,

    /// The memory to stay within; over it, less is kept, and it is said what
    #[arg(long, value_name = "SIZE", default_value = "512MiB", help_heading = "Limits")]
    pub(crate) memory: ByteSize,
}

/// The examples under `read --help`.
pub(super) const READ_EXAMPLES: &str = "Examples:
  lanternfish read trace.pcapng
  lanternfish read trace.pcap -f 'http && status_code >= 400' -o jsonl
  lanternfish read *.pcap -o csv --fields timestamp,src.ip,method,path,status_code,elapsed_time
  tcpdump -i any -w - | lanternfish read - -f dns
  lanternfish read trace.pcap -f http -o parquet > calls.parquet
  lanternfish read big.pcap -f 'dst.port == 6379' -o pcapng --whole-connection > redis.pcapng

The exit status is 0 if everything was read, even where packets are bad: the line at the end on
standard error tells what was lost.";

/// The examples under `live --help`.
pub(super) const LIVE_EXAMPLES: &str = "Examples:
  lanternfish live
  lanternfish live -i eth0 -i lo -f 'elapsed_time > 500000'
  lanternfish live -o jsonl --fields timestamp,src.name,dst.name,method,path,status_code

Capturing needs rights: `lanternfish doctor` tells which are missing and how to grant them.";

/// The examples under `open --help`.
pub(super) const OPEN_EXAMPLES: &str = "Examples:
  lanternfish open trace.pcapng
  lanternfish open *.pcap.gz --listen 127.0.0.1:9000
  lanternfish open                        an empty shelf: drop files onto the page";

/// The examples under `watch --help`.
pub(super) const WATCH_EXAMPLES: &str = "\
Where an instance runs on this machine (`lanternfish` with the same data directory), entries come from it, with no rights and
no second capture. Where none does, or a flag about capturing is given (--interface, --bpf, --threads, --memory, --body-limit,
--stats), this program captures by itself. It says which.

Examples:
  lanternfish watch 'http && status_code >= 500'
  lanternfish watch 'redis && redis_type == \"KEYS\"' -o jsonl";
