//! Hostile and damaged input: what it may cost, what is counted of it, and that the calls around it are shown.
//!
//! Each test runs in a process of its own, of which the memory is measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

#[path = "../bench/mod.rs"]
mod bench;
#[macro_use]
mod alone;
mod bodies;
mod files;
mod floods;
mod messages;
mod packets;
mod world;
