//! Standard output and the terminal behind it.

use std::io::{self, IsTerminal, Write};

use terminal_size::{Width, terminal_size};

use crate::cli::ColorChoice;

/// What standard output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Whether to colour.
    pub(crate) has_color: bool,
    /// The width in cells; `None` where it is no terminal.
    pub(crate) width: Option<usize>,
}

impl Screen {
    /// The screen behind standard output.
    pub(crate) fn of_stdout(choice: ColorChoice) -> Screen {
        let is_terminal = io::stdout().is_terminal();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let has_color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            // See https://no-color.org.
            ColorChoice::Auto => is_terminal && !is_dumb && !is_set("NO_COLOR"),
        };
        let width = terminal_size().filter(|_| is_terminal).map(|(Width(width), _)| usize::from(width));
        Screen { has_color, width }
    }
}

/// Writes a text to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a line to standard error; what can't be told is not worth failing for.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
