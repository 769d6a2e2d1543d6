//! `lanternfish watch`: entries as they happen, from the instance that runs on this machine, or else captured here.

use std::path::PathBuf;

use lanternfish_capture::privileges;
use lanternfish_output::{EntryWriter, Format};
use lanternfish_telemetry::thousands;
use serde_json::Value;

use super::live;
use super::running::{Answer, Followed, Running};
use crate::cli::WatchArgs;
use crate::config::{Invocation, Setting};
use crate::exit::Failure;
use crate::instance::place::default_dir;
use crate::output::Output;
use crate::terminal::tell;
use crate::verbs::capture::Prepared;

/// Prints entries until a signal comes or nobody reads any more.
pub(super) fn run(invocation: &Invocation, arguments: &WatchArgs) -> Result<(), Failure> {
    let cli = &invocation.cli;
    let query = arguments.query.as_deref();
    let format = arguments.output.format();
    match find(invocation, arguments) {
        Ok((running, status)) => {
            privileges::drop_all_as_user().map_err(anyhow::Error::from)?;
            let prepared = Prepared::new(cli, query, &arguments.entries)?;
            let mut writer = prepared.writer(format);
            // What the output can't show is refused as it is where entries are captured here.
            drop(prepared.sink(&writer)?);
            tell(&format!("lanternfish: entries come from the instance at {}, {}", running.url(), capturing(&status)));
            let passed_over = passed_over(&invocation.settings());
            if !passed_over.is_empty() {
                tell(&format!("lanternfish: no matter here, where the instance has its own settings: {passed_over}"));
            }
            let path = path(arguments, &prepared, format);
            print(&running, &path, &mut writer, status.get("loss"))
        }
        Err(why) => {
            tell(&format!("lanternfish: capturing here: {why}"));
            live::observe(cli, query, format, &arguments.entries, &arguments.capture, &arguments.limits, None)
        }
    }
}

/// The instance that can be asked, with its status, or why there is none.
fn find(invocation: &Invocation, arguments: &WatchArgs) -> Result<(Running, Value), String> {
    let capture = &arguments.capture;
    if !capture.interface.is_empty() || capture.bpf.is_some() {
        return Err("--interface and --bpf choose packets".to_owned());
    }
    if let Some(flag) = OF_A_CAPTURE.iter().find(|flag| invocation.is_flag(flag)) {
        return Err(format!("--{flag} is about a capture of this program, and an instance has its own settings"));
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
    Ok((running, status))
}

/// The settings of variables and files that are about a capture of this program, each with where it comes from. Those may be
/// meant for other runs, so that they do not choose where entries come from, as flags do.
fn passed_over(settings: &[Setting]) -> String {
    let is_set = |setting: &&Setting| {
        let is_of_a_capture = OF_A_CAPTURE.contains(&setting.key.as_str());
        is_of_a_capture && !matches!(setting.source.as_str(), "" | "default" | "flag") && setting.values != ["false"]
    };
    let words = settings.iter().filter(is_set).map(|setting| format!("{} (from {})", setting.key, setting.source));
    words.collect::<Vec<_>>().join(", ")
}

/// What an instance captures, by its status.
fn capturing(status: &Value) -> String {
    let is_on = status.pointer("/watching/is_on").and_then(Value::as_bool).unwrap_or(true);
    if !is_on {
        return "whose capture is switched off: nothing comes until it is switched on there".to_owned();
    }
    let interfaces = status.pointer("/watching/interfaces").and_then(Value::as_array);
    let interfaces: Vec<&str> = interfaces.into_iter().flatten().filter_map(Value::as_str).collect();
    let bpf = status.pointer("/watching/bpf").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let all = |name: &str| status.pointer(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let targets: Vec<String> = all("/watching/targets")
        .iter()
        .filter_map(|target| Some(format!("{} {}", target.get("kind")?.as_str()?, target.get("value")?.as_str()?)))
        .collect();
    let off = all("/watching/protocols_off");
    let off: Vec<&str> = off.iter().filter_map(Value::as_str).collect();
    let mut narrowed = Vec::new();
    if !bpf.is_empty() {
        narrowed.push(format!("packets that match `{bpf}`"));
    }
    if !interfaces.is_empty() {
        narrowed.push(format!("on {}", interfaces.join(", ")));
    }
    if !targets.is_empty() {
        narrowed.push(format!("what is of {}", targets.join(" or ")));
    }
    let captures = if narrowed.is_empty() {
        "which captures".to_owned()
    } else {
        format!("which captures only {}", narrowed.join(" "))
    };
    if off.is_empty() { captures } else { format!("{captures}, with {} switched off", off.join(", ")) }
}

/// What was lost between two answers about loss, in one line; empty where nothing was.
fn lost(before: Option<&Value>, after: &Value) -> String {
    let causes = |loss: Option<&Value>| loss.and_then(|loss| loss.get("causes")).and_then(Value::as_array).cloned();
    let before = causes(before).unwrap_or_default();
    let count = |cause: &Value| cause.get("count").and_then(Value::as_u64).unwrap_or(0);
    let word = |cause: &Value, name: &str| cause.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = causes(Some(after)).unwrap_or_default().into_iter().filter_map(|cause| {
        let is_it = |known: &&Value| ["stage", "cause"].iter().all(|name| known.get(name) == cause.get(name));
        let new = count(&cause).saturating_sub(before.iter().find(is_it).map_or(0, count));
        (new > 0).then(|| format!("{} {} ({})", thousands(new), word(&cause, "unit"), word(&cause, "cause")))
    });
    words.collect::<Vec<_>>().join(", ")
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

fn print(
    running: &Running,
    path: &str,
    writer: &mut EntryWriter<'static>,
    loss: Option<&Value>,
) -> Result<(), Failure> {
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
        Followed::Stopped => {
            // Where it is gone by now, there is nothing to tell.
            if let Ok(Answer::Given(now)) = running.ask("GET", "/api/v1/loss", None) {
                let lost = lost(loss, &now);
                if !lost.is_empty() {
                    tell(&format!("lanternfish: lost in this time: {lost}"));
                }
            }
            Ok(())
        }
        Followed::Ended => Err(Failure::Work(anyhow::anyhow!("the instance at {} ended", running.url()))),
    }
}

/// Flags that can't hold where another program captures.
const OF_A_CAPTURE: [&str; 4] = ["body-limit", "memory", "stats", "threads"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_instance_captures_is_said() {
        for (watching, said) in [
            (json!({"is_on": true, "interfaces": [], "bpf": ""}), "which captures"),
            (json!({"is_on": true, "interfaces": ["lo", "eth0"], "bpf": ""}), "which captures only on lo, eth0"),
            (
                json!({"is_on": true, "interfaces": ["lo"], "bpf": "tcp"}),
                "which captures only packets that match `tcp` on lo",
            ),
            (
                json!({"is_on": true, "targets": [{"kind": "process", "value": "nginx"}, {"kind": "port", "value": "80"}]}),
                "which captures only what is of process nginx or port 80",
            ),
            (json!({"is_on": true, "protocols_off": ["dns", "redis"]}), "which captures, with dns, redis switched off"),
        ] {
            assert_eq!(capturing(&json!({"watching": watching})), said);
        }
        assert!(capturing(&json!({"watching": {"is_on": false}})).contains("switched off"));
    }

    #[test]
    fn a_flag_of_a_capture_asks_for_one() {
        let find = |flags: &[&str]| {
            let typed = ["lanternfish", "watch", "--config", "/dev/null", "--data-dir", "/nowhere"].iter().chain(flags);
            let invocation = crate::config::parse(typed.map(std::ffi::OsString::from)).unwrap();
            let crate::cli::Verb::Watch(arguments) = &invocation.cli.verb else { panic!("it is watch") };
            find(&invocation, arguments).err().unwrap()
        };
        assert!(find(&[]).starts_with("no instance"));
        for flags in [&["--stats"][..], &["--memory", "1GiB"], &["--threads=2"], &["--body-limit", "1"]] {
            assert!(find(flags).contains("is about a capture of this program"), "{flags:?}");
        }
    }

    #[test]
    fn settings_of_a_capture_that_are_no_flags_are_told() {
        let setting = |key: &str, value: &str, source: &str| Setting {
            key: key.to_owned(),
            values: vec![value.to_owned()],
            source: source.to_owned(),
            verbs: Vec::new(),
            help: String::new(),
        };
        let settings = [
            setting("stats", "true", "LANTERNFISH_STATS"),
            setting("memory", "512MiB", "default"),
            setting("threads", "2", "/etc/lanternfish.toml"),
            setting("fields", "id", "LANTERNFISH_FIELDS"),
        ];
        assert_eq!(passed_over(&settings), "stats (from LANTERNFISH_STATS), threads (from /etc/lanternfish.toml)");
        assert_eq!(passed_over(&[setting("stats", "false", "LANTERNFISH_STATS")]), "");
    }
}
