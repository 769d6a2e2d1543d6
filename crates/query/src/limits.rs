//! The limits of queries: filters and data are input, and so are the numbers in a request.

/// The most entries of one page.
pub const MAX_PAGE: usize = 10_000;
/// The memory of the entries of one page; a page that is fuller ends early.
pub const MAX_PAGE_BYTES: usize = 32 << 20;
/// The most queries that run at once; further ones wait.
pub const MAX_QUERIES: usize = 4;
/// The memory for the metadata of segments that were read before.
pub const MAX_METADATA_BYTES: usize = 32 << 20;
/// The most segments whose files and metadata are kept open.
pub const MAX_OPEN_SEGMENTS: usize = 256;
/// The most groups that an analysis keeps apart; entries of further ones are counted as omitted.
pub const MAX_GROUPS: usize = 50_000;
/// The most rows of an answer of an analysis.
pub const MAX_STAT_ROWS: usize = 100_000;
/// The most different values of a field that are counted.
pub const MAX_VALUES: usize = 100_000;
/// The longest value of a group or of a list of values, in bytes; longer ones are cut.
pub const MAX_VALUE_BYTES: usize = 1_024;
/// The memory for the texts that one thread of a query keeps apart.
pub const MAX_TEXT_BYTES: usize = 16 << 20;
/// The most pairs of peers that a map keeps apart.
pub const MAX_PAIRS: usize = 100_000;
/// The most connections and flows of which the newest revision is looked for at once.
pub const MAX_REVISIONS: usize = 2_000_000;
/// The memory for folds of row groups that are asked for again and again: so much for maps, and so much for analyses.
pub const MAX_KEPT_BYTES: usize = 16 << 20;
/// The most questions of which such folds are kept.
pub const MAX_ASKED: usize = 32;
/// Folds that were not asked for so long make room for others.
pub const KEPT_IDLE: std::time::Duration = std::time::Duration::from_secs(30);
/// The most clauses of a filter that are explained apart.
pub const MAX_CLAUSES: usize = 64;
/// Rows that are decoded at a time, where somebody looks at them whole.
pub const BATCH_ROWS: usize = 8_192;
/// Rows that are decoded at a time, where they are counted: few columns, and mostly a segment at once.
pub const FOLD_ROWS: usize = 32_768;
