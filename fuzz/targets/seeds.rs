//! Writes the first corpus of each target into the folder that `LANTERNFISH_CORPUS` names, and prints the names of the
//! protocols, one a line. It fuzzes nothing; it is a target because all code here is instrumented for the fuzzer.
#![no_main]

use std::path::Path;
use std::{env, fs, process};

use lanternfish_dissect::Transports;
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: write(), |_data: &[u8]| {});

fn write() {
    let folder = env::var("LANTERNFISH_CORPUS").expect("LANTERNFISH_CORPUS names the folder of the corpora");
    for (target, number, bytes) in seeds::all() {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder).expect("the folder of a corpus");
        fs::write(folder.join(format!("seed-{number:03}")), bytes).expect("a seed is written");
    }
    for protocol in PROTOCOLS.iter().filter(|protocol| protocol.transports() != Transports::NONE) {
        println!("{}", protocol.spec().name);
    }
    process::exit(0);
}
