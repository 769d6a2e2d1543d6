//! `redact("path", …)`: which paths a query hides, and hiding them in a record.

use lanternfish_model::FieldSpec;
use serde_json::{Map, Value as Json};

use crate::path::{self, Step};

/// One path of a `redact`.
#[derive(Clone, Debug)]
pub struct Redaction {
    path: String,
    /// As written, and with aliases replaced by the names that records have.
    targets: Vec<Vec<Step>>,
}

impl Redaction {
    pub(crate) fn new(path: String, targets: Vec<Vec<Step>>) -> Self {
        Redaction { path, targets }
    }

    /// The path as written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Replaces the values at the path by `[REDACTED]` in a record (an entry as JSON, by KFL names).
    pub fn apply(&self, record: &mut Json) {
        for steps in &self.targets {
            path::redact(record, steps, &mut path::budget());
        }
    }

    /// Replaces what the path hides in the value of one field.
    pub(crate) fn apply_to_field(&self, spec: &FieldSpec, value: &mut Json) {
        for name in std::iter::once(spec.path).chain(spec.other_names()) {
            let mut record = wrap(name, value.take());
            self.apply(&mut record);
            *value = unwrap(name, record);
        }
    }
}

fn wrap(name: &str, value: Json) -> Json {
    name.rsplit('.').fold(value, |value, name| {
        let mut object = Map::new();
        object.insert(name.to_owned(), value);
        Json::Object(object)
    })
}

/// The value at a name; where something above it was replaced, that.
fn unwrap(name: &str, record: Json) -> Json {
    name.split('.').fold(record, |record, name| match record {
        Json::Object(mut object) => object.get_mut(name).map(Json::take).unwrap_or_default(),
        other => other,
    })
}

/// A set of redactions, by their position in the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied(u64);

impl Applied {
    pub(crate) fn insert(&mut self, number: usize) {
        self.0 |= u32::try_from(number).ok().and_then(|number| 1u64.checked_shl(number)).unwrap_or(0);
    }

    /// Whether a redaction is in it.
    pub fn contains(self, number: usize) -> bool {
        u32::try_from(number).ok().and_then(|number| 1u64.checked_shl(number)).is_some_and(|bit| self.0 & bit != 0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}
