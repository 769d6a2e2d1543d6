//! `lanternfish completions`: scripts for shells, from the declaration of the command line.

use clap_complete::Shell;

use crate::cli;
use crate::exit::Failure;
use crate::terminal::print;

/// Prints the script of a shell.
pub(super) fn run(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "lanternfish", &mut script);
    Ok(print(&String::from_utf8_lossy(&script))?)
}
