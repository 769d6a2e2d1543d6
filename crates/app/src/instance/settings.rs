//! The settings as the page shows and changes them: how much is kept can be changed while the program runs.
//!
//! What a flag, a variable or a configuration file says, wins. Where none of them says anything, what was set in the page
//! holds, and is kept in the data directory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use lanternfish_api::EngineError;
use lanternfish_api::dto::{Deletes, Setting};
use lanternfish_store::{Limits, Store};

use super::files::write_private;
use crate::cli::{Age, ByteSize};
use crate::config::Invocation;

/// The settings, and the store whose limits can be changed.
pub(crate) struct Board {
    store: Arc<Store>,
    shown: Vec<Setting>,
    /// What was set in the page; none where nothing is kept, and nothing can be changed.
    kept: Option<Mutex<Kept>>,
}

/// What was set in the page, by key, as it would be written in a configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

impl Kept {
    /// What is kept in a data directory. Settings that there are not are passed over, and told; what can't be read or makes
    /// no sense is an error, for under a default that nobody chose, what is stored would be deleted.
    pub(crate) fn open(dir: &Path, told: impl Fn(&str)) -> anyhow::Result<Kept> {
        let path = dir.join(FILE);
        let cannot = || format!("cannot read the settings in {}: mend or remove the file", path.display());
        let mut values: BTreeMap<String, String> = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(cannot)?,
            // What is no directory is refused by the store, in words about the directory.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                BTreeMap::new()
            }
            Err(error) => return Err(error).with_context(cannot),
        };
        values.retain(|key, _| {
            let is_known = KEYS.contains(&key.as_str());
            if !is_known {
                told(&format!("{key} in {FILE} is passed over: there is no such setting"));
            }
            is_known
        });
        for (key, value) in &values {
            if let Err(message) = Change::parse(key, value) {
                return Err(anyhow::anyhow!("{key}: {message}")).with_context(cannot);
            }
        }
        Ok(Kept { path, values })
    }

    /// The value of a key.
    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Puts what was set in the page in the place of defaults; a ring that is off stays off.
    pub(crate) fn apply(&self, limits: &mut Limits, is_default: impl Fn(&str) -> bool) {
        for (key, value) in self.values.iter().filter(|(key, _)| is_default(key)) {
            if let Ok(change) = Change::parse(key, value) {
                change.apply(limits);
            }
        }
    }

    fn add(&mut self, values: &BTreeMap<String, String>) -> io::Result<()> {
        let mut all = self.values.clone();
        all.extend(values.iter().map(|(key, value)| (key.clone(), value.trim().to_owned())));
        write_private(&self.path, &serde_json::to_vec_pretty(&all)?)?;
        self.values = all;
        Ok(())
    }
}

impl Board {
    /// The settings of a run. Where it `is_kept` in a data directory, what no flag, variable or file sets can be changed.
    pub(crate) fn new(store: &Arc<Store>, invocation: &Invocation, is_kept: bool) -> Board {
        let limits = store.limits();
        let kept = if is_kept && !store.is_read_only() { Kept::open(store.path(), |_| {}).ok() } else { None };
        let is_changed_here = kept.is_some();
        let settings = invocation.settings().into_iter().map(|setting| {
            let mut shown = Setting {
                value: setting.values.join(", "),
                source: setting.source,
                doc: setting.help,
                is_changeable: false,
                note: String::new(),
                key: setting.key,
            };
            if is_changed_here && KEYS.contains(&shown.key.as_str()) {
                shown.note = match (shown.source.as_str(), shown.key.as_str()) {
                    (DEFAULT, "ring-bytes") if limits.ring_bytes == 0 => RING_IS_OFF.to_owned(),
                    (DEFAULT, _) => String::new(),
                    ("flag", key) => format!("the flag --{key} sets it: start without it to change it here"),
                    (source, _) => format!("{source} sets it: take it out there and start anew to change it here"),
                };
                shown.is_changeable = shown.note.is_empty();
            }
            shown
        });
        Board { shown: settings.collect(), store: Arc::clone(store), kept: kept.map(Mutex::new) }
    }

    /// The settings as they hold.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let mut shown = self.shown.clone();
        let Some(kept) = &self.kept else { return shown };
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        for setting in shown.iter_mut().filter(|setting| setting.is_changeable) {
            if let Some(value) = kept.find(&setting.key) {
                (setting.value, setting.source) = (value.to_owned(), "page".to_owned());
            }
        }
        shown
    }

    /// Changes settings, all of them or none, and gives what that deletes; a trial changes nothing.
    pub(crate) fn change(&self, values: &BTreeMap<String, String>, is_trial: bool) -> Result<Deletes, EngineError> {
        if values.is_empty() {
            return Ok(Deletes::default());
        }
        let Some(kept) = &self.kept else {
            let key = values.keys().next().cloned().unwrap_or_default();
            return Err(EngineError::Invalid {
                message: format!("{key} can't be changed while the program runs"),
                parameter: key,
            });
        };
        // One change at a time: each begins with the limits that the one before left.
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut limits = self.store.limits();
        for (key, value) in values {
            let invalid = |message| EngineError::Invalid { parameter: key.clone(), message };
            let known = self.shown.iter().find(|setting| setting.key == *key && setting.is_changeable);
            known.ok_or_else(|| invalid(format!("{key} can't be changed while the program runs")))?;
            Change::parse(key, value).map_err(invalid)?.apply(&mut limits);
        }
        let going = self.store.going(&limits);
        if !is_trial {
            kept.add(values).map_err(|error| EngineError::Failed(format!("cannot keep the settings: {error}")))?;
            self.store.set_limits(limits);
        }
        Ok(Deletes { entries: going.entries, bytes: going.bytes, packet_bytes: going.packet_bytes })
    }
}

/// A limit that is to be changed.
enum Change {
    RetentionBytes(u64),
    RetentionAge(Duration),
    RingBytes(u64),
}

impl Change {
    fn parse(key: &str, value: &str) -> Result<Change, String> {
        let value = value.trim();
        let size = || {
            let ByteSize(bytes) = value.parse()?;
            if bytes < LEAST_BYTES {
                return Err(format!("{value} is less than {}, the least", ByteSize(LEAST_BYTES)));
            }
            Ok(bytes)
        };
        match key {
            "retention-bytes" => size().map(Change::RetentionBytes),
            "retention-age" => value.parse().map(|Age(age)| Change::RetentionAge(age)),
            "ring-bytes" if value.parse() == Ok(ByteSize(0)) => {
                Err("the ring can't be switched off while the program runs: start with --ring-bytes 0".to_owned())
            }
            "ring-bytes" => size().map(Change::RingBytes),
            _ => Err("it holds from the start of the program on".to_owned()),
        }
    }

    fn apply(self, limits: &mut Limits) {
        match self {
            Change::RetentionBytes(bytes) => limits.retention_bytes = bytes,
            Change::RetentionAge(age) => limits.retention_age = age,
            Change::RingBytes(_) if limits.ring_bytes == 0 => {}
            Change::RingBytes(bytes) => limits.ring_bytes = bytes,
        }
    }
}

/// The settings that can be changed while the program runs.
const KEYS: [&str; 3] = ["ring-bytes", "retention-bytes", "retention-age"];
/// Less than this would keep nothing.
const LEAST_BYTES: u64 = 1 << 20;
/// Where a value comes from that nobody set.
pub(crate) const DEFAULT: &str = "default";
const RING_IS_OFF: &str = "raw packets are not kept: start with --ring-bytes to keep them";
/// The file in a data directory that has what was set in the page.
const FILE: &str = "settings.json";

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use lanternfish_columns::Tables;
    use lanternfish_store::Config;

    use super::*;
    use crate::tables::field_table;

    fn invocation(flags: &[&str]) -> Invocation {
        let typed = ["lanternfish", "live", "--config", "/dev/null"].iter().chain(flags);
        crate::config::parse(typed.map(OsString::from)).unwrap()
    }

    fn board(dir: &Path, flags: &[&str]) -> Board {
        let tables = Arc::new(Tables::new(field_table().unwrap()));
        let store = Store::open(dir, Config { ring_bytes: 8 << 20, ..Config::default() }, tables).unwrap();
        Board::new(&Arc::new(store), &invocation(flags), true)
    }

    fn of(board: &Board, key: &str) -> (String, String, bool, String) {
        let found = board.settings().into_iter().find(|setting| setting.key == key).unwrap();
        (found.value, found.source, found.is_changeable, found.note)
    }

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_set_holds_at_once_and_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let board = board(dir.path(), &[]);
        assert_eq!(of(&board, "retention-age"), ("7d".to_owned(), DEFAULT.to_owned(), true, String::new()));
        let change = values(&[("retention-age", "36h"), ("retention-bytes", " 5GiB"), ("ring-bytes", "2MiB")]);
        assert_eq!(board.change(&change, true).unwrap(), Deletes::default());
        assert_eq!(of(&board, "retention-age").1, DEFAULT, "a trial changes nothing");
        board.change(&change, false).unwrap();
        assert_eq!(of(&board, "retention-bytes"), ("5GiB".to_owned(), "page".to_owned(), true, String::new()));
        let limits =
            Limits { retention_bytes: 5 << 30, retention_age: Duration::from_secs(36 * 3600), ring_bytes: 2 << 20 };
        assert_eq!(board.store.limits(), limits);
        let kept = Kept::open(dir.path(), |problem| panic!("{problem}")).unwrap();
        let mut after = Limits { retention_bytes: 1, retention_age: Duration::ZERO, ring_bytes: 0 };
        kept.apply(&mut after, |key| key != "retention-bytes");
        assert_eq!((after.retention_bytes, after.retention_age), (1, limits.retention_age), "a flag wins");
        assert_eq!(after.ring_bytes, 0, "a ring that is off stays off");
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let board = board(dir.path(), &["--retention-bytes", "3GiB"]);
        for (key, value, said) in [
            ("retention-age", "soon", "is not a length of time"),
            ("ring-bytes", "0", "can't be switched off"),
            ("ring-bytes", "12", "12 is less than 1MiB"),
            ("retention-bytes", "5GiB", "can't be changed"),
            ("listen", "127.0.0.1:1", "can't be changed"),
        ] {
            let both = values(&[("retention-age", "1h"), (key, value)]);
            let refused = board.change(&both, false).unwrap_err();
            assert!(refused.to_string().contains(said), "{refused}");
        }
        assert_eq!(of(&board, "retention-age").1, DEFAULT);
        let (value, source, is_changeable, note) = of(&board, "retention-bytes");
        assert_eq!((value.as_str(), source.as_str(), is_changeable), ("3GiB", "flag", false));
        assert!(note.contains("--retention-bytes"), "{note}");
        std::fs::write(dir.path().join(FILE), r#"{"listen":"soon","ring-bytes":"2MiB"}"#).unwrap();
        let kept = Kept::open(dir.path(), |_| {}).unwrap();
        assert_eq!((kept.find("listen"), kept.find("ring-bytes")), (None, Some("2MiB")));
    }

    #[test]
    fn what_is_kept_and_cannot_be_read_is_not_taken_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Kept::open(dir.path(), |problem| panic!("{problem}"));
        assert_eq!(open().unwrap().values, BTreeMap::new());
        for (text, said) in [
            (r#"{"retention-bytes":"50 GiBB"}"#, "retention-bytes: "),
            (r#"{"retention-bytes":"50GiB""#, "EOF"),
            ("", "EOF"),
        ] {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            let error = format!("{:#}", open().unwrap_err());
            assert!(error.contains(said) && error.contains("mend or remove the file"), "{error}");
        }
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        // A directory can't be read as a file, by root neither.
        std::fs::create_dir(dir.path().join(FILE)).unwrap();
        assert!(open().is_err());
    }
}
