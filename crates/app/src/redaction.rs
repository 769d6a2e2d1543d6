//! The key of the fingerprints that stand in the place of secrets.

use anyhow::Context;
use lanternfish_pipeline::{FINGERPRINT_KEY_BYTES, Fingerprint};

use crate::exit::Failure;

/// Fingerprints that can be compared within the output of one run.
pub(crate) fn of_this_run() -> Result<Fingerprint, Failure> {
    let mut key = [0; FINGERPRINT_KEY_BYTES];
    getrandom::fill(&mut key).context("cannot make a key")?;
    Ok(Fingerprint::new(key))
}
