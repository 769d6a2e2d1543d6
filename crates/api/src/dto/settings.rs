//! Settings, opened files and sample traffic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All settings.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettingsAnswer {
    /// The settings, in the order of the documentation.
    pub settings: Vec<Setting>,
    /// What a change deletes; after a question for the settings, nothing.
    pub deletes: Deletes,
}

/// What is deleted because less is kept from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Deletes {
    /// Stored entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of raw packets.
    pub packet_bytes: u64,
}

/// A setting, and where its value comes from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Setting {
    /// The key in the configuration file.
    #[schema(example = "retention-bytes")]
    pub key: String,
    /// The value as it would be written there.
    #[schema(example = "10GiB")]
    pub value: String,
    /// Where the value comes from: `default`, `page`, `flag`, or the name of the variable or configuration file.
    #[schema(example = "default")]
    pub source: String,
    /// What it does.
    pub doc: String,
    /// Whether it can be changed while the program runs.
    pub is_changeable: bool,
    /// Why one that could be changed can't be here, and what helps; empty for all others.
    pub note: String,
}

/// Settings to be changed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// New values by key.
    pub settings: BTreeMap<String, String>,
    /// Changes nothing, and answers what the change would delete.
    #[serde(default)]
    pub is_trial: bool,
}

/// The files that are shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FilesAnswer {
    /// The files in the order in which they were given.
    pub files: Vec<FileInfo>,
    /// Whether more can be sent.
    pub is_upload_possible: bool,
    /// The most bytes of a file that is sent.
    pub upload_limit_bytes: u64,
}

/// A capture file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FileInfo {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub state: FileState,
    /// Its size, where known.
    #[schema(required = true)]
    pub bytes: Option<u64>,
    /// Bytes read so far.
    pub read_bytes: u64,
    /// Packets read so far.
    pub packets: u64,
    /// Entries made so far.
    pub entries: u64,
    /// What was odd or wrong, in words; empty where nothing was.
    pub note: String,
}

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// It waits for those before it.
    Waiting,
    /// It is being read; what was read is shown.
    Reading,
    /// It was read to its end.
    Done,
    /// It could not be read, or not to its end; `note` says why.
    Failed,
}

/// Whether sample traffic runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DemoState {
    /// Whether it runs.
    pub on: bool,
}
