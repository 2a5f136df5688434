//! What is signed: which ledger, how many entries, and the root of their tree.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use schoolgate_core::entry::What;

use super::key::{PublicKey, SigningKey};
use crate::{
    hex,
    ledger::{Hash, LedgerId},
};

/// A tree of a ledger's first entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub ledger: LedgerId,
    /// How many entries.
    pub size: u64,
    /// Root of their tree (RFC 9162, 2.1.1).
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed, after the form of C2SP's tlog-checkpoint: four lines, each ended by LF. Its first line
    /// keeps the signature from meaning anything else.
    #[must_use]
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root);
        format!("schoolgate ledger checkpoint v1\n{}\n{}\n{root}\n", self.ledger, self.size)
    }

    /// Signs it.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> SignedCheckpoint {
        SignedCheckpoint { checkpoint: self, key: key.public(), signature: key.sign(&self.text()) }
    }
}

/// A checkpoint with its signature, which may not be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// Whose signature it claims to be.
    pub key: PublicKey,
    /// The signature.
    pub signature: [u8; 64],
}

impl SignedCheckpoint {
    /// Reads it from an entry of this ledger. None if it is no checkpoint; an error if its hashes are not written as they
    /// should.
    pub fn of_entry(ledger: LedgerId, what: &What) -> Option<Result<Self, NotHex>> {
        let What::Checkpoint { size, root, key, signature } = what else { return None };
        Some(Self::from_hex(ledger, size.0, root, key, signature).ok_or(NotHex))
    }

    pub(super) fn from_hex(ledger: LedgerId, size: u64, root: &str, key: &str, signature: &str) -> Option<Self> {
        let checkpoint = Checkpoint { ledger, size, root: hex::decode(&HEXLOWER, root)? };
        Some(Self {
            checkpoint,
            key: PublicKey(hex::decode(&HEXLOWER, key)?),
            signature: hex::decode(&HEXLOWER, signature)?,
        })
    }

    /// Whether the signature is that of the key it names. Whose key that is, is another question.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.key.verifies(&self.checkpoint.text(), &self.signature)
    }
}

/// A hash, key or signature is not written in lower-case hex of its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHex;

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint { ledger: LedgerId([0xa7; 16]), size: 516, root: [0xff; 32] }
    }

    #[test]
    fn the_signed_text_is_the_documented_one() {
        let text = "schoolgate ledger checkpoint v1\na7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7\n516\n\
                    //////////////////////////////////////////8=\n";
        assert_eq!(checkpoint().text(), text);
    }

    #[test]
    fn a_signature_holds_for_this_checkpoint_and_key_alone() {
        let key = SigningKey::from_seed([1; 32]).unwrap();
        let signed = checkpoint().sign(&key);
        assert!(signed.is_signed());
        let other = |change: fn(&mut SignedCheckpoint)| {
            let mut changed = signed;
            change(&mut changed);
            changed
        };
        assert!(!other(|s| s.checkpoint.ledger.0[0] ^= 1).is_signed());
        assert!(!other(|s| s.checkpoint.size += 1).is_signed());
        assert!(!other(|s| s.checkpoint.root[31] ^= 1).is_signed());
        assert!(!other(|s| s.signature[0] ^= 1).is_signed());
        assert!(!other(|s| s.key = SigningKey::from_seed([2; 32]).unwrap().public()).is_signed());
    }
}
