//! The verbs, one module each.

pub(crate) mod capture;
mod completions;
mod config;
mod docs;
mod doctor;
mod export;
pub(crate) mod fields;
mod kfl;
mod live;
mod man;
mod map;
mod open;
mod protocols;
mod query;
mod read;
mod running;
mod snapshot;
mod stored;
mod watch;

use crate::cli::Verb;
use crate::config::Invocation;
use crate::demo;
use crate::exit::Failure;

/// What can't be seen on this machine, why, and what helps.
pub(crate) fn dark() -> Vec<(String, String, String)> {
    doctor::dark()
}

/// Does what the command line says.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let cli = &invocation.cli;
    match &cli.verb {
        Verb::Read(arguments) => read::run(cli, arguments),
        Verb::Live(arguments) => live::live(invocation, arguments),
        Verb::Watch(arguments) => watch::run(invocation, arguments),
        Verb::Demo(arguments) => live::demo(invocation, arguments),
        Verb::Shop { service } => Ok(demo::serve(*service)?),
        Verb::Open(arguments) => open::run(invocation, arguments),
        Verb::Query(arguments) => query::run(cli, arguments),
        Verb::Map(arguments) => map::run(arguments),
        Verb::Export(arguments) => export::run(cli, arguments),
        Verb::Snapshot(arguments) => snapshot::run(cli, &arguments.verb),
        Verb::Fields(arguments) => fields::run(arguments),
        Verb::Protocols(arguments) => protocols::run(arguments),
        Verb::Kfl(arguments) => kfl::run(arguments),
        Verb::Doctor(arguments) => doctor::run(arguments, cli.color),
        Verb::Config(arguments) => config::run(arguments, invocation),
        Verb::Completions { shell } => completions::run(*shell),
        Verb::Man { directory } => man::run(directory.as_deref()),
        Verb::Docs { directory } => docs::run(directory),
    }
}
