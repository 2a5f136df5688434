//! What retention takes out, and that what is left can be read and checked.

use super::*;
use crate::ledger::simdisk::Rng;
use crate::ledger::verify::verify_on;
use std::collections::BTreeMap;
use std::io::Read;

const KEEP_NONE: Keep = Keep { from: u64::MAX, entries: 0 };

fn archive(disk: &SimDisk) -> Fate {
    Fate::Archive(Arc::new(disk.clone()))
}

fn segments(disk: &SimDisk) -> Vec<String> {
    disk.names().into_iter().filter(|name| name.ends_with(".seg")).collect()
}

fn unpacked(disk: &SimDisk, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&disk.content(name)[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Whether an entry is to lose its body.
fn is_private(record: &Record) -> bool {
    record.seq.is_multiple_of(3)
}

/// What a reader meets from the first record on: bodies, removed ones and ranges.
fn read(ledger: &Ledger) -> BTreeMap<u64, Option<Bytes>> {
    let mut met = BTreeMap::new();
    for item in read_all(ledger) {
        match item {
            Ok(record) => met.insert(record.seq, Some(record.body)),
            Err(ReadError::Removed(removed)) => met.insert(removed.resumes_at - 1, None),
            Err(error) => panic!("{error}"),
        };
    }
    met
}

fn assert_sound(disk: &SimDisk) -> Report {
    let report = verify_on(Arc::new(disk.clone()), |_| {}).unwrap();
    assert!(report.is_sound() && report.torn.is_none() && report.root.is_some(), "{report:?}");
    report
}

#[test]
fn old_segments_are_archived_and_the_rest_is_anchored() {
    let disk = disk_with(300, 7);
    let (names, before) = (segments(&disk), assert_sound(&disk));
    let old: Vec<_> = names[..2].iter().map(|name| disk.content(name)).collect();
    let (ledger, _) = open(&disk);
    let sealed = ledger.sealed().unwrap();
    assert_eq!(sealed.len(), names.len() - 1);
    let limit = sealed[2].last_seq;
    let mut asked = Vec::new();
    let retired = ledger.retire(KEEP_NONE, &archive(&disk), |segment| {
        asked.push(segment.clone());
        assert_eq!(segment.last_entry.as_ref().unwrap().body, body(segment.last_seq));
        segment.last_seq < limit
    });
    let first = sealed[2].first_seq;
    assert_eq!(retired.unwrap(), Retired { segments: 2, first_seq: first });
    assert_eq!(asked, sealed[..3]);
    for (name, content) in names.iter().zip(old) {
        assert!(!disk.names().contains(name) && unpacked(&disk, &format!("{name}.gz")) == content);
    }
    // A reader is told what is not there, and reads the rest; from memory, from disk, after opening.
    let expected: BTreeMap<_, _> =
        [(first - 1, None)].into_iter().chain((first..=300).map(|seq| (seq, Some(body(seq))))).collect();
    assert_eq!(read(&ledger), expected);
    assert!(matches!(ledger.reader().read(1, 9, 999), Err(ReadError::Removed(gone)) if gone.resumes_at == first));
    assert_eq!(ledger.reader().read(first, 1, 1).unwrap()[0].body, body(first));
    drop(ledger);
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.first_seq, recovery.last_seq, recovery.root), (first, 300, before.root.unwrap()));
    assert_eq!(read(&ledger), expected);
    write(&ledger, 301..=310);
    let report = assert_sound(&disk);
    assert_eq!((report.anchored, report.first_seq, report.records), (true, first, 311 - first));
}

#[test]
fn proofs_of_what_is_left_need_nothing_of_what_went() {
    let disk = disk_with(300, 7);
    let (ledger, _) = open(&disk);
    let whole = ledger.reader().tree();
    let root = whole.root(300).unwrap();
    let proofs: Vec<_> = (1..=300).map(|seq| whole.prove_inclusion(seq, 300).unwrap()).collect();
    let mut left = 0..2;
    let first = ledger.retire(KEEP_NONE, &Fate::Delete, |_| left.next().is_some());
    let first = first.unwrap().first_seq;
    assert!(first > 1);
    let tree = ledger.reader().tree();
    assert_eq!(tree.root(300).unwrap(), root);
    for seq in first..=300 {
        assert_eq!(tree.prove_inclusion(seq, 300).unwrap(), proofs[usize::try_from(seq).unwrap() - 1], "{seq}");
    }
    for old in first - 1..300 {
        tree.prove_consistency(old, 300).unwrap();
    }
    assert!(
        matches!(tree.prove_inclusion(first - 1, 300), Err(TreeError::Removed { first_seq }) if first_seq == first)
    );
    assert!(matches!(tree.root(first - 2), Err(TreeError::Removed { .. })));
    assert!(matches!(tree.prove_consistency(first - 2, 300), Err(TreeError::Removed { .. })));
}

#[test]
fn what_must_be_kept_is_kept_whatever_its_age() {
    let disk = disk_with(300, 7);
    let (ledger, _) = open(&disk);
    let sealed = ledger.sealed().unwrap();
    let retire = |keep| ledger.retire(keep, &Fate::Delete, |_| true).unwrap().segments;
    assert_eq!(retire(Keep { from: sealed[0].last_seq, entries: 0 }), 0);
    assert_eq!(retire(Keep { from: u64::MAX, entries: 301 - sealed[0].last_seq }), 0);
    assert_eq!(retire(Keep { from: u64::MAX, entries: 999 }), 0);
    let first = sealed[0].first_seq;
    let kept = ledger.redact(first, Keep { from: sealed[0].last_seq, entries: 0 }, |_| true);
    assert!(matches!(kept, Err(RetentionError::Kept { last_seq, .. }) if last_seq == sealed[0].last_seq));
    let last = ledger.redact(sealed.last().unwrap().last_seq + 1, KEEP_NONE, |_| true);
    assert!(matches!(last, Err(RetentionError::NotSealed(_))));
    assert_eq!(retire(Keep { from: sealed[0].last_seq + 1, entries: 0 }), 1);
    // The segment that is written to stays in any case.
    assert_eq!(retire(KEEP_NONE), sealed.len() - 1);
    write(&ledger, 301..=303);
    drop(ledger);
    assert_eq!(open(&disk).1.last_seq, 303);
}

#[test]
fn removed_bodies_are_gone_and_chain_and_tree_hold() {
    let disk = disk_with(300, 7);
    let before = assert_sound(&disk);
    let (ledger, _) = open(&disk);
    let proof = ledger.reader().tree().prove_inclusion(3, 300).unwrap();
    // Given a reader that knows where the segment's records were,
    assert_eq!(read(&ledger).len(), 300);
    let sealed = ledger.sealed().unwrap();
    let removed: usize =
        sealed.iter().map(|segment| ledger.redact(segment.first_seq, KEEP_NONE, is_private).unwrap()).sum();
    let end = sealed.last().unwrap().last_seq;
    assert_eq!(removed as u64, end / 3);
    let expected: BTreeMap<_, _> = (1..=300).map(|seq| (seq, (seq > end || seq % 3 != 0).then(|| body(seq)))).collect();
    assert_eq!(read(&ledger), expected);
    for from in 1..=end {
        match ledger.reader().read(from, 1, 1) {
            Ok(records) => assert_eq!((records[0].seq, from % 3 != 0), (from, true)),
            Err(ReadError::Removed(gone)) => assert_eq!((gone.seq, gone.resumes_at, from % 3), (from, from + 1, 0)),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(ledger.reader().tree().prove_inclusion(3, 300).unwrap(), proof);
    let gone = format!(r#"{{"n":{},"#, 3);
    let trace = |name: &String| disk.content(name).windows(gone.len()).any(|bytes| bytes == gone.as_bytes());
    assert!(!disk.names().iter().any(trace));
    // Doing it again finds nothing more to do.
    assert_eq!(ledger.redact(1, KEEP_NONE, is_private).unwrap(), 0);
    drop(ledger);
    let report = assert_sound(&disk);
    assert_eq!((report.removed, report.chain, report.root), (removed as u64, before.chain, before.root));
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.last_seq, recovery.faults.len()), (300, 0));
    assert_eq!(read(&ledger), expected);
}

#[test]
fn memory_forgets_removed_bodies_as_well() {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    (1..=100).for_each(|seq| write(&ledger, seq..=seq));
    assert!(ledger.reader().read(3, 1, 1).is_ok());
    ledger.redact(1, KEEP_NONE, is_private).unwrap();
    assert!(matches!(ledger.reader().read(3, 1, 1), Err(ReadError::Removed(_))));
    assert_eq!(ledger.reader().read(4, 1, 1).unwrap()[0].body, body(4));
}

#[test]
fn a_reader_that_knew_a_record_elsewhere_finds_it_where_it_is() {
    let disk = disk_with(300, 7);
    let (ledger, _) = open(&disk);
    ledger.redact(1, KEEP_NONE, is_private).unwrap();
    // Given a reader that was late to note where a record had been before,
    ledger.shared.points.note(1, 20, damage::offset_of(20) as u64);
    for seq in [20, 22] {
        assert_eq!(ledger.reader().read(seq, 1, 1).unwrap()[0].body, body(seq));
    }
}

#[test]
fn a_damaged_segment_keeps_its_bodies_until_it_goes_as_a_whole() {
    let disk = disk_with(200, 5);
    damage::flip(&disk, damage::FIRST, damage::offset_of(8) + 75);
    let before = disk.content(damage::FIRST);
    let (ledger, _) = open(&disk);
    let refused = ledger.redact(1, KEEP_NONE, is_private);
    assert!(matches!(refused, Err(RetentionError::Damaged(Fault { seq: 8, .. }))));
    assert!(disk.content(damage::FIRST) == before);
    assert!(ledger.retire(KEEP_NONE, &archive(&disk), |segment| segment.first_seq == 1).unwrap().segments == 1);
    assert!(unpacked(&disk, &format!("{}.gz", damage::FIRST)) == before);
    assert_sound(&disk);
}

#[test]
fn a_disk_that_fails_meanwhile_leaves_all_as_it_was() {
    let disk = disk_with(300, 7);
    let (ledger, _) = open(&disk);
    wait_for(&ledger, |durable| durable.unprepared.is_none());
    disk.fail_writes(Some(rustix::io::Errno::NOSPC));
    let retired = ledger.retire(KEEP_NONE, &archive(&disk), |_| true);
    assert!(matches!(retired, Err(RetentionError::Disk { .. })), "{retired:?}");
    assert!(matches!(ledger.redact(1, KEEP_NONE, is_private), Err(RetentionError::Disk { .. })));
    disk.fail_writes(None);
    assert_eq!(read(&ledger).into_values().flatten().count(), 300);
    assert!(ledger.retire(KEEP_NONE, &archive(&disk), |_| true).is_ok());
    assert_sound(&disk);
}

/// Cuts the power at every single step of taking segments out and of removing bodies.
#[test]
fn a_power_cut_at_any_step_loses_nothing_that_was_to_stay() {
    let original = disk_with(200, 7);
    let (names, root) = (segments(&original), assert_sound(&original).root);
    for step in 1..40 {
        for seed in 0..4 {
            let mut rng = Rng(step * 100 + seed);
            let disk = original.after_power_cut(&mut rng);
            let (ledger, _) = open(&disk);
            wait_for(&ledger, |durable| durable.unprepared.is_none());
            disk.cut_after(step);
            let _ = ledger.redact(1, KEEP_NONE, is_private);
            let mut left = 0..2;
            let _ = ledger.retire(KEEP_NONE, &archive(&disk), |_| left.next().is_some());
            drop(ledger);
            let disk = disk.after_power_cut(&mut rng);
            let (ledger, recovery) = open(&disk);
            assert_eq!((recovery.last_seq, &recovery.faults[..]), (200, &[][..]), "step {step}, seed {seed}");
            assert!(!disk.names().iter().any(|name| name.ends_with(".new")));
            for (seq, read) in read(&ledger) {
                let may_be_gone = seq % 3 == 0 || seq < recovery.first_seq;
                assert!(read == Some(body(seq)) || read.is_none() && may_be_gone, "step {step}: {seq}");
            }
            // Each segment is there, or its archive is, whole.
            for name in names.iter().filter(|name| !disk.names().contains(name)) {
                assert_eq!(unpacked(&disk, &format!("{name}.gz")).len() % HEADER_LEN, 0, "step {step}: {name}");
            }
            assert_eq!(assert_sound(&disk).root, root);
        }
    }
}
