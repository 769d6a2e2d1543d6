//! What was not seen or kept, by stage and cause.

use lanternfish_model::{Cause, Loss};
use serde::Serialize;
use utoipa::ToSchema;

/// LOSS: what was not seen or kept.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct LossAnswer {
    /// The sum of all counts; 0 means that nothing was lost.
    pub total: u64,
    /// The causes that have a count.
    pub causes: Vec<LossCause>,
}

/// One cause of loss.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LossCause {
    /// Where it was lost.
    #[schema(example = "capture")]
    pub stage: &'static str,
    /// Why.
    #[schema(example = "kernel drop")]
    pub cause: &'static str,
    /// How much, in `unit`.
    pub count: u64,
    /// What is counted.
    #[schema(example = "packets")]
    pub unit: &'static str,
}

/// What a cause of loss means.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LossWord {
    /// Where it is lost.
    pub stage: &'static str,
    /// The name of the cause.
    pub cause: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// What it means, in a sentence.
    pub doc: &'static str,
}

impl From<&Loss> for LossAnswer {
    fn from(loss: &Loss) -> LossAnswer {
        let of = |(cause, count): (Cause, u64)| LossCause {
            stage: cause.stage().name(),
            cause: cause.name(),
            count,
            unit: cause.unit(),
        };
        let total = loss.iter().fold(0u64, |sum, (_, count)| sum.saturating_add(count));
        LossAnswer { total, causes: loss.iter().map(of).collect() }
    }
}

impl LossWord {
    /// Every cause.
    pub fn all() -> Vec<LossWord> {
        let of = |cause: &Cause| LossWord {
            stage: cause.stage().name(),
            cause: cause.name(),
            unit: cause.unit(),
            doc: cause.doc(),
        };
        Cause::ALL.iter().map(of).collect()
    }
}
