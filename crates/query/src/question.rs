//! What a query asks of each protocol's rows: the filter, its plan, the window, the columns that somebody reads.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use lanternfish_columns::{Tables, hidden};
use lanternfish_filter::{Filter, Plan};
use lanternfish_model::{FieldTable, ProtocolIndex, WordClass, fields};

use crate::Window;
use crate::facts::Facts;

/// A question.
#[derive(Debug)]
pub(crate) struct Question {
    pub tables: Arc<Tables>,
    pub filter: Option<Filter>,
    /// By protocol.
    plans: Vec<Plan>,
    pub window: Window,
    /// Only rows with an id of this range.
    pub ids: Option<RangeInclusive<u64>>,
    /// The columns to give, by name; those that a protocol lacks are left out.
    pub columns: Vec<String>,
    /// Whether what newest revisions are told from is given too, of protocols that have them.
    pub has_revisions: bool,
    /// The columns that are read where rows must be shown to the filter itself.
    pub shown: Vec<String>,
    /// Whether the number of each row in its file is given too.
    pub has_row_numbers: bool,
}

impl Question {
    /// Asks for some columns of the rows that meet a filter.
    pub fn new(tables: &Arc<Tables>, filter: Option<&Filter>, window: Window, columns: Vec<String>) -> Question {
        let plan = filter.map_or(Plan::Const(true), |filter| filter.plan(tables.fields()));
        let mut question = Question::of_plan(tables, &plan, window, columns);
        question.shown = filter.map(|filter| shown_columns(tables, filter)).unwrap_or_default();
        question.filter = filter.cloned();
        question
    }

    /// Asks for some columns of the rows that meet a plan, which must be exact.
    pub fn of_plan(tables: &Arc<Tables>, plan: &Plan, window: Window, columns: Vec<String>) -> Question {
        let table = tables.fields();
        let protocols = (0..table.protocols().len()).map(|position| ProtocolIndex(position as u8));
        Question {
            tables: Arc::clone(tables),
            plans: protocols.map(|protocol| plan.for_protocol(table, protocol)).collect(),
            shown: Vec::new(),
            filter: None,
            window,
            ids: None,
            columns,
            has_revisions: false,
            has_row_numbers: false,
        }
    }

    /// Asks for some columns of all rows of some protocols.
    pub fn of_protocols(
        tables: &Arc<Tables>,
        protocols: &[ProtocolIndex],
        window: Window,
        columns: Vec<String>,
    ) -> Question {
        let mut question = Question::new(tables, None, window, columns);
        for (position, plan) in question.plans.iter_mut().enumerate() {
            *plan = Plan::Const(protocols.iter().any(|protocol| usize::from(protocol.0) == position));
        }
        question
    }

    /// The field table.
    pub fn table(&self) -> &'static FieldTable {
        self.tables.fields()
    }

    /// The plan for a protocol.
    pub fn plan(&self, protocol: ProtocolIndex) -> &Plan {
        self.plans.get(usize::from(protocol.0)).unwrap_or(&Plan::Const(false))
    }

    /// Whether any row of a protocol may meet the filter.
    pub fn concerns(&self, protocol: ProtocolIndex) -> bool {
        !matches!(self.plan(protocol), Plan::Const(false))
    }

    /// The columns that are read of a protocol's rows, with those for the filter itself where it is asked.
    pub fn names(&self, protocol: ProtocolIndex, is_shown: bool) -> impl Iterator<Item = &str> {
        let has_revisions = self.has_revisions && is_revised(self.table(), protocol);
        let revised = has_revisions.then(Facts::revised_columns).into_iter().flatten().map(|column| column as &str);
        let shown = if is_shown { self.shown.as_slice() } else { &[] };
        self.columns.iter().chain(shown).map(String::as_str).chain(revised)
    }

    /// Asks for what newest revisions are told from too.
    pub fn with_revisions(mut self) -> Question {
        self.has_revisions = true;
        self
    }
}

/// Whether a protocol has rows for connections and flows, which come again with rising revisions.
pub(crate) fn is_revised(table: &FieldTable, protocol: ProtocolIndex) -> bool {
    let spec = table.protocols().get(usize::from(protocol.0));
    spec.is_some_and(|spec| spec.words.iter().any(|word| word.class != WordClass::Any))
}

/// The path of a common field.
pub(crate) fn path(index: lanternfish_model::FieldIndex) -> &'static str {
    fields::FIELDS.get(usize::from(index.0)).map_or("", |spec| spec.path)
}

/// What a filter may read of a rebuilt entry: what it names, and what entries are made of.
fn shown_columns(tables: &Tables, filter: &Filter) -> Vec<String> {
    let bodies = [path(fields::REQUEST_BODY), path(fields::RESPONSE_BODY)];
    let common = tables.common_schema();
    let mut names: BTreeSet<String> = common
        .fields()
        .iter()
        .map(|field| field.name())
        .filter(|name| !bodies.contains(&name.as_str()))
        .cloned()
        .collect();
    names.extend([hidden::DETAIL, hidden::CONNECTION, hidden::RAW].map(str::to_owned));
    names.extend(filter.fields().map(|field| tables.fields().spec(field).path.to_owned()));
    names.into_iter().collect()
}
