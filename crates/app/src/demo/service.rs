//! The life of a process of the shop: takes its name, gives up its rights, reads the plan, works, ends with its parent.

use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use anyhow::{Context, Result};
use lanternfish_capture::privileges;

use super::plan::{Plan, Service};
use super::shop::{Options, Shop};
use super::tls::Server;
use super::{customers, dns, gateway, http, redis, services};

/// Is one service until standard input is closed; without a service, the whole shop, without watching it.
pub(crate) fn serve(service: Option<Service>) -> Result<()> {
    let Some(service) = service else {
        privileges::drop_all().context("cannot give up rights")?;
        let shop = Shop::start(Options::default())?;
        io::stdout().write_all(shop.describe().as_bytes())?;
        io::stdout().flush()?;
        return wait_for_end(&mut io::stdin().lock());
    };
    // The name comes first: without rights the system may not let a process change its files in /proc.
    std::fs::write("/proc/self/comm", service.name()).context("cannot take a name")?;
    privileges::drop_all().context("cannot give up rights")?;
    let mut input = BufReader::new(io::stdin());
    let plan = Plan::read(&mut input).context("cannot read the plan")?;
    thread::Builder::new().spawn(move || work(service, &plan))?;
    wait_for_end(&mut input)
}

fn wait_for_end(input: &mut impl Read) -> Result<()> {
    io::copy(input, &mut io::sink())?;
    Ok(())
}

/// Works for good; the parent tells when to end.
fn work(service: Service, plan: &Plan) -> Result<()> {
    // The parent put the listening socket where standard output would be.
    let socket = || -> io::Result<OwnedFd> { io::stdout().as_fd().try_clone_to_owned() };
    let listener = || -> io::Result<TcpListener> { Ok(TcpListener::from(socket()?)) };
    match service {
        Service::Names => dns::serve(&UdpSocket::from(socket()?)),
        Service::Inventory => redis::serve(&listener()?),
        Service::Cart => http::serve(&listener()?, services::cart(plan)?),
        Service::Catalog => http::serve(&listener()?, services::catalog(plan)?),
        Service::Gateway => http::serve(&listener()?, gateway::gateway(plan)?),
        Service::Payment => {
            Server::new(&plan.server, &plan.client)?.serve(&listener()?, services::payment(plan)?);
        }
        Service::Customers => customers::visit(plan)?,
    }
    Ok(())
}
