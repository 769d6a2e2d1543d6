//! The thread that makes segments of parts that are written.
//!
//! Parts of a protocol are sealed in their order, so that after a crash every file of the tail that is not younger than the
//! protocol's newest segment is known to be in it.

use std::fs::{self, File};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use crate::dir::{Dir, TEMPORARY};
use crate::segment::file_name;
use crate::state::{Part, Shared};
use crate::{Segment, seal};

/// What the thread has.
pub(crate) struct Sealer {
    pub shared: Arc<Shared>,
    pub dir: Dir,
    /// By the indexes of protocols.
    pub names: Vec<&'static str>,
}

impl Sealer {
    pub(crate) fn run(self, wakes: &Receiver<()>) {
        for () in wakes {
            while let Some((sequence, sealed)) = self.next() {
                if let Err(error) = sealed {
                    let mut inner = self.shared.lock();
                    self.shared.stop(&mut inner, &error, &format!("sealing part {sequence} failed"));
                    break;
                }
            }
        }
    }

    /// Seals the oldest part that waits for it.
    fn next(&self) -> Option<(u64, io::Result<()>)> {
        let (protocol, sequence, batches, bounds) = {
            let inner = self.shared.lock();
            let part = inner.parts.iter().find(|part| part.is_written)?;
            (part.protocol, part.sequence, Arc::clone(&part.batches), part.bounds)
        };
        let name = self.names.get(usize::from(protocol.0)).copied().unwrap_or("unknown");
        let dir = self.dir.segments().join(name);
        let temporary = dir.join(format!("{sequence:08x}.{TEMPORARY}"));
        let path = dir.join(file_name(&bounds, sequence));
        let write = || {
            let bytes = seal::write(&temporary, &batches, &bounds, self.shared.config.compression_level)?;
            fs::rename(&temporary, &path)?;
            // The name must be on the disk before the tail's is gone.
            File::open(&dir)?.sync_all()?;
            Ok(bytes)
        };
        let bytes = match write() {
            Ok(bytes) => bytes,
            Err(error) => return Some((sequence, Err(error))),
        };
        let mut part: Option<Part> = None;
        {
            let mut inner = self.shared.lock();
            if let Some(position) = inner.parts.iter().position(|part| part.is_written && part.sequence == sequence) {
                part = inner.parts.remove(position);
            }
            let segment = Segment::new(protocol, path, bounds, bytes, sequence);
            Arc::make_mut(&mut inner.segments).push(Arc::new(segment));
        }
        for path in part.iter().flat_map(|part| &part.files) {
            // One that stays is known to be sealed when the store is opened next.
            let _ = fs::remove_file(path);
        }
        Some((sequence, Ok(())))
    }
}
