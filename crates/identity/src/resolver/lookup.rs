//! From an end to its socket: where the address is, and the socket tables there.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use lanternfish_model::{Endpoint, Transport};

use crate::addresses::{Addresses, Place};
use crate::diag::{Socket, SocketDiag};
use crate::proc_net;

/// The socket tables of all network namespaces.
pub struct Lookup {
    diag: Option<SocketDiag>,
    listeners: Option<(Instant, Vec<Socket>)>,
    /// By namespace and transport; only of namespaces that are not ours.
    tables: HashMap<(u64, Transport), (Instant, Vec<Socket>)>,
}

impl Lookup {
    /// Opens the way to the kernel's tables.
    pub fn new() -> Lookup {
        Lookup { diag: SocketDiag::open().ok(), listeners: None, tables: HashMap::new() }
    }

    /// The socket at `local` of a connection with `remote`, by tables that are not older than `asked_at`; `WouldBlock` where
    /// it is too early to read such a table again.
    pub fn find(
        &mut self,
        place: &Place,
        addresses: &Addresses,
        transport: Transport,
        (local, remote): (Endpoint, Endpoint),
        asked_at: Instant,
    ) -> io::Result<Option<Socket>> {
        match place {
            Place::NotLocal => Ok(None),
            Place::Here => self.diag()?.find(transport, local, remote),
            Place::Elsewhere(namespaces) => {
                let mut last = Ok(None);
                for namespace in namespaces {
                    match self.table(*namespace, addresses, transport, asked_at) {
                        Ok((read_at, table)) => match proc_net::find(table, local, remote) {
                            Some(socket) => return Ok(Some(socket)),
                            None if read_at < asked_at => last = Err(io::ErrorKind::WouldBlock.into()),
                            None => {}
                        },
                        Err(error) => last = Err(error),
                    }
                }
                last
            }
        }
    }

    /// The listening TCP sockets that take connections for an end, those on its very address first.
    pub fn listeners(&mut self, place: &Place, addresses: &Addresses, local: Endpoint, now: Instant) -> Vec<Socket> {
        let mut found: Vec<Socket> = match place {
            Place::NotLocal => Vec::new(),
            Place::Here => self.own_listeners(local, now),
            Place::Elsewhere(namespaces) => {
                let mut all = Vec::new();
                for namespace in namespaces {
                    let since = now.checked_sub(KEEP_TABLES).unwrap_or(now);
                    if let Ok((_, table)) = self.table(*namespace, addresses, Transport::Tcp, since) {
                        all.extend(table.iter().filter(|socket| is_listener_for(socket, local)));
                    }
                }
                all
            }
        };
        if found.iter().any(|socket| socket.local.ip == local.ip) {
            found.retain(|socket| socket.local.ip == local.ip);
        }
        found
    }

    /// The only socket of a kind that has no ports (ICMP), in our namespace.
    pub fn only_socket(&mut self, transport: Transport) -> io::Result<Option<Socket>> {
        let mut all = proc_net::read_sockets(std::process::id(), transport)?;
        all.dedup_by_key(|socket| socket.inode);
        match all.as_slice() {
            [one] => Ok(Some(*one)),
            _ => Ok(None),
        }
    }

    fn own_listeners(&mut self, local: Endpoint, now: Instant) -> Vec<Socket> {
        let matching = |all: &[Socket]| -> Vec<Socket> {
            all.iter().filter(|socket| is_listener_for(socket, local)).copied().collect()
        };
        if let Some((read_at, all)) = &self.listeners
            && now.saturating_duration_since(*read_at) < KEEP_LISTENERS
        {
            let found = matching(all);
            if !found.is_empty() {
                return found;
            }
        }
        let all = self.diag().and_then(SocketDiag::listeners).unwrap_or_default();
        let found = matching(&all);
        self.listeners = Some((now, all));
        found
    }

    fn table(
        &mut self,
        namespace: u64,
        addresses: &Addresses,
        transport: Transport,
        since: Instant,
    ) -> io::Result<(Instant, &[Socket])> {
        let now = Instant::now();
        let is_fresh = self
            .tables
            .get(&(namespace, transport))
            .is_some_and(|(read_at, _)| *read_at >= since || now.saturating_duration_since(*read_at) < REST_TABLES);
        if !is_fresh {
            let pid = addresses.process_in(namespace).ok_or(io::ErrorKind::NotFound)?;
            let sockets = proc_net::read_sockets(pid, transport)?;
            self.tables.retain(|_, (read_at, _)| now.saturating_duration_since(*read_at) < FORGET_TABLES);
            self.tables.insert((namespace, transport), (now, sockets));
        }
        let table = self.tables.get(&(namespace, transport)).ok_or(io::ErrorKind::NotFound)?;
        Ok((table.0, table.1.as_slice()))
    }

    fn diag(&mut self) -> io::Result<&mut SocketDiag> {
        if self.diag.is_none() {
            self.diag = Some(SocketDiag::open()?);
        }
        self.diag.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn is_listener_for(socket: &Socket, local: Endpoint) -> bool {
    let is_address = socket.local.ip == local.ip
        || (socket.local.ip.is_unspecified() && (socket.local.ip.is_ipv6() || local.ip.is_ipv4()));
    socket.state == crate::diag::LISTEN && socket.local.port == local.port && is_address
}

const KEEP_LISTENERS: Duration = Duration::from_secs(1);
const KEEP_TABLES: Duration = Duration::from_millis(200);
/// How long a table rests before it is read again, since the kernel walks over all connections of the machine for it.
const REST_TABLES: Duration = Duration::from_millis(50);
const FORGET_TABLES: Duration = Duration::from_secs(5);
