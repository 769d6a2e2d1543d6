//! The program as a user meets it: exit codes, settings, lists, generated pages.

#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs the program in an empty directory, without the settings of this machine.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = command(directory.path()).args(arguments).envs(variables.iter().copied()).output().unwrap();
    parts(&output)
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanternfish"));
    command.env_clear().current_dir(directory).stdin(Stdio::null());
    command
}

fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_is_no_failure() {
    for arguments in
        [&["--help"][..], &["read", "--help"], &["--version"], &["help", "doctor"], &["kfl", "check", "--help"]]
    {
        let (code, out, _) = run(arguments, &[]);
        assert_eq!(code, 0, "{arguments:?}");
        assert!(out.lines().all(|line| line.chars().count() <= 110), "{arguments:?}");
    }
}

/// Else whoever sends an empty token would be let in.
#[test]
fn what_can_be_guessed_is_no_token() {
    let (code, _, error) = run(&["open", "--listen", "127.0.0.1:0", "--no-open", "--token-file", "/dev/null"], &[]);
    assert!(code == 2 && error.contains("/dev/null has 0 characters, and needs 16 or more"), "{code}: {error}");
}

#[test]
fn what_can_not_be_shown_is_told_before_anything_is_served() {
    for (arguments, message) in [
        (&["open", ".", "--listen", "127.0.0.1:0", "--no-open"][..], "cannot open .: it is a directory"),
        (
            &["open", "--listen", "127.0.0.1:0", "--no-open", "--tls-cert", "/dev/null", "--tls-key", "/dev/null"],
            "there is no certificate in it",
        ),
    ] {
        let (code, _, error) = run(arguments, &[]);
        assert!(code == 1 && error.contains(message) && !error.contains("dashboard"), "{arguments:?}: {code}: {error}");
    }
}

#[test]
fn unusable_arguments_are_2() {
    for (arguments, message) in [
        (&["tpyo"][..], "unrecognized subcommand 'tpyo'"),
        (&["read"], "<FILE>..."),
        (&["read", "x", "-o", "xml"], "invalid value 'xml'"),
        (&["read", "x", "-o", "parquet", "--fields", "id"], "no meaning with -o parquet"),
        (&["read", "x", "-f", "redact(\"path\")", "-o", "parquet"], "redact() needs -o json"),
        (&["read", "x", "--keylog", "k"], "not yet"),
        (&["read", "x", "--fields", "tiemstamp"], "unknown field `tiemstamp`, did you mean `timestamp`?"),
        (&["read", "x", "--fields", "id,"], "a field name is missing"),
        (&["read", "x", "--whole-connection"], "goes with -o pcapng, not with -o table"),
        (&["read", "x", "-o", "pcapng", "--fields", "id"], "no meaning with -o pcapng"),
        (&["read", "-", "-"], "only once"),
        (&["read", "x", "--threads", "0"], "--threads"),
        (&["read", "x", "--memory", "lots"], "no unit of bytes"),
        (&["fields", "htpp"], "did you mean `http`?"),
        (&["fields", "klingon"], "known are http, "),
        (&["kfl", "eval", "--record", "{", "true"], "--record is not JSON"),
        (&["--config", "absent.toml", "config"], "cannot read absent.toml"),
        (&["doctor", "--yes"], "--fix"),
    ] {
        let (code, _, error) = run(arguments, &[]);
        let expected = if error.contains("cannot read") { 1 } else { 2 };
        assert_eq!(code, expected, "{arguments:?}: {error}");
        assert!(error.contains(message), "{arguments:?}: {error}");
    }
}

#[test]
fn flag_over_variable_over_file_over_default() {
    let directory = tempfile::tempdir().unwrap();
    let value = |variables: &[(&str, &str)]| {
        let output =
            command(directory.path()).args(["config", "-o", "json"]).envs(variables.iter().copied()).output().unwrap();
        let settings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let setting = settings.as_array().unwrap().iter().find(|setting| setting["key"] == "memory").unwrap().clone();
        (setting["values"][0].as_str().unwrap().to_owned(), setting["source"].as_str().unwrap().to_owned())
    };
    assert_eq!(value(&[]), ("512MiB".into(), "default".into()));
    std::fs::write(directory.path().join("lanternfish.toml"), "memory = '1GiB'").unwrap();
    assert_eq!(value(&[]), ("1GiB".into(), "lanternfish.toml".into()));
    assert_eq!(value(&[("LANTERNFISH_MEMORY", "2GiB")]), ("2GiB".into(), "LANTERNFISH_MEMORY".into()));
}

#[test]
fn a_wrong_setting_names_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let error = |text: &str, arguments: &[&str]| {
        std::fs::write(directory.path().join("lanternfish.toml"), text).unwrap();
        parts(&command(directory.path()).args(arguments).output().unwrap())
    };
    let (code, _, message) = error("threads = 'x'", &["read", "f"]);
    assert_eq!(code, 2);
    assert!(
        message.contains("invalid value 'x' for '--threads <N>'") && message.contains("(from lanternfish.toml)"),
        "{message}"
    );
    let (_, _, message) = error("threads = 'x'", &["read", "f", "--threads", "1", "--fields", "nope"]);
    assert!(message.contains("unknown field `nope`"), "a flag overrides the file: {message}");
    let (_, _, message) = error("[read]\noutput = 'pcapng'\nwhole-connection = true", &["read", "f", "--fields", "id"]);
    assert!(message.contains("no meaning with -o pcapng"), "the file's setting holds: {message}");
    let (code, _, message) = error("memroy = 1", &["fields"]);
    assert_eq!(code, 2);
    assert!(message.contains("lanternfish.toml: unknown setting `memroy`, did you mean `memory`?"), "{message}");
}

#[test]
fn a_file_that_everybody_may_write_is_not_read() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanternfish.toml");
    std::fs::write(&path, "nonsense").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let (code, out, error) = parts(&command(directory.path()).arg("config").output().unwrap());
    assert_eq!(code, 0);
    assert!(error.contains("everybody may write it") && out.contains("not read: lanternfish.toml"), "{out}{error}");
}

#[test]
fn a_wrong_variable_is_2() {
    let (code, _, error) = run(&["read", "x"], &[("LANTERNFISH_THREADS", "many")]);
    assert_eq!(code, 2);
    assert!(error.contains("--threads"), "{error}");
}

#[test]
fn lists_are_tables_and_json() {
    let (_, out, _) = run(&["fields"], &[]);
    assert!(out.starts_with("NAME ") && out.contains("\nsrc.ip "));
    let (_, out, _) = run(&["fields", "--pending"], &[]);
    assert!(out.contains("src.pod.name") && out.contains("needs Kubernetes") && !out.contains("src.ip"));
    for verb in ["fields", "protocols", "doctor", "config"] {
        let (code, out, error) = run(&[verb, "-o", "json"], &[]);
        assert_eq!((code, error.as_str()), (0, ""));
        let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(!rows.as_array().unwrap().is_empty(), "{verb}");
        assert_eq!(run(&[verb, "--output", "json"], &[]).0, 0);
    }
    let (_, out, _) = run(&["protocols"], &[]);
    assert!(out.contains("\nhttp "));
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = run(&["completions", shell], &[]);
        assert!(code == 0 && out.contains("body-limit") && out.contains("protocols"), "{shell}");
    }
}

#[test]
fn there_are_man_pages() {
    let (code, out, _) = run(&["man"], &[]);
    assert!(code == 0 && out.contains(".TH lanternfish 1"));
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(command(directory.path()).args(["man", "pages"]).status().unwrap().code(), Some(0));
    let page = std::fs::read_to_string(directory.path().join("pages/lanternfish-read.1")).unwrap();
    assert!(page.contains("lanternfish read"), "{page}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["fields", "-o", "json"][..], &["completions", "zsh"], &["--help"]] {
        let mut child =
            command(directory.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let (code, _, error) = parts(&child.wait_with_output().unwrap());
        assert_eq!((code, error.as_str()), (0, ""), "{arguments:?}");
    }
}

/// The pages that are committed are those that the program makes: `lanternfish docs docs` renews them.
#[test]
fn committed_pages_are_current() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(docs.join("cli.md"), directory.path().join("cli.md")).unwrap();
    assert_eq!(command(directory.path()).args(["docs", "."]).status().unwrap().code(), Some(0));
    let same = |name: &str| {
        let read = |path: &Path| std::fs::read_to_string(path.join(name)).unwrap_or_default();
        assert!(read(&docs) == read(directory.path()), "docs/{name} is not current: run `lanternfish docs docs`");
    };
    same("cli.md");
    let names = |path: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(path.join("protocols")).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert!(names(directory.path()).contains(&"http.md".to_owned()));
    // A tree without these pages (a package of the sources) has nothing to compare.
    if docs.join("protocols").exists() {
        assert_eq!(names(&docs), names(directory.path()));
        names(&docs).iter().for_each(|name| same(&format!("protocols/{name}")));
    }
}
