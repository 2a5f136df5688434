use super::*;
use bytes::Bytes;

const ID: LedgerId = LedgerId([1; 16]);

fn records(seqs: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    let body = |seq| Bytes::from(format!("student-{} gate", seq % 3));
    seqs.map(|seq| Record { seq, salt: [0; 16], chain: [0; 32], body: body(seq) }).collect()
}

fn subjects(body: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(body).split(' ').map(str::to_owned).collect()
}

#[test]
fn entries_are_found_by_subject_newest_first_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let (store, outcome) = Store::open(&dir, ID, 10).unwrap();
    assert_eq!(outcome, StoreOutcome::Created);
    store.index(&records(1..=10), subjects).unwrap();
    store.set_cursor("notify", 4).unwrap();
    drop(store);
    let (store, outcome) = Store::open(&dir, ID, 10).unwrap();
    assert_eq!(outcome, StoreOutcome::Opened);
    assert_eq!(store.seqs_of("student-1", 10).unwrap(), [10, 7, 4, 1]);
    assert_eq!(store.seqs_of("gate", 3).unwrap(), [10, 9, 8]);
    assert_eq!(store.seqs_of("student", 3).unwrap(), [0; 0]);
    assert_eq!((store.cursor("notify").unwrap(), store.cursor("sync").unwrap()), (Some(4), None));
    assert_eq!(store.indexed_through().unwrap(), 10);
}

#[test]
fn a_subject_is_not_taken_for_another_that_begins_like_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
    store.index(&records(1..=1), |_| vec!["a".into(), "a\0\0\0\0\0\0\0\0\x07".into()]).unwrap();
    assert_eq!(store.seqs_of("a", 10).unwrap(), [1]);
}

#[test]
fn indexing_the_same_entries_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 3000).unwrap();
    store.index(&records(1..=2500), subjects).unwrap();
    store.index(&records(1..=10), |_| vec!["nobody".into()]).unwrap();
    assert_eq!(store.indexed_through().unwrap(), 2500);
    assert_eq!(store.seqs_of("nobody", 1).unwrap(), [0; 0]);
    assert_eq!(store.seqs_of("gate", usize::MAX).unwrap().len(), 2500);
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
    store.index(&records(1..=10), subjects).unwrap();
    store.set_cursor("notify", 9).unwrap();
    store.set_cursor("sync", 3).unwrap();
    drop(store);
    let (store, outcome) = Store::open(dir.path(), ID, 7).unwrap();
    assert_eq!(outcome, StoreOutcome::Rebuilt(RebuildReason::Ahead { indexed: 10, durable: 7 }));
    assert_eq!((store.cursor("notify").unwrap(), store.cursor("sync").unwrap()), (Some(7), Some(3)));
    assert_eq!((store.indexed_through().unwrap(), store.seqs_of("gate", 9).unwrap()), (0, vec![]));
}

#[test]
fn a_half_made_snapshot_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
    store.index(&records(1..=10), subjects).unwrap();
    drop(store);
    std::fs::write(dir.path().join("snap.00000000DEADBEEF.generating"), b"").unwrap();
    let (store, outcome) = Store::open(dir.path(), ID, 10).unwrap();
    assert_eq!((outcome, store.indexed_through().unwrap()), (StoreOutcome::Opened, 10));
}

#[test]
fn a_broken_store_is_begun_anew() {
    for broken in ["conf", "db"] {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
        store.index(&records(1..=10), subjects).unwrap();
        drop(store);
        let path = dir.path().join(broken);
        let size = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
        std::fs::write(&path, vec![0x5a; size]).unwrap();
        let (store, _) = Store::open(dir.path(), ID, 10).unwrap();
        assert_eq!(store.indexed_through().unwrap(), 0, "{broken}");
        store.index(&records(1..=10), subjects).unwrap();
        assert_eq!(store.seqs_of("gate", 1).unwrap(), [10]);
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
        store.index(&records(1..=500), subjects).unwrap();
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
            let from = store.indexed_through().unwrap_or(0) + 1;
            filled = store.index(&records(from..=500), subjects).and_then(|()| store.seqs_of("gate", usize::MAX));
            if filled.is_ok() {
                break;
            }
        }
        let filled = filled.unwrap();
        assert_eq!(filled, (1..=500).rev().collect::<Vec<u64>>(), "seed {seed}: {}", file.display());
    }
}
