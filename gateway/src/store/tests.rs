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
