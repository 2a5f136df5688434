//! Which entries a command is about, as the command line says it.

use std::str::FromStr;

use clap::Args;
use schoolgate_core::{
    entry::What,
    time::{Day, Wall},
};

/// Which entries; all conditions given hold.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterArgs {
    /// First day, or moment such as 2026-09-01T16:30:00+08:00 / 起始日期或时刻
    #[arg(long, value_name = "TIME")]
    pub from: Option<Edge>,
    /// Last day or moment; the day counts to its end / 截止日期或时刻（含当日全天）
    #[arg(long, value_name = "TIME")]
    pub until: Option<Edge>,
    /// Entries by their numbers, both ends included: 3..9, 3.., ..9 or 7 / 按记录号，含首尾
    #[arg(long, value_name = "A..B")]
    pub seq: Option<SeqRange>,
    /// Only entries at this place / 只要此地点的记录
    #[arg(long, value_name = "ID")]
    pub place: Option<String>,
    /// Only entries about this student / 只要与此学生有关的记录
    #[arg(long, value_name = "ID")]
    pub student: Option<String>,
    /// Only entries about this guardian / 只要与此监护人有关的记录
    #[arg(long, value_name = "ID")]
    pub guardian: Option<String>,
    /// Only entries about this member of staff / 只要与此教职工有关的记录
    #[arg(long, value_name = "ID")]
    pub staff: Option<String>,
    /// Only entries about this session / 只要与此课次有关的记录
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    /// Only entries about the person or thing of this id, whatever it is / 只要与此编号有关的记录，不论人或物
    #[arg(long, value_name = "ID")]
    pub subject: Option<String>,
    /// Only entries of these kinds / 只要这些种类的记录
    #[arg(long = "kind", value_name = "K", value_delimiter = ',', value_parser = kind)]
    pub kinds: Vec<&'static str>,
    /// Look students, sessions and places up in the local index: quicker, but not evidence /
    /// 用本机索引查学生、课次、地点：更快，但不作凭证
    #[arg(long)]
    pub indexed: bool,
}

impl FilterArgs {
    /// Whether more than an entry's number must be known to tell if it is wanted.
    pub fn looks_inside(&self) -> bool {
        let Self { seq: _, indexed: _, from, until, place, student, guardian, staff, session, subject, kinds } = self;
        let ids = [place, student, guardian, staff, session, subject];
        from.is_some() || until.is_some() || !kinds.is_empty() || ids.iter().any(|id| id.is_some())
    }
}

/// An end of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// All of a day on the school's own calendar.
    Day(Day),
    /// A moment, included.
    Moment(Wall),
}

impl Edge {
    /// Whether a time is this or later.
    pub fn is_reached_by(self, wall: Wall) -> bool {
        match self {
            Self::Day(day) => wall.day() >= day.number(),
            Self::Moment(moment) => wall.unix_ms() >= moment.unix_ms(),
        }
    }

    /// Whether a time is behind all of this.
    pub fn is_passed_by(self, wall: Wall) -> bool {
        match self {
            Self::Day(day) => wall.day() > day.number(),
            Self::Moment(moment) => wall.unix_ms() > moment.unix_ms(),
        }
    }
}

impl FromStr for Edge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A day's parser also takes a time with a day in it, and drops the hours.
        let day = || text.parse().ok().filter(|_| text.len() == "2026-09-01".len()).map(Self::Day);
        let moment = || text.parse().ok().map(Self::Moment);
        day().or_else(moment).ok_or_else(|| {
            "a day is written 2026-09-01, a moment 2026-09-01T16:30:00+08:00; entries by number: --seq 3..9 / \
             日期应写作 2026-09-01，时刻应写作 2026-09-01T16:30:00+08:00；按记录号用 --seq 3..9"
                .to_owned()
        })
    }
}

/// Numbers of entries, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeqRange {
    /// The first, from 1.
    pub first: u64,
    /// The last, not before the first.
    pub last: u64,
}

impl SeqRange {
    /// Every entry.
    pub const ALL: Self = Self { first: 1, last: u64::MAX };
}

impl FromStr for SeqRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = |digits: &str, open: u64| if digits.is_empty() { Ok(open) } else { digits.parse() };
        let ends = match text.split_once("..") {
            Some((first, last)) => end(first, Self::ALL.first).and_then(|first| Ok((first, end(last, u64::MAX)?))),
            None => text.parse().map(|seq| (seq, seq)),
        };
        ends.ok()
            .filter(|(first, last)| *first >= 1 && first <= last)
            .map(|(first, last)| Self { first, last })
            .ok_or_else(|| {
                "numbers are written 3..9, 3.., ..9 or 7, from 1, the lower first / \
                 记录号应写作 3..9、3..、..9 或 7，从 1 起，小的在前"
                    .to_owned()
            })
    }
}

fn kind(text: &str) -> Result<&'static str, String> {
    What::KINDS.iter().copied().find(|kind| *kind == text).ok_or_else(|| {
        let nearest = What::KINDS.iter().min_by_key(|kind| strsim::damerau_levenshtein(kind, text));
        let nearest = nearest.copied().unwrap_or_default();
        format!("no kind of entry; the nearest is {nearest} / 没有这种记录，最接近的是 {nearest}")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edge(text: &str) -> Edge {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_reaches_from_its_midnight_to_its_last_moment_at_the_school() {
        let day = edge("2026-09-01");
        let wall = |text: &str| text.parse::<Wall>().unwrap();
        let (first, last) = (wall("2026-09-01T00:00:00.000+08:00"), wall("2026-09-01T23:59:59.999+08:00"));
        assert!(day.is_reached_by(first) && !day.is_reached_by(first.shifted(-1)));
        assert!(!day.is_passed_by(last) && day.is_passed_by(last.shifted(1)));
    }

    #[test]
    fn a_moment_is_the_same_in_every_offset() {
        let moment = edge("2026-09-01T16:30:00+08:00");
        let same: Wall = "2026-09-01T08:30:00Z".parse().unwrap();
        assert!(moment.is_reached_by(same) && !moment.is_passed_by(same));
        assert!(!moment.is_reached_by(same.shifted(-1)) && moment.is_passed_by(same.shifted(1)));
    }

    #[test]
    fn numbers_include_both_ends_and_may_be_left_open() {
        let range = |text: &str| text.parse::<SeqRange>().map(|range| (range.first, range.last));
        assert_eq!(range("3..9"), Ok((3, 9)));
        assert_eq!(range("3.."), Ok((3, u64::MAX)));
        assert_eq!(range("..9"), Ok((1, 9)));
        assert_eq!(range("7"), Ok((7, 7)));
        for wrong in ["", "0", "9..3", "a..b", "1..2..3", "-1"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number_in_place_of_a_day_is_told_what_would_do() {
        assert!("3".parse::<Edge>().unwrap_err().contains("--seq 3..9"));
        assert!(kind("arived").unwrap_err().contains("arrived"));
    }

    proptest! {
        #[test]
        fn nothing_typed_here_panics(text in "\\PC{0,40}|[0-9T:.+-]{0,30}") {
            let _ = (text.parse::<Edge>(), text.parse::<SeqRange>(), kind(&text));
        }
    }
}
