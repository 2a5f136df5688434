//! The school's keys for secure messages, and those of each card.

use std::fmt;

use super::{
    Uid,
    crypt::{self, diversify},
};

/// The application that keys are diversified for (AN10922): the NTAG 424 DNA's, which has the file id E110.
pub const KEY_APP_ID: [u8; 3] = [0x00, 0xE1, 0x10];
/// The system that keys are diversified for (AN10922).
pub const KEY_SYSTEM_ID: &[u8; 10] = b"schoolgate";

/// The keys by which this school's cards are known. Whoever has them can make messages of every card, so they are kept
/// like a password.
#[derive(Clone)]
pub struct SunKeys {
    /// SDMMetaReadKey, one for all cards: it opens the number, so that it can't depend on it.
    meta: [u8; 16],
    file: FileKeys,
}

#[derive(Clone)]
enum FileKeys {
    /// Each card's SDMFileReadKey is diversified from this one.
    Master([u8; 16]),
    /// All cards have this one. Only for the examples of application notes.
    #[cfg(test)]
    Same([u8; 16]),
}

impl SunKeys {
    /// All keys from one of the school's: the meta key is diversified for the number 0, which no card has.
    pub fn from_master(master: &[u8; 16]) -> Self {
        Self { meta: diversify(master, &[0; 7], KEY_APP_ID, KEY_SYSTEM_ID), file: FileKeys::Master(*master) }
    }

    /// A meta key of its own, as some systems for making cards have it, and the master of the cards' keys.
    pub fn from_pair(meta: &[u8; 16], master: &[u8; 16]) -> Self {
        Self { meta: *meta, file: FileKeys::Master(*master) }
    }

    #[cfg(test)]
    pub(super) fn same(meta: [u8; 16], file: [u8; 16]) -> Self {
        Self { meta, file: FileKeys::Same(file) }
    }

    /// The key that opens number and counter. To be written into cards; keep it out of logs.
    pub fn meta(&self) -> &[u8; 16] {
        &self.meta
    }

    /// The key with which the card of this number makes its codes. To be written into that card; keep it out of logs.
    pub fn of_card(&self, uid: Uid) -> [u8; 16] {
        match &self.file {
            FileKeys::Master(master) => crypt::diversify(master, &uid.0, KEY_APP_ID, KEY_SYSTEM_ID),
            #[cfg(test)]
            FileKeys::Same(key) => *key,
        }
    }
}

impl fmt::Debug for SunKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
