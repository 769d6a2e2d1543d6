//! Filters: checked, explained and saved.

use axum::Json;
use axum::extract::State;

use super::entries::millis;
use crate::access::Control;
use crate::asked::{Asked, Given};
use crate::dto::{
    ClauseInfo, CostInfo, Explanation, KflAnswer, KflQuestion, KflWarning, LossAnswer, SavedFilter, SavedFilters,
};
use crate::error::ApiError;
use crate::limits::{MAX_NAME_BYTES, MAX_SAVED_FILTERS};
use crate::params::{Nothing, Selection};
use crate::refusals::{Always, Bodies, Parameters, Queries};
use crate::state::App;

/// Checks a filter: what it reads and what to know about it, or the error with its column and a hint.
#[utoipa::path(
    post, path = "/api/v1/kfl/check", tag = "language", operation_id = "checkFilter",
    request_body = KflQuestion,
    responses((status = 200, description = "The filter can be used.", body = KflAnswer), Bodies, Always),
)]
pub(super) async fn check(
    State(app): State<App>,
    _: Asked<Nothing>,
    Given(question): Given<KflQuestion>,
) -> Result<Json<KflAnswer>, ApiError> {
    let filter = app.filter(Some(&question.filter))?;
    let warning =
        |warning: &lanternfish_filter::Warning| KflWarning { column: warning.column, message: warning.message.clone() };
    Ok(Json(KflAnswer {
        valid: true,
        warnings: filter.warnings().iter().map(warning).collect(),
        fields: filter.fields().map(|field| app.table.spec(field).path).collect(),
        limit: filter.limit(),
    }))
}

/// A filter in words, and how many entries each of its clauses leaves.
#[utoipa::path(
    get, path = "/api/v1/explain", tag = "language", operation_id = "explainFilter",
    params(Selection),
    responses((status = 200, description = "The explanation.", body = Explanation), Queries, Always),
)]
pub(super) async fn explain(
    State(app): State<App>,
    Asked(selection, _): Asked<Selection>,
) -> Result<Json<Explanation>, ApiError> {
    let selected = app.select(&selection)?;
    let found = app.ask(selected.stored.explain(&selected.filter, selected.window)).await?;
    let text = selected.filter.query();
    let clause = |clause: lanternfish_query::Clause| ClauseInfo {
        text: clause.text,
        words: clause.words,
        start: characters(text, clause.start),
        end: characters(text, clause.end),
        left: clause.left,
        left_so_far: clause.left_so_far,
    };
    Ok(Json(Explanation {
        text: found.text,
        clauses: found.clauses.into_iter().map(clause).collect(),
        total: found.total,
        matched: found.matched,
        loss: LossAnswer::from(&found.loss),
        took_ms: millis(found.cost.took),
        cost: CostInfo::from(&found.cost),
    }))
}

/// How many characters stand before a byte.
fn characters(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

/// The saved filters.
#[utoipa::path(
    get, path = "/api/v1/filters", tag = "language", operation_id = "listSavedFilters",
    responses((status = 200, description = "The saved filters.", body = SavedFilters), Parameters, Always),
)]
pub(super) async fn saved(State(app): State<App>, _: Asked<Nothing>) -> Result<Json<SavedFilters>, ApiError> {
    Ok(Json(SavedFilters { filters: app.engine.saved_filters().await? }))
}

/// Replaces the saved filters.
#[utoipa::path(
    put, path = "/api/v1/filters", tag = "language", operation_id = "saveFilters",
    request_body = SavedFilters,
    responses((status = 200, description = "The saved filters.", body = SavedFilters), Bodies, Always),
)]
pub(super) async fn save(
    State(app): State<App>,
    _: Control,
    _: Asked<Nothing>,
    Given(SavedFilters { filters }): Given<SavedFilters>,
) -> Result<Json<SavedFilters>, ApiError> {
    check_saved(&app, &filters)?;
    app.engine.save_filters(filters).await?;
    Ok(Json(SavedFilters { filters: app.engine.saved_filters().await? }))
}

fn check_saved(app: &App, filters: &[SavedFilter]) -> Result<(), ApiError> {
    if filters.len() > MAX_SAVED_FILTERS {
        let error = ApiError::parameter("filters", format!("{} filters are given", filters.len()));
        return Err(error.expected(format!("at most {MAX_SAVED_FILTERS}")));
    }
    for (position, saved) in filters.iter().enumerate() {
        let at = |member: &str| format!("filters[{position}].{member}");
        let name = saved.name.trim();
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            let error = ApiError::parameter(&at("name"), "the name can't be used");
            return Err(error.expected(format!("1 to {MAX_NAME_BYTES} bytes")));
        }
        if filters.iter().take(position).any(|other| other.name.trim() == name) {
            return Err(ApiError::parameter(&at("name"), format!("the name {name:?} is given twice")));
        }
        app.filter(Some(&saved.filter)).map_err(|mut error| {
            error.body.parameter = Some(at("filter"));
            error
        })?;
    }
    Ok(())
}
