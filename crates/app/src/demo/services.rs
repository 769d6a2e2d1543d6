//! The services behind the gateway: what they ask of others, and what they answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;

use super::http::Answer;
use super::plan::{Plan, Service};
use super::random::Random;
use super::{dns, redis};

/// The basket of a customer; its numbers are in the inventory.
pub(super) fn cart(plan: &Plan) -> Result<impl Fn(&str, &str) -> Answer + Send + Sync + use<>> {
    let behind = Behind::new(plan, Service::Cart)?;
    Ok(move |_: &str, target: &str| {
        let mut random = behind.random();
        behind.find("inventory.shop.test");
        let key = format!("stock:{}", random.below(20));
        let is_known = behind.ask(&["INCR", &key]) && behind.ask(&["GET", &key]);
        if random.once_in(12) {
            // A counter is no list.
            behind.ask(&["LPUSH", &key, "x"]);
        }
        match target {
            "/cart/0" => Answer { is_broken: true, ..Answer::new(200, "{\"items\":[]}") },
            _ if !is_known => Answer::new(503, "{\"error\":\"no inventory\"}"),
            _ => Answer::new(200, "{\"items\":[{\"sku\":\"lantern\",\"quantity\":2}]}"),
        }
    })
}

/// What there is to buy, and a report that takes its time.
pub(super) fn catalog(plan: &Plan) -> Result<impl Fn(&str, &str) -> Answer + Send + Sync + use<>> {
    let behind = Behind::new(plan, Service::Catalog)?;
    Ok(move |_: &str, target: &str| {
        let mut random = behind.random();
        // The warehouse has moved and nobody told the catalog.
        let is_lost = random.once_in(8);
        behind.find(if is_lost { "warehouse.shop.test" } else { "inventory.shop.test" });
        behind.ask(&["GET", &format!("stock:{}", random.below(20))]);
        match target {
            "/report" => Answer { delay: Duration::from_millis(900), ..Answer::new(200, "{\"rows\":12000}") },
            "/items/404" => Answer::new(404, "{\"error\":\"no such item\"}"),
            _ => Answer { is_chunked: true, ..Answer::new(200, "[{\"sku\":\"lantern\"},{\"sku\":\"fish\"}]") },
        }
    })
}

/// Takes money; the bank does not always answer.
pub(super) fn payment(plan: &Plan) -> Result<impl Fn(&str, &str) -> Answer + Send + Sync + use<>> {
    let behind = Behind::new(plan, Service::Payment)?;
    Ok(move |_: &str, target: &str| {
        behind.find("inventory.shop.test");
        behind.ask(&["INCR", "orders"]);
        match target {
            "/pay/declined" => Answer::new(500, "{\"error\":\"bank does not answer\"}"),
            _ => Answer { delay: Duration::from_millis(30), ..Answer::new(200, "{\"status\":\"paid\"}") },
        }
    })
}

/// What every one of them asks: names and the inventory.
struct Behind {
    names: dns::Client,
    inventory: redis::Client,
    seed: u64,
    asked: AtomicU64,
}

impl Behind {
    fn new(plan: &Plan, own: Service) -> Result<Behind> {
        Ok(Behind {
            names: dns::Client::new(own.ip(), plan.place(Service::Names)?),
            inventory: redis::Client::new(own.ip(), plan.place(Service::Inventory)?),
            seed: plan.seed,
            asked: AtomicU64::new(0),
        })
    }

    /// The random numbers of one request.
    fn random(&self) -> Random {
        Random(self.seed ^ self.asked.fetch_add(1, Ordering::Relaxed))
    }

    fn find(&self, name: &str) {
        // Names are looked up to be seen; the addresses are known.
        let _ = self.names.look_up(name);
    }

    /// Whether the inventory does as it is asked.
    fn ask(&self, words: &[&str]) -> bool {
        self.inventory.command(words).unwrap_or(false)
    }
}
