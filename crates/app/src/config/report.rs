//! What holds, and where it comes from.

use clap::{ArgAction, Command};

use super::Files;
use crate::cli;

/// A setting as it holds where no flag says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The key; with the verb in front where it holds for that one alone.
    pub(crate) key: String,
    /// The values; empty where nothing is set.
    pub(crate) values: Vec<String>,
    /// The variable, the file, `default`, or empty where nothing is set.
    pub(crate) source: String,
    /// The verbs that have it; empty for all.
    pub(crate) verbs: Vec<String>,
    /// What it does.
    pub(crate) help: String,
}

/// Every setting, in the order of the declaration.
pub(crate) fn settings(command: &Command, files: &Files, variable: impl Fn(&str) -> Option<String>) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    let global = command.get_arguments().map(|argument| (None, argument));
    let of_verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let of_verbs =
        of_verbs.flat_map(|verb| cli::arguments_of(verb).map(move |argument| (Some(verb.get_name()), argument)));
    for (verb, argument) in global.chain(of_verbs) {
        let Some(key) = cli::key(argument).filter(|_| !argument.is_hide_set()) else { continue };
        if let Some(known) = settings.iter_mut().find(|setting| setting.key == key) {
            known.verbs.extend(verb.map(str::to_owned));
            known.verbs.dedup();
            continue;
        }
        let set = cli::env_name(argument).and_then(|name| Some((vec![variable(&name)?], name)));
        let in_file = || files.find("", key).map(|entry| (entry.values.clone(), entry.origin.clone()));
        let default = || {
            let values: Vec<String> =
                argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
            let values =
                if matches!(argument.get_action(), ArgAction::SetTrue) { vec!["false".to_owned()] } else { values };
            if values.is_empty() { (values, String::new()) } else { (values, "default".to_owned()) }
        };
        let (values, source) = set.or_else(in_file).unwrap_or_else(default);
        settings.push(Setting {
            key: key.to_owned(),
            values,
            source,
            verbs: verb.map(str::to_owned).into_iter().collect(),
            help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
        });
    }
    for (verb, key, entry) in files.iter().filter(|(verb, _, _)| !verb.is_empty()) {
        settings.push(Setting {
            key: format!("{verb}.{key}"),
            values: entry.values.clone(),
            source: entry.origin.clone(),
            verbs: vec![verb.to_owned()],
            help: String::new(),
        });
    }
    settings
}
