//! Which capture files a data directory holds, so that one that was read is not read again: its entries would be there twice.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::files::write_private;

/// The files that were read into a data directory, by what they hold.
#[derive(Debug)]
pub(crate) struct KnownFiles {
    path: PathBuf,
    files: HashMap<Contents, Known>,
}

/// What a file holds, as far as it tells capture files apart: its size, its beginning and its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Contents(String);

/// What came of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Whether it was read to its end.
    pub(crate) is_whole: bool,
    /// Its packets.
    pub(crate) packets: u64,
    /// The entries that were made of them.
    pub(crate) entries: u64,
}

impl Contents {
    /// What a file holds; `None` of what can't be read twice, such as a pipe.
    pub(crate) fn of(path: &Path) -> Option<Contents> {
        // A pipe is not even opened: whoever writes to it waits for the one reader that it has.
        let about = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let file = File::open(path).ok()?;
        let mut hash = Sha256::new();
        for from in [0, about.len().saturating_sub(LOOKED_AT)] {
            let mut part = vec![0; LOOKED_AT.min(about.len()) as usize];
            file.read_exact_at(&mut part, from).ok()?;
            hash.update(&part);
        }
        let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Contents(format!("{}-{digest}", about.len())))
    }
}

impl KnownFiles {
    /// The files of a data directory; those of a list that can't be read are none.
    pub(crate) fn open(dir: &Path) -> KnownFiles {
        let path = dir.join("files.json");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let all: HashMap<String, Value> = serde_json::from_str(&text).unwrap_or_default();
        let number = |about: &Value, name: &str| about[name].as_u64().unwrap_or(0);
        let known = |about: &Value| Known {
            is_whole: about["is_whole"] == true,
            packets: number(about, "packets"),
            entries: number(about, "entries"),
        };
        KnownFiles { path, files: all.iter().map(|(of, about)| (Contents(of.clone()), known(about))).collect() }
    }

    /// What came of a file that was read before.
    pub(crate) fn find(&self, contents: &Contents) -> Option<Known> {
        self.files.get(contents).copied()
    }

    /// Takes notice of a file that is read.
    pub(crate) fn note(&mut self, contents: Contents, known: Known) -> io::Result<()> {
        self.files.insert(contents, known);
        let about =
            |known: &Known| json!({ "is_whole": known.is_whole, "packets": known.packets, "entries": known.entries });
        let all: serde_json::Map<String, Value> =
            self.files.iter().map(|(of, known)| (of.0.clone(), about(known))).collect();
        write_private(&self.path, &serde_json::to_vec_pretty(&all)?)
    }
}

/// So many bytes of each end of a file are looked at.
const LOOKED_AT: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_what_they_hold() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            Contents::of(&path).unwrap()
        };
        let one = file("one", b"packets");
        assert_eq!(one, file("copy of one", b"packets"));
        let mut long = vec![1; 3 * LOOKED_AT as usize];
        let others = [file("empty", b""), file("other", b"packetz"), file("long", &long), one.clone()];
        assert_eq!(others.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
        *long.last_mut().unwrap() = 2;
        assert!(!others.contains(&file("long", &long)));
        assert_eq!(Contents::of(dir.path()), None);
        assert_eq!(Contents::of(Path::new("-")), None);
    }

    #[test]
    fn what_came_of_them_outlives_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Contents("1".to_owned()), Contents("2".to_owned()));
        let known = Known { is_whole: true, packets: 7, entries: 3 };
        let mut files = KnownFiles::open(dir.path());
        files.note(one.clone(), Known::default()).unwrap();
        files.note(other.clone(), Known::default()).unwrap();
        files.note(one.clone(), known).unwrap();
        let again = KnownFiles::open(dir.path());
        assert_eq!((again.find(&one), again.find(&other)), (Some(known), Some(Known::default())));
        fs::write(dir.path().join("files.json"), "[1, 2").unwrap();
        assert_eq!(KnownFiles::open(dir.path()).find(&one), None);
    }
}
