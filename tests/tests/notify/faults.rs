//! Brokers that take the connection and then misbehave, made by hand. What is about patience runs on virtual time.

use std::{collections::VecDeque, net::Ipv4Addr, time::Duration};

use rand::{RngExt, SeedableRng};
use schoolgate::notify::{ACK_PATIENCE, Trouble};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

use schoolgate_tests::seed;

use crate::publisher::{Ledger, Running, settings, start};

const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];
const PINGRESP: &[u8] = &[0xD0, 0];
const PUBLISH: u8 = 3;
const PINGREQ: u8 = 12;
const DISCONNECT: u8 = 14;

/// A broker made by hand.
struct Fake {
    listener: TcpListener,
}

/// One connection to it.
struct Line(TcpStream);

impl Fake {
    async fn start() -> (Self, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (Self { listener }, port)
    }

    /// Takes the next connection and its CONNECT.
    async fn accept(&self) -> Line {
        let (stream, _) = timeout(Duration::from_secs(600), self.listener.accept()).await.unwrap().unwrap();
        let mut line = Line(stream);
        let (kind, _) = line.read().await.unwrap();
        assert_eq!(kind, 1, "CONNECT");
        line
    }
}

impl Line {
    async fn write(&mut self, bytes: &[u8]) {
        // The other side may have had enough already.
        let _ = self.0.write_all(bytes).await;
    }

    /// The next packet's type and body; `None` at the end.
    async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await.ok()?;
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.0.read_u8().await.ok()?;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        Some((first >> 4, body))
    }

    /// Answers pings, and publishes when asked to, until the other side ends the connection. Gives the types seen.
    async fn serve(&mut self, acknowledges: bool) -> Vec<u8> {
        let mut seen = Vec::new();
        while let Some((kind, body)) = self.read().await {
            seen.push(kind);
            match kind {
                PINGREQ => self.write(PINGRESP).await,
                PUBLISH if acknowledges => self.write(&puback(&body)).await,
                _ => {}
            }
        }
        seen
    }
}

/// The acknowledgement of a PUBLISH with this body, MQTT 5 §3.3.2, §3.4.
fn puback(body: &[u8]) -> [u8; 4] {
    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
    [0x40, 2, body[2 + topic], body[3 + topic]]
}

async fn connection_error(running: &mut Running) -> String {
    let failed = |status: &schoolgate::notify::NotifyStatus| matches!(status.last_error, Some(Trouble::Connection(_)));
    running.until("failed", failed).await.last_error.unwrap().to_string()
}

fn ledger_with_one() -> Ledger {
    let ledger = Ledger::new();
    ledger.tell("schoolgate/s1/staff/security/alert", "{}");
    ledger
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_the_connection_and_says_nothing_is_given_up() {
    let (fake, port) = Fake::start().await;
    let mut running = start(settings(port), &ledger_with_one());
    let _mute = fake.accept().await;
    let error = connection_error(&mut running).await;
    assert!(error.contains("no answer within"), "{error}");
    let mut line = fake.accept().await;
    line.write(CONNACK).await;
    tokio::spawn(async move { line.serve(true).await });
    running.until_confirmed(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_goes_dead_is_noticed_within_two_keep_alives() {
    let (fake, port) = Fake::start().await;
    let settings = settings(port);
    let keep_alive = settings.keep_alive;
    let mut running = start(settings, &Ledger::new());
    let mut line = fake.accept().await;
    line.write(CONNACK).await;
    running.until("connected", |status| status.connected).await;
    // `online` is acknowledged, then nothing more ever comes.
    let (_, body) = line.read().await.unwrap();
    line.write(&puback(&body)).await;
    let began = Instant::now();
    let error = connection_error(&mut running).await;
    assert!(error.contains("pingreq"), "{error}");
    assert!(began.elapsed() <= 2 * keep_alive + Duration::from_secs(1), "{:?}", began.elapsed());
    fake.accept().await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_takes_no_more_data_is_noticed_too() {
    // Large messages fill both ends' buffers, so that a write hangs and no ping can be sent.
    let (fake, port) = Fake::start().await;
    let ledger = Ledger::new();
    for _ in 0..64 {
        ledger.tell("schoolgate/s1/staff/security/alert", &"x".repeat(200_000));
    }
    let mut running = start(settings(port), &ledger);
    let mut line = fake.accept().await;
    line.write(CONNACK).await;
    let error = connection_error(&mut running).await;
    assert!(error.contains("nothing could be sent"), "{error}");
    fake.accept().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_never_acknowledges_is_given_up_though_it_answers_pings() {
    let (fake, port) = Fake::start().await;
    let mut running = start(settings(port), &ledger_with_one());
    let mut line = fake.accept().await;
    line.write(CONNACK).await;
    let began = Instant::now();
    tokio::spawn(async move { line.serve(false).await });
    let error = connection_error(&mut running).await;
    assert!(error.contains("acknowledges nothing"), "{error}");
    assert!(began.elapsed() >= ACK_PATIENCE && began.elapsed() < 2 * ACK_PATIENCE, "{:?}", began.elapsed());
    assert_eq!(running.status.borrow().confirmed_through, 0);
}

#[tokio::test(start_paused = true)]
async fn with_all_that_may_be_under_way_few_acknowledgements_wait_for_more_but_not_long() {
    const MS: Duration = Duration::from_millis(1);
    let (fake, port) = Fake::start().await;
    let ledger = Ledger::new();
    (0..1_000).for_each(|_| ledger.tell("schoolgate/s1/staff/security/alert", "{}"));
    let settings = settings(port);
    let window = usize::from(settings.window);
    let mut running = start(settings, &ledger);
    let mut line = fake.accept().await;
    line.write(CONNACK).await;
    let mut pubacks = VecDeque::new();
    while pubacks.len() < window {
        let (kind, body) = line.read().await.unwrap();
        assert_eq!(kind, PUBLISH);
        pubacks.push_back(puback(&body));
    }
    assert!(timeout(10 * MS, line.read()).await.is_err(), "more than {window} under way");
    // As many at once, and after how long the same number of messages comes: after a rest at once; then, so few, only when
    // no more have come for a while; a quarter of all, at once.
    for (count, (least, most)) in
        [(1, (0, 0)), (1, (1, 2)), (10, (1, 2)), (window / 4, (0, 0)), (3, (1, 2)), (window / 2, (0, 0))]
    {
        let began = Instant::now();
        line.write(&pubacks.drain(..count).flatten().collect::<Vec<_>>()).await;
        for _ in 0..count {
            pubacks.push_back(puback(&line.read().await.unwrap().1));
        }
        let took = began.elapsed();
        assert!((least * MS..=most * MS).contains(&took), "{count} after {took:?}, not {least} to {most} ms");
    }
    line.write(&pubacks.into_iter().flatten().collect::<Vec<_>>()).await;
    tokio::spawn(async move { line.serve(true).await });
    running.until_confirmed(1_000).await;
}

#[tokio::test]
async fn a_server_keep_alive_of_zero_does_not_end_the_connection() {
    let (fake, port) = Fake::start().await;
    let ledger = Ledger::new();
    let mut running = start(settings(port), &ledger);
    let mut line = fake.accept().await;
    line.write(&[0x20, 6, 0, 0, 3, 19, 0, 0]).await;
    let broker = tokio::spawn(async move { line.serve(true).await });
    for seq in 1..=20 {
        ledger.tell("schoolgate/s1/staff/security/alert", "{}");
        running.until_confirmed(seq).await;
    }
    assert!(!broker.is_finished(), "the connection ended");
    running.stop().await;
    let pings = broker.await.unwrap().iter().filter(|kind| **kind == PINGREQ).count();
    assert!(pings <= 1, "{pings} pings in an instant");
}

#[tokio::test]
async fn a_graceful_stop_ends_with_offline_its_acknowledgement_and_disconnect() {
    let (fake, port) = Fake::start().await;
    let mut running = start(settings(port), &ledger_with_one());
    let mut line = fake.accept().await;
    line.write(CONNACK).await;
    let broker = tokio::spawn(async move { line.serve(true).await });
    running.until_confirmed(1).await;
    running.stop().await;
    assert_eq!(broker.await.unwrap(), [PUBLISH, PUBLISH, PUBLISH, DISCONNECT]);
}

#[tokio::test(start_paused = true)]
async fn a_graceful_stop_does_not_wait_longer_for_a_broker_than_it_says() {
    let (fake, port) = Fake::start().await;
    let mut running = start(settings(port), &ledger_with_one());
    let mut line = fake.accept().await;
    line.write(CONNACK).await;
    running.until("under way", |status| status.in_flight > 0).await;
    let began = Instant::now();
    let cursor = running.stop().await;
    assert!(began.elapsed() <= schoolgate::notify::STOP_PATIENCE + Duration::from_millis(10));
    assert!(cursor.0.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whatever_a_broker_says_the_publisher_lives_and_claims_nothing() {
    let seed = seed("whatever_a_broker_says_the_publisher_lives_and_claims_nothing");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let (fake, port) = Fake::start().await;
    let mut running = start(settings(port), &ledger_with_one());
    for _ in 0..200 {
        let mut line = fake.accept().await;
        if random.random_bool(0.8) {
            line.write(CONNACK).await;
        }
        // A packet with a sound frame and a random body; PUBACK is left out, since it could be right by chance.
        let kind = [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15][random.random_range(0..14usize)];
        let body: Vec<u8> = (0..random.random_range(0..40usize)).map(|_| random.random()).collect();
        line.write(&[kind << 4 | random.random_range(0..16u8), body.len() as u8]).await;
        line.write(&body).await;
        drop(line);
    }
    let mut line = fake.accept().await;
    assert_eq!(running.status.borrow().confirmed_through, 0);
    line.write(CONNACK).await;
    tokio::spawn(async move { line.serve(true).await });
    running.until_confirmed(1).await;
}
