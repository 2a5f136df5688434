//! Nothing but readers, lamps and a disk, and a gateway that is killed two hundred times while children tap.

use std::{collections::BTreeSet, ops::RangeInclusive, time::Duration};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schoolgate_core::{entry::What, id::StudentId, text::Lang};
use schoolgate_sim::{
    campus::Campus,
    gateway_process::GatewayProcess,
    ledger_check::{LedgerView, verify_stopped},
    scene::{Scene, Setting},
    school::School,
};
use schoolgate_tests::{schoolgate, seed};
use tokio::time::{Instant, sleep};

use super::kill::stream::Stream;

/// Kills in an ordinary run; `SCHOOLGATE_LEAN_KILLS` asks for others.
const KILLS: usize = 200;
/// Readers, each at a gate of its own.
const LANES: usize = 8;
/// Students for each kill: more than can tap in between.
const STUDENTS_PER_KILL: usize = 20;
/// One of so many dies while it starts, so many milliseconds after its birth.
const DIE_YOUNG_EVERY: usize = 5;
const YOUTH_MS: RangeInclusive<u64> = 1..=150;
/// The others live so long once they read their readers, in milliseconds: most of them until the first taps are decided,
/// written and shown.
const FIRST_TAPS_MS: RangeInclusive<u64> = 0..=25;
const LIFE_MS: RangeInclusive<u64> = 0..=260;
/// Every so many lives, one ends in good order: its checkpoint covers what went before, and later ones must hold, too.
const STOPS_EVERY: usize = 25;

#[tokio::test]
async fn each_green_lamp_before_two_hundred_kills_is_one_entry_and_the_ledger_is_whole() {
    let kills = std::env::var("SCHOOLGATE_LEAN_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut random = ChaCha8Rng::seed_from_u64(seed("each_green_lamp_before_two_hundred_kills_is_one_entry"));
    let setting = Setting {
        school: School::generate(11, kills * STUDENTS_PER_KILL),
        campus: Campus::of_gates(LANES),
        broker: None,
        platform: None,
        clock: None,
        lang: Lang::En,
        show_ms: Some(200),
    };
    let scene = &mut Scene::set(setting).await.unwrap();
    let mut stream = Stream::of(scene);
    for life in 1..=kills {
        let range = if random.random_bool(0.7) { FIRST_TAPS_MS } else { LIFE_MS };
        let life_ms = random.random_range(range);
        match life {
            _ if life % DIE_YOUNG_EVERY == 1 => die_young(scene, random.random_range(YOUTH_MS)).await,
            _ => live(scene, &mut stream, life_ms, life % STOPS_EVERY == 0).await,
        }
    }

    scene.start_gateway().await.unwrap().stop().await.unwrap();
    verify_stopped(&scene.ledger()).unwrap();
    let data = scene.data();
    let verified = schoolgate(["--lang", "en", "ledger", "verify", "--data-dir", &data.to_string_lossy()]).await;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    let arrived = arrived(scene);
    let lost: Vec<_> = stream.acknowledged().difference(&arrived).collect();
    assert!(lost.is_empty(), "{} saw green and are not in the ledger: {:?}", lost.len(), lost.first());
    println!("{kills} kills, {} taps, {} acknowledged\n{}", stream.tapped(), stream.acknowledged().len(), verified.out);
    assert!(stream.acknowledged().len() >= 2 * kills, "too few taps to show anything");
}

async fn die_young(scene: &Scene, after_ms: u64) {
    let gateway = GatewayProcess::start(&scene.config(), &scene.log()).unwrap();
    sleep(Duration::from_millis(after_ms)).await;
    gateway.kill().await.unwrap();
}

/// One life of the gateway: children tap as soon as it reads, and go on until it is killed.
async fn live(scene: &mut Scene, stream: &mut Stream, life_ms: u64, in_good_order: bool) {
    // What nobody had read when the last one was killed is gone: a tap is in the ledger, or it never was.
    scene.readers.iter_mut().for_each(|reader| reader.replug().unwrap());
    let mut gateway = scene.start_gateway().await.unwrap_or_else(|error| panic!("{error}"));
    stream.flow_until(scene, Instant::now() + Duration::from_millis(life_ms)).await;
    gateway.check().unwrap_or_else(|error| panic!("{error}"));
    if in_good_order {
        gateway.stop().await.unwrap();
    } else {
        gateway.kill().await.unwrap();
    }
    stream.settle(scene).await;
}

/// Every child who arrived. Nobody taps twice, so nobody arrives twice.
fn arrived(scene: &Scene) -> BTreeSet<StudentId> {
    let mut ledger = LedgerView::new(scene.ledger());
    ledger.read_on().unwrap();
    let mut arrived = BTreeSet::new();
    for entry in ledger.entries {
        if let What::Arrived { student, .. } = entry.what {
            assert!(arrived.insert(student.clone()), "{student} arrived twice");
        }
    }
    arrived
}
