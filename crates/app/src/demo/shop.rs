//! The shop as its parent sees it: opens the sockets, starts a process for each service, and ends them.
//!
//! The parent binds every socket before it starts the first process, and hands it over, so that nobody calls too early. A
//! service has its socket as standard output, and its plan on standard input: it lives until that is closed, which the
//! system does even where this program is killed.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::plan::{Plan, Service};
use super::tls;

/// What the shop is asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Visits of the gateway a second; each makes about five calls.
    pub(crate) rounds_per_second: u32,
    /// The seed of all that looks random.
    pub(crate) seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { rounds_per_second: 3, seed: 1 }
    }
}

/// The shop under way; it closes when it is dropped.
pub(crate) struct Shop {
    processes: Vec<Child>,
    places: Vec<(Service, SocketAddr)>,
}

impl Shop {
    /// Opens the shop.
    pub(crate) fn start(options: Options) -> Result<Shop> {
        let mut places = Vec::new();
        let mut sockets = Vec::new();
        for service in Service::ALL {
            let (socket, place) = listen(service)?;
            places.extend(place.map(|place| (service, place)));
            sockets.push((service, socket));
        }
        let (server, client) = tls::certificates(Service::Payment.domain(), Service::Gateway.domain())?;
        let Options { rounds_per_second, seed } = options;
        let plan = Plan { rounds_per_second, seed, places, server, client };
        let text = plan.to_text();
        let mut shop = Shop { processes: Vec::new(), places: plan.places };
        for (service, socket) in sockets {
            let process = start(service, socket).with_context(|| format!("cannot start {}", service.name()))?;
            shop.processes.push(process);
            let input = shop.processes.last_mut().and_then(|process| process.stdin.as_mut());
            let input = input.context("no standard input")?;
            input.write_all(text.as_bytes()).with_context(|| format!("{} ended at once", service.name()))?;
        }
        Ok(shop)
    }

    /// The services with their addresses, a line each.
    pub(crate) fn describe(&self) -> String {
        let line = |(service, at): &(Service, SocketAddr)| {
            format!("  {:<10} {:<18} {}\n", service.name(), at.to_string(), service.speaks())
        };
        self.places.iter().rev().map(line).collect()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            drop(process.stdin.take());
        }
        let deadline = Instant::now() + END_WITHIN;
        for process in &mut self.processes {
            while matches!(process.try_wait(), Ok(None)) {
                if Instant::now() >= deadline {
                    let _ = process.kill();
                    let _ = process.wait();
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// The socket of a service and its address; nothing for those who only call.
fn listen(service: Service) -> Result<(Stdio, Option<SocketAddr>)> {
    match service {
        Service::Customers => Ok((Stdio::null(), None)),
        Service::Names => {
            let socket = NAME_PORTS.iter().find_map(|&port| UdpSocket::bind((service.ip(), port)).ok());
            let socket = socket.context("no port for the name server is free")?;
            let place = socket.local_addr()?;
            Ok((OwnedFd::from(socket).into(), Some(place)))
        }
        _ => {
            let listener = TcpListener::bind((service.ip(), 0)).context("cannot listen on the loopback")?;
            let place = listener.local_addr()?;
            Ok((OwnedFd::from(listener).into(), Some(place)))
        }
    }
}

/// Starts the process of a service.
fn start(service: Service, socket: Stdio) -> std::io::Result<Child> {
    // This program, even where its file was replaced since it started.
    Command::new("/proc/self/exe")
        .arg0("lanternfish")
        .args(["shop", service.name()])
        .env_clear()
        .current_dir("/")
        // Ctrl-C is for the parent alone, which ends its services in order.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(socket)
        .stderr(Stdio::null())
        .spawn()
}

/// Names are learned from answers of these ports; the first needs root.
const NAME_PORTS: &[u16] = &[53, 5355, 5353];
/// How long a service may take to end by itself.
const END_WITHIN: Duration = Duration::from_secs(1);
