//! Proofs over the Merkle tree: that an entry is in it (inclusion), and that a tree is the
//! beginning of a later one (consistency). RFC 9162 §2.1.3 and §2.1.4.
//!
//! Checking a proof needs nothing but the hashes.

use super::format::Hash;
use super::merkle::{Frontier, node};
use std::ops::Range;

/// Longest proof, in hashes: two for each level of a tree of 2^63 leaves.
pub const MAX_PROOF_LEN: usize = 126;

/// Whether leaf `index` of the tree with `size` leaves and this `root` is `leaf`: RFC 9162
/// §2.1.3.2.
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut index, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            hash = node(sibling, &hash);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the tree with `new_size` leaves and `new_root` starts with that of `old_size` leaves
/// and `old_root`: RFC 9162 §2.1.4.2. Every tree starts with the one without leaves, and with
/// itself, by an empty proof.
#[must_use]
pub fn verify_consistency(old_size: u64, old_root: &Hash, new_size: u64, new_root: &Hash, proof: &[Hash]) -> bool {
    if old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size == 0 {
        return proof.is_empty() && *old_root == super::merkle::empty_root();
    }
    // A complete old tree is itself the proof's first node.
    let first = if old_size.is_power_of_two() { Some((old_root, proof)) } else { proof.split_first() };
    let Some((first, rest)) = first else { return false };
    let shift = (old_size - 1).trailing_ones();
    let (mut old, mut last) = ((old_size - 1) >> shift, (new_size - 1) >> shift);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if old & 1 == 1 || old == last {
            old_hash = node(sibling, &old_hash);
            new_hash = node(sibling, &new_hash);
            while old & 1 == 0 && old != 0 {
                old >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node(&new_hash, sibling);
        }
        old >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// Which subtrees' roots make up the inclusion proof, in its order: PATH of RFC 9162 §2.1.3.1.
pub(super) fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = tree.start + left_size(tree.end - tree.start);
        if index < middle {
            ranges.push(middle..tree.end);
            tree.end = middle;
        } else {
            ranges.push(tree.start..middle);
            tree.start = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// Which subtrees' roots make up the consistency proof, in its order: PROOF and SUBPROOF of RFC
/// 9162 §2.1.4.1.
pub(super) fn consistency_ranges(old_size: u64, new_size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    if old_size == 0 || old_size >= new_size {
        return ranges;
    }
    let mut tree = 0..new_size;
    while tree.end != old_size {
        let middle = tree.start + left_size(tree.end - tree.start);
        if old_size <= middle {
            ranges.push(middle..tree.end);
            tree.end = middle;
        } else {
            ranges.push(tree.start..middle);
            tree.start = middle;
        }
    }
    if tree.start > 0 {
        ranges.push(tree);
    }
    ranges.reverse();
    ranges
}

/// The largest power of two below `size`, which is at least 2.
fn left_size(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// Inclusion proof of leaf `index` in the tree of all `leaves`; none without such a leaf.
#[must_use]
pub fn prove_inclusion(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    let size = leaves.len() as u64;
    (index < size).then(|| collect(leaves, inclusion_ranges(index, size)))?
}

/// Consistency proof from the tree of the first `old_size` of `leaves` to that of all; none if
/// there are not so many.
#[must_use]
pub fn prove_consistency(leaves: &[Hash], old_size: u64) -> Option<Vec<Hash>> {
    let size = leaves.len() as u64;
    (old_size <= size).then(|| collect(leaves, consistency_ranges(old_size, size)))?
}

fn collect(leaves: &[Hash], ranges: Vec<Range<u64>>) -> Option<Vec<Hash>> {
    let root = |range: Range<u64>| {
        let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        let mut tree = Frontier::default();
        leaves.get(range)?.iter().for_each(|leaf| tree.push(*leaf));
        Some(tree.root())
    };
    ranges.into_iter().map(root).collect()
}
