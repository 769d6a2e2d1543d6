//! How the program ends: 0 if it did its work, 1 if a file can't be read, 2 on unusable arguments or a filter error.

use std::io;
use std::process::ExitCode;

/// Why the program ends without having done its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line can't be used; clap's own words, or help and version, which are no failure.
    Clap(clap::Error),
    /// Arguments, configuration or a filter can't be used.
    Usage(anyhow::Error),
    /// Something could not be read, written or done.
    Work(anyhow::Error),
    /// Something could not be read, and it was told already.
    Told,
}

impl Failure {
    /// A failure for arguments that can't be used.
    pub(crate) fn usage(message: impl std::fmt::Display) -> Failure {
        Failure::Usage(anyhow::anyhow!("{message}"))
    }

    /// Tells the user, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Failure::Clap(error) => {
                // A closed pipe behind `--help` is nobody's fault.
                let _ = error.print();
                ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
            }
            Failure::Usage(error) => {
                tell(&error);
                ExitCode::from(USAGE)
            }
            Failure::Told => ExitCode::from(WORK),
            Failure::Work(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
            Failure::Work(error) => {
                tell(&error);
                ExitCode::from(WORK)
            }
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Work(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::StorageFull {
            return Failure::Work(anyhow::Error::from(error).context("cannot write the output"));
        }
        Failure::Work(error.into())
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Failure::Clap(error)
    }
}

fn tell(error: &anyhow::Error) {
    let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("lanternfish: {error:#}\n"));
}

/// Whether the reader of our output went away (`lanternfish … | head`): the work is done.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_pipe))
}

/// A file can't be read.
const WORK: u8 = 1;
/// Unusable arguments, or a filter error.
const USAGE: u8 = 2;
