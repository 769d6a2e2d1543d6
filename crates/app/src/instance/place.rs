//! Where an instance keeps what it sees: a data directory, or a temporary one that goes with the program.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use lanternfish_columns::Tables;
use lanternfish_model::FieldTable;
use lanternfish_pipeline::Fingerprint;
use lanternfish_store::{Config, Limits, Store, StoreError};
use tempfile::TempDir;

use super::serve::Listening;
use super::settings::{DEFAULT, Kept};
use super::{About, Board, files};
use crate::cli::{LimitArgs, StoreArgs};
use crate::config::Invocation;
use crate::exit::Failure;
use crate::terminal::tell;
use crate::verbs::capture::now;

/// A data directory that is open.
pub(crate) struct Place {
    /// The store in it.
    pub(crate) store: Arc<Store>,
    temporary: Option<TempDir>,
}

impl Place {
    /// Opens the directory that the command line says, with the limits that it says or else the page said.
    pub(crate) fn open(
        arguments: &StoreArgs,
        invocation: &Invocation,
        table: &'static FieldTable,
    ) -> Result<Place, Failure> {
        let mut limits = Limits {
            retention_bytes: arguments.retention_bytes.0,
            retention_age: arguments.retention_age.0,
            ring_bytes: arguments.ring_bytes.0,
        };
        if arguments.no_store {
            limits.retention_bytes = limits.retention_bytes.min(UNKEPT_BYTES);
            return Place::temporary(config(Limits { ring_bytes: 0, ..limits }), table);
        }
        let path = match &arguments.place.data_dir {
            Some(path) => path.clone(),
            None => default_dir().ok_or_else(|| {
                Failure::usage("there is no place to store: neither HOME nor XDG_STATE_HOME is set; see --data-dir")
            })?,
        };
        let settings = invocation.settings();
        let is_default = |key: &str| settings.iter().any(|setting| setting.key == key && setting.source == DEFAULT);
        Kept::open(&path, |problem| tell(&format!("lanternfish: {problem}")))?.apply(&mut limits, is_default);
        let place = Place::at(&path, config(limits), table)?;
        if let Some(warning) = open_to_others(&path) {
            tell(&format!("lanternfish: {warning}"));
        }
        Ok(place)
    }

    /// Opens a directory, and makes it where there is none.
    pub(crate) fn at(path: &Path, config: Config, table: &'static FieldTable) -> Result<Place, Failure> {
        let opened = Store::open(path, config, Arc::new(Tables::new(table)));
        let store = opened.map_err(|error| match &error {
            StoreError::Locked { .. } => {
                let at = listening(path).map_or_else(String::new, |url| format!("; its dashboard is at {url}"));
                Failure::Work(anyhow::anyhow!(
                    "{error}{at}. For one more: --data-dir another, and --listen 127.0.0.1:0"
                ))
            }
            _ => Failure::Work(error.into()),
        })?;
        if let Some(problem) = store.status().problem {
            tell(&format!("lanternfish: {problem}"));
        }
        Ok(Place { store: Arc::new(store), temporary: None })
    }

    /// Makes a directory that goes with the program.
    pub(crate) fn temporary(config: Config, table: &'static FieldTable) -> Result<Place, Failure> {
        let dir = tempfile::Builder::new().prefix("lanternfish-").tempdir().context("cannot make a directory")?;
        let place = Place::at(dir.path(), config, table)?;
        Ok(Place { temporary: Some(dir), ..place })
    }

    /// Under which key secrets are redacted here; none where they stay.
    pub(crate) fn redaction(&self, is_off: bool) -> Result<Option<Fingerprint>, Failure> {
        if is_off {
            return Ok(None);
        }
        if self.store.is_read_only() {
            return Ok(Some(crate::redaction::of_this_run()?));
        }
        let key = files::fingerprint(self.store.path());
        Ok(Some(key.with_context(|| format!("cannot keep the key of redaction in {}", self.store.path().display()))?))
    }

    /// What the instance says of itself.
    pub(crate) fn about(
        &self,
        invocation: &Invocation,
        limits: &LimitArgs,
        node_name: &str,
        is_redacting: bool,
    ) -> About {
        About {
            name: node_name.to_owned(),
            node_name: node_name.to_owned(),
            started: now(),
            is_redacting,
            is_kept: self.temporary.is_none(),
            memory_bytes: limits.memory.0,
            board: Arc::new(Board::new(&self.store, invocation, self.temporary.is_none())),
        }
    }

    /// Tells other processes where the dashboard is; gives its address.
    pub(crate) fn announce(&self, listening: &Listening) -> Result<String, Failure> {
        let url = listening.url();
        if !self.store.is_read_only() {
            let path = self.store.path().join(LISTEN);
            files::write_private(&path, url.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(url)
    }

    /// Brings all to the disk.
    pub(crate) fn close(self) {
        let _ = std::fs::remove_file(self.store.path().join(LISTEN));
        self.store.flush(Duration::from_secs(5));
    }
}

/// What to say of a directory that others than its owner can look into: what it holds is private, and its packets were never
/// redacted.
fn open_to_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let path = path.display();
    (mode & 0o077 != 0).then(|| {
        format!(
            "others can look into {path} (mode {mode:03o}), which holds packets with their secrets: chmod -R go= {path}"
        )
    })
}

/// Where the instance that writes to a directory listens, as it said: `http://` or `https://` and an address. What is anything
/// else is nothing, and is not repeated: rights that the user does not have may have been at hand to read it.
pub(crate) fn listening(dir: &Path) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(dir.join(LISTEN)).ok()?.take(MAX_LISTEN_BYTES).read_to_string(&mut text).ok()?;
    let url = text.trim().trim_end_matches('/');
    let address = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    address.parse::<SocketAddr>().is_ok().then(|| url.to_owned())
}

/// Where the data of the user lies, as whom the program goes on, if nothing else is said.
pub(crate) fn default_dir() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user = lanternfish_capture::privileges::lasting_user();
    if user == 0 {
        return Some(PathBuf::from("/var/lib/lanternfish"));
    }
    let state = of("XDG_STATE_HOME").or_else(|| Some(home(of("HOME"), user)?.join(".local/state")))?;
    Some(state.join("lanternfish"))
}

/// The home directory of a user; sudo may have left that of root in `HOME`.
fn home(named: Option<PathBuf>, user: u32) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    if named.as_ref().is_some_and(|home| std::fs::metadata(home).is_ok_and(|about| about.uid() == user)) {
        return named;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    home_of(&users, user).or(named)
}

/// The home directory of a user by its number, as passwd(5) has it.
fn home_of(users: &str, user: u32) -> Option<PathBuf> {
    let line = users.lines().find(|line| line.split(':').nth(2).and_then(|uid| uid.parse().ok()) == Some(user))?;
    line.split(':').nth(5).filter(|home| !home.is_empty()).map(PathBuf::from)
}

fn config(limits: Limits) -> Config {
    Config {
        retention_bytes: limits.retention_bytes,
        retention_age: limits.retention_age,
        ring_bytes: limits.ring_bytes,
        ..Config::default()
    }
}

/// Says where the dashboard is, and opens a browser where there is one.
pub(crate) fn show(url: &str, is_quiet: bool) {
    tell(&format!("The dashboard is at {url}"));
    if std::env::var_os("SSH_CONNECTION").is_some() {
        let port = port_of(url);
        tell(&format!("From your own machine: ssh -L {port}:127.0.0.1:{port} this-machine, then open it there"));
        return;
    }
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if is_quiet || !has_screen {
        return;
    }
    let command = std::process::Command::new("xdg-open")
        .arg(url)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    if let Ok(mut child) = command {
        // It ends at once, or lives as long as the browser; nobody waits for it here.
        let _ = std::thread::Builder::new().name("browser".to_owned()).spawn(move || child.wait());
    }
}

/// The port of an address such as `https://[::1]:8899/?snapshot=1`.
fn port_of(url: &str) -> &str {
    let address = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit(':').next().unwrap_or_default()
}

/// The longest address of an instance, with its scheme.
const MAX_LISTEN_BYTES: u64 = 96;
/// The file in a data directory that tells where the instance listens.
const LISTEN: &str = "listen";
/// The most bytes of entries where nothing is kept.
const UNKEPT_BYTES: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_is_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let of = |text: &str| {
            std::fs::write(dir.path().join(LISTEN), text).unwrap();
            listening(dir.path())
        };
        assert_eq!(of("http://127.0.0.1:8899\n").as_deref(), Some("http://127.0.0.1:8899"));
        assert_eq!(of("https://[::1]:8899/").as_deref(), Some("https://[::1]:8899"));
        for text in
            ["", "root:secret:19000:0:99999:7:::", "http://elsewhere.example:80", "ftp://127.0.0.1:1", "http://"]
        {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(listening(Path::new("/nowhere")), None);
    }

    #[test]
    fn a_directory_that_others_can_look_into_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let of = |mode| {
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            open_to_others(dir.path())
        };
        assert_eq!(of(0o700), None);
        assert!(of(0o750).unwrap().contains("(mode 750)"));
        assert!(of(0o755).unwrap().ends_with(&format!("chmod -R go= {}", dir.path().display())));
    }

    #[test]
    fn ports_are_found_whatever_follows() {
        for url in ["http://127.0.0.1:8899", "https://127.0.0.1:8899/?snapshot=1", "http://[::1]:8899/a:b"] {
            assert_eq!(port_of(url), "8899", "{url}");
        }
    }

    #[test]
    fn homes_are_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:1000::/home/ann:\nbob:x:1001:1000:::\n";
        let home = |user| home_of(users, user);
        assert_eq!((home(1000), home(0)), (Some("/home/ann".into()), Some("/root".into())));
        assert_eq!((home(1001), home(7)), (None, None));
    }
}
