//! The declaration of the command line is consistent.

use super::*;

#[test]
fn the_declaration_is_sound() {
    command().debug_assert();
}

#[test]
fn a_key_means_the_same_in_every_verb() {
    let mut known: Vec<(String, String)> = Vec::new();
    for verb in command().get_subcommands() {
        for argument in arguments_of(verb) {
            let Some(key) = key(argument) else { continue };
            let action = format!("{:?}", argument.get_action());
            match known.iter().find(|(name, _)| name == key) {
                Some((_, other)) => assert_eq!(*other, action, "--{key} of {}", verb.get_name()),
                None => known.push((key.to_owned(), action)),
            }
        }
    }
    assert!(known.iter().any(|(key, _)| key == "body-limit"));
    assert!(!known.iter().any(|(key, _)| key == "fix"));
}

#[test]
fn every_flag_has_a_variable() {
    let command = command();
    let read = command.find_subcommand("read").unwrap();
    let limit = read.get_arguments().find(|argument| argument.get_long() == Some("body-limit")).unwrap();
    assert_eq!(limit.get_env().unwrap(), "LANTERNFISH_BODY_LIMIT");
    let list = command.find_subcommand("snapshot").unwrap().find_subcommand("list").unwrap();
    let directory = list.get_arguments().find(|argument| argument.get_long() == Some("data-dir")).unwrap();
    assert_eq!(directory.get_env().unwrap(), "LANTERNFISH_DATA_DIR");
}

#[test]
fn sizes_are_read_and_written() {
    for (text, bytes) in
        [("0", 0), ("65536", 65536), ("64KiB", 65536), ("64k", 65536), ("1.5 GB", 1_500_000_000), ("2mb", 2_000_000)]
    {
        assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
    }
    for text in ["", "x", "12parsec", "-1", "99999999999GiB", "1e3"] {
        assert!(text.parse::<ByteSize>().is_err(), "{text}");
    }
    assert_eq!([65536, 512 << 20, 1000].map(|bytes| ByteSize(bytes).to_string()), ["64KiB", "512MiB", "1000"]);
}
