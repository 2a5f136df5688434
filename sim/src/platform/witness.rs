//! The platform as witness of a gateway's signed checkpoints: the last one that it saw, and the tree of what it has
//! received. Computed from the document's words alone, as the chain is.

use data_encoding::HEXLOWER;
use ed25519_compact::{PublicKey, Signature};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::batch::Line;
use super::chain::{self, Hash};
use super::unhex;

/// What is known of a gateway's checkpoints.
#[derive(Clone, Default)]
pub(super) struct Witness {
    /// The key of its first checkpoint; any other needs a person.
    key: Option<[u8; 32]>,
    /// The last checkpoint that was seen and fits.
    last: Option<Seen>,
    /// The tree of the first entries, as many as the last checkpoint has.
    tree: Tree,
}

/// A checkpoint that was seen and fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Number of its entry.
    pub seq: u64,
    /// How many entries it covers.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    #[error("is not of the documented form")]
    Form,
    #[error("covers itself or later entries, or no more than the checkpoint before")]
    Size,
    #[error("is signed with another key than those before; a person must say that the gateway has a new one")]
    Key,
    #[error("has a signature that is not its key's")]
    Signature,
    #[error("signs another root than that of the entries received: the ledger was rewritten")]
    Root,
}

#[derive(Deserialize)]
struct RawEntry {
    what: RawWhat,
}

#[derive(Deserialize)]
struct RawWhat {
    checkpoint: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawCheckpoint {
    size: u64,
    root: String,
    key: String,
    signature: String,
}

impl Witness {
    pub(super) fn last(&self) -> Option<Seen> {
        self.last
    }

    /// A person says that the gateway has a new key: that of its next checkpoint.
    pub(super) fn forget_key(&mut self) {
        self.key = None;
    }

    /// Looks at a line that follows all `before` it. What is no checkpoint changes nothing.
    pub(super) fn see(
        &mut self,
        ledger: &[u8; 16],
        line: &Line,
        before: &dyn Fn(u64) -> Option<Hash>,
    ) -> Result<(), Misfit> {
        let Some(checkpoint) = checkpoint_in(&line.entry) else { return Ok(()) };
        let checkpoint: RawCheckpoint = serde_json::from_value(checkpoint).map_err(|_| Misfit::Form)?;
        let root: Hash = unhex(&checkpoint.root).ok_or(Misfit::Form)?;
        let key: [u8; 32] = unhex(&checkpoint.key).ok_or(Misfit::Form)?;
        let signature: [u8; 64] = unhex(&checkpoint.signature).ok_or(Misfit::Form)?;
        let size = checkpoint.size;
        if size >= line.seq || size <= self.tree.size {
            return Err(Misfit::Size);
        }
        if self.key.is_some_and(|known| known != key) {
            return Err(Misfit::Key);
        }
        let text = signed_text(ledger, size, &root);
        if PublicKey::new(key).verify(text, &Signature::new(signature)).is_err() {
            return Err(Misfit::Signature);
        }
        let mut tree = self.tree.clone();
        while tree.size < size {
            tree.push(before(tree.size + 1).ok_or(Misfit::Size)?);
        }
        if tree.root() != root {
            return Err(Misfit::Root);
        }
        *self = Self { key: Some(key), last: Some(Seen { seq: line.seq, size, root }), tree };
        Ok(())
    }
}

/// The facts of a checkpoint's entry.
fn checkpoint_in(entry: &[u8]) -> Option<serde_json::Value> {
    const NAME: &[u8] = b"\"checkpoint\"";
    if !entry.windows(NAME.len()).any(|part| part == NAME) {
        return None; // which is quicker than to parse
    }
    serde_json::from_slice::<RawEntry>(entry).ok()?.what.checkpoint
}

/// The text that a gateway signs.
pub fn signed_text(ledger: &[u8; 16], size: u64, root: &Hash) -> String {
    let root = base64(root);
    format!("schoolgate ledger checkpoint v1\n{}\n{size}\n{root}\n", HEXLOWER.encode(ledger))
}

/// RFC 4648, 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// The Merkle tree of RFC 9162, 2.1.1, as far as it must be known to go on: the complete subtrees, each with its height.
#[derive(Clone, Default)]
pub struct Tree {
    size: u64,
    complete: Vec<(u32, Hash)>,
}

impl Tree {
    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.complete.pop_if(|(other, _)| *other == height) {
            (height, hash) = (height + 1, node(&left, &hash));
        }
        self.complete.push((height, hash));
        self.size += 1;
    }

    /// Its root.
    pub fn root(&self) -> Hash {
        let from_the_right = self.complete.iter().rev().map(|(_, hash)| *hash);
        from_the_right.reduce(|right, left| node(&left, &right)).unwrap_or_else(|| Sha256::digest([]).into())
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

pub(super) fn leaf_of(line: &Line) -> Hash {
    chain::leaf(&line.salt, &line.entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_that_of_certificate_transparency() {
        let leaves: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let mut tree = Tree::default();
        for (count, leaf) in (1..).zip(leaves) {
            tree.push(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into());
            let expected = match count {
                1 => "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                7 => "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                8 => "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
                _ => continue,
            };
            assert_eq!(HEXLOWER.encode(&tree.root()), expected, "{count} leaves");
        }
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
