//! Standard output, or a file, for entries: whole batches, with what stands before the first and behind the last.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use lanternfish_output::EntryWriter;

/// Standard output without the line buffer of the standard library, which would only copy whole batches again.
pub(crate) fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Entries on their way out.
pub(crate) struct Output {
    out: File,
    separator: &'static [u8],
    is_first: bool,
    error: Option<io::Error>,
}

impl Output {
    /// Writes what stands before the first entry.
    pub(crate) fn begin(writer: &mut EntryWriter<'static>) -> io::Result<Output> {
        Output::begin_in(stdout()?, writer)
    }

    /// Writes to a file what stands before the first entry.
    pub(crate) fn begin_in(mut out: File, writer: &mut EntryWriter<'static>) -> io::Result<Output> {
        let mut head = Vec::new();
        writer.begin(&mut head);
        out.write_all(&head)?;
        Ok(Output { out, separator: writer.separator(), is_first: true, error: None })
    }

    /// Writes entries, each with a separator before it; `false` where nobody reads any more.
    pub(crate) fn write(&mut self, entries: &[u8]) -> bool {
        let entries = match entries.strip_prefix(self.separator) {
            Some(rest) if self.is_first => rest,
            _ => entries,
        };
        self.is_first = false;
        match self.out.write_all(entries) {
            Ok(()) => true,
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }

    /// Writes what stands behind the last entry; an error of an earlier write comes out here.
    pub(crate) fn end(mut self, writer: &mut EntryWriter<'static>) -> io::Result<()> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut tail = Vec::new();
        writer.end(&mut tail);
        self.out.write_all(&tail)
    }
}
