//! The power goes at any moment: while groups are written, segments are rolled, old ones taken out,
//! bodies removed. Sectors of 512 bytes that were not synced stay or not, in any order.

use super::*;
use crate::ledger::simdisk::Rng;
use crate::ledger::verify::verify_on;

/// Cuts of an ordinary run; `SCHOOLGATE_CUTS` asks for more, `SCHOOLGATE_SEED` for other ones.
const CUTS: u64 = 3000;
/// Cuts that one ledger lives through.
const CUTS_EACH: u64 = 4;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let (seed, cuts) = (number("SCHOOLGATE_SEED").unwrap_or(1), number("SCHOOLGATE_CUTS").unwrap_or(CUTS));
    let lives: Vec<u64> = (seed..seed + cuts / CUTS_EACH).collect();
    // Most of the time goes by waiting for the ledgers' threads.
    std::thread::scope(|scope| {
        for part in lives.chunks(lives.len().div_ceil(4).max(1)) {
            scope.spawn(|| part.iter().for_each(|&seed| live_through_cuts(seed)));
        }
    });
}

fn live_through_cuts(seed: u64) {
    println!("seed {seed}");
    let mut rng = Rng(seed);
    let mut disk = SimDisk::default();
    let mut durable = 0;
    for cut in 0..CUTS_EACH {
        disk.cut_after(1 + rng.below(if cut == 0 { 60 } else { 160 }));
        let acknowledged = record_until_dead(&disk, durable, &mut rng);
        disk = disk.after_power_cut(&mut rng);
        durable = check(&disk, acknowledged, seed);
    }
}

/// Appends groups of random size until the power is gone, and takes things out in between; says
/// what was acknowledged.
fn record_until_dead(disk: &SimDisk, before: u64, rng: &mut Rng) -> u64 {
    let Ok((ledger, recovery)) = Ledger::open_on(Arc::new(disk.clone()), options()) else {
        return before;
    };
    if rng.below(2) == 0 {
        express::drive(&ledger, Box::<express::SimRing>::default());
    }
    let mut seq = recovery.last_seq;
    for _ in 0..200 {
        let last = seq + 1 + rng.below(12);
        append(&ledger, seq + 1..=last);
        seq = last;
        if rng.below(6) == 0 {
            take_something_out(&ledger, disk, rng);
        }
        let durable = wait_for(&ledger, |durable| durable.through >= seq || durable.stalled.is_some());
        if durable.stalled.is_some() {
            break;
        }
    }
    // A writer that finds no disk gives up what was never acknowledged.
    let durable = ledger.durable();
    drop(ledger);
    let through = durable.borrow().through;
    through.max(before)
}

const KEEP: Keep = Keep { from: u64::MAX, entries: 60 };

/// Whether an entry's body may be removed.
fn is_private(seq: u64) -> bool {
    seq.is_multiple_of(5)
}

fn take_something_out(ledger: &Ledger, disk: &SimDisk, rng: &mut Rng) {
    let Ok(sealed) = ledger.sealed() else { return };
    if sealed.is_empty() {
        return;
    }
    if rng.below(2) == 0 {
        let any = usize::try_from(rng.below(sealed.len() as u64)).unwrap();
        let _ = ledger.redact(sealed[any].first_seq, KEEP, |record| is_private(record.seq));
    } else {
        let fate = if rng.below(2) == 0 { Fate::Delete } else { Fate::Archive(Arc::new(disk.clone())) };
        let mut left = 0..1;
        let _ = ledger.retire(KEEP, &fate, |_| left.next().is_some());
    }
}

/// Opens what the cut has left: everything acknowledged is there, without a gap, but for what was
/// taken out; and opening once more finds the same. Says through which record it is durable.
fn check(disk: &SimDisk, acknowledged: u64, seed: u64) -> u64 {
    let (ledger, recovery) = open(disk);
    let last = recovery.last_seq;
    assert!(last >= acknowledged, "seed {seed}: {acknowledged} acknowledged, {recovery:?}");
    assert_eq!(recovery.faults, [], "seed {seed}");
    let mut next = recovery.first_seq;
    for item in ledger.reader().iter(next) {
        match item {
            Ok(record) => assert_eq!((record.seq, &record.body), (next, &body(next)), "seed {seed}"),
            Err(ReadError::Removed(removed)) => {
                assert_eq!((removed.seq, is_private(next)), (next, true), "seed {seed}");
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
        next += 1;
    }
    assert_eq!(next, last + 1, "seed {seed}");
    assert!(recovery.first_seq == 1 || recovery.first_seq + KEEP.entries <= last + 1, "seed {seed}: {recovery:?}");
    assert_eq!(ledger.tree(), (last, recovery.root), "seed {seed}");
    drop(ledger);
    let report = verify_on(Arc::new(disk.clone()), |_| {}).unwrap();
    // What is left of a torn group is a fault to a check, until the next group is written.
    let left = recovery.torn.as_ref().is_some_and(|torn| torn.whole_behind > 0);
    assert_eq!((report.is_sound(), left || report.torn.is_none()), (!left, true), "seed {seed}");
    assert!(left || last == 0 || report.root == Some(recovery.root), "seed {seed}");
    let (_, again) = open(disk);
    let found = |recovery: &Recovery| (recovery.first_seq, recovery.last_seq, recovery.chain, recovery.root);
    assert_eq!(found(&recovery), found(&again), "seed {seed}");
    last
}
