//! A school with ten turnstiles, and the children who come through them.

use std::{
    fs,
    io::Write,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use schoolgate_core::{
    credential::CredentialStatus,
    id::{GatewayId, PlaceId, ReaderId, SchoolId},
    site::PlaceRole,
    text::{Bilingual, Lang},
};
use schoolgate_sim::{
    campus::{Campus, Reader, Spot},
    gateway_process::GatewayProcess,
    scene::{Scene, Setting},
    school::School as People,
    virtual_reader::CardNumber,
};
use tokio::{
    task::JoinSet,
    time::{sleep_until, timeout},
};

pub const LANES: usize = 10;
/// A school with one gate more at its back, which has no readers: a child who came in comes in again a minute later. So
/// what the gateway knows of its children is the same at the end as at the beginning, and what its memory has grown by is
/// not theirs.
pub const STUDENTS: usize = 600;
const SEED: u64 = 1;
/// One child a second in each lane.
const EVERY: Duration = Duration::from_secs(1);
/// A child is through the turnstile so long after the release.
const WALK: Duration = Duration::from_millis(500);
/// The turnstile's contact is closed for so long.
const TURN: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct School(Arc<Scene>);

impl School {
    /// Opens the school, and a gateway that runs it.
    pub async fn open() -> (Self, GatewayProcess) {
        let setting = Setting {
            school: people(STUDENTS),
            campus: campus(),
            broker: None,
            platform: None,
            clock: None,
            lang: Lang::En,
            show_ms: None,
        };
        let scene = Scene::set(setting).await.unwrap();
        let text = fs::read_to_string(scene.config()).unwrap();
        let text = text.replace("backend = \"simulated\"", "backend = \"simulated\"\nkind = \"turnstile\"");
        let text = text.replace("kind = \"rdm6300\"", "kind = \"rdm6300\"\ndirection = \"in\"");
        fs::File::create(scene.config()).unwrap().write_all(text.as_bytes()).unwrap();
        for lane in 0..LANES {
            scene.wire_input(&place(lane), "turn_in").unwrap();
            scene.lines.open(&turning(lane));
        }
        let mut watch = scene.lines.watch();
        let gateway = scene.start_gateway().await.unwrap();
        for lane in 0..LANES {
            while scene.lines.level(&relay(lane)).is_none() {
                watch.next().await;
            }
        }
        (Self(Arc::new(scene)), gateway)
    }

    /// These seconds' children, in all lanes at once: how long each stood before the relay released the way.
    pub async fn lanes(&self, seconds: Range<usize>) -> Vec<Duration> {
        let began = Instant::now();
        let mut lanes = JoinSet::new();
        for lane in 0..LANES {
            // A lane's children come evenly, and no two lanes' at once.
            let begins = began + EVERY.mul_f64(lane as f64 / LANES as f64);
            lanes.spawn(self.clone().lane(lane, seconds.clone(), begins));
        }
        lanes.join_all().await.into_iter().flatten().collect()
    }

    async fn lane(self, lane: usize, seconds: Range<usize>, began: Instant) -> Vec<Duration> {
        let mut latencies = Vec::with_capacity(seconds.len());
        for (n, second) in (0_u32..).zip(seconds) {
            sleep_until((began + EVERY * n).into()).await;
            let child = timeout(PATIENCE, self.child(lane, (second * LANES + lane) % STUDENTS));
            latencies.push(child.await.unwrap_or_else(|_| panic!("the child in lane {lane} is not let in")));
        }
        latencies
    }

    /// Taps, waits for the release, goes through, and leaves the lane locked behind.
    async fn child(&self, lane: usize, student: usize) -> Duration {
        let (scene, relay) = (&self.0, relay(lane));
        let mut relays = scene.lines.watch();
        let tapped = Instant::now();
        scene.readers[lane].tap(card(student)).unwrap();
        let released = relays.wait_for(&relay, true).await;
        sleep_until((released.at + WALK).into()).await;
        scene.lines.close(&turning(lane));
        sleep_until((released.at + WALK + TURN).into()).await;
        scene.lines.open(&turning(lane));
        relays.wait_for(&relay, false).await;
        released.at - tapped
    }
}

fn card(student: usize) -> CardNumber {
    let [a, b, c, d] = u32::try_from(student).unwrap().to_be_bytes();
    [1, a, b, c, d]
}

/// Every card works.
fn people(students: usize) -> People {
    let mut people = People::generate(SEED, students);
    for (n, student) in people.students.iter_mut().enumerate() {
        student.card = card(n);
        student.card_status = CredentialStatus::Active;
    }
    people
}

fn place(lane: usize) -> PlaceId {
    PlaceId::try_new(&format!("lane-{lane}")).unwrap()
}

fn relay(lane: usize) -> String {
    format!("lane-{lane}.release")
}

fn turning(lane: usize) -> String {
    format!("lane-{lane}.turn_in")
}

fn campus() -> Campus {
    let name = |lane: usize| Bilingual { zh: format!("{lane}号通道"), en: format!("Lane {lane}") };
    let spot = |lane| Spot { id: place(lane), role: PlaceRole::Gate, name: name(lane) };
    let reader = |lane: usize| Reader {
        id: ReaderId::try_new(&format!("reader-{lane}")).unwrap(),
        place: place(lane),
        role: PlaceRole::Gate,
    };
    Campus {
        school: SchoolId::try_new("lanes").unwrap(),
        gateway: GatewayId::try_new("gate-1").unwrap(),
        spots: (0..LANES).map(spot).collect(),
        readers: (0..LANES).map(reader).collect(),
    }
}
