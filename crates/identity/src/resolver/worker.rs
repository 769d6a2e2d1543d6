//! The thread: takes questions, spends its time on them, searches processes, and settles tickets in time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use lanternfish_model::{ResolutionStatus, Transport};

use super::budget::Budget;
use super::end::{End, State};
use super::heard::Heard;
use super::lookup::Lookup;
use super::{Request, ResolverConfig, Shared, fixed};
use crate::addresses::Addresses;
use crate::owners::{Owners, first_holder};
use crate::process::Processes;

pub(super) struct Worker {
    shared: Arc<Shared>,
    budget: Budget,
    pub(super) lookup: Lookup,
    pub(super) addresses: Addresses,
    pub(super) owners: Owners,
    pub(super) processes: Processes,
    heard: Heard,
    pending: Vec<Pending>,
    searched_at: Option<Instant>,
}

/// A question that is not answered yet.
struct Pending {
    request: Request,
    client: End,
    server: End,
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
            heard: Heard::default(),
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
        } else if self.owners.has_new() {
            // A new process may have inherited a listening socket, or be in a new network namespace.
            self.look_at_new(now);
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
            self.look_at_new(now);
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

    fn refresh_addresses(&mut self, now: Instant) {
        self.look_at_new(now);
        self.addresses.refresh(now);
    }

    fn look_at_new(&mut self, now: Instant) {
        let addresses = &mut self.addresses;
        self.owners.look_at_new(now, |pid| addresses.note_process(pid, now));
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
            if let (State::Done(server), Transport::Tcp) = (&one.server.state, one.request.transport) {
                one.server.state = State::Done(self.heard.server(one.server.local, server));
            }
            match (&one.client.state, &one.server.state) {
                (State::Done(client), State::Done(server)) => {
                    self.shared.settle(&one.request, client.clone(), server.clone());
                    false
                }
                // One end is told while the other is still looked for.
                (State::Done(client), _) => {
                    one.request.ticket.client.get_or_init(|| client.clone());
                    true
                }
                (_, State::Done(server)) => {
                    one.request.ticket.server.get_or_init(|| server.clone());
                    true
                }
                _ => true,
            }
        });
        self.pending = pending;
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
/// When a question is given up; a last step is taken before [`super::Resolver::SETTLE_WITHIN`].
const GIVE_UP: Duration = Duration::from_millis(450);
