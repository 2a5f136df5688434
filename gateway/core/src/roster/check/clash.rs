//! Nobody can be in two places at once, no place can hold two sessions, and children are not kept too late.

use alloc::vec::Vec;
use hashbrown::{HashMap, HashSet};

use super::{Check, people::People, service::Service};
use crate::{
    roster::{Document, SchoolLevel, SessionLine, Validity},
    time::TimeOfDay,
};

/// So many comparisons are spent on the students' timetables: some seconds on a small machine. Those of 250,000 students
/// with two courses each need a fifth of it.
const MAX_STEPS: u64 = 250_000_000;
/// So many pairs of courses are remembered to have no session at the same time; others are compared for each student.
const MAX_APART: usize = 1_000_000;
const DAY_MINUTES: i64 = 24 * 60;

/// A session in time: minutes since 1970-01-01 on the school's wall.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    from: i64,
    until: i64,
    /// Number of its line.
    line: usize,
}

impl Slot {
    fn day(self) -> i64 {
        self.from.div_euclid(DAY_MINUTES)
    }
}

/// A line of `enrolments`, by the numbers of the student's and the course's lines.
struct Taken {
    student: usize,
    course: usize,
    valid: Validity,
    line: usize,
}

pub(super) struct Clashes<'a> {
    document: &'a Document,
    /// Every session whose hours are right.
    slots: Vec<Slot>,
    /// The same by the number of their course's line, each in order.
    courses: Vec<Vec<Slot>>,
    /// Sorted by student and course.
    taken: Vec<Taken>,
}

impl<'a> Clashes<'a> {
    pub(super) fn of(document: &'a Document, people: &People<'_>, service: &Service<'_>) -> Self {
        let slot = |(line, session): (usize, &SessionLine)| {
            let (midnight, hours) = (session.day.number() * DAY_MINUTES, session.hours);
            let minute = |time: TimeOfDay| midnight + i64::from(time.minute());
            (hours.from < hours.until).then(|| Slot { from: minute(hours.from), until: minute(hours.until), line })
        };
        let mut slots: Vec<Slot> = document.sessions.iter().enumerate().filter_map(slot).collect();
        slots.sort_unstable();
        let mut courses = Vec::new();
        courses.resize_with(document.courses.len(), Vec::new);
        for slot in &slots {
            let course = document.sessions.get(slot.line).and_then(|session| service.courses.get(&session.course));
            if let Some(of) = course.and_then(|n| courses.get_mut(*n)) {
                of.push(*slot);
            }
        }
        let lines = document.enrolments.iter().enumerate();
        let mut taken: Vec<Taken> = lines
            .filter_map(|(line, enrolment)| {
                let student = *people.students.get(&enrolment.student)?;
                let course = *service.courses.get(&enrolment.course)?;
                Some(Taken { student, course, valid: enrolment.valid, line })
            })
            .collect();
        taken.sort_unstable_by_key(|taken| (taken.student, taken.course, taken.line));
        Self { document, slots, courses, taken }
    }

    pub(super) fn tell(&self, check: &mut Check) {
        self.places(check);
        self.staff(check);
        self.courses(check);
        self.students(check, MAX_STEPS);
        self.too_late(check);
    }

    fn session(&self, slot: Slot) -> Option<&'a SessionLine> {
        self.document.sessions.get(slot.line)
    }

    fn places(&self, check: &mut Check) {
        let slots = self.slots.iter().filter_map(|slot| Some((&self.session(*slot)?.place, *slot)));
        for (first, second) in overlaps(slots.collect()) {
            check.tell(format_args!("sessions[{second}].place"), |lang| {
                crate::text!(lang, zh: "此时已有 sessions[{first}]；应换教室或时间", en: "has sessions[{first}] at that time; another room or time would do")
            });
        }
    }

    /// Two sessions of one member of staff in one place are told as the place's.
    fn staff(&self, check: &mut Check) {
        let mut slots = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let staff = self.session(*slot).map(|session| session.staff.as_slice()).unwrap_or_default();
            slots.extend(staff.iter().map(|staff| (staff, *slot)));
        }
        for (first, second) in overlaps(slots) {
            if self.elsewhere(first, second) {
                check.tell(format_args!("sessions[{second}].staff"), |lang| {
                    crate::text!(lang, zh: "有人此时在 sessions[{first}]；应换人或时间", en: "has somebody who is in sessions[{first}] at that time; somebody else or another time would do")
                });
            }
        }
    }

    fn elsewhere(&self, one: usize, other: usize) -> bool {
        let place = |n: usize| self.document.sessions.get(n).map(|session| &session.place);
        place(one) != place(other)
    }

    /// Whoever takes a course is expected at all its sessions.
    fn courses(&self, check: &mut Check) {
        let slots = self.courses.iter().enumerate();
        let slots = slots.flat_map(|(course, slots)| slots.iter().map(move |slot| (course, *slot)));
        for (first, second) in overlaps(slots.collect()) {
            if self.elsewhere(first, second) {
                check.tell(format_args!("sessions[{second}].hours"), |lang| {
                    crate::text!(lang, zh: "与同一课程的 sessions[{first}] 同时；应换时间或另设课程", en: "is at the time of sessions[{first}] of the same course; another time or another course would do")
                });
            }
        }
    }

    /// Courses are compared pair by pair; a pair that never clashes, once, however many students take both.
    fn students(&self, check: &mut Check, max_steps: u64) {
        let mut steps = 0;
        let mut apart: HashSet<(usize, usize)> = HashSet::new();
        for own in self.taken.chunk_by(|one, other| one.student == other.student) {
            for (n, one) in own.iter().enumerate() {
                for other in own.iter().skip(n + 1) {
                    steps += 1;
                    if steps > max_steps {
                        return tell_gave_up(check);
                    }
                    if one.course == other.course {
                        tell_taken_twice(check, one, other);
                        continue;
                    }
                    let pair = (one.course, other.course);
                    if apart.contains(&pair) {
                        continue;
                    }
                    let (slots, others) = (self.slots_of(one), self.slots_of(other));
                    steps += (slots.len() + others.len()) as u64;
                    let mut clashes = together(slots, others).peekable();
                    if clashes.peek().is_none() && apart.len() < MAX_APART {
                        apart.insert(pair);
                    }
                    let both = |slot: Slot| one.valid.covers_day(slot.day()) && other.valid.covers_day(slot.day());
                    if let Some((first, second)) = clashes.find(|(slot, _)| both(*slot)) {
                        tell_in_two_places(check, one.line.max(other.line), first, second);
                    }
                }
            }
        }
    }

    fn slots_of(&self, taken: &Taken) -> &[Slot] {
        self.courses.get(taken.course).map(Vec::as_slice).unwrap_or_default()
    }

    fn too_late(&self, check: &mut Check) {
        let latest_of = |level: SchoolLevel| self.document.policy.latest_end.of(level);
        let attended = self.attended();
        for (course, slots) in self.courses.iter().enumerate() {
            for slot in slots {
                let Some(until) = self.session(*slot).map(|session| session.hours.until) else { continue };
                let levels = [SchoolLevel::Primary, SchoolLevel::Junior, SchoolLevel::Senior].into_iter();
                let late =
                    levels.filter_map(|level| Some((latest_of(level)?, level))).filter(|(latest, _)| *latest < until);
                let attends = |level| attended.get(&(course, level)).is_some_and(|spans| covers(spans, slot.day()));
                if let Some((latest, _)) = late.filter(|(_, level)| attends(*level)).min() {
                    let line = slot.line;
                    check.tell(format_args!("sessions[{line}].hours.until"), |lang| {
                        crate::text!(lang, zh: "是 {until}，晚于其学生的 policy.latest_end（{latest}）", en: "is {until}; no later than policy.latest_end of its students ({latest}) would do")
                    });
                }
            }
        }
    }

    /// By course and kind of school: from when to when somebody takes it, as spans apart from each other. Only the kinds
    /// that have a latest end.
    fn attended(&self) -> HashMap<(usize, SchoolLevel), Vec<(i64, i64)>> {
        let mut attended: HashMap<_, Vec<(i64, i64)>> = HashMap::new();
        for taken in &self.taken {
            let Some(level) = self.document.students.get(taken.student).map(|student| student.level) else { continue };
            if self.document.policy.latest_end.of(level).is_some() {
                let from = taken.valid.from.map_or(i64::MIN, |day| day.number());
                let until = taken.valid.until.map_or(i64::MAX, |day| day.number());
                attended.entry((taken.course, level)).or_default().push((from, until));
            }
        }
        attended.values_mut().for_each(merge);
        attended
    }
}

fn merge(spans: &mut Vec<(i64, i64)>) {
    spans.sort_unstable();
    spans.dedup_by(|next, kept| {
        let touches = next.0 <= kept.1;
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
}

fn covers(spans: &[(i64, i64)], day: i64) -> bool {
    let after = spans.partition_point(|(from, _)| *from <= day);
    after.checked_sub(1).and_then(|n| spans.get(n)).is_some_and(|(_, until)| day <= *until)
}

/// The lines of two sessions that overlap under one key: each later one with the one that keeps it from beginning.
fn overlaps<K: Ord + Clone>(mut slots: Vec<(K, Slot)>) -> Vec<(usize, usize)> {
    slots.sort_unstable();
    let mut found = Vec::new();
    let mut longest: Option<(K, Slot)> = None;
    for (key, slot) in slots {
        match &longest {
            Some((of, before)) if *of == key && slot.from < before.until => {
                found.push((before.line.min(slot.line), before.line.max(slot.line)));
                if slot.until > before.until {
                    longest = Some((key, slot));
                }
            }
            _ => longest = Some((key, slot)),
        }
    }
    found
}

/// The pairs of sessions of two courses that overlap; each course's sessions in order.
fn together(mut one: &[Slot], mut other: &[Slot]) -> impl Iterator<Item = (Slot, Slot)> {
    core::iter::from_fn(move || {
        while let ([a, rest_a @ ..], [b, rest_b @ ..]) = (one, other) {
            if a.until <= b.until {
                one = rest_a;
            } else {
                other = rest_b;
            }
            if a.from < b.until && b.from < a.until {
                return Some((*a, *b));
            }
        }
        None
    })
}

fn tell_taken_twice(check: &mut Check, one: &Taken, other: &Taken) {
    let open = |valid: &Validity| {
        (valid.from.map_or(i64::MIN, |day| day.number()), valid.until.map_or(i64::MAX, |day| day.number()))
    };
    let ((from, until), (other_from, other_until)) = (open(&one.valid), open(&other.valid));
    if from <= other_until && other_from <= until {
        let (first, second) = (one.line, other.line);
        check.tell(format_args!("enrolments[{second}]"), |lang| {
            crate::text!(lang, zh: "与 enrolments[{first}] 重复；应只有一个，或日期错开", en: "stands there already, at enrolments[{first}]; once, or other days, would do")
        });
    }
}

fn tell_in_two_places(check: &mut Check, line: usize, first: Slot, second: Slot) {
    let (first, second) = (first.line.min(second.line), first.line.max(second.line));
    check.tell(format_args!("enrolments[{line}]"), |lang| {
        crate::text!(lang, zh: "使学生同时要上 sessions[{first}] 和 sessions[{second}]；应只选其一，或日期错开", en: "has the student in sessions[{first}] and sessions[{second}] at the same time; one of the two courses, or other days, would do")
    });
}

fn tell_gave_up(check: &mut Check) {
    check.tell(format_args!("enrolments"), |lang| {
        crate::text!(lang, zh: "选课太多，无法查清课次是否冲突；每名学生应只选少数课程", en: "are too many to find out whether their sessions are at the same time; a few courses for each student would do")
    });
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec::Vec};

    use super::*;
    use crate::roster::{CourseLine, EnrolmentLine};

    /// One student in so many courses that to compare each with each takes too long.
    #[test]
    fn a_roster_made_to_be_slow_is_given_up_on_and_that_is_told() {
        let mut document: Document = serde_json::from_str(
            r#"{"v":1,"version":"slow","students":[{"id":"s","name":"s"}],"courses":[],"enrolments":[]}"#,
        )
        .unwrap();
        for n in 0..100 {
            let id = crate::id::CourseId::try_new(&format!("c{n}")).unwrap();
            let student = document.students[0].id.clone();
            document.enrolments.push(EnrolmentLine { student, course: id.clone(), valid: Validity::ALWAYS });
            document.courses.push(CourseLine { id, name: "c".into(), institution: None });
        }
        for (max_steps, told) in [(100 * 99 / 2, &[][..]), (100 * 99 / 2 - 1, &["enrolments"])] {
            let mut check = Check { faults: Vec::new() };
            let people = People::of(&mut check, &document);
            let service = Service::of(&mut check, &document);
            Clashes::of(&document, &people, &service).students(&mut check, max_steps);
            let at: Vec<&str> = check.faults.iter().map(|fault| fault.at.as_str()).collect();
            assert_eq!(at, told);
        }
    }
}
