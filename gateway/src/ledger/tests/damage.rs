use super::*;
use crate::ledger::verify::verify_on;

pub(super) const FIRST: &str = "00000000000000000001.seg";

/// Where record `seq` of the first segment starts.
pub(super) fn offset_of(seq: u64) -> usize {
    HEADER_LEN + (1..seq).map(|seq| record_len(body(seq).len())).sum::<usize>()
}

pub(super) fn flip(disk: &SimDisk, name: &str, at: usize) {
    let mut content = disk.content(name);
    content[at] ^= 0x10;
    disk.set_content(name, &content);
}

/// The bytes of a first segment of 16 KiB with these groups, to the byte what a writer leaves.
pub(super) fn segment_of(groups: &[std::ops::RangeInclusive<u64>]) -> Vec<u8> {
    let (mut chain, mut salts) = (chain_start(ID), counted_salts());
    let mut bytes = vec![0; HEADER_LEN];
    header::encode_header(ID, 1, &chain, &Frontier::default(), &mut bytes);
    for group in groups {
        let count = group.clone().count();
        for (index, seq) in group.clone().enumerate() {
            let salt = salts();
            chain = link(&chain, &leaf(&salt, &body(seq)));
            let record = Record { seq, salt, chain, body: body(seq) };
            format::encode_record(&record, format::Place::of(index, count), &mut bytes);
        }
    }
    bytes.resize(16 << 10, 0);
    bytes
}

/// A disk with 20 entries in groups of five. A writer alone would choose its groups by the clock.
fn disk_with_groups() -> SimDisk {
    let disk = disk_with(1, 1);
    disk.set_content(FIRST, &segment_of(&[1..=5, 6..=10, 11..=15, 16..=20]));
    disk
}

/// One place of each class within a record.
const CLASSES: [(&str, usize); 7] =
    [("length", 0), ("crc", 5), ("seq", 9), ("kind", 16), ("salt", 30), ("chain", 50), ("body", 75)];

#[test]
fn a_flipped_bit_amid_the_last_segment_is_contained() {
    for (class, within) in CLASSES {
        let disk = disk_with(20, 5);
        flip(&disk, FIRST, offset_of(8) + within);
        let (ledger, recovery) = open(&disk);
        let fault = Fault {
            kind: FaultKind::Record,
            segment: FIRST.to_owned(),
            offset: offset_of(8) as u64,
            seq: 8,
            resumes_at: Some(9),
        };
        assert_eq!((&recovery.faults[..], recovery.last_seq), (&[fault.clone()][..], 20), "{class}");
        assert_eq!(recovery.torn, None, "{class}");
        // Recording goes on in a new segment, and what can be read is read.
        write(&ledger, 21..=25);
        let read = read_all(&ledger);
        assert_eq!(read.iter().filter(|record| record.is_ok()).count(), 24, "{class}");
        assert!(matches!(&read[7], Err(ReadError::Damaged(found)) if *found == fault), "{class}");
        assert!(disk.names().iter().any(|name| name == "00000000000000000021.seg" || name == "next.pre"));
        assert_eq!(ledger.reader().read(6, 9, 9999).unwrap().len(), 2, "{class}");
        assert!(ledger.reader().read(8, 9, 9999).is_err(), "{class}");
        drop(ledger);
        let report = verify_on(Arc::new(disk), |_| {}).unwrap();
        assert_eq!((&report.faults[..], report.records, report.last_seq), (&[fault][..], 24, 25), "{class}");
    }
}

#[test]
fn a_flipped_bit_in_an_earlier_segment_is_contained() {
    for (class, within) in CLASSES {
        let disk = disk_with(200, 5);
        flip(&disk, FIRST, offset_of(8) + within);
        let (ledger, recovery) = open(&disk);
        assert_eq!((recovery.last_seq, recovery.torn, recovery.faults), (200, None, vec![]), "{class}");
        let read = read_all(&ledger);
        assert_eq!(read.iter().filter(|record| record.is_ok()).count(), 199, "{class}");
        let Err(ReadError::Damaged(fault)) = &read[7] else { panic!("{class}: {:?}", read[7]) };
        assert_eq!((fault.seq, fault.resumes_at), (8, Some(9)), "{class}");
    }
}

#[test]
fn a_damaged_last_record_is_a_torn_tail_and_cut() {
    for (class, within) in CLASSES {
        let disk = disk_with(20, 5);
        flip(&disk, FIRST, offset_of(20) + within);
        let (ledger, recovery) = open(&disk);
        let torn = recovery.torn.unwrap();
        assert_eq!((torn.offset, torn.after_seq), (offset_of(20) as u64, 19), "{class}");
        assert_eq!((recovery.last_seq, recovery.faults), (19, vec![]), "{class}");
        assert!(disk.content(FIRST)[offset_of(20)..].iter().all(|&byte| byte == 0), "{class}");
        write(&ledger, 20..=30);
        assert_whole(&ledger, 30);
        ledger.close().unwrap();
        assert_eq!(open(&disk).1.torn, None, "{class}");
    }
}

/// Everything that a ledger of 20 entries in groups of five may say of a hole in its last group.
#[test]
fn a_hole_in_the_last_group_is_told_from_rot_and_left_as_it_is() {
    for (class, within) in CLASSES {
        for hole in 16..20 {
            let disk = disk_with_groups();
            flip(&disk, FIRST, offset_of(hole) + within);
            let before = disk.content(FIRST);
            let torn = TornTail {
                segment: FIRST.to_owned(),
                offset: offset_of(hole) as u64,
                len: (offset_of(20) + RECORD_HEADER_LEN + body(20).len() - offset_of(hole)) as u64,
                after_seq: hole - 1,
                whole_behind: 20 - hole,
            };
            let report = verify_on(Arc::new(disk.clone()), |_| {}).unwrap();
            // A check of the whole does not presume that nobody was told.
            assert_eq!((report.torn, report.fault_count, report.last_seq), (None, 1, 20), "{class} {hole}");
            for _ in 0..2 {
                let (ledger, recovery) = open(&disk);
                assert_eq!((recovery.last_seq, recovery.faults), (hole - 1, vec![]), "{class} {hole}");
                assert_eq!(recovery.torn.as_ref(), Some(&torn), "{class} {hole}");
                assert_whole(&ledger, hole - 1);
            }
            // Recording goes on under the numbers that nobody was told, in a segment of its own.
            let (ledger, _) = open(&disk);
            write(&ledger, hole..=25);
            assert_whole(&ledger, 25);
            ledger.close().unwrap();
            assert!(disk.content(FIRST) == before, "{class} {hole}");
            let report = verify_on(Arc::new(disk.clone()), |_| {}).unwrap();
            assert_eq!((report.torn, report.fault_count, report.last_seq), (None, 0, 25), "{class} {hole}");
            let (ledger, recovery) = open(&disk);
            assert_eq!((recovery.last_seq, recovery.torn), (25, None), "{class} {hole}");
            assert_whole(&ledger, 25);
        }
    }
}

/// Found by cutting the power: what is left of a torn group says that it goes on, and does not.
#[test]
fn a_hole_in_a_group_behind_an_unfinished_one_is_torn_too() {
    let unfinished = segment_of(&[1..=5, 6..=10, 11..=20]);
    let mut content = segment_of(&[1..=15, 16..=20]);
    content[..offset_of(16)].copy_from_slice(&unfinished[..offset_of(16)]);
    for hole in 16..20 {
        let disk = disk_with(1, 1);
        disk.set_content(FIRST, &content);
        flip(&disk, FIRST, offset_of(hole) + 80);
        let (ledger, recovery) = open(&disk);
        assert_eq!((recovery.last_seq, recovery.faults), (hole - 1, vec![]), "{hole}");
        assert_eq!(recovery.torn.unwrap().whole_behind, 20 - hole, "{hole}");
        write(&ledger, hole..=22);
        assert_whole(&ledger, 22);
    }
}

#[test]
fn a_hole_before_the_last_group_is_rot() {
    for hole in 11..=15 {
        let disk = disk_with_groups();
        flip(&disk, FIRST, offset_of(hole) + 80);
        let (_, recovery) = open(&disk);
        assert_eq!((recovery.last_seq, recovery.torn, recovery.faults.len()), (20, None, 1), "{hole}");
    }
}

#[test]
fn what_someone_saw_durable_is_lost_and_not_torn_and_its_number_is_not_given_again() {
    let known = |known_through| Options { known_through, ..options() };
    for (hole, last) in [(18, 20), (20, 20)] {
        let disk = disk_with_groups();
        flip(&disk, FIRST, offset_of(hole) + 80);
        let (ledger, recovery) = Ledger::open_on(Arc::new(disk.clone()), known(hole)).unwrap();
        assert_eq!((recovery.last_seq, recovery.torn, recovery.faults.len()), (last, None, 1), "{hole}");
        write(&ledger, 21..=22);
        let read = read_all(&ledger);
        let lost = read.iter().filter_map(|item| item.as_ref().err());
        assert!(matches!(lost.collect::<Vec<_>>()[..], [ReadError::Damaged(Fault { seq, .. })] if *seq == hole));
        assert_eq!(ledger.tree().0, 22);
        drop(ledger);
        // The new segment tells by now that there was a later group.
        let (_, recovery) = open(&disk);
        assert_eq!((recovery.last_seq, recovery.torn, recovery.faults), (22, None, vec![]), "{hole}");
        let report = verify_on(Arc::new(disk.clone()), |_| {}).unwrap();
        assert_eq!(report.fault_count, 1, "{hole}: {report:?}");
    }
    // Given a disk that went back to an older state,
    let disk = disk_with_groups();
    let (ledger, recovery) = Ledger::open_on(Arc::new(disk), known(23)).unwrap();
    assert_eq!((recovery.last_seq, recovery.faults[0].kind), (23, FaultKind::Missing));
    write(&ledger, 24..=25);
    assert_eq!(ledger.tree().0, 25);
}

#[test]
fn a_header_whose_tree_does_not_follow_is_found() {
    let disk = disk_with(200, 5);
    let name = disk.names().into_iter().filter(|name| name.ends_with(".seg")).nth(1).unwrap();
    let mut content = disk.content(&name);
    let header = header::Header::decode(&content).unwrap();
    let mut roots = header.tree_before.as_ref().unwrap().roots().to_vec();
    roots[0][0] ^= 1;
    let forged = Frontier::from_roots(header.first_seq - 1, roots).unwrap();
    header::encode_header(ID, header.first_seq, &header.chain_before, &forged, &mut content[..HEADER_LEN]);
    disk.set_content(&name, &content);
    let report = verify_on(Arc::new(disk), |_| {}).unwrap();
    assert_eq!((report.faults[0].kind, report.faults[0].seq), (FaultKind::Tree, header.first_seq));
}

#[test]
fn a_flipped_bit_in_the_zeros_behind_the_last_record_is_a_torn_tail() {
    for beyond in [0, 7, 70, 3000] {
        let disk = disk_with(20, 5);
        flip(&disk, FIRST, offset_of(21) + beyond);
        let (ledger, recovery) = open(&disk);
        let torn = recovery.torn.unwrap();
        assert_eq!((torn.offset, torn.len), (offset_of(21) as u64, beyond as u64 + 1));
        assert_eq!((recovery.last_seq, recovery.faults), (20, vec![]));
        write(&ledger, 21..=30);
        assert_whole(&ledger, 30);
    }
}

#[test]
fn a_header_survives_a_flipped_bit_and_its_loss_is_contained() {
    let disk = disk_with(20, 5);
    flip(&disk, FIRST, 20);
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.last_seq, recovery.faults), (20, vec![]));
    drop(ledger);
    flip(&disk, FIRST, 2048 + 20);
    let (ledger, recovery) = open(&disk);
    assert_eq!(recovery.faults.len(), 1);
    assert_eq!((recovery.faults[0].kind, recovery.last_seq), (FaultKind::Header, 20));
    write(&ledger, 21..=22);
    assert_whole(&ledger, 22);
    drop(ledger);
    let report = verify_on(Arc::new(disk), |_| {}).unwrap();
    assert_eq!((report.records, report.faults[0].kind, report.fault_count), (22, FaultKind::Header, 1));
}

#[test]
fn a_missing_segment_is_told_and_the_others_are_read() {
    let disk = disk_with(200, 5);
    let name = disk.names().into_iter().filter(|name| name.ends_with(".seg")).nth(1).unwrap();
    disk.lose(&name);
    let (ledger, _) = open(&disk);
    let read = read_all(&ledger);
    let faults: Vec<_> = read.iter().filter(|item| item.is_err()).collect();
    let [Err(ReadError::Damaged(fault))] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!((fault.kind, format!("{:020}.seg", fault.seq)), (FaultKind::Missing, name));
    assert!(matches!(read.last(), Some(Ok(record)) if record.seq == 200));
}

#[test]
fn a_page_that_cannot_be_read_is_contained_and_never_cut() {
    let disk = disk_with(40, 5);
    let before = disk.content(FIRST);
    disk.make_unreadable(FIRST, offset_of(12) as u64 + 80);
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.last_seq, recovery.faults.len()), (40, 1));
    assert!(recovery.faults[0].seq <= 12 && recovery.faults[0].resumes_at > Some(12));
    write(&ledger, 41..=42);
    assert!(matches!(read_all(&ledger).last(), Some(Ok(record)) if record.seq == 42));
    assert_eq!(disk.content(FIRST), before);
}

#[test]
fn an_entry_changed_with_its_checksum_put_right_is_found_by_its_hash() {
    let disk = disk_with(200, 5);
    let mut content = disk.content(FIRST);
    let at = offset_of(8);
    let end = at + RECORD_HEADER_LEN + body(8).len();
    content[at + 75] ^= 1;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&content[at..at + 4]), &content[at + 8..end]);
    content[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
    disk.set_content(FIRST, &content);
    let report = verify_on(Arc::new(disk), |_| {}).unwrap();
    assert_eq!((report.faults[0].kind, report.faults[0].seq, report.fault_count), (FaultKind::Chain, 8, 1));
}

#[test]
fn a_segment_of_another_ledger_is_refused() {
    let (disk, other) = (disk_with(200, 5), SimDisk::default());
    let theirs = Options { ledger_id: LedgerId([8; 16]), ..options() };
    let (ledger, _) = Ledger::open_on(Arc::new(other.clone()), theirs).unwrap();
    write(&ledger, 1..=3);
    ledger.close().unwrap();
    disk.set_content(FIRST, &other.content(FIRST));
    let opened = Ledger::open_on(Arc::new(disk), options());
    assert!(matches!(opened, Err(OpenError::Layout(LayoutError::Foreign { .. }))));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_in_a_segment_open_without_panic(
        at in 0usize..16 << 10,
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600),
    ) {
        let disk = disk_with(60, 5);
        let mut content = disk.content(FIRST);
        let end = (at + bytes.len()).min(content.len());
        content[at..end].copy_from_slice(&bytes[..end - at]);
        disk.set_content(FIRST, &content);
        let (ledger, recovery) = open(&disk);
        proptest::prop_assert!(read_all(&ledger).len() as u64 <= recovery.last_seq + 1);
        let next = recovery.last_seq + 1;
        write(&ledger, next..=next);
    }
}
