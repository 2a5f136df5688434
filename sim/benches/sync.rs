//! How fast the gateway's sync client brings a ledger to the reference platform on the loopback, and what it costs.
//! Ratios between versions matter, not the figures.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a measurement stops where it fails")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use schoolgate::sync::{BatchLimits, SyncClient, SyncOptions, Timing, Token, system_dice};
use schoolgate_sim::platform::{Options, Platform};
use support::{GATEWAY, LEDGER, MemoryLedger, TOKEN, lines};
use tokio::sync::watch;

const ENTRIES: u64 = 50_000;

#[tokio::main]
async fn main() {
    let ledger = MemoryLedger::new(lines(LEDGER, ENTRIES, "a"));
    let platform = Platform::start(Options::loopback([(GATEWAY, TOKEN)])).await.unwrap();
    let before = resident_kib();
    let (grow, durable) = watch::channel(1);
    let options = SyncOptions {
        url: platform.url(),
        gateway: GATEWAY.to_owned(),
        token: Token::new(TOKEN),
        ledger: LEDGER,
        ca_file: None,
        timing: Timing::default(),
        batch: BatchLimits::default(),
    };
    let client = SyncClient::start(options, ledger, durable, 0, system_dice()).unwrap();
    let mut status = client.status();
    status.wait_for(|status| status.acknowledged == 1).await.unwrap();
    println!("resident after the first entry: +{} KiB", resident_kib() - before);
    grow.send_replace(ENTRIES);
    let begun = Instant::now();
    status.wait_for(|status| status.acknowledged == ENTRIES).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "fifty thousand")]
    let entries = ENTRIES as f64;
    let cpu_ms = thread_cpu_ms("sync") / (entries / 1_000.0);
    println!("{:.0} entries/s, sync thread {cpu_ms:.2} ms CPU per 1,000 entries", entries / seconds);
    tokio::task::spawn_blocking(|| client.stop()).await.unwrap();
}

/// CPU time of the thread of this name, in milliseconds (proc(5): fields 14 and 15, in ticks of 10 ms).
fn thread_cpu_ms(name: &str) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let task =
        tasks.map(|task| task.path()).find(|task| std::fs::read_to_string(task.join("comm")).unwrap().trim() == name);
    let stat = std::fs::read_to_string(task.unwrap().join("stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10.0
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
