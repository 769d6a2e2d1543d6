//! The customers: call the gateway at a bounded rate, seeded.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::plan::{Plan, Service};
use super::random::Random;
use super::{dns, http};

/// Visits for good.
pub(super) fn visit(plan: &Plan) -> Result<()> {
    let mut random = Random(plan.seed);
    let gateway = http::Client::new(Service::Customers.ip(), plan.place(Service::Gateway)?, Service::Gateway.domain());
    let names = dns::Client::new(Service::Customers.ip(), plan.place(Service::Names)?);
    let pause = Duration::from_secs(1) / plan.rounds_per_second.clamp(1, MAX_ROUNDS_PER_SECOND);
    loop {
        let target = match random.below(20) {
            0 => "/report",
            1 => "/items/404",
            2 => "/limited",
            3 => "/delivery",
            4..=9 => "/cart?user=7",
            10..=13 => "/checkout",
            _ => "/items?page=2",
        };
        if random.once_in(5) {
            // The name is looked up to be seen; the address is known.
            let _ = names.look_up(Service::Gateway.domain());
        }
        // A call that fails is there to be seen.
        let _ = gateway.call("GET", target);
        thread::sleep(pause);
    }
}

/// The highest rate.
const MAX_ROUNDS_PER_SECOND: u32 = 200;
