//! What is presented at a reader. A card's own number never comes this far: only its keyed hash does.

use core::{fmt, str::FromStr};

use alloc::string::String;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Keyed hash of a card's number: the first 16 bytes of an HMAC-SHA-256 under the school's card key, made by the reader
/// adapter. Written as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(pub [u8; 16]);

/// Why a text is not a [`CredentialId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACredentialId;

impl fmt::Display for NotACredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a credential is written as 32 hex digits")
    }
}

impl core::error::Error for NotACredentialId {}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CredentialId {
    type Err = NotACredentialId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 16];
        let is_so = text.len() == 32 && HEXLOWER_PERMISSIVE.decode_mut(text.as_bytes(), &mut id).is_ok();
        is_so.then_some(Self(id)).ok_or(NotACredentialId)
    }
}

impl Serialize for CredentialId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if !to.is_human_readable() {
            return self.0.serialize(to);
        }
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
        to.serialize_str(core::str::from_utf8(&text).unwrap_or_default())
    }
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

impl<'de> Deserialize<'de> for CredentialId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if !from.is_human_readable() {
            return Deserialize::deserialize(from).map(Self);
        }
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether a credential may still be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialStatus {
    /// It may be used.
    #[default]
    Active,
    /// Its holder has reported it lost.
    Lost,
    /// The school has blocked it.
    Blocked,
    /// Its time is over.
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_reads_back_as_written() {
        let id = CredentialId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0xab, 0xfe, 0xff]);
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(text, "\"000102030405060708090a0b0cabfeff\"");
        assert_eq!(serde_json::from_str::<CredentialId>(&text).unwrap(), id);
        assert_eq!(alloc::format!("\"{id}\""), text);
    }

    #[test]
    fn anything_but_32_hex_digits_is_refused() {
        for bad in ["", "00", "g00102030405060708090a0b0cabfeff", "0001020304050607ö8090a0b0cabfef"] {
            assert_eq!(bad.parse::<CredentialId>(), Err(NotACredentialId), "{bad:?}");
        }
    }
}
