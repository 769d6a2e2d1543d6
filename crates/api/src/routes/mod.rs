//! The routes, each documented where it is written.

mod capture;
mod connections;
mod entries;
mod export;
mod fields;
mod files;
mod filters;
mod ids;
mod live;
mod login;
mod map;
mod packets;
mod reply;
mod settings;
mod snapshots;
mod stats;
mod status;
mod watch;

pub(crate) use map::{group, live_map};
pub(crate) use stats::live_stats;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::App;

/// Every route that the document describes.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(entries::list))
        .routes(routes!(entries::one))
        .routes(routes!(entries::detail))
        .routes(routes!(entries::body))
        .routes(routes!(packets::of_entry))
        .routes(routes!(packets::save_entry))
        .routes(routes!(packets::of_connection))
        .routes(routes!(packets::save_connection))
        .routes(routes!(connections::follow))
        .routes(routes!(connections::save))
        .routes(routes!(packets::save_matching))
        .routes(routes!(export::export))
        .routes(routes!(map::map))
        .routes(routes!(stats::stats))
        .routes(routes!(stats::timeline))
        .routes(routes!(fields::fields))
        .routes(routes!(fields::values))
        .routes(routes!(filters::check))
        .routes(routes!(filters::explain))
        .routes(routes!(filters::saved, filters::save))
        .routes(routes!(capture::show, capture::change))
        .routes(routes!(capture::choices))
        .routes(routes!(snapshots::list, snapshots::create))
        .routes(routes!(snapshots::one, snapshots::delete))
        .routes(routes!(snapshots::export))
        .routes(routes!(status::loss))
        .routes(routes!(status::status))
        .routes(routes!(settings::show, settings::change))
        .routes(routes!(files::list, files::upload))
        .routes(routes!(settings::demo, settings::set_demo))
        .routes(routes!(live::live))
        .routes(routes!(watch::watch))
        .routes(routes!(status::openapi))
        .routes(routes!(status::health))
        .routes(routes!(status::metrics))
        .routes(routes!(login::page, login::login))
        .routes(routes!(login::logout))
}
