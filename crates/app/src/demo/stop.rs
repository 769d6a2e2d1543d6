//! How what goes on in the shop is told to end.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Tells threads that it is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits, but no longer than until it is over.
    pub(super) fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_set() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(STEP));
        }
    }

    /// The next connection; nothing when it is over.
    pub(super) fn accept(&self, listener: &TcpListener) -> Option<TcpStream> {
        listener.set_nonblocking(true).ok()?;
        while !self.is_set() {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).ok()?;
                    stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
                    return Some(stream);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(ACCEPT_STEP),
                Err(_) => return None,
            }
        }
        None
    }
}

const STEP: Duration = Duration::from_millis(50);
const ACCEPT_STEP: Duration = Duration::from_millis(5);
