//! Seeded chance for tests that damage millions of frames.

/// SplitMix64 (Steele, Lea, Flood 2014): seeded, and quick enough for millions of frames.
pub(super) struct Chance(u64);

impl Chance {
    /// A fresh seed for each run, printed so that a failure can be had again: `SEED=… cargo test`.
    pub(super) fn of_this_run() -> Self {
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| getrandom::u64().unwrap());
        println!("SEED={seed}");
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// One byte lost, put in, flipped or replaced.
    pub(super) fn damage_one_byte(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(4) {
            0 => drop(bytes.remove(at)),
            1 => bytes.insert(at, self.byte()),
            2 => bytes[at] ^= 1 << self.below(8),
            _ => bytes[at] = self.byte(),
        }
    }

    pub(super) fn replace_byte(&mut self, bytes: &mut [u8]) {
        let at = self.below(bytes.len());
        bytes[at] = self.byte();
    }

    pub(super) fn flip_two_bits(&mut self, bytes: &mut [u8]) {
        for _ in 0..2 {
            let at = self.below(bytes.len());
            bytes[at] ^= 1 << self.below(8);
        }
    }
}
