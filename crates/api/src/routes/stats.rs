//! Figures by groups, and the timeline.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use lanternfish_model::{Loss, Timestamp};
use lanternfish_query::{Cell, Group, QueryError, StatRow as Row, Stats, Window};

use super::entries::millis;
use crate::asked::Asked;
use crate::dto::{CostInfo, Figures, LossAnswer, LossStep, StatRow, StatsAnswer, TimelineAnswer, TimelineStep};
use crate::engine::Stored;
use crate::error::ApiError;
use crate::limits::{DEFAULT_STAT_ROWS, DEFAULT_STEPS, MAX_STAT_ROWS, MAX_STEPS};
use crate::params::{Selection, StatsParams, TimelineParams};
use crate::refusals::{Always, Queries};
use crate::state::{App, Selected, duration, within};
use crate::time;

/// Figures of the entries that a filter meets, by one or two fields and by steps of time.
#[utoipa::path(
    get, path = "/api/v1/stats", tag = "figures", operation_id = "readStats",
    params(Selection, StatsParams),
    responses((status = 200, description = "The figures.", body = StatsAnswer), Queries, Always),
)]
pub(super) async fn stats(
    State(app): State<App>,
    Asked(selection, stats): Asked<Selection, StatsParams>,
) -> Result<Json<StatsAnswer>, ApiError> {
    let selected = app.select(&selection)?;
    let by = groups(&app, stats.by.as_deref())?;
    let limit = within("limit", stats.limit, DEFAULT_STAT_ROWS, MAX_STAT_ROWS)?;
    let step_ns = duration("step", stats.step.as_deref())?;
    let span = if step_ns.is_some() { span(&app, &selected).await? } else { None };
    if let (Some(step_ns), Some((from, to))) = (step_ns, span) {
        check_steps(step_ns, from, to)?;
    }
    let query = selected.stored.stats(&selected.filter, selected.window, &by, step_ns, limit);
    let found = app.ask(query).await?;
    let mut answer = StatsAnswer::from(&found);
    if let Some(step_ns) = step_ns {
        let steps = span.map(|(from, to)| lossy_steps(&*selected.stored, from, to, step_ns)).unwrap_or_default();
        let step = |(time, loss): (Timestamp, Loss)| LossStep { time: time::text(time), loss: LossAnswer::from(&loss) };
        answer.loss_steps = Some(steps.into_iter().map(step).collect());
    }
    Ok(Json(answer))
}

/// Calls by outcome, latency and loss in equal steps of time.
#[utoipa::path(
    get, path = "/api/v1/timeline", tag = "figures", operation_id = "readTimeline",
    params(Selection, TimelineParams),
    responses((status = 200, description = "The timeline.", body = TimelineAnswer), Queries, Always),
)]
pub(super) async fn timeline(
    State(app): State<App>,
    Asked(selection, timeline): Asked<Selection, TimelineParams>,
) -> Result<Json<TimelineAnswer>, ApiError> {
    let selected = app.select(&selection)?;
    let steps = within("steps", timeline.steps, DEFAULT_STEPS, MAX_STEPS)?;
    let given = duration("step", timeline.step.as_deref())?;
    if given.is_some() && timeline.steps.is_some() {
        return Err(ApiError::parameter("step", "step and steps can't both be given"));
    }
    let Some((from, to)) = span(&app, &selected).await? else {
        let loss = LossAnswer::from(&selected.stored.loss(selected.window));
        let cost = CostInfo::default();
        return Ok(Json(TimelineAnswer {
            from: None,
            to: None,
            step_ms: 0,
            steps: Vec::new(),
            loss,
            took_ms: 0,
            cost,
        }));
    };
    let step_ns = given.unwrap_or_else(|| round_step(to.since(from), steps));
    check_steps(step_ns, from, to)?;
    let by_outcome = Group::parse(OUTCOME, app.table)?;
    let stored = &selected.stored;
    let both = async {
        let all = stored.stats(&selected.filter, selected.window, &[], Some(step_ns), MAX_STAT_ROWS as usize);
        let by = [by_outcome];
        let parts = stored.stats(&selected.filter, selected.window, &by, Some(step_ns), MAX_STAT_ROWS as usize);
        Ok::<_, QueryError>((all.await?, parts.await?))
    };
    let (all, parts) = app.ask(both).await?;
    let lost = lossy_steps(&**stored, from, to, step_ns);
    let took = all.cost.took.saturating_add(parts.cost.took);
    Ok(Json(TimelineAnswer {
        from: Some(time::text(start_of(from, step_ns))),
        to: Some(time::text(start_of(to, step_ns) + step_ns)),
        step_ms: (step_ns / 1_000_000).max(1).cast_unsigned(),
        steps: join(&all, &parts, lost),
        loss: LossAnswer::from(&all.loss),
        took_ms: millis(took),
        cost: CostInfo::from(&all.cost),
    }))
}

/// The steps that have calls or losses, in the order of time.
fn join(all: &Stats, parts: &Stats, lost: Vec<(Timestamp, Loss)>) -> Vec<TimelineStep> {
    let mut steps: BTreeMap<Timestamp, TimelineStep> = BTreeMap::new();
    let mut at = |time: Timestamp, change: &dyn Fn(&mut TimelineStep)| {
        let empty = || TimelineStep {
            time: time::text(time),
            calls: 0,
            outcomes: BTreeMap::new(),
            bytes: 0,
            p50_us: None,
            p95_us: None,
            loss: None,
        };
        change(steps.entry(time).or_insert_with(empty));
    };
    for row in &all.rows {
        at(row.time.unwrap_or_default(), &|step| {
            step.calls = row.figures.calls;
            step.bytes = row.figures.bytes;
            step.p50_us = row.figures.p50_us;
            step.p95_us = row.figures.p95_us;
        });
    }
    for row in &parts.rows {
        let outcome = match row.by.first() {
            Some((_, Cell::Text(outcome))) => outcome.clone(),
            _ => continue,
        };
        at(row.time.unwrap_or_default(), &|step| {
            step.outcomes.insert(outcome.clone(), row.figures.calls);
        });
    }
    for (time, loss) in &lost {
        at(*time, &|step| step.loss = Some(LossAnswer::from(loss)));
    }
    steps.into_values().collect()
}

/// The times that an answer spans: those asked for, else those that are stored.
async fn span(app: &App, selected: &Selected) -> Result<Option<(Timestamp, Timestamp)>, ApiError> {
    if let Window { from: Some(from), to: Some(to) } = selected.window {
        return Ok(Some((from, to)));
    }
    let Some((oldest, newest)) = app.ask(selected.stored.range()).await? else { return Ok(None) };
    let from = selected.window.from.unwrap_or(oldest);
    let to = selected.window.to.unwrap_or(newest.max(from));
    Ok((from <= to).then_some((from, to)))
}

fn check_steps(step_ns: i64, from: Timestamp, to: Timestamp) -> Result<(), ApiError> {
    let steps = to.since(from) / step_ns;
    if steps <= i64::from(MAX_STEPS) {
        return Ok(());
    }
    let error = ApiError::parameter("step", format!("the range of time has {steps} such steps"));
    Err(error.expected(format!("at most {MAX_STEPS}")))
}

/// The shortest round step that needs no more than so many.
fn round_step(span_ns: i64, steps: usize) -> i64 {
    let steps = i64::try_from(steps).unwrap_or(1).max(1);
    let least = span_ns / steps + 1;
    let fits = |ns: &&i64| **ns >= least;
    match ROUND_STEPS_NS.iter().find(fits) {
        Some(&ns) => ns,
        None => least.saturating_add(DAY_NS - 1) / DAY_NS * DAY_NS,
    }
}

/// The start of the step that a time lies in; steps are counted from the epoch.
fn start_of(time: Timestamp, step_ns: i64) -> Timestamp {
    Timestamp::from_ns(time.ns().div_euclid(step_ns).saturating_mul(step_ns))
}

/// The steps in which something was lost.
fn lossy_steps(stored: &dyn Stored, from: Timestamp, to: Timestamp, step_ns: i64) -> Vec<(Timestamp, Loss)> {
    let mut steps = Vec::new();
    if stored.loss(Window { from: Some(from), to: Some(to) }) == Loss::default() {
        return steps;
    }
    let mut start = start_of(from, step_ns);
    while start <= to && steps.len() <= MAX_STEPS as usize {
        let window = Window { from: Some(start.max(from)), to: Some((start + (step_ns - 1)).min(to)) };
        let loss = stored.loss(window);
        if loss != Loss::default() {
            steps.push((start, loss));
        }
        start = start + step_ns;
    }
    steps
}

/// The groups of a list of names.
pub(crate) fn groups(app: &App, by: Option<&str>) -> Result<Vec<Group>, ApiError> {
    let Some(by) = by.filter(|by| !by.trim().is_empty()) else { return Ok(Vec::new()) };
    let columns = lanternfish_output::Column::parse_list(app.table, by);
    let columns = columns.map_err(|error| ApiError::parameter("by", error.to_string()))?;
    if columns.len() > MAX_GROUPS {
        return Err(ApiError::parameter("by", format!("{} fields are given", columns.len())).expected("one or two"));
    }
    columns.iter().map(|column| Group::parse(&column.name, app.table).map_err(ApiError::from)).collect()
}

impl From<&Stats> for StatsAnswer {
    fn from(found: &Stats) -> StatsAnswer {
        StatsAnswer {
            rows: found.rows.iter().map(StatRow::from).collect(),
            omitted_groups: found.omitted_groups,
            omitted_calls: found.omitted_calls,
            loss: LossAnswer::from(&found.loss),
            loss_steps: None,
            took_ms: millis(found.cost.took),
            cost: CostInfo::from(&found.cost),
        }
    }
}

impl From<&lanternfish_query::Figures> for Figures {
    fn from(figures: &lanternfish_query::Figures) -> Figures {
        let lanternfish_query::Figures { calls, errors, client_errors, bytes, answered, p50_us, p95_us, p99_us } =
            *figures;
        Figures { calls, errors, client_errors, bytes, answered, p50_us, p95_us, p99_us }
    }
}

impl From<&Row> for StatRow {
    fn from(row: &Row) -> StatRow {
        StatRow {
            by: row.by.iter().map(|(name, cell)| (name.clone(), json(cell))).collect(),
            time: row.time.map(time::text),
            figures: Figures::from(&row.figures),
        }
    }
}

fn json(cell: &Cell) -> serde_json::Value {
    match cell {
        Cell::Absent => serde_json::Value::Null,
        Cell::Bool(value) => (*value).into(),
        Cell::Int(value) => (*value).into(),
        Cell::Double(value) => (*value).into(),
        Cell::Text(value) => value.clone().into(),
        Cell::Time(value) => time::text(*value).into(),
    }
}

/// Rows of a timeline and of live figures.
pub(crate) const OUTCOME: &str = "outcome";
/// The most fields to group by.
const MAX_GROUPS: usize = 2;
const SECOND_NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * SECOND_NS;
/// The lengths of steps that people can read off.
const ROUND_STEPS_NS: &[i64] = &[
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    SECOND_NS,
    2 * SECOND_NS,
    5 * SECOND_NS,
    10 * SECOND_NS,
    15 * SECOND_NS,
    30 * SECOND_NS,
    60 * SECOND_NS,
    120 * SECOND_NS,
    300 * SECOND_NS,
    600 * SECOND_NS,
    900 * SECOND_NS,
    1800 * SECOND_NS,
    3600 * SECOND_NS,
    7200 * SECOND_NS,
    10_800 * SECOND_NS,
    21_600 * SECOND_NS,
    43_200 * SECOND_NS,
    DAY_NS,
];

/// Used by the live client: figures of the last time by outcome and second.
pub(crate) async fn live_stats(
    app: &App,
    filter: &lanternfish_filter::Filter,
    last_ns: i64,
) -> Result<StatsAnswer, ApiError> {
    let by = [Group::parse(OUTCOME, app.table)?];
    let step_ns = round_step(last_ns, DEFAULT_STEPS as usize).max(SECOND_NS);
    let stored = app.engine.stored(None)?;
    let stats = stored.stats(filter, app.last(last_ns), &by, Some(step_ns), MAX_STAT_ROWS as usize);
    let found = app.ask(stats).await?;
    Ok(StatsAnswer::from(&found))
}
