//! `lanternfish demo`: a small shop of services on the loopback that talk real HTTP, DNS, Redis and TLS to each other.
//!
//! Each service is a process of its own with its own name and address, so that it is a node of its own in the map. The calls
//! come at a bounded rate, seeded, so that some are slow, some fail, and a newcomer sees life at once. Nothing but loopback
//! addresses is ever bound or called.

mod customers;
mod dns;
mod gateway;
mod http;
mod plan;
mod pool;
mod random;
mod redis;
mod service;
mod services;
mod shop;
mod tls;

pub(crate) use plan::Service;
pub(crate) use service::serve;
pub(crate) use shop::{Options, Shop};
