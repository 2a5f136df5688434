mod damage;

use bytes::Bytes;
use proptest::prelude::*;
use schoolgate_core::{
    id::{PlaceId, ReaderId},
    school::{Input, School},
    site::{Place, PlaceRole, Site},
    text::Bilingual,
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};
use tempfile::TempDir;

use super::*;
use crate::ledger::{self, Fate, Keep, Ledger, Options};

const LEDGER: LedgerId = LedgerId([5; 16]);

fn build() -> Build {
    Build::named("test")
}

/// A gateway's folder with a ledger in it, written by a core whose readers come and go.
struct Gate {
    dir: TempDir,
    school: School,
    ledger: Ledger,
    minute: u64,
}

impl Gate {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(&dir, 0);
        let mut it = Self { dir, school: School::new(site()), ledger, minute: 0 };
        it.give(Input::Started { version: "test".into() });
        it
    }

    fn give(&mut self, input: Input) {
        self.minute += 1;
        let wall = Wall::new(1_790_000_000_000 + self.minute as i64 * 60_000, 480);
        let (boot, mono, clock) = (BootId(1), Mono(self.minute * 60_000), ClockQuality::Synchronised);
        self.school.handle(Stamp { wall, clock, boot, mono }, input);
        while let Some(entry) = self.school.poll_entry() {
            self.ledger.append(entry.seq.0, Bytes::from(entry.encode().unwrap())).unwrap();
        }
        while self.school.poll_action().is_some() {}
    }

    /// Goes on until the ledger has that many entries or some more, and all are durable.
    fn work_through(&mut self, entries: u64) {
        let patience = self.minute + 4 * entries + 100;
        while self.last() < entries {
            assert!(self.minute < patience, "entries are written");
            let reader = ReaderId::try_new(&format!("reader-{}", self.minute / 2 % 7)).unwrap();
            self.give(match self.minute % 2 {
                0 => Input::ReaderDown { reader, reason: "gone".into() },
                _ => Input::ReaderUp { reader },
            });
            if self.minute.is_multiple_of(200) {
                self.settle();
            }
        }
        self.settle();
    }

    fn settle(&self) {
        let last = self.last();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.ledger.durable().wait_for(|durable| durable.through >= last)).unwrap();
    }

    fn last(&self) -> u64 {
        self.school.state().last().0
    }

    fn snapshot(&self) -> Snapshot {
        let chain = self.ledger.reader().read(self.last(), 1, 0).unwrap()[0].chain;
        Snapshot { ledger: LEDGER, chain, state: self.school.state().clone() }
    }

    fn replay(&self, cursor: u64, snapshots: Vec<Snapshot>) -> Replayed {
        replay(&self.ledger.reader(), cursor, snapshots.into_iter()).unwrap()
    }
}

fn site() -> Site {
    let place = PlaceId::try_new("east-gate").unwrap();
    let readers = (0..7).map(|n| (ReaderId::try_new(&format!("reader-{n}")).unwrap(), place.clone())).collect();
    let name = Bilingual { zh: "东门".into(), en: "East gate".into() };
    Site { readers, places: [(place, Place { role: PlaceRole::Gate, name })].into_iter().collect(), ..Site::default() }
}

fn open(dir: &TempDir, known_through: u64) -> Ledger {
    let mut count = 0u128;
    let salts = Box::new(move || {
        count += 1;
        count.to_le_bytes()
    });
    let options = Options { segment_bytes: 16 << 10, known_through, ..Options::new(LEDGER, salts) };
    Ledger::open(&dir.path().join("ledger"), options).unwrap().0
}

/// Takes all out of the ledger that may go.
fn retire(ledger: &Ledger, entries: u64) -> u64 {
    ledger.retire(Keep { from: u64::MAX, entries }, &Fate::Delete, |_| true).unwrap().first_seq
}

#[test]
fn a_snapshot_and_the_entries_behind_it_give_what_all_entries_give() {
    let mut gateway = Gate::new();
    gateway.work_through(120);
    let older = gateway.snapshot();
    gateway.work_through(300);
    let newer = gateway.snapshot();
    gateway.work_through(400);

    for cursor in [0, 1, 119, 120, 121, 250, 300, 399, 400] {
        let folded = gateway.replay(cursor, vec![]);
        let resumed = gateway.replay(cursor, vec![newer.clone(), older.clone()]);
        assert_eq!((folded.snapshot, resumed.snapshot), (0, newer.state.last().0));
        assert_eq!((resumed.now, resumed.notified), (folded.now, folded.notified), "cursor {cursor}");
    }
    assert_eq!(gateway.replay(0, vec![newer]).now, *gateway.school.state());
}

#[test]
fn a_snapshot_of_another_entry_or_beyond_the_ledgers_end_is_not_used() {
    let mut gateway = Gate::new();
    gateway.work_through(50);
    let good = gateway.snapshot();
    let reader = gateway.ledger.reader();
    assert_eq!(has_entry(&reader, good.clone()), Ok(good.clone()));
    let other = Snapshot { chain: [1; 32], ..good.clone() };
    assert_eq!(has_entry(&reader, other), Err(Unusable::OtherEntry));
    let mut ahead = good;
    ahead.state.skip_lost(Seq(1_000));
    assert_eq!(has_entry(&reader, ahead), Err(Unusable::OtherEntry));
}

#[test]
fn the_store_gives_the_newest_snapshot_that_fits_and_keeps_one_for_the_consumer_that_lags() {
    let mut gateway = Gate::new();
    let (store, _) = Store::open(&gateway.dir.path().join("store"), LEDGER, u64::MAX).unwrap();
    let mut kept = Vec::new();
    for entries in [50, 100, 150, 200] {
        gateway.work_through(entries);
        let snapshot = gateway.snapshot();
        kept.push(snapshot.state.last().0);
        store.keep_snapshot(*kept.last().unwrap(), &snapshot.encode(&build()), 120).unwrap();
    }
    assert_eq!(store.snapshots().unwrap(), [kept[1], kept[3]]);

    let reader = gateway.ledger.reader();
    let found = |build: &Build| -> Vec<u64> {
        snapshots(Some(&store), build, LEDGER, &reader).map(|snapshot| snapshot.state.last().0).collect()
    };
    assert_eq!(found(&build()), [kept[3], kept[1]]);
    assert_eq!(found(&Build::named("another")), [0; 0]);
    store.keep_snapshot(gateway.last() + 1, b"no snapshot", 120).unwrap();
    assert_eq!(found(&build()), [kept[1]]);
}

#[test]
fn a_gateway_starts_after_retention_has_run_and_nothing_is_damaged() {
    let mut gateway = Gate::new();
    gateway.work_through(600);
    let first_left = retire(&gateway.ledger, 100);
    assert!(first_left > 1, "something went");
    let before = gateway.school.state().clone();
    let Gate { dir, ledger, .. } = gateway;
    ledger.close().unwrap();

    let again = open(&dir, before.last().0);
    let replayed = replay(&again.reader(), 0, std::iter::empty()).unwrap();
    assert_eq!(replayed.now.last(), before.last());
    assert_eq!(replayed.now.readers_away(), before.readers_away());
    assert!(ledger::verify(&dir.path().join("ledger"), |_| {}).unwrap().is_sound());
}

#[test]
fn entries_whose_bodies_were_removed_are_passed_over() {
    let mut gateway = Gate::new();
    gateway.work_through(600);
    let removed = gateway.ledger.redact(1, Keep { from: u64::MAX, entries: 0 }, |record| record.seq.is_multiple_of(3));
    assert!(removed.unwrap() > 0);
    assert_eq!(gateway.replay(0, vec![]).now.last().0, gateway.last());
    assert_eq!(gateway.replay(3, vec![]).notified.last().0, 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn wherever_it_is_cut_a_snapshot_changes_nothing(cut in 2..150u64, rest in 0..100u64, cursor in 0..260u64) {
        let mut gateway = Gate::new();
        gateway.work_through(cut);
        let snapshot = gateway.snapshot();
        let bytes = snapshot.encode(&build());
        let snapshot = Snapshot::decode(&bytes, &build(), LEDGER).unwrap();
        gateway.work_through(cut + rest);
        let (folded, resumed) = (gateway.replay(cursor, vec![]), gateway.replay(cursor, vec![snapshot]));
        prop_assert_eq!((resumed.now, resumed.notified), (folded.now, folded.notified));
    }
}

/// Says how long a start takes with and without a snapshot: `cargo test -- --ignored --nocapture start_takes`.
#[test]
#[ignore = "measures"]
fn how_long_a_start_takes() {
    let mut gateway = Gate::new();
    gateway.work_through(98_000);
    let bytes = gateway.snapshot().encode(&build());
    gateway.work_through(100_000);
    let timed = |snapshots: &dyn Fn() -> Vec<Snapshot>| {
        let began = std::time::Instant::now();
        gateway.replay(u64::MAX, snapshots());
        began.elapsed()
    };
    let all = timed(&Vec::new);
    let resumed = timed(&|| vec![Snapshot::decode(&bytes, &build(), LEDGER).unwrap()]);
    println!("100,000 entries: all {all:?}, with a snapshot of 98,000 ({} bytes) {resumed:?}", bytes.len());
}
