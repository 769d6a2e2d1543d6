//! `lanternfish protocols`: what is dissected.

use serde_json::{Value, json};

use crate::cli::{ListArgs, ListFormat};
use crate::exit::Failure;
use crate::tables::{aligned, protocols};
use crate::terminal::print;

/// Lists the protocols.
pub(super) fn run(arguments: &ListArgs) -> Result<(), Failure> {
    let specs = protocols();
    let words = |spec: &lanternfish_model::ProtocolSpec| spec.words.iter().map(|word| word.name).collect::<Vec<_>>();
    let text = match arguments.format {
        ListFormat::Table => {
            let rows: Vec<Vec<String>> = specs
                .iter()
                .map(|spec| {
                    let fields = spec.fields.len().to_string();
                    let about = if spec.pending.is_empty() {
                        spec.doc.to_owned()
                    } else {
                        format!("Not yet: {}.", spec.pending)
                    };
                    vec![spec.name.to_owned(), spec.title.to_owned(), words(spec).join(" "), fields, about]
                })
                .collect();
            aligned(&["NAME", "TITLE", "WORDS", "FIELDS", "ABOUT"], &rows)
        }
        ListFormat::Json => {
            let rows: Vec<Value> = specs
                .iter()
                .map(|spec| {
                    json!({"name": spec.name, "title": spec.title, "words": words(spec), "fields": spec.fields.len(),
                           "doc": spec.doc, "references": spec.references, "pending": spec.pending})
                })
                .collect();
            format!("{:#}\n", Value::Array(rows))
        }
    };
    Ok(print(&text)?)
}
