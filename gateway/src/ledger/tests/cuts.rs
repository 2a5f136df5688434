use super::*;
use crate::ledger::simdisk::Rng;
use crate::ledger::verify::verify_on;

/// Cuts the power so many times, each on a ledger that has lived through up to three cuts before.
const CUTS: u64 = 600;

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let seed = std::env::var("SCHOOLGATE_SEED").map_or(1, |seed| seed.parse().unwrap());
    for round in 0..CUTS / 3 {
        live_through_cuts(seed + round);
    }
}

fn live_through_cuts(seed: u64) {
    println!("seed {seed}");
    let mut rng = Rng(seed);
    let mut disk = SimDisk::default();
    let mut durable = 0;
    for cut in 0..3 {
        disk.cut_after(1 + rng.below(if cut == 0 { 60 } else { 120 }));
        let acknowledged = record_until_dead(&disk, durable, &mut rng);
        disk = disk.after_power_cut(&mut rng);
        durable = check(&disk, acknowledged, seed);
    }
}

/// Appends groups of random size until the power is gone; says what was acknowledged.
fn record_until_dead(disk: &SimDisk, before: u64, rng: &mut Rng) -> u64 {
    let Ok((ledger, recovery)) = Ledger::open_on(Arc::new(disk.clone()), options()) else {
        return before;
    };
    let mut seq = recovery.last_seq;
    for _ in 0..200 {
        let last = seq + 1 + rng.below(12);
        append(&ledger, seq + 1..=last);
        seq = last;
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

/// Opens what the cut has left: everything acknowledged is there, without a gap, and opening once
/// more finds the same. Says through which record it is durable from now on.
fn check(disk: &SimDisk, acknowledged: u64, seed: u64) -> u64 {
    let (ledger, recovery) = open(disk);
    assert!(recovery.last_seq >= acknowledged, "seed {seed}: {acknowledged} acknowledged, {recovery:?}");
    assert_eq!(recovery.faults, [], "seed {seed}");
    assert_whole(&ledger, recovery.last_seq);
    assert_eq!(ledger.tree(), (recovery.last_seq, recovery.root), "seed {seed}");
    drop(ledger);
    let report = verify_on(Arc::new(disk.clone()), |_| {}).unwrap();
    assert!(report.is_sound(), "seed {seed}: {report:?}");
    let (_, again) = open(disk);
    let found = |recovery: &Recovery| (recovery.last_seq, recovery.chain, recovery.root);
    assert_eq!(found(&recovery), found(&again), "seed {seed}");
    recovery.last_seq
}
