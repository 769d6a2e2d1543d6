//! `lanternfish fields`: what filters, columns and JSON name.

use lanternfish_model::{FieldId, FieldSpec, FieldTable, Keep, Place, ProtocolIndex, Secrecy};
use lanternfish_output::nearest;
use serde_json::{Value, json};

use crate::cli::{FieldsArgs, ListFormat};
use crate::exit::Failure;
use crate::tables::{aligned, field_table};
use crate::terminal::print;

/// Lists the fields.
pub(super) fn run(arguments: &FieldsArgs) -> Result<(), Failure> {
    let table = field_table()?;
    let protocol = match &arguments.protocol {
        Some(name) => Some(find(table, name)?),
        None => None,
    };
    let rows: Vec<(FieldId, &FieldSpec, Place)> = table
        .iter()
        .filter(|(id, _, place)| protocol.is_none_or(|protocol| belongs(table, protocol, *id, *place)))
        .filter(|(_, spec, _)| !arguments.pending || !spec.pending.is_empty())
        .collect();
    let text = match arguments.list.format {
        ListFormat::Json => {
            let rows: Vec<Value> = rows.iter().map(|(id, spec, place)| as_json(table, *id, spec, *place)).collect();
            format!("{:#}\n", Value::Array(rows))
        }
        ListFormat::Table if arguments.pending => {
            let rows: Vec<Vec<String>> = rows
                .iter()
                .map(|(_, spec, _)| vec![spec.path.to_owned(), kind(spec), spec.pending.to_owned()])
                .collect();
            aligned(&["NAME", "TYPE", "WHY IT HAS NO VALUES"], &rows)
        }
        ListFormat::Table => {
            let rows: Vec<Vec<String>> = rows
                .iter()
                .map(|(_, spec, _)| vec![spec.path.to_owned(), kind(spec), spec.example.to_owned(), description(spec)])
                .collect();
            aligned(&["NAME", "TYPE", "EXAMPLE", "MEANING"], &rows)
        }
    };
    Ok(print(&text)?)
}

/// The protocols that a field belongs to; none for a common one.
pub(crate) fn protocols_of(table: &FieldTable, id: FieldId, place: Place) -> Vec<&'static str> {
    let is_of = |(position, _): &(usize, &&'static lanternfish_model::ProtocolSpec)| {
        belongs(table, ProtocolIndex(*position as u8), id, place)
    };
    table.protocols().iter().enumerate().filter(is_of).map(|(_, spec)| spec.name).collect()
}

/// The type with its unit.
pub(crate) fn kind(spec: &FieldSpec) -> String {
    if spec.unit.is_empty() { spec.kind.name().to_owned() } else { format!("{} ({})", spec.kind.name(), spec.unit) }
}

/// The meaning with what else is to be known.
pub(crate) fn description(spec: &FieldSpec) -> String {
    let mut text = spec.doc.to_owned();
    let others: Vec<&str> = spec.other_names().collect();
    if !others.is_empty() {
        text.push_str(&format!(" Also {}.", others.join(", ")));
    }
    match spec.secrecy {
        Secrecy::Public => {}
        Secrecy::Within => text.push_str(" May hold secrets."),
        Secrecy::Whole => text.push_str(" A secret."),
    }
    if !spec.pending.is_empty() {
        text.push_str(&format!(" No values yet: {}.", spec.pending));
    }
    text.trim_start().to_owned()
}

fn belongs(table: &FieldTable, protocol: ProtocolIndex, id: FieldId, place: Place) -> bool {
    match place {
        Place::Common(_) => false,
        Place::Word { protocols, .. } => protocols.contains(protocol),
        Place::Protocol => table.local(protocol, id).is_some(),
    }
}

fn find(table: &FieldTable, name: &str) -> Result<ProtocolIndex, Failure> {
    let lower = name.to_ascii_lowercase();
    table.find_protocol(&lower).ok_or_else(|| {
        let names = || table.protocols().iter().map(|spec| spec.name);
        let hint = nearest(&lower, names()).map(|near| format!(", did you mean `{near}`?"));
        let hint = hint.unwrap_or_else(|| format!("; known are {}", names().collect::<Vec<_>>().join(", ")));
        Failure::usage(format_args!("unknown protocol `{name}`{hint}"))
    })
}

fn as_json(table: &FieldTable, id: FieldId, spec: &FieldSpec, place: Place) -> Value {
    json!({
        "name": spec.path,
        "type": spec.kind.name(),
        "unit": spec.unit,
        "doc": spec.doc,
        "example": spec.example,
        "aliases": spec.other_names().collect::<Vec<_>>(),
        "protocols": protocols_of(table, id, place),
        "on_demand": spec.keep == Keep::OnDemand,
        "secrecy": spec.secrecy.name(),
        "pending": spec.pending,
    })
}
