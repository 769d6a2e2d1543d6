//! Builds this crate anew when the dashboard was built, so that its files are embedded.

fn main() {
    let built = std::path::Path::new("../../web/dist");
    // A path that does not exist would run this at every build.
    let watched = if built.exists() { "../../web/dist" } else { "../../web" };
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={watched}");
}
