//! The Merkle tree of RFC 9162 §2.1 over the leaves of all entries: leaf `n` of the tree, counted
//! from 0, is that of entry `n + 1`.
//!
//! [`Frontier`] keeps what is needed to add leaves and to tell the root, in memory that grows with
//! the logarithm of their number. Proofs are in [`super::proof`].

use super::format::Hash;
use sha2::{Digest, Sha256};

/// What stands in the tree for the leaf of an entry that was lost before it could be counted:
/// nothing has this hash.
pub const LOST_LEAF: Hash = [0; 32];

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 9162 §2.1.1.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Root of the tree without leaves: SHA-256 of nothing, RFC 9162 §2.1.1.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A tree that grows: the roots of its complete subtrees, the largest first.
///
/// They are as many as the size has ones in binary, and their sizes are those powers of two.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Clone for Frontier {
    fn clone(&self) -> Self {
        Self { size: self.size, roots: self.roots.clone() }
    }

    /// Keeps the memory that `self` has.
    fn clone_from(&mut self, source: &Self) {
        self.size = source.size;
        self.roots.clone_from(&source.roots);
    }
}

impl Frontier {
    /// The tree of `size` leaves whose complete subtrees have these roots, the largest first; none
    /// if there must be more or fewer of them.
    #[must_use]
    pub fn from_roots(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, the largest first.
    #[must_use]
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_complete(leaf, 0);
    }

    /// Adds a complete tree of `2^level` leaves. The size must be a multiple of that.
    fn push_complete(&mut self, root: Hash, level: u32) {
        let mut right = root;
        for _ in 0..(self.size >> level).trailing_ones() {
            let Some(left) = self.roots.pop() else { break };
            right = node(&left, &right);
        }
        self.roots.push(right);
        self.size += 1 << level;
    }

    /// Adds `count` times [`LOST_LEAF`], in a time that grows with the logarithm of `count`. Sizes
    /// end below 2^63.
    pub fn push_lost(&mut self, count: u64) {
        let end = self.size.saturating_add(count).min(i64::MAX as u64);
        let mut level = 0;
        let mut root = LOST_LEAF;
        let mut roots = vec![root];
        while self.size < end {
            // The largest tree that starts here and ends in time.
            let fits = (end - self.size).ilog2();
            let wanted = self.size.trailing_zeros().min(fits);
            while level < wanted {
                root = node(&root, &root);
                roots.push(root);
                level += 1;
            }
            self.push_complete(roots[wanted as usize], wanted);
        }
    }

    /// Root of the tree, RFC 9162 §2.1.1.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return empty_root() };
        roots.fold(*last, |right, left| node(left, &right))
    }

    /// The part of this tree that has the leaves from `from` to `end`, or to the last one: as a
    /// tree of its own. None unless the complete subtrees can be parted there.
    pub(super) fn part(&self, from: u64, end: u64) -> Option<Self> {
        let end = end.min(self.size);
        let mut at = 0;
        let mut part = Self::default();
        let (mut starts, mut ends) = (from >= end, from >= end);
        for (root, level) in self.roots.iter().zip((0..u64::BITS).rev().filter(|level| self.size >> level & 1 == 1)) {
            starts |= at == from;
            if at >= from && at < end {
                part.roots.push(*root);
                part.size += 1 << level;
            }
            at += 1 << level;
            ends |= at == end;
        }
        (starts && ends).then_some(part)
    }
}
