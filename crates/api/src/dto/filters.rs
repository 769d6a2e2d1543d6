//! Filters: checked, explained and saved.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A filter to be checked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KflQuestion {
    /// The filter.
    #[schema(example = "http and response.status == r\"5.*\"")]
    pub filter: String,
}

/// A filter that can be used.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KflAnswer {
    /// Always true: a filter that can't be used is an error.
    pub valid: bool,
    /// What to know about it though it runs; how words were grouped, for one.
    pub warnings: Vec<KflWarning>,
    /// The fields that it reads.
    pub fields: Vec<&'static str>,
    /// The most entries that it asks for.
    #[schema(required = true)]
    pub limit: Option<u64>,
}

/// Something that may not mean what its writer meant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KflWarning {
    /// Where, in characters from 1.
    pub column: usize,
    /// What to know.
    pub message: String,
}

/// A filter in words, and how many entries each clause leaves.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Explanation {
    /// The filter in words.
    pub text: String,
    /// Its clauses in the order in which they are written.
    pub clauses: Vec<ClauseInfo>,
    /// Entries of the window.
    pub total: u64,
    /// Entries that match.
    pub matched: u64,
    /// What was lost in the window.
    pub loss: super::LossAnswer,
    /// How long the query took.
    pub took_ms: u64,
    /// What the query read.
    pub cost: super::CostInfo,
}

/// A clause of a filter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClauseInfo {
    /// The clause as it is written.
    pub text: String,
    /// The clause in words.
    pub words: String,
    /// Where it begins in the filter, in characters from 0.
    pub start: usize,
    /// The character behind it.
    pub end: usize,
    /// How many entries meet this clause alone.
    pub left: u64,
    /// How many entries meet it and all clauses before it.
    pub left_so_far: u64,
}

/// The saved filters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedFilters {
    /// The filters in the order in which they are shown.
    pub filters: Vec<SavedFilter>,
}

/// A filter with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedFilter {
    /// The name.
    #[schema(example = "Failed orders")]
    pub name: String,
    /// The filter.
    #[schema(example = "http && path.startsWith(\"/orders\") && outcome != \"ok\"")]
    pub filter: String,
}
