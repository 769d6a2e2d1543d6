//! `lanternfish config`: the settings that hold where no flag says otherwise.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::{self, ListArgs, ListFormat};
use crate::config::{Invocation, Setting, settings};
use crate::exit::Failure;
use crate::instance::place::default_dir;
use crate::instance::settings::{DEFAULT, Kept};
use crate::tables::aligned;
use crate::terminal::{print, tell};

/// Lists the settings.
pub(super) fn run(arguments: &ListArgs, invocation: &Invocation) -> Result<(), Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let mut settings = settings(&cli::command(), &invocation.files, variable);
    of_the_page(&mut settings);
    let text = match arguments.format {
        ListFormat::Table => table(&settings, invocation),
        ListFormat::Json => {
            let rows = settings.iter().map(|setting| {
                json!({"key": setting.key, "values": setting.values, "source": setting.source, "verbs": setting.verbs, "doc": setting.help})
            });
            format!("{:#}\n", Value::Array(rows.collect()))
        }
    };
    Ok(print(&text)?)
}

/// Puts what was set in the page in the place of defaults.
fn of_the_page(settings: &mut [Setting]) {
    let named = settings.iter().find(|setting| setting.key == "data-dir").and_then(|setting| setting.values.first());
    let Some(dir) = named.map(PathBuf::from).or_else(default_dir) else { return };
    let kept = match Kept::open(&dir, |problem| tell(&format!("lanternfish: {problem}"))) {
        Ok(kept) => kept,
        Err(error) => return tell(&format!("lanternfish: {error:#}")),
    };
    for setting in settings.iter_mut().filter(|setting| setting.source == DEFAULT) {
        if let Some(value) = kept.find(&setting.key) {
            (setting.values, setting.source) = (vec![value.to_owned()], "page".to_owned());
        }
    }
}

fn table(settings: &[Setting], invocation: &Invocation) -> String {
    let rows: Vec<Vec<String>> = settings
        .iter()
        .map(|setting| {
            let value = if setting.values.is_empty() { "-".to_owned() } else { setting.values.join(", ") };
            let source = if setting.source.is_empty() { "not set" } else { &setting.source };
            let verbs = if setting.verbs.is_empty() { "all".to_owned() } else { setting.verbs.join(" ") };
            vec![setting.key.clone(), value, source.to_owned(), verbs]
        })
        .collect();
    let mut text = aligned(&["KEY", "VALUE", "FROM", "VERBS"], &rows);
    let files: Vec<String> = invocation.files.read().iter().map(|path| path.display().to_string()).collect();
    let files = if files.is_empty() { "none".to_owned() } else { files.join(", ") };
    text.push_str(&format!("\nconfiguration files read: {files}\n"));
    for (path, why) in invocation.files.skipped() {
        text.push_str(&format!("not read: {} ({why})\n", path.display()));
    }
    text
}
