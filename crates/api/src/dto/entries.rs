//! A page of entries; the entries themselves are written by the JSON writer, the rest by [`EntriesRest`].

use serde::Serialize;
use utoipa::ToSchema;

/// A page of entries, the newest first.
#[derive(ToSchema)]
pub struct EntriesAnswer {
    /// The entries.
    #[schema(schema_with = crate::openapi::entries_reference, required = true)]
    pub entries: (),
    /// The `cursor` of the next page; `null` where there is none.
    #[schema(required = true)]
    pub next: Option<String>,
    /// What was lost in the window.
    pub loss: super::LossAnswer,
    /// How long the query took.
    pub took_ms: u64,
    /// What the query read.
    pub cost: super::CostInfo,
}

/// What follows the entries of a page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EntriesRest {
    pub next: Option<String>,
    pub loss: super::LossAnswer,
    pub took_ms: u64,
    pub cost: super::CostInfo,
}
