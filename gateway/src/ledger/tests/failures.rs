use super::*;
use rustix::io::Errno;

#[test]
fn a_full_disk_holds_entries_back_and_gives_them_up_to_the_disk_once_it_can() {
    for errno in [Errno::NOSPC, Errno::IO, Errno::ROFS] {
        let disk = SimDisk::default();
        let (ledger, _) = open(&disk);
        write(&ledger, 1..=10);
        disk.fail_writes(Some(errno));
        append(&ledger, 11..=200);
        let durable = wait_for(&ledger, |durable| durable.stalled.is_some());
        assert_eq!(durable.through, 10);
        assert_eq!(durable.stalled.as_deref(), Some(&*errno.to_string()));
        assert_eq!(ledger.reader().read(11, 1, 1).unwrap(), []);
        disk.fail_writes(None);
        let durable = wait_for(&ledger, |durable| durable.through == 200);
        assert_eq!(durable.stalled, None);
        assert_whole(&ledger, 200);
        ledger.close().unwrap();
        let (ledger, recovery) = open(&disk);
        assert_eq!((recovery.last_seq, recovery.faults), (200, vec![]));
        assert_whole(&ledger, 200);
    }
}

#[test]
fn after_a_failed_sync_the_group_is_written_again_elsewhere() {
    for times in 1..6 {
        let disk = SimDisk::default();
        let (ledger, _) = open(&disk);
        write(&ledger, 1..=10);
        // Given a disk that forgets what it failed to sync, as Linux does,
        disk.fail_syncs(Errno::IO, times);
        write(&ledger, 11..=20);
        write(&ledger, 21..=30);
        drop(ledger);
        // when the power goes with all caches, then everything acknowledged is there.
        let disk = disk.after_power_cut(&mut crate::ledger::simdisk::Rng(times));
        let (ledger, recovery) = open(&disk);
        assert_eq!((recovery.last_seq, recovery.faults), (30, vec![]));
        assert_whole(&ledger, 30);
    }
}

#[test]
fn a_first_group_that_failed_leaves_no_second_first_segment() {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    disk.fail_syncs(Errno::IO, 1);
    write(&ledger, 1..=3);
    ledger.close().unwrap();
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.segments, recovery.last_seq), (1, 3));
    assert_whole(&ledger, 3);
}

#[test]
fn the_queue_is_bounded_and_says_so() {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    disk.fail_writes(Some(Errno::NOSPC));
    let mut seq = 0;
    let full = loop {
        match ledger.append(seq + 1, body(seq + 1)) {
            Ok(()) => seq += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, AppendError::Full { bytes, .. } if bytes <= QUEUE_MAX_BYTES), "{full}");
    disk.fail_writes(None);
    wait_for(&ledger, |durable| durable.through == seq);
    write(&ledger, seq + 1..=seq + 1);
    assert_whole(&ledger, seq + 1);
}

#[test]
fn closing_on_a_failing_disk_ends_and_says_what_is_lost() {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    write(&ledger, 1..=4);
    disk.fail_writes(Some(Errno::NOSPC));
    append(&ledger, 5..=7);
    let why = Errno::NOSPC.to_string();
    assert_eq!(ledger.close(), Err(CloseError { entries: 3, why }));
    disk.fail_writes(None);
    let (ledger, _) = open(&disk);
    assert_whole(&ledger, 4);
}

#[test]
fn a_disk_that_came_up_read_only_is_read_and_entries_wait() {
    let disk = disk_with(20, 4);
    disk.fail_writes(Some(Errno::ROFS));
    let (ledger, recovery) = open(&disk);
    assert_eq!(recovery.unsettled.as_deref(), Some(&*Errno::ROFS.to_string()));
    assert_whole(&ledger, 20);
    assert!(ledger.durable().borrow().stalled.is_some());
    append(&ledger, 21..=25);
    disk.fail_writes(None);
    wait_for(&ledger, |durable| durable.through == 25 && durable.stalled.is_none());
    assert_whole(&ledger, 25);
}

#[test]
fn a_disk_too_full_for_the_next_segment_is_told_before_it_stalls() {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    wait_for(&ledger, |durable| durable.unprepared.is_none());
    // The preparer's own segment may be made already: using it up asks for another.
    disk.fail_writes(Some(Errno::NOSPC));
    append(&ledger, 1..=1);
    wait_for(&ledger, |durable| durable.stalled.is_some() && durable.unprepared.is_some());
    disk.fail_writes(None);
    wait_for(&ledger, |durable| durable.through == 1 && durable.unprepared.is_none());
}

#[test]
fn a_folder_that_takes_no_change_holds_nothing_back_while_the_segment_lasts() {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    wait_for(&ledger, |durable| durable.unprepared.is_none());
    disk.fail_folder(Some(Errno::IO));
    write(&ledger, 1..=20);
    // The next segment stands ready, but does not get its name; the one after cannot be made.
    append(&ledger, 21..=200);
    let durable = wait_for(&ledger, |durable| durable.stalled.is_some() && durable.unprepared.is_some());
    assert!(durable.through > 20);
    disk.fail_folder(None);
    wait_for(&ledger, |durable| durable.through == 200 && durable.unprepared.is_none());
    assert_whole(&ledger, 200);
    drop(ledger);
    assert_eq!(open(&disk).1.last_seq, 200);
}

#[test]
fn a_page_that_can_be_read_again_gives_its_records_again() {
    let disk = disk_with(200, 5);
    let (ledger, _) = open(&disk);
    disk.make_unreadable(damage::FIRST, damage::offset_of(12) as u64 + 80);
    assert!(matches!(ledger.reader().read(12, 1, 1), Err(ReadError::Damaged(_))));
    assert!(ledger.reader().read(199, 1, 1).is_ok());
    assert!(matches!(ledger.reader().tree().prove_inclusion(1, 100), Err(TreeError::Lost { .. })));
    disk.make_readable();
    assert_whole(&ledger, 200);
    assert!(ledger.reader().tree().prove_inclusion(1, 100).is_ok());
}

/// Found by reading: the spare file, once written to, is a segment; preparing another one in its place would lose it.
#[test]
fn a_segment_that_could_not_get_its_name_is_not_written_over() {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    write(&ledger, 1..=1);
    wait_for(&ledger, |durable| durable.unprepared.is_none());
    disk.fail_folder(Some(Errno::IO));
    let mut last = 1;
    while ledger.reader().durable().unprepared.is_none() {
        last += 1;
        append(&ledger, last..=last);
        // The segment behind may be full, too, before it is told that it can't have its name.
        wait_for(&ledger, |durable| durable.through >= last || durable.unprepared.is_some());
    }
    drop(ledger);
    // Given a folder that takes no change at opening either, and then does,
    let (ledger, recovery) = open(&disk);
    assert!(recovery.unsettled.is_some() && recovery.last_seq + 1 >= last);
    last = recovery.last_seq;
    disk.fail_folder(None);
    append(&ledger, last + 1..=last + 80);
    wait_for(&ledger, |durable| durable.through == last + 80);
    assert_whole(&ledger, last + 80);
    drop(ledger);
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.last_seq, recovery.faults), (last + 80, vec![]));
    assert_whole(&ledger, last + 80);
}
