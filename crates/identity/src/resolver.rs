//! Finds the processes behind the ends of connections, on a thread of its own.
//!
//! A stage asks when it sees the first packet of a connection, and gets a [`Ticket`] at once. The ticket is settled within
//! [`Resolver::SETTLE_WITHIN`], for good, and holds an identity for each end, if only one that says why nothing is known. It
//! lives with the connection, so that no table has to be searched, and nothing is kept for connections that are gone.

mod budget;
mod end;
mod heard;
mod lookup;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lanternfish_model::{Cause, ConnectionFacts, Endpoint, Identity, Loss, ResolutionStatus, Transport};

use crate::addresses::SharedAddresses;

/// How the resolver works.
#[derive(Clone, Debug)]
pub struct ResolverConfig {
    /// The share of one processor that it may use; connections that it has no time for are `unavailable`.
    pub processor_share: f64,
}

impl Default for ResolverConfig {
    fn default() -> Self {
        ResolverConfig { processor_share: 0.02 }
    }
}

/// Who is at each end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The client's end.
    pub client: Arc<Identity>,
    /// The server's end.
    pub server: Arc<Identity>,
}

/// A question that is answered soon; kept with the connection.
#[derive(Debug)]
pub struct Ticket {
    client: OnceLock<Arc<Identity>>,
    server: OnceLock<Arc<Identity>>,
    asked_at: Instant,
}

impl Ticket {
    /// A question that was asked at a time, and not answered yet.
    pub fn new(asked_at: Instant) -> Ticket {
        Ticket { client: OnceLock::new(), server: OnceLock::new(), asked_at }
    }

    /// The answer, or nothing where an end is still looked for.
    pub fn ends(&self) -> Option<Ends> {
        Some(Ends { client: self.client()?.clone(), server: self.server()?.clone() })
    }

    /// The client's end, or nothing where it is still looked for.
    pub fn client(&self) -> Option<&Arc<Identity>> {
        self.client.get()
    }

    /// The server's end, or nothing where it is still looked for.
    pub fn server(&self) -> Option<&Arc<Identity>> {
        self.server.get()
    }

    /// Whether both ends are known for good.
    pub fn is_settled(&self) -> bool {
        self.client().is_some() && self.server().is_some()
    }

    /// When it was asked.
    pub fn asked_at(&self) -> Instant {
        self.asked_at
    }
}

/// What became of the questions; `ends` are counted one by one, two for each connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResolverStats {
    /// Connections asked for.
    pub asked: u64,
    /// Connections that were refused because too many waited; their ends count as `unavailable` too.
    pub refused: u64,
    /// Ends whose process was found.
    pub resolved: u64,
    /// Ends that are not on this machine.
    pub not_local: u64,
    /// Ends whose socket was gone.
    pub process_ended: u64,
    /// Ends whose process may not be looked at.
    pub no_permission: u64,
    /// Ends that belong to the kernel.
    pub kernel_socket: u64,
    /// Ends for which there was no time, or no table.
    pub unavailable: u64,
    /// Processor time used, in ns.
    pub processor_ns: u64,
}

/// Finds processes.
pub struct Resolver {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Resolver {
    /// The most connections that wait to be looked at.
    pub const MAX_QUEUE: usize = 8192;
    /// After this time every ticket is settled (a busy machine may add a few milliseconds).
    pub const SETTLE_WITHIN: Duration = Duration::from_millis(500);

    /// Starts the thread, which has the capabilities of the thread that calls this.
    pub fn start(config: ResolverConfig) -> io::Result<Resolver> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let thread = std::thread::Builder::new()
            .name("lf-identity".to_owned())
            .spawn(move || worker::Worker::new(theirs, &config).run())?;
        Ok(Resolver { shared, thread: Some(thread) })
    }

    /// Asks for the ends of a connection; never waits.
    pub fn observe(&self, facts: &ConnectionFacts) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket::new(Instant::now()));
        let request = Request {
            transport: facts.transport,
            client: facts.client,
            server: facts.server,
            // Addresses inside a tunnel say nothing of this machine's sockets.
            is_inside_tunnel: !facts.tunnels.is_empty(),
            ticket: ticket.clone(),
        };
        self.shared.counters.asked.fetch_add(1, Ordering::Relaxed);
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.waiting.len() >= Self::MAX_QUEUE || queue.is_closed {
            drop(queue);
            self.shared.counters.refused.fetch_add(1, Ordering::Relaxed);
            let unavailable = fixed(ResolutionStatus::Unavailable);
            self.shared.settle(&request, unavailable.clone(), unavailable);
            return ticket;
        }
        queue.waiting.push_back(request);
        let is_asleep = std::mem::replace(&mut queue.is_asleep, false);
        drop(queue);
        if is_asleep {
            self.shared.wake.notify_one();
        }
        ticket
    }

    /// Whether an address is one of this machine, in any network namespace that was seen.
    pub fn is_local(&self, ip: IpAddr) -> bool {
        self.shared.addresses.contains(ip)
    }

    /// What became of the questions up to now.
    pub fn stats(&self) -> ResolverStats {
        self.shared.counters.read()
    }

    /// The ends that should have been found and were not, for the ledger.
    pub fn loss(&self) -> Loss {
        let stats = self.stats();
        let mut loss = Loss::default();
        loss.add(Cause::ProcessEnded, stats.process_ended);
        loss.add(Cause::IdentityUnavailable, stats.unavailable.saturating_add(stats.no_permission));
        loss
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One question.
struct Request {
    transport: Transport,
    client: Endpoint,
    server: Endpoint,
    is_inside_tunnel: bool,
    ticket: Arc<Ticket>,
}

/// What the thread shares with those who ask.
#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    counters: Counters,
    addresses: SharedAddresses,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Request>,
    is_closed: bool,
    is_asleep: bool,
}

impl Shared {
    fn settle(&self, request: &Request, client: Arc<Identity>, server: Arc<Identity>) {
        self.counters.count(client.status);
        self.counters.count(server.status);
        // An end is settled once; where it was told early, it is the same.
        let _ = request.ticket.client.set(client);
        let _ = request.ticket.server.set(server);
    }
}

#[derive(Default)]
struct Counters {
    asked: AtomicU64,
    refused: AtomicU64,
    processor_ns: AtomicU64,
    by_status: [AtomicU64; STATUSES],
}

impl Counters {
    fn count(&self, status: ResolutionStatus) {
        if let Some(counter) = self.by_status.get(status as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&self) -> ResolverStats {
        let of = |status: ResolutionStatus| {
            self.by_status.get(status as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
        };
        ResolverStats {
            asked: self.asked.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            resolved: of(ResolutionStatus::Resolved),
            not_local: of(ResolutionStatus::NotLocal),
            process_ended: of(ResolutionStatus::ProcessEnded),
            no_permission: of(ResolutionStatus::NoPermission),
            kernel_socket: of(ResolutionStatus::KernelSocket),
            unavailable: of(ResolutionStatus::Unavailable),
            processor_ns: self.processor_ns.load(Ordering::Relaxed),
        }
    }
}

/// The one identity of a status about which nothing else is known.
fn fixed(status: ResolutionStatus) -> Arc<Identity> {
    static FIXED: [OnceLock<Arc<Identity>>; STATUSES] = [const { OnceLock::new() }; STATUSES];
    let make = || Arc::new(Identity { status, ..Identity::default() });
    FIXED.get(status as usize).map_or_else(make, |slot| slot.get_or_init(make).clone())
}

/// The values of [`ResolutionStatus`].
const STATUSES: usize = 7;
