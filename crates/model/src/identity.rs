//! Who is behind an endpoint.

/// Why an endpoint was or was not resolved to a process; the value of `local_resolution_status` and its twin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResolutionStatus {
    /// Nobody tried (a capture file).
    #[default]
    NotTried,
    /// The process is known.
    Resolved,
    /// The address is not one of this machine.
    NotLocal,
    /// The socket was gone before it could be looked up.
    ProcessEnded,
    /// The socket was found, but its process may not be read with the rights at hand.
    NoPermission,
    /// The socket belongs to the kernel.
    KernelSocket,
    /// A table of sockets was full or could not be read.
    Unavailable,
}

impl ResolutionStatus {
    /// The status in words.
    pub const fn name(self) -> &'static str {
        match self {
            ResolutionStatus::NotTried => "",
            ResolutionStatus::Resolved => "resolved",
            ResolutionStatus::NotLocal => "not local",
            ResolutionStatus::ProcessEnded => "process ended",
            ResolutionStatus::NoPermission => "no permission",
            ResolutionStatus::KernelSocket => "kernel socket",
            ResolutionStatus::Unavailable => "unavailable",
        }
    }
}

/// The process behind an endpoint, shared by all entries of its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Whether it was resolved, else why not.
    pub status: ResolutionStatus,
    /// The name of the process (`comm`).
    pub process_name: String,
    /// The path of its executable.
    pub executable: String,
    /// Its process id, 0 where unknown.
    pub pid: u32,
    /// The name of its user, else the number.
    pub user: String,
    /// The id of its container, from its cgroup; empty outside containers.
    pub container_id: String,
    /// Its cgroup path.
    pub cgroup: String,
    /// The inode of its network namespace, 0 where unknown.
    pub network_namespace: u64,
}
