//! The DNS names of the addresses seen last, so that most entries ask the table of all threads nothing.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use lanternfish_identity::Names;

/// Answers that hold until a name is learned or forgotten.
#[derive(Default)]
pub struct KnownNames {
    generation: u64,
    slots: Vec<Option<Known>>,
}

struct Known {
    ip: IpAddr,
    /// The packets for which the answer holds.
    span: Range<u64>,
    name: Option<Arc<str>>,
}

impl KnownNames {
    /// The name that an address had at a packet.
    pub fn lookup(&mut self, names: &Names, ip: IpAddr, number: u64) -> Option<Arc<str>> {
        // What is learned meanwhile is seen by the next call: the generation is read first.
        let generation = names.generation();
        if generation != self.generation || self.slots.is_empty() {
            self.generation = generation;
            self.slots.clear();
            self.slots.resize_with(SLOTS, || None);
        }
        let slot = self.slots.get_mut(place(ip))?;
        match slot {
            Some(known) if known.ip == ip && known.span.contains(&number) => known.name.clone(),
            _ => {
                let (name, span) = names.lookup_span(ip, number);
                *slot = Some(Known { ip, span, name: name.clone() });
                name
            }
        }
    }
}

fn place(ip: IpAddr) -> usize {
    let word = match ip {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64 ^ v6.to_bits() as u64,
    };
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize
}

/// The addresses whose names are kept: six bits choose among them.
const SLOTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_those_of_the_table() {
        let names = Names::default();
        let mut known = KnownNames::default();
        let ip = |last: u8| IpAddr::from([10, 0, 0, last]);
        for round in 0..40u64 {
            for last in 0..100 {
                for number in [0, round, round * 7, 1000] {
                    assert_eq!(known.lookup(&names, ip(last), number), names.lookup(ip(last), number));
                }
            }
            names.learn(&format!("name{}", round % 3), ip((round % 5) as u8), round * 11 % 90);
        }
    }
}
