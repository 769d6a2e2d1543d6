//! `lanternfish demo`: a small shop of services on the loopback that talk real HTTP, DNS, Redis and TLS to each other.
//!
//! Each service is a process of its own (this program, started again), at a bounded rate, seeded, so that some calls are slow,
//! some fail, and a newcomer sees life at once. Nothing but loopback addresses is ever bound or called.

mod dns;
mod http;
mod process;
mod random;
mod redis;
mod shop;
mod staff;
mod stop;
mod tls;

pub(crate) use process::service;
pub(crate) use shop::{Options, Shop};
