//! The stage of one test: broker, platform and everything around a gateway, each in its own folder and on its own port.

use std::path::PathBuf;

use schoolgate_core::{credential::CredentialStatus, entry::Entry, text::Lang, time::Wall};
use schoolgate_sim::{
    campus::Campus,
    gateway_process::GatewayProcess,
    ledger_check::LedgerView,
    mosquitto::Mosquitto,
    platform::{Options, Platform},
    scene::{PLATFORM_TOKEN, Scene, Setting},
    school::{Family, Guardian, School, Student},
    virtual_lines::LineWatch,
};

use crate::{Listener, soon};

/// What a stage is set with.
pub struct Plan {
    /// Who is who.
    pub school: School,
    /// What stands where.
    pub campus: Campus,
    /// When the gateway's clock starts and how many times faster than true time it runs; its machine's clock without it.
    pub clock: Option<(Wall, u32)>,
    /// How long a lamp shows a decision, in milliseconds; the gateway's default without it.
    pub show_ms: Option<u32>,
    /// Further lines of the broker's configuration.
    pub broker: &'static str,
}

impl Default for Plan {
    /// A school of 60, one gate and one desk, at 16:31.
    fn default() -> Self {
        Self {
            school: School::generate(1, 60),
            campus: Campus::for_students(60),
            clock: Some(("2026-09-01T16:31:00+08:00".parse().unwrap(), 1)),
            show_ms: None,
            broker: "",
        }
    }
}

impl Plan {
    /// The same with a clock that runs so many times faster.
    #[must_use]
    pub fn at_speed(self, speed: u32) -> Self {
        Self { clock: self.clock.map(|(start, _)| (start, speed)), ..self }
    }
}

/// Everything around one gateway.
pub struct Rig {
    /// The gateway's folder, readers, lamps and lines to the outside.
    pub scene: Scene,
    /// A real mosquitto.
    pub broker: Mosquitto,
    /// The reference platform.
    pub platform: Platform,
}

impl Rig {
    /// Sets the stage. No gateway runs yet.
    pub async fn set(plan: Plan) -> Self {
        let Plan { school, campus, clock, show_ms, broker } = plan;
        let broker = Mosquitto::start(broker).unwrap();
        let platform = Platform::start(Options::loopback([(campus.gateway.as_str(), PLATFORM_TOKEN)])).await.unwrap();
        let setting = Setting {
            school,
            campus,
            broker: Some(broker.addr()),
            platform: Some(platform.addr()),
            clock,
            lang: Lang::En,
            show_ms,
        };
        Self { scene: Scene::set(setting).await.unwrap(), broker, platform }
    }

    /// Starts a gateway and waits until it reads every reader.
    pub async fn start(&self) -> GatewayProcess {
        self.scene.start_gateway().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts a gateway and waits for nothing.
    pub fn start_unseen(&self) -> GatewayProcess {
        GatewayProcess::start(&self.scene.config(), &self.scene.log()).unwrap()
    }

    /// Listens to topics of this school, such as `guardian/+/event`.
    pub async fn listen(&self, filters: &[&str]) -> Listener {
        let filters: Vec<String> = filters.iter().map(|filter| self.topic(filter)).collect();
        Listener::start(&self.broker, &filters).await
    }

    /// Publishes with QoS 1 on a topic of this school, and returns when the broker has it.
    pub async fn publish(&self, topic: &str, payload: &str) {
        let port = self.broker.port().to_string();
        let topic = self.topic(topic);
        let mut command = tokio::process::Command::new("mosquitto_pub");
        command.args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", &topic, "-m", payload]);
        let status =
            command.status().await.expect("mosquitto_pub is installed (Debian: apt-get install mosquitto-clients)");
        assert!(status.success(), "mosquitto_pub: {status}");
    }

    /// A topic of this school in full.
    pub fn topic(&self, end: &str) -> String {
        format!("schoolgate/{}/{end}", self.scene.campus.school)
    }

    /// Sees every change of the lamps and locks from now on.
    pub fn watch(&self) -> LineWatch {
        self.scene.lines.watch()
    }

    /// Passes a student's card over a reader and waits until the place's green lamp comes on; first, if need be, until
    /// it is off.
    pub async fn tap_until_green(&self, reader: usize, student: &Student) {
        let green = format!("{}.green", self.scene.campus.readers[reader].place);
        let mut lamps = self.watch();
        if self.scene.lines.level(&green) == Some(true) {
            soon("dark", lamps.wait_for(&green, false)).await;
        }
        self.scene.readers[reader].tap(student.card).unwrap();
        soon("green", lamps.wait_for(&green, true)).await;
    }

    /// Students whose cards work, none of whom may walk home alone.
    pub fn students(&self) -> impl Iterator<Item = &Student> {
        students(&self.scene.school)
    }

    /// A family with one child whose card works, and their guardian of this relation.
    pub fn family_with(&self, relation: &str) -> (&Family, &Student, &Guardian) {
        let School { families, students, .. } = &self.scene.school;
        let found = families.iter().filter(|family| family.walks_home.is_none()).find_map(|family| {
            let [child] = family.students[..] else { return None };
            let usable = |guardian: &&Guardian| guardian.relation.en == relation && is_usable(guardian.card_status);
            let guardian = family.guardians.iter().filter(|guardian| !guardian.restricted).find(usable)?;
            is_usable(students[child].card_status).then_some((family, &students[child], guardian))
        });
        found.expect("the school has such a family")
    }

    /// What the platform has stored, in its order.
    pub fn stored(&self) -> Vec<Entry> {
        let lines = self.platform.entries(self.scene.campus.gateway.as_str());
        lines.iter().map(|line| Entry::decode(&line.entry).unwrap()).collect()
    }

    /// The first entry at the platform for which this holds; waits for it if it has not come yet.
    pub async fn find_stored(&self, what: &str, is_it: impl Fn(&Entry) -> bool) -> Entry {
        let mut stored = self.platform.stored();
        let found = async {
            loop {
                stored.borrow_and_update();
                if let Some(found) = self.stored().into_iter().find(|entry| is_it(entry)) {
                    return found;
                }
                stored.changed().await.unwrap();
            }
        };
        soon(&format!("{what} at the platform"), found).await
    }

    /// What is on disk now.
    pub fn ledger(&self) -> Vec<Entry> {
        let mut view = LedgerView::new(self.scene.ledger());
        view.read_on().unwrap();
        view.entries
    }

    /// The devices of all readers.
    pub fn devices(&self) -> Vec<PathBuf> {
        self.scene.readers.iter().map(|reader| reader.path().to_owned()).collect()
    }
}

/// Students whose cards work, none of whom may walk home alone.
pub fn students(school: &School) -> impl Iterator<Item = &Student> {
    let School { families, students, .. } = school;
    let waited_for = families.iter().filter(|family| family.walks_home.is_none());
    let students = waited_for.flat_map(|family| &family.students).map(|&n| &students[n]);
    students.filter(|student| is_usable(student.card_status))
}

fn is_usable(status: CredentialStatus) -> bool {
    status == CredentialStatus::Active
}
