//! A closed ledger leaves a mark of its end: opening believes it as far as it fits, and no further.

use super::*;
use crate::ledger::verify::verify_on;

const MARK: &str = "end.mark";

/// A disk with 20 entries in one segment, closed in good order.
fn closed() -> SimDisk {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    write(&ledger, 1..=20);
    ledger.close().unwrap();
    disk
}

#[test]
fn with_and_without_its_mark_a_ledger_opens_alike() {
    for last in [1, 20, 300] {
        let disk = SimDisk::default();
        let (ledger, _) = open(&disk);
        write(&ledger, 1..=last);
        ledger.close().unwrap();
        assert!(disk.names().iter().any(|name| name == MARK));
        let without = disk.copy();
        without.lose(MARK);
        let (marked, recovery) = open(&disk);
        assert_eq!(recovery, open(&without).1);
        write(&marked, last + 1..=last + 40);
        assert_whole(&marked, last + 40);
        assert!(marked.reader().tree().prove_inclusion(1, last + 40).is_ok());
        drop(marked);
        assert!(verify_on(Arc::new(disk), |_| {}).unwrap().is_sound());
    }
}

#[test]
fn what_was_written_after_the_mark_is_found_behind_it() {
    let disk = closed();
    let (ledger, _) = open(&disk);
    for last in 21..=60 {
        write(&ledger, last..=last);
        // Given a process that is killed here, with the mark of the time before,
        let (ledger, recovery) = open(&disk.copy());
        assert_eq!((recovery.last_seq, recovery.torn, recovery.faults), (last, None, vec![]));
        assert_whole(&ledger, last);
    }
}

/// Without the mark, a rotted last record looks like one that nobody was told of.
#[test]
fn a_marked_record_that_rotted_is_a_fault_and_its_number_is_not_given_again() {
    let disk = closed();
    damage::flip(&disk, damage::FIRST, damage::offset_of(20) + 75);
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.last_seq, recovery.torn, recovery.faults.len()), (20, None, 1));
    write(&ledger, 21..=22);
    assert_eq!(read_all(&ledger).iter().filter(|record| record.is_ok()).count(), 21);
    assert_eq!(ledger.tree().0, 22);
}

#[test]
fn rot_before_the_marked_end_is_told_by_whoever_reads_it() {
    let disk = closed();
    damage::flip(&disk, damage::FIRST, damage::offset_of(8) + 75);
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.last_seq, recovery.faults), (20, vec![]));
    write(&ledger, 21..=22);
    assert!(matches!(read_all(&ledger)[7], Err(ReadError::Damaged(Fault { seq: 8, resumes_at: Some(9), .. }))));
    drop(ledger);
    let report = verify_on(Arc::new(disk), |_| {}).unwrap();
    assert_eq!((report.fault_count, report.faults[0].seq, report.last_seq), (1, 8, 22));
}

#[test]
fn the_mark_of_another_ledger_or_of_an_earlier_segment_tells_nothing() {
    let (disk, other) = (closed(), SimDisk::default());
    let theirs = Options { ledger_id: LedgerId([8; 16]), ..options() };
    let (ledger, _) = Ledger::open_on(Arc::new(other.clone()), theirs).unwrap();
    write(&ledger, 1..=60);
    ledger.close().unwrap();
    let own = disk.content(MARK);
    disk.set_content(MARK, &other.content(MARK));
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.last_seq, recovery.faults), (20, vec![]));
    write(&ledger, 21..=300);
    ledger.close().unwrap();
    disk.set_content(MARK, &own);
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.last_seq, recovery.faults), (300, vec![]));
    assert_whole(&ledger, 300);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_in_the_mark_open_alike(
        at in 0usize..2048,
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
    ) {
        let disk = closed();
        let mut content = disk.content(MARK);
        let end = (at + bytes.len()).min(content.len());
        content[at..end].copy_from_slice(&bytes[..end - at]);
        disk.set_content(MARK, &content);
        let (ledger, recovery) = open(&disk);
        proptest::prop_assert_eq!((recovery.last_seq, recovery.torn, recovery.faults), (20, None, vec![]));
        assert_whole(&ledger, 20);
    }
}
