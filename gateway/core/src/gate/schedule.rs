//! When a gate stands open, and when it is locked, by the days of the week, the school's calendar and the time of day.
//!
//! A line reads `DAYS FROM-UNTIL free` or `DAYS FROM-UNTIL locked`; outside of every line the gate is a gate. DAYS is
//! `daily`, a kind of day by the roster's calendar (`school_day`, `weekend_day`, `holiday_opening`, `closed`), or days of
//! the week with commas and ranges (`mon-fri`, `tue,thu`). FROM is the first minute, UNTIL the first that does not count.
//! Where lines overlap, locked beats free. No gate is free on a day on which the calendar says that the school is closed.

use core::{fmt, str::FromStr};

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::{
    roster::DayKind,
    time::{Day, TimeOfDay, Weekday},
};

/// Most lines of one gate's schedule.
pub const MAX_SCHEDULE_LINES: usize = 64;

/// How a gate is run, when there is no emergency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A tap, a button or an order opens it, each for its own person.
    #[default]
    Controlled,
    /// It stands open.
    Free,
    /// It opens for staff, for whom a family or an approved leave takes out, and for nobody else.
    Locked,
}

/// Which days a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Days {
    Kind(DayKind),
    /// One bit for each weekday, Monday first.
    Weekdays(u8),
}

/// One line of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    days: Days,
    from: TimeOfDay,
    until: TimeOfDay,
    mode: Mode,
}

/// A gate's schedule; without lines, the gate is a gate at all times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule(pub Vec<Span>);

impl Schedule {
    /// How the gate is run at that minute.
    pub fn mode(&self, day: Day, kind: DayKind, time: TimeOfDay) -> Mode {
        let weekday = 1_u8 << (day.weekday() as u8);
        let fits = |days: Days| match days {
            Days::Kind(wanted) => wanted == kind,
            Days::Weekdays(days) => days & weekday != 0,
        };
        let now = |span: &&Span| fits(span.days) && span.from <= time && time < span.until;
        let is = |mode| self.0.iter().filter(now).any(|span| span.mode == mode);
        if is(Mode::Locked) {
            Mode::Locked
        } else if is(Mode::Free) && kind != DayKind::Closed {
            Mode::Free
        } else {
            Mode::Controlled
        }
    }

    /// The next minute of the day at which the mode may change.
    pub fn next_change(&self, after: TimeOfDay) -> Option<TimeOfDay> {
        self.0.iter().flat_map(|span| [span.from, span.until]).filter(|time| *time > after).min()
    }

    /// Whether some line says so.
    pub fn has(&self, mode: Mode) -> bool {
        self.0.iter().any(|span| span.mode == mode)
    }
}

/// Why a text is no line of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotASpan {
    /// It has not three parts.
    Parts,
    /// The days are none that are known.
    Days,
    /// The hours are not `HH:MM-HH:MM`, the first before the second.
    Hours,
    /// The last word is neither `free` nor `locked`.
    Mode,
}

impl fmt::Display for NotASpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parts => "a line has days, hours and free or locked: mon-fri 16:30-17:30 free",
            Self::Days => {
                "days are daily, school_day, weekend_day, holiday_opening, closed, or such as mon-fri or tue,thu"
            }
            Self::Hours => "hours are such as 16:30-17:30, the end after the start",
            Self::Mode => "the last word is free or locked",
        })
    }
}

impl core::error::Error for NotASpan {}

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let mut parts = text.split_ascii_whitespace();
        let (Some(days), Some(hours), Some(mode), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotASpan::Parts);
        };
        let days = parse_days(days).ok_or(NotASpan::Days)?;
        let (from, until) = hours.split_once('-').ok_or(NotASpan::Hours)?;
        let time = |text: &str| text.parse::<TimeOfDay>().map_err(|_| NotASpan::Hours);
        let (from, until) = (time(from)?, time(until)?);
        if until <= from {
            return Err(NotASpan::Hours);
        }
        let mode = match mode {
            "free" => Mode::Free,
            "locked" => Mode::Locked,
            _ => return Err(NotASpan::Mode),
        };
        Ok(Self { days, from, until, mode })
    }
}

fn parse_days(text: &str) -> Option<Days> {
    let kind = match text {
        "daily" => return Some(Days::Weekdays(0b111_1111)),
        "school_day" => Some(DayKind::SchoolDay),
        "weekend_day" => Some(DayKind::WeekendDay),
        "holiday_opening" => Some(DayKind::HolidayOpening),
        "closed" => Some(DayKind::Closed),
        _ => None,
    };
    if let Some(kind) = kind {
        return Some(Days::Kind(kind));
    }
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (weekday(first)?, weekday(last)?);
        if last < first {
            return None;
        }
        (first..=last).for_each(|day| days |= 1_u8 << day);
    }
    Some(Days::Weekdays(days))
}

fn weekday(name: &str) -> Option<u8> {
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let at = names.iter().position(|known| *known == name)?;
    Weekday::ALL.get(at).map(|day| *day as u8)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    fn schedule(lines: &[&str]) -> Schedule {
        Schedule(lines.iter().map(|line| line.parse().unwrap()).collect())
    }

    fn mode(schedule: &Schedule, day: &str, kind: DayKind, time: &str) -> Mode {
        schedule.mode(day.parse().unwrap(), kind, time.parse().unwrap())
    }

    const TUESDAY: &str = "2026-09-01";
    const SATURDAY: &str = "2026-09-05";

    #[test]
    fn a_line_holds_from_its_first_minute_to_the_one_before_its_end_on_its_days() {
        let schedule = schedule(&["mon-wed,fri 16:30-17:30 free"]);
        let at = |day, time| mode(&schedule, day, DayKind::SchoolDay, time);
        assert_eq!(at(TUESDAY, "16:29"), Mode::Controlled);
        assert_eq!(at(TUESDAY, "16:30"), Mode::Free);
        assert_eq!(at(TUESDAY, "17:29"), Mode::Free);
        assert_eq!(at(TUESDAY, "17:30"), Mode::Controlled);
        assert_eq!(at("2026-09-03", "16:30"), Mode::Controlled, "a Thursday");
        assert_eq!(at("2026-09-04", "16:30"), Mode::Free);
    }

    #[test]
    fn the_schools_calendar_beats_the_weekday() {
        let by_kind = schedule(&["school_day 16:30-17:30 free"]);
        assert_eq!(mode(&by_kind, SATURDAY, DayKind::SchoolDay, "16:30"), Mode::Free, "a Saturday worked in advance");
        assert_eq!(mode(&by_kind, TUESDAY, DayKind::HolidayOpening, "16:30"), Mode::Controlled);
        let by_weekday = schedule(&["daily 16:30-17:30 free", "daily 00:00-06:00 locked"]);
        assert_eq!(mode(&by_weekday, TUESDAY, DayKind::Closed, "16:30"), Mode::Controlled, "nobody is there");
        assert_eq!(mode(&by_weekday, TUESDAY, DayKind::Closed, "05:00"), Mode::Locked);
    }

    #[test]
    fn locked_beats_free_in_whatever_order() {
        for lines in [
            ["daily 08:00-12:00 free", "daily 09:00-10:00 locked"],
            ["daily 09:00-10:00 locked", "daily 08:00-12:00 free"],
        ] {
            assert_eq!(mode(&schedule(&lines), TUESDAY, DayKind::SchoolDay, "09:30"), Mode::Locked);
            assert_eq!(mode(&schedule(&lines), TUESDAY, DayKind::SchoolDay, "10:00"), Mode::Free);
        }
    }

    #[test]
    fn the_next_change_is_the_next_end_or_start_of_the_day() {
        let schedule = schedule(&["mon 16:30-17:30 free", "daily 08:00-11:30 locked"]);
        let next = |time: &str| schedule.next_change(time.parse().unwrap()).map(|time| alloc::format!("{time}"));
        assert_eq!(next("07:00").as_deref(), Some("08:00"));
        assert_eq!(next("08:00").as_deref(), Some("11:30"));
        assert_eq!(next("16:30").as_deref(), Some("17:30"));
        assert_eq!(next("17:30"), None);
    }

    #[test]
    fn what_is_no_line_is_told_by_its_part() {
        let fault = |text: &str| text.parse::<Span>().unwrap_err();
        assert_eq!(fault("mon 16:30-17:30"), NotASpan::Parts);
        assert_eq!(fault("mon 16:30 - 17:30 free"), NotASpan::Parts);
        assert_eq!(fault("monday 16:30-17:30 free"), NotASpan::Days);
        assert_eq!(fault("fri-mon 16:30-17:30 free"), NotASpan::Days);
        assert_eq!(fault("mon 17:30-16:30 free"), NotASpan::Hours);
        assert_eq!(fault("mon 16:30-17:30 open"), NotASpan::Mode);
    }
}
