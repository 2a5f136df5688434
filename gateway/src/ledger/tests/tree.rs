//! Roots and proofs of a ledger on disk: against the naive definitions, beside the writer, over
//! segments, behind damage.

use super::*;

fn leaves(ledger: &Ledger, size: u64) -> Vec<Hash> {
    ledger.reader().tree().leaf_hashes(1..=size).map(|leaf| leaf.unwrap().1).collect()
}

#[test]
fn roots_and_proofs_of_any_size_follow_from_the_leaves() {
    let disk = disk_with(200, 7);
    let (ledger, recovery) = open(&disk);
    assert!(recovery.segments > 3);
    let (leaves, tree) = (leaves(&ledger, 200), ledger.reader().tree());
    let root = |size: u64| merkle::mth(&leaves[..usize::try_from(size).unwrap()]);
    assert_eq!((ledger.tree(), recovery.root), ((200, root(200)), root(200)));
    for size in (0..=200).step_by(9).chain([1, 2, 199, 200]) {
        assert_eq!(tree.root(size).unwrap(), root(size), "{size}");
        for other in (1..=size).step_by(11) {
            let (leaf, path) = tree.prove_inclusion(other, size).unwrap();
            assert_eq!(leaf, leaves[usize::try_from(other).unwrap() - 1]);
            let expected = prove_inclusion(&leaves[..usize::try_from(size).unwrap()], other - 1).unwrap();
            assert_eq!(path, expected, "{other} of {size}");
            let proof = tree.prove_consistency(other, size).unwrap();
            assert!(verify_consistency(other, &root(other), size, &root(size), &proof), "{other} of {size}");
        }
    }
}

#[test]
fn what_is_not_in_the_tree_is_refused() {
    let disk = disk_with(20, 5);
    let (ledger, _) = open(&disk);
    let tree = ledger.reader().tree();
    for result in [tree.prove_inclusion(21, 20), tree.prove_inclusion(0, 20), tree.prove_inclusion(1, 21)] {
        assert!(matches!(result, Err(TreeError::Beyond { .. })), "{result:?}");
    }
    assert!(matches!(tree.root(21), Err(TreeError::Beyond { wanted: 21, size: 20 })));
    assert!(matches!(tree.prove_consistency(7, 6), Err(TreeError::Beyond { wanted: 7, size: 6 })));
}

#[test]
fn a_leaf_lost_after_it_was_counted_leaves_the_proofs_that_do_not_need_it() {
    let disk = disk_with(200, 5);
    let (ledger, _) = open(&disk);
    let root = ledger.tree();
    drop(ledger);
    damage::flip(&disk, damage::FIRST, damage::offset_of(8) + 75);
    let (ledger, recovery) = open(&disk);
    // The root is told by the last header, and never forged from what is left.
    assert_eq!((ledger.tree(), recovery.faults), (root, vec![]));
    let tree = ledger.reader().tree();
    assert!(tree.prove_inclusion(150, 200).is_ok());
    assert!(matches!(tree.prove_inclusion(3, 200), Err(TreeError::Lost { seq: 8 })));
    assert!(matches!(tree.prove_consistency(10, 200), Err(TreeError::Lost { .. })));
    assert!(matches!(tree.root(10), Err(TreeError::Lost { seq: 8 })));
    assert!(tree.root(7).is_ok());
}

#[test]
fn a_leaf_lost_before_it_was_counted_has_a_stand_in() {
    let disk = disk_with(20, 5);
    let (ledger, _) = open(&disk);
    let mut leaves = leaves(&ledger, 20);
    drop(ledger);
    disk.lose("end.mark");
    damage::flip(&disk, damage::FIRST, damage::offset_of(8) + 75);
    leaves[7] = LOST_LEAF;
    let (ledger, recovery) = open(&disk);
    assert_eq!(ledger.tree(), (20, merkle::mth(&leaves)));
    assert_eq!(recovery.root, merkle::mth(&leaves));
    write(&ledger, 21..=30);
    let tree = ledger.reader().tree();
    let (leaf, path) = tree.prove_inclusion(3, 25).unwrap();
    assert!(verify_inclusion(&leaf, 2, 25, &path, &tree.root(25).unwrap()));
    let last = ledger.tree();
    drop(ledger);
    assert_eq!(open(&disk).0.tree(), last);
}

#[test]
fn without_the_last_header_the_tree_is_read_from_the_one_before() {
    let disk = disk_with(200, 5);
    let (ledger, _) = open(&disk);
    let root = ledger.tree();
    drop(ledger);
    let last = disk.names().into_iter().rfind(|name| name.ends_with(".seg")).unwrap();
    let mut content = disk.content(&last);
    content[..HEADER_LEN].fill(0);
    disk.set_content(&last, &content);
    let (ledger, recovery) = open(&disk);
    assert_eq!(recovery.faults[0].kind, FaultKind::Header);
    assert_eq!(ledger.tree(), root);
}
