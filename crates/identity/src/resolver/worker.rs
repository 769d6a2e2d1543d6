//! The thread: takes questions, looks at sockets and processes, and settles tickets in time.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use lanternfish_model::{Endpoint, Identity, ResolutionStatus, Transport};

use super::budget::Budget;
use super::lookup::Lookup;
use super::{Request, ResolverConfig, Shared, fixed};
use crate::addresses::{Addresses, Place};
use crate::diag::{LISTEN, Socket, TIME_WAIT};
use crate::owners::{Owners, first_holder};
use crate::process::Processes;

pub(super) struct Worker {
    shared: Arc<Shared>,
    budget: Budget,
    lookup: Lookup,
    addresses: Addresses,
    owners: Owners,
    processes: Processes,
    pending: Vec<Pending>,
    searched_at: Option<Instant>,
}

/// A question that is not answered yet.
struct Pending {
    request: Request,
    client: End,
    server: End,
}

struct End {
    local: Endpoint,
    remote: Endpoint,
    is_server: bool,
    state: State,
}

enum State {
    New,
    /// The socket is known, its process is not.
    Wanted {
        inode: u64,
        uid: u32,
        /// After this walk over all processes it must have been seen.
        walk: u64,
        /// Processes that are likely to have it; one of them stands for it where it can't be found.
        candidates: Vec<u32>,
    },
    /// Several processes listen; one of them will accept.
    Accepting {
        candidates: Vec<u32>,
        next_look: Instant,
    },
    Done(Arc<Identity>),
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, config: &ResolverConfig) -> Worker {
        let addresses = Addresses::new(shared.addresses.clone());
        Worker {
            shared,
            budget: Budget::new(config.processor_share),
            lookup: Lookup::new(),
            addresses,
            owners: Owners::default(),
            processes: Processes::default(),
            pending: Vec::new(),
            searched_at: None,
        }
    }

    /// Works until the resolver is dropped.
    pub(super) fn run(mut self) {
        // What runs already is learned at once and not charged, so that all that follows is cheap.
        self.refresh_addresses(Instant::now());
        self.owners.walk(|| true);
        self.budget.forgive();
        let mut wait = None;
        while self.take(wait) {
            let now = Instant::now();
            let used_ns = self.budget.settle(now);
            self.shared.counters.processor_ns.store(used_ns, Ordering::Relaxed);
            if self.budget.wait().is_zero() {
                self.work(now);
            }
            self.settle_all(now);
            self.budget.settle(Instant::now());
            wait = match self.pending.is_empty() {
                true => None,
                false => Some(self.budget.wait().clamp(STEP, LONG_STEP)),
            };
        }
        for pending in std::mem::take(&mut self.pending) {
            let [client, server] = [pending.client, pending.server].map(|end| match end.state {
                State::Done(identity) => identity,
                _ => fixed(ResolutionStatus::Unavailable),
            });
            self.shared.settle(&pending.request, client, server);
        }
    }

    /// Takes what was asked, and waits for it where nothing is pending; false at the end.
    fn take(&mut self, wait: Option<Duration>) -> bool {
        let shared = self.shared.clone();
        let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if !queue.is_closed {
            queue = match wait {
                // New questions can wait for the next step while others are pending.
                Some(wait) => shared.wake.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => {
                    while queue.waiting.is_empty() && !queue.is_closed {
                        queue.is_asleep = true;
                        queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
                    }
                    queue
                }
            };
        }
        // At the end all that was asked is taken, so that every ticket is settled.
        let room = match queue.is_closed {
            true => usize::MAX,
            false => MAX_PENDING.saturating_sub(self.pending.len()),
        };
        let count = queue.waiting.len().min(room);
        self.pending.extend(queue.waiting.drain(..count).map(|request| Pending {
            client: End { local: request.client, remote: request.server, is_server: false, state: State::New },
            server: End { local: request.server, remote: request.client, is_server: true, state: State::New },
            request,
        }));
        !queue.is_closed
    }

    /// Looks once at everything that is pending, for as long as there is time.
    fn work(&mut self, now: Instant) {
        if self.addresses.is_stale(now) {
            self.refresh_addresses(now);
        }
        self.look_at_all(now);
        let wanted = self.wanted();
        if wanted.is_empty() || self.searched_at.is_some_and(|then| now.saturating_duration_since(then) < SEARCH_EVERY)
        {
            return;
        }
        self.searched_at = Some(now);
        self.owners.look_nearby();
        self.look_at_candidates();
        if !wanted.iter().all(|inode| self.owners.knows(*inode)) {
            let addresses = &mut self.addresses;
            self.owners.look_at_new(now, |pid| addresses.note_process(pid, now));
        }
        // A walk is dear, and not begun for sockets that are gone by now.
        self.look_at_all(now);
        self.drop_closed();
        if !self.wanted().is_empty() {
            let budget = &mut self.budget;
            self.owners.walk(|| {
                budget.settle(Instant::now());
                budget.wait().is_zero()
            });
            self.look_at_all(now);
        }
    }

    /// Gives up sockets that were closed before their process was found.
    fn drop_closed(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        for one in &mut pending {
            for end in [&mut one.client, &mut one.server] {
                let State::Wanted { inode, uid, candidates, .. } = &end.state else { continue };
                if !self.is_open(&one.request, end, *inode) {
                    let identity = self.processes.user_only(ResolutionStatus::ProcessEnded, *uid);
                    end.state = match first_holder(candidates) {
                        Some(pid) => self.done_by(Some(pid), Instant::now()),
                        None => State::Done(identity),
                    };
                }
            }
        }
        self.pending = pending;
    }

    /// Whether the socket of an end is still the same; in other namespaces, where asking is dear, it is taken to be.
    fn is_open(&mut self, request: &Request, end: &End, inode: u64) -> bool {
        let place = self.addresses.place(end.local.ip);
        if place != Place::Here || request.transport == Transport::Icmp {
            return true;
        }
        let ends = (end.local, end.remote);
        let found = self.lookup.find(&place, &self.addresses, request.transport, ends, request.ticket.asked_at);
        matches!(found, Ok(Some(socket)) if socket.inode == inode)
    }

    fn refresh_addresses(&mut self, now: Instant) {
        let addresses = &mut self.addresses;
        self.owners.look_at_new(now, |pid| addresses.note_process(pid, now));
        self.addresses.refresh(now);
    }

    fn look_at_all(&mut self, now: Instant) {
        let mut pending = std::mem::take(&mut self.pending);
        for (position, one) in pending.iter_mut().enumerate() {
            if position % LOOKS_PER_CHECK == LOOKS_PER_CHECK - 1 {
                self.budget.settle(Instant::now());
                if !self.budget.wait().is_zero() {
                    break;
                }
            }
            for end in [&mut one.client, &mut one.server] {
                if let Some(state) = self.look(&one.request, end, now) {
                    end.state = state;
                }
            }
        }
        self.pending = pending;
    }

    /// The sockets whose process is not known.
    fn wanted(&self) -> Vec<u64> {
        let ends = self.pending.iter().flat_map(|pending| [&pending.client, &pending.server]);
        ends.filter_map(|end| match end.state {
            State::Wanted { inode, .. } => Some(inode),
            _ => None,
        })
        .collect()
    }

    /// Looks at the processes that are likely to have a wanted socket.
    fn look_at_candidates(&mut self) {
        let ends = self.pending.iter().flat_map(|pending| [&pending.client, &pending.server]);
        let mut all: Vec<u32> = Vec::new();
        for end in ends {
            if let State::Wanted { candidates, inode, .. } = &end.state
                && !self.owners.knows(*inode)
            {
                all.extend(candidates);
            }
        }
        all.sort_unstable();
        all.dedup();
        for pid in all {
            self.budget.settle(Instant::now());
            if !self.budget.wait().is_zero() {
                return;
            }
            self.owners.look_at(pid);
        }
    }

    /// Takes one end a step further; nothing where there is no news.
    fn look(&mut self, request: &Request, end: &End, now: Instant) -> Option<State> {
        match &end.state {
            State::Done(_) => None,
            State::New => Some(self.look_for_socket(request, end, now)),
            State::Accepting { next_look, .. } if now < *next_look => None,
            State::Accepting { candidates, .. } => Some(self.look_for_accepted(request, end, candidates.clone(), now)),
            State::Wanted { inode, walk, .. } if self.owners.knows(*inode) || self.owners.walks_done() >= *walk => {
                Some(self.look_for_process(request, end, now))
            }
            State::Wanted { .. } => None,
        }
    }

    fn look_for_socket(&mut self, request: &Request, end: &End, now: Instant) -> State {
        let place = match request.is_inside_tunnel {
            true => Place::NotLocal,
            false => self.addresses.place(end.local.ip),
        };
        if place == Place::NotLocal {
            if !request.is_inside_tunnel && !self.addresses.is_surely_remote(end.local.ip, request.ticket.asked_at, now)
            {
                return State::New;
            }
            return State::Done(fixed(ResolutionStatus::NotLocal));
        }
        let found = match request.transport {
            Transport::Sctp => return State::Done(fixed(ResolutionStatus::Unavailable)),
            // The kernel itself answers echo requests.
            Transport::Icmp if end.is_server => {
                return State::Done(fixed(ResolutionStatus::KernelSocket));
            }
            Transport::Icmp => self.lookup.only_socket(Transport::Icmp),
            transport => {
                let ends = (end.local, end.remote);
                self.lookup.find(&place, &self.addresses, transport, ends, request.ticket.asked_at)
            }
        };
        let socket = match found {
            Ok(Some(socket)) => socket,
            Ok(None) if request.transport == Transport::Icmp => {
                return State::Done(fixed(ResolutionStatus::Unavailable));
            }
            Ok(None) => return State::Done(fixed(ResolutionStatus::ProcessEnded)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return State::New,
            Err(_) => return State::Done(fixed(ResolutionStatus::Unavailable)),
        };
        let is_tcp = request.transport == Transport::Tcp;
        let is_owned = socket.inode != 0 && !(is_tcp && socket.state == LISTEN);
        if is_owned && (!is_tcp || !end.is_server || self.owners.knows(socket.inode)) {
            return self.wanted_or_done(&socket, Vec::new(), now);
        }
        // No process has the socket (yet), or nobody knows which: whoever listens gets it.
        let listeners = self.lookup.listeners(&place, &self.addresses, end.local, now);
        let mut candidates = Vec::new();
        for listener in &listeners {
            if !self.owners.knows(listener.inode) && !is_owned {
                return self.wanted_or_done(listener, Vec::new(), now);
            }
            candidates.extend(self.owners.holders(listener.inode));
        }
        candidates.sort_unstable();
        candidates.dedup();
        match candidates.as_slice() {
            // The first process of a machine listens for services that it starts for each connection.
            [one] if *one != 1 => self.done_by(Some(*one), now),
            _ if is_owned => self.wanted_or_done(&socket, candidates, now),
            [] => State::Done(fixed(ResolutionStatus::ProcessEnded)),
            _ if socket.state == TIME_WAIT => self.done_by(first_holder(&candidates), now),
            _ => State::Accepting { candidates, next_look: now + ACCEPT_LOOK_EVERY },
        }
    }

    /// Looks whether a connection was accepted meanwhile, and by whom.
    fn look_for_accepted(&mut self, request: &Request, end: &End, candidates: Vec<u32>, now: Instant) -> State {
        let place = self.addresses.place(end.local.ip);
        let ends = (end.local, end.remote);
        let since = now.checked_sub(ACCEPT_LOOK_EVERY).unwrap_or(now);
        let fallback = first_holder(&candidates);
        match self.lookup.find(&place, &self.addresses, request.transport, ends, since) {
            Ok(Some(socket)) if socket.inode != 0 && socket.state != LISTEN => {
                self.wanted_or_done(&socket, candidates, now)
            }
            Ok(Some(_)) if now.saturating_duration_since(request.ticket.asked_at) < ACCEPT_WAIT => {
                State::Accepting { candidates, next_look: now + ACCEPT_LOOK_EVERY }
            }
            _ => self.done_by(fallback, now),
        }
    }

    fn wanted_or_done(&mut self, socket: &Socket, candidates: Vec<u32>, now: Instant) -> State {
        match self.holder(socket.inode, now) {
            Some(identity) => State::Done(identity),
            None => {
                let walk = self.owners.walk_to_wait_for();
                State::Wanted { inode: socket.inode, uid: socket.uid, walk, candidates }
            }
        }
    }

    fn holder(&mut self, inode: u64, now: Instant) -> Option<Arc<Identity>> {
        let pid = first_holder(&self.owners.holders(inode))?;
        self.processes.identity(pid, now)
    }

    /// The process of a wanted socket, or why there is none, once everybody was looked at.
    fn look_for_process(&mut self, request: &Request, end: &End, now: Instant) -> State {
        let State::Wanted { inode, uid, walk, candidates } = &end.state else {
            return State::Done(fixed(ResolutionStatus::Unavailable));
        };
        if let Some(identity) = self.holder(*inode, now) {
            return State::Done(identity);
        }
        if self.owners.walks_done() < *walk {
            return State::Wanted { inode: *inode, uid: *uid, walk: *walk, candidates: candidates.clone() };
        }
        if let Some(pid) = first_holder(candidates) {
            return self.done_by(Some(pid), now);
        }
        let status = match self.is_open(request, end, *inode) {
            false => ResolutionStatus::ProcessEnded,
            true if self.owners.is_denied() => ResolutionStatus::NoPermission,
            true => ResolutionStatus::KernelSocket,
        };
        State::Done(self.processes.user_only(status, *uid))
    }

    fn done_by(&mut self, pid: Option<u32>, now: Instant) -> State {
        let identity = pid.and_then(|pid| self.processes.identity(pid, now));
        State::Done(identity.unwrap_or_else(|| fixed(ResolutionStatus::ProcessEnded)))
    }

    /// Settles the tickets whose ends are both done, or whose time is up.
    fn settle_all(&mut self, now: Instant) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain_mut(|one| {
            let is_late = now.saturating_duration_since(one.request.ticket.asked_at) >= GIVE_UP;
            if is_late {
                for end in [&mut one.client, &mut one.server] {
                    self.give_up(&one.request, end, now);
                }
            }
            match (&one.client.state, &one.server.state) {
                (State::Done(client), State::Done(server)) => {
                    self.shared.settle(&one.request, client.clone(), server.clone());
                    false
                }
                _ => true,
            }
        });
        self.pending = pending;
    }

    fn give_up(&mut self, request: &Request, end: &mut End, now: Instant) {
        let state = match &end.state {
            State::Done(_) => return,
            State::New if !request.is_inside_tunnel && self.addresses.place(end.local.ip) != Place::NotLocal => {
                State::Done(fixed(ResolutionStatus::Unavailable))
            }
            State::New => State::Done(fixed(ResolutionStatus::NotLocal)),
            State::Accepting { candidates, .. } => self.done_by(first_holder(candidates), now),
            State::Wanted { uid, candidates, .. } => match first_holder(candidates) {
                Some(pid) => self.done_by(Some(pid), now),
                None => State::Done(self.processes.user_only(ResolutionStatus::Unavailable, *uid)),
            },
        };
        end.state = state;
    }
}

/// The most connections that are looked at together.
const MAX_PENDING: usize = 8192;
/// How long the thread rests between two looks at what is pending.
const STEP: Duration = Duration::from_millis(5);
/// How long it rests at most where its time is used up: late tickets are settled without any look.
const LONG_STEP: Duration = Duration::from_millis(25);
/// After how many looks at connections the time is looked at.
const LOOKS_PER_CHECK: usize = 64;
/// How often processes are searched for sockets.
const SEARCH_EVERY: Duration = Duration::from_millis(10);
/// How often it is looked whether a connection was accepted, and for how long.
const ACCEPT_LOOK_EVERY: Duration = Duration::from_millis(20);
const ACCEPT_WAIT: Duration = Duration::from_millis(200);
/// When a question is given up; a last step is taken before [`super::Resolver::SETTLE_WITHIN`].
const GIVE_UP: Duration = Duration::from_millis(450);
