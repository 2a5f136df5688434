//! Ten lanes at one child a second each: from the card at the reader to the relay on the line, through the unmodified
//! gateway with a real disk; and whether its memory is at the end what it was at the beginning.
//!
//! `cargo bench -p schoolgate-sim --bench lanes -- [--seconds N]`: ten minutes, or as long as it says. Each lane is a
//! turnstile: a card releases it, the child turns it after half a second, the gateway locks it again, and the next child
//! taps. The files lie where temporary files do (`TMPDIR`), which should be a disk.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(unreachable_pub)]

#[path = "lanes/lane.rs"]
mod lane;
#[path = "lanes/memory.rs"]
mod memory;

use std::{
    env,
    time::{Duration, Instant},
};

use schoolgate_sim::gateway_process;
use tokio::runtime;

use lane::{LANES, STUDENTS, School};
use memory::Memory;

const FULL_SECONDS: usize = 600;
/// Every child has come in twice before the gateway's memory is first looked at.
const WARM_UP_SECONDS: usize = 2 * STUDENTS / LANES;

fn main() {
    let seconds = argument("--seconds").unwrap_or(FULL_SECONDS);
    gateway_process::binary().unwrap(); // built now, not while it is timed
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(run(seconds));
}

async fn run(seconds: usize) {
    let (school, gateway) = School::open().await;
    let warm_up = school.lanes(0..WARM_UP_SECONDS).await;
    let before = Memory::of(gateway.id().unwrap());
    let began = Instant::now();
    let mut latencies = school.lanes(WARM_UP_SECONDS..WARM_UP_SECONDS + seconds).await;
    let took = began.elapsed();
    let after = Memory::of(gateway.id().unwrap());
    gateway.stop().await.unwrap();

    latencies.sort();
    assert_eq!((warm_up.len(), latencies.len()), (LANES * WARM_UP_SECONDS, LANES * seconds), "every child was let in");
    let at = |share: f64| latencies[(latencies.len() as f64 * share) as usize].as_secs_f64() * 1e3;
    let row = |what: &str, figure: f64| println!("{what:<52}{figure:>10.2}");
    row("lanes", LANES as f64);
    row("children a second", latencies.len() as f64 / took.as_secs_f64());
    row("tap to relay on the line, p50, ms", at(0.5));
    row("tap to relay on the line, p99, ms", at(0.99));
    row("tap to relay on the line, longest, ms", latencies.last().map_or(0.0, Duration::as_secs_f64) * 1e3);
    row("resident after the first two minutes, MiB", before.resident_mib());
    row("resident at the end, MiB", after.resident_mib());
    row("of it, what is not a file's, at the beginning, MiB", before.anonymous_mib());
    row("of it, what is not a file's, at the end, MiB", after.anonymous_mib());
}

fn argument(name: &str) -> Option<usize> {
    let mut arguments = env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map(|value| value.parse().expect("a number of seconds"))
}
