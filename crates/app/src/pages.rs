//! The generated pages of the documentation: a page a protocol from the field table, and the reference of the command line.

use std::fmt::Write;

use lanternfish_model::{FieldSpec, FieldTable, Place, ProtocolIndex, ProtocolSpec, WordClass};

use crate::cli;
use crate::verbs::fields::{description, kind};

/// The pages of `docs/protocols` by file name.
pub(crate) fn protocols(table: &FieldTable) -> Vec<(String, String)> {
    let mut index = format!("# Protocols\n\n{GENERATED}\n\n| protocol | words of KFL | fields |\n|---|---|---|\n");
    let mut pages = Vec::new();
    for (position, spec) in table.protocols().iter().enumerate() {
        let words: Vec<String> = spec.words.iter().map(|word| format!("`{}`", word.name)).collect();
        let _ = writeln!(index, "| [{}]({}.md) | {} | {} |", spec.title, spec.name, words.join(" "), spec.fields.len());
        pages.push((format!("{}.md", spec.name), protocol(table, ProtocolIndex(position as u8), spec)));
    }
    index.push_str("\nEvery entry has the [common fields](common.md) too.\n");
    let common = table.iter().filter(|(_, _, place)| matches!(place, Place::Common(_))).map(|(_, spec, _)| spec);
    let common = format!(
        "# Common fields\n\n{GENERATED}\n\nEvery entry may have these, whatever its protocol.\n\n{}",
        rows(common)
    );
    pages.push(("common.md".to_owned(), common));
    pages.push(("README.md".to_owned(), index));
    pages
}

fn protocol(table: &FieldTable, index: ProtocolIndex, spec: &ProtocolSpec) -> String {
    let mut page = format!("# {}\n\n{GENERATED}\n", spec.title);
    if !spec.doc.is_empty() {
        let _ = write!(page, "\n{}\n", spec.doc);
    }
    if !spec.pending.is_empty() {
        let _ = write!(page, "\nNot dissected yet: {}.\n", spec.pending);
    }
    if !spec.references.is_empty() {
        let _ = write!(page, "\nSpecifications: {}.\n", spec.references.join(", "));
    }
    if !spec.words.is_empty() {
        page.push_str("\n## Words\n\n");
        for word in spec.words {
            let meaning = match word.class {
                WordClass::Any => "entries of this protocol",
                WordClass::Connection => "its connection entries",
                WordClass::Flow => "its flow entries",
            };
            let _ = writeln!(page, "- `{}`: {meaning}", word.name);
        }
    }
    let fields: Vec<&FieldSpec> =
        table.iter().filter(|(id, _, _)| table.local(index, *id).is_some()).map(|(_, spec, _)| spec).collect();
    if !fields.is_empty() {
        let _ = write!(page, "\n## Fields\n\n{}", rows(fields.into_iter()));
    }
    page
}

fn rows<'a>(specs: impl Iterator<Item = &'a FieldSpec>) -> String {
    let mut text = String::from("| name | type | meaning | example |\n|---|---|---|---|\n");
    for spec in specs {
        let example = if spec.example.is_empty() { String::new() } else { format!("`{}`", cell(spec.example)) };
        let _ = writeln!(text, "| `{}` | {} | {} | {example} |", spec.path, kind(spec), cell(&description(spec)));
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The guide with its generated part made anew; `None` where the marks are missing.
pub(crate) fn renew_guide(guide: &str) -> Option<String> {
    let (before, rest) = guide.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}{END}{after}", reference()))
}

/// The help of every verb.
fn reference() -> String {
    let mut command = cli::command().term_width(REFERENCE_WIDTH).color(clap::ColorChoice::Never);
    command.build();
    let mut text = String::new();
    let mut add = |title: &str, command: &clap::Command| {
        let help =
            command.clone().bin_name(title.to_owned()).term_width(REFERENCE_WIDTH).render_long_help().to_string();
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        let _ = write!(text, "\n### {title}\n\n```text\n{}\n```\n", lines.join("\n"));
    };
    add("lanternfish", &command);
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        add(&format!("lanternfish {}", verb.get_name()), verb);
        for inner in verb.get_subcommands().filter(|inner| inner.get_name() != "help") {
            add(&format!("lanternfish {} {}", verb.get_name(), inner.get_name()), inner);
        }
    }
    text.push('\n');
    text
}

const GENERATED: &str = "<!-- Made by `lanternfish docs` from the declarations of the fields; do not edit. -->";
const BEGIN: &str = "<!-- begin: made by `lanternfish docs` -->";
const END: &str = "<!-- end -->";
const REFERENCE_WIDTH: usize = 100;
