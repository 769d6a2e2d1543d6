//! The `lanternfish` program.

fn main() {}
