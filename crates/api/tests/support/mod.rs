//! A small engine over real entries, and a client that says what a test wants to say.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests use it, none uses all"
)]

pub mod client;
pub mod document;
pub mod engine;
pub mod stored;
pub mod traffic;
