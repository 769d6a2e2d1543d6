//! One end of a connection on its way from an address to a socket and from there to a process.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lanternfish_model::{Endpoint, Identity, ResolutionStatus, Transport};

use super::worker::Worker;
use super::{Request, fixed};
use crate::addresses::Place;
use crate::diag::{LISTEN, Socket, TIME_WAIT};
use crate::owners::first_holder;

/// An end and how much is known of it.
pub(super) struct End {
    pub(super) local: Endpoint,
    pub(super) remote: Endpoint,
    pub(super) is_server: bool,
    pub(super) state: State,
}

pub(super) enum State {
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
    /// Takes one end a step further; nothing where there is no news.
    pub(super) fn look(&mut self, request: &Request, end: &End, now: Instant) -> Option<State> {
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

    pub(super) fn done_by(&mut self, pid: Option<u32>, now: Instant) -> State {
        let identity = pid.and_then(|pid| self.processes.identity(pid, now));
        State::Done(identity.unwrap_or_else(|| fixed(ResolutionStatus::ProcessEnded)))
    }

    /// Whether the socket of an end is still the same; in other namespaces, where asking is dear, it is taken to be.
    pub(super) fn is_open(&mut self, request: &Request, end: &End, inode: u64) -> bool {
        let place = self.addresses.place(end.local.ip);
        if place != Place::Here || request.transport == Transport::Icmp {
            return true;
        }
        let ends = (end.local, end.remote);
        let found = self.lookup.find(&place, &self.addresses, request.transport, ends, request.ticket.asked_at);
        matches!(found, Ok(Some(socket)) if socket.inode == inode)
    }

    /// Ends the search for an end whose time is up.
    pub(super) fn give_up(&mut self, request: &Request, end: &mut End, now: Instant) {
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

/// How often it is looked whether a connection was accepted, and for how long.
const ACCEPT_LOOK_EVERY: Duration = Duration::from_millis(20);
const ACCEPT_WAIT: Duration = Duration::from_millis(80);
