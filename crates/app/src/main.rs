//! The `lanternfish` program: it reads the command line and the configuration, and hands over to a verb.

mod cli;
mod config;
mod demo;
mod exit;
mod input;
mod instance;
mod output;
mod packets;
mod pages;
mod parquet_file;
mod progress;
mod redaction;
mod rows;
mod sinks;
mod tables;
mod terminal;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    end_with_any_panic();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// A panic ends the program rather than leave it without one of its threads. Those of queries run code that is not ours on
/// whatever was stored: there it ends the query, which says so.
fn end_with_any_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        if std::thread::current().name() != Some(lanternfish_query::THREADS) {
            std::process::abort();
        }
    }));
}

fn run() -> Result<(), exit::Failure> {
    // What the command line names is read as the user may, before any verb has said which rights it needs.
    lanternfish_capture::privileges::lay_aside().map_err(anyhow::Error::from)?;
    let invocation = config::parse(std::env::args_os())?;
    verbs::run(&invocation)
}
