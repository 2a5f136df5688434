//! Who answered for a child, at every moment from the gate to the gate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it fails")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use schoolgate_core::{
    custody::{Answer, Span, everyone, history, who_answered},
    entry::{Entry, Seq, What},
    id::StaffId,
    roster::Post,
    school::{Input, Order},
    state::{Custodian, Whereabouts},
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};

use crate::support::{Day, at, card, guardian, place, reader, service, student, turn::Turn};

/// Ming's afternoon: the gate, homework with Li and then Wang, chess with Sun, extended care, grandmother.
fn afternoon() -> Day {
    let mut day = Day::in_service();
    for (time, who, at) in [
        ("07:00", "zhou", "east-gate"),
        ("07:41", "ming", "east-gate"),
        ("16:25", "ming", "room-1"),
        ("16:28", "li", "room-1"),
        ("17:00:00", "li", "room-1"),
        ("17:00:20", "wang", "room-1"),
        ("17:45", "ming", "room-2"),
        ("17:46", "sun", "room-2"),
    ] {
        day.tap(time, who, at);
    }
    day
}

fn asked(day: &Day, time: &str) -> Option<Answer> {
    who_answered(&day.entries, &student("ming"), at(time).wall)
}

fn named(answer: Option<Answer>) -> (Custodian, Option<String>) {
    let answer = answer.unwrap();
    (answer.custodian, answer.person.map(|staff| staff.to_string()))
}

fn staff(who: &str) -> (Custodian, Option<String>) {
    (Custodian::Staff(service::staff(who)), Some(who.into()))
}

/// The kinds of the entries that prove an answer.
fn proof(day: &Day, answer: &Answer) -> Vec<&'static str> {
    let entry = |seq: &Seq| day.entries.iter().find(|entry| entry.seq == *seq).unwrap();
    answer.proof.iter().map(|seq| entry(seq).what.kind()).collect()
}

/// Somebody else's rule writes this entry.
fn write(day: &mut Day, time: &str, what: What) {
    let entry = Entry { v: 1, seq: day.school.state().last().next(), at: at(time), what };
    day.school.replay(&entry).unwrap();
    day.entries.push(entry);
}

#[test]
fn at_every_moment_of_the_afternoon_there_is_one_answer_with_its_proof() {
    let mut day = afternoon();
    write(
        &mut day,
        "18:55",
        What::PostTaken { post: Post::ExtendedCare, staff: service::staff("wang"), instead_of: None, tap: None },
    );
    write(&mut day, "18:56", What::ExtendedCare { student: student("ming") });
    day.tap("19:10", "grandmother", "desk");
    day.tap("19:11", "ming", "desk");
    day.tap("19:15", "ming", "east-gate");

    assert_eq!(asked(&day, "07:40"), None, "not there yet");
    let gate = (Custodian::GateDuty, Some("zhou".into()));
    assert_eq!(named(asked(&day, "07:41")), gate);
    assert_eq!(named(asked(&day, "16:27:59")), gate, "in the room, and no teacher yet");
    assert_eq!(named(asked(&day, "16:28")), staff("li"));
    assert_eq!(named(asked(&day, "17:00:19")), staff("li"));
    assert_eq!(named(asked(&day, "17:42")), staff("wang"), "after the end, until somebody takes over");
    assert_eq!(named(asked(&day, "17:46")), staff("sun"));
    assert_eq!(named(asked(&day, "18:56")), (Custodian::ExtendedCare, Some("wang".into())));
    assert_eq!(named(asked(&day, "19:12")), (Custodian::Guardian(guardian("grandmother")), None));
    assert_eq!(asked(&day, "19:15"), None, "gone home");

    for (time, kinds) in [
        ("08:00", vec!["arrived", "post_taken"]),
        ("16:40", vec!["session_taken"]),
        ("17:30", vec!["handed_over"]),
        ("18:00", vec!["session_taken"]),
        ("19:00", vec!["extended_care", "post_taken"]),
        ("19:12", vec!["released"]),
    ] {
        assert_eq!(proof(&day, &asked(&day, time).unwrap()), kinds, "{time}");
    }
}

#[test]
fn checking_in_to_a_lesson_is_proved_by_both_taps() {
    let mut day = Day::in_service();
    day.tap("16:28", "li", "room-1");
    day.tap("16:30", "ming", "room-1");
    assert_eq!(proof(&day, &asked(&day, "16:31").unwrap()), ["checked_in", "session_taken"]);
}

#[test]
fn who_is_behind_a_post_changes_with_the_post() {
    let mut day = Day::in_service();
    day.tap("06:50", "ming", "east-gate");
    day.tap("07:00", "zhou", "east-gate");
    day.order("12:00", "wang", Order::TakePost { post: Post::Gate });
    let spans = history(&day.entries, &student("ming"));
    let people: Vec<_> = spans.iter().map(|span| span.answer.person.as_ref().map(StaffId::as_str)).collect();
    assert_eq!(people, [None, Some("zhou"), Some("wang")]);
    assert!(spans.iter().all(|span| span.answer.custodian == Custodian::GateDuty));
}

#[test]
fn a_history_tells_who_followed_whom_and_by_which_entry() {
    let day = afternoon();
    let spans = history(&day.entries, &student("ming"));
    let told: Vec<_> =
        spans.iter().map(|span| (span.from.time_of_day().to_string(), span.answer.person.clone())).collect();
    let expected = [("07:41", "zhou"), ("16:28", "li"), ("17:00", "wang"), ("17:46", "sun")];
    assert_eq!(told, expected.map(|(time, who)| (time.to_string(), Some(service::staff(who)))));
    no_gaps(&day.entries, &spans);
    assert_eq!(spans.last().unwrap().until, None);
}

#[test]
fn everyone_on_campus_is_listed_with_place_and_person() {
    let mut day = afternoon();
    day.tap("17:50", "hong", "west-gate");
    let listed: Vec<_> = everyone(day.school.state())
        .into_iter()
        .map(|here| (here.student.to_string(), here.seen.place.clone().unwrap(), here.person.unwrap().to_string()))
        .collect();
    assert_eq!(
        listed,
        [("hong".into(), place("west-gate"), "zhou".into()), ("ming".into(), place("room-2"), "sun".to_string()),]
    );
}

#[test]
fn a_handover_moves_the_group_and_leaves_the_others() {
    let mut day = afternoon();
    day.tap("17:47", "hong", "east-gate");
    let of = |day: &Day, who: &str| {
        day.school.state().in_custody_of(&service::staff(who)).map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!((of(&day, "sun"), of(&day, "wang"), of(&day, "li")), (vec!["ming".to_string()], vec![], vec![]));
    day.tap("18:50", "mother", "desk");
    day.tap("18:51", "ming", "desk");
    assert_eq!(of(&day, "sun"), [""; 0], "released");
}

#[test]
fn a_clock_that_was_lost_and_a_ledger_with_damage_leave_no_gap() {
    let mut day = afternoon();
    day.clock = ClockQuality::Unset;
    let entry = |mono: u64, what| {
        let stamp = Stamp { wall: Wall::new(5_000, 0), mono: Mono(mono), clock: ClockQuality::Unset, ..at("18:00") };
        (stamp, what)
    };
    let mono = at("18:00").mono.0;
    let (stamp, input) =
        entry(mono, Input::Tap { reader: reader("desk"), credential: card("mother"), proof: Default::default() });
    day.give_at(stamp, input);
    let (stamp, input) = entry(
        mono + 60_000,
        Input::Tap { reader: reader("desk"), credential: card("ming"), proof: Default::default() },
    );
    day.give_at(stamp, input);
    assert_eq!(named(asked(&day, "18:00:59")), staff("sun"));
    assert_eq!(named(asked(&day, "18:01")).0, Custodian::Guardian(guardian("mother")), "by the boot's own time");
    let damaged: Vec<Entry> = day.entries.iter().filter(|entry| entry.seq.0 % 4 != 0).cloned().collect();
    no_gaps(&damaged, &history(&damaged, &student("ming")));
    assert_eq!(history(damaged.iter().chain(&damaged), &student("ming")), history(&damaged, &student("ming")));
}

#[test]
fn a_clock_that_is_set_late_gives_the_morning_its_true_time() {
    let mut day = Day::in_service();
    let dark =
        |time: &str| Stamp { wall: Wall::new(5_000, 480), clock: ClockQuality::Unset, boot: BootId(2), ..at(time) };
    day.give_at(dark("07:00"), Input::Started { version: "test".into() });
    day.give_at(
        dark("07:41"),
        Input::Tap { reader: reader("east-gate"), credential: card("ming"), proof: Default::default() },
    );
    day.give_at(Stamp { boot: BootId(2), ..at("12:00") }, Input::Timeout);
    assert_eq!(asked(&day, "07:40"), None);
    assert_eq!(named(asked(&day, "07:41")).0, Custodian::GateDuty);
}

/// Each span begins when the one before ended, but for those whose student had left the campus.
fn no_gaps(entries: &[Entry], spans: &[Span]) {
    for pair in spans.windows(2) {
        let [before, after] = pair else { continue };
        let ended = before.ended.expect("only the last goes on");
        let ended = entries.iter().find(|entry| entry.seq == ended).unwrap();
        let went = matches!(ended.what, What::Left { .. } | What::LeftUnseen { .. });
        assert!(went || before.until == Some(after.from), "nobody answered between {before:?} and {after:?}");
        assert!(before.from.unix_ms() <= before.until.unwrap().unix_ms());
    }
}

const HOLDERS: [&str; 14] =
    ["ming", "hong", "lei", "grandmother", "mother", "li", "wang", "zhou", "zhao", "sun", "qian", "chen", "bai", "hu"];
const STUDENTS: [&str; 3] = ["ming", "hong", "lei"];
const STAFF: [&str; 6] = ["li", "wang", "zhou", "zhao", "sun", "chen"];
const READERS: [&str; 6] = ["east-gate", "west-gate", "desk", "room-1", "room-2", "canteen"];

#[derive(Clone, Debug)]
enum Step {
    Tap(usize, usize),
    CheckIn(usize, usize, usize),
    HandOver(usize, usize, Vec<usize>),
    TakePost(usize, bool),
    Turn(Turn),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => (0..HOLDERS.len(), 0..READERS.len()).prop_map(|(holder, at)| Step::Tap(holder, at)),
        2 => (0..STAFF.len(), 0..3usize, 3..5usize).prop_map(|(by, who, at)| Step::CheckIn(by, who, at)),
        2 => (0..STAFF.len(), 0..STAFF.len(), proptest::collection::vec(0..3usize, 0..3))
            .prop_map(|(from, to, present)| Step::HandOver(from, to, present)),
        1 => (0..STAFF.len(), any::<bool>()).prop_map(|(who, gate)| Step::TakePost(who, gate)),
        10 => prop_oneof![0..4_000u64, 4_000..50_000u64, 4_000..50_000u64, 0..1_000_000u64].prop_map(Turn::Wait).prop_map(Step::Turn),
        1 => Just(Step::Turn(Turn::Reboot)),
        1 => (0..3u8).prop_map(Turn::Clock).prop_map(Step::Turn),
    ]
}

struct World {
    day: Day,
    now: Stamp,
    charged: BTreeSet<StaffId>,
}

impl World {
    fn take(&mut self, step: &Step) {
        let order = |by: usize, order| Input::Order { staff: service::staff(STAFF[by]), order };
        let input = match step {
            Step::Tap(holder, at) => Input::Tap {
                reader: reader(READERS[*at]),
                credential: card(HOLDERS[*holder]),
                proof: Default::default(),
            },
            Step::CheckIn(by, who, at) => {
                order(*by, Order::CheckIn { student: student(STUDENTS[*who]), place: place(READERS[*at]) })
            }
            Step::HandOver(from, to, present) => {
                let present = present.iter().map(|who| student(STUDENTS[*who])).collect();
                order(*from, Order::HandOver { to: service::staff(STAFF[*to]), present })
            }
            Step::TakePost(who, gate) => {
                order(*who, Order::TakePost { post: if *gate { Post::Gate } else { Post::ExtendedCare } })
            }
            Step::Turn(turn) => turn.take(&mut self.now),
        };
        let outcome = self.day.give_at(self.now, input);
        assert!(outcome.promises_are_kept(), "{outcome:?}");
        self.custody(&outcome.entries);
        // An input may lay a deadline bare that has passed already: it is due at once, and gone after that.
        if self.day.school.poll_timeout().is_some_and(|timeout| timeout.at <= self.now.mono) {
            let late = self.day.give_at(self.now, Input::Timeout);
            self.custody(&late.entries);
        }
        if let Some(timeout) = self.day.school.poll_timeout() {
            assert!(timeout.at > self.now.mono, "what is due has been dealt with: {timeout:?}");
        }
    }

    fn custody(&mut self, new: &[What]) {
        for what in new {
            match what {
                What::SessionTaken { staff, .. } | What::PostTaken { staff, .. } => {
                    self.charged.insert(staff.clone());
                }
                What::HandedOver { from, to, students, missing, .. } => {
                    assert!(self.charged.contains(from) && from != to, "{what:?}");
                    assert!(missing.iter().all(|who| students.contains(who)), "{what:?}");
                    self.charged.insert(to.clone());
                }
                _ => {}
            }
        }
        let state = self.day.school.state();
        let mut here = 0;
        for who in STUDENTS.map(student) {
            let custodian = state.presence(&who).and_then(|presence| presence.custodian());
            here += usize::from(custodian.is_some());
            let answering: Vec<&str> = HOLDERS
                .into_iter()
                .filter(|staff| state.in_custody_of(&service::staff(staff)).any(|theirs| *theirs == who))
                .collect();
            match custodian {
                Some(Custodian::Staff(staff)) => {
                    assert_eq!(answering, [staff.as_str()], "one custodian");
                    assert!(self.charged.contains(staff), "{staff} took nothing up before");
                }
                _ => assert_eq!(answering, [""; 0]),
            }
        }
        assert_eq!(state.on_campus(), here);
        assert_eq!(everyone(state).len(), here);
    }

    /// The alarms are raised once and ended once, the histories have no gap and end as things stand.
    fn ledger(&self) {
        let state = self.day.school.state();
        assert_eq!(self.day.replayed(), *state);
        let mut on = BTreeSet::new();
        for entry in &self.day.entries {
            match &entry.what {
                What::AlarmRaised { alarm, .. } => assert!(on.insert(alarm.clone()), "raised twice: {alarm:?}"),
                What::AlarmEnded { alarm, .. } => assert!(on.remove(alarm), "ended twice: {alarm:?}"),
                _ => {}
            }
        }
        for who in STUDENTS.map(student) {
            let spans = history(&self.day.entries, &who);
            no_gaps(&self.day.entries, &spans);
            let open = spans.last().filter(|span| span.until.is_none()).map(|span| &span.answer.custodian);
            let now = state.presence(&who).map(|presence| &presence.whereabouts);
            match (open, now) {
                (Some(open), Some(Whereabouts::OnCampus(custodian))) => assert_eq!(open, custodian),
                (None, None | Some(Whereabouts::OffCampus)) => {}
                (open, now) => panic!("{who}: {open:?} in the history, {now:?} now"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_student_on_campus_has_exactly_one_custodian(
        start in prop_oneof![1 => Just("07:00"), 4 => Just("16:10"), 3 => Just("17:20")],
        steps in proptest::collection::vec(step(), 1..160),
    ) {
        let mut day = Day::in_service();
        day.tap("06:30", "ming", "east-gate");
        let mut world = World { day, now: at(start), charged: BTreeSet::new() };
        for step in &steps {
            world.take(step);
        }
        world.ledger();
    }
}
