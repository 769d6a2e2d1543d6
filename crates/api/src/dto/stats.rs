//! Figures by groups and by time.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// Figures of a window.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatsAnswer {
    /// A row for each group, and for each step of time where `step` is given.
    pub rows: Vec<StatRow>,
    /// Groups that are not among the rows, for the limit: those with the fewest calls.
    pub omitted_groups: u64,
    /// Calls of groups that were not told apart.
    pub omitted_calls: u64,
    /// What was lost in the window.
    pub loss: super::LossAnswer,
    /// Steps in which something was lost; only where `step` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_steps: Option<Vec<LossStep>>,
    /// How long the query took.
    pub took_ms: u64,
    /// What the query read.
    pub cost: super::CostInfo,
}

/// Figures of a group.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatRow {
    /// The values that it is grouped by, by the names asked for; `null` where an entry has none.
    pub by: BTreeMap<String, serde_json::Value>,
    /// The start of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub time: Option<String>,
    /// Its calls.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The figures of calls.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Figures {
    /// Calls.
    pub calls: u64,
    /// Outcomes `server_error` and `failed`.
    pub errors: u64,
    /// Outcomes `client_error`.
    pub client_errors: u64,
    /// Bytes on the wire of both directions.
    pub bytes: u64,
    /// Answered pairs: what the percentiles are of.
    pub answered: u64,
    /// The median latency in µs.
    #[schema(required = true)]
    pub p50_us: Option<u64>,
    /// The 95th percentile of the latency in µs.
    #[schema(required = true)]
    pub p95_us: Option<u64>,
    /// The 99th percentile of the latency in µs.
    #[schema(required = true)]
    pub p99_us: Option<u64>,
}

/// What was lost in a step of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LossStep {
    /// The start of the step.
    #[schema(format = "date-time")]
    pub time: String,
    /// What was lost.
    pub loss: super::LossAnswer,
}

/// The timeline: calls by outcome, latency and loss in equal steps of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TimelineAnswer {
    /// The start of the first step; `null` where nothing is stored.
    #[schema(required = true, format = "date-time")]
    pub from: Option<String>,
    /// The end of the last step.
    #[schema(required = true, format = "date-time")]
    pub to: Option<String>,
    /// The length of a step.
    pub step_ms: u64,
    /// The steps that have calls or losses, in the order of time.
    pub steps: Vec<TimelineStep>,
    /// What was lost in the window.
    pub loss: super::LossAnswer,
    /// How long the query took.
    pub took_ms: u64,
    /// What the query read.
    pub cost: super::CostInfo,
}

/// A step of the timeline.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TimelineStep {
    /// Its start.
    #[schema(format = "date-time")]
    pub time: String,
    /// Calls.
    pub calls: u64,
    /// Calls by outcome: `ok`, `client_error`, `server_error`, `failed`, `open`.
    pub outcomes: BTreeMap<String, u64>,
    /// Bytes on the wire of both directions.
    pub bytes: u64,
    /// The median latency of answered pairs in µs.
    #[schema(required = true)]
    pub p50_us: Option<u64>,
    /// Their 95th percentile in µs.
    #[schema(required = true)]
    pub p95_us: Option<u64>,
    /// What was lost, where anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<super::LossAnswer>,
}
