//! gzip, deflate, Brotli and Zstandard: the output never passes the cap.
//!
//! Input: the compression (1 byte), the cap (2), then the compressed bytes.
#![no_main]

use lanternfish_dissect::{Compression, decompress};
use lanternfish_fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let kinds = [Compression::Gzip, Compression::Deflate, Compression::Brotli, Compression::Zstd];
    let kind = kinds[usize::from(choices.byte()) % kinds.len()];
    let cap = usize::from(choices.short());
    let mut output = b"before".to_vec();
    decompress(kind, choices.rest(), cap, &mut output);
    assert!(output.starts_with(b"before") && output.len() - 6 <= cap);
});
