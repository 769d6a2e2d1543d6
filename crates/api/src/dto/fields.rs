//! What can be named in filters, and the values that were seen.

use serde::Serialize;
use utoipa::ToSchema;

/// All fields, protocols and helpers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldsAnswer {
    /// The fields, common ones first.
    pub fields: Vec<FieldInfo>,
    /// The protocols.
    pub protocols: Vec<ProtocolInfo>,
    /// The words of the language that are no names of fields.
    pub helpers: Vec<HelperInfo>,
    /// What the causes of loss mean.
    pub losses: Vec<super::LossWord>,
}

/// A field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldInfo {
    /// The name in filters and JSON; dots nest.
    #[schema(example = "request.headers")]
    pub name: &'static str,
    /// The type: `bool`, `int`, `double`, `string`, `bytes`, `timestamp`, `[]string`, `map`.
    #[serde(rename = "type")]
    #[schema(example = "map")]
    pub kind: &'static str,
    /// The unit of a number, or empty.
    #[schema(example = "µs")]
    pub unit: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// A value as it is shown, without quotes.
    pub example: &'static str,
    /// Other names that mean the same.
    pub aliases: Vec<&'static str>,
    /// The protocols that it belongs to; empty for a common field.
    pub protocols: Vec<&'static str>,
    /// Whether it is a protocol word: true for the entries of a protocol.
    pub word: bool,
    /// Whether it is read only where something names it.
    pub on_demand: bool,
    /// Whether it holds secrets: `public`, `may hold secrets` or `secret`.
    #[schema(example = "may hold secrets")]
    pub secrecy: &'static str,
    /// Whether it is compared, or its keys are looked up, without regard to case.
    pub caseless: bool,
    /// Why it has no values yet; empty where it has.
    pub pending: &'static str,
}

/// A protocol.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProtocolInfo {
    /// The value of `protocol`.
    #[schema(example = "http")]
    pub name: &'static str,
    /// The name as its specification spells it.
    #[schema(example = "HTTP")]
    pub title: &'static str,
    /// One or two sentences.
    pub doc: &'static str,
    /// The specifications that it follows.
    pub references: Vec<&'static str>,
    /// The words that stand for it in filters.
    pub words: Vec<&'static str>,
    /// The fields whose values sum up an entry in one line, in that order.
    pub summary: Vec<&'static str>,
    /// Why nothing of it is dissected yet; empty where it is.
    pub pending: &'static str,
}

/// A word of the language.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HelperInfo {
    /// The word.
    #[schema(example = "startsWith")]
    pub name: String,
}

/// Values of a field that were seen.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ValuesAnswer {
    /// The values, the most frequent first.
    pub values: Vec<ValueCount>,
    /// Whether there were more different values than were counted.
    pub is_cut: bool,
    /// How long the query took.
    pub took_ms: u64,
    /// What the query read.
    pub cost: super::CostInfo,
}

/// A value with the number of entries that have it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ValueCount {
    /// The value as text.
    pub value: String,
    /// How many entries have it.
    pub count: u64,
}
