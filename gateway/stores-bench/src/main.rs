//! The ledger beside SQLite (WAL, `synchronous=FULL`) and redb (`Durability::Immediate`), on the same folder of the same disk.
//!
//! `cargo run --release --manifest-path gateway/stores-bench/Cargo.toml -- [--quick] [FOLDER]`
//!
//! Writing is measured in turns, so that what else the machine does meets all alike. Memory, bytes written and opening
//! are measured in a process for each store. SQLite and redb only store; the ledger also chains and hashes each entry.
//! What goes to the device is counted for the whole device: for that line, give a folder on a loop device of its own.

mod contestant;

use contestant::{Contestant, STORES, open, open_beside};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Entries per group, when a million are written.
const FILL_GROUP: u64 = 1000;

struct Sizes {
    entries: u64,
    singles: u64,
    rounds: u64,
}

const FULL: Sizes = Sizes { entries: 1_000_000, singles: 5000, rounds: 1000 };
const QUICK: Sizes = Sizes { entries: 20_000, singles: 1000, rounds: 100 };

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "child") {
        let count = arguments[4].parse().unwrap();
        return child(&arguments[1], &arguments[2], Path::new(&arguments[3]), count);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let folder = arguments.iter().find(|argument| !argument.starts_with("--")).map_or(".", String::as_str);
    let root = tempfile::tempdir_in(folder).unwrap();
    let sizes = if quick { QUICK } else { FULL };
    let mut table = Table::begin();
    write_in_turns(root.path(), &sizes, &mut table);
    processes(root.path(), &sizes, &mut table);
}

/// The table of results, a line at a time.
struct Table;

impl Table {
    fn begin() -> Self {
        println!("| {:<58} | {:>12} | {:>12} | {:>12} |", "", STORES[0], STORES[1], STORES[2]);
        println!("|{:-<60}|{:->14}|{:->14}|{:->14}|", "", ":", ":", ":");
        Self
    }

    fn line(&mut self, what: &str, figures: [String; 3]) {
        println!("| {what:<58} | {:>12} | {:>12} | {:>12} |", figures[0], figures[1], figures[2]);
    }
}

/// Both as they are fastest, where SQLite and redb hold up whoever calls them; and called from a loop that must not be
/// held up, as the gateway's must not.
fn write_in_turns(root: &Path, sizes: &Sizes, table: &mut Table) {
    let stores = STORES.map(|store| open(store, &folder(root, &format!("{store}-turns"))));
    take_turns(stores, "", sizes, table);
    let stores = STORES.map(|store| open_beside(store, &folder(root, &format!("{store}-beside"))));
    take_turns(stores, ", from a loop", sizes, table);
}

fn take_turns(mut stores: [Box<dyn Contestant>; 3], how: &str, sizes: &Sizes, table: &mut Table) {
    for (group, rounds) in [(1, sizes.rounds), (8, sizes.rounds / 2), (64, sizes.rounds / 4)] {
        let mut times: [Vec<Duration>; 3] = Default::default();
        for round in 0..rounds as usize {
            // Each comes behind each other one equally often: the disk may not be at rest behind one of them.
            let order = if round % 2 == 0 { [0, 1, 2] } else { [0, 2, 1] };
            for turn in order {
                let start = Instant::now();
                stores[turn].write(group);
                times[turn].push(start.elapsed());
            }
        }
        times.iter_mut().for_each(|times| times.sort());
        let rate = |times: &Vec<Duration>| {
            let total: Duration = times.iter().sum();
            format!("{:.0}", (group * rounds) as f64 / total.as_secs_f64())
        };
        table.line(&format!("durable entries a second, groups of {group}{how}"), times.each_ref().map(rate));
        for percent in [50, 99] {
            let at = |times: &Vec<Duration>| micros(times[times.len() * percent / 100]);
            let what = if group == 1 { "  one durable entry" } else { "  one such group" };
            table.line(&format!("{what}, p{percent}, µs"), times.each_ref().map(at));
        }
    }
}

fn processes(root: &Path, sizes: &Sizes, table: &mut Table) {
    let Sizes { entries, singles, .. } = *sizes;
    let run = |what: &str, name: &str, count: u64| {
        STORES.map(|store| spawn(what, store, &folder(root, &format!("{store}-{name}")), count))
    };
    let told = |found: &[Vec<f64>; 3], nth: usize| found.each_ref().map(|figures| format!("{:.1}", figures[nth]));

    let single = run("singles", "singles", singles);
    table.line("bytes written per entry, one at a time: the device", told(&single, 0));
    table.line("  as accounted to the process", told(&single, 1));
    let fill = run("fill", "fill", entries);
    table.line(&format!("bytes written per entry, groups of {FILL_GROUP}: the device"), told(&fill, 4));
    table.line("  as accounted to the process", told(&fill, 0));
    table.line(&format!("seconds to write {entries} entries"), told(&fill, 1));
    table.line("MiB of memory at most while writing them (VmHWM)", told(&fill, 2));
    table.line("MiB on the disk", told(&fill, 3));
    let opened = run("open", "fill", 1);
    table.line(&format!("ms to open with {entries} entries"), told(&opened, 0));
    table.line("ms to open and write one more durably", told(&opened, 1));
    table.line("ms to close after that", told(&opened, 3));
    table.line("MiB of memory at most for that (VmHWM)", told(&opened, 2));
    let retired = run("retire", "fill", entries / 2);
    table.line("seconds to remove the oldest half", told(&retired, 0));
    table.line("MiB on the disk then", told(&retired, 1));
    table.line("seconds to compact: VACUUM, compact()", told(&retired, 2));
    table.line("MiB on the disk then", told(&retired, 3));
    table.line("MiB of memory at most for that (VmHWM)", told(&retired, 4));
}

/// Runs one measurement in a process of its own; gives the figures that it tells.
fn spawn(what: &str, store: &str, dir: &Path, count: u64) -> Vec<f64> {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["child", what, store]).arg(dir).arg(count.to_string()).output().unwrap();
    assert!(output.status.success(), "{store} {what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(|figure| figure.parse().unwrap()).collect()
}

fn child(what: &str, store: &str, dir: &Path, count: u64) {
    let figures = match what {
        "singles" => singles(store, dir, count),
        "fill" => fill(store, dir, count),
        "open" => open_again(store, dir),
        "retire" => retire(store, dir, count),
        other => panic!("no measurement {other}"),
    };
    figures.iter().for_each(|figure| println!("{figure}"));
}

fn singles(store: &str, dir: &Path, entries: u64) -> Vec<f64> {
    drop(open(store, dir)); // a new store writes more
    let (before, device) = (written(), written_to_device(dir));
    let mut opened = open(store, dir);
    (0..entries).for_each(|_| opened.write(1));
    drop(opened);
    vec![(written_to_device(dir) - device) / entries as f64, (written() - before) / entries as f64]
}

fn fill(store: &str, dir: &Path, entries: u64) -> Vec<f64> {
    let (before, device) = (written(), written_to_device(dir));
    let start = Instant::now();
    let mut opened = open(store, dir);
    (0..entries / FILL_GROUP).for_each(|_| opened.write(FILL_GROUP));
    let took = start.elapsed().as_secs_f64();
    drop(opened);
    let on_device = (written_to_device(dir) - device) / entries as f64;
    vec![(written() - before) / entries as f64, took, peak_mib(), size_mib(dir), on_device]
}

fn open_again(store: &str, dir: &Path) -> Vec<f64> {
    let start = Instant::now();
    let mut opened = open(store, dir);
    let took = start.elapsed();
    opened.write(1);
    let written = start.elapsed();
    let start = Instant::now();
    drop(opened);
    let closed = start.elapsed();
    vec![took.as_secs_f64() * 1e3, written.as_secs_f64() * 1e3, peak_mib(), closed.as_secs_f64() * 1e3]
}

fn retire(store: &str, dir: &Path, through: u64) -> Vec<f64> {
    let mut opened = open(store, dir);
    let start = Instant::now();
    opened.remove_through(through);
    let took = start.elapsed().as_secs_f64();
    let removed = size_mib(dir);
    let compacting = opened.compact().unwrap_or_default().as_secs_f64();
    drop(opened);
    vec![took, removed, compacting, size_mib(dir), peak_mib()]
}

fn folder(root: &Path, name: &str) -> PathBuf {
    let folder = root.join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn micros(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}

/// Bytes that were accounted to this process. Linux counts all of a folio (since 6.16 up to many pages on ext4) although
/// it writes the changed blocks only, and does not count the file system's journal.
fn written() -> f64 {
    figure("/proc/self/io", "write_bytes:")
}

/// Bytes written to the device that `dir` is on, by whomever: tells something if nobody else writes, as on a loop device.
/// Not a number where the folder's device is none that the kernel keeps count of.
fn written_to_device(dir: &Path) -> f64 {
    let device = fs::metadata(dir).unwrap().dev();
    let (major, minor) = ((device >> 8 & 0xfff).to_string(), (device & 0xff | device >> 12 & !0xff).to_string());
    let counts = fs::read_to_string("/proc/diskstats").unwrap();
    let mut lines = counts.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let sectors = lines.find(|line| line[0] == major && line[1] == minor).map(|line| line[9].parse::<f64>().unwrap());
    sectors.map_or(f64::NAN, |sectors| sectors * 512.0)
}

/// The most memory that this process has had, with the pages of its program.
fn peak_mib() -> f64 {
    figure("/proc/self/status", "VmHWM:") / 1024.0
}

fn figure(file: &str, name: &str) -> f64 {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// What the files take on the disk.
fn size_mib(dir: &Path) -> f64 {
    let blocks: u64 = fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap().blocks()).sum();
    (blocks * 512) as f64 / (1 << 20) as f64
}
