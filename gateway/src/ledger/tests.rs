//! The ledger on a disk that loses power, runs full, fails and rots.

mod closing;
mod cuts;
mod damage;
mod disk;
mod express;
mod failures;
mod flips;
mod harness;
mod merkle;
mod retention;
mod tree;

use super::simdisk::SimDisk;
use super::*;

pub(super) const ID: LedgerId = LedgerId([7; 16]);

/// Salts that count, so that a ledger's bytes can be foretold.
pub(super) fn counted_salts() -> SaltSource {
    let mut count = 0u128;
    Box::new(move || {
        count += 1;
        count.to_le_bytes()
    })
}

pub(super) fn options() -> Options {
    Options {
        segment_bytes: 16 << 10,
        retry_min: Duration::from_millis(1),
        retry_max: Duration::from_millis(4),
        ..Options::new(ID, counted_salts())
    }
}

pub(super) fn open(disk: &SimDisk) -> (Ledger, Recovery) {
    Ledger::open_on(Arc::new(disk.clone()), options()).unwrap()
}

/// The body of entry `seq`: its length differs from its neighbours'.
pub(super) fn body(seq: u64) -> Bytes {
    let filling = "x".repeat(usize::try_from(seq * 37 % 400).unwrap());
    Bytes::from(format!(r#"{{"n":{seq},"filling":"{filling}"}}"#))
}

pub(super) fn append(ledger: &Ledger, seqs: std::ops::RangeInclusive<u64>) {
    seqs.for_each(|seq| ledger.append(seq, body(seq)).unwrap());
}

/// Waits until the ledger says so.
pub(super) fn wait_for(ledger: &Ledger, condition: impl FnMut(&Durable) -> bool) -> Durable {
    let mut durable = ledger.durable();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(durable.wait_for(condition)).unwrap().clone()
}

/// Appends entry by entry or all at once, and waits until all are durable.
pub(super) fn write(ledger: &Ledger, seqs: std::ops::RangeInclusive<u64>) {
    let last = *seqs.end();
    append(ledger, seqs);
    wait_for(ledger, |durable| durable.through >= last);
}

/// A disk with a closed ledger of so many entries in groups of `group`.
pub(super) fn disk_with(entries: u64, group: u64) -> SimDisk {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    for first in (1..=entries).step_by(usize::try_from(group).unwrap()) {
        write(&ledger, first..=(first + group - 1).min(entries));
    }
    ledger.close().unwrap();
    disk.lose("end.mark"); // as if it had not been closed: opening looks at all of the last segment
    disk
}

pub(super) fn read_all(ledger: &Ledger) -> Vec<Result<Record, ReadError>> {
    ledger.reader().iter(1).collect()
}

pub(super) fn assert_whole(ledger: &Ledger, last: u64) {
    let mut chain = chain_start(ID);
    let mut seq = 0;
    for record in read_all(ledger) {
        let record = record.unwrap();
        seq += 1;
        chain = link(&chain, &leaf(&record.salt, &record.body));
        assert_eq!((record.seq, &record.body, record.chain), (seq, &body(seq), chain));
    }
    assert_eq!(seq, last);
    let leaves: Vec<_> = ledger.reader().tree().leaf_hashes(1..=last).map(|leaf| leaf.unwrap().1).collect();
    assert_eq!(ledger.tree(), (last, merkle::tree_of(&leaves).root()));
}

#[test]
fn what_was_written_is_read_back_across_segments_and_openings() {
    let disk = disk_with(300, 7);
    let (ledger, recovery) = open(&disk);
    assert!(!recovery.created && recovery.segments > 3, "{recovery:?}");
    assert_eq!((recovery.last_seq, &recovery.torn, recovery.faults.len()), (300, &None, 0));
    assert_whole(&ledger, 300);
    write(&ledger, 301..=302);
    assert_whole(&ledger, 302);
}

#[test]
fn dropping_without_closing_loses_nothing_acknowledged() {
    let disk = SimDisk::default();
    let (ledger, recovery) = open(&disk);
    assert!(recovery.created);
    write(&ledger, 1..=20);
    drop(ledger);
    let (ledger, recovery) = open(&disk);
    assert_eq!(recovery.last_seq, 20);
    assert_whole(&ledger, 20);
}

#[test]
fn a_gap_or_a_repeat_in_the_numbering_is_refused_and_changes_nothing() {
    let (ledger, _) = open(&SimDisk::default());
    append(&ledger, 1..=2);
    for got in [0, 1, 2, 4, u64::MAX] {
        assert_eq!(ledger.append(got, body(1)), Err(AppendError::OutOfOrder { expected: 3, got }));
    }
    write(&ledger, 3..=3);
    assert_whole(&ledger, 3);
}

#[test]
fn an_entry_that_no_segment_can_hold_is_refused() {
    let (ledger, _) = open(&SimDisk::default());
    let limit = (16 << 10) - HEADER_LEN - RECORD_HEADER_LEN;
    let long = Bytes::from(vec![b'x'; limit + 1]);
    let len = long.len();
    assert_eq!(ledger.append(1, long.clone()), Err(AppendError::TooLarge { len, limit }));
    ledger.append(1, long.slice(1..)).unwrap();
    wait_for(&ledger, |durable| durable.through == 1);
}

#[test]
fn what_waits_is_written_with_one_sync() {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    write(&ledger, 1..=1);
    // Given a writer that is busy with a failing disk while nine entries come in,
    disk.fail_writes(Some(rustix::io::Errno::NOSPC));
    append(&ledger, 2..=2);
    wait_for(&ledger, |durable| durable.stalled.is_some());
    append(&ledger, 3..=11);
    let before = disk.syncs();
    disk.fail_writes(None);
    wait_for(&ledger, |durable| durable.through == 11);
    // then entry 2 takes one sync, all nine take one, and preparing segments a few.
    assert!(disk.syncs() <= before + 5);
}

#[test]
fn recent_records_come_from_memory_and_share_it() {
    let (ledger, _) = open(&SimDisk::default());
    let shared = body(1);
    ledger.append(1, shared.clone()).unwrap();
    wait_for(&ledger, |durable| durable.through == 1);
    let records = ledger.reader().read(1, 10, 1000).unwrap();
    assert_eq!(records[0].body.as_ptr(), shared.as_ptr());
}

#[test]
fn a_read_keeps_to_its_limits_and_to_what_is_durable() {
    let disk = disk_with(300, 50);
    let (ledger, _) = open(&disk);
    let reader = ledger.reader();
    let numbers = |from, records, bytes| -> Vec<u64> {
        reader.read(from, records, bytes).unwrap().iter().map(|record| record.seq).collect()
    };
    assert_eq!(numbers(5, 3, usize::MAX), [5, 6, 7]);
    assert_eq!(numbers(5, 30, body(5).len() + body(6).len()), [5, 6]);
    assert_eq!(numbers(5, 30, 1), [5]);
    assert_eq!(numbers(299, 30, usize::MAX), [299, 300]);
    assert_eq!(numbers(301, 30, usize::MAX), [0; 0]);
    assert_eq!(numbers(0, 30, usize::MAX), [0; 0]);
    write(&ledger, 301..=310);
    for from in 1..=310 {
        assert_eq!(numbers(from, 2, usize::MAX)[0], from);
    }
}

#[test]
fn a_second_writer_is_refused() {
    let disk = SimDisk::default();
    let (_ledger, _) = open(&disk);
    let second = Ledger::open_on(Arc::new(disk), options());
    assert!(matches!(second, Err(OpenError::InUse)));
}
