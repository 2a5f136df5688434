//! The store's folder in any other state than it was left in: the gateway starts as it would without a store.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::{
    keeper::{Keeper, Progress},
    mentions::Sort,
    run::start::{kept_cursor, open_store},
    snapshot::Folded,
    store::{Days, Found},
};

/// Damages in an ordinary run; `SCHOOLGATE_STORE_DAMAGES` asks for others.
const DAMAGES: usize = 250;
/// Far beyond what a start takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(120);
/// Far beyond what a start needs.
const MEMORY_KIB: u64 = 512 << 10;
/// How far notifications had come.
const NOTIFIED: u64 = 450;

/// Has a store of this gateway's kept up to date, as a running gateway does.
fn keep(gateway: &Gate, ledger: LedgerId, dir: &Path, notify: u64) {
    let (store, _) = Store::open(dir, ledger, u64::MAX).unwrap();
    let progress = Progress { notify, sync: notify, pruned: 0 };
    let keeper = Keeper::start(Some(store), gateway.ledger.reader(), (ledger, build())).unwrap();
    keeper.stop(progress, Folded::of(gateway.school.state()));
}

fn copy(from: &Path, to: &Path) {
    if to.is_file() {
        return; // an earlier damage put it in the place of a folder
    }
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(item.file_name());
        if item.path().is_dir() {
            copy(&item.path(), &target);
        } else if !target.is_dir() {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).into_iter().flatten().flatten() {
            if item.path().is_dir() { folders.push(item.path()) } else { found.push(item.path()) }
        }
    }
    found.sort();
    found
}

/// Does something to one file, and says what. `others` are stores of other times and of another ledger.
fn damage(dir: &Path, others: &[&Path], random: &mut ChaCha8Rng) -> String {
    let Some(file) = files(dir).choose(random).cloned() else {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join("db"), b"noise").unwrap();
        return "a file where none was".into();
    };
    let mut bytes = fs::read(&file).unwrap();
    let at = random.random_range(0..=bytes.len());
    let what = match random.random_range(0..9) {
        0 => {
            fs::remove_file(&file).unwrap();
            return format!("without {}", file.display());
        }
        1 => {
            fs::remove_file(&file).unwrap();
            fs::create_dir(&file).unwrap();
            return format!("a folder in place of {}", file.display());
        }
        2 => {
            let other = others.choose(random).unwrap();
            let theirs = other.join(file.strip_prefix(dir).unwrap());
            bytes = fs::read(theirs).unwrap_or_default();
            format!("from {}", other.display())
        }
        3 => {
            let other = others.choose(random).unwrap();
            copy(other, dir); // files of both, if their names differ
            return format!("all files of {} over it", other.display());
        }
        4 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        5 => {
            let len = random.random_range(1..10_000);
            bytes.iter_mut().skip(at).take(len).for_each(|byte| *byte = 0);
            format!("{len} zeros at {at}")
        }
        6 => {
            bytes.extend((0..random.random_range(1..5_000)).map(|_| random.random::<u8>()));
            "noise behind its end".into()
        }
        7 => {
            let bit = 1 << random.random_range(0..8);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bit);
            format!("a bit at {at}")
        }
        _ => {
            let len = random.random_range(1..2_000);
            bytes.iter_mut().skip(at).take(len).for_each(|byte| *byte = random.random());
            format!("noise at {at}")
        }
    };
    fs::write(&file, bytes).unwrap();
    format!("{}: {what}", file.display())
}

/// As a gateway starts: from the store as it is found to what is so now. Then it works for a moment, and stops.
fn start(data: &TempDir, store: &Path) -> Replayed {
    let found = Found::look(store);
    let ledger = open(data, found.furthest_cursor(LEDGER));
    let (reader, through) = (ledger.reader(), ledger.durable().borrow().through);
    let store = open_store(found, LEDGER, through);
    let (cursor, build) = (kept_cursor(store.as_ref(), Consumer::Notify), build());
    let replayed = replay(&reader, cursor, snapshots(store.as_ref(), &build, LEDGER, &reader)).unwrap();
    let notify = replayed.notified.last().0;
    let keeper = Keeper::start(store, reader, (LEDGER, build)).unwrap();
    keeper.stop(Progress { notify, sync: notify, pruned: 0 }, Folded::of(&replayed.now));
    ledger.close().unwrap();
    replayed
}

/// On a thread of its own: what hangs is noticed.
fn start_in_time(data: &TempDir, store: &Path) -> Replayed {
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        scope.spawn(move || tell.send(Box::new(start(data, store))));
        *told.recv_timeout(PATIENCE).unwrap_or_else(|why| {
            println!("the start panicked or hangs: {why}");
            std::process::abort() // a thread that hangs would be waited for otherwise
        })
    })
}

fn most_memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn what_retention_took_out_is_forgotten_in_the_index_too() {
    let mut gateway = Gate::new();
    gateway.work_through(300);
    let store = gateway.dir.path().join("store");
    keep(&gateway, LEDGER, &store, 300);
    let found = |store: &Path| {
        let store = Store::open_as_it_is(store, LEDGER).unwrap();
        store.seqs_of(Sort::Place, "east-gate", Days::default(), usize::MAX).unwrap().unwrap()
    };
    assert!(found(&store).iter().any(|seq| *seq <= 200));

    let (opened, _) = Store::open(&store, LEDGER, u64::MAX).unwrap();
    let keeper = Keeper::start(Some(opened), gateway.ledger.reader(), (LEDGER, build())).unwrap();
    keeper.stop(Progress { notify: 300, sync: 300, pruned: 200 }, Folded::of(gateway.school.state()));
    let left = found(&store);
    assert!(!left.is_empty() && left.iter().all(|seq| *seq > 200), "{left:?}");
}

#[test]
fn whatever_state_the_stores_folder_is_in_the_start_gives_what_the_ledger_says() {
    let seed = std::env::var("SCHOOLGATE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| getrandom::u64().unwrap());
    let damages =
        std::env::var("SCHOOLGATE_STORE_DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(DAMAGES);
    println!("SCHOOLGATE_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);

    // Given a store, older copies of it, and that of another ledger,
    let stores = tempfile::tempdir().unwrap();
    let [older, old, present, another] = ["older", "old", "present", "another"].map(|name| stores.path().join(name));
    let mut gateway = Gate::new();
    for (entries, dir, notified) in [(150, &older, 100), (400, &old, 300), (600, &present, NOTIFIED)] {
        gateway.work_through(entries);
        if dir == &present {
            copy(&old, &present); // it has grown from there
        }
        keep(&gateway, LEDGER, dir, notified);
    }
    keep(&gateway, LedgerId([6; 16]), &another, 600);
    gateway.work_through(650);
    let (last, now) = (gateway.last(), gateway.school.state().clone());
    let Gate { dir, ledger, .. } = gateway;
    ledger.close().unwrap();
    let undamaged = start_in_time(&dir, &stores.path().join("none"));
    assert_eq!((&undamaged.now, undamaged.notified.last().0), (&now, 0));

    for round in 0..damages {
        // when files of it are removed, changed or exchanged,
        let folder = stores.path().join("damaged");
        let _ = fs::remove_dir_all(&folder);
        copy(&present, &folder);
        let count = random.random_range(1..=3);
        let what: Vec<_> = (0..count).map(|_| damage(&folder, &[&older, &old, &another], &mut random)).collect();
        let told = format!("seed {seed}, round {round}: {what:?}");

        // then the start gives what the ledger says, no notification is passed over, and the store is whole again soon.
        for start in 1..=3 {
            let replayed = start_in_time(&dir, &folder);
            assert_eq!(replayed.now, now, "start {start}, {told}");
            assert!(replayed.notified.last().0 <= NOTIFIED, "start {start}, {told}");
        }
        let store = Store::open_as_it_is(&folder, LEDGER).unwrap_or_else(|error| panic!("{error}, {told}"));
        assert!(store.is_index_whole().unwrap(), "{told}");
        assert_eq!(store.indexed().unwrap().through, last, "{told}");
        let at_gate = store.seqs_of(Sort::Place, "east-gate", Days::default(), usize::MAX).unwrap().unwrap();
        assert!(at_gate.len() > 10, "{told}");
    }
    assert!(most_memory_kib() < MEMORY_KIB, "{} KiB", most_memory_kib());
}
