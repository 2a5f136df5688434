//! From what is remembered to sums, by whatever is asked for. Each is one walk over the rows.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};

use super::{
    Attended, InstitutionSums, LessonSums, Rate, Report, StaffSums, StudentSums,
    index::{Attendance, Facts},
};
use crate::{
    id::{CourseId, InstitutionId, StaffId, StudentId},
    roster::DayKind,
    time::Day,
};

impl Report {
    /// By student, whoever was expected in a session or had dinner.
    pub fn by_student(&self) -> BTreeMap<StudentId, StudentSums> {
        let names = self.index.students.by_number();
        let mut sums: Vec<Option<StudentSums>> = vec![None; names.len()];
        let mut of = |student: u32, add: &dyn Fn(&mut StudentSums)| {
            if let Some(sums) = sums.get_mut(student as usize) {
                add(sums.get_or_insert_default());
            }
        };
        for row in &self.index.attendances {
            if tells(row) {
                of(row.student, &|sums| count(&mut sums.attended, row));
            }
        }
        for row in self.index.dinners.iter().filter(|row| row.stands) {
            of(row.student, &|sums| sums.dinners += 1);
        }
        names.into_iter().cloned().zip(sums).filter_map(|(id, sums)| Some((id, sums?))).collect()
    }

    /// By course, whichever had a session closed.
    pub fn by_course(&self) -> BTreeMap<CourseId, LessonSums> {
        self.by(|facts| facts.course.clone())
    }

    /// By institution; none is the school itself.
    pub fn by_institution(&self) -> BTreeMap<Option<InstitutionId>, InstitutionSums> {
        let mut courses: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for facts in &self.index.facts {
            courses.entry(&facts.institution).or_default().insert(&facts.course);
        }
        let courses = |of: &_| courses.get(of).map_or(0, |courses| size(courses.len()));
        let sums = self.by(|facts| facts.institution.clone()).into_iter();
        sums.map(|(id, lessons)| (id.clone(), InstitutionSums { courses: courses(&id), lessons })).collect()
    }

    /// By member of staff, whoever gave time to a session.
    pub fn by_staff(&self) -> BTreeMap<StaffId, StaffSums> {
        let names = self.index.staff.by_number();
        let mut sums: BTreeMap<StaffId, StaffSums> = BTreeMap::new();
        let mut taught = BTreeSet::new();
        let mut stood_in = BTreeSet::new();
        for row in self.index.hours.iter().filter(|row| row.stands) {
            let Some(id) = names.get(row.staff as usize) else { continue };
            let sums = sums.entry((*id).clone()).or_default();
            sums.minutes += u64::from(row.minutes);
            // Who went and came back has hours twice of one session.
            sums.sessions += u64::from(taught.insert((row.staff, row.session)));
            if row.substitute {
                sums.substitute_minutes += u64::from(row.minutes);
                sums.substitute_sessions += u64::from(stood_in.insert((row.staff, row.session)));
            }
        }
        sums
    }

    /// Everything together.
    pub fn total(&self) -> LessonSums {
        self.by(|_| ()).remove(&()).unwrap_or_default()
    }

    /// Students who were there in a session at least once, out of the students on the roll.
    pub fn participation(&self) -> Rate {
        let there = self.index.attendances.iter().filter(|row| row.is_there());
        let students: BTreeSet<u32> = there.map(|row| row.student).collect();
        Rate { part: size(students.len()), whole: self.roll.map_or(0, u64::from) }
    }

    /// Days on which a session was held, with somebody there, out of the days on which the service was due up to
    /// `today`, or up to the last day that the ledger knows if that is later. What a day was is told by the ledger; of
    /// days on which the box did not run, by `calendar`.
    pub fn coverage(&self, today: Day, calendar: impl Fn(Day) -> DayKind) -> Rate {
        let today = self.today.map_or(today, |known| known.max(today));
        let kind = |day: Day| self.days.get(&day).copied().unwrap_or_else(|| calendar(day));
        let due: BTreeSet<Day> =
            self.period.days().take_while(|day| *day <= today).filter(|day| kind(*day).is_service()).collect();
        let facts = self.index.attendances.iter().filter(|row| row.is_there()).filter_map(|row| self.facts(row));
        let held: BTreeSet<Day> = facts.filter(|facts| facts.closed).map(|facts| facts.day).collect();
        Rate { part: size(held.intersection(&due).count()), whole: size(due.len()) }
    }

    fn by<Key: Ord + Clone>(&self, key: impl Fn(&Facts) -> Key) -> BTreeMap<Key, LessonSums> {
        let mut sums: BTreeMap<Key, LessonSums> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut held = vec![false; self.index.facts.len()];
        for row in self.index.attendances.iter().filter(|row| tells(row)) {
            let Some(facts) = self.facts(row) else { continue };
            let key = key(facts);
            let sums = sums.entry(key.clone()).or_default();
            count(&mut sums.attended, row);
            if row.is_there() {
                sums.students += u64::from(seen.insert((key, row.student)));
                held.get_mut(row.session as usize).into_iter().for_each(|held| *held = true);
            }
        }
        for (facts, held) in self.index.facts.iter().zip(held).filter(|(facts, _)| facts.closed) {
            let sums = sums.entry(key(facts)).or_default();
            sums.sessions += 1;
            sums.held += u64::from(held);
        }
        sums
    }

    fn facts(&self, row: &Attendance) -> Option<&Facts> {
        self.index.facts.get(row.session as usize)
    }
}

/// Whether there is anything to count of it.
fn tells(row: &Attendance) -> bool {
    row.stands || row.counts()
}

fn count(sums: &mut Attended, row: &Attendance) {
    if row.stands {
        sums.add(row.status, row.minutes);
    }
    sums.lessons += u64::from(row.counts());
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
