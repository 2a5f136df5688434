//! A card as an RDM6300 sends it.

use std::fmt;

/// The five bytes that a 125 kHz card gives: a version byte and the four bytes of its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardNumber(pub [u8; 5]);

impl CardNumber {
    /// What the reader sends once for a card in its field: `02`, ten hex digits, two hex digits of the XOR of the five
    /// bytes, `03` (RDM6300 data sheet).
    pub fn frame(self) -> Vec<u8> {
        let check = self.0.iter().fold(0, |sum, byte| sum ^ byte);
        let digits: String = self.0.iter().chain([&check]).map(|byte| format!("{byte:02X}")).collect();
        [&[0x02], digits.as_bytes(), &[0x03]].concat()
    }

    /// The frame with one bit of a digit turned over on the way, so that its checksum does not hold.
    pub fn garbled_frame(self) -> Vec<u8> {
        let mut frame = self.frame();
        if let Some(digit) = frame.get_mut(4) {
            *digit ^= 0x01;
        }
        frame
    }
}

/// A card's number is as good as the card, so it is not shown.
impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_the_data_sheets() {
        let card = CardNumber([0x62, 0xE3, 0x08, 0x6C, 0xED]);
        assert_eq!(card.frame(), b"\x0262E3086CED08\x03");
        assert_ne!(card.garbled_frame(), card.frame());
        assert_eq!(card.garbled_frame().len(), 14);
    }
}
