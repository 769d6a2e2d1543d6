//! A small seeded generator (SplitMix64): the same seed gives the same numbers everywhere.

/// Random numbers from a seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins with a seed.
    pub const fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, 0 for a limit of 0.
    pub fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.number() % limit as u64) as usize }
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }

    /// Damages some bytes: flips bits, writes numbers that stand for trouble, cuts, doubles or removes a part.
    pub fn damage(&mut self, bytes: &mut Vec<u8>, times: usize) {
        for _ in 0..times {
            let at = self.below(bytes.len());
            let Some(byte) = bytes.get_mut(at) else { return };
            match self.below(8) {
                0..=2 => *byte ^= 1 << self.below(8),
                3 => *byte = [0, 1, 0x7f, 0x80, 0xfe, 0xff][self.below(6)],
                4 => {
                    let numbers = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0x0004_0000, 0x0100_0000];
                    let number = numbers[self.below(numbers.len())].to_le_bytes();
                    for (to, from) in bytes[at..].iter_mut().zip(number) {
                        *to = from;
                    }
                }
                5 => bytes.truncate(at),
                6 => {
                    let end = (at + self.below(64)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, part);
                }
                _ => {
                    let end = (at + self.below(64)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
    }
}
