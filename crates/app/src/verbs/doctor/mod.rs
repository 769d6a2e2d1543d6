//! `lanternfish doctor`: what can and can't be seen on this machine, why, and what helps.

mod checks;
mod facts;
mod fix;

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{ColorChoice, DoctorArgs, ListFormat};
use crate::exit::Failure;
use crate::terminal::{Screen, print};
use checks::{Check, State};
use facts::Facts;

/// Examines this machine; with `--fix`, sets it up.
pub(super) fn run(arguments: &DoctorArgs, color: ColorChoice) -> Result<(), Failure> {
    if arguments.fix {
        return fix::run(arguments.yes);
    }
    // What a capture will have is what counts.
    lanternfish_capture::privileges::take_up().map_err(anyhow::Error::from)?;
    let checks = checks::all(&Facts::gather(Path::new("/")));
    let text = match arguments.list.format {
        ListFormat::Table => table(&checks, Screen::of_stdout(color).has_color),
        ListFormat::Json => format!("{:#}\n", Value::Array(checks.iter().map(as_json).collect())),
    };
    Ok(print(&text)?)
}

/// What can't be seen on this machine, why, and what helps.
pub(super) fn dark() -> Vec<(String, String, String)> {
    let checks = checks::all(&Facts::gather(Path::new("/")));
    let dark = checks.into_iter().filter(|check| check.state != State::Ok);
    let tls = (
        "the content of TLS connections".to_owned(),
        "it is encrypted, and keys are not read from programs yet; handshakes are shown".to_owned(),
        String::new(),
    );
    dark.map(|check| (check.name.to_owned(), check.found, check.remedy)).chain([tls]).collect()
}

fn as_json(check: &Check) -> Value {
    json!({"check": check.name, "state": check.state.name(), "found": check.found, "remedy": check.remedy})
}

fn table(checks: &[Check], has_color: bool) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let (color, reset) = if has_color { (check.state.color(), "\x1b[0m") } else { ("", "") };
        text.push_str(&format!("{color}{:<7}{reset}  {:<width$}  {}\n", check.state.name(), check.name, check.found));
        if !check.remedy.is_empty() {
            text.push_str(&format!("{:7}  {:width$}  > {}\n", "", "", check.remedy));
        }
    }
    let missing = checks.iter().filter(|check| check.state == State::Missing).count();
    let warnings = checks.iter().filter(|check| check.state == State::Warning).count();
    text.push_str(&match (missing, warnings) {
        (0, 0) => "\neverything that can be seen is seen\n".to_owned(),
        _ => format!("\n{missing} missing, {warnings} with limits\n"),
    });
    text
}

#[cfg(test)]
mod tests;
