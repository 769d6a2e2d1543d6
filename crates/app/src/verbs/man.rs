//! `lanternfish man`: man pages, from the declaration of the command line.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;

use crate::cli;
use crate::exit::Failure;
use crate::terminal::print;

/// Prints the page of the program, or writes the pages of all verbs to a directory.
pub(super) fn run(directory: Option<&Path>) -> Result<(), Failure> {
    let Some(directory) = directory else {
        return Ok(print(&String::from_utf8_lossy(&page(cli::command())?))?);
    };
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let mut command = cli::command();
    command.build();
    let pages = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    let pages = pages.map(|verb| (format!("lanternfish-{}", verb.get_name()), verb.clone()));
    for (name, verb) in std::iter::once(("lanternfish".to_owned(), cli::command())).chain(pages) {
        let path = directory.join(format!("{name}.1"));
        let bytes = page(verb.name(name.clone()).bin_name(name.replacen('-', " ", 1)))?;
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn page(command: Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
