//! What is stored, asked by `lanternfish_query`: the usual [`Stored`].

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use lanternfish_filter::Filter;
use lanternfish_model::{Entry, Loss, Timestamp};
use lanternfish_query::{
    Cursor, Explain, FieldValues, Group, GroupBy, Map, Order, Page, Query, QueryError, Source, Stats, Window,
};

use crate::engine::{Stored, Streamed};

/// A source with the queries over it.
pub struct Queried {
    query: Query,
    source: Arc<dyn Source>,
}

impl Queried {
    /// Queries over a source; it must be the one that they ask.
    pub fn new(query: Query, source: Arc<dyn Source>) -> Queried {
        Queried { query, source }
    }

    /// The queries.
    pub fn query(&self) -> &Query {
        &self.query
    }

    async fn newest(&self, everything: &Filter) -> Result<Option<Timestamp>, QueryError> {
        let page = self.query.entries(everything, Window::ALL, 1, None).await?;
        Ok(page.entries.first().map(|entry| entry.timestamp))
    }

    async fn oldest(&self, everything: &Filter) -> Result<Option<Timestamp>, QueryError> {
        let mut entries = Box::pin(self.query.stream(everything, Window::ALL, Order::Oldest, Some(1)));
        match entries.next().await {
            Some(Err(QueryError::Unreadable(_))) | None => Ok(None),
            Some(entries) => Ok(entries?.first().map(|entry| entry.timestamp)),
        }
    }
}

#[async_trait]
impl Stored for Queried {
    async fn entries(
        &self,
        filter: &Filter,
        window: Window,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page, QueryError> {
        self.query.entries(filter, window, limit, cursor).await
    }

    fn stream(
        &self,
        filter: &Filter,
        window: Window,
        order: Order,
        limit: Option<u64>,
    ) -> Streamed<Vec<Entry>, QueryError> {
        Box::pin(self.query.stream(filter, window, order, limit))
    }

    async fn entry(&self, id: u64) -> Result<Option<Entry>, QueryError> {
        self.query.entry(id).await
    }

    async fn stats(
        &self,
        filter: &Filter,
        window: Window,
        by: &[Group],
        step_ns: Option<i64>,
        limit: usize,
    ) -> Result<Stats, QueryError> {
        self.query.stats(filter, window, by, step_ns, limit).await
    }

    async fn map(&self, filter: &Filter, window: Window, group: GroupBy) -> Result<Map, QueryError> {
        self.query.map(filter, window, group).await
    }

    async fn values(
        &self,
        field: &Group,
        prefix: &str,
        limit: usize,
        window: Window,
    ) -> Result<FieldValues, QueryError> {
        self.query.values(field, prefix, limit, window).await
    }

    async fn explain(&self, filter: &Filter, now: Timestamp, window: Window) -> Result<Explain, QueryError> {
        self.query.explain(filter, now, window).await
    }

    fn loss(&self, window: Window) -> Loss {
        self.source.snapshot().loss(window)
    }

    async fn range(&self) -> Result<Option<(Timestamp, Timestamp)>, QueryError> {
        let everything = Filter::compile("", self.query.table(), Timestamp::default())?;
        let Some(newest) = self.newest(&everything).await? else { return Ok(None) };
        // Sealed rows are older than those that are not.
        let sealed = self.source.snapshot().segments().iter().map(|segment| segment.from).min();
        let oldest = match sealed {
            Some(oldest) => Some(oldest),
            None => self.oldest(&everything).await?,
        };
        Ok(oldest.map(|oldest| (oldest.min(newest), newest)))
    }
}
