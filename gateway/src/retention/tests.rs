use bytes::Bytes;
use schoolgate_core::{
    entry::{ENTRY_VERSION, Seq},
    time::{BootId, Mono, Wall},
};
use tempfile::TempDir;

use super::*;
use crate::ledger::{Ledger, LedgerId, Options, ReadError, verify};

const DAYS: Retention = Retention { movements_days: 200, attendance_days: 200, machine_days: 200, archive_dir: None };
/// Every receiver has everything.
const ALL: u64 = u64::MAX;

fn rules(days: Retention, entrances: &[&str]) -> Rules {
    Rules { days, entrances: entrances.iter().map(|id| place(id)).collect() }
}

fn place(id: &str) -> PlaceId {
    PlaceId::try_new(id).unwrap()
}

fn on_day(day: i64) -> Stamp {
    let wall = Wall::new(1_790_000_000_000 + day * DAY_MS, 480);
    Stamp { wall, clock: ClockQuality::Synchronised, boot: BootId(1), mono: Mono(day as u64 * 86_400_000) }
}

/// A ledger of 300 days with eight entries a day: every other is the box's own.
fn ledger() -> (TempDir, Ledger) {
    ledger_with(|seq| match seq % 2 {
        0 => What::Started { version: "test".into() },
        _ => What::GateClosed { place: place("east-gate") },
    })
}

fn ledger_with(what: impl Fn(u64) -> What) -> (TempDir, Ledger) {
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
        let entry = Entry { v: ENTRY_VERSION, seq: Seq(seq), at: on_day((seq as i64 - 1) / 8), what: what(seq) };
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
    let pruned = prune(&ledger.pruner(), ALL, &rules(DAYS, &[]), &Fate::Delete, &on_day(300)).unwrap();
    assert!(pruned.segments > 0 && pruned.first_seq > 1, "{pruned:?}");
    let left = left(&ledger);
    assert_eq!(left.iter().filter(|(day, _)| *day >= 100).count(), 200 * 8, "nothing of the last 200 days goes");
    assert!(left.len() < 201 * 8 + 100, "but for a segment, all that is older goes: {}", left.len());
    assert!(verify(dir.path(), |_| {}).unwrap().is_sound());
}

#[test]
fn each_group_has_a_time_of_its_own() {
    let (dir, ledger) = ledger();
    let rules = rules(Retention { movements_days: 290, ..DAYS }, &[]);
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
    let pruned = prune(&ledger.pruner(), 0, &rules(DAYS, &[]), &Fate::Delete, &on_day(9_000)).unwrap();
    assert_eq!(pruned, Pruned::default());
    prune(&ledger.pruner(), 800, &rules(DAYS, &[]), &Fate::Delete, &on_day(9_000)).unwrap();
    let left = left(&ledger);
    assert!(left.ends_with(&before[800..]) && left.len() < before.len());
}

/// A ledger of two entrances: the side gate was last used on the tenth day, five times.
fn ledger_of_two_entrances() -> (TempDir, Ledger) {
    ledger_with(|seq| match seq {
        81..=85 => What::GateClosed { place: place("side-gate") },
        _ if seq % 2 == 0 => What::Started { version: "test".into() },
        _ => What::GateClosed { place: place("east-gate") },
    })
}

fn closings(ledger: &Ledger, gate: &str) -> Vec<u64> {
    let of_gate = |record: Record| {
        let entry = Entry::decode(&record.body).unwrap();
        (entry.what.place() == Some(&place(gate))).then_some(entry.seq.0)
    };
    ledger.reader().iter(1).flatten().filter_map(of_gate).collect()
}

#[test]
fn each_entrance_keeps_its_own_latest_thousand_however_old() {
    let (dir, ledger) = ledger_of_two_entrances();
    let east = closings(&ledger, "east-gate");
    let rules = rules(DAYS, &["east-gate", "side-gate", "never-used"]);
    let pruned = prune(&ledger.pruner(), ALL, &rules, &Fate::Delete, &on_day(9_000)).unwrap();
    assert!(pruned.bodies > 0, "{pruned:?}");
    assert_eq!(closings(&ledger, "side-gate"), [81, 82, 83, 84, 85], "the busy gate does not push them out");
    let kept = closings(&ledger, "east-gate");
    assert!(kept.ends_with(&east[east.len() - ENTRIES_PER_ENTRANCE..]));
    // The last segment is never touched.
    let sealed = ledger.sealed().unwrap().last().unwrap().last_seq;
    let machine = ledger.reader().iter(1).flatten().filter(|record| record.seq <= sealed);
    let is_machine = |record: &Record| Group::of(&Entry::decode(&record.body).unwrap().what) == Group::Machine;
    assert_eq!(machine.filter(is_machine).count(), 0, "what is of no entrance goes from between them");
    assert_eq!(kept.len(), ENTRIES_PER_ENTRANCE, "and what is older than an entrance's latest thousand");
    assert!(verify(dir.path(), |_| {}).unwrap().is_sound());
    assert_eq!(pruned.through, sealed);
}

#[test]
fn a_segment_goes_as_a_whole_once_it_has_nothing_of_an_entrances_latest_thousand() {
    let (_dir, ledger) = ledger_of_two_entrances();
    let rules = rules(DAYS, &["east-gate"]);
    let pruned = prune(&ledger.pruner(), ALL, &rules, &Fate::Delete, &on_day(9_000)).unwrap();
    let first_kept = closings(&ledger, "east-gate")[0];
    assert!(pruned.segments > 0 && pruned.first_seq <= first_kept, "{pruned:?}");
    assert_eq!(closings(&ledger, "side-gate"), [0; 0], "no entrance any more: its entries go with the others");
}

#[test]
fn a_clock_that_no_source_keeps_empties_nothing() {
    let (_dir, ledger) = ledger();
    let now = Stamp { clock: ClockQuality::Holdover { error_ms: 0 }, ..on_day(9_000) };
    assert_eq!(prune(&ledger.pruner(), ALL, &rules(DAYS, &[]), &Fate::Delete, &now).unwrap(), Pruned::default());
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
