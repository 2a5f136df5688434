//! Plays a school's days, step by step, and looks at everything after every step.

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use schoolgate_core::{
    entry::{Entry, What},
    roster::{Document, Roster},
    school::{Input, School},
    time::ClockQuality,
};

use crate::{
    clock::Clock,
    invariants::Watcher,
    reference::{self, Reference},
    script::{self, Step},
    world::World,
};

const HOUR: i64 = 3_600_000;
/// Most timers that may come between two steps; more means that one is never done with.
const MAX_TIMERS: usize = 20_000;
/// Everybody is looked at after so many steps; the fold is compared with a replay after so many.
const AGREE_EVERY: usize = 64;
const REPLAY_EVERY: usize = 4_096;
/// Of so many students the custodian is read from the ledger another way.
const SAMPLE: usize = 12;

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Played {
    pub taps: u64,
    pub entries: u64,
    pub releases: u64,
    pub attendances: u64,
    pub consumptions: u64,
    /// Attendances that the second opinion could judge.
    pub judged: u64,
}

impl std::ops::AddAssign for Played {
    fn add_assign(&mut self, other: Self) {
        self.taps += other.taps;
        self.entries += other.entries;
        self.releases += other.releases;
        self.attendances += other.attendances;
        self.consumptions += other.consumptions;
        self.judged += other.judged;
    }
}

/// Plays the days of one seed. Panics where something is not as it must be.
pub fn play(seed: u64) -> Played {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let world = World::new(&mut rng);
    let steps = script::write(&world, &mut rng);
    let rosters = (0..5).map(|n| if n == 0 { world.document.clone() } else { world.changed(&mut rng, n) }).collect();
    let mut run = Run::begin(&world, rosters);
    for (at, step) in &steps {
        run.step(*at, step);
    }
    run.end()
}

struct Run<'a> {
    world: &'a World,
    rosters: Vec<(Document, Arc<Roster>)>,
    in_force: usize,
    school: School,
    clock: Clock,
    /// True time, in milliseconds since the first midnight.
    now: i64,
    ledger: Vec<Entry>,
    /// How long the ledger was before the last input.
    before: usize,
    watcher: Watcher,
    reference: Reference,
    steps: usize,
    taps: u64,
    /// Whether every entry is printed: `SCHOOLGATE_SIM_SHOW`.
    shows: bool,
}

impl<'a> Run<'a> {
    fn begin(world: &'a World, documents: Vec<Document>) -> Self {
        let checked = |document: Document| {
            let roster = Roster::try_new(document.clone()).unwrap_or_else(|faults| panic!("{faults:?}"));
            (document, Arc::new(roster))
        };
        let started = 5 * HOUR;
        let mut run = Self {
            world,
            rosters: documents.into_iter().map(checked).collect(),
            in_force: 0,
            school: School::new(world.site.clone()),
            clock: Clock::new(started - 60_000, ClockQuality::Synchronised),
            now: started,
            ledger: Vec::new(),
            before: 0,
            watcher: Watcher::default(),
            reference: Reference::new(world),
            steps: 0,
            taps: 0,
            shows: std::env::var_os("SCHOOLGATE_SIM_SHOW").is_some(),
        };
        run.start();
        run
    }

    fn start(&mut self) {
        self.give(Input::Started { version: "simulation".into() });
        self.adopt(self.in_force);
    }

    fn adopt(&mut self, version: usize) {
        self.in_force = version;
        let (document, roster) = &self.rosters[version];
        let (digest, roster) = (document.version.clone(), Arc::clone(roster));
        self.give(Input::Roster { roster, digest });
    }

    fn step(&mut self, at: i64, step: &Step) {
        self.pass_time(at.max(self.now));
        match step {
            Step::Give(input) => self.give(input.clone()),
            Step::Acknowledge(consumer, behind) => {
                let through = self.school.state().last().0.saturating_sub(*behind);
                self.give(Input::Delivered { consumer: *consumer, through: schoolgate_core::entry::Seq(through) });
            }
            Step::Crash { lost } => self.crash(*lost),
            Step::PowerCut { ms, unset } => {
                self.now += ms;
                let quality = if *unset { ClockQuality::Unset } else { ClockQuality::Synchronised };
                self.clock.reboot(self.now, quality);
                self.crash(true);
            }
            Step::Clock { error_ms, quality } => self.clock.set(*error_ms, *quality),
            Step::Roster(version) => self.adopt(*version),
        }
        self.steps += 1;
        if self.steps.is_multiple_of(AGREE_EVERY) {
            self.watcher.agree(self.school.state());
        }
        if self.steps.is_multiple_of(REPLAY_EVERY) {
            self.compare_with_replay();
        }
    }

    /// Timers fire when they are due on the boot's own time.
    fn pass_time(&mut self, until: i64) {
        for _ in 0..MAX_TIMERS {
            let due = self.school.poll_timeout().map(|timeout| self.clock.when(timeout.at)).filter(|due| *due <= until);
            let Some(due) = due else {
                self.now = until;
                return;
            };
            self.now = self.now.max(due);
            self.give(Input::Timeout);
        }
        panic!("a timer that is never done with: {:?}", self.school.poll_timeout());
    }

    fn give(&mut self, input: Input) {
        let stamp = self.clock.stamp(self.now);
        self.taps += u64::from(matches!(input, Input::Tap { .. }));
        self.before = self.ledger.len();
        if let Input::Tap { reader, credential, .. } = &input {
            let document = &self.rosters[self.in_force].0;
            self.reference.tap(self.now, reader, *credential, document);
        }
        self.school.handle(stamp, input);
        while let Some(entry) = self.school.poll_entry() {
            if self.shows {
                println!("{} {:?} {:?}", entry.seq, entry.at, entry.what);
            }
            self.watcher.look(&entry, &self.rosters[self.in_force].0);
            self.ledger.push(entry);
        }
        while let Some(action) = self.school.poll_action() {
            self.watcher.act(&action.act);
        }
        self.reference.follow(self.now, &self.clock, &self.ledger[self.before..]);
        if let Some(timeout) = self.school.poll_timeout() {
            assert!(timeout.at > stamp.mono, "what is due has been dealt with: {timeout:?} at {stamp:?}");
        }
    }

    /// The process is gone, and with it all that is not in the ledger; the last input's entries may not be on disk.
    fn crash(&mut self, lost: bool) {
        let harmless = |entry: &Entry| !matches!(entry.what, What::Started { .. });
        if lost && self.before > 0 && self.ledger[self.before..].iter().all(harmless) {
            self.ledger.truncate(self.before);
            self.watcher = Watcher::default();
            let (ledger, watcher) = (&self.ledger, &mut self.watcher);
            ledger.iter().for_each(|entry| watcher.recall(entry));
        }
        self.school = self.replayed();
        self.watcher.agree(self.school.state());
        self.reference.shaken(self.now, &self.ledger);
        self.compare_custody(SAMPLE / 4);
        self.start();
    }

    fn replayed(&self) -> School {
        let mut school = School::new(self.world.site.clone());
        for entry in &self.ledger {
            school.replay(entry).unwrap();
        }
        school
    }

    fn compare_with_replay(&self) {
        let replayed = self.replayed();
        assert!(replayed.state() == self.school.state(), "the fold differs from the state");
    }

    /// Of some students, another way of reading the ledger gives the same custodian.
    fn compare_custody(&self, sample: usize) {
        let students = &self.world.document.students;
        for line in students.iter().step_by((students.len() / sample).max(1)) {
            let presence = self.school.state().presence(&line.id);
            let expected = reference::custodian(&self.ledger, &line.id);
            assert_eq!(presence.and_then(|p| p.custodian()), expected.as_ref(), "{}", line.id);
        }
    }

    fn end(mut self) -> Played {
        self.pass_time(self.now + 30 * HOUR);
        self.watcher.agree(self.school.state());
        self.compare_with_replay();
        self.compare_custody(SAMPLE);
        let last = self.ledger.last().unwrap();
        assert_eq!(Entry::decode(&last.encode().unwrap()).unwrap(), *last);
        let (releases, attendances, consumptions) = self.watcher.sums();
        let entries = self.ledger.len() as u64;
        Played { taps: self.taps, entries, releases, attendances, consumptions, judged: self.reference.judgements }
    }
}
