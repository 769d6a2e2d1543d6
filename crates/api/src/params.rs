//! The parameters of requests, as they are documented and as they are read.

use serde::Deserialize;
use utoipa::IntoParams;

/// Which entries a request is about.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Selection {
    /// A filter (KFL); left out or empty for all entries.
    #[param(example = "http and response.status == r\"5.*\"")]
    pub filter: Option<String>,
    /// The oldest time: RFC 3339, `now`, or so long before now (`-15m`). Left out: no bound.
    #[param(example = "-15m")]
    pub from: Option<String>,
    /// The newest time, in the same forms. Left out: no bound.
    pub to: Option<String>,
    /// The id of a snapshot, to ask that instead of the live source.
    pub snapshot: Option<String>,
}

/// A time range without a filter.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimeRange {
    /// The oldest time: RFC 3339, `now`, or so long before now (`-15m`). Left out: no bound.
    pub from: Option<String>,
    /// The newest time, in the same forms. Left out: no bound.
    pub to: Option<String>,
    /// The id of a snapshot, to ask that instead of the live source.
    pub snapshot: Option<String>,
}

/// A snapshot instead of the live source.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfSnapshot {
    /// The id of a snapshot, to ask that instead of the live source.
    pub snapshot: Option<String>,
}

/// No further parameters.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
pub struct Nothing {}

/// What a page of entries holds.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// The most entries.
    #[param(minimum = 1, maximum = 10000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next`.
    pub cursor: Option<String>,
    /// Only these fields, separated by commas; all if left out.
    #[param(example = "timestamp,method,path,status_code,request.headers[\"host\"]")]
    pub fields: Option<String>,
    /// Whether bodies are among the fields, where `fields` is left out.
    #[param(default = true)]
    pub bodies: Option<bool>,
}

/// What nodes of a map are made of.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MapParams {
    /// `auto`, `process`, `container`, `host`, `service` or `ip`.
    #[param(default = "auto")]
    pub group: Option<String>,
}

/// How figures are grouped.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsParams {
    /// One or two fields, separated by a comma; a name of a map as `request.headers["host"]`. All in one row if left out.
    #[param(example = "dst.name,outcome")]
    pub by: Option<String>,
    /// The length of a step of time (`10s`, `1m`); no steps if left out.
    #[param(example = "1m")]
    pub step: Option<String>,
    /// The most groups: those with the most calls.
    #[param(minimum = 1, maximum = 10000, default = 1000)]
    pub limit: Option<u32>,
}

/// How fine a timeline is.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimelineParams {
    /// The most steps; a round length of step is chosen so that no more are needed.
    #[param(minimum = 1, maximum = 2000, default = 120)]
    pub steps: Option<u32>,
    /// The length of a step (`10s`), instead of `steps`.
    pub step: Option<String>,
}

/// Which values of a field.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ValuesParams {
    /// The field; a name of a map as `request.headers["host"]`.
    #[param(example = "path", required = true)]
    pub field: Option<String>,
    /// What the values begin with, without regard to case.
    pub prefix: Option<String>,
    /// The most values.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    pub limit: Option<u32>,
}

/// Which part of a list of packets.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PacketsParams {
    /// How many packets to skip: `next` of the part before.
    #[param(default = 0)]
    pub offset: Option<u64>,
    /// The most packets.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    pub limit: Option<u32>,
}

/// How much of the connection a capture file holds.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PcapParams {
    /// Whether all packets of the connections are given, not only those of the entries.
    #[param(default = false)]
    pub whole_connection: Option<bool>,
}

/// Which part of a stream.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FollowParams {
    /// `both`, `to_server` or `to_client`.
    #[param(default = "both")]
    pub direction: Option<String>,
    /// How many bytes to skip, gaps not counted: `next` of the part before.
    #[param(default = 0)]
    pub offset: Option<u64>,
    /// The most bytes.
    #[param(minimum = 1, maximum = 4194304, default = 262144)]
    pub limit: Option<u32>,
}

/// Which direction of a stream is saved.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SaveParams {
    /// `both` (in the order in which the bytes were seen), `to_server` or `to_client`.
    #[param(default = "both")]
    pub direction: Option<String>,
}

/// What is exported.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportParams {
    /// `jsonl`, `json`, `csv`, `parquet`, `pcapng` or `har`.
    #[param(example = "jsonl", required = true)]
    pub format: Option<String>,
    /// Only these fields, separated by commas (`jsonl`, `json` and `csv`).
    pub fields: Option<String>,
    /// The most entries; all if left out.
    #[param(minimum = 1)]
    pub limit: Option<u64>,
    /// `newest` or `oldest` first.
    #[param(default = "newest")]
    pub order: Option<String>,
}

/// What a snapshot is exported as.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ArchiveParams {
    /// `tar` (all of it, to be opened elsewhere), or any format of `/api/v1/export`.
    #[param(default = "tar")]
    pub format: Option<String>,
}

/// What a live subscription begins with.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LiveParams {
    /// A filter (KFL); left out or empty for all entries.
    pub filter: Option<String>,
    /// Only these fields, separated by commas; all if left out.
    pub fields: Option<String>,
    /// Whether bodies are among the fields, where `fields` is left out.
    #[param(default = true)]
    pub bodies: Option<bool>,
    /// What is sent, separated by commas: `entries`, `map`, `stats`.
    #[param(default = "entries")]
    pub subscribe: Option<String>,
    /// What nodes of the map are made of.
    #[param(default = "auto")]
    pub group: Option<String>,
    /// How far map and stats reach back.
    #[param(default = "5m")]
    pub last: Option<String>,
    /// The most entries a second; those beyond it are counted in `dropped`. No bound but that of the queue if left out.
    #[param(minimum = 1)]
    pub max_rate: Option<u32>,
}

/// What is watched, and how it is written.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WatchParams {
    /// A filter (KFL); left out or empty for all entries.
    pub filter: Option<String>,
    /// `table`, `jsonl`, `json`, `csv` or `har`.
    #[param(default = "jsonl")]
    pub format: Option<String>,
    /// Only these fields, separated by commas; what suits the format if left out.
    pub fields: Option<String>,
    /// Every revision of connections and flows in a table too, which else has the first and the last one.
    #[param(default = false)]
    pub all_revisions: Option<bool>,
    /// The width to which a table is cut; it is not cut if left out.
    pub width: Option<u32>,
    /// Whether a table is coloured.
    #[param(default = false)]
    pub color: Option<bool>,
}

/// The name of an uploaded file.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadParams {
    /// The name to show.
    #[param(example = "trace.pcapng", required = true)]
    pub name: Option<String>,
}
