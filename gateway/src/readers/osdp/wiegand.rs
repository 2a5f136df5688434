//! Card numbers as readers pass them on: the bits that once went over two Wiegand wires, and plain UIDs.
//!
//! | bits | format | even parity first | odd parity last | number |
//! |---|---|---|---|---|
//! | 26 | H10301 | bit 0 over 1–12 | bit 25 over 13–24 | facility 1–8, card 9–24 |
//! | 34 | H10306 | bit 0 over 1–16 | bit 33 over 17–32 | facility 1–16, card 17–32 |
//! | 37 | H10302, H10304 | bit 0 over 1–18 | bit 36 over 18–35 | card 1–35, or facility 1–16 and card 17–35 |
//! | 32, 40, 56, 64, 80 | a UID as it is | none | none | all |
//!
//! Bit 0 comes first and is the highest bit of the first byte. H10302 and H10304 divide the same 35 bits differently; a
//! card is known by all of them, so that it need not be told which. A number whose parity is wrong is refused, as are all
//! zeros and all ones, which a broken reader sends, and any other count of bits, of which nobody could say whether they
//! were damaged.

/// Longest number, in bytes: a UID of ten.
pub const MAX_NUMBER_BYTES: usize = 10;

/// A card's number, and what kind of number it is. Not printable on purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CardNumber {
    kind: &'static str,
    bytes: [u8; MAX_NUMBER_BYTES],
    length: usize,
}

/// Why a card's bits are no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardRefusal {
    /// A parity bit of a Wiegand format is wrong.
    Parity,
    /// A count of bits that belongs to no known format.
    Format {
        /// How many bits.
        bits: u16,
    },
    /// All bits are the same.
    Blank,
    /// Fewer bytes than the bits need.
    Short,
}

/// A Wiegand format: how many bits, and which of them each parity bit covers (both ends counted).
struct Format {
    kind: &'static str,
    bits: u32,
    even_over: (u32, u32),
    odd_over: (u32, u32),
}

const FORMATS: [Format; 3] = [
    Format { kind: "wiegand26", bits: 26, even_over: (1, 12), odd_over: (13, 24) },
    Format { kind: "wiegand34", bits: 34, even_over: (1, 16), odd_over: (17, 32) },
    Format { kind: "wiegand37", bits: 37, even_over: (1, 18), odd_over: (18, 35) },
];

/// Counts of bits of plain UIDs: four, seven and ten bytes (ISO 14443), five (EM4100) and eight (ISO 15693, FeliCa).
const UID_BITS: [u32; 5] = [32, 40, 56, 64, 80];

/// What UIDs are hashed under.
const UID: &str = "uid";

impl CardNumber {
    /// What kind of number it is: `wiegand26`, `wiegand34`, `wiegand37` or `uid`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The number without parity bits, highest byte first. Keep it out of logs and messages.
    pub fn expose(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The number that a card's `bits` first bits of `data` are; what follows them is not looked at.
    pub fn from_bits(bits: u16, data: &[u8]) -> Result<Self, CardRefusal> {
        let count = u32::from(bits);
        let format = FORMATS.iter().find(|format| format.bits == count);
        if format.is_none() && !UID_BITS.contains(&count) {
            return Err(CardRefusal::Format { bits });
        }
        let bytes = data.get(..count.div_ceil(8) as usize).ok_or(CardRefusal::Short)?;
        let all = bytes.iter().fold(0, |all, byte| all << 8 | u128::from(*byte)) >> (bytes.len() as u32 * 8 - count);
        if all == 0 || all == ones(count) {
            return Err(CardRefusal::Blank);
        }
        match format {
            Some(format) => format.number(all),
            None => Ok(Self::new(UID, all, count)),
        }
    }

    fn new(kind: &'static str, number: u128, bits: u32) -> Self {
        let length = bits.div_ceil(8) as usize;
        let mut bytes = [0; MAX_NUMBER_BYTES];
        let all = number.to_be_bytes();
        for (to, from) in bytes.iter_mut().zip(all.iter().skip(all.len().saturating_sub(length))) {
            *to = *from;
        }
        Self { kind, bytes, length: length.min(MAX_NUMBER_BYTES) }
    }
}

impl Format {
    fn number(&self, all: u128) -> Result<CardNumber, CardRefusal> {
        let count_of = |(first, last): (u32, u32)| {
            let covered = all >> (self.bits - 1 - last) & ones(last - first + 1);
            covered.count_ones()
        };
        let even_bit = (all >> (self.bits - 1)) as u32 & 1;
        let odd_bit = all as u32 & 1;
        let is_even = (count_of(self.even_over) + even_bit).is_multiple_of(2);
        let is_odd = !(count_of(self.odd_over) + odd_bit).is_multiple_of(2);
        if !(is_even && is_odd) {
            return Err(CardRefusal::Parity);
        }
        let number_bits = self.bits - 2;
        Ok(CardNumber::new(self.kind, all >> 1 & ones(number_bits), number_bits))
    }
}

/// So many ones, fewer than 128.
fn ones(count: u32) -> u128 {
    (1 << count) - 1
}

#[cfg(test)]
#[path = "wiegand_tests.rs"]
mod tests;
