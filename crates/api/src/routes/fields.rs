//! Fields, protocols, helpers, and the values of a field.

use axum::Json;
use axum::extract::State;
use lanternfish_model::{FieldId, FieldSpec, FieldTable, Keep, Place, ProtocolIndex};
use lanternfish_query::Group;

use super::entries::millis;
use crate::asked::Asked;
use crate::dto::{CostInfo, FieldInfo, FieldsAnswer, HelperInfo, LossWord, ProtocolInfo, ValueCount, ValuesAnswer};
use crate::error::ApiError;
use crate::limits::{DEFAULT_VALUES, MAX_VALUES};
use crate::params::{Nothing, TimeRange, ValuesParams};
use crate::refusals::{Always, Parameters, Queries};
use crate::state::{App, Shared, within};

/// What filters, columns and JSON can name.
#[utoipa::path(
    get, path = "/api/v1/fields", tag = "language", operation_id = "listFields",
    responses((status = 200, description = "Fields, protocols and helpers.", body = FieldsAnswer), Parameters, Always),
)]
pub(super) async fn fields(State(app): State<App>, _: Asked<Nothing>) -> Json<FieldsAnswer> {
    let table = app.table;
    Json(FieldsAnswer {
        fields: table.iter().map(|(id, spec, place)| field(table, id, spec, place)).collect(),
        protocols: (0..table.protocols().len()).filter_map(|position| protocol(&app, position)).collect(),
        helpers: lanternfish_filter::helpers().map(|name| HelperInfo { name: name.into_owned() }).collect(),
        losses: LossWord::all(),
    })
}

fn field(table: &FieldTable, id: FieldId, spec: &FieldSpec, place: Place) -> FieldInfo {
    let belongs = |position: usize| {
        let protocol = ProtocolIndex(position as u8);
        match place {
            Place::Common(_) => false,
            Place::Word { protocols, .. } => protocols.contains(protocol),
            Place::Protocol => table.local(protocol, id).is_some(),
        }
    };
    let protocols = table.protocols().iter().enumerate().filter(|(position, _)| belongs(*position));
    FieldInfo {
        name: spec.path,
        kind: spec.kind.name(),
        unit: spec.unit,
        doc: spec.doc,
        example: spec.example,
        aliases: spec.other_names().collect(),
        protocols: protocols.map(|(_, protocol)| protocol.name).collect(),
        word: matches!(place, Place::Word { .. }),
        on_demand: spec.keep == Keep::OnDemand,
        secrecy: spec.secrecy.name(),
        caseless: spec.is_caseless,
        pending: spec.pending,
    }
}

fn protocol(app: &Shared, position: usize) -> Option<ProtocolInfo> {
    let spec = app.table.protocols().get(position)?;
    let summary = app.summaries.of(ProtocolIndex(position as u8)).iter();
    Some(ProtocolInfo {
        name: spec.name,
        title: spec.title,
        doc: spec.doc,
        references: spec.references.to_vec(),
        words: spec.words.iter().map(|word| word.name).collect(),
        summary: summary.filter_map(|index| Some(spec.fields.get(usize::from(index.0))?.path)).collect(),
        pending: spec.pending,
    })
}

/// Values of a field that were seen, for completion.
#[utoipa::path(
    get, path = "/api/v1/values", tag = "language", operation_id = "listValues",
    params(TimeRange, ValuesParams),
    responses((status = 200, description = "The values, the most frequent first.", body = ValuesAnswer), Queries, Always),
)]
pub(super) async fn values(
    State(app): State<App>,
    Asked(range, values): Asked<TimeRange, ValuesParams>,
) -> Result<Json<ValuesAnswer>, ApiError> {
    let (window, stored) = app.range(&range)?;
    let name = values.field.as_deref().unwrap_or_default();
    if name.is_empty() {
        return Err(ApiError::parameter("field", "no field is given").expected("the name of a field"));
    }
    let checked = super::stats::groups(&app, Some(name));
    let mut groups = checked.map_err(|mut error| {
        error.body.parameter = Some("field".to_owned());
        error
    })?;
    let field: Group = match (groups.pop(), groups.pop()) {
        (Some(field), None) => field,
        _ => return Err(ApiError::parameter("field", "one field is wanted")),
    };
    let limit = within("limit", values.limit, DEFAULT_VALUES, MAX_VALUES)?;
    let prefix = values.prefix.as_deref().unwrap_or_default();
    let found = app.ask(stored.values(&field, prefix, limit, window)).await?;
    Ok(Json(ValuesAnswer {
        values: found.values.into_iter().map(|(value, count)| ValueCount { value, count }).collect(),
        is_cut: found.is_cut,
        took_ms: millis(found.cost.took),
        cost: CostInfo::from(&found.cost),
    }))
}
