//! The gateway's sync client against the reference platform, in bad weather.
#![allow(missing_docs, clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test binary")]

mod support;

use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schoolgate::sync::{BatchLimits, SyncClient, SyncOptions, SyncStatus, Timing, Token};
use schoolgate_sim::platform::{Mood, Options, Platform};
use support::{GATEWAY, LEDGER, MemoryLedger, TOKEN, lines};
use tokio::sync::watch;

/// Far beyond what anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits short enough for a test, with the same rules as the real ones.
const QUICK: Timing = Timing {
    gather: Duration::from_millis(1),
    backoff_first: Duration::from_millis(2),
    backoff_longest: Duration::from_millis(20),
    held_retry: Duration::from_millis(40),
    connect: Duration::from_secs(5),
    request: Duration::from_secs(5),
};

fn options(url: &str, timing: Timing) -> SyncOptions {
    SyncOptions {
        url: url.to_owned(),
        gateway: GATEWAY.to_owned(),
        token: Token::new(TOKEN),
        ledger: LEDGER,
        ca_file: None,
        timing,
        batch: BatchLimits { entries: 25, bytes: 1 << 20 },
    }
}

fn start(options: SyncOptions, ledger: &MemoryLedger, durable: watch::Receiver<u64>, cursor: u64) -> SyncClient {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    SyncClient::start(options, ledger.clone(), durable, cursor, move || rng.random()).unwrap()
}

async fn platform() -> Platform {
    Platform::start(Options::loopback([(GATEWAY, TOKEN)])).await.unwrap()
}

async fn until(status: &mut watch::Receiver<SyncStatus>, what: impl Fn(&SyncStatus) -> bool) -> SyncStatus {
    let reached = tokio::time::timeout(PATIENCE, status.wait_for(|status| what(status))).await;
    let reached = reached.map(|status| status.unwrap().clone());
    reached.unwrap_or_else(|_| panic!("it never came to that: {:?}", *status.borrow()))
}

async fn stop(client: SyncClient) {
    tokio::task::spawn_blocking(|| client.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_arrives_once_and_in_order_through_every_kind_of_failure() {
    const ENTRIES: u64 = 3000;
    for seed in [1, 2026] {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let ledger = MemoryLedger::new(lines(LEDGER, ENTRIES, "a"));
        let platform = platform().await;
        let (grow, durable) = watch::channel(0);
        let client = start(options(&platform.url(), QUICK), &ledger, durable, 0);
        let (mut status, mut stored) = (client.status(), platform.stored());

        let mut failures = 0;
        while *grow.borrow() < ENTRIES {
            // Given taps that go on, at some moment the platform fails, and after a while it is back.
            grow.send_modify(|through| {
                *through = (*through + rng.random_range(1..120)).min(ENTRIES);
            });
            let moment = rng.random_range(*stored.borrow()..=*grow.borrow());
            tokio::time::timeout(PATIENCE, stored.wait_for(|stored| *stored >= moment)).await.unwrap().unwrap();
            let moods =
                [Mood::Down, Mood::Mute, Mood::Failing(0), Mood::Slow(Duration::from_millis(rng.random_range(0..10)))];
            let mood = moods[rng.random_range(0..moods.len())];
            platform.set_state(mood);
            grow.send_modify(|through| *through = (*through + 1).min(ENTRIES));
            if !matches!(mood, Mood::Slow(_)) && *grow.borrow() < ENTRIES {
                let tries = rng.random_range(1..4);
                until(&mut status, |status| status.failures >= tries).await;
                failures += 1;
            }
            platform.set_state(Mood::Up);
        }

        until(&mut status, |status| status.acknowledged == ENTRIES && status.last_error.is_none()).await;
        assert!(platform.entries(GATEWAY) == *ledger.lines, "seed {seed}: exactly once, in order, verbatim");
        assert!(failures > 20 && platform.counts(GATEWAY).repeats > 0, "seed {seed}: the weather was bad enough");
        assert!(ledger.acknowledged.lock().unwrap().is_sorted(), "seed {seed}: the cursor only went on");
        stop(client).await;
        platform.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_not_there_at_the_start_is_waited_for() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    let ledger = MemoryLedger::new(lines(LEDGER, 3, "a"));
    let (_grow, durable) = watch::channel(3);
    let client = start(options(&format!("http://{addr}"), QUICK), &ledger, durable, 0);
    let mut status = client.status();
    let waiting = until(&mut status, |status| status.failures >= 2).await;
    assert_eq!((waiting.reachable, waiting.acknowledged, waiting.refused_code()), (false, 0, None));

    let platform = Platform::start(Options { listen: addr, ..Options::loopback([(GATEWAY, TOKEN)]) }).await.unwrap();
    let well = until(&mut status, |status| status.acknowledged == 3).await;
    assert!(well.reachable && well.last_success.is_some() && well.next_try.is_none());
    assert_eq!(platform.entries(GATEWAY).len(), 3);
    stop(client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_cursor_repeats_and_changes_nothing() {
    let ledger = MemoryLedger::new(lines(LEDGER, 200, "a"));
    let platform = platform().await;
    let (grow, durable) = watch::channel(200);
    let client = start(options(&platform.url(), QUICK), &ledger, durable.clone(), 0);
    until(&mut client.status(), |status| status.acknowledged == 200).await;
    stop(client).await;

    let client = start(options(&platform.url(), QUICK), &ledger, durable, 90);
    until(&mut client.status(), |status| status.acknowledged == 200).await;
    assert_eq!(platform.counts(GATEWAY).repeats, 25, "the answer to the first repeat tells where to go on");
    assert!(platform.entries(GATEWAY) == *ledger.lines);
    drop(grow);
    stop(client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_restored_from_a_backup_gets_what_it_lacks() {
    let ledger = MemoryLedger::new(lines(LEDGER, 100, "a"));
    let platform = platform().await;
    let (_grow, durable) = watch::channel(100);
    let client = start(options(&platform.url(), QUICK), &ledger, durable, 80);
    until(&mut client.status(), |status| status.acknowledged == 100).await;
    assert!(platform.entries(GATEWAY) == *ledger.lines);
    assert_eq!(platform.counts(GATEWAY).gaps, 1);
    stop(client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_ledger_is_held_and_shown() {
    let told = MemoryLedger::new(lines(LEDGER, 50, "a"));
    let rewritten = MemoryLedger::new(lines(LEDGER, 100, "b"));
    for (cursor, code) in [(40, "chain_conflict"), (50, "chain_broken")] {
        let platform = platform().await;
        let (_grow, durable) = watch::channel(50);
        let client = start(options(&platform.url(), QUICK), &told, durable, 0);
        until(&mut client.status(), |status| status.acknowledged == 50).await;
        stop(client).await;

        let (_grow, durable) = watch::channel(100);
        let client = start(options(&platform.url(), QUICK), &rewritten, durable, cursor);
        let held = until(&mut client.status(), |status| status.failures >= 3).await;
        assert_eq!((held.refused_code(), held.acknowledged, held.reachable), (Some(code), cursor, true));
        assert!(platform.entries(GATEWAY) == *told.lines);
        stop(client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_box_waits_for_a_person_and_then_goes_on_at_once() {
    let platform = platform().await;
    let old = MemoryLedger::new(lines([7; 16], 5, "old"));
    let (_grow, durable) = watch::channel(5);
    let of_old = SyncOptions { ledger: [7; 16], ..options(&platform.url(), QUICK) };
    let client = start(of_old, &old, durable, 0);
    until(&mut client.status(), |status| status.acknowledged == 5).await;
    stop(client).await;

    let new = MemoryLedger::new(lines(LEDGER, 8, "new"));
    let (_grow, durable) = watch::channel(8);
    let patient = Timing { held_retry: Duration::from_secs(3600), ..QUICK };
    let client = start(options(&platform.url(), patient), &new, durable, 0);
    let mut status = client.status();
    until(&mut status, |status| status.refused_code() == Some("ledger_changed")).await;
    platform.replace_ledger(GATEWAY).unwrap();
    client.retry_now();
    until(&mut status, |status| status.acknowledged == 8).await;
    assert!(platform.entries(GATEWAY) == *new.lines);
    stop(client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_shown_and_nothing_is_lost() {
    let ledger = MemoryLedger::new(lines(LEDGER, 3, "a"));
    let platform = platform().await;
    let (_grow, durable) = watch::channel(3);
    let wrong = SyncOptions { token: Token::new("wrong"), ..options(&platform.url(), QUICK) };
    let client = start(wrong, &ledger, durable, 0);
    let held = until(&mut client.status(), |status| status.failures >= 2).await;
    assert_eq!((held.refused_code(), held.acknowledged), (Some("unauthorized"), 0));
    stop(client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_platform_that_does_not_answer() {
    let ledger = MemoryLedger::new(lines(LEDGER, 3, "a"));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (_grow, durable) = watch::channel(3);
    let patient = Timing { request: Duration::from_secs(600), ..QUICK };
    let client = start(options(&url, patient), &ledger, durable, 0);
    let mut request = silent.accept().unwrap().0;
    request.read_exact(&mut [0; 100]).unwrap();
    let begun = Instant::now();
    stop(client).await;
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn single_taps_share_requests_and_the_first_goes_at_once() {
    let ledger = MemoryLedger::new(lines(LEDGER, 20, "a"));
    let platform = platform().await;
    let (grow, durable) = watch::channel(0);
    let timing = Timing { gather: Duration::from_secs(2), ..QUICK };
    let client = start(options(&platform.url(), timing), &ledger, durable, 0);
    let mut status = client.status();
    grow.send_replace(1);
    until(&mut status, |status| status.acknowledged == 1).await;
    for through in 2..=20 {
        grow.send_replace(through);
    }
    until(&mut status, |status| status.acknowledged == 20).await;
    assert_eq!(platform.counts(GATEWAY).batches, 2);
    stop(client).await;
}
