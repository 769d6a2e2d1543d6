//! What each service of the shop does, and who calls whom.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use super::http::{self, Answer, Service};
use super::random::Random;
use super::shop::Options;
use super::stop::Stop;
use super::tls::{Mutual, Papers};
use super::{dns, redis};

/// A service of the shop, or those who visit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Gateway,
    Cart,
    Catalog,
    Payment,
    Inventory,
    Names,
    Visitors,
}

impl Role {
    pub(super) const ALL: [Role; 7] =
        [Role::Gateway, Role::Cart, Role::Catalog, Role::Payment, Role::Inventory, Role::Names, Role::Visitors];

    /// Its name, which is that of its process too.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Role::Gateway => "gateway",
            Role::Cart => "cart",
            Role::Catalog => "catalog",
            Role::Payment => "payment",
            Role::Inventory => "inventory",
            Role::Names => "names",
            Role::Visitors => "visitors",
        }
    }

    pub(super) fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What it speaks, in words.
    pub(super) const fn speaks(self) -> &'static str {
        match self {
            Role::Payment => "HTTP in TLS, with client certificates",
            Role::Inventory => "Redis",
            Role::Names => "DNS",
            _ => "HTTP",
        }
    }

    /// Begins to listen; visitors have no door.
    pub(super) fn open(self) -> Result<Door> {
        let listen = |last: u8| TcpListener::bind((address(last), 0)).context("cannot listen on the loopback");
        Ok(match self {
            Role::Gateway => Door::Stream(listen(11)?),
            Role::Cart => Door::Stream(listen(12)?),
            Role::Catalog => Door::Stream(listen(13)?),
            Role::Payment => Door::Stream(listen(14)?),
            Role::Inventory => Door::Stream(listen(15)?),
            Role::Names => {
                let socket = NAME_PORTS.iter().find_map(|&port| UdpSocket::bind((address(53), port)).ok());
                Door::Datagrams(socket.context("no port for the name server is free")?)
            }
            Role::Visitors => Door::None,
        })
    }
}

/// Where a service is called.
pub(super) enum Door {
    Stream(TcpListener),
    Datagrams(UdpSocket),
    None,
}

impl Door {
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Door::Stream(listener) => listener.local_addr().ok(),
            Door::Datagrams(socket) => socket.local_addr().ok(),
            Door::None => None,
        }
    }
}

/// Where the services are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    services: [SocketAddr; 6],
    /// Nobody listens there.
    pub(super) closed: SocketAddr,
}

impl Places {
    /// The places of all services.
    pub(super) fn of(found: impl Iterator<Item = (Role, SocketAddr)>) -> Result<Places> {
        // The port is free again when the listener is dropped.
        let closed = TcpListener::bind((address(16), 0)).context("cannot listen on the loopback")?.local_addr()?;
        let mut places = Places { services: [closed; 6], closed };
        let mut missing = places.services.len();
        for (role, at) in found {
            if let Some(place) = places.services.get_mut(role as usize) {
                *place = at;
                missing = missing.saturating_sub(1);
            }
        }
        anyhow::ensure!(missing == 0, "{missing} services have no address");
        Ok(places)
    }

    /// Where a service is; visitors are nowhere.
    pub(super) fn at(&self, role: Role) -> Option<SocketAddr> {
        self.services.get(role as usize).copied()
    }

    fn must(&self, role: Role) -> SocketAddr {
        self.at(role).unwrap_or(self.closed)
    }
}

/// All that those who work in the shop have to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) places: Places,
    pub(super) papers: Papers,
    pub(super) options: Options,
}

impl Plan {
    pub(super) fn new(places: Places, options: Options) -> Result<Plan> {
        Ok(Plan { places, papers: Papers::new("payment.shop.test", "gateway.shop.test")?, options })
    }
}

/// How many calls of a kind were made.
#[derive(Debug, Default)]
pub(super) struct Counts {
    calls: AtomicU64,
    failures: AtomicU64,
}

impl Counts {
    fn count(&self, is_good: bool) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if !is_good {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn read(&self) -> (u64, u64) {
        (self.calls.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }
}

/// Works until it is told to stop.
pub(super) fn work(role: Role, door: Door, plan: &Plan, stop: &Stop, counts: &Arc<Counts>) {
    let Ok(mutual) = Mutual::new(&plan.papers) else { return };
    match (role, door) {
        (Role::Names, Door::Datagrams(socket)) => dns::serve(&socket, stop, &known_names(&plan.places)),
        (Role::Inventory, Door::Stream(listener)) => redis::serve(listener, stop.clone()),
        (Role::Cart, Door::Stream(listener)) => http::serve(listener, stop.clone(), cart(plan, counts)),
        (Role::Catalog, Door::Stream(listener)) => http::serve(listener, stop.clone(), catalog(plan)),
        (Role::Payment, Door::Stream(listener)) => mutual.serve(&listener, stop, &payment()),
        (Role::Gateway, Door::Stream(listener)) => {
            http::serve(listener, stop.clone(), gateway(plan, mutual, Arc::clone(counts)));
        }
        (Role::Visitors, _) => visit(plan, &mutual, stop, counts),
        _ => {}
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 1, last))
}

fn known_names(places: &Places) -> Vec<(&'static str, IpAddr)> {
    vec![
        ("gateway.shop.test", places.must(Role::Gateway).ip()),
        ("cart.shop.test", places.must(Role::Cart).ip()),
        ("catalog.shop.test", places.must(Role::Catalog).ip()),
        ("payment.shop.test", places.must(Role::Payment).ip()),
        ("inventory.shop.test", places.must(Role::Inventory).ip()),
    ]
}

/// A service takes a moment, and never the same.
fn moment(random: &mut Random, most_us: u64) -> Duration {
    Duration::from_micros(most_us / 8 + random.below(most_us))
}

/// The cart counts what is in stock.
fn cart(plan: &Plan, counts: &Arc<Counts>) -> Service {
    let (inventory, counts) = (plan.places.must(Role::Inventory), Arc::clone(counts));
    let kept = Mutex::new((Random(plan.options.seed ^ 0xca27), None::<redis::Client>));
    Arc::new(move |method, target| {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (random, client) = &mut *kept;
        let key = format!("stock:{}", random.below(20));
        let is_wrong = random.once_in(24);
        if client.is_none() {
            *client = redis::Client::connect(inventory).ok();
        }
        for words in
            [&["INCR", &key][..], &["GET", &key], &["LPUSH", &key, "x"]].into_iter().take(2 + usize::from(is_wrong))
        {
            match client.as_mut().map(|client| client.command(words)) {
                Some(Ok(is_good)) => counts.count(is_good),
                _ => *client = None,
            }
        }
        let delay = moment(random, 4_000);
        match (method, target) {
            ("POST", _) => Answer { delay, ..Answer::new(201, "{\"added\":1}") },
            (_, "/cart/0") => Answer { is_broken: true, ..Answer::new(200, "{\"items\":[]}") },
            _ => Answer { delay, ..Answer::new(200, "{\"items\":[{\"sku\":\"lantern\",\"quantity\":2}]}") },
        }
    })
}

fn catalog(plan: &Plan) -> Service {
    let random = Mutex::new(Random(plan.options.seed ^ 0xca7a));
    Arc::new(move |_, target| {
        let delay = moment(&mut random.lock().unwrap_or_else(PoisonError::into_inner), 12_000);
        match target {
            "/report" => Answer { delay: Duration::from_millis(900), ..Answer::new(200, "{\"rows\":12000}") },
            "/items/404" => Answer::new(404, "{\"error\":\"no such item\"}"),
            _ => Answer { is_chunked: true, delay, ..Answer::new(200, "[{\"sku\":\"lantern\"},{\"sku\":\"fish\"}]") },
        }
    })
}

fn payment() -> Service {
    Arc::new(|_, target| match target {
        "/pay/declined" => Answer::new(500, "{\"error\":\"bank does not answer\"}"),
        _ => Answer { delay: Duration::from_millis(30), ..Answer::new(200, "{\"status\":\"paid\"}") },
    })
}

/// The gateway asks the services behind it.
fn gateway(plan: &Plan, mutual: Mutual, counts: Arc<Counts>) -> Service {
    let (places, seed) = (plan.places, plan.options.seed);
    let cart = Mutex::new(http::Client::new(places.must(Role::Cart), "cart.shop.test"));
    let catalog = Mutex::new(http::Client::new(places.must(Role::Catalog), "catalog.shop.test"));
    let names = Mutex::new(dns::Resolver::new(places.must(Role::Names)));
    // Names are looked up to be seen; the addresses are known.
    let look_up = move |id: u16, name: &str| {
        let _ = names.lock().unwrap_or_else(PoisonError::into_inner).look_up(id, name);
    };
    let ask = |client: &Mutex<http::Client>, method: &str, target: &str, body: &str| {
        client.lock().unwrap_or_else(PoisonError::into_inner).call(method, target, body).unwrap_or(502)
    };
    Arc::new(move |method, target| {
        let count = counts.calls.fetch_add(1, Ordering::Relaxed);
        let mut random = Random(seed ^ count);
        let id = u16::try_from(random.below(65_536)).unwrap_or(0);
        if random.once_in(11) {
            look_up(id, "warehouse.shop.test");
            counts.count(TcpStream::connect(places.closed).is_ok());
        }
        let status = match target.split('?').next().unwrap_or_default() {
            "/cart" => {
                look_up(id, "cart.shop.test");
                let user = if random.once_in(25) { 0 } else { random.below(9) + 1 };
                let body = if method == "POST" { "{\"sku\":\"lantern\",\"quantity\":1}" } else { "" };
                ask(&cart, method, &format!("/cart/{user}"), body)
            }
            "/checkout" => {
                look_up(id, "payment.shop.test");
                let target = if random.once_in(6) { "/pay/declined" } else { "/pay" };
                let at = places.must(Role::Payment);
                mutual.call(at, "payment.shop.test", true, target, "{\"amount\":1999}").unwrap_or(502)
            }
            "/limited" => 429,
            path => {
                look_up(id, "catalog.shop.test");
                ask(&catalog, "GET", path, "")
            }
        };
        let body = format!("{{\"status\":{status}}}");
        Answer::new(if status == 502 { 503 } else { status }, body)
    })
}

/// Visitors come at a bounded rate, and now and then something goes wrong.
fn visit(plan: &Plan, mutual: &Mutual, stop: &Stop, counts: &Counts) {
    let (places, options) = (&plan.places, plan.options);
    let mut random = Random(options.seed);
    let pause = Duration::from_secs(1) / options.rounds_per_second.clamp(1, MAX_ROUNDS_PER_SECOND);
    let mut visitor = http::Client::new(places.must(Role::Gateway), "gateway.shop.test");
    for round in 0u64.. {
        if stop.is_set() {
            return;
        }
        let (method, target, body) = match random.below(20) {
            0 => ("GET", "/report", ""),
            1 => ("GET", "/items/404", ""),
            2 => ("GET", "/limited", ""),
            3 => ("POST", "/cart?user=7", "{\"sku\":\"lantern\",\"quantity\":1}"),
            4..=8 => ("GET", "/cart?user=7", ""),
            9..=12 => ("GET", "/checkout", ""),
            _ => ("GET", "/items?page=2", ""),
        };
        counts.count(visitor.call(method, target, body).is_ok_and(|status| status < 500));
        if round % 17 == 5 {
            let at = places.must(Role::Payment);
            counts.count(mutual.call(at, "payment.shop.test", false, "/pay", "").is_ok());
        }
        stop.sleep(pause);
    }
}

/// Names are learned from answers of these ports; the first needs root.
const NAME_PORTS: &[u16] = &[53, 5355, 5353];
/// The highest rate.
const MAX_ROUNDS_PER_SECOND: u32 = 200;
