//! Connections that are kept for a few seconds and used by many calls, from an address of their own.
//!
//! No connection is closed before it is old enough to be found: also a broken one rests for a moment, so that whoever
//! looks for its process has the time.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// The connections of one client to one server.
pub(super) struct Pool<C> {
    open: Box<dyn Fn() -> io::Result<C> + Send + Sync>,
    idle: Mutex<Vec<Kept<C>>>,
    resting: Mutex<Vec<Kept<C>>>,
}

struct Kept<C> {
    opened: Instant,
    connection: C,
}

impl<C> Pool<C> {
    /// A pool that opens connections by a function.
    pub(super) fn new(open: impl Fn() -> io::Result<C> + Send + Sync + 'static) -> Pool<C> {
        Pool { open: Box::new(open), idle: Mutex::default(), resting: Mutex::default() }
    }

    /// Calls over a connection that is open, or a new one; one that fails is not used again.
    pub(super) fn call<T>(&self, work: impl FnOnce(&mut C) -> io::Result<T>) -> io::Result<T> {
        // One that is too old may be closed at the other end already.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let idle = idle.filter(|kept| kept.opened.elapsed() < STALE_AFTER);
        let mut kept = match idle {
            Some(kept) => kept,
            None => Kept { opened: Instant::now(), connection: (self.open)()? },
        };
        let result = work(&mut kept.connection);
        let is_used_again = result.is_ok() && kept.opened.elapsed() < USED_FOR;
        let place = if is_used_again { &self.idle } else { &self.resting };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if place.len() < MAX_KEPT {
            place.push(kept);
        }
        drop(place);
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).retain(|kept| kept.opened.elapsed() < RESTS_FOR);
        result
    }
}

/// Connects from an address of this machine.
pub(super) fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect_timeout(&to.into(), CALL_TIMEOUT)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(CALL_TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Serves each connection of a listener on a thread, so many at once at most; a further one is closed.
pub(super) fn serve(listener: &TcpListener, work: impl Fn(TcpStream) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(ACCEPT_AGAIN);
            continue;
        };
        let place = Place::take(&open);
        if place.number >= MAX_CONNECTIONS || stream.set_read_timeout(Some(IDLE_TIMEOUT)).is_err() {
            continue;
        }
        let work = Arc::clone(&work);
        // Without a thread the connection is closed, and its client tries again.
        let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
            work(stream);
            drop(place);
        });
    }
}

/// One of the connections that are served.
struct Place {
    open: Arc<AtomicUsize>,
    number: usize,
}

impl Place {
    fn take(open: &Arc<AtomicUsize>) -> Place {
        Place { open: Arc::clone(open), number: open.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long a call may take.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is used.
const USED_FOR: Duration = Duration::from_secs(6);
/// How old a connection is at most, even if it was idle; less than [`IDLE_TIMEOUT`].
const STALE_AFTER: Duration = Duration::from_secs(20);
/// How old a connection is at least before it is closed.
const RESTS_FOR: Duration = Duration::from_secs(1);
/// The most connections that are kept, idle and resting alike.
const MAX_KEPT: usize = 32;
/// The most connections that a service serves at once.
const MAX_CONNECTIONS: usize = 64;
/// How long a served connection may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
const STACK_BYTES: usize = 512 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_used_again_until_they_fail() {
        let opened = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&opened);
        let pool = Pool::new(move || Ok(counter.fetch_add(1, Ordering::Relaxed)));
        assert_eq!(pool.call(|number| Ok(*number)).unwrap(), 0);
        assert_eq!(pool.call(|number| Ok(*number)).unwrap(), 0);
        assert!(pool.call(|_| Err::<(), _>(io::ErrorKind::UnexpectedEof.into())).is_err());
        assert_eq!(pool.call(|number| Ok(*number)).unwrap(), 1);
        assert_eq!(pool.resting.lock().unwrap().len(), 1, "a broken connection rests for a moment");
    }

    #[test]
    fn a_connection_comes_from_its_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let from = IpAddr::from([127, 0, 1, 99]);
        let stream = connect(from, listener.local_addr().unwrap()).unwrap();
        assert_eq!(stream.local_addr().unwrap().ip(), from);
        assert_eq!(listener.accept().unwrap().1.ip(), from);
    }
}
