//! What is captured, and its change while packets pass.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lanternfish_api::EngineError;
use lanternfish_api::dto::{CaptureChange, CaptureSettings, Target, TargetKind};
use lanternfish_capture::{CaptureError, FilterPlace, LiveConfig, LiveFilter, LiveSource};
use lanternfish_filter::Filter;
use lanternfish_model::{FieldTable, ProtocolIndex};
use lanternfish_pipeline::live::Change;
use lanternfish_pipeline::{Scope, Settings};

use crate::verbs::capture::now;

/// What is captured; the thread that captures asks it for changes.
pub(crate) struct Control {
    state: Mutex<State>,
    settings: Arc<Settings>,
    scope: Arc<Scope>,
    protocols: BTreeMap<&'static str, ProtocolIndex>,
}

struct State {
    capture: CaptureSettings,
    changes: VecDeque<Change>,
}

impl Control {
    /// Capture as it was opened by a configuration.
    pub(crate) fn new(config: &LiveConfig, settings: Arc<Settings>, scope: Arc<Scope>) -> Control {
        let table = settings.table;
        let named = table.protocols().iter().enumerate();
        let protocols: BTreeMap<&'static str, ProtocolIndex> = named
            .map(|(position, spec)| (spec.name, ProtocolIndex(position as u8)))
            .filter(|(_, index)| settings.registry.protocol(*index).is_some())
            .collect();
        let capture = CaptureSettings {
            on: true,
            interfaces: config.interfaces.clone(),
            bpf: config.filter.as_ref().map(|filter| filter.expression.clone()).unwrap_or_default(),
            targets: Vec::new(),
            protocols: protocols.keys().map(|name| ((*name).to_owned(), true)).collect(),
        };
        Control { state: Mutex::new(State { capture, changes: VecDeque::new() }), settings, scope, protocols }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is captured.
    pub(crate) fn capture(&self) -> CaptureSettings {
        self.state().capture.clone()
    }

    /// The next change, for the thread that captures.
    pub(crate) fn next_change(&self) -> Option<Change> {
        self.state().changes.pop_front()
    }

    /// Changes what is captured: all that is asked for, or nothing where a part of it can't be.
    pub(crate) fn change(&self, change: CaptureChange) -> Result<CaptureSettings, EngineError> {
        let mut state = self.state();
        let mut wanted = state.capture.clone();
        wanted.on = change.on.unwrap_or(wanted.on);
        wanted.interfaces = change.interfaces.unwrap_or(wanted.interfaces);
        wanted.bpf = change.bpf.unwrap_or(wanted.bpf);
        wanted.targets = change.targets.unwrap_or(wanted.targets);
        for (name, is_on) in change.protocols.unwrap_or_default() {
            match wanted.protocols.get_mut(&name) {
                Some(known) => *known = is_on,
                None => return Err(invalid("protocols", format!("there is no protocol {name}"))),
            }
        }
        let scope = scope_of(&wanted.targets, self.settings.table)?;
        if state.changes.len() >= MAX_CHANGES {
            return Err(EngineError::Unavailable("earlier changes are still under way".to_owned()));
        }
        if wanted.interfaces != state.capture.interfaces || wanted.bpf != state.capture.bpf {
            let source = open(&wanted)?;
            state.changes.push_back(Change::Source(Box::new(source)));
        }
        if wanted.on != state.capture.on {
            state.changes.push_back(if wanted.on { Change::Resume } else { Change::Pause });
        }
        if wanted.targets != state.capture.targets {
            self.scope.set(scope);
        }
        for (name, is_on) in &wanted.protocols {
            if let Some(index) = self.protocols.get(name.as_str()) {
                self.settings.registry.switch(*index, *is_on);
            }
        }
        state.capture = wanted;
        Ok(state.capture.clone())
    }
}

/// How packets are captured by interfaces and an expression of tcpdump's syntax.
pub(crate) fn live_config(interfaces: &[String], bpf: &str) -> LiveConfig {
    let expression = bpf.trim().to_owned();
    let filter = (!expression.is_empty()).then_some(LiveFilter { expression, place: FilterPlace::Program });
    LiveConfig { interfaces: interfaces.to_vec(), filter, ..LiveConfig::default() }
}

fn open(wanted: &CaptureSettings) -> Result<LiveSource, EngineError> {
    LiveSource::open_paused(live_config(&wanted.interfaces, &wanted.bpf)).map_err(|error| match &error {
        CaptureError::Filter(_) => invalid("bpf", error.to_string()),
        CaptureError::InterfaceName { .. } | CaptureError::TooManyInterfaces { .. } => {
            invalid("interfaces", error.to_string())
        }
        _ => EngineError::Failed(error.to_string()),
    })
}

/// The filter of the traffic of some targets; none where all of it is looked at.
fn scope_of(targets: &[Target], table: &'static FieldTable) -> Result<Option<Filter>, EngineError> {
    if targets.len() > MAX_TARGETS {
        return Err(invalid("targets", format!("there can be {MAX_TARGETS} targets, not {}", targets.len())));
    }
    let clauses = targets.iter().map(clause).collect::<Result<Vec<String>, _>>()?;
    if clauses.is_empty() {
        return Ok(None);
    }
    let query = clauses.join(" || ");
    let filter = Filter::compile(&query, table, now()).map_err(|error| invalid("targets", error.to_string()))?;
    Ok(Some(filter))
}

fn clause(target: &Target) -> Result<String, EngineError> {
    let value = target.value.trim();
    if value.is_empty() || value.len() > MAX_TARGET_BYTES {
        return Err(invalid("targets", "a target needs a name or a number".to_owned()));
    }
    let text = serde_json::Value::from(value).to_string();
    let both = |test: String| format!("src.{test} || dst.{test}");
    let number = value.parse::<u32>();
    Ok(match (target.kind, number) {
        (TargetKind::Port, Ok(port @ 1..=65_535)) => both(format!("port == {port}")),
        (TargetKind::Port, _) => return Err(invalid("targets", format!("{value} is no port from 1 to 65535"))),
        (TargetKind::Process, Ok(pid)) => both(format!("process.pid == {pid}")),
        (TargetKind::Process, Err(_)) => both(format!("process.name == {text}")),
        (TargetKind::Container, _) => both(format!("container.id.startsWith({text})")),
    })
}

fn invalid(parameter: &str, message: String) -> EngineError {
    EngineError::Invalid { parameter: parameter.to_owned(), message }
}

/// The most targets.
const MAX_TARGETS: usize = 256;
/// The longest name of a target in bytes.
const MAX_TARGET_BYTES: usize = 200;
/// The most changes that wait for the thread that captures.
const MAX_CHANGES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::field_table;

    fn target(kind: TargetKind, value: &str) -> Target {
        Target { kind, value: value.to_owned() }
    }

    #[test]
    fn targets_are_a_filter() {
        let table = field_table().unwrap();
        assert!(scope_of(&[], table).unwrap().is_none());
        let targets = [
            target(TargetKind::Port, "80"),
            target(TargetKind::Process, "nginx \"x\""),
            target(TargetKind::Process, "17"),
            target(TargetKind::Container, "3f9a"),
        ];
        let filter = scope_of(&targets, table).unwrap().unwrap();
        for part in
            ["dst.port == 80", "src.process.name == \"nginx \\\"x\\\"\"", "process.pid == 17", "startsWith(\"3f9a\")"]
        {
            assert!(filter.query().contains(part), "{part} in {}", filter.query());
        }
    }

    #[test]
    fn targets_that_make_no_sense_are_refused() {
        let table = field_table().unwrap();
        for (kind, value) in [(TargetKind::Port, "0"), (TargetKind::Port, "http"), (TargetKind::Process, " ")] {
            assert!(scope_of(&[target(kind, value)], table).is_err(), "{value}");
        }
        assert!(scope_of(&vec![target(TargetKind::Port, "1"); MAX_TARGETS + 1], table).is_err());
    }
}
