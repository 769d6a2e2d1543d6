//! `lanternfish.toml`: where it is looked for, and what may stand in it.
//!
//! A key is the long name of a flag, with `-` or `_`. At the top it holds for every verb that has the flag; in a table named
//! after a verb (`[read]`) for that one. A file nearer to the user wins over one further away.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{ArgAction, Command};
use lanternfish_output::nearest;

use crate::cli;
use crate::exit::Failure;

/// The values of a key and where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The values as text, as they would be typed.
    pub(crate) values: Vec<String>,
    /// The file.
    pub(crate) origin: String,
}

/// The settings of all files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// By verb (empty for all of them) and key.
    entries: BTreeMap<(String, String), Entry>,
    /// The files that were read, nearest first.
    read: Vec<PathBuf>,
    /// The files that were not read, with the reason.
    skipped: Vec<(PathBuf, String)>,
}

impl Files {
    /// Reads `only` this file, or else those of the places where one is looked for.
    pub(crate) fn load(only: Option<&Path>, command: &Command) -> Result<Files, Failure> {
        let mut files = Files::default();
        if let Some(path) = only {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            files.add(path, &text, command)?;
            return Ok(files);
        }
        for path in places() {
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    files.skipped.push((path, error.to_string()));
                    continue;
                }
            };
            if let Some(why) = distrust(&path) {
                crate::terminal::tell(&format!("lanternfish: {} is not read: {why}", path.display()));
                files.skipped.push((path, why));
                continue;
            }
            files.add(&path, &text, command)?;
        }
        Ok(files)
    }

    /// The setting of a key for a verb.
    pub(crate) fn find(&self, verb: &str, key: &str) -> Option<&Entry> {
        let of = |verb: &str| self.entries.get(&(verb.to_owned(), key.to_owned()));
        of(verb).or_else(|| of(""))
    }

    /// All settings: verb (empty for all verbs), key, values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Entry)> {
        self.entries.iter().map(|((verb, key), entry)| (verb.as_str(), key.as_str(), entry))
    }

    /// The files that were read, nearest first.
    pub(crate) fn read(&self) -> &[PathBuf] {
        &self.read
    }

    /// The files that were not read, with the reason.
    pub(crate) fn skipped(&self) -> &[(PathBuf, String)] {
        &self.skipped
    }

    /// Adds the settings of a file, below those that are there.
    pub(crate) fn add(&mut self, path: &Path, text: &str, command: &Command) -> Result<(), Failure> {
        let at = |message: String| Failure::usage(format_args!("{}: {message}", path.display()));
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| at(error.to_string().trim_end().to_owned()))?;
        for (name, value) in table {
            let verb = command.get_subcommands().find(|verb| verb.get_name() == name);
            match (value, verb) {
                (toml::Value::Table(table), Some(verb)) => {
                    for (key, value) in table {
                        self.insert(path, verb.get_name(), &key, value, command).map_err(at)?;
                    }
                }
                (toml::Value::Table(_), None) => {
                    let hint = hint(&name, command.get_subcommands().map(Command::get_name));
                    return Err(at(format!("`[{name}]` is no verb{hint}")));
                }
                (value, _) => self.insert(path, "", &name, value, command).map_err(at)?,
            }
        }
        self.read.push(path.to_owned());
        Ok(())
    }

    fn insert(
        &mut self,
        path: &Path,
        verb: &str,
        name: &str,
        value: toml::Value,
        command: &Command,
    ) -> Result<(), String> {
        let key = name.replace('_', "-");
        let mut arguments = command
            .get_subcommands()
            .filter(|known| verb.is_empty() || known.get_name() == verb)
            .flat_map(cli::arguments_of)
            .chain(command.get_arguments());
        let Some(argument) = arguments.find(|argument| cli::key(argument) == Some(&key)) else {
            let known: Vec<&str> = command
                .get_subcommands()
                .filter(|known| verb.is_empty() || known.get_name() == verb)
                .flat_map(|verb| cli::arguments_of(verb).filter_map(cli::key))
                .chain(command.get_arguments().filter_map(cli::key))
                .collect();
            return Err(format!("unknown setting `{name}`{}", hint(&key, known)));
        };
        let values = match (argument.get_action(), value) {
            (ArgAction::SetTrue, toml::Value::Boolean(truth)) => vec![truth.to_string()],
            (ArgAction::SetTrue, _) => return Err(format!("`{name}` must be true or false")),
            (ArgAction::Append, toml::Value::Array(items)) => {
                items.into_iter().map(|item| scalar(name, item)).collect::<Result<_, _>>()?
            }
            (_, value) => vec![scalar(name, value)?],
        };
        let entry = Entry { values, origin: path.display().to_string() };
        self.entries.entry((verb.to_owned(), key)).or_insert(entry);
        Ok(())
    }
}

fn scalar(name: &str, value: toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(truth) => Ok(truth.to_string()),
        other => Err(format!("`{name}` takes one value, not {}", other.type_str())),
    }
}

fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default()
}

/// The places where a file is looked for, nearest first.
fn places() -> Vec<PathBuf> {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let user = home("XDG_CONFIG_HOME").or_else(|| home("HOME").map(|home| home.join(".config")));
    let mut places = vec![PathBuf::from(FILE_NAME)];
    places.extend(user.map(|directory| directory.join("lanternfish").join(FILE_NAME)));
    places.push(Path::new("/etc/lanternfish").join(FILE_NAME));
    places
}

/// Why a file must not be obeyed: somebody else could have put it there, and we may run as root.
fn distrust(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let own = fs::metadata("/proc/self").ok()?.uid();
    if metadata.uid() != own && metadata.uid() != 0 {
        return Some(format!("it belongs to user {}, not to you", metadata.uid()));
    }
    (metadata.mode() & OTHERS_WRITE != 0).then(|| "everybody may write it".to_owned())
}

const FILE_NAME: &str = "lanternfish.toml";
const OTHERS_WRITE: u32 = 0o002;
