//! Given, when, then: what people at the gate see when the disk is quick, slow and gone.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use embedded_hal::digital::{ErrorKind, ErrorType, OutputPin};
use rustix::io::Errno;
use schoolgate_core::{
    credential::{CredentialId, CredentialStatus},
    entry::{Entry, What},
    gate::Standing,
    id::{GuardianId, GuardianToken, PlaceId, ReaderId, StudentId},
    roster::{CredentialLine, Document, GuardianLine, Holder, Roster, SchoolLevel, StudentLine},
    school::{Input, School},
    site::{Direction, Place, PlaceRole, Site},
    text::{Bilingual, Lang},
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};
use schoolgate_lines::ToldWhat;

use super::*;
use crate::{
    gates::{FailSafe, Output, Pins, Sensor},
    ledger::{LedgerId, Options, QUEUE_MAX_ENTRIES, simdisk::SimDisk},
    readers::{DownReason, Proof},
};

/// Levels in the order in which they were set: `green`, `-green`.
type Seen = Arc<Mutex<Vec<String>>>;

struct Lamp(&'static str, bool, Seen, Arc<AtomicBool>);

impl Lamp {
    /// The relay can be made to stick.
    fn obeys(&self) -> Result<(), ErrorKind> {
        if self.0 == "open" && self.3.load(Ordering::Relaxed) { Err(ErrorKind::Other) } else { Ok(()) }
    }
}

impl ErrorType for Lamp {
    type Error = ErrorKind;
}

impl OutputPin for Lamp {
    fn set_low(&mut self) -> Result<(), ErrorKind> {
        self.obeys()?;
        if std::mem::replace(&mut self.1, false) {
            self.2.lock().unwrap().push(format!("-{}", self.0));
        }
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), ErrorKind> {
        self.obeys()?;
        if !std::mem::replace(&mut self.1, true) {
            self.2.lock().unwrap().push(self.0.into());
        }
        Ok(())
    }
}

/// A clock that somebody may set: how far it is off, and whether it was set.
#[derive(Default)]
struct Dial {
    ahead_ms: i64,
    unset: bool,
}

struct TestClock(Instant, Arc<Mutex<Dial>>);

impl Clock for TestClock {
    fn stamp(&self, at: Instant) -> Stamp {
        let gone_ms = at.duration_since(self.0).as_millis();
        let dial = self.1.lock().unwrap();
        Stamp {
            wall: Wall::new(1_788_000_000_000 + dial.ahead_ms + i64::try_from(gone_ms).unwrap(), 480),
            boot: BootId(1),
            mono: Mono(u64::try_from(gone_ms).unwrap()),
            clock: if dial.unset { ClockQuality::Unset } else { ClockQuality::Synchronised },
        }
    }

    fn wait_until(&self, now: Instant, deadline: Mono) -> Duration {
        deadline.since(self.stamp(now).mono)
    }
}

/// A gate, its lamps, and a disk that can be told to fail.
struct Gate {
    shell: Shell,
    disk: SimDisk,
    seen: Seen,
    start: Instant,
    dial: Arc<Mutex<Dial>>,
    stuck: Arc<AtomicBool>,
    durable: tokio::sync::watch::Receiver<crate::ledger::Durable>,
}

fn gate_place() -> PlaceId {
    PlaceId::try_new("gate").unwrap()
}

fn reader() -> ReaderId {
    ReaderId::try_new("in").unwrap()
}

fn tapped(credential: CredentialId) -> ReaderHappening {
    ReaderHappening::Card { credential, proof: Proof::Number }
}

fn card(n: u32) -> CredentialId {
    CredentialId(u128::from(n).to_le_bytes())
}

fn roster(students: u32) -> Arc<Roster> {
    let mut document = Document { v: 1, version: "t".into(), ..Document::default() };
    for n in 0..students {
        let id = StudentId::try_new(&format!("s{n}")).unwrap();
        let holder = Holder::Student(id.clone());
        document.credentials.push(CredentialLine { id: card(n), holder, status: CredentialStatus::Active });
        document.students.push(StudentLine {
            id,
            name: "x".into(),
            class: "1".into(),
            walks_home: None,
            level: SchoolLevel::Primary,
            home_school: None,
        });
    }
    document.guardians.push(GuardianLine {
        id: mother(),
        name: "x".into(),
        token: GuardianToken::try_new("token-of-mother-0123456").unwrap(),
    });
    Arc::new(Roster::try_new(document).unwrap())
}

fn mother() -> GuardianId {
    GuardianId::try_new("mother").unwrap()
}

impl Gate {
    fn open(students: u32) -> Self {
        let mut gate = Self::open_with(students, Dial::default());
        gate.until_durable(0, 2);
        gate
    }

    fn open_with(students: u32, dial: Dial) -> Self {
        let start = Instant::now();
        let disk = SimDisk::default();
        let options = Options::new(LedgerId([7; 16]), Box::new(|| [9; 16]));
        let (ledger, _) = Ledger::open_on(Arc::new(disk.clone()), options).unwrap();
        let durable = ledger.durable();
        let mut site = Site::default();
        site.places.insert(gate_place(), Place { role: PlaceRole::Gate, name: Bilingual::default() });
        site.readers.insert(reader(), gate_place());
        let (seen, stuck) = (Seen::default(), Arc::default());
        let outputs =
            [(Output::Release, "open"), (Output::Green, "green"), (Output::Amber, "amber"), (Output::Red, "red")];
        let pins = outputs.into_iter().fold(Pins::new(), |pins, (output, name)| {
            pins.with(output, Lamp(name, false, Arc::clone(&seen), Arc::clone(&stuck)), false)
        });
        let mut gates = GateDriver::new();
        gates.add_place(start, gate_place(), pins, FailSafe::Released);
        let times = HashMap::from([(gate_place(), GateTimes { release_ms: 5_000, show_ms: 2_000 })]);
        let dial = Arc::new(Mutex::new(dial));
        let clock = Arc::new(TestClock(start, Arc::clone(&dial)));
        let mut shell = Shell::new(clock, School::new(site), ledger, gates, times, Lang::En, start);
        shell.input(start, Input::Roster { roster: roster(students), digest: "t".into() });
        Self { shell, disk, seen, start, dial, stuck, durable }
    }

    fn input(&mut self, ms: u64, kind: InputKind, active: bool) {
        let sensor = Arc::new(Sensor { place: gate_place(), kind, name: kind.name().into() });
        let at = self.at(ms);
        self.shell.on_sensor(at, SensorEvent { sensor, at, what: ToldWhat::Active(active) });
    }

    fn reader_says(&mut self, ms: u64, what: ReaderHappening) {
        let at = self.at(ms);
        self.shell.on_reader(at, ReaderEvent { reader: reader(), at, what });
    }

    fn tap(&mut self, ms: u64, n: u32) {
        let at = self.at(ms);
        self.shell.on_reader(at, ReaderEvent { reader: reader(), at, what: tapped(card(n)) });
    }

    /// Waits for the ledger's thread, and tells the shell of every step at that moment of the test's own time.
    fn until_durable(&mut self, ms: u64, through: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        loop {
            let now_through = self.durable.borrow_and_update().through;
            self.shell.on_durable(self.at(ms), now_through);
            if now_through >= through {
                return;
            }
            runtime.block_on(self.durable.changed()).unwrap();
        }
    }

    /// Lets time pass as the gateway does: with a look at each moment that the shell names.
    fn live_until(&mut self, from_ms: u64, until_ms: u64) {
        let (mut now, end) = (self.at(from_ms), self.at(until_ms));
        while let Some(next) = self.shell.next_wakeup(now).filter(|next| *next <= end) {
            now = next;
            self.shell.on_time(now);
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The kinds of all entries that are on disk, read back from it.
    fn kinds_on_disk(self) -> Vec<&'static str> {
        self.on_disk().iter().map(|entry| entry.what.kind()).collect()
    }

    /// All entries that are on disk, read back from it.
    fn on_disk(self) -> Vec<Entry> {
        let now = self.at(3_600_000);
        self.shell.close(now).unwrap();
        let (ledger, _) =
            Ledger::open_on(Arc::new(self.disk), Options::new(LedgerId([7; 16]), Box::new(|| [9; 16]))).unwrap();
        ledger.reader().iter(1).map(|record| Entry::decode(&record.unwrap().body).unwrap()).collect()
    }
}

#[test]
fn green_lights_up_when_the_entry_is_on_disk_and_not_before() {
    let mut gate = Gate::open(1);
    gate.tap(1_000, 0);
    assert_eq!(gate.seen(), [""; 0]);
    gate.until_durable(1_001, 3);
    assert_eq!(gate.seen(), ["open", "green"]);
    assert_eq!(gate.kinds_on_disk(), ["roster_adopted", "day_began", "arrived"]);
}

#[test]
fn a_refusal_is_shown_at_once() {
    let mut gate = Gate::open(1);
    gate.tap(1_000, 77);
    assert_eq!(gate.seen(), ["red"]);
}

#[test]
fn a_disk_that_does_not_answer_lets_people_pass_with_amber_and_keeps_the_entry_for_later() {
    let mut gate = Gate::open(2);
    gate.disk.fail_writes(Some(Errno::NOSPC));
    gate.tap(1_000, 0);
    let wakeup = gate.shell.next_wakeup(gate.at(1_000)).unwrap();
    assert_eq!(wakeup, gate.at(1_150), "150 ms, domain rule 1");
    gate.shell.on_time(gate.at(1_149));
    assert_eq!(gate.seen(), [""; 0]);
    gate.shell.on_time(wakeup);
    assert_eq!(gate.seen(), ["open", "amber"]);

    gate.disk.fail_writes(None);
    gate.until_durable(9_000, 5);
    assert_eq!(gate.shell.school().state().alarms().len(), 0, "the alarm is over");
    assert_eq!(gate.kinds_on_disk(), ["roster_adopted", "day_began", "arrived", "alarm_raised", "alarm_ended"]);
}

#[test]
fn when_memory_is_full_too_people_pass_and_are_counted() {
    let most = u32::try_from(QUEUE_MAX_ENTRIES).unwrap();
    let mut gate = Gate::open(most + 10);
    gate.disk.fail_writes(Some(Errno::NOSPC));
    for n in 0..most + 10 {
        gate.tap(1_000, n);
    }
    assert!(gate.shell.unrecorded_taps() > 0);
    gate.disk.fail_writes(None);
    let kept = gate.shell.school().state().last().0;
    gate.until_durable(9_000, kept);
    let unrecorded = gate.shell.unrecorded_taps();
    let entries = gate.on_disk();
    let arrived = entries.iter().filter(|entry| entry.what.kind() == "arrived").count() as u64;
    assert_eq!(arrived + unrecorded, u64::from(most) + 10, "every tap is on disk or counted");
    let told: Vec<_> = entries.iter().filter(|entry| entry.what.kind() == "taps_unrecorded").collect();
    let [Entry { what: What::TapsUnrecorded { taps, since }, .. }] = told[..] else { panic!("one entry: {told:?}") };
    assert_eq!((*taps, since.mono), (unrecorded, Mono(1_000)), "and an entry tells the count");
}

#[test]
fn when_memory_is_full_doors_and_readers_are_told_later_as_they_are_by_then_and_a_fire_at_once() {
    let mut gate = Gate::open(1);
    gate.disk.fail_writes(Some(Errno::NOSPC));
    let flaps = u64::try_from(QUEUE_MAX_ENTRIES + 2 * WAITING_MAX_ENTRIES).unwrap();
    for n in 0..flaps {
        gate.input(1_000 + n, InputKind::DoorContact, n % 2 == 0);
        gate.reader_says(
            1_000 + n,
            if n % 2 == 0 { ReaderHappening::Down(DownReason::HungUp) } else { ReaderHappening::Up },
        );
    }
    let held = gate.shell.waiting.len();
    assert!((WAITING_MAX_ENTRIES..WAITING_MAX_ENTRIES + 4).contains(&held), "{held}");
    let _ = gate.seen();
    gate.reader_says(1_000 + flaps, ReaderHappening::Up);
    gate.reader_says(1_000 + flaps, ReaderHappening::Tamper(true));
    gate.input(1_000 + flaps, InputKind::FireAlarm, true);
    assert!(gate.seen().contains(&"open".into()), "nobody waits for a disk in a fire");

    gate.disk.fail_writes(None);
    let kept = gate.shell.school().state().last().0;
    gate.until_durable(2_000 + flaps, kept);

    let entries = gate.on_disk();
    let last = entries.iter().rev().find(|entry| entry.what.kind().starts_with("reader_")).unwrap();
    assert_eq!(last.what.kind(), "reader_up");
    assert_eq!(entries.last().map(|entry| entry.what.kind()), Some("alarm_raised"), "somebody is at the reader");
    assert!(last.at.mono >= Mono(1_000 + flaps), "the last that was heard: {:?}", last.at);
}

#[test]
fn what_is_told_later_is_the_latest_though_there_is_room_again() {
    let mut gate = Gate::open(1);
    let (down, at) = (ReaderHappening::Down(DownReason::HungUp), gate.at(1_000));
    gate.shell.late.keep_reader(ReaderEvent { reader: reader(), at, what: down });
    gate.reader_says(1_001, ReaderHappening::Up);
    gate.shell.on_durable(gate.at(1_002), 2);
    assert_eq!(gate.kinds_on_disk(), ["roster_adopted", "day_began"], "it is up, as it was");
}

#[test]
fn a_repeat_shows_the_same_again_and_writes_nothing() {
    let mut gate = Gate::open(1);
    gate.tap(1_000, 0);
    gate.until_durable(1_001, 3);
    gate.tap(3_500, 0);
    assert_eq!(gate.kinds_on_disk().len(), 3);
}

#[test]
fn a_message_that_is_played_back_is_red_even_after_a_restart() {
    let mut gate = Gate::open(1);
    let proof = Proof::SecureMessage { counter: 61 };
    let message = ReaderHappening::Card { credential: card(0), proof };
    let shows = |gate: &mut Gate, ms, what| {
        let at = gate.at(ms);
        gate.shell.on_reader(at, ReaderEvent { reader: reader(), at, what });
    };
    shows(&mut gate, 1_000, message.clone());
    gate.until_durable(1_001, 3);
    assert_eq!(gate.seen(), ["open", "green"]);

    shows(&mut gate, 20_000, message);

    gate.shell.on_time(gate.at(20_000));
    assert_eq!(gate.seen().last().map(String::as_str), Some("red"));
    let state = gate.shell.school().state().clone();
    let bytes = postcard::to_allocvec(&state).unwrap();
    let kept: schoolgate_core::state::State = postcard::from_bytes(&bytes).unwrap();
    assert_eq!((kept.counter(card(0)), &kept), (Some(61), &state), "a snapshot keeps it");
    let kinds = gate.kinds_on_disk();
    assert_eq!(kinds[2..], ["arrived", "refused", "alarm_raised"]);
}

#[test]
fn a_message_that_the_card_did_not_make_is_red() {
    let mut gate = Gate::open(1);
    let at = gate.at(1_000);
    gate.shell.on_reader(at, ReaderEvent { reader: reader(), at, what: ReaderHappening::Cloned(card(0)) });
    assert_eq!(gate.seen(), ["red"]);
}

#[test]
fn events_out_of_order_do_not_turn_time_back() {
    let mut gate = Gate::open(2);
    gate.tap(2_000, 0);
    let (now, earlier) = (gate.at(2_001), gate.at(1_500));
    gate.shell.on_reader(now, ReaderEvent { reader: reader(), at: earlier, what: tapped(card(1)) });
    let student = StudentId::try_new("s1").unwrap();
    let since = gate.shell.school().state().presence(&student).unwrap().since;
    assert_eq!(since.mono, Mono(2_000));
}

#[test]
fn a_passage_ends_the_release_before_its_time() {
    let mut gate = Gate::open(1);
    gate.tap(1_000, 0);
    gate.until_durable(1_000, 3);
    assert_eq!(gate.seen(), ["open", "green"]);
    gate.shell.input(gate.at(1_800), Input::Passage { place: gate_place(), direction: Direction::In });
    assert_eq!(gate.seen(), ["-open"]);
}

#[test]
fn a_release_that_cannot_be_driven_takes_the_gate_out_of_service_until_it_can() {
    let mut gate = Gate::open_with(1, Dial::default());
    gate.until_durable(0, 2);
    let is_out = |gate: &Gate| gate.shell.school().state().gates().contains_key(&gate_place());
    gate.stuck.store(true, Ordering::Relaxed);
    gate.tap(1_000, 0);
    gate.until_durable(1_000, 3);
    assert!(is_out(&gate), "the relay does not obey");
    gate.tap(5_000, 0);
    assert!(gate.seen().contains(&"red".to_string()), "take another gate");
    gate.stuck.store(false, Ordering::Relaxed);
    gate.live_until(5_000, 12_000);
    assert!(!is_out(&gate), "it was tried again and works");
}

#[test]
fn a_gate_that_stands_open_by_order_does_so_through_the_shell() {
    let mut gate = Gate::open(1);
    let stand = |standing| Act::Stand { place: gate_place(), standing };
    gate.shell.carry_out(gate.at(0), stand(Standing::Open));
    assert_eq!(gate.seen(), ["open", "green"]);
    gate.shell.carry_out(gate.at(1), stand(Standing::Closed));
    assert_eq!(gate.seen(), ["-open", "-green", "red"]);
}

#[test]
fn in_an_emergency_the_gate_stands_open_until_it_is_over_whoever_taps() {
    let mut gate = Gate::open(1);
    gate.shell.carry_out(gate.at(0), Act::Free { on: true });
    assert_eq!(gate.seen(), ["open", "green"]);
    gate.tap(1_000, 77);
    gate.shell.on_time(gate.at(3_600_000));
    assert_eq!(gate.seen(), [""; 0], "no red lamp, no end by itself");
    gate.shell.carry_out(gate.at(3_600_001), Act::Free { on: false });
    assert_eq!(gate.seen(), ["-open", "-green"]);
}

#[test]
fn an_answer_of_a_guardian_is_heard_unless_memory_is_full() {
    let most = u32::try_from(QUEUE_MAX_ENTRIES).unwrap();
    let mut gate = Gate::open(most + 10);
    let on_my_way = || (mother(), GuardianReply::OnMyWay { minutes: 5 });
    let last = |gate: &Gate| gate.shell.school().state().last().0;
    let before = last(&gate);
    gate.shell.on_answer(gate.at(500), on_my_way());
    assert_eq!(last(&gate), before + 1);
    gate.disk.fail_writes(Some(Errno::NOSPC));
    for n in 0..most + 10 {
        gate.tap(1_000, n);
    }
    let full = last(&gate);
    gate.shell.on_answer(gate.at(1_001), on_my_way());
    assert_eq!(last(&gate), full);
}

const DAY_MS: i64 = 86_400_000;

fn days_begun(gate: Gate) -> usize {
    gate.kinds_on_disk().iter().filter(|kind| **kind == "day_began").count()
}

#[test]
fn a_clock_that_is_put_on_by_a_day_is_noticed_within_a_minute_though_nobody_taps() {
    let mut gate = Gate::open(1);
    gate.live_until(0, 5_000);
    gate.dial.lock().unwrap().ahead_ms = DAY_MS;
    gate.live_until(5_000, 65_000);
    assert_eq!(days_begun(gate), 2);
}

#[test]
fn a_clock_that_is_set_is_believed_at_the_next_look_and_one_that_runs_evenly_is_left_alone() {
    for (sets, days) in [(true, 2), (false, 1)] {
        let mut gate = Gate::open(1);
        gate.shell.on_time(gate.at(1_000));
        if sets {
            *gate.dial.lock().unwrap() = Dial { ahead_ms: DAY_MS, unset: false };
        }
        gate.shell.on_time(gate.at(1_500));
        assert_eq!(days_begun(gate), days);
    }
}

#[test]
fn without_a_set_clock_no_day_begins_and_with_it_one_does_within_a_minute() {
    let mut gate = Gate::open_with(1, Dial { ahead_ms: 0, unset: true });
    gate.live_until(0, 120_000);
    gate.dial.lock().unwrap().unset = false;
    gate.live_until(120_000, 180_000);
    assert_eq!(days_begun(gate), 1);
}
