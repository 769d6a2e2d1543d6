//! The plan of the shop: which processes there are, where they listen, and how the parent tells them.
//!
//! The plan goes to the standard input of each service as lines of `name value`, ended by an empty line.

use std::io::{self, BufRead, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use clap::ValueEnum;

/// A process of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// Answers DNS queries for the names of the others.
    Names,
    /// Redis with the stock.
    Inventory,
    /// HTTP; counts its visits in the inventory.
    Cart,
    /// HTTP; reads the inventory, and is slow now and then.
    Catalog,
    /// HTTP in TLS with client certificates.
    Payment,
    /// HTTP; asks the services behind it.
    Gateway,
    /// Those who call the gateway.
    Customers,
}

impl Service {
    /// All, those that are called before those that call them.
    pub(super) const ALL: [Service; 7] = [
        Service::Names,
        Service::Inventory,
        Service::Cart,
        Service::Catalog,
        Service::Payment,
        Service::Gateway,
        Service::Customers,
    ];

    /// Its name, which is the name of its process too.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Service::Names => "names",
            Service::Inventory => "inventory",
            Service::Cart => "cart",
            Service::Catalog => "catalog",
            Service::Payment => "payment",
            Service::Gateway => "gateway",
            Service::Customers => "customers",
        }
    }

    /// What it speaks; nothing where it only calls.
    pub(super) const fn speaks(self) -> &'static str {
        match self {
            Service::Names => "DNS",
            Service::Inventory => "Redis",
            Service::Cart | Service::Catalog | Service::Gateway => "HTTP",
            Service::Payment => "HTTP in TLS, with client certificates",
            Service::Customers => "",
        }
    }

    /// The address from which it answers and calls.
    pub(super) const fn ip(self) -> IpAddr {
        let last = match self {
            Service::Customers => 10,
            Service::Gateway => 11,
            Service::Cart => 12,
            Service::Catalog => 13,
            Service::Payment => 14,
            Service::Inventory => 15,
            Service::Names => 53,
        };
        IpAddr::V4(Ipv4Addr::new(127, 0, 1, last))
    }

    /// The domain name under which it is known.
    pub(super) const fn domain(self) -> &'static str {
        match self {
            Service::Names => "names.shop.test",
            Service::Inventory => "inventory.shop.test",
            Service::Cart => "cart.shop.test",
            Service::Catalog => "catalog.shop.test",
            Service::Payment => "payment.shop.test",
            Service::Gateway => "gateway.shop.test",
            Service::Customers => "customers.shop.test",
        }
    }
}

/// A certificate and its private key, in DER.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// What every service is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Rounds of calls a second.
    pub(super) rounds_per_second: u32,
    /// The seed of all that looks random.
    pub(super) seed: u64,
    /// Where each service listens.
    pub(super) places: Vec<(Service, SocketAddr)>,
    /// The certificate of the payment service.
    pub(super) server: Pair,
    /// The certificate of the gateway.
    pub(super) client: Pair,
}

impl Plan {
    /// Where a service listens.
    pub(super) fn place(&self, service: Service) -> Result<SocketAddr> {
        let place = self.places.iter().find(|(known, _)| *known == service);
        place.map(|(_, at)| *at).with_context(|| format!("no address of {}", service.name()))
    }

    /// The plan as lines.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("rate {}\nseed {}\n", self.rounds_per_second, self.seed);
        for (service, at) in &self.places {
            text.push_str(&format!("{} {at}\n", service.name()));
        }
        for (name, bytes) in [
            ("server-certificate", &self.server.certificate),
            ("server-key", &self.server.key),
            ("client-certificate", &self.client.certificate),
            ("client-key", &self.client.key),
        ] {
            text.push_str(&format!("{name} {}\n", to_hex(bytes)));
        }
        text.push('\n');
        text
    }

    /// Reads lines up to the empty one.
    pub(super) fn read(input: &mut impl BufRead) -> Result<Plan> {
        let mut plan = Plan {
            rounds_per_second: 1,
            seed: 0,
            places: Vec::new(),
            server: Pair::default(),
            client: Pair::default(),
        };
        for _ in 0..MAX_LINES {
            let mut line = String::new();
            if input.by_ref().take(MAX_LINE_BYTES).read_line(&mut line)? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let Some((name, value)) = line.trim_end().split_once(' ') else { return Ok(plan) };
            match name {
                "rate" => plan.rounds_per_second = value.parse()?,
                "seed" => plan.seed = value.parse()?,
                "server-certificate" => plan.server.certificate = from_hex(value)?,
                "server-key" => plan.server.key = from_hex(value)?,
                "client-certificate" => plan.client.certificate = from_hex(value)?,
                "client-key" => plan.client.key = from_hex(value)?,
                name => {
                    let service = Service::ALL.into_iter().find(|service| service.name() == name);
                    plan.places.push((service.with_context(|| format!("unknown service {name}"))?, value.parse()?));
                }
            }
        }
        anyhow::bail!("more than {MAX_LINES} lines")
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}

const MAX_LINES: usize = 32;
const MAX_LINE_BYTES: u64 = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let plan = Plan {
            rounds_per_second: 7,
            seed: u64::MAX,
            places: Service::ALL.map(|service| (service, SocketAddr::new(service.ip(), 4000))).to_vec(),
            server: Pair { certificate: vec![0, 1, 255], key: vec![16] },
            client: Pair { certificate: vec![2], key: vec![3] },
        };
        let text = plan.to_text();
        assert_eq!(Plan::read(&mut text.as_bytes()).unwrap(), plan);
        assert_eq!(plan.place(Service::Cart).unwrap().to_string(), "127.0.1.12:4000");
        let cut = text.get(..text.len() - 1).unwrap();
        assert!(Plan::read(&mut cut.as_bytes()).is_err(), "the empty line is missing");
        assert!(Plan::read(&mut "warehouse 127.0.0.1:1\n\n".as_bytes()).is_err());
    }
}
