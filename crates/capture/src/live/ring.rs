//! The packet ring that is shared with the kernel (packet_mmap, TPACKET_V3).
//!
//! A block belongs to the kernel until it sets `TP_STATUS_USER`, and to us until we clear it again.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::sys;
use crate::CaptureError;

/// A mapped ring, as its one reader has it.
pub struct Ring(Arc<Backlog>);

/// A mapped ring, as others may look at it: how far its reader is behind.
pub(crate) struct Backlog {
    map: NonNull<u8>,
    block_bytes: usize,
    block_count: usize,
    /// The block that the reader takes next; the reader alone changes it.
    current: AtomicUsize,
}

// SAFETY: the mapping belongs to this value alone and is not bound to a thread.
unsafe impl Send for Backlog {}
// SAFETY: through a shared reference nothing but the status words is read, as atomics.
unsafe impl Sync for Backlog {}

/// The rings that this program has.
static RINGS: Mutex<Vec<Weak<Backlog>>> = Mutex::new(Vec::new());

/// The rings that this program has.
pub(crate) fn backlogs() -> Vec<Arc<Backlog>> {
    let mut rings = RINGS.lock().unwrap_or_else(PoisonError::into_inner);
    rings.retain(|ring| ring.strong_count() > 0);
    rings.iter().filter_map(Weak::upgrade).collect()
}

/// A block that belongs to us; it goes back to the kernel when it is dropped.
pub struct RingBlock<'r> {
    status: &'r AtomicU32,
    /// The block past its header; offsets in headers count from [`BLOCK_HEADER_BYTES`] before it.
    pub data: &'r [u8],
    /// How many packets it holds.
    pub packets: u32,
    /// Where the first packet begins, counted from the start of `data`.
    pub first: usize,
}

impl Ring {
    /// Sets up a ring on a socket and maps it.
    pub fn new(socket: &OwnedFd, ring_bytes: usize, block_bytes: usize, retire_ms: u32) -> Result<Ring, CaptureError> {
        let wrong_size = || CaptureError::RingSize { ring_bytes, block_bytes };
        if !block_bytes.is_power_of_two() || !(MIN_BLOCK_BYTES..=MAX_BLOCK_BYTES).contains(&block_bytes) {
            return Err(wrong_size());
        }
        let block_count = ring_bytes / block_bytes;
        if block_count < 2 || ring_bytes > MAX_RING_BYTES {
            return Err(wrong_size());
        }
        let length = block_count.checked_mul(block_bytes).ok_or_else(wrong_size)?;
        sys::set_packet_number(socket, sys::PACKET_VERSION, sys::TPACKET_V3, "setsockopt(PACKET_VERSION)")?;
        sys::set_ring(socket, block_bytes as u32, block_count as u32, retire_ms)?;
        // SAFETY: a new mapping of the socket's ring, of exactly the size that was asked for; no address is given.
        let raw = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_POPULATE,
                socket.as_raw_fd(),
                0,
            )
        };
        if raw == libc::MAP_FAILED {
            return Err(CaptureError::last("mmap(packet ring)"));
        }
        let map = NonNull::new(raw.cast()).ok_or_else(|| CaptureError::last("mmap(packet ring)"))?;
        let backlog = Arc::new(Backlog { map, block_bytes, block_count, current: AtomicUsize::new(0) });
        RINGS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&backlog));
        Ok(Ring(backlog))
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Whether the next block belongs to us.
    pub fn is_ready(&self) -> bool {
        self.0.is_unread(self.0.current.load(Ordering::Relaxed))
    }

    /// Takes the next block, where the kernel has given it to us.
    pub fn take(&mut self) -> Option<RingBlock<'_>> {
        if !self.is_ready() {
            return None;
        }
        let current = self.0.current.load(Ordering::Relaxed);
        let start = self.0.start(current);
        self.0.current.store(current.wrapping_add(1) % self.0.block_count, Ordering::Relaxed);
        // SAFETY: `start` is the first byte of a block inside the mapping, and the kernel does not touch a block that
        // belongs to us. The header is read before the slice is made, and the slice begins behind it, so that it never
        // overlaps the status word. The borrow of `self` keeps the mapping, and keeps the block from being taken twice.
        unsafe {
            let packets = start.add(PACKETS_AT).cast::<u32>().read();
            let first = start.add(FIRST_AT).cast::<u32>().read();
            let length = self.0.block_bytes.saturating_sub(BLOCK_HEADER_BYTES);
            let data = std::slice::from_raw_parts(start.add(BLOCK_HEADER_BYTES), length);
            let status = AtomicU32::from_ptr(start.add(STATUS_AT).cast());
            Some(RingBlock { status, data, packets, first: (first as usize).saturating_sub(BLOCK_HEADER_BYTES) })
        }
    }
}

impl Backlog {
    /// Whether at least so much of the ring is unread, as a fraction `1 / part` of it.
    pub fn is_unread_by(&self, part: usize) -> bool {
        // Blocks are filled one after the other, so those before this one are unread too.
        let ahead = (self.block_count / part.max(1)).saturating_sub(1);
        self.is_unread(self.current.load(Ordering::Relaxed).wrapping_add(ahead) % self.block_count)
    }

    fn bytes(&self) -> usize {
        self.block_bytes.saturating_mul(self.block_count)
    }

    /// Whether a block belongs to us.
    fn is_unread(&self, block: usize) -> bool {
        // SAFETY: the status word lies in the block's header, is aligned, and is only ever used as an atomic.
        let status = unsafe { AtomicU32::from_ptr(self.start(block).add(STATUS_AT).cast()) };
        status.load(Ordering::Acquire) & TP_STATUS_USER != 0
    }

    /// The first byte of a block.
    fn start(&self, block: usize) -> *mut u8 {
        // SAFETY: the number is below `block_count`, so the result lies inside the mapping.
        unsafe { self.map.as_ptr().add((block % self.block_count).wrapping_mul(self.block_bytes)) }
    }
}

impl Drop for RingBlock<'_> {
    fn drop(&mut self) {
        self.status.store(TP_STATUS_KERNEL, Ordering::Release);
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new` with this size, and no borrow of it is left.
        unsafe {
            libc::munmap(self.map.as_ptr().cast(), self.bytes());
        }
    }
}

/// The size of `struct tpacket_block_desc`.
pub const BLOCK_HEADER_BYTES: usize = 48;
/// The largest ring.
const MAX_RING_BYTES: usize = 1 << 30;
const MIN_BLOCK_BYTES: usize = 64 << 10;
const MAX_BLOCK_BYTES: usize = 4 << 20;

// Offsets in `struct tpacket_block_desc` with `struct tpacket_hdr_v1`.
const STATUS_AT: usize = 8;
const PACKETS_AT: usize = 12;
const FIRST_AT: usize = 16;

const TP_STATUS_KERNEL: u32 = 0;
const TP_STATUS_USER: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LiveConfig, LiveSource};

    #[test]
    fn rings_tell_how_much_is_unread() {
        let config = LiveConfig { ring_bytes: 1 << 20, block_bytes: 64 << 10, ..LiveConfig::default() };
        let Ok(mut source) = LiveSource::open(config) else {
            eprintln!("skipped: no right to capture packets");
            return;
        };
        let is_unread = || backlogs().iter().any(|ring| ring.is_unread_by(4));
        assert!(!is_unread());
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        // Ten blocks, of sixteen.
        for _ in 0..20 {
            sender.send_to(&[0; 32 << 10], receiver.local_addr().unwrap()).unwrap();
        }
        assert!(is_unread());
        while source.poll(0).unwrap().is_some() {}
        assert!(!is_unread());
        drop(source);
        assert!(backlogs().is_empty());
    }
}
