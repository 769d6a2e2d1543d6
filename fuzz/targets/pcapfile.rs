//! pcap and pcapng files, plain and compressed, read at once and in small pieces with the same result.
#![no_main]

use std::io::{Cursor, Read};

use lanternfish_pcapfile::{Item, Reader};
use libfuzzer_sys::fuzz_target;

/// Gives a few bytes at a time.
struct Drops(Cursor<Vec<u8>>);

impl Read for Drops {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let count = to.len().min(7);
        self.0.read(&mut to[..count])
    }
}

fuzz_target!(|data: &[u8]| {
    let whole = read(Box::new(Cursor::new(data.to_vec())));
    let pieces = read(Box::new(Drops(Cursor::new(data.to_vec()))));
    // Where compression breaks off, more or less may have been decoded before.
    let is_compressed = data.starts_with(&[0x1f, 0x8b]) || data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    assert!(whole == pieces || is_compressed, "{whole:?} at once, {pieces:?} in pieces");
});

/// The number of items and a sum over them.
fn read(input: Box<dyn Read + Send>) -> Option<(u64, u64, u64)> {
    let mut reader = Reader::new(input).ok()?;
    let (mut items, mut sum) = (0u64, 0u64);
    while let Ok(Some(item)) = reader.next() {
        items += 1;
        assert!(items < MAX_ITEMS, "items without end");
        match item {
            Item::Packet(packet) => {
                sum = sum.wrapping_mul(31).wrapping_add(packet.bytes.iter().map(|&byte| u64::from(byte)).sum());
                sum = sum.wrapping_mul(31).wrapping_add(packet.time.ns() as u64);
                sum = sum.wrapping_add(packet.comments().map(|text| text.len() as u64).sum());
            }
            Item::Names(names) => sum = sum.wrapping_add(names.iter().map(|(_, name)| name.len() as u64).sum()),
            Item::Secrets(secrets) => sum = sum.wrapping_add(secrets.bytes.len() as u64),
            Item::Comment(_) | Item::Drops(_) => {}
        }
    }
    let _ = (reader.notes().len(), reader.dropped_packets(), reader.interfaces().len());
    Some((items, sum, reader.counters().skipped_bytes))
}

/// More than any input under the limit of the fuzzer can hold, unless it is compressed.
const MAX_ITEMS: u64 = 100_000_000;
