//! A card's number as a reader gives it, before it is hashed.

/// The longest number that a card may have, in bytes. ISO/IEC 14443-3 knows 4, 7 and 10; readers that give raw bits of
/// long formats need more.
pub const MAX_NUMBER_BYTES: usize = 32;

/// What a card's number is a number of. Cards are hashed with the kind's name, so that numbers of different kinds that
/// happen to have the same bytes stay different cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardKind {
    /// EM4100 and its like, 125 kHz, five bytes.
    Em4100,
    /// ISO/IEC 14443 type A (MIFARE, NTAG …), 13.56 MHz: the UID of four, seven or ten bytes, first byte first.
    Iso14443a,
}

impl CardKind {
    /// Its name, under which card numbers are hashed. It must never change: every card would have to be enrolled again.
    ///
    /// A card is the same card at every reader that can read it, so the name says what the number is, not which reader
    /// read it. EM4100's is `rdm6300` though, after the first reader that was known, since rosters hold such hashes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Em4100 => "rdm6300",
            Self::Iso14443a => "iso14443a",
        }
    }
}

/// A card's number. It is private data: it has no `Debug` outside tests, and goes nowhere but into the hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(Debug))]
pub struct CardNumber {
    kind: CardKind,
    length: u8,
    bytes: [u8; MAX_NUMBER_BYTES],
}

impl CardNumber {
    /// A number of this kind; none if it is empty or longer than [`MAX_NUMBER_BYTES`].
    pub fn new(kind: CardKind, number: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_NUMBER_BYTES];
        bytes.get_mut(..number.len()).filter(|room| !room.is_empty())?.copy_from_slice(number);
        Some(Self { kind, length: u8::try_from(number.len()).ok()?, bytes })
    }

    /// The number of an EM4100 card.
    pub fn em4100([a, b, c, d, e]: [u8; 5]) -> Self {
        let mut bytes = [0; MAX_NUMBER_BYTES];
        bytes.iter_mut().zip([a, b, c, d, e]).for_each(|(to, from)| *to = from);
        Self { kind: CardKind::Em4100, length: 5, bytes }
    }

    /// What it is a number of.
    pub fn kind(&self) -> CardKind {
        self.kind
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_to_32_bytes() {
        assert!(CardNumber::new(CardKind::Iso14443a, &[]).is_none());
        assert!(CardNumber::new(CardKind::Iso14443a, &[1; 33]).is_none());
        assert_eq!(CardNumber::new(CardKind::Iso14443a, &[1; 32]).unwrap().bytes(), [1; 32]);
        let em4100 = CardNumber::em4100([1, 2, 3, 4, 0]);
        assert_eq!(CardNumber::new(CardKind::Em4100, &[1, 2, 3, 4, 0]), Some(em4100));
        assert_ne!(CardNumber::new(CardKind::Em4100, &[1, 2, 3, 4]), Some(em4100));
    }
}
