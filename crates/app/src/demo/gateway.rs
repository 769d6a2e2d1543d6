//! The gateway: passes calls of customers on to the services behind it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

use super::http::{self, Answer};
use super::plan::{Plan, Service};
use super::random::Random;
use super::{dns, tls};

/// Passes calls on by their path.
pub(super) fn gateway(plan: &Plan) -> Result<impl Fn(&str, &str) -> Answer + Send + Sync + use<>> {
    let own = Service::Gateway.ip();
    let client = |service: Service| -> Result<http::Client> {
        Ok(http::Client::new(own, plan.place(service)?, service.domain()))
    };
    let (cart, catalog) = (client(Service::Cart)?, client(Service::Catalog)?);
    let (bank, host) = (plan.place(Service::Payment)?, Service::Payment.domain());
    let payment = tls::Client::new(own, bank, host, &plan.client, &plan.server)?;
    let distrustful = tls::Client::distrustful(own, bank, host)?;
    // Nobody listens there.
    let warehouse = http::Client::new(own, CLOSED, "warehouse.shop.test");
    let names = dns::Client::new(own, plan.place(Service::Names)?);
    let find = move |service: Service| {
        // Names are looked up to be seen; the addresses are known.
        let _ = names.look_up(service.domain());
    };
    let (seed, asked) = (plan.seed, AtomicU64::new(0));
    Ok(move |_: &str, target: &str| {
        let mut random = Random(seed ^ asked.fetch_add(1, Ordering::Relaxed));
        let status = match target.split('?').next().unwrap_or_default() {
            "/cart" => {
                find(Service::Cart);
                let user = if random.once_in(25) { 0 } else { random.below(9) + 1 };
                cart.call("GET", &format!("/cart/{user}"))
            }
            "/checkout" => {
                find(Service::Payment);
                let target = if random.once_in(6) { "/pay/declined" } else { "/pay" };
                let client = if random.once_in(10) { &distrustful } else { &payment };
                client.call(target, "{\"amount\":1999}")
            }
            "/limited" => Ok(429),
            "/delivery" => warehouse.call("GET", "/"),
            path => {
                find(Service::Catalog);
                catalog.call("GET", path)
            }
        };
        let status = status.unwrap_or(503);
        Answer::new(status, format!("{{\"status\":{status}}}"))
    })
}

/// A port that the system never gives to a socket by itself.
const CLOSED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, 16)), 4);
