//! The settings: flag over environment over `lanternfish.toml` over default.
//!
//! Flags, variables and defaults are clap's work. A setting of a file that neither a flag nor a variable overrides is put in
//! front of the flags as if it were typed there, so that it is parsed and checked by the same declaration.

mod file;
mod report;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, FromArgMatches};

use crate::cli::{self, Cli};
use crate::exit::Failure;

pub(crate) use file::Files;
pub(crate) use report::{Setting, settings};

/// A parsed command line with the files that had a say.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The command line.
    pub(crate) cli: Cli,
    /// The configuration files.
    pub(crate) files: Files,
    /// The verb that runs.
    verb: String,
    /// What flags set, by key.
    flags: BTreeMap<String, Vec<String>>,
}

impl Invocation {
    /// Whether a flag of the command line sets a key.
    pub(crate) fn is_flag(&self, key: &str) -> bool {
        self.flags.contains_key(key)
    }

    /// Every setting of the verb that runs, as it holds in this run.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let variable = |name: &str| std::env::var(name).ok();
        // A flag that several verbs have is described by each for itself.
        let hide = |verb: Command| if verb.get_name() == self.verb { verb } else { verb.hide(true) };
        let mut all = settings(&cli::command().mut_subcommands(hide), &self.files, variable);
        let of_verb: Vec<Setting> =
            all.extract_if(.., |setting| setting.key.starts_with(&format!("{}.", self.verb))).collect();
        all.retain(|setting| {
            !setting.key.contains('.') && (setting.verbs.is_empty() || setting.verbs.contains(&self.verb))
        });
        for setting in &mut all {
            let in_file = of_verb.iter().find(|known| known.key == format!("{}.{}", self.verb, setting.key));
            // A variable wins over any file.
            if let Some(known) = in_file.filter(|_| !setting.source.starts_with("LANTERNFISH_")) {
                (setting.values, setting.source) = (known.values.clone(), known.source.clone());
            }
            if let Some(values) = self.flags.get(&setting.key) {
                (setting.values, setting.source) = (values.clone(), "flag".to_owned());
            }
        }
        all
    }
}

/// Reads the command line, the environment and the configuration files.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Failure> {
    let command = cli::command();
    let (mut arguments, verb_at) = with_verb(&command, arguments.into_iter().collect());
    let mut matches = command.clone().try_get_matches_from(&arguments)?;
    let (verb, flags) = given(&command, &matches);
    let files = Files::load(matches.get_one::<PathBuf>("config").map(PathBuf::as_path), &command)?;
    let from_files = missing(&command, &matches, &files);
    if !from_files.is_empty() {
        let origins: Vec<String> = from_files.iter().map(|(_, origin)| origin.clone()).collect();
        let typed = from_files.into_iter().map(|(argument, _)| argument);
        let behind = behind_verb(&command, &matches, &arguments, verb_at);
        arguments.splice(behind..behind, typed);
        matches = command.try_get_matches_from(&arguments).map_err(|error| {
            let text = error.to_string();
            let text = text.trim_start_matches("error: ").lines().next().unwrap_or_default().to_owned();
            Failure::usage(format_args!("{text} (from {})", unique(origins).join(", ")))
        })?;
    }
    let cli = Cli::from_arg_matches(&matches)?;
    Ok(Invocation { cli, files, verb, flags })
}

/// The verb, and what is set by flags.
fn given(command: &Command, matches: &ArgMatches) -> (String, BTreeMap<String, Vec<String>>) {
    let Some((name, _)) = matches.subcommand() else { return Default::default() };
    let (verb, given) = innermost(command, matches);
    let global = command.get_arguments().filter(|argument| argument.is_global_set());
    let flags = verb.get_arguments().chain(global).filter_map(|argument| {
        let (key, id) = (cli::key(argument)?, argument.get_id().as_str());
        if given.value_source(id) != Some(ValueSource::CommandLine) {
            return None;
        }
        let values = match argument.get_action() {
            ArgAction::SetTrue => vec!["true".to_owned()],
            _ => given.get_raw(id)?.map(|value| value.to_string_lossy().into_owned()).collect(),
        };
        Some((key.to_owned(), values))
    });
    (name.to_owned(), flags.collect())
}

/// The last word of the verb, such as the `list` of `snapshot list`, with what was matched for it.
fn innermost<'a>(command: &'a Command, matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    match matches.subcommand() {
        Some((name, given)) => match command.find_subcommand(name) {
            Some(verb) => innermost(verb, given),
            None => (command, matches),
        },
        None => (command, matches),
    }
}

/// The place behind the last word of the verb, whose first word is at `verb_at`.
fn behind_verb(command: &Command, matches: &ArgMatches, arguments: &[OsString], verb_at: usize) -> usize {
    let (mut at, mut inner) = (verb_at, matches.subcommand().and_then(|(_, given)| given.subcommand()));
    while let Some((_, given)) = inner {
        at = first_word(command, arguments, at + 1);
        inner = given.subcommand();
    }
    at + 1
}

/// Puts `live` where no verb stands; gives the place of the verb.
fn with_verb(command: &Command, mut arguments: Vec<OsString>) -> (Vec<OsString>, usize) {
    let at = first_word(command, &arguments, 1).min(arguments.len());
    let is_for_the_program = |argument: &OsString| {
        let is_known = ["-h", "--help", "-V", "--version"].iter().any(|known| argument == *known);
        is_known || !argument.to_string_lossy().starts_with('-')
    };
    if !arguments.get(at).is_some_and(is_for_the_program) {
        arguments.insert(at, DEFAULT_VERB.into());
    }
    (arguments, at)
}

/// The place of the first argument from `at` on that is not a flag of every verb, nor the value of one.
fn first_word(command: &Command, arguments: &[OsString], mut at: usize) -> usize {
    let takes_value = |name: &str| {
        let is_it = |argument: &&clap::Arg| argument.get_long() == Some(name);
        command.get_arguments().find(is_it).is_some_and(|argument| argument.get_action().takes_values())
    };
    while let Some(text) = arguments.get(at).and_then(|argument| argument.to_str()) {
        let Some(long) = text.strip_prefix("--") else { break };
        if command.get_arguments().all(|argument| argument.get_long() != long.split('=').next()) {
            break;
        }
        at += if takes_value(long) { 2 } else { 1 };
    }
    at
}

/// The settings of files that no flag and no variable overrides, as arguments, each with the file that it comes from.
fn missing(command: &Command, matches: &ArgMatches, files: &Files) -> Vec<(OsString, String)> {
    let Some((name, _)) = matches.subcommand() else { return Vec::new() };
    let (verb, given) = innermost(command, matches);
    let mut arguments = Vec::new();
    let global = command.get_arguments().filter(|argument| argument.is_global_set());
    for argument in verb.get_arguments().chain(global) {
        let Some(key) = cli::key(argument) else { continue };
        let source = given.value_source(argument.get_id().as_str());
        if matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
            continue;
        }
        let Some(entry) = files.find(name, key) else { continue };
        if matches!(argument.get_action(), ArgAction::SetTrue) {
            if entry.values == ["true"] {
                arguments.push((format!("--{key}").into(), entry.origin.clone()));
            }
            continue;
        }
        for value in &entry.values {
            arguments.push((format!("--{key}={value}").into(), entry.origin.clone()));
        }
    }
    arguments
}

fn unique(mut names: Vec<String>) -> Vec<String> {
    names.dedup();
    names
}

/// What happens without a verb.
const DEFAULT_VERB: &str = "live";

#[cfg(test)]
mod tests;
