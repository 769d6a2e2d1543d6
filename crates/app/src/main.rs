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
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), exit::Failure> {
    let invocation = config::parse(std::env::args_os())?;
    verbs::run(&invocation)
}
