//! The shop: which services there are, who calls whom, and how it is stopped.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::http::{self, Answer, Service};
use super::random::Random;
use super::tls::Mutual;
use super::{dns, redis};

/// What the shop is asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Rounds of calls a second; a round is about five calls.
    pub(crate) rounds_per_second: u32,
    /// The seed of all that looks random.
    pub(crate) seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { rounds_per_second: 3, seed: 1 }
    }
}

/// Tells threads that it is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits, but no longer than until it is over.
    pub(super) fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_set() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(STEP));
        }
    }

    /// The next connection; nothing when it is over.
    pub(super) fn accept(&self, listener: &TcpListener) -> Option<TcpStream> {
        listener.set_nonblocking(true).ok()?;
        while !self.is_set() {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).ok()?;
                    stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
                    return Some(stream);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(ACCEPT_STEP),
                Err(_) => return None,
            }
        }
        None
    }
}

/// How many calls of a kind were made.
#[derive(Debug, Default)]
struct Counts {
    calls: AtomicU64,
    failures: AtomicU64,
}

/// The shop under way; it closes when it is dropped.
pub(crate) struct Shop {
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
    counts: Arc<Counts>,
    services: Vec<(&'static str, &'static str, SocketAddr)>,
}

/// Where the services are.
#[derive(Clone, Copy)]
struct Places {
    gateway: SocketAddr,
    cart: SocketAddr,
    catalog: SocketAddr,
    payment: SocketAddr,
    inventory: SocketAddr,
    names: SocketAddr,
    /// Nobody listens there.
    closed: SocketAddr,
}

impl Shop {
    /// Opens the shop.
    pub(crate) fn start(options: Options) -> Result<Shop> {
        let listen = |last: u8| TcpListener::bind((address(last), 0)).context("cannot listen on the loopback");
        let (gateway, cart, catalog, payment, inventory) =
            (listen(11)?, listen(12)?, listen(13)?, listen(14)?, listen(15)?);
        let closed = listen(16)?.local_addr()?;
        let names = NAME_PORTS.iter().find_map(|&port| UdpSocket::bind((address(53), port)).ok());
        let names = names.context("no port for the name server is free")?;
        let places = Places {
            gateway: gateway.local_addr()?,
            cart: cart.local_addr()?,
            catalog: catalog.local_addr()?,
            payment: payment.local_addr()?,
            inventory: inventory.local_addr()?,
            names: names.local_addr()?,
            closed,
        };
        let mutual = Mutual::new("payment.shop.test", "gateway.shop.test")?;
        let mut shop = Shop {
            stop: Stop::default(),
            threads: Vec::new(),
            counts: Arc::default(),
            services: vec![
                ("gateway", "HTTP", places.gateway),
                ("cart", "HTTP", places.cart),
                ("catalog", "HTTP", places.catalog),
                ("payment", "HTTP in TLS, with client certificates", places.payment),
                ("inventory", "Redis", places.inventory),
                ("names", "DNS", places.names),
            ],
        };
        shop.spawn("shop-names", move |stop| dns::serve(&names, stop, &known_names(places)));
        shop.spawn("shop-inventory", move |stop| redis::serve(inventory, stop.clone()));
        shop.spawn("shop-cart", move |stop| http::serve(cart, stop.clone(), cart_service()));
        shop.spawn("shop-catalog", move |stop| http::serve(catalog, stop.clone(), catalog_service()));
        let tls = mutual.clone();
        shop.spawn("shop-payment", move |stop| tls.serve(&payment, stop, &payment_service()));
        let counts = Arc::clone(&shop.counts);
        let service = gateway_service(places, mutual.clone(), counts, options.seed);
        shop.spawn("shop-gateway", move |stop| http::serve(gateway, stop.clone(), service));
        let counts = Arc::clone(&shop.counts);
        shop.spawn("shop-visitors", move |stop| visit(places, &mutual, stop, &counts, options));
        Ok(shop)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce(&Stop) + Send + 'static) {
        let stop = self.stop.clone();
        if let Ok(thread) = thread::Builder::new().name(name.to_owned()).spawn(move || work(&stop)) {
            self.threads.push(thread);
        }
    }

    /// The services with their addresses, a line each.
    pub(crate) fn describe(&self) -> String {
        let line =
            |(name, what, at): &(&str, &str, SocketAddr)| format!("  {:<10} {:<18} {what}\n", name, at.to_string());
        self.services.iter().map(line).collect()
    }

    /// Calls made, and how many of them did not go well.
    #[cfg(test)]
    fn counts(&self) -> (u64, u64) {
        (self.counts.calls.load(Ordering::Relaxed), self.counts.failures.load(Ordering::Relaxed))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 1, last))
}

fn known_names(places: Places) -> Vec<(&'static str, IpAddr)> {
    vec![
        ("gateway.shop.test", places.gateway.ip()),
        ("cart.shop.test", places.cart.ip()),
        ("catalog.shop.test", places.catalog.ip()),
        ("payment.shop.test", places.payment.ip()),
        ("inventory.shop.test", places.inventory.ip()),
    ]
}

fn cart_service() -> Service {
    Arc::new(|method, target| match (method, target) {
        ("POST", _) => Answer::new(201, "{\"added\":1}"),
        (_, "/cart/0") => Answer { is_broken: true, ..Answer::new(200, "{\"items\":[]}") },
        _ => Answer::new(200, "{\"items\":[{\"sku\":\"lantern\",\"quantity\":2}]}"),
    })
}

fn catalog_service() -> Service {
    Arc::new(|_, target| match target {
        "/report" => Answer { delay: Duration::from_millis(900), ..Answer::new(200, "{\"rows\":12000}") },
        "/items/404" => Answer::new(404, "{\"error\":\"no such item\"}"),
        _ => Answer { is_chunked: true, ..Answer::new(200, "[{\"sku\":\"lantern\"},{\"sku\":\"fish\"}]") },
    })
}

fn payment_service() -> Service {
    Arc::new(|_, target| match target {
        "/pay/declined" => Answer::new(500, "{\"error\":\"bank does not answer\"}"),
        _ => Answer { delay: Duration::from_millis(30), ..Answer::new(200, "{\"status\":\"paid\"}") },
    })
}

/// The gateway asks the services behind it.
fn gateway_service(places: Places, mutual: Mutual, counts: Arc<Counts>, seed: u64) -> Service {
    Arc::new(move |_, target| {
        let count = counts.calls.fetch_add(1, Ordering::Relaxed);
        let mut random = Random(seed ^ count);
        let id = u16::try_from(random.below(65_536)).unwrap_or(0);
        let status = match target.split('?').next().unwrap_or_default() {
            "/cart" => {
                look_up(places, id, "cart.shop.test");
                let user = if random.once_in(25) { 0 } else { random.below(9) + 1 };
                http::Client::new(places.cart, "cart.shop.test")
                    .call("GET", &format!("/cart/{user}"), "")
                    .unwrap_or(502)
            }
            "/checkout" => {
                look_up(places, id, "payment.shop.test");
                let target = if random.once_in(6) { "/pay/declined" } else { "/pay" };
                let paid = mutual.call(places.payment, "payment.shop.test", true, target, "{\"amount\":1999}");
                paid.unwrap_or(502)
            }
            "/limited" => 429,
            path => {
                look_up(places, id, "catalog.shop.test");
                http::Client::new(places.catalog, "catalog.shop.test").call("GET", path, "").unwrap_or(502)
            }
        };
        let body = format!("{{\"status\":{status}}}");
        Answer::new(if status == 502 { 503 } else { status }, body)
    })
}

fn look_up(places: Places, id: u16, name: &str) {
    // Names are looked up to be seen; the addresses are known.
    let _ = dns::look_up(places.names, id, name);
}

/// Visitors come at a bounded rate, and now and then something goes wrong.
fn visit(places: Places, mutual: &Mutual, stop: &Stop, counts: &Counts, options: Options) {
    let mut random = Random(options.seed);
    let pause = Duration::from_secs(1) / options.rounds_per_second.clamp(1, MAX_ROUNDS_PER_SECOND);
    let mut visitor = http::Client::new(places.gateway, "gateway.shop.test");
    let mut stock = redis::Client::connect(places.inventory).ok();
    for round in 0u64.. {
        if stop.is_set() {
            return;
        }
        let target = match random.below(20) {
            0 => "/report",
            1 => "/items/404",
            2 => "/limited",
            3..=8 => "/cart?user=7",
            9..=12 => "/checkout",
            _ => "/items?page=2",
        };
        let is_good = visitor.call("GET", target, "").is_ok_and(|status| status < 500);
        count(counts, is_good);
        if let Some(stock) = &mut stock {
            let key = format!("stock:{}", random.below(20));
            count(counts, stock.command(&["INCR", &key]).unwrap_or(false));
            count(counts, stock.command(&["GET", &key]).unwrap_or(false));
            if random.once_in(12) {
                count(counts, stock.command(&["LPUSH", &key, "x"]).unwrap_or(false));
            }
        }
        if round % 11 == 3 {
            look_up(places, 7, "warehouse.shop.test");
            count(counts, TcpStream::connect(places.closed).is_ok());
        }
        if round % 17 == 5 {
            count(counts, mutual.call(places.payment, "payment.shop.test", false, "/pay", "").is_ok());
        }
        stop.sleep(pause);
    }
}

fn count(counts: &Counts, is_good: bool) {
    counts.calls.fetch_add(1, Ordering::Relaxed);
    if !is_good {
        counts.failures.fetch_add(1, Ordering::Relaxed);
    }
}

/// Names are learned from answers of these ports; the first needs root.
const NAME_PORTS: &[u16] = &[53, 5355, 5353];
/// The highest rate.
const MAX_ROUNDS_PER_SECOND: u32 = 200;
const STEP: Duration = Duration::from_millis(50);
const ACCEPT_STEP: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_lives_and_closes() {
        let shop = Shop::start(Options { rounds_per_second: 40, seed: 3 }).unwrap();
        let gateway = shop.services[0].2;
        thread::sleep(Duration::from_secs(3));
        let (calls, failures) = shop.counts();
        assert!(calls > 40 && failures > 0 && failures < calls / 2, "{calls} calls, {failures} failures");
        assert!(shop.describe().contains("payment"));
        drop(shop);
        assert!(TcpStream::connect(gateway).is_err());
    }
}
