use bytes::Bytes;
use schoolgate_core::{
    entry::{ENTRY_VERSION, Seq},
    time::{BootId, Mono, Wall},
};
use tempfile::TempDir;

use super::*;
use crate::ledger::{Ledger, LedgerId, Options, ReadError, verify};

const RULES: Retention = Retention { movements_days: 200, attendance_days: 200, machine_days: 200, archive_dir: None };
const ALL: Keep = Keep { from: u64::MAX, entries: 0 };

fn on_day(day: i64) -> Stamp {
    let wall = Wall::new(1_790_000_000_000 + day * DAY_MS, 480);
    Stamp { wall, clock: ClockQuality::Synchronised, boot: BootId(1), mono: Mono(day as u64 * 86_400_000) }
}

/// A ledger of 300 days with eight entries a day: every other is the box's own.
fn ledger() -> (TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let mut count = 0u128;
    let salts = Box::new(move || {
        count += 1;
        count.to_le_bytes()
    });
    let options = Options { segment_bytes: 16 << 10, ..Options::new(LedgerId([5; 16]), salts) };
    let (ledger, _) = Ledger::open(dir.path(), options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for seq in 1..=2_400 {
        let what = if seq % 2 == 0 {
            What::Started { version: "test".into() }
        } else {
            What::GateClosed { place: schoolgate_core::id::PlaceId::try_new("east-gate").unwrap() }
        };
        let entry = Entry { v: ENTRY_VERSION, seq: Seq(seq), at: on_day((seq as i64 - 1) / 8), what };
        ledger.append(seq, Bytes::from(entry.encode().unwrap())).unwrap();
        if seq % 200 == 0 {
            runtime.block_on(ledger.durable().wait_for(|durable| durable.through >= seq)).unwrap();
        }
    }
    (dir, ledger)
}

/// The day and the group of every entry that is left.
fn left(ledger: &Ledger) -> Vec<(i64, Group)> {
    let entry = |record: Result<Record, ReadError>| match record {
        Ok(record) => {
            let entry = Entry::decode(&record.body).unwrap();
            Some(((entry.seq.0 as i64 - 1) / 8, Group::of(&entry.what)))
        }
        Err(ReadError::Removed(_)) => None,
        Err(cause) => panic!("{cause}"),
    };
    ledger.reader().iter(1).filter_map(entry).collect()
}

fn count(left: &[(i64, Group)], group: Group, days: std::ops::Range<i64>) -> usize {
    left.iter().filter(|(day, of)| *of == group && days.contains(day)).count()
}

#[test]
fn what_is_older_than_its_time_goes_and_the_rest_stays_and_is_sound() {
    let (dir, ledger) = ledger();
    let pruned = prune(&ledger.pruner(), ALL, &RULES, &Fate::Delete, &on_day(300)).unwrap();
    assert!(pruned.segments > 0 && pruned.first_seq > 1, "{pruned:?}");
    let left = left(&ledger);
    assert_eq!(left.iter().filter(|(day, _)| *day >= 100).count(), 200 * 8, "nothing of the last 200 days goes");
    assert!(left.len() < 201 * 8 + 100, "but for a segment, all that is older goes: {}", left.len());
    assert!(verify(dir.path(), |_| {}).unwrap().is_sound());
}

#[test]
fn each_group_has_a_time_of_its_own() {
    let (dir, ledger) = ledger();
    let rules = Retention { movements_days: 290, ..RULES };
    let pruned = prune(&ledger.pruner(), ALL, &rules, &Fate::Delete, &on_day(300)).unwrap();
    assert!(pruned.bodies > 0, "{pruned:?}");
    let left = left(&ledger);
    assert_eq!(count(&left, Group::Movements, 10..300), 290 * 4);
    assert_eq!(count(&left, Group::Machine, 100..300), 200 * 4);
    assert_eq!(count(&left, Group::Machine, 10..80), 0);
    assert!(verify(dir.path(), |_| {}).unwrap().is_sound());
    let again = prune(&ledger.pruner(), ALL, &rules, &Fate::Delete, &on_day(300)).unwrap();
    assert_eq!(again, Pruned::default(), "there is nothing left to do");
}

#[test]
fn what_a_receiver_has_not_acknowledged_stays_however_old() {
    let (_dir, ledger) = ledger();
    let before = left(&ledger);
    for keep in [Keep { from: 1, entries: 0 }, Keep { from: u64::MAX, entries: 2_400 }] {
        let pruned = prune(&ledger.pruner(), keep, &RULES, &Fate::Delete, &on_day(9_000)).unwrap();
        assert_eq!(pruned, Pruned::default());
    }
    prune(&ledger.pruner(), Keep { from: 801, entries: 0 }, &RULES, &Fate::Delete, &on_day(9_000)).unwrap();
    let left = left(&ledger);
    assert!(left.ends_with(&before[800..]) && left.len() < before.len());
}

#[test]
fn a_clock_that_no_source_keeps_empties_nothing() {
    let (_dir, ledger) = ledger();
    let now = Stamp { clock: ClockQuality::Holdover { error_ms: 0 }, ..on_day(9_000) };
    assert_eq!(prune(&ledger.pruner(), ALL, &RULES, &Fate::Delete, &now).unwrap(), Pruned::default());
}

#[test]
fn it_runs_at_night_by_the_schools_clock() {
    let at = |hour: i64| Stamp {
        wall: Wall::new(1_790_006_400_000 / DAY_MS * DAY_MS + (hour - 8) * 3_600_000, 480),
        ..on_day(0)
    };
    let hours: Vec<i64> = (0..24).filter(|&hour| is_night(&at(hour))).collect();
    assert_eq!(hours, [2, 3, 4]);
}
