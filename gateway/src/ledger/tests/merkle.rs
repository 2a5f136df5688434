//! The tree against the naive definitions of RFC 9162, and the vectors of Certificate
//! Transparency's reference implementation (google/certificate-transparency, merkle_tree_test).

use super::*;
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn hashes(hex: &[&str]) -> Vec<Hash> {
    hex.iter().map(|hex| bytes(hex).try_into().unwrap()).collect()
}

fn reference_leaves() -> Vec<Hash> {
    LEAVES.iter().map(|data| Sha256::new().chain_update([0]).chain_update(bytes(data)).finalize().into()).collect()
}

/// Any leaves, no two alike.
pub(super) fn numbered(count: u64) -> Vec<Hash> {
    (0..count).map(|index| Sha256::digest(index.to_le_bytes()).into()).collect()
}

pub(super) fn tree_of(leaves: &[Hash]) -> Frontier {
    let mut tree = Frontier::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree
}

/// Largest power of two smaller than `n`.
fn k(n: usize) -> usize {
    (1..n).filter(|k| k.is_power_of_two()).max().unwrap()
}

/// MTH of RFC 9162 §2.1.1.
pub(super) fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(k(leaves.len()));
            node(&mth(left), &mth(right))
        }
    }
}

/// PATH of RFC 9162 §2.1.3.1.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = k(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, last) = if m < k { (path(m, left), mth(right)) } else { (path(m - k, right), mth(left)) };
    proof.push(last);
    proof
}

/// SUBPROOF of RFC 9162 §2.1.4.1.
fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = k(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, last) =
        if m <= k { (subproof(m, left, whole), mth(right)) } else { (subproof(m - k, right, false), mth(left)) };
    proof.push(last);
    proof
}

#[test]
fn roots_and_proofs_are_those_of_the_reference_implementation() {
    let leaves = reference_leaves();
    assert_eq!(
        Frontier::default().root().to_vec(),
        bytes("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    for (size, root) in hashes(&ROOTS).into_iter().enumerate() {
        assert_eq!(tree_of(&leaves[..=size]).root(), root);
    }
    let inclusion_of_first = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(prove_inclusion(&leaves, 0).unwrap(), hashes(&inclusion_of_first));
    let six_to_eight = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(prove_consistency(&leaves, 6).unwrap(), hashes(&six_to_eight));
}

#[test]
fn every_proof_of_every_small_tree_is_the_one_defined_and_is_accepted() {
    let all = numbered(257);
    for size in 0..=all.len() {
        let leaves = &all[..size];
        let root = tree_of(leaves).root();
        assert_eq!(root, mth(leaves), "{size}");
        // All of the smaller ones, some of the larger.
        let step = if size <= 70 { 1 } else { 13 };
        for index in (0..size).step_by(step) {
            let proof = prove_inclusion(leaves, index as u64).unwrap();
            assert_eq!(proof, path(index, leaves), "{index} of {size}");
            assert!(verify_inclusion(&leaves[index], index as u64, size as u64, &proof, &root));
        }
        for old in (1..=size).step_by(step) {
            let proof = prove_consistency(leaves, old as u64).unwrap();
            assert_eq!(proof, subproof(old, leaves, true), "{old} of {size}");
            assert!(verify_consistency(old as u64, &mth(&leaves[..old]), size as u64, &root, &proof));
        }
        assert!(verify_consistency(0, &empty_root(), size as u64, &root, &[]));
        assert_eq!(prove_inclusion(leaves, size as u64), None);
        assert_eq!(prove_consistency(leaves, size as u64 + 1), None);
    }
}

#[test]
fn lost_leaves_count_as_the_stand_in_each() {
    for before in 0..20 {
        for lost in 0..70 {
            let mut leaves = numbered(before);
            let mut tree = tree_of(&leaves);
            leaves.resize(leaves.len() + lost, LOST_LEAF);
            tree.push_lost(lost as u64);
            assert_eq!(tree, tree_of(&leaves), "{before} + {lost}");
        }
    }
    let mut tree = Frontier::default();
    tree.push_lost(u64::MAX);
    assert_eq!(tree.size(), i64::MAX as u64);
}

proptest! {
    #[test]
    fn a_proof_is_accepted_for_what_it_proves_and_for_nothing_else(
        size in 1u64..600,
        (index, old, other) in any::<(u64, u64, u64)>(),
        bit in 0usize..256,
    ) {
        let leaves = numbered(size);
        let root = tree_of(&leaves).root();
        let (index, old, other) = (index % size, old % size + 1, other % size);
        let place = usize::try_from(index).unwrap();
        let proof = prove_inclusion(&leaves, index).unwrap();
        prop_assert!(proof.len() <= MAX_PROOF_LEN);
        prop_assert!(verify_inclusion(&leaves[place], index, size, &proof, &root));
        prop_assert_eq!(verify_inclusion(&leaves[place], other, size, &proof, &root), other == index);
        let mut forged = root;
        forged[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_inclusion(&leaves[place], index, size, &proof, &forged));
        prop_assert!(!verify_inclusion(&forged, index, size, &proof, &root));

        let old_root = tree_of(&leaves[..usize::try_from(old).unwrap()]).root();
        let mut proof = prove_consistency(&leaves, old).unwrap();
        prop_assert!(verify_consistency(old, &old_root, size, &root, &proof));
        prop_assert!(!verify_consistency(old, &forged, size, &root, &proof));
        prop_assert!(!verify_consistency(old, &old_root, size, &forged, &proof));
        proof.push(forged);
        prop_assert!(!verify_consistency(old, &old_root, size, &root, &proof));
    }

    #[test]
    fn no_bytes_make_a_check_panic(
        (leaf, a, b) in any::<(Hash, Hash, Hash)>(),
        (index, size) in any::<(u64, u64)>(),
        proof in prop::collection::vec(any::<Hash>(), 0..140),
    ) {
        prop_assert!(!verify_inclusion(&leaf, index, size, &proof, &a));
        prop_assert!(!verify_consistency(index, &a, size, &b, &proof));
        prop_assert!(!verify_consistency(size, &a, index, &b, &proof));
    }
}
