//! How fast entries become durable, how long opening takes, what the store costs in memory.
//!
//! Run on the machine and the disk in question: `cargo bench -p schoolgate --bench ledger`.
//! The folder is the build's target directory, since a temporary folder may be in memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use schoolgate::ledger::{Durable, Ledger, LedgerId, Options, SaltSource, verify_inclusion};
use schoolgate::mentions::{Mentions, Sort};
use schoolgate::store::Store;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Length of an entry in bytes, as it is usual.
const BODY_BYTES: usize = 400;

fn main() {
    // First of all: memory that others have freed is taken again, zeroed, and counts as in use.
    report_memory_of_store();
    let mut criterion =
        Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3)).configure_from_args();
    report_single_append();
    durable_groups(&mut criterion);
    opening(&mut criterion);
    criterion.final_summary();
}

struct Bench {
    ledger: Ledger,
    durable: watch::Receiver<Durable>,
    runtime: Runtime,
    body: Bytes,
    seq: u64,
}

impl Bench {
    fn open(dir: &Path) -> Self {
        let mut count = 0u128;
        let salts: SaltSource = Box::new(move || {
            count += 1;
            count.to_le_bytes()
        });
        let (ledger, recovery) = Ledger::open(dir, Options::new(LedgerId([1; 16]), salts)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = Bytes::from(vec![b'x'; BODY_BYTES]);
        Self { durable: ledger.durable(), ledger, runtime, body, seq: recovery.last_seq }
    }

    fn write(&mut self, entries: u64) {
        for _ in 0..entries {
            self.seq += 1;
            self.ledger.append(self.seq, self.body.clone()).unwrap();
        }
        let seq = self.seq;
        self.runtime.block_on(self.durable.wait_for(|durable| durable.through >= seq)).unwrap();
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// One append at a time against a bare loop of writing and syncing one page, taken in turns.
fn report_single_append() {
    const ROUNDS: usize = 1000;
    let dir = folder();
    let mut bench = Bench::open(&dir.path().join("ledger"));
    let bare = bare_file(&dir.path().join("bare"));
    let (mut appends, mut writes) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let start = Instant::now();
        bench.write(1);
        appends.push(start.elapsed());
        let start = Instant::now();
        bare.write_all_at(&[round as u8; 4096], (round * 4096) as u64).unwrap();
        bare.sync_data().unwrap();
        writes.push(start.elapsed());
    }
    let (append, write) = (median(appends), median(writes));
    let ratio = append.as_secs_f64() / write.as_secs_f64();
    println!("one durable append: p50 {append:?}; bare pwrite + fdatasync of 4 KiB: p50 {write:?}; ratio {ratio:.2}");
}

fn bare_file(path: &Path) -> File {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).unwrap();
    file.write_all_at(&vec![0; 4 << 20], 0).unwrap();
    file.sync_all().unwrap();
    file
}

fn durable_groups(criterion: &mut Criterion) {
    let dir = folder();
    let mut bench = Bench::open(dir.path());
    let mut group = criterion.benchmark_group("durable entries");
    for entries in [1, 8, 64, 2048] {
        group.throughput(Throughput::Elements(entries));
        group.bench_function(BenchmarkId::from_parameter(entries), |bencher| {
            bencher.iter(|| bench.write(entries));
        });
    }
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    const ENTRIES: u64 = 1_000_000;
    let dir = folder();
    let mut bench = Bench::open(dir.path());
    for _ in 0..ENTRIES / 2000 {
        bench.write(2000);
    }
    drop(bench);
    criterion.bench_function("open with 1,000,000 entries", |bencher| {
        bencher.iter(|| Bench::open(dir.path()).seq);
    });
    let mut bench = Bench::open(dir.path());
    bench.write(1);
    prove(criterion, &bench);
    criterion.bench_function("read 1,000,000 entries", |bencher| {
        bencher.iter(|| bench.ledger.reader().iter(1).map(|record| record.unwrap().body.len()).sum::<usize>());
    });
}

/// Proofs of the first entry are those that take longest: all leaves go by.
fn prove(criterion: &mut Criterion, bench: &Bench) {
    let tree = bench.ledger.reader().tree();
    let (size, root) = bench.ledger.tree();
    criterion.bench_function("root of all entries, kept", |bencher| bencher.iter(|| bench.ledger.tree()));
    criterion.bench_function("root of all entries, read", |bencher| bencher.iter(|| tree.root(size).unwrap()));
    for seq in [1, size] {
        criterion.bench_function(&format!("prove that entry {seq} is included"), |bencher| {
            bencher.iter(|| tree.prove_inclusion(seq, size).unwrap());
        });
    }
    let (leaf, path) = tree.prove_inclusion(1, size).unwrap();
    criterion.bench_function("check a proof of inclusion", |bencher| {
        bencher.iter(|| assert!(verify_inclusion(&leaf, 0, size, &path, &root)));
    });
}

fn report_memory_of_store() {
    const ENTRIES: u64 = 10_000;
    let dir = folder();
    let before = resident_kib();
    let (store, _) = Store::open(&dir.path().join("store"), LedgerId([1; 16]), ENTRIES).unwrap();
    let open = resident_kib();
    let start = Instant::now();
    let record = |seq: u64| schoolgate::ledger::Record {
        seq,
        salt: [0; 16],
        chain: [0; 32],
        body: Bytes::from(format!("student-{:06} place-{}", seq * 7919 % 2000, seq % 8)),
    };
    for first in (1..=ENTRIES).step_by(64) {
        let records: Vec<_> = (first..(first + 64).min(ENTRIES + 1)).map(record).collect();
        let mentions = |body: &[u8]| {
            let body = String::from_utf8_lossy(body);
            let ids = body.split(' ').zip([Sort::Student, Sort::Place]);
            Mentions { day: Some(20_000), ids: ids.map(|(id, sort)| (sort, id.to_owned())).collect() }
        };
        store.index(&records, mentions).unwrap();
    }
    let took = start.elapsed();
    println!(
        "store: open {} KiB of memory, {ENTRIES} entries indexed {} KiB, in {took:?}",
        open - before,
        resident_kib() - before
    );
}

/// Memory of its own that the process has, without the pages of its program.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
