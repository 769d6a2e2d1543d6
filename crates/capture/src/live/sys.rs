//! The calls to the system behind a packet socket (packet(7)), each behind a safe function.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::{CaptureError, Instruction};

/// Opens a packet socket that receives nothing until it is bound.
pub fn packet_socket() -> Result<OwnedFd, CaptureError> {
    // SAFETY: no pointer is passed.
    let raw = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    match owned(raw) {
        Some(socket) => Ok(socket),
        None if io::Error::last_os_error().raw_os_error() == Some(libc::EPERM) => Err(CaptureError::NoRight),
        None => Err(CaptureError::last("socket(AF_PACKET)")),
    }
}

/// Opens a socket that becomes readable when an interface comes, goes or changes (rtnetlink(7)).
pub fn link_event_socket() -> Result<OwnedFd, CaptureError> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointer is passed.
    let raw = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) };
    let socket = owned(raw).ok_or_else(|| CaptureError::last("socket(AF_NETLINK)"))?;
    // SAFETY: the structure is plain numbers, for which zero is valid.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as u16;
    address.nl_groups = RTMGRP_LINK;
    // SAFETY: the address lives during the call and its size is given.
    let result = unsafe {
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size_of::<libc::sockaddr_nl>() as libc::socklen_t)
    };
    if result == 0 { Ok(socket) } else { Err(CaptureError::last("bind(AF_NETLINK)")) }
}

/// Takes everything from a socket of events; true where there was something, or where events were lost.
pub fn drain_events(socket: &OwnedFd) -> bool {
    let mut buffer = [0u8; 8192];
    let mut has_any = false;
    for _ in 0..MAX_EVENTS {
        // SAFETY: the buffer lives during the call and its size is given.
        let count = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        if count <= 0 {
            let error = io::Error::last_os_error().raw_os_error();
            return has_any || (count < 0 && error == Some(libc::ENOBUFS));
        }
        has_any = true;
    }
    has_any
}

/// Instead of the index of an interface: all of them.
pub const ALL_INTERFACES: u32 = 0;

/// Binds a packet socket to all protocols of an interface, or of all where it is 0.
pub fn bind(socket: &OwnedFd, interface: u32) -> Result<(), CaptureError> {
    // SAFETY: the structure is plain numbers, for which zero is valid.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = i32::try_from(interface).unwrap_or(i32::MAX);
    // SAFETY: the address lives during the call and its size is given.
    let result = unsafe {
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size_of::<libc::sockaddr_ll>() as libc::socklen_t)
    };
    if result == 0 { Ok(()) } else { Err(CaptureError::last("bind(AF_PACKET)")) }
}

/// Sets an option of packet sockets to a number.
pub fn set_packet_number(socket: &OwnedFd, option: i32, value: u32, call: &'static str) -> Result<(), CaptureError> {
    set_option(socket, libc::SOL_PACKET, option, &value, call)
}

/// Asks for a ring of `block_count` blocks of `block_bytes` bytes each.
pub fn set_ring(socket: &OwnedFd, block_bytes: u32, block_count: u32, retire_ms: u32) -> Result<(), CaptureError> {
    let frames_per_block = block_bytes / FRAME_BYTES;
    let request = RingRequest {
        block_bytes,
        block_count,
        frame_bytes: FRAME_BYTES,
        frame_count: frames_per_block.saturating_mul(block_count),
        retire_ms,
        private_bytes: 0,
        features: 0,
    };
    set_option(socket, libc::SOL_PACKET, PACKET_RX_RING, &request, "setsockopt(PACKET_RX_RING)")
}

/// Asks an interface to receive frames for other stations too, for as long as the socket lives.
pub fn set_promiscuous(socket: &OwnedFd, interface: u32) -> Result<(), CaptureError> {
    // SAFETY: the structure is plain numbers, for which zero is valid.
    let mut request: libc::packet_mreq = unsafe { std::mem::zeroed() };
    request.mr_ifindex = i32::try_from(interface).unwrap_or(0);
    request.mr_type = libc::PACKET_MR_PROMISC as u16;
    set_option(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request, "setsockopt(PACKET_ADD_MEMBERSHIP)")
}

/// Attaches a filter; it takes the place of an earlier one at once.
pub fn attach_filter(socket: &OwnedFd, program: &[Instruction]) -> Result<(), CaptureError> {
    let convert =
        |from: &Instruction| libc::sock_filter { code: from.code, jt: from.jump_true, jf: from.jump_false, k: from.k };
    let mut filter: Vec<libc::sock_filter> = program.iter().map(convert).collect();
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    set_option(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program, "setsockopt(SO_ATTACH_FILTER)")
}

/// Sets the room for packets that nobody has read; the kernel rounds it up to its least.
pub fn set_receive_buffer(socket: &OwnedFd, bytes: u32) -> Result<(), CaptureError> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes, "setsockopt(SO_RCVBUF)")
}

/// Reads and resets the kernel's counters: packets for the socket, and those of them that it had no place for.
pub fn read_statistics(socket: &OwnedFd) -> Result<(u32, u32), CaptureError> {
    // packets, drops, and with a ring freezes (`struct tpacket_stats`, `struct tpacket_stats_v3`).
    let mut statistics = [0u32; 3];
    let mut length = size_of::<[u32; 3]>() as libc::socklen_t;
    // SAFETY: the array and its length live during the call, and the length is that of the array.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            PACKET_STATISTICS,
            statistics.as_mut_ptr().cast(),
            &mut length,
        )
    };
    let [packets, drops, _] = statistics;
    if result == 0 { Ok((packets, drops)) } else { Err(CaptureError::last("getsockopt(PACKET_STATISTICS)")) }
}

/// Waits until one of two sockets has something to read, at most `timeout_ms`.
pub fn wait(first: &OwnedFd, second: Option<&OwnedFd>, timeout_ms: i32) -> Result<(), CaptureError> {
    let entry = |fd: RawFd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut entries = [entry(first.as_raw_fd()), entry(second.map_or(-1, AsRawFd::as_raw_fd))];
    // SAFETY: the array lives during the call and its length is given; a negative descriptor is skipped by poll(2).
    let result = unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, timeout_ms) };
    if result < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
        return Err(CaptureError::last("poll"));
    }
    Ok(())
}

/// The index of an interface, or nothing where there is none of that name.
pub fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is a C string that lives during the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// The name of an interface, or nothing where there is none with that index.
pub fn interface_name(index: u32) -> Option<String> {
    let mut buffer = [0u8; libc::IF_NAMESIZE];
    // SAFETY: the buffer has IF_NAMESIZE bytes, as if_indextoname(3) asks for.
    let result = unsafe { libc::if_indextoname(index, buffer.as_mut_ptr().cast()) };
    if result.is_null() {
        return None;
    }
    CStr::from_bytes_until_nul(&buffer).ok().map(|name| name.to_string_lossy().into_owned())
}

fn set_option<T>(socket: &OwnedFd, level: i32, option: i32, value: &T, call: &'static str) -> Result<(), CaptureError> {
    // SAFETY: the value lives during the call and its size is given; every caller passes the type that the option takes.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(CaptureError::last(call)) }
}

fn owned(raw: RawFd) -> Option<OwnedFd> {
    // SAFETY: a descriptor that a call has just returned belongs to nobody else.
    (raw >= 0).then(|| unsafe { OwnedFd::from_raw_fd(raw) })
}

/// `struct tpacket_req3` of linux/if_packet.h.
#[repr(C)]
struct RingRequest {
    block_bytes: u32,
    block_count: u32,
    frame_bytes: u32,
    frame_count: u32,
    retire_ms: u32,
    private_bytes: u32,
    features: u32,
}

/// Frames of TPACKET_V3 have no fixed size; the kernel only wants the sizes to agree.
const FRAME_BYTES: u32 = 2048;
/// The most events taken at once, so that a flood of them can't hold up packets.
const MAX_EVENTS: usize = 64;
const RTMGRP_LINK: u32 = 1;

// Options of linux/if_packet.h that are used by number.
pub const PACKET_RX_RING: i32 = 5;
pub const PACKET_STATISTICS: i32 = 6;
pub const PACKET_VERSION: i32 = 10;
pub const TPACKET_V3: u32 = 2;
