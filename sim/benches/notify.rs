//! Messages a second, CPU time per message and time to the broker and back, against a local mosquitto.
//!
//! `cargo bench -p schoolgate-sim --bench notify`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use schoolgate::notify::{Feed, FeedError, Letter, Message, Notifier, NotifySettings, Progress};
use schoolgate_sim::mosquitto::Mosquitto;
use tokio::{runtime, sync::Notify};

const MESSAGES: u64 = 200_000;
const PAYLOAD_BYTES: usize = 400;
const TAPS: u64 = 2_000;

/// Makes letters up to a mark that can be moved.
struct Source {
    payload: Bytes,
    written: Arc<AtomicU64>,
    more: Arc<Notify>,
}

impl Feed for Source {
    fn letters_after(&mut self, after: u64, max_letters: usize) -> Result<Vec<Letter>, FeedError> {
        let end = self.written.load(Ordering::Relaxed).min(after + max_letters as u64);
        Ok((after + 1..=end).map(|seq| self.letter(seq)).collect())
    }

    async fn changed(&mut self) {
        self.more.notified().await;
    }
}

impl Source {
    fn letter(&self, seq: u64) -> Letter {
        let message = Message {
            topic: "schoolgate/s1/guardian/3f0c9a1e7b5d2846/event".to_owned(),
            payload: self.payload.clone(),
            retain: false,
            expires_at: Some(tokio::time::Instant::now() + Duration::from_secs(3600)),
            late_at: None,
            id: Bytes::copy_from_slice(&seq.to_be_bytes()),
        };
        Letter { seq, messages: vec![message] }
    }
}

/// Says when an entry is confirmed.
struct Done {
    through: Arc<AtomicU64>,
    changed: Arc<Notify>,
    wanted: u64,
}

impl Progress for Done {
    fn confirmed(&mut self, through: u64) {
        self.through.store(through, Ordering::Relaxed);
        if through >= self.wanted {
            self.changed.notify_one();
        }
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn settings(port: u16, window: u16) -> NotifySettings {
    NotifySettings { window, ..NotifySettings::new("127.0.0.1", port, "s1", "g1") }
}

async fn rate(config: &str, window: u16) {
    let broker = Mosquitto::start(&config.replace(',', "\n")).unwrap();
    let (through, changed) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let feed = Source {
        payload: Bytes::from(vec![b'x'; PAYLOAD_BYTES]),
        written: Arc::new(AtomicU64::new(MESSAGES)),
        more: Arc::new(Notify::new()),
    };
    let done = Done { through, changed: changed.clone(), wanted: MESSAGES };
    let (notifier, mut status) = Notifier::new(settings(broker.port(), window), feed, done, 0, || 0).unwrap();
    let task = tokio::spawn(notifier.run(std::future::pending()));
    status.wait_for(|status| status.connected).await.unwrap();
    let (began, cpu) = (Instant::now(), cpu_time());
    changed.notified().await;
    let (took, cpu) = (began.elapsed(), cpu_time() - cpu);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / MESSAGES as f64;
    println!(
        "window {window:4}, broker {config:26}: {:7.0} messages/s, {:5.1} us of CPU each",
        1e6 / each(took),
        each(cpu)
    );
    task.abort();
}

/// One entry at a time: from the moment it is there to its PUBACK.
async fn round_trip() {
    let broker = Mosquitto::start("").unwrap();
    let (through, changed) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let (written, more) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let feed = Source { payload: Bytes::from(vec![b'x'; PAYLOAD_BYTES]), written: written.clone(), more: more.clone() };
    let done = Done { through: through.clone(), changed: changed.clone(), wanted: 0 };
    let (notifier, mut status) = Notifier::new(settings(broker.port(), 64), feed, done, 0, || 0).unwrap();
    let task = tokio::spawn(notifier.run(std::future::pending()));
    status.wait_for(|status| status.connected).await.unwrap();
    let mut times = Vec::new();
    for seq in 1..=TAPS {
        let began = Instant::now();
        written.store(seq, Ordering::Relaxed);
        more.notify_one();
        while through.load(Ordering::Relaxed) < seq {
            changed.notified().await;
        }
        times.push(began.elapsed());
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    times.sort();
    let at = |share: usize| times[times.len() * share / 100].as_micros();
    println!("entry to PUBACK and cursor: p50 {} us, p90 {} us, p99 {} us", at(50), at(90), at(99));
    task.abort();
}

fn main() {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        round_trip().await;
        rate("", 64).await;
        for window in [20, 64, 128, 256, 512] {
            rate(&format!("max_inflight_messages {window}"), window).await;
        }
    });
}
