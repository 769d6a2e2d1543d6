//! `lanternfish watch`: entries as they happen, from the instance that runs on this machine, or else captured here.

use std::path::PathBuf;

use lanternfish_output::{EntryWriter, Format};
use serde_json::Value;

use super::live;
use super::running::{Answer, Followed, Running};
use crate::cli::{Cli, WatchArgs};
use crate::exit::Failure;
use crate::instance::place::default_dir;
use crate::output::Output;
use crate::terminal::tell;
use crate::verbs::capture::Prepared;

/// Prints entries until a signal comes or nobody reads any more.
pub(super) fn run(cli: &Cli, arguments: &WatchArgs) -> Result<(), Failure> {
    let query = arguments.query.as_deref();
    let format = arguments.output.format();
    match find(arguments) {
        Ok(running) => {
            let prepared = Prepared::new(cli, query, &arguments.entries)?;
            let mut writer = prepared.writer(format);
            // What the output can't show is refused as it is where entries are captured here.
            drop(prepared.sink(&writer)?);
            tell(&format!("lanternfish: entries come from the instance at {}, which captures", running.url()));
            let path = path(arguments, &prepared, format);
            print(&running, &path, &mut writer)
        }
        Err(why) => {
            tell(&format!("lanternfish: capturing here: {why}"));
            live::observe(cli, query, format, &arguments.entries, &arguments.capture, &arguments.limits, None)
        }
    }
}

/// The instance that can be asked, or why there is none.
fn find(arguments: &WatchArgs) -> Result<Running, String> {
    let capture = &arguments.capture;
    if !capture.interface.is_empty() || capture.bpf.is_some() {
        return Err("--interface and --bpf choose packets".to_owned());
    }
    let none = || "no instance of yours runs on this machine".to_owned();
    let dir: PathBuf = arguments.place.data_dir.clone().or_else(default_dir).ok_or_else(none)?;
    let running = Running::of(&dir).ok_or_else(none)?;
    let status = match running.ask("GET", "/api/v1/status", None) {
        Ok(Answer::Given(status)) => status,
        Ok(Answer::Nobody) => return Err(none()),
        Err(Failure::Work(error)) => return Err(format!("{error:#}")),
        Err(_) => return Err(format!("the instance at {} can't be asked", running.url())),
    };
    if status.pointer("/source/kind").and_then(Value::as_str) != Some("live") {
        return Err(format!("the instance at {} shows files", running.url()));
    }
    let is_redacting = status.get("is_redacting").and_then(Value::as_bool).unwrap_or(false);
    if arguments.entries.redact && !is_redacting {
        return Err(format!("--redact is wanted, and the instance at {} redacts nothing", running.url()));
    }
    Ok(running)
}

/// The request for what is to be printed.
fn path(arguments: &WatchArgs, prepared: &Prepared, format: Format) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("filter", arguments.query.as_deref().unwrap_or_default());
    query.append_pair("format", format.name());
    if let Some(fields) = &arguments.entries.fields {
        query.append_pair("fields", fields);
    }
    if arguments.entries.all_revisions {
        query.append_pair("all_revisions", "true");
    }
    if format == Format::Table {
        query.append_pair("color", if prepared.screen.has_color { "true" } else { "false" });
        if let Some(width) = prepared.screen.width {
            query.append_pair("width", &width.to_string());
        }
    }
    format!("/api/v1/watch?{}", query.finish())
}

fn print(running: &Running, path: &str, writer: &mut EntryWriter<'static>) -> Result<(), Failure> {
    let stop = live::stop_on_signals()?;
    let mut output = Output::begin(writer)?;
    let mut dropped = 0u64;
    let followed = running.follow(path, &stop, &mut |line| {
        let part: Value = serde_json::from_slice(line).unwrap_or_default();
        let text = part.get("text").and_then(Value::as_str).unwrap_or_default();
        let missed = part.get("dropped").and_then(Value::as_u64).unwrap_or(0);
        if missed > 0 && dropped == 0 {
            tell("lanternfish: entries come faster than they are read; those left out are stored by the instance");
        }
        dropped = dropped.saturating_add(missed);
        let is_last = part.get("is_last").and_then(Value::as_bool).unwrap_or(false);
        (text.is_empty() || output.write(text.as_bytes())) && !is_last
    })?;
    output.end(writer)?;
    if dropped > 0 {
        tell(&format!("lanternfish: {dropped} entries were left out"));
    }
    match followed {
        Followed::Stopped => Ok(()),
        Followed::Ended => Err(Failure::Work(anyhow::anyhow!("the instance at {} ended", running.url()))),
    }
}
