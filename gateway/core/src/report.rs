//! What the ledger says of a period: attendance, lessons consumed, hours taught, participation and coverage.
//!
//! A [`Report`] takes the ledger's entries in their order, each once, and counts those of its period; all other kinds are
//! passed over. What comes out rests on entries alone, so the gateway and the platform, which have the same entries,
//! count the same. Only the calendar, which says on which days the service was due, comes from the roster; names are the
//! business of whoever shows the sums.
//!
//! Corrections come later than what they correct, often after the period: give it the whole ledger, or all of it from the
//! period's first day on. The later correction of an entry wins:
//!
//! - `attendance` and `staff_hours` replace what the entry said;
//! - `consumption` says whether the lesson counts, with or without a `consumption` entry. Where nobody said so, a lesson
//!   counts that has its entry and whose student was there, by the last word on the attendance;
//! - `not_so` takes the entry away, and with an attendance the lesson that rests on it.
//!
//! To be corrected, an entry has to be found by its number: 24 bytes are kept for each attendance and hours of staff, 16
//! for each consumption and dinner, besides the people, courses and sessions named. A school of 2,000 students with three
//! sessions in two days and dinner for half of them needs some 140 KB for a day, and no period is longer than
//! [`MAX_PERIOD_DAYS`].

mod count;
mod index;
mod sums;

pub use sums::{Attended, InstitutionSums, LessonSums, Rate, StaffSums, StudentSums};

use core::fmt;

use alloc::collections::BTreeMap;
use serde::{Deserialize, Serialize};

use self::index::{Index, Lesson};
use crate::{
    entry::{Entry, Seq, What},
    roster::DayKind,
    text,
    text::Lang,
    time::Day,
};

/// Longest period of a report, in days: a year, leap or not.
pub const MAX_PERIOD_DAYS: i64 = 366;

/// Days of the school's calendar, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    from: Day,
    until: Day,
}

/// Why two days are no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodError {
    /// It would end before it begins.
    Reversed(Day, Day),
    /// It would have so many days, more than [`MAX_PERIOD_DAYS`].
    TooLong(i64),
}

impl PeriodError {
    /// What is wrong and what would do.
    pub fn says(&self, lang: Lang) -> alloc::string::String {
        match self {
            Self::Reversed(from, until) => {
                text!(lang, zh: "时段从 {from} 到 {until}：结束早于开始", en: "the period from {from} to {until} ends before it begins")
            }
            Self::TooLong(days) => {
                text!(lang, zh: "时段有 {days} 天，最多 {MAX_PERIOD_DAYS} 天", en: "the period has {days} days; at most {MAX_PERIOD_DAYS} would do")
            }
        }
    }
}

impl fmt::Display for PeriodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says(Lang::En))
    }
}

impl core::error::Error for PeriodError {}

impl Period {
    /// The days from `from` to `until`, one to [`MAX_PERIOD_DAYS`] of them.
    pub fn try_new(from: Day, until: Day) -> Result<Self, PeriodError> {
        match until.number() - from.number() + 1 {
            days if days < 1 => Err(PeriodError::Reversed(from, until)),
            days if days > MAX_PERIOD_DAYS => Err(PeriodError::TooLong(days)),
            _ => Ok(Self { from, until }),
        }
    }

    /// The first day.
    pub fn from(self) -> Day {
        self.from
    }

    /// The last day.
    pub fn until(self) -> Day {
        self.until
    }

    /// Whether that day lies within.
    pub fn contains(self, day: Day) -> bool {
        self.from <= day && day <= self.until
    }

    /// Every day of it.
    pub fn days(self) -> impl Iterator<Item = Day> {
        (self.from.number()..=self.until.number()).filter_map(Day::from_number)
    }
}

/// The sums of a period in the making. See the [module](self).
#[derive(Clone, Debug)]
pub struct Report {
    period: Period,
    /// The last entry taken: an entry that comes again is passed over.
    last: Seq,
    /// The day that is going on by the ledger: what a moment without a set clock belongs to, as in the box's own state.
    today: Option<Day>,
    /// The students on the roll by the last roster of the period, or else by the last before it.
    roll: Option<u32>,
    /// What the calendar said of each day of the period on which the box ran.
    days: BTreeMap<Day, DayKind>,
    index: Index,
}

impl Report {
    /// Nothing counted yet.
    pub fn new(period: Period) -> Self {
        Self { period, last: Seq(0), today: None, roll: None, days: BTreeMap::new(), index: Index::default() }
    }

    /// Of which period.
    pub fn period(&self) -> Period {
        self.period
    }

    /// Counts one entry of one ledger. Entries come in the order of their numbers; one that was taken is passed over.
    pub fn take(&mut self, entry: &Entry) {
        if entry.seq <= self.last {
            return;
        }
        self.last = entry.seq;
        match &entry.what {
            What::DayBegan { day, kind, .. } => {
                self.today = Some(*day);
                if self.period.contains(*day) {
                    self.days.insert(*day, *kind);
                }
            }
            What::RosterAdopted { students, .. } if self.day_of(entry).is_none_or(|day| day <= self.period.until) => {
                self.roll = Some(*students);
            }
            What::SessionClosed { session, course, institution, day, .. } if self.period.contains(*day) => {
                self.index.close(&Lesson { session, course, institution: institution.as_ref(), day: *day });
            }
            What::Attendance { student, session, course, day, status, minutes, .. } if self.period.contains(*day) => {
                let lesson = Lesson { session, course, institution: None, day: *day };
                self.index.attendance(entry.seq, student, &lesson, (*status, *minutes));
            }
            What::Consumption { session, course, institution, day, attendance, .. } if self.period.contains(*day) => {
                let lesson = Lesson { session, course, institution: institution.as_ref(), day: *day };
                self.index.consumption(entry.seq, &lesson, *attendance);
            }
            What::StaffHours { staff, session, course, institution, day, minutes, instead_of, .. }
                if self.period.contains(*day) =>
            {
                let lesson = Lesson { session, course, institution: institution.as_ref(), day: *day };
                self.index.staff_hours(entry.seq, staff, &lesson, (*minutes, instead_of.is_some()));
            }
            What::Dined { student, .. } if self.day_of(entry).is_some_and(|day| self.period.contains(day)) => {
                self.index.dinner(entry.seq, student);
            }
            What::Corrected { entry: wrong, to, .. } => self.index.correct(*wrong, to),
            _ => {}
        }
    }

    fn day_of(&self, entry: &Entry) -> Option<Day> {
        entry.at.day().and_then(Day::from_number).or(self.today)
    }
}
