//! The types of values on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use lanternfish_output::Format;
use lanternfish_query::Order;

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How lists are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// Lines for people
    Table,
    /// JSON
    Json,
}

/// How entries are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EntryFormat {
    /// Lines for people
    Table,
    /// One JSON object a line
    Jsonl,
    /// One JSON array
    Json,
    /// Comma-separated values, with a header line
    Csv,
    /// An HTTP Archive of the HTTP calls, for browsers' developer tools
    Har,
}

impl EntryFormat {
    /// The format of the writer.
    pub(crate) fn format(self) -> Format {
        match self {
            EntryFormat::Table => Format::Table,
            EntryFormat::Jsonl => Format::Jsonl,
            EntryFormat::Json => Format::Json,
            EntryFormat::Csv => Format::Csv,
            EntryFormat::Har => Format::Har,
        }
    }
}

/// How entries are printed, or their packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PacketFormat {
    /// Lines for people
    Table,
    /// One JSON object a line
    Jsonl,
    /// One JSON array
    Json,
    /// Comma-separated values, with a header line
    Csv,
    /// An HTTP Archive of the HTTP calls, for browsers' developer tools
    Har,
    /// A Parquet file with one column a field
    Parquet,
    /// The packets of the entries
    Pcapng,
}

impl PacketFormat {
    /// The format of the writer; `None` for what is no text.
    pub(crate) fn format(self) -> Option<Format> {
        match self {
            PacketFormat::Table => Some(Format::Table),
            PacketFormat::Jsonl => Some(Format::Jsonl),
            PacketFormat::Json => Some(Format::Json),
            PacketFormat::Csv => Some(Format::Csv),
            PacketFormat::Har => Some(Format::Har),
            PacketFormat::Parquet | PacketFormat::Pcapng => None,
        }
    }
}

/// How entries that are stored are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryFormat {
    /// Lines for people
    Table,
    /// One JSON object a line
    Jsonl,
    /// One JSON array
    Json,
    /// Comma-separated values, with a header line
    Csv,
    /// A Parquet file with one column a field
    Parquet,
}

/// How a service map is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MapFormat {
    /// Lines for people: one for each caller, called one and protocol
    Table,
    /// A graph for Graphviz
    Dot,
    /// What the machine interface says
    Json,
    /// A flowchart for Mermaid, as Markdown shows it
    Mermaid,
}

/// What an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values, with a header line
    Csv,
    /// A Parquet file with one column a field
    Parquet,
    /// The packets of the entries
    Pcapng,
    /// An HTTP Archive of the HTTP calls, for browsers' developer tools
    Har,
}

/// What is exported of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchiveFormat {
    /// All of it: a data directory
    Tar,
    /// Its entries, one JSON object a line
    Jsonl,
    /// Its entries as comma-separated values
    Csv,
    /// Its entries as a Parquet file
    Parquet,
    /// Its packets
    Pcapng,
    /// Its HTTP calls as an HTTP Archive
    Har,
}

impl ArchiveFormat {
    /// The format of its entries or packets; `None` for all of it.
    pub(crate) fn export(self) -> Option<ExportFormat> {
        match self {
            ArchiveFormat::Tar => None,
            ArchiveFormat::Jsonl => Some(ExportFormat::Jsonl),
            ArchiveFormat::Csv => Some(ExportFormat::Csv),
            ArchiveFormat::Parquet => Some(ExportFormat::Parquet),
            ArchiveFormat::Pcapng => Some(ExportFormat::Pcapng),
            ArchiveFormat::Har => Some(ExportFormat::Har),
        }
    }
}

/// Which entries come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderChoice {
    /// The newest
    Newest,
    /// The oldest
    Oldest,
}

impl OrderChoice {
    /// The order of the queries.
    pub(crate) fn order(self) -> Order {
        match self {
            OrderChoice::Newest => Order::Newest,
            OrderChoice::Oldest => Order::Oldest,
        }
    }
}

/// A number of bytes, written as `65536`, `64KiB`, `64k` or `1.5GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteSize(pub(crate) u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(split).unwrap_or((text, ""));
        let unit = unit.trim().to_ascii_lowercase();
        let factor = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str())).map(|(_, factor)| *factor);
        let factor = factor
            .ok_or_else(|| format!("`{unit}` is no unit of bytes; known are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"))?;
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(ByteSize).ok_or_else(|| format!("`{text}` is too large"));
        }
        match number.parse::<f64>() {
            Ok(part) if part * (factor as f64) < MAX_EXACT => Ok(ByteSize((part * factor as f64) as u64)),
            Ok(_) => Err(format!("`{text}` is too large")),
            Err(_) => Err(format!("`{text}` is no number of bytes, such as 65536, 64KiB or 1.5GB")),
        }
    }
}

/// A length of time, written as `90m`, `36h` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) Duration);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = "a length of time, such as 30s, 90m, 36h or 7d";
        let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(split).unwrap_or((text, ""));
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return Err(format!("`{text}` is not {known}")),
        };
        let number: u64 = number.parse().map_err(|_| format!("`{text}` is not {known}"))?;
        number
            .checked_mul(seconds)
            .filter(|seconds| (1..=MAX_AGE_SECONDS).contains(seconds))
            .map(|seconds| Age(Duration::from_secs(seconds)))
            .ok_or_else(|| format!("`{text}` is not between 1s and 36500d"))
    }
}

/// A hundred years.
const MAX_AGE_SECONDS: u64 = 36_500 * 86_400;

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, factor) in [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0 >= factor && self.0.is_multiple_of(factor) {
                return write!(f, "{}{name}", self.0 / factor);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// A single letter means the binary unit, as it does for `dd` and `head`.
const UNITS: &[(&[&str], u64)] = &[
    (&["", "b"], 1),
    (&["k", "kib"], 1 << 10),
    (&["kb"], 1_000),
    (&["m", "mib"], 1 << 20),
    (&["mb"], 1_000_000),
    (&["g", "gib"], 1 << 30),
    (&["gb"], 1_000_000_000),
    (&["t", "tib"], 1 << 40),
    (&["tb"], 1_000_000_000_000),
];
/// Whole numbers below this are exact as floating point.
const MAX_EXACT: f64 = 9e15;
