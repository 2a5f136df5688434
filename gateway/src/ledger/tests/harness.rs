//! The same bodies that `gateway/fuzz` runs, over what proptest thinks of.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use rustix::io::Errno;

/// Changes of a segment's bytes: where, and to what.
fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    vec((0usize..16 << 10, any::<u8>()), 0..20)
}

/// Puts the checksum right of whatever stands at the place of each record, so that more than the
/// checksum is put to the test.
fn put_checksums_right(bytes: &mut [u8]) {
    for seq in 1..=20 {
        let at = damage::offset_of(seq);
        let counted = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        if let Some(rest) = bytes.get(at + 8..(at + 8).saturating_add(counted)) {
            let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[at..at + 4]), rest);
            bytes[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_a_segment_that_can_be_judged(bytes in vec(any::<u8>(), 0..12_000)) {
        crate::ledger::harness::segment(&bytes);
    }

    #[test]
    fn a_segment_with_any_bytes_changed_can_be_judged(changes in changes(), right: bool) {
        let mut bytes = damage::segment_of(&[1..=5, 6..=10, 11..=15, 16..=20]);
        changes.iter().for_each(|&(at, byte)| bytes[at] = byte);
        if right {
            put_checksums_right(&mut bytes);
        }
        crate::ledger::harness::segment(&bytes);
    }

    #[test]
    fn any_record_header_can_be_judged(fields in vec((0usize..72, any::<u8>()), 0..6), right: bool) {
        let mut bytes = damage::segment_of(&[1..=20]);
        fields.iter().for_each(|&(at, byte)| bytes[damage::offset_of(3) + at] = byte);
        if right {
            put_checksums_right(&mut bytes);
        }
        crate::ledger::harness::segment(&bytes);
        crate::ledger::harness::record(&bytes[damage::offset_of(3)..]);
    }

    #[test]
    fn any_bytes_are_a_record_that_can_be_judged(bytes in vec(any::<u8>(), 0..300)) {
        crate::ledger::harness::record(&bytes);
    }

    #[test]
    fn any_bytes_are_a_proof_that_is_refused(bytes in vec(any::<u8>(), 0..1000), small: (u8, u8)) {
        crate::ledger::harness::proof(&bytes);
        let mut bytes = bytes;
        bytes.resize(bytes.len().max(16), 0);
        bytes[..16].copy_from_slice(&[small.0, 0, 0, 0, 0, 0, 0, 0, small.1, 0, 0, 0, 0, 0, 0, 0]);
        crate::ledger::harness::proof(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The disk fails in one way, then in another, and is well in between.
    #[test]
    fn a_disk_that_fails_now_and_then_gets_every_entry_in_the_end(
        moods in vec((0usize..6, 1u64..9), 1..12),
    ) {
        let disk = SimDisk::default();
        let (ledger, _) = open(&disk);
        let mut seq = 0;
        for (mood, entries) in moods {
            disk.fail_writes([None, Some(Errno::NOSPC), Some(Errno::IO), Some(Errno::ROFS), None, None][mood]);
            disk.fail_folder((mood == 4).then_some(Errno::IO));
            disk.fail_syncs(Errno::IO, u64::from(mood == 5) * entries);
            append(&ledger, seq + 1..=seq + entries);
            seq += entries;
            std::thread::yield_now();
        }
        disk.fail_writes(None);
        disk.fail_folder(None);
        disk.fail_syncs(Errno::IO, 0);
        wait_for(&ledger, |durable| durable.through == seq && durable.stalled.is_none());
        assert_whole(&ledger, seq);
        drop(ledger);
        let (ledger, recovery) = open(&disk.after_power_cut(&mut crate::ledger::simdisk::Rng(seq)));
        prop_assert_eq!((recovery.last_seq, recovery.faults), (seq, vec![]));
        assert_whole(&ledger, seq);
    }
}
