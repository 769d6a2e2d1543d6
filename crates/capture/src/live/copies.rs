//! The second copies of loopback packets, counted by the kernel and never copied to anybody.
//!
//! A packet on loopback passes the packet sockets twice, on its way out and on its way in. The ring's socket leaves the
//! first pass out; this socket takes nothing else, has no room for it, and so has its drops counted one by one. It is bound to
//! loopback, so that packets of other interfaces never meet it.

use std::os::fd::OwnedFd;

use super::sys;
use crate::{CaptureError, Instruction};

/// A socket that only counts.
pub(super) struct CopyCounter {
    socket: OwnedFd,
}

impl CopyCounter {
    /// Opens the socket; it counts nothing before [`CopyCounter::attach`].
    pub(super) fn open(nothing: &[Instruction]) -> Result<CopyCounter, CaptureError> {
        let socket = sys::packet_socket()?;
        sys::attach_filter(&socket, nothing)?;
        // The kernel makes it as small as it can; the packets that fit stay in it unread.
        sys::set_receive_buffer(&socket, 0)?;
        sys::bind(&socket, LOOPBACK_INTERFACE)?;
        Ok(CopyCounter { socket })
    }

    /// Sets which packets are counted.
    pub(super) fn attach(&self, program: &[Instruction]) -> Result<(), CaptureError> {
        sys::attach_filter(&self.socket, program)
    }

    /// The packets since the last call.
    pub(super) fn take(&self) -> Result<u64, CaptureError> {
        let (packets, _) = sys::read_statistics(&self.socket)?;
        Ok(u64::from(packets))
    }
}

/// The index of loopback, the same in every network namespace (`LOOPBACK_IFINDEX`, linux/netdevice.h).
const LOOPBACK_INTERFACE: u32 = 1;
