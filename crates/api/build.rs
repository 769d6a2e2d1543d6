//! Has the crate built anew when the files of the dashboard change: those that come or go are unknown to the compiler.

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
}
