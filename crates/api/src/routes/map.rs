//! The service map.

use axum::Json;
use axum::extract::State;
use lanternfish_filter::Filter;
use lanternfish_query::{GroupBy, Map};

use super::entries::millis;
use crate::asked::Asked;
use crate::dto::{CostInfo, Figures, LossAnswer, MapAnswer, MapEdge, MapNode};
use crate::error::ApiError;
use crate::params::{MapParams, Selection};
use crate::refusals::{Always, Queries};
use crate::state::App;
use crate::time;

/// Who calls whom: the service map of the entries that a filter meets.
#[utoipa::path(
    get, path = "/api/v1/map", tag = "figures", operation_id = "readMap",
    params(Selection, MapParams),
    responses((status = 200, description = "The map.", body = MapAnswer), Queries, Always),
)]
pub(super) async fn map(
    State(app): State<App>,
    Asked(selection, map): Asked<Selection, MapParams>,
) -> Result<Json<MapAnswer>, ApiError> {
    let selected = app.select(&selection)?;
    let group = group(map.group.as_deref())?;
    let found = app.ask(selected.stored.map(&selected.filter, selected.window, group)).await?;
    Ok(Json(MapAnswer::from(&found)))
}

/// The map of the last time, for a live client.
pub(crate) async fn live_map(app: &App, filter: &Filter, last_ns: i64, group: GroupBy) -> Result<MapAnswer, ApiError> {
    let stored = app.engine.stored(None)?;
    let found = app.ask(stored.map(filter, app.last(last_ns), group)).await?;
    Ok(MapAnswer::from(&found))
}

/// The grouping of a parameter.
pub(crate) fn group(value: Option<&str>) -> Result<GroupBy, ApiError> {
    let Some(value) = value else { return Ok(GroupBy::default()) };
    GroupBy::of(value).ok_or_else(|| {
        let names: Vec<&str> = GroupBy::ALL.iter().map(|group| group.name()).collect();
        ApiError::parameter("group", "there is no such grouping").expected(names.join(", "))
    })
}

impl From<&Map> for MapAnswer {
    fn from(found: &Map) -> MapAnswer {
        let node = |node: &lanternfish_query::Node| MapNode {
            id: node.id.clone(),
            kind: node.kind.name(),
            name: node.name.clone(),
            port: node.port,
            field: node.kind.field(),
            calls_in: node.calls_in,
            calls_out: node.calls_out,
            errors_in: node.errors_in,
        };
        let edge = |edge: &lanternfish_query::Edge| MapEdge {
            src: edge.src.clone(),
            dst: edge.dst.clone(),
            protocol: edge.protocol.clone(),
            figures: Figures::from(&edge.figures),
            last_seen: time::text(edge.last_seen),
        };
        MapAnswer {
            nodes: found.map.nodes.iter().map(node).collect(),
            edges: found.map.edges.iter().map(edge).collect(),
            omitted_edges: found.map.omitted_edges,
            loss: LossAnswer::from(&found.loss),
            took_ms: millis(found.cost.took),
            cost: CostInfo::from(&found.cost),
        }
    }
}
