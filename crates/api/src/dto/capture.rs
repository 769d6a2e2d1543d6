//! What is captured, and how that is changed while it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is captured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CaptureSettings {
    /// Whether packets are captured; dark time is counted as lost.
    pub on: bool,
    /// The interfaces; empty means all.
    pub interfaces: Vec<String>,
    /// An expression of tcpdump's syntax; empty means everything.
    #[schema(example = "tcp port 80")]
    pub bpf: String,
    /// Whose traffic is captured; empty means everybody's.
    pub targets: Vec<Target>,
    /// Whether each protocol is dissected.
    pub protocols: BTreeMap<String, bool>,
}

/// A change of what is captured; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaptureChange {
    /// Whether packets are captured.
    pub on: Option<bool>,
    /// The interfaces; an empty list means all.
    pub interfaces: Option<Vec<String>>,
    /// An expression of tcpdump's syntax; empty means everything.
    pub bpf: Option<String>,
    /// Whose traffic is captured; an empty list means everybody's.
    pub targets: Option<Vec<Target>>,
    /// Protocols that are switched; others stay as they are.
    pub protocols: Option<BTreeMap<String, bool>>,
}

/// Whose traffic is captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// What `value` names.
    pub kind: TargetKind,
    /// A process name or number, the id of a container (or its beginning), or a port.
    #[schema(example = "nginx")]
    pub value: String,
}

/// What a target names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A process by name or number.
    Process,
    /// A container.
    Container,
    /// A port of either end.
    Port,
}

/// What can be chosen for capture on this machine.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct CaptureChoices {
    /// The interfaces.
    pub interfaces: Vec<InterfaceChoice>,
    /// The processes that have sockets.
    pub processes: Vec<ProcessChoice>,
    /// The containers.
    pub containers: Vec<ContainerChoice>,
    /// The ports that are listened on.
    pub ports: Vec<PortChoice>,
}

/// An interface of this machine.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InterfaceChoice {
    /// Its name.
    #[schema(example = "eth0")]
    pub name: String,
    /// Whether it is up.
    pub is_up: bool,
    /// Whether it is a loopback.
    pub is_loopback: bool,
    /// Its addresses.
    pub addresses: Vec<String>,
}

/// A process of this machine.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProcessChoice {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// The user that it runs as.
    pub user: String,
    /// Its container; empty where it has none.
    pub container: String,
}

/// A container of this machine.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContainerChoice {
    /// Its id.
    pub id: String,
    /// The names of its processes.
    pub processes: Vec<String>,
}

/// A port that is listened on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PortChoice {
    /// Its number.
    pub port: u16,
    /// The transport.
    #[schema(example = "tcp")]
    pub transport: String,
    /// The process that listens; empty where it is not known.
    pub process: String,
}
