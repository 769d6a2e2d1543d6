//! Scripts of packets and what the sink must see of them; properties over random conversations; budgets.

mod fragments;
mod harness;
mod limits;
mod others;
mod properties;
mod reports;
mod scripts;
mod views;
