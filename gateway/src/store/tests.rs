use super::*;
use crate::ledger::Record;
use crate::mentions::{Mentions, Sort};
use bytes::Bytes;

const ID: LedgerId = LedgerId([1; 16]);

fn records(seqs: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    let body = |seq| Bytes::from(format!("student-{} gate", seq % 3));
    seqs.map(|seq| Record { seq, salt: [0; 16], chain: [0; 32], body: body(seq) }).collect()
}

/// The first word is a student, the second a place.
fn mentions(body: &[u8]) -> Mentions {
    let body = String::from_utf8_lossy(body);
    let ids = body.split(' ').zip([Sort::Student, Sort::Place]).map(|(id, sort)| (sort, id.to_owned())).collect();
    Mentions { day: None, ids }
}

fn all_of(store: &Store, sort: Sort, id: &str) -> Result<Vec<u64>, StoreError> {
    store.seqs_of(sort, id, Days::default(), usize::MAX).map(Option::unwrap_or_default)
}

fn at_gate(store: &Store) -> Vec<u64> {
    all_of(store, Sort::Place, "gate").unwrap()
}

#[test]
fn entries_are_found_by_what_they_name_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let (store, outcome) = Store::open(&dir, ID, 10).unwrap();
    assert_eq!(outcome, StoreOutcome::Created);
    store.index(&records(1..=10), mentions).unwrap();
    store.set_cursor("notify", 4).unwrap();
    drop(store);
    let (store, outcome) = Store::open(&dir, ID, 10).unwrap();
    assert_eq!(outcome, StoreOutcome::Opened);
    assert_eq!(all_of(&store, Sort::Student, "student-1").unwrap(), [1, 4, 7, 10]);
    assert_eq!(all_of(&store, Sort::Place, "student-1").unwrap(), [0; 0]);
    assert_eq!(at_gate(&store), Vec::from_iter(1..=10));
    assert_eq!(store.seqs_of(Sort::Place, "gate", Days::default(), 9).unwrap(), None, "more than was asked for");
    assert_eq!(all_of(&store, Sort::Student, "student").unwrap(), [0; 0]);
    assert_eq!((store.cursor("notify").unwrap(), store.cursor("sync").unwrap()), (Some(4), None));
    assert_eq!(store.indexed().unwrap(), Indexed { from: 1, through: 10 });
}

#[test]
fn an_id_is_not_taken_for_another_that_begins_like_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
    let ids = ["a", "a\0\0\0\0\0\0\0\0\x07"].map(|id| (Sort::Student, id.to_owned())).to_vec();
    store.index(&records(1..=1), |_| Mentions { day: None, ids: ids.clone() }).unwrap();
    assert_eq!(all_of(&store, Sort::Student, "a").unwrap(), [1]);
}

#[test]
fn indexing_the_same_entries_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 3000).unwrap();
    store.index(&records(1..=2500), mentions).unwrap();
    let nobody = Mentions { day: None, ids: vec![(Sort::Student, "nobody".to_owned())] };
    store.index(&records(1..=10), |_| nobody.clone()).unwrap();
    assert_eq!(store.indexed().unwrap().through, 2500);
    assert_eq!(all_of(&store, Sort::Student, "nobody").unwrap(), [0; 0]);
    assert_eq!(at_gate(&store).len(), 2500);
}

#[test]
fn a_store_of_another_ledger_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
    store.set_cursor("notify", 4).unwrap();
    drop(store);
    let (store, outcome) = Store::open(dir.path(), LedgerId([2; 16]), 10).unwrap();
    assert_eq!(outcome, StoreOutcome::Rebuilt(RebuildReason::OtherLedger));
    assert_eq!(store.cursor("notify").unwrap(), None);
}

#[test]
fn a_store_ahead_of_the_ledger_is_begun_anew_with_its_cursors_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
    store.index(&records(1..=10), mentions).unwrap();
    store.set_cursor("notify", 9).unwrap();
    store.set_cursor("sync", 3).unwrap();
    drop(store);
    let (store, outcome) = Store::open(dir.path(), ID, 7).unwrap();
    assert_eq!(outcome, StoreOutcome::Rebuilt(RebuildReason::Ahead { indexed: 10, durable: 7 }));
    assert_eq!((store.cursor("notify").unwrap(), store.cursor("sync").unwrap()), (Some(7), Some(3)));
    assert_eq!((store.indexed().unwrap().through, at_gate(&store)), (0, vec![]));
}

#[test]
fn a_store_of_another_layout_is_begun_anew_with_its_cursors() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
    store.index(&records(1..=10), mentions).unwrap();
    store.set_cursor("notify", 9).unwrap();
    store.db.remove(LAYOUT_KEY).unwrap();
    drop(store);
    assert!(Store::open_as_it_is(dir.path(), ID).is_err());
    let (store, outcome) = Store::open(dir.path(), ID, 10).unwrap();
    assert_eq!(outcome, StoreOutcome::Rebuilt(RebuildReason::OtherLayout));
    assert_eq!((store.cursor("notify").unwrap(), store.indexed().unwrap()), (Some(9), Indexed::default()));
}

#[test]
fn a_half_made_snapshot_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
    store.index(&records(1..=10), mentions).unwrap();
    drop(store);
    std::fs::write(dir.path().join("snap.00000000DEADBEEF.generating"), b"").unwrap();
    let (store, outcome) = Store::open(dir.path(), ID, 10).unwrap();
    assert_eq!((outcome, store.indexed().unwrap().through), (StoreOutcome::Opened, 10));
}

#[test]
fn a_broken_store_is_begun_anew() {
    for broken in ["conf", "db"] {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
        store.index(&records(1..=10), mentions).unwrap();
        drop(store);
        let path = dir.path().join(broken);
        let size = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
        std::fs::write(&path, vec![0x5a; size]).unwrap();
        let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
        assert_eq!(store.indexed().unwrap().through, 0, "{broken}");
        store.index(&records(1..=10), mentions).unwrap();
        assert_eq!(at_gate(&store).last(), Some(&10));
    }
}

#[test]
fn a_store_found_broken_in_use_is_begun_anew_when_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
    store.db.insert(cursor_key("notify"), b"no number").unwrap();
    assert!(matches!(store.cursor("notify"), Err(StoreError::Malformed(_))));
    drop(store);
    let (store, outcome) = Store::open(dir.path(), ID, 10).unwrap();
    assert!(matches!(outcome, StoreOutcome::Rebuilt(RebuildReason::Broken(_))));
    assert_eq!(store.cursor("notify").unwrap(), None);
}

#[test]
fn whatever_happens_to_a_file_of_it_the_store_opens_and_is_filled_again() {
    use rand::{RngExt, SeedableRng};
    for seed in 0..60 {
        println!("seed {seed}");
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), ID, 500).unwrap();
        store.index(&records(1..=500), mentions).unwrap();
        store.keep_snapshot(400, &vec![7; 40_000], 0).unwrap();
        drop(store);
        let files = std::fs::read_dir(dir.path()).unwrap().flatten().map(|file| file.path());
        let mut files: Vec<_> = files.filter(|path| path.is_file()).collect();
        files.sort();
        let file = &files[rng.random_range(0..files.len())];
        let mut bytes = std::fs::read(file).unwrap();
        let at = rng.random_range(0..bytes.len().max(1)).min(bytes.len());
        match rng.random_range(0..3) {
            0 => std::fs::remove_file(file).unwrap(),
            1 => std::fs::write(file, &bytes[..at]).unwrap(),
            _ => {
                bytes[at..].iter_mut().take(64).for_each(|byte| *byte = rng.random());
                std::fs::write(file, bytes).unwrap();
            }
        }
        let mut filled = Err(StoreError::Marked);
        for _ in 0..2 {
            // Damage that opening does not see is seen in use; then the next opening begins anew.
            let (store, _) = Store::open(dir.path(), ID, 500).unwrap();
            let from = store.indexed().map_or(0, |indexed| indexed.through) + 1;
            let indexed = store.index(&records(from..=500), mentions);
            filled = indexed.and_then(|()| all_of(&store, Sort::Place, "gate"));
            if filled.is_ok() {
                break;
            }
        }
        let filled = filled.unwrap();
        assert_eq!(filled, Vec::from_iter(1..=500), "seed {seed}: {}", file.display());
    }
}
