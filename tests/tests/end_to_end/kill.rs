//! The gateway is killed again and again while children tap, the network and the broker come and go, and the local
//! store is lost: what a green lamp promised is kept, once, in order, everywhere.

#[path = "kill/stream.rs"]
pub(crate) mod stream;
#[path = "kill/verdict.rs"]
mod verdict;

use std::{fs, path::Path, time::Duration};

use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use schoolgate_sim::{campus::Campus, ledger_check::verify_stopped, network::Weather, school::School};
use schoolgate_tests::{Listener, PATIENCE, Plan, Rig, seed};
use tokio::time::{Instant, sleep, timeout_at};

use stream::Stream;
use verdict::Verdict;

/// Kills in an ordinary run; `SCHOOLGATE_KILLS` asks for others.
const KILLS: usize = 36;
/// Readers, each at a gate of its own.
const LANES: usize = 6;
/// Students for each kill: more than can tap in between.
const STUDENTS_PER_KILL: usize = 60;
/// A gateway lives so long, from its start, in milliseconds: some die before they have opened a reader.
const LIFE_MS: std::ops::RangeInclusive<u64> = 50..=2_500;
/// Between the last taps and the kill, in microseconds: a tap takes some milliseconds to its green lamp.
const SPARE_US: std::ops::RangeInclusive<u64> = 0..=12_000;
/// The listener's session outlives the broker; nothing is dropped for it.
const BROKER: &str = "persistence true\nautosave_interval 1\nmax_queued_messages 0";

#[tokio::test]
async fn what_a_green_lamp_promised_survives_kills_cuts_and_a_lost_store() {
    let kills = std::env::var("SCHOOLGATE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut random = ChaCha8Rng::seed_from_u64(seed("what_a_green_lamp_promised_survives_kills_cuts_and_a_lost_store"));
    let plan = Plan {
        school: School::generate(7, kills * STUDENTS_PER_KILL),
        campus: Campus::of_gates(LANES),
        clock: None,
        show_ms: Some(200),
        broker: BROKER,
    };
    let mut rig = Rig::set(plan).await;
    let filters = ["guardian/+/event", "place/+/event", "staff/+/alert"].map(|end| rig.topic(end));
    let mut listener = Listener::start_lasting(&rig.broker, &filters, "everybody").await;
    let mut stream = Stream::of(&rig.scene);

    for kill in 0..kills {
        strike(&mut rig, kill, &mut random);
        let life = Duration::from_millis(random.random_range(LIFE_MS));
        let spare = Duration::from_micros(random.random_range(SPARE_US));
        live(&mut rig, &mut stream, life, spare).await;
    }

    // In the end everything is well again, and all that was written arrives.
    rig.scene.set_weather(Weather::Fair);
    rig.broker.run().unwrap();
    let gateway = rig.start().await;
    let mut verdict = Verdict::new(&rig);
    let arrived = Instant::now() + PATIENCE;
    while !verdict.is_everybody_told(listener.heard()) {
        // An error says that it took too long; what is missing is told below.
        let known = listener.count();
        if timeout_at(arrived, listener.more_than(known)).await.is_err() {
            break;
        }
    }
    let last = rig.ledger().len() as u64;
    rig.find_stored("the last entry", |entry| entry.seq.0 >= last).await;
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
    let counts = verdict.hold(&rig, listener.heard(), &stream);
    println!("{} taps, {} acknowledged, {kills} kills: {counts}", stream.tapped(), stream.acknowledged().len());
    assert!(stream.acknowledged().len() >= 5 * kills, "too few taps to show anything");
}

/// What goes wrong before this life of the gateway, beside its end.
fn strike(rig: &mut Rig, kill: usize, random: &mut ChaCha8Rng) {
    let scene = &rig.scene;
    match kill % 12 {
        1 => scene.set_weather(Weather::Cut),
        3 => scene.set_weather(Weather::Fair),
        4 => scene.to_broker.as_ref().unwrap().set(Weather::Silent),
        5 => scene.to_platform.as_ref().unwrap().set(Weather::Cut),
        6 => scene.set_weather(Weather::Fair),
        7 => rig.broker.stop().unwrap(),
        8 => rig.broker.run().unwrap(),
        9 => fs::remove_dir_all(scene.data().join("store")).unwrap_or_default(),
        10 => spoil(&scene.data().join("store"), random),
        _ => {}
    }
}

/// Cuts a random file short, or writes noise into it.
fn spoil(folder: &Path, random: &mut ChaCha8Rng) {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).into_iter().flatten().flatten() {
            if item.path().is_dir() { folders.push(item.path()) } else { files.push(item.path()) }
        }
    }
    files.sort();
    let Some(file) = files.choose(random) else { return }; // the gateway has not made it yet
    let mut bytes = fs::read(file).unwrap();
    if random.random_bool(0.5) {
        bytes.truncate(random.random_range(0..=bytes.len()));
    } else {
        let from = random.random_range(0..=bytes.len());
        bytes.iter_mut().skip(from).take(512).for_each(|byte| *byte = random.random());
    }
    println!("spoiled {}", file.display());
    fs::write(file, bytes).unwrap();
}

/// One life of the gateway: children tap as soon as it reads, for so long; then one more at every gate, and it is spared
/// for a moment before it is killed.
async fn live(rig: &mut Rig, stream: &mut Stream, life: Duration, spare: Duration) {
    // What nobody had read when the last one was killed is gone: a tap is in the ledger, or it never was.
    rig.scene.readers.iter_mut().for_each(|reader| reader.replug().unwrap());
    let mut gateway = rig.start_unseen();
    let end = Instant::now() + life;
    if let Ok(opened) = timeout_at(end, gateway.wait_until_open(&rig.devices())).await {
        opened.unwrap_or_else(|error| panic!("{error}"));
        stream.flow_until(&rig.scene, end).await;
        stream.rush(&rig.scene).await;
        // The kill falls into the moment in which taps are decided, written, shown and told.
        sleep(spare).await;
        gateway.check().unwrap_or_else(|error| panic!("{error}"));
    }
    gateway.kill().await.unwrap();
    stream.settle(&rig.scene).await;
}
