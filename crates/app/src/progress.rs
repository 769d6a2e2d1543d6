//! A bar on standard error for long files, on a terminal only.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far the reading of a file is.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins; `bytes` is the size of the files, `None` where it is not known. Nothing is drawn where standard error is no
    /// terminal, or where entries go to the same terminal.
    pub(crate) fn new(bytes: Option<u64>) -> Progress {
        let is_quiet = !std::io::stderr().is_terminal() || std::io::stdout().is_terminal();
        let target = if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(5) };
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::with_draw_target(Some(bytes), target), KNOWN),
            None => (ProgressBar::with_draw_target(None, target), UNKNOWN),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        Progress(bar)
    }

    /// Tells how many bytes are read in all.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

const KNOWN: &str = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const UNKNOWN: &str = "{spinner} {bytes} {bytes_per_sec}";
