//! Writes tar archives (POSIX.1-1988 ustar), as much as snapshots need.

use std::fs::File;
use std::io::{self, Read, Write};

/// An archive under way.
pub(crate) struct Tar<'a> {
    output: &'a mut dyn Write,
}

impl<'a> Tar<'a> {
    pub(crate) fn new(output: &'a mut dyn Write) -> Self {
        Tar { output }
    }

    /// Adds a directory.
    pub(crate) fn directory(&mut self, name: &str) -> io::Result<()> {
        self.header(&format!("{name}/"), 0, 0o700, b'5')
    }

    /// Adds a file as long as it is now.
    pub(crate) fn file(&mut self, name: &str, file: &File) -> io::Result<()> {
        let length = file.metadata()?.len();
        self.header(name, length, 0o600, b'0')?;
        let copied = io::copy(&mut file.take(length), self.output)?;
        if copied != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let padding = length.next_multiple_of(BLOCK_BYTES as u64) - length;
        io::copy(&mut io::repeat(0).take(padding), self.output)?;
        Ok(())
    }

    /// Ends the archive.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.output.write_all(&[0; 2 * BLOCK_BYTES])?;
        self.output.flush()
    }

    fn header(&mut self, name: &str, length: u64, mode: u32, kind: u8) -> io::Result<()> {
        let mut header = [0u8; BLOCK_BYTES];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(slot) = header.get_mut(at..at.saturating_add(bytes.len())) {
                slot.copy_from_slice(bytes);
            }
        };
        let (prefix, name) = split(name).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
        put(0, name.as_bytes());
        put(100, format!("{mode:07o}\0").as_bytes());
        put(108, b"0000000\x000000000\0");
        put(124, format!("{length:011o}\0").as_bytes());
        put(136, b"00000000000\0        ");
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        put(345, prefix.as_bytes());
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        if let Some(slot) = header.get_mut(148..156) {
            slot.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        self.output.write_all(&header)
    }
}

/// A long name stands in two parts.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= MAX_NAME_BYTES {
        return Some(("", name));
    }
    let mut cuts = name.match_indices('/').map(|(at, _)| name.split_at(at));
    let parts = cuts.find(|(_, rest)| rest.len() <= MAX_NAME_BYTES + 1 && rest.len() > 1)?;
    (parts.0.len() <= MAX_PREFIX_BYTES).then(|| (parts.0, parts.1.trim_start_matches('/')))
}

const BLOCK_BYTES: usize = 512;
const MAX_NAME_BYTES: usize = 100;
const MAX_PREFIX_BYTES: usize = 155;
