//! Card numbers as readers pass them on: the bits that once went over two Wiegand wires, and plain UIDs.
//!
//! | bits | format | even parity first | odd parity last | number |
//! |---|---|---|---|---|
//! | 26 | H10301 | bit 0 over 1–12 | bit 25 over 13–24 | facility 1–8, card 9–24 |
//! | 34 | H10306 | bit 0 over 1–16 | bit 33 over 17–32 | facility 1–16, card 17–32 |
//! | 37 | H10302, H10304 | bit 0 over 1–18 | bit 36 over 18–35 | card 1–35, or facility 1–16 and card 17–35 |
//! | 32, 56, 80; 40; 64 | a UID as it is: ISO 14443; EM4100; ISO 15693 | none | none | all |
//!
//! Bit 0 comes first and is the highest bit of the first byte. H10302 and H10304 divide the same 35 bits differently; a
//! card is known by all of them, so that it need not be told which. A number whose parity is wrong is refused, as are all
//! zeros and all ones, which a broken reader sends, and any other count of bits, of which nobody could say whether they
//! were damaged.

use crate::readers::{CardKind, CardNumber};

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
    kind: CardKind,
    bits: u32,
    even_over: (u32, u32),
    odd_over: (u32, u32),
}

const FORMATS: [Format; 3] = [
    Format { kind: CardKind::Wiegand26, bits: 26, even_over: (1, 12), odd_over: (13, 24) },
    Format { kind: CardKind::Wiegand34, bits: 34, even_over: (1, 16), odd_over: (17, 32) },
    Format { kind: CardKind::Wiegand37, bits: 37, even_over: (1, 18), odd_over: (18, 35) },
];

/// The number that a card's `bits` first bits of `data` are; what follows them is not looked at.
pub fn number(bits: u16, data: &[u8]) -> Result<CardNumber, CardRefusal> {
    let count = u32::from(bits);
    let format = FORMATS.iter().find(|format| format.bits == count);
    let uid = uid_kind(count);
    if format.is_none() && uid.is_none() {
        return Err(CardRefusal::Format { bits });
    }
    let bytes = data.get(..count.div_ceil(8) as usize).ok_or(CardRefusal::Short)?;
    let all = bytes.iter().fold(0, |all, byte| all << 8 | u128::from(*byte)) >> (bytes.len() as u32 * 8 - count);
    if all == 0 || all == ones(count) {
        return Err(CardRefusal::Blank);
    }
    let number = match (format, uid) {
        (Some(format), _) => format.number(all)?,
        (None, Some(kind)) => CardNumber::new(kind, bytes),
        (None, None) => None,
    };
    number.ok_or(CardRefusal::Format { bits })
}

/// What a plain UID of so many bits belongs to.
fn uid_kind(bits: u32) -> Option<CardKind> {
    match bits {
        32 | 56 | 80 => Some(CardKind::Iso14443a),
        40 => Some(CardKind::Em4100),
        64 => Some(CardKind::Uid64),
        _ => None,
    }
}

impl Format {
    /// The number without its parity bits; none if it has no bytes, which no format has.
    fn number(&self, all: u128) -> Result<Option<CardNumber>, CardRefusal> {
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
        let number = (all >> 1 & ones(number_bits)).to_be_bytes();
        let (_zeros, number) = number.split_at(number.len() - number_bits.div_ceil(8) as usize);
        Ok(CardNumber::new(self.kind, number))
    }
}

/// So many ones, fewer than 128.
fn ones(count: u32) -> u128 {
    (1 << count) - 1
}

#[cfg(test)]
#[path = "wiegand_tests.rs"]
mod tests;
