//! The ledger's chain, computed from the document's words alone: the gateway's own code is not used here, so that a
//! mistake there cannot agree with itself.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// `chain_0` of a ledger.
pub fn genesis(ledger: &[u8; 16]) -> Hash {
    Sha256::new().chain_update(b"schoolgate ledger v1\0").chain_update(ledger).finalize().into()
}

/// The leaf of an entry: over its verbatim bytes, blinded by its salt.
pub fn leaf(salt: &[u8; 16], entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(salt).chain_update(entry).finalize().into()
}

/// `chain_n` from `chain_{n-1}` and the leaf of entry `n`.
pub fn link(before: &Hash, leaf: &Hash) -> Hash {
    Sha256::new().chain_update([2]).chain_update(before).chain_update(leaf).finalize().into()
}
