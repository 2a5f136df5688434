//! Every bit of a small ledger, flipped: nothing panics, nothing but what it hit is lost, and it
//! is told unless it harms nothing.

use super::*;
use crate::ledger::verify::verify_on;
use std::ops::RangeInclusive;

const FIRST: &str = "00000000000000000001.seg";
const SECOND: &str = "00000000000000000008.seg";

/// Two segments, groups of one and more, a removed body: all that version 2 has.
struct Small {
    disk: SimDisk,
    last: u64,
    /// First byte behind the records of the last segment.
    end: usize,
}

const GROUPS: [&[RangeInclusive<u64>]; 2] = [&[1..=1, 2..=4, 5..=7], &[8..=8, 9..=11, 12..=12]];

fn small_body(seq: u64) -> Bytes {
    Bytes::from(format!(r#"{{"n":{seq},"filling":"{}"}}"#, "x".repeat(usize::try_from(seq).unwrap())))
}

fn small() -> Small {
    let disk = disk_with(1, 1);
    let (mut chain, mut salts, mut tree) = (chain_start(ID), counted_salts(), Frontier::default());
    let (mut last, mut end) = (0, 0);
    for (groups, name) in GROUPS.iter().zip([FIRST, SECOND]) {
        let mut bytes = vec![0; HEADER_LEN];
        header::encode_header(ID, last + 1, &chain, &tree, &mut bytes);
        for group in *groups {
            for (index, seq) in group.clone().enumerate() {
                let (salt, body) = (salts(), small_body(seq));
                let leaf = leaf(&salt, &body);
                chain = link(&chain, &leaf);
                tree.push(leaf);
                let place = format::Place::of(index, group.clone().count());
                let content =
                    if seq == 3 { format::Content::Removed { leaf } } else { format::Content::Entry { salt, body } };
                format::encode_stored(&format::Stored { seq, place, chain, content }, &mut bytes);
                last = seq;
            }
        }
        end = bytes.len();
        bytes.resize(end.next_multiple_of(4096), 0);
        disk.create_with(name, &bytes);
    }
    Small { disk, last, end }
}

/// What a reader got, opened and read; and whether anything was told of damage.
fn look(disk: &SimDisk) -> (Vec<u64>, bool, Recovery) {
    let report = verify_on(Arc::new(disk.clone()), |_| {}).unwrap();
    let (ledger, recovery) = open(disk);
    let mut whole = Vec::new();
    for item in read_all(&ledger) {
        match item {
            Ok(record) => {
                assert_eq!(record.body, small_body(record.seq), "a wrong body was shown");
                whole.push(record.seq);
            }
            Err(ReadError::Removed(removed)) => whole.push(removed.seq),
            Err(ReadError::Damaged(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let next = recovery.last_seq + 1;
    ledger.append(next, small_body(next)).unwrap();
    wait_for(&ledger, |durable| durable.through == next);
    assert_eq!(ledger.reader().read(next, 1, 1).unwrap()[0].body, small_body(next));
    ledger.close().unwrap();
    let (_, again) = open(disk);
    assert_eq!(again.last_seq, next, "opening again");
    let told = !report.is_sound() || report.torn.is_some() || recovery.torn.is_some() || !recovery.faults.is_empty();
    (whole, told, recovery)
}

/// Where a flipped bit may hide without harm: in a copy of a header whose other copy is whole.
fn is_spare_copy(name: &str, at: usize) -> bool {
    (name == FIRST || name == SECOND) && at < HEADER_LEN
}

fn flip_all(name: &str, bytes: std::ops::Range<usize>, bits: &[u8]) {
    let original = small();
    let last = original.last;
    for at in bytes {
        for bit in bits {
            let disk = original.disk.copy();
            let mut content = disk.content(name);
            content[at] ^= 1 << bit;
            disk.set_content(name, &content);
            let (whole, told, recovery) = look(&disk);
            let place = format!("{name} byte {at} bit {bit}: {recovery:?}");
            let lost: Vec<_> = (1..=last).filter(|seq| !whole.contains(seq)).collect();
            assert!(told || is_spare_copy(name, at) || lost.is_empty() && is_padding(&original, name, at), "{place}");
            // One record at most is lost, and what was torn off with it is of its own group.
            let torn = recovery.torn.is_some_and(|torn| torn.whole_behind > 0);
            assert!(lost.len() <= 1 || torn && lost[0] >= 9, "lost {lost:?}: {place}");
        }
    }
}

/// Zeros that nothing reads: those that fill a record up to a multiple of eight, and those behind
/// the last record of a sealed segment, which ends where the next one's numbers begin.
fn is_padding(small: &Small, name: &str, at: usize) -> bool {
    let mut offset = HEADER_LEN;
    let content = small.disk.content(name);
    while offset <= at {
        let format::Frame::Whole(record) = format::decode_record(&Bytes::copy_from_slice(&content[offset..])) else {
            return name == FIRST;
        };
        let (start, len) = (offset, RECORD_HEADER_LEN + record_payload_len(&record));
        offset += record.len();
        if (start + len..offset).contains(&at) {
            return true;
        }
    }
    false
}

fn record_payload_len(record: &format::Stored) -> usize {
    match &record.content {
        format::Content::Entry { body, .. } => body.len(),
        format::Content::Removed { .. } => 32,
    }
}

#[test]
fn a_flipped_bit_of_a_record_in_the_sealed_segment() {
    let end = small().disk.content(FIRST).iter().rposition(|&byte| byte != 0).unwrap() + 9;
    flip_all(FIRST, HEADER_LEN..end, &[0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_flipped_bit_of_a_record_in_the_last_segment() {
    flip_all(SECOND, HEADER_LEN..small().end + 9, &[0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_flipped_bit_of_the_headers() {
    // Fields and frontier to the bit, the zeros and both copies' ends by samples.
    for copy in [0, HEADER_LEN / 2] {
        flip_all(SECOND, copy..copy + 80 + 3 * 32 + 2, &[0, 1, 2, 3, 4, 5, 6, 7]);
        flip_all(SECOND, copy + 2044..copy + 2048, &[0, 1, 2, 3, 4, 5, 6, 7]);
        flip_all(FIRST, copy..copy + 82, &[0, 5]);
    }
    flip_all(SECOND, 1000..1004, &[3]);
}

#[test]
fn flipped_bits_of_zeros_behind_the_records() {
    let end = small().end;
    flip_all(SECOND, end + 9..end + 200, &[1]);
    flip_all(SECOND, 8190..8192, &[0, 7]);
}

/// Both copies of a header, in the same byte.
#[test]
fn a_header_lost_in_both_copies_loses_no_record() {
    for name in [FIRST, SECOND] {
        for at in (0..80 + 96).chain(2044..2048) {
            let disk = small().disk;
            let mut content = disk.content(name);
            content[at] ^= 4;
            content[at + 2048] ^= 4;
            disk.set_content(name, &content);
            let (whole, told, recovery) = look(&disk);
            assert_eq!((whole.len(), told), (12, true), "{name} byte {at}: {recovery:?}");
        }
    }
}
