//! Entries as they come, as text over plain HTTP: what `lanternfish watch` prints.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use lanternfish_output::{EntryWriter, Format, Options};
use tokio::time::{sleep, timeout};

use crate::access::Payload;
use crate::asked::Asked;
use crate::dto::WatchPart;
use crate::error::ApiError;
use crate::limits::{LIVE_GATHER, LIVE_PING, MAX_SUBSCRIBERS};
use crate::live::{Subscription, TextEntries};
use crate::params::WatchParams;
use crate::refusals::{Always, Parameters};
use crate::state::{App, stopped};
use crate::writers::Projection;

/// Entries as they come, as the text of a format.
///
/// It is a `WatchPart` a line, with some text of entries, and ends where `limit()` in the filter is reached, or else not. What
/// stands before the first entry and behind the last one of a format is left to the reader, and so is the separator before the
/// first.
#[utoipa::path(
    get, path = "/api/v1/watch", tag = "live", operation_id = "watch",
    params(WatchParams),
    responses(
        (status = 200, description = "Lines of `WatchPart`.", body = WatchPart, content_type = "application/x-ndjson"),
        Parameters, Always
    ),
)]
pub(super) async fn watch(
    State(app): State<App>,
    _: Payload,
    Asked(params, _): Asked<WatchParams>,
) -> Result<Response, ApiError> {
    let filter = app.filter(params.filter.as_deref())?;
    let format = Format::find(params.format.as_deref().unwrap_or("jsonl")).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        ApiError::parameter("format", "there is no such format").expected(names.join(", "))
    })?;
    let columns = match Projection::of(app.table, params.fields.as_deref(), None, &filter)? {
        Projection::Fields(columns) => Some(columns),
        _ => None,
    };
    if columns.is_some() && format == Format::Har {
        return Err(ApiError::parameter("fields", "fields have no meaning in har"));
    }
    if !filter.redactions().is_empty() && !matches!(format, Format::Json | Format::Jsonl) {
        return Err(ApiError::parameter("format", "redact() needs jsonl or json"));
    }
    let width = params.width.map(|width| width as usize);
    let options = Options { columns, has_color: params.color.unwrap_or(false), width };
    let writer = EntryWriter::new(format, app.table, options);
    let is_brief = format == Format::Table && !params.all_revisions.unwrap_or(false);
    let counters = Arc::clone(&app.counters);
    let Some(place) = counters.subscriber_place(MAX_SUBSCRIBERS as u64) else {
        let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
        return Err(ApiError::new(status, "busy", "too many live clients").hint("try again in a few seconds"));
    };
    let mut subscription = app.engine.live().subscribe();
    subscription.listen_as_text(&filter, TextEntries::new(app.table, writer, is_brief));
    let parts = stream::unfold(Some((app, subscription, place)), |listening| async move {
        let (app, subscription, place) = listening?;
        let (line, is_last) = next(&app, &subscription).await?;
        Some((Ok::<Bytes, std::convert::Infallible>(line), (!is_last).then_some((app, subscription, place))))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(parts)).into_response())
}

/// The next line, and whether it is the last; none where the server stops. Where nothing comes for a while it is empty, so
/// that a reader that is gone is found.
async fn next(app: &App, subscription: &Subscription) -> Option<(Bytes, bool)> {
    let mut stopping = app.stopping.clone();
    let heard = async {
        if timeout(LIVE_PING, subscription.queue.notify.notified()).await.is_ok() {
            sleep(LIVE_GATHER).await;
        }
    };
    tokio::select! {
        () = heard => {}
        () = stopped(&mut stopping) => return None,
    }
    let batch = subscription.queue.take(Instant::now());
    app.counters.dropped(batch.dropped);
    let is_last = batch.is_last;
    let part = WatchPart { text: String::from_utf8_lossy(&batch.json).into_owned(), dropped: batch.dropped, is_last };
    let mut line = serde_json::to_vec(&part).unwrap_or_default();
    line.push(b'\n');
    Some((line.into(), is_last))
}
