//! Layers of settings, and the verb that is meant where none stands.

use super::*;
use std::path::Path;

fn verb_of(arguments: &[&str]) -> (Vec<String>, usize) {
    let arguments = arguments.iter().map(OsString::from).collect();
    let (arguments, at) = with_verb(&cli::command(), arguments);
    (arguments.into_iter().map(|argument| argument.into_string().unwrap()).collect(), at)
}

fn files(text: &str) -> Result<Files, String> {
    let mut files = Files::default();
    match files.add(Path::new("lanternfish.toml"), text, &cli::command()) {
        Ok(()) => Ok(files),
        Err(Failure::Usage(error)) => Err(error.to_string()),
        Err(other) => Err(format!("{other:?}")),
    }
}

#[test]
fn live_is_meant_without_a_verb() {
    for (given, meant, at) in [
        (&["l"][..], &["l", "live"][..], 1),
        (&["l", "-i", "lo"], &["l", "live", "-i", "lo"], 1),
        (&["l", "--color", "never", "-i", "lo"], &["l", "--color", "never", "live", "-i", "lo"], 3),
        (&["l", "--color=never", "read", "x"], &["l", "--color=never", "read", "x"], 2),
        (&["l", "--color", "never", "read", "x"], &["l", "--color", "never", "read", "x"], 3),
        (&["l", "--help"], &["l", "--help"], 1),
        (&["l", "tpyo"], &["l", "tpyo"], 1),
        (&["l", "--color"], &["l", "--color", "live"], 2),
    ] {
        assert_eq!(verb_of(given), (meant.iter().map(ToString::to_string).collect(), at), "{given:?}");
    }
}

#[test]
fn a_verb_of_its_own_wins_over_all_verbs() {
    let files =
        files("threads = 2\nbody_limit = '1MiB'\ninterface = ['lo', 'eth0']\n[read]\nthreads = 4\nstats = true\n")
            .unwrap();
    let value = |verb, key| files.find(verb, key).map(|entry| entry.values.join(" "));
    assert_eq!(value("read", "threads").as_deref(), Some("4"));
    assert_eq!(value("live", "threads").as_deref(), Some("2"));
    assert_eq!(value("live", "body-limit").as_deref(), Some("1MiB"));
    assert_eq!(value("live", "interface").as_deref(), Some("lo eth0"));
    assert_eq!(value("live", "stats"), None);
    assert_eq!(value("read", "stats").as_deref(), Some("true"));
}

#[test]
fn the_nearest_file_wins() {
    let mut files = files("threads = 2").unwrap();
    files.add(Path::new("/etc/l.toml"), "threads = 9\nmemory = '1GiB'", &cli::command()).unwrap();
    assert_eq!(files.find("read", "threads").unwrap().origin, "lanternfish.toml");
    assert_eq!(files.find("read", "memory").unwrap().origin, "/etc/l.toml");
}

#[test]
fn what_is_wrong_in_a_file_is_said() {
    for (text, message) in [
        ("thread = 2", "lanternfish.toml: unknown setting `thread`, did you mean `threads`?"),
        ("[raed]\nthreads = 1", "lanternfish.toml: `[raed]` is no verb, did you mean `read`?"),
        ("stats = 1", "lanternfish.toml: `stats` must be true or false"),
        ("threads = [1]", "lanternfish.toml: `threads` takes one value, not array"),
        ("[read]\ninterface = 'lo'", "lanternfish.toml: unknown setting `interface`"),
        ("yes = true", "lanternfish.toml: unknown setting `yes`"),
    ] {
        assert_eq!(files(text).map(|_| ()), Err(message.to_owned()), "{text}");
    }
    assert!(files("threads = ").unwrap_err().starts_with("lanternfish.toml: TOML parse error"));
}

#[test]
fn every_setting_tells_its_source() {
    let files = files("memory = '1GiB'\n[read]\nthreads = 4\n").unwrap();
    let variable = |name: &str| (name == "LANTERNFISH_COLOR").then(|| "never".to_owned());
    let settings = settings(&cli::command(), &files, variable);
    let of = |key: &str| {
        settings.iter().find(|setting| setting.key == key).map(|s| (s.values.join(","), s.source.as_str())).unwrap()
    };
    assert_eq!(of("color"), ("never".to_owned(), "LANTERNFISH_COLOR"));
    assert_eq!(of("memory"), ("1GiB".to_owned(), "lanternfish.toml"));
    assert_eq!(of("body-limit"), ("64KiB".to_owned(), "default"));
    assert_eq!(of("stats"), ("false".to_owned(), "default"));
    assert_eq!(of("threads"), (String::new(), ""));
    assert_eq!(of("read.threads"), ("4".to_owned(), "lanternfish.toml"));
}
