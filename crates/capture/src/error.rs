//! What can go wrong while packets are captured or a filter is made.

use std::io;

/// Why packets can't be captured.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The right to open packet sockets is missing.
    #[error("packet sockets need the capability CAP_NET_RAW: use sudo, or setcap cap_net_raw+ep on the program")]
    NoRight,
    /// A call to the system failed.
    #[error("{call} failed: {source}")]
    System {
        /// The call.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The ring can't have this size.
    #[error("invalid ring of {ring_bytes} bytes in blocks of {block_bytes} bytes")]
    RingSize {
        /// The size of the ring.
        ring_bytes: usize,
        /// The size of a block.
        block_bytes: usize,
    },
    /// The name of an interface is not usable.
    #[error("invalid interface name {name:?}")]
    InterfaceName {
        /// The name.
        name: String,
    },
    /// More interfaces were named than the limit.
    #[error("{count} interfaces are more than the limit of {limit}")]
    TooManyInterfaces {
        /// How many were named.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// The filter is not usable.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

impl CaptureError {
    /// Wraps the last error of the system.
    pub(crate) fn last(call: &'static str) -> CaptureError {
        CaptureError::System { call, source: io::Error::last_os_error() }
    }
}

/// Why a filter can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The library that reads tcpdump's syntax is not installed.
    #[error("--bpf needs libpcap: apt install libpcap0.8")]
    NoLibrary,
    /// The library does not take the expression; the message is its own.
    #[error("invalid filter {expression:?}: {message}")]
    Expression {
        /// The expression.
        expression: String,
        /// What libpcap said.
        message: String,
    },
    /// An instruction of a program is not valid.
    #[error("invalid filter instruction {code:#06x} at {position}: {reason}")]
    Instruction {
        /// The operation code.
        code: u16,
        /// Its position in the program.
        position: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The program is longer than the kernel takes.
    #[error("filter of {count} instructions is longer than the limit of {limit}")]
    TooLong {
        /// Its length.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// VLAN tags are not visible to a filter of live packets.
    #[error(
        "invalid filter {expression:?}: the kernel takes VLAN tags off before a live filter sees the packet, so `vlan` would never match"
    )]
    LiveVlan {
        /// The expression.
        expression: String,
    },
}
