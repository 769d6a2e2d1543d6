//! What all requests share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures::StreamExt;
use lanternfish_filter::Filter;
use lanternfish_model::{FieldTable, Timestamp};
use lanternfish_output::Summaries;
use lanternfish_query::Window;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::access::Access;
use crate::counters::Counters;
use crate::engine::{ByteStream, Engine, EngineError, Stored};
use crate::error::ApiError;
use crate::limits::{MAX_EXPORTS, MAX_QUERIES, QUERY_TIME, QUERY_WAIT, UPLOAD_BYTES};
use crate::params::{Selection, TimeRange};
use crate::time;
use crate::writers::Writers;

/// What all requests share.
pub(crate) struct Shared {
    pub engine: Arc<dyn Engine>,
    pub table: &'static FieldTable,
    pub access: Access,
    pub counters: Arc<Counters>,
    pub writers: Writers,
    pub summaries: Summaries,
    pub upload_bytes: AtomicU64,
    /// Becomes true when the server stops.
    pub stopping: watch::Receiver<bool>,
    queries: Semaphore,
    exports: Arc<Semaphore>,
}

/// The state of the routes.
pub(crate) type App = Arc<Shared>;

/// A selection that was checked.
pub(crate) struct Selected {
    pub filter: Filter,
    pub window: Window,
    pub snapshot: Option<String>,
    pub stored: Arc<dyn Stored>,
}

impl Shared {
    pub fn new(engine: Arc<dyn Engine>, access: Access, stopping: watch::Receiver<bool>) -> Shared {
        let table = engine.table();
        Shared {
            table,
            access,
            counters: engine.live().counters(),
            writers: Writers::new(table),
            summaries: Summaries::new(table),
            upload_bytes: AtomicU64::new(UPLOAD_BYTES),
            stopping,
            queries: Semaphore::new(MAX_QUERIES),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
            engine,
        }
    }

    /// Checks a filter.
    pub fn filter(&self, text: Option<&str>) -> Result<Filter, ApiError> {
        Ok(Filter::compile(text.unwrap_or_default(), self.table, self.engine.now())?)
    }

    /// Checks a selection and finds what it asks.
    pub fn select(&self, selection: &Selection) -> Result<Selected, ApiError> {
        let filter = self.filter(selection.filter.as_deref())?;
        let window = self.window(selection.from.as_deref(), selection.to.as_deref())?;
        let stored = self.engine.stored(selection.snapshot.as_deref())?;
        Ok(Selected { filter, window, snapshot: selection.snapshot.clone(), stored })
    }

    /// Checks a range of time.
    pub fn range(&self, range: &TimeRange) -> Result<(Window, Arc<dyn Stored>), ApiError> {
        let window = self.window(range.from.as_deref(), range.to.as_deref())?;
        Ok((window, self.engine.stored(range.snapshot.as_deref())?))
    }

    /// The window of the last so many nanoseconds.
    pub fn last(&self, ns: i64) -> Window {
        Window { from: Some(self.engine.now() - ns), to: None }
    }

    /// The window between two times.
    pub fn window(&self, from: Option<&str>, to: Option<&str>) -> Result<Window, ApiError> {
        let now = self.engine.now();
        let window = Window { from: instant("from", from, now)?, to: instant("to", to, now)? };
        match window {
            Window { from: Some(from), to: Some(to) } if from > to => {
                Err(ApiError::parameter("from", "from is later than to"))
            }
            window => Ok(window),
        }
    }

    /// Runs a query when its turn comes, and gives it up when it takes too long.
    pub async fn ask<T, E>(&self, query: impl Future<Output = Result<T, E>>) -> Result<T, ApiError>
    where
        EngineError: From<E>,
    {
        let Ok(Ok(_turn)) = timeout(QUERY_WAIT, self.queries.acquire()).await else {
            let message = format!("{MAX_QUERIES} queries are under way");
            let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
            return Err(ApiError::new(status, "busy", message).hint("try again in a few seconds"));
        };
        match timeout(QUERY_TIME, query).await {
            Ok(answer) => Ok(answer.map_err(EngineError::from)?),
            Err(_) => {
                let message = format!("the query took more than {} s", QUERY_TIME.as_secs());
                let error = ApiError::new(axum::http::StatusCode::GATEWAY_TIMEOUT, "query_timeout", message);
                Err(error.hint("choose a shorter range of time"))
            }
        }
    }

    /// A file on its way, counted until its end or until its reader is gone; refused where too many are under way.
    pub fn export(&self, bytes: ByteStream) -> Result<ByteStream, ApiError> {
        let Ok(turn) = Arc::clone(&self.exports).try_acquire_owned() else {
            let message = format!("{MAX_EXPORTS} files are being made");
            let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
            return Err(ApiError::new(status, "busy", message).hint("wait until one of them is done"));
        };
        Ok(Box::pin(bytes.map(move |part| {
            let _turn = &turn;
            part
        })))
    }
}

/// Waits until the server stops.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
}

fn instant(name: &str, value: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let Some(value) = value.filter(|value| !value.trim().is_empty()) else { return Ok(None) };
    match time::parse(value, now) {
        Some(time) => Ok(Some(time)),
        None => {
            let shown: String = value.chars().take(64).collect();
            Err(ApiError::parameter(name, format!("{shown:?} is no time")).expected(time::TIME_FORMS))
        }
    }
}

/// Checks a number against its limits.
pub(crate) fn within(name: &str, value: Option<u32>, default: u32, most: u32) -> Result<usize, ApiError> {
    match value.unwrap_or(default) {
        number if (1..=most).contains(&number) => Ok(number as usize),
        number => Err(ApiError::parameter(name, format!("{number} is out of range")).expected(format!("1 to {most}"))),
    }
}

/// Checks the length of a step or of a time back.
pub(crate) fn duration(name: &str, value: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(value) = value else { return Ok(None) };
    match time::duration_ns(value) {
        Some(ns) => Ok(Some(ns)),
        None => {
            let shown: String = value.chars().take(64).collect();
            Err(ApiError::parameter(name, format!("{shown:?} is no duration")).expected(time::DURATION_FORMS))
        }
    }
}
