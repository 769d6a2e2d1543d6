//! What a query read, and what it could not read.

use lanternfish_query::Cost;
use serde::Serialize;
use utoipa::ToSchema;

/// What a query read.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct CostInfo {
    /// Rows that were looked at.
    pub scanned_rows: u64,
    /// Segments that were opened.
    pub segments: u64,
    /// Segments that were left out because of their time, protocol or statistics.
    pub segments_skipped: u64,
    /// Segments that could not be read: their rows are missing from the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub unreadable: Vec<UnreadableSegment>,
}

/// A segment that could not be read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnreadableSegment {
    /// The name of the file.
    pub name: String,
    /// Why, in words.
    pub reason: String,
    /// How many rows it should have.
    pub rows: u64,
}

impl From<&Cost> for CostInfo {
    fn from(cost: &Cost) -> CostInfo {
        let of = |segment: &lanternfish_query::Unreadable| UnreadableSegment {
            name: segment.name.clone(),
            reason: segment.reason.clone(),
            rows: segment.rows,
        };
        CostInfo {
            scanned_rows: cost.scanned_rows,
            segments: cost.segments,
            segments_skipped: cost.segments_skipped,
            unreadable: cost.unreadable.iter().map(of).collect(),
        }
    }
}
