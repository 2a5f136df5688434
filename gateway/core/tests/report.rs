//! What the ledger says of a period: sums by student, course, institution and staff, rates, and corrections.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use schoolgate_core::{
    credential::CredentialId,
    entry::{AttendanceStatus, Correction, ENTRY_VERSION, Entry, Seq, Tap, What},
    id::{CourseId, InstitutionId, PlaceId, ReaderId, SessionId, StaffId, StudentId},
    report::{Attended, InstitutionSums, LessonSums, Period, PeriodError, Rate, Report, StaffSums, StudentSums},
    roster::{DayKind, Roster},
    time::{BootId, ClockQuality, Day, Hours, Mono, Stamp, Wall},
};

const OUTSIDE: &str = "2026-08-31";
const MONDAY: &str = "2026-09-07";
const TUESDAY: &str = "2026-09-08";
const SUNDAY: &str = "2026-09-13";
const NEXT_WEEK: &str = "2026-09-14";

/// The ledger in the making.
#[derive(Default)]
struct Book {
    entries: Vec<Entry>,
}

impl Book {
    fn write(&mut self, day: &str, what: What) -> Seq {
        self.write_with(day, ClockQuality::Synchronised, what)
    }

    fn write_with(&mut self, day: &str, clock: ClockQuality, what: What) -> Seq {
        let seq = Seq(self.entries.len() as u64 + 1);
        let wall: Wall = format!("{day}T19:00:00+08:00").parse().unwrap();
        let at = Stamp { wall, boot: BootId(1), mono: Mono(seq.0), clock };
        self.entries.push(Entry { v: ENTRY_VERSION, seq, at, what });
        seq
    }

    fn roll(&mut self, on: &str, students: u32) {
        self.write(on, What::RosterAdopted { version: "t".into(), digest: String::new(), students });
    }

    fn begin(&mut self, on: &str, kind: DayKind) {
        self.write(on, What::DayBegan { day: day(on), kind, sessions: 1 });
    }

    fn close(&mut self, on: &str, of: &str) {
        let hours = Hours { from: "16:30".parse().unwrap(), until: "17:30".parse().unwrap() };
        self.write(
            on,
            What::SessionClosed {
                session: session(on, of),
                course: course(of),
                institution: institution(of),
                day: day(on),
                hours,
                expected: 1,
                present: 1,
                watched: true,
            },
        );
    }

    fn attend(&mut self, on: &str, of: &str, who: &str, status: AttendanceStatus, minutes: u16) -> Seq {
        let (student, session, course) = (student(who), session(on, of), course(of));
        self.write(on, What::Attendance { student, session, course, day: day(on), status, minutes, by: None })
    }

    fn consume(&mut self, attendance: Seq) -> Seq {
        let found = self.entries.iter().find(|entry| entry.seq == attendance).map(|entry| entry.what.clone());
        let Some(What::Attendance { student, session, course, day, .. }) = found else { panic!("no attendance") };
        let institution = institution(course.as_str());
        self.write(
            &day.to_string(),
            What::Consumption { student, session, course, institution, day, attendance, by: None },
        )
    }

    fn teach(&mut self, on: &str, of: &str, who: &str, minutes: u16, instead_of: Option<&str>) -> Seq {
        self.write(
            on,
            What::StaffHours {
                staff: staff(who),
                session: session(on, of),
                course: course(of),
                institution: institution(of),
                day: day(on),
                minutes,
                instead_of: instead_of.map(staff),
            },
        )
    }

    fn dine(&mut self, on: &str, who: &str, clock: ClockQuality) -> Seq {
        let (place, reader) = (PlaceId::try_new("canteen").unwrap(), ReaderId::try_new("canteen").unwrap());
        let tap = Tap { place, reader, credential: CredentialId([1; 16]), proof: Default::default() };
        self.write_with(on, clock, What::Dined { student: student(who), tap })
    }

    fn correct(&mut self, entry: Seq, to: Correction) {
        self.write(
            NEXT_WEEK,
            What::Corrected {
                entry,
                to,
                by: staff("zhao"),
                why: "as the class book has it".into(),
                students: Vec::new(),
            },
        );
    }

    fn report(&self) -> Report {
        let mut report = Report::new(Period::try_new(day(MONDAY), day(SUNDAY)).unwrap());
        self.entries.iter().for_each(|entry| report.take(entry));
        report
    }
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn student(id: &str) -> StudentId {
    StudentId::try_new(id).unwrap()
}

fn staff(id: &str) -> StaffId {
    StaffId::try_new(id).unwrap()
}

fn course(id: &str) -> CourseId {
    CourseId::try_new(id).unwrap()
}

fn session(day: &str, course: &str) -> SessionId {
    SessionId::try_new(&format!("{course}-{day}")).unwrap()
}

/// Chess is the Chess Club's, everything else the school's own.
fn institution(course: &str) -> Option<InstitutionId> {
    (course == "chess").then(|| InstitutionId::try_new("chess-club").unwrap())
}

use AttendanceStatus::{Absent, Excused, Late, LeftEarly, Present};

/// Homework on Monday and Tuesday, chess on Monday, and a day before the period.
fn a_week() -> Book {
    let mut book = Book::default();
    book.roll(OUTSIDE, 4);
    book.begin(OUTSIDE, DayKind::SchoolDay);
    book.close(OUTSIDE, "homework");
    let before = book.attend(OUTSIDE, "homework", "ming", Present, 60);
    book.consume(before);
    book.begin(MONDAY, DayKind::SchoolDay);
    book.close(MONDAY, "homework");
    for (who, status, minutes) in
        [("ming", Present, 60), ("hong", Late, 45), ("lei", Excused, 0), ("ming-2", LeftEarly, 10)]
    {
        let attendance = book.attend(MONDAY, "homework", who, status, minutes);
        if minutes >= 30 {
            book.consume(attendance);
        }
    }
    book.teach(MONDAY, "homework", "li", 60, None);
    book.close(MONDAY, "chess");
    let chess = book.attend(MONDAY, "chess", "ming", Present, 60);
    book.consume(chess);
    book.teach(MONDAY, "chess", "sun", 20, None);
    book.teach(MONDAY, "chess", "li", 40, Some("sun"));
    book.dine(MONDAY, "ming", ClockQuality::Synchronised);
    book.begin(TUESDAY, DayKind::SchoolDay);
    book.close(TUESDAY, "homework");
    book.attend(TUESDAY, "homework", "lei", Absent, 0);
    book
}

#[test]
fn a_student_has_what_was_written_of_them_in_the_period() {
    let sums = a_week().report().by_student();
    let attended = Attended { expected: 2, present: 2, minutes: 120, lessons: 2, ..Attended::default() };
    assert_eq!(sums[&student("ming")], StudentSums { attended, dinners: 1 });
    let attended = Attended { expected: 2, absent: 1, excused: 1, ..Attended::default() };
    assert_eq!(sums[&student("lei")], StudentSums { attended, dinners: 0 });
    assert_eq!(sums.len(), 4);
}

#[test]
fn an_institution_is_settled_by_the_lessons_that_it_delivered() {
    let sums = a_week().report().by_institution();
    let club = sums[&institution("chess")];
    assert_eq!((club.courses, club.lessons.held, club.lessons.attended.lessons), (1, 1, 1));
    let own = sums[&None];
    assert_eq!((own.lessons.sessions, own.lessons.held, own.lessons.attended.lessons), (2, 1, 2));
}

#[test]
fn a_course_counts_its_sessions_and_those_that_somebody_came_to() {
    let homework = a_week().report().by_course()[&course("homework")];
    assert_eq!((homework.sessions, homework.held, homework.students, homework.attended.expected), (2, 1, 3, 5));
}

#[test]
fn hours_of_a_substitute_are_told_apart() {
    let sums = a_week().report().by_staff();
    let li = StaffSums { sessions: 2, minutes: 100, substitute_sessions: 1, substitute_minutes: 40 };
    assert_eq!(sums[&staff("li")], li);
    assert_eq!(sums[&staff("sun")], StaffSums { sessions: 1, minutes: 20, ..StaffSums::default() });
}

#[test]
fn who_went_from_a_session_and_came_back_taught_it_once() {
    let mut book = a_week();
    book.teach(MONDAY, "homework", "li", 5, None);
    let li = book.report().by_staff()[&staff("li")];
    assert_eq!((li.sessions, li.minutes), (2, 105));
}

#[test]
fn participation_is_students_who_were_there_of_students_on_the_roll() {
    let mut book = a_week();
    book.roll(NEXT_WEEK, 9);
    assert_eq!(book.report().participation(), Rate { part: 3, whole: 4 }, "the next week's roll is not this week's");
}

#[test]
fn coverage_is_days_held_of_days_due() {
    let report = a_week().report();
    let weekdays = |day: Day| Roster::default().day_kind(day.number());
    assert_eq!(report.coverage(day(SUNDAY), weekdays), Rate { part: 1, whole: 5 }, "on Tuesday nobody was there");
    assert_eq!(report.coverage(day(TUESDAY), weekdays), Rate { part: 1, whole: 2 }, "the rest is still to come");
    let mut book = a_week();
    book.begin("2026-09-12", DayKind::WeekendDay);
    assert_eq!(book.report().coverage(day(SUNDAY), weekdays).whole, 6, "the ledger knows better what a day was");
}

#[test]
fn a_session_that_is_not_closed_makes_no_day_of_service() {
    let mut book = Book::default();
    book.attend(MONDAY, "chess", "ming", Present, 60);
    assert_eq!(book.report().coverage(day(MONDAY), |_| DayKind::SchoolDay), Rate { part: 0, whole: 1 });
}

#[test]
fn a_dinner_without_a_set_clock_is_of_the_day_that_is_going_on() {
    let mut book = Book::default();
    book.begin(TUESDAY, DayKind::SchoolDay);
    book.dine("1970-01-01", "ming", ClockQuality::Unset);
    assert_eq!(book.report().by_student()[&student("ming")].dinners, 1);
}

#[test]
fn an_entry_that_comes_again_is_not_counted_again() {
    let book = a_week();
    let mut report = book.report();
    book.entries.iter().for_each(|entry| report.take(entry));
    assert_eq!(report.total(), book.report().total());
}

#[test]
fn a_correction_after_the_period_puts_the_period_right() {
    let mut book = a_week();
    let absent = book.attend(TUESDAY, "homework", "hong", Absent, 0);
    book.correct(absent, Correction::Attendance { status: Late, minutes: 30 });
    let hong = book.report().by_student()[&student("hong")].attended;
    assert_eq!((hong.late, hong.absent, hong.minutes, hong.lessons), (2, 0, 75, 1), "a lesson is not added by itself");
    book.correct(absent, Correction::Consumption { counts: true });
    let hong = book.report().by_student()[&student("hong")].attended;
    assert_eq!(hong.lessons, 2);
    assert_eq!(book.report().coverage(day(TUESDAY), |_| DayKind::Closed), Rate { part: 2, whole: 2 });
}

#[test]
fn a_lesson_goes_with_the_attendance_that_it_rests_on() {
    for (to, expected) in [(Correction::NotSo, 0), (Correction::Attendance { status: Absent, minutes: 0 }, 1)] {
        let mut book = Book::default();
        book.close(MONDAY, "chess");
        let attendance = book.attend(MONDAY, "chess", "ming", Present, 60);
        book.consume(attendance);
        book.correct(attendance, to);
        let chess = book.report().by_course()[&course("chess")];
        assert_eq!((chess.attended.expected, chess.attended.lessons, chess.held), (expected, 0, 0));
        book.correct(attendance, Correction::Attendance { status: Present, minutes: 60 });
        assert_eq!(book.report().by_course()[&course("chess")].attended.lessons, 1, "and comes back with it");
    }
}

#[test]
fn what_was_not_so_is_taken_away() {
    let mut book = Book::default();
    book.close(MONDAY, "chess");
    let attendance = book.attend(MONDAY, "chess", "ming", Present, 60);
    let consumption = book.consume(attendance);
    let hours = book.teach(MONDAY, "chess", "sun", 60, None);
    let dinner = book.dine(MONDAY, "ming", ClockQuality::Synchronised);
    for entry in [consumption, hours, dinner] {
        book.correct(entry, Correction::NotSo);
    }
    let report = book.report();
    let attended = Attended { expected: 1, present: 1, minutes: 60, ..Attended::default() };
    assert_eq!(report.by_student()[&student("ming")], StudentSums { attended, dinners: 0 });
    assert!(report.by_staff().is_empty());
}

#[test]
fn a_correction_that_does_not_fit_or_names_nothing_changes_nothing() {
    let mut book = a_week();
    let attendance = book.attend(TUESDAY, "homework", "hong", Present, 60);
    let before = book.report().total();
    book.correct(attendance, Correction::StaffHours { minutes: 9 });
    book.correct(Seq(3), Correction::NotSo);
    book.correct(Seq(9_999), Correction::Consumption { counts: true });
    assert_eq!(book.report().total(), before);
}

#[test]
fn a_period_ends_after_it_begins_and_within_a_year() {
    assert_eq!(Period::try_new(day(TUESDAY), day(MONDAY)), Err(PeriodError::Reversed(day(TUESDAY), day(MONDAY))));
    assert_eq!(Period::try_new(day("2026-01-01"), day("2027-01-02")), Err(PeriodError::TooLong(367)));
    assert_eq!(Period::try_new(day("2028-01-01"), day("2028-12-31")).unwrap().days().count(), 366);
    assert_eq!(Period::try_new(day(MONDAY), day(MONDAY)).unwrap().days().count(), 1);
}

#[test]
fn a_rate_is_shown_with_two_places_and_kept_whole() {
    let rate = |part, whole| Rate { part, whole }.to_string();
    assert_eq!(rate(240_000, 246_053), "97.54%");
    assert_eq!((rate(2, 3).as_str(), rate(1, 3).as_str(), rate(3, 3).as_str()), ("66.67%", "33.33%", "100.00%"));
    assert_eq!((rate(1, 0).as_str(), rate(0, 4).as_str()), ("-", "0.00%"));
    assert_eq!(Rate { part: u64::MAX, whole: u64::MAX }.per_myriad(), Some(10_000));
}

/// One line of a made-up ledger.
#[derive(Clone, Debug)]
enum Line {
    Attend { day: usize, course: usize, student: usize, status: AttendanceStatus, minutes: u16, consumed: bool },
    Teach { day: usize, course: usize, staff: usize, minutes: u16, substitute: bool },
    Dine { day: usize, student: usize },
    Correct { back: u64, to: Correction },
}

const DAYS: [&str; 4] = [OUTSIDE, MONDAY, TUESDAY, NEXT_WEEK];
const COURSES: [&str; 2] = ["homework", "chess"];
const PEOPLE: [&str; 3] = ["a", "b", "c"];

fn status() -> impl Strategy<Value = AttendanceStatus> {
    prop_oneof![Just(Present), Just(Late), Just(LeftEarly), Just(Absent), Just(Excused)]
}

fn correction() -> impl Strategy<Value = Correction> {
    prop_oneof![
        (status(), 0..90u16).prop_map(|(status, minutes)| Correction::Attendance { status, minutes }),
        any::<bool>().prop_map(|counts| Correction::Consumption { counts }),
        (0..90u16).prop_map(|minutes| Correction::StaffHours { minutes }),
        Just(Correction::NotSo),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let (day, course, person) = (0..DAYS.len(), 0..COURSES.len(), 0..PEOPLE.len());
    prop_oneof![
        3 => (day.clone(), course.clone(), person.clone(), status(), 0..90u16, any::<bool>()).prop_map(
            |(day, course, student, status, minutes, consumed)| {
                Line::Attend { day, course, student, status, minutes, consumed }
            }
        ),
        1 => (day.clone(), course, person.clone(), 0..90u16, any::<bool>()).prop_map(
            |(day, course, staff, minutes, substitute)| Line::Teach { day, course, staff, minutes, substitute }
        ),
        1 => (day, person).prop_map(|(day, student)| Line::Dine { day, student }),
        4 => (1..12u64, correction()).prop_map(|(back, to)| Line::Correct { back, to }),
    ]
}

fn written(lines: &[Line]) -> Book {
    let mut book = Book::default();
    for on in DAYS {
        COURSES.iter().for_each(|of| book.close(on, of));
    }
    for line in lines {
        match line {
            Line::Attend { day, course, student, status, minutes, consumed } => {
                let seq = book.attend(DAYS[*day], COURSES[*course], PEOPLE[*student], *status, *minutes);
                if *consumed {
                    book.consume(seq);
                }
            }
            Line::Teach { day, course, staff, minutes, substitute } => {
                book.teach(DAYS[*day], COURSES[*course], PEOPLE[*staff], *minutes, substitute.then_some("sun"));
            }
            Line::Dine { day, student } => {
                book.dine(DAYS[*day], PEOPLE[*student], ClockQuality::Synchronised);
            }
            Line::Correct { back, to } => {
                let wrong = (book.entries.len() as u64).saturating_sub(*back);
                book.correct(Seq(wrong), to.clone());
            }
        }
    }
    book
}

/// The same sums, one question at a time, each with all the ledger in hand.
struct Naive<'a>(&'a [Entry]);

impl Naive<'_> {
    fn in_period(&self) -> impl Iterator<Item = &Entry> {
        self.0
            .iter()
            .filter(|entry| entry.at.day().is_some_and(|n| n <= day(SUNDAY).number() && n >= day(MONDAY).number()))
    }

    /// The corrections of an entry, the last first.
    fn corrections(&self, of: Seq) -> impl Iterator<Item = (Seq, &Correction)> {
        self.0.iter().rev().filter_map(move |entry| match &entry.what {
            What::Corrected { entry: wrong, to, .. } if *wrong == of => Some((entry.seq, to)),
            _ => None,
        })
    }

    /// The last word on an attendance; nothing if it was not so.
    fn attendance(&self, of: Seq, written: (AttendanceStatus, u16)) -> Option<(AttendanceStatus, u16)> {
        let last = self.corrections(of).find_map(|(_, to)| match to {
            Correction::Attendance { status, minutes } => Some(Some((*status, *minutes))),
            Correction::NotSo => Some(None),
            _ => None,
        });
        last.unwrap_or(Some(written))
    }

    fn counts(&self, of: Seq, is_there: bool) -> bool {
        let own = self.0.iter().find(|e| matches!(&e.what, What::Consumption { attendance, .. } if *attendance == of));
        let on_attendance = self.corrections(of).find_map(|(at, to)| match to {
            Correction::Consumption { counts } => Some((at, Some(*counts))),
            Correction::NotSo => Some((at, None)),
            _ => None,
        });
        let on_consumption = own.and_then(|own| {
            self.corrections(own.seq).find_map(|(at, to)| match to {
                Correction::Consumption { counts } => Some((at, Some(*counts))),
                Correction::NotSo => Some((at, Some(false))),
                _ => None,
            })
        });
        let said = on_attendance.max(on_consumption).and_then(|(_, said)| said);
        said.unwrap_or(own.is_some() && is_there)
    }

    fn attended(&self, wanted: impl Fn(&StudentId, &CourseId) -> bool) -> Attended {
        let mut sums = Attended::default();
        for entry in self.in_period() {
            let What::Attendance { student, course, status, minutes, .. } = &entry.what else { continue };
            if !wanted(student, course) {
                continue;
            }
            let now = self.attendance(entry.seq, (*status, *minutes));
            let count = |wanted| u64::from(now.is_some_and(|(status, _)| status == wanted));
            sums.expected += u64::from(now.is_some());
            sums.present += count(Present);
            sums.late += count(Late);
            sums.left_early += count(LeftEarly);
            sums.absent += count(Absent);
            sums.excused += count(Excused);
            sums.minutes += now.map_or(0, |(_, minutes)| u64::from(minutes));
            sums.lessons += u64::from(self.counts(entry.seq, count(Present) + count(Late) + count(LeftEarly) > 0));
        }
        sums
    }

    fn there(&self) -> impl Iterator<Item = (&StudentId, &CourseId, Day)> {
        self.in_period().filter_map(|entry| {
            let What::Attendance { student, course, status, minutes, day, .. } = &entry.what else { return None };
            let (status, _) = self.attendance(entry.seq, (*status, *minutes))?;
            matches!(status, Present | Late | LeftEarly).then_some((student, course, *day))
        })
    }

    fn lessons(&self, of: &str) -> LessonSums {
        let there: Vec<_> = self.there().filter(|(_, course, _)| course.as_str() == of).collect();
        let students: BTreeSet<_> = there.iter().map(|(student, _, _)| student).collect();
        let held: BTreeSet<_> = there.iter().map(|(_, _, day)| day).collect();
        let attended = self.attended(|_, course| course.as_str() == of);
        LessonSums { sessions: 2, held: held.len() as u64, students: students.len() as u64, attended }
    }

    fn dinners(&self, who: &str) -> u64 {
        let stands = |e: &&Entry| !self.corrections(e.seq).any(|(_, to)| *to == Correction::NotSo);
        let dined = |e: &&Entry| matches!(&e.what, What::Dined { student, .. } if student.as_str() == who);
        self.in_period().filter(dined).filter(stands).count() as u64
    }

    fn staff(&self) -> BTreeMap<StaffId, StaffSums> {
        let mut sums: BTreeMap<StaffId, (BTreeSet<_>, BTreeSet<_>, u64, u64)> = BTreeMap::new();
        for entry in self.in_period() {
            let What::StaffHours { staff, session, minutes, instead_of, .. } = &entry.what else { continue };
            let last = self.corrections(entry.seq).find_map(|(_, to)| match to {
                Correction::StaffHours { minutes } => Some(Some(*minutes)),
                Correction::NotSo => Some(None),
                _ => None,
            });
            let Some(minutes) = last.unwrap_or(Some(*minutes)) else { continue };
            let sums = sums.entry(staff.clone()).or_default();
            sums.0.insert(session);
            sums.2 += u64::from(minutes);
            if instead_of.is_some() {
                sums.1.insert(session);
                sums.3 += u64::from(minutes);
            }
        }
        let figures = |(all, stood_in, minutes, substitute_minutes): (BTreeSet<_>, BTreeSet<_>, u64, u64)| StaffSums {
            sessions: all.len() as u64,
            minutes,
            substitute_sessions: stood_in.len() as u64,
            substitute_minutes,
        };
        sums.into_iter().map(|(id, parts)| (id, figures(parts))).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_those_of_a_naive_count(lines in proptest::collection::vec(line(), 0..60)) {
        let book = written(&lines);
        let (report, naive) = (book.report(), Naive(&book.entries));
        let students = report.by_student();
        for who in PEOPLE {
            let sums = students.get(&student(who)).copied().unwrap_or_default();
            let attended = naive.attended(|student, _| student.as_str() == who);
            prop_assert_eq!(sums, StudentSums { attended, dinners: naive.dinners(who) });
        }
        for of in COURSES {
            prop_assert_eq!(report.by_course()[&course(of)], naive.lessons(of));
            let lessons = naive.lessons(of);
            prop_assert_eq!(report.by_institution()[&institution(of)], InstitutionSums { courses: 1, lessons });
        }
        prop_assert_eq!(report.total().attended, naive.attended(|_, _| true));
        prop_assert_eq!(report.by_staff(), naive.staff());
        let there: BTreeSet<_> = naive.there().map(|(student, _, _)| student).collect();
        prop_assert_eq!(report.participation().part, there.len() as u64);
        let held: BTreeSet<_> = naive.there().map(|(_, _, day)| day).collect();
        let rate = Rate { part: held.len() as u64, whole: 7 };
        prop_assert_eq!(report.coverage(day(SUNDAY), |_| DayKind::SchoolDay), rate);
    }

    /// Corrections of other entries may come in between in any way: of each entry, the last word stands.
    #[test]
    fn the_later_correction_wins_however_they_are_interleaved(
        words in proptest::collection::vec((0..3usize, status(), 0..90u16), 1..20),
    ) {
        let mut book = Book::default();
        book.close(MONDAY, "chess");
        let attendances: Vec<_> = PEOPLE.iter().map(|who| book.attend(MONDAY, "chess", who, Present, 60)).collect();
        let mut last = [(Present, 60); 3];
        for (who, status, minutes) in words {
            book.correct(attendances[who], Correction::Attendance { status, minutes });
            last[who] = (status, minutes);
        }
        let sums = book.report().by_student();
        for (who, (status, minutes)) in PEOPLE.iter().zip(last) {
            let attended = sums[&student(who)].attended;
            prop_assert_eq!(attended.minutes, u64::from(minutes));
            prop_assert_eq!(attended.there(), u64::from(matches!(status, Present | Late | LeftEarly)));
        }
    }
}
