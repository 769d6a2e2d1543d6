//! Capture files as inputs: opened without more rights than needed, counted for progress, and kept where they are read twice.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use lanternfish_capture::privileges::{self, Standing};

/// An input that can be opened, and once more for its packets.
pub(crate) enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// Standard input, kept in an unnamed temporary file while it is read.
    Spool(File),
}

/// The most bytes of standard input that are kept for a second reading.
pub(crate) const MAX_SPOOL_BYTES: u64 = 16 << 30;

impl Input {
    /// The input of a path; `-` is standard input, kept where it will be read twice.
    pub(crate) fn new(path: &Path, is_read_twice: bool) -> Result<Input> {
        if path.as_os_str() != "-" {
            return Ok(Input::File(path.to_owned()));
        }
        if is_read_twice {
            return Ok(Input::Spool(tempfile::tempfile().context("cannot make a temporary file for standard input")?));
        }
        Ok(Input::Stdin)
    }

    /// The name in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Input::File(path) => path.display().to_string(),
            Input::Stdin | Input::Spool(_) => "standard input".to_owned(),
        }
    }

    /// The size in bytes, where it is known.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Input::File(path) => {
                std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|about| about.len())
            }
            Input::Stdin | Input::Spool(_) => None,
        }
    }

    /// Opens it for the first time. Bytes that are read are added to `read_bytes`.
    pub(crate) fn open(&self, standing: &Standing, read_bytes: &Arc<AtomicU64>) -> Result<Box<dyn Read + Send>> {
        let inner: Box<dyn Read + Send> = match self {
            Input::File(path) => Box::new(open_file(path, standing)?),
            Input::Stdin => Box::new(io::stdin()),
            Input::Spool(file) => Box::new(Keep { inner: io::stdin(), file: file.try_clone()?, kept: 0 }),
        };
        Ok(Box::new(Counted { inner, read_bytes: Arc::clone(read_bytes) }))
    }

    /// Opens it again, at its beginning.
    pub(crate) fn open_again(&self, standing: &Standing) -> Result<Box<dyn Read + Send>> {
        match self {
            Input::File(path) => Ok(Box::new(open_file(path, standing)?)),
            Input::Stdin => anyhow::bail!("standard input can be read only once"),
            Input::Spool(file) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                Ok(Box::new(file))
            }
        }
    }
}

fn open_file(path: &Path, standing: &Standing) -> Result<File> {
    File::open(path).map_err(|error| match privileges::denied_hint(standing, path, &error) {
        Some(hint) => anyhow::Error::from(error).context(format!("cannot open {}: {hint}", path.display())),
        None => anyhow::Error::from(error).context(format!("cannot open {}", path.display())),
    })
}

struct Counted {
    inner: Box<dyn Read + Send>,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Reads on, and writes what was read to a file.
struct Keep<R> {
    inner: R,
    file: File,
    kept: u64,
}

impl<R: Read> Read for Keep<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.kept = self.kept.saturating_add(count as u64);
        if self.kept > MAX_SPOOL_BYTES {
            return Err(io::Error::other(format!(
                "standard input is longer than {MAX_SPOOL_BYTES} bytes: give a file instead"
            )));
        }
        self.file.write_all(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}
