//! NTAG 424 DNA cards: secure unique NFC messages (SUN), as NXP's AN12196 (rev. 2) has them.
//!
//! The card puts its number and a counter into the text that it lets everybody read, encrypted, and a code (CMAC) that
//! only somebody with its key can make. The counter goes up with every reading, so that no message comes twice.

mod crypt;
mod keys;
mod ndef;
mod reading;
mod text;

pub use keys::{KEY_APP_ID, KEY_SYSTEM_ID, SunKeys};
pub use ndef::{NdefFault, first_uri};
pub use reading::{MAX_COMMANDS, MAX_NDEF_BYTES, Reading, Step};
pub use text::{BadNames, Mirrored, Names, TextFault};

use std::fmt;

/// Number of an NTAG 424 DNA: seven bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub [u8; 7]);

/// Not the number: it must not come into a log.
impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a card has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Its number and no more: it has no message, or one that was not made for this school.
    Number,
    /// A message that only the card of this number can have made. Whether it was shown before, its counter tells.
    Message {
        /// The card's number.
        uid: Uid,
        /// How often it was read: 24 bits.
        counter: u32,
    },
    /// A message that claims to be this card's and is not: its code is wrong, or it lies on another card.
    Copied {
        /// The card that it claims to be.
        uid: Uid,
    },
}

impl SunKeys {
    /// Judges what was read from the card: `number` as the reader saw it (a random one of four bytes, if the card hides
    /// its own), and `ndef` without its length.
    pub fn judge(&self, names: &Names, number: &[u8], ndef: &[u8]) -> Shown {
        match first_uri(ndef).ok().and_then(|uri| Mirrored::find(&uri, names).ok()) {
            Some(mirrored) => self.judge_mirrored(number, &mirrored),
            None => Shown::Number,
        }
    }

    fn judge_mirrored(&self, number: &[u8], mirrored: &Mirrored) -> Shown {
        let Some((uid, counter)) = mirrored.claim(self.meta()) else { return Shown::Number };
        let made_here = crypt::is_code(&self.of_card(uid), uid, counter, mirrored.code());
        let lies_here = number.len() != uid.0.len() || number == uid.0;
        if made_here && lies_here { Shown::Message { uid, counter } } else { Shown::Copied { uid } }
    }
}

#[cfg(test)]
mod tests;
