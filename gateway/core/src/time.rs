//! Moments. The core has no clock: every input brings its moment along, and every entry carries it away.
//!
//! A Pi has no battery clock, so wall time alone proves nothing. A [`Stamp`] therefore tells wall time *and* time since
//! boot, which boot it was, and how good the clock was; order comes from neither but from the entry's number.

use core::{fmt, str::FromStr, time::Duration};

use alloc::string::{String, ToString};
use jiff::{
    Timestamp,
    fmt::{
        StdFmtWrite,
        temporal::{DateTimePrinter, Pieces},
    },
    tz::Offset,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// Time since this boot, in milliseconds; goes on through suspend, never backwards (`CLOCK_BOOTTIME`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mono(pub u64);

impl Mono {
    /// The moment `after` from now; stays at the end of time rather than wrap.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The moment so many milliseconds from now, before now if negative; stays within time rather than wrap.
    #[must_use]
    pub(crate) fn shifted(self, by_ms: i64) -> Self {
        Self(self.0.saturating_add_signed(by_ms))
    }

    /// By how many milliseconds this is later than `other`; negative if it is earlier.
    pub(crate) fn ahead_of(self, other: Mono) -> i64 {
        let gap = i64::try_from(self.0.abs_diff(other.0)).unwrap_or(i64::MAX);
        if self < other { -gap } else { gap }
    }

    /// How long ago `earlier` was; nothing if it is still to come.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Names one boot of the machine (Linux: the first eight bytes of `/proc/sys/kernel/random/boot_id`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BootId(pub u64);

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for BootId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if !to.is_human_readable() {
            return self.0.serialize(to);
        }
        // Each entry has one, and to write it by `Display` takes five times as long.
        let mut digits = [0; 16];
        for (digit, shift) in digits.iter_mut().zip((0..64).step_by(4).rev()) {
            let value = (self.0 >> shift & 0xF) as u8;
            *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        }
        to.serialize_str(core::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for BootId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if !from.is_human_readable() {
            return u64::deserialize(from).map(Self);
        }
        let text = String::deserialize(from)?;
        let whole = text.len() == 16;
        u64::from_str_radix(&text, 16)
            .ok()
            .filter(|_| whole)
            .map(Self)
            .ok_or_else(|| D::Error::custom("a boot id is written as 16 hex digits"))
    }
}

/// Wall time with the offset that was in force: what a clock on the school's wall would have shown.
/// Written as RFC 3339, to the millisecond.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Wall {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    unix_ms: i64,
    /// Minutes east of UTC.
    offset_min: i16,
}

/// More than `2026-09-01T16:30:00.000+08:00`: jiff asks for room for any year and offset.
const WALL_TEXT_BYTES: usize = 64;
/// The widest offset that any place on earth has used, with room: ±25:59, as jiff allows.
const MAX_OFFSET_MIN: i16 = 25 * 60 + 59;
const DAY_MS: i64 = 86_400_000;
/// RFC 3339 writes years with four digits; two days of room at both ends let every offset fit.
const FIRST_MS: i64 = -62_135_596_800_000 + 2 * DAY_MS;
const LAST_MS: i64 = 253_402_300_799_999 - 2 * DAY_MS;

impl Wall {
    /// Milliseconds since 1970-01-01T00:00:00Z and minutes east of UTC; figures beyond the years 1 to 9999 are brought to
    /// that edge.
    pub fn new(unix_ms: i64, offset_min: i16) -> Self {
        Self {
            unix_ms: unix_ms.clamp(FIRST_MS, LAST_MS),
            offset_min: offset_min.clamp(-MAX_OFFSET_MIN, MAX_OFFSET_MIN),
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn unix_ms(self) -> i64 {
        self.unix_ms
    }

    /// Days since 1970-01-01 on the school's own calendar.
    pub fn day(self) -> i64 {
        self.local_ms().div_euclid(DAY_MS)
    }

    /// The moment of that time of day on that day, days counted since 1970-01-01, at this offset.
    #[must_use]
    pub fn on(day: i64, time: TimeOfDay, offset_min: i16) -> Self {
        let minutes = day.saturating_mul(24 * 60).saturating_add(i64::from(time.minute) - i64::from(offset_min));
        Self::new(minutes.saturating_mul(60_000), offset_min)
    }

    /// Minutes east of UTC.
    pub fn offset_min(self) -> i16 {
        self.offset_min
    }

    /// Time of day on the school's wall.
    pub fn time_of_day(self) -> TimeOfDay {
        let minute = self.local_ms().rem_euclid(DAY_MS) / 60_000;
        TimeOfDay { minute: u16::try_from(minute).unwrap_or_default() }
    }

    /// Moved by so many milliseconds, at the same offset.
    #[must_use]
    pub fn shifted(self, by_ms: i64) -> Self {
        Self::new(self.unix_ms.saturating_add(by_ms), self.offset_min)
    }

    fn print(self, to: impl jiff::fmt::Write) -> Result<(), jiff::Error> {
        static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
        // `new` keeps both within jiff's range.
        let moment = Timestamp::from_millisecond(self.unix_ms)?;
        let offset = Offset::from_seconds(i32::from(self.offset_min) * 60)?;
        PRINTER.print_timestamp_with_offset(&moment, offset, to)
    }

    /// Milliseconds of the school's own calendar: as [`unix_ms`](Self::unix_ms), had the epoch been at its midnight.
    pub(crate) fn local_ms(self) -> i64 {
        self.unix_ms + i64::from(self.offset_min) * 60_000
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(StdFmtWrite(f)).map_err(|_| fmt::Error)
    }
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a [`Wall`] time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAWallTime;

impl fmt::Display for NotAWallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time is written as RFC 3339 with an offset: 2026-09-01T16:30:00.000+08:00")
    }
}

impl core::error::Error for NotAWallTime {}

impl FromStr for Wall {
    type Err = NotAWallTime;

    fn from_str(text: &str) -> Result<Self, NotAWallTime> {
        let pieces = Pieces::parse(text).map_err(|_| NotAWallTime)?;
        let time = pieces.time().ok_or(NotAWallTime)?;
        let offset = pieces.to_numeric_offset().ok_or(NotAWallTime)?;
        let moment = offset.to_timestamp(pieces.date().to_datetime(time)).map_err(|_| NotAWallTime)?;
        let offset_min = i16::try_from(offset.seconds() / 60).map_err(|_| NotAWallTime)?;
        Ok(Self::new(moment.as_millisecond(), offset_min))
    }
}

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if !to.is_human_readable() {
            return (self.unix_ms, self.offset_min).serialize(to);
        }
        // By `Display` the pieces would be looked through for what must be escaped, one after the other.
        let mut text = String::with_capacity(WALL_TEXT_BYTES);
        self.print(&mut text).map_err(S::Error::custom)?;
        to.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Wall {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if !from.is_human_readable() {
            return Deserialize::deserialize(from).map(|(unix_ms, offset_min)| Self::new(unix_ms, offset_min));
        }
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A time of day on the school's wall, to the minute, written `HH:MM`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    minute: u16,
}

impl TimeOfDay {
    /// 00:00.
    pub const MIDNIGHT: Self = Self { minute: 0 };

    /// So many minutes later; 23:59 if that is on the next day.
    #[must_use]
    pub fn plus_minutes(self, minutes: u16) -> Self {
        Self { minute: self.minute.saturating_add(minutes).min(24 * 60 - 1) }
    }

    /// Minutes since midnight, 0 to 1439.
    pub fn minute(self) -> u16 {
        self.minute
    }
}

/// Why a text is not a [`TimeOfDay`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATimeOfDay;

impl fmt::Display for NotATimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time of day is written HH:MM, from 00:00 to 23:59")
    }
}

impl core::error::Error for NotATimeOfDay {}

impl FromStr for TimeOfDay {
    type Err = NotATimeOfDay;

    fn from_str(text: &str) -> Result<Self, NotATimeOfDay> {
        let (hour, minute) = text.split_once(':').ok_or(NotATimeOfDay)?;
        let part = |digits: &str, below: u16| {
            let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|&n| plain && n < below).ok_or(NotATimeOfDay)
        };
        Ok(Self { minute: part(hour, 24)? * 60 + part(minute, 60)? })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A part of the day, both ends included, within one day: `{"from":"16:30","until":"20:30"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// First minute that counts.
    pub from: TimeOfDay,
    /// Last minute that counts.
    pub until: TimeOfDay,
}

impl Hours {
    /// Whether that minute lies within.
    pub fn contain(self, time: TimeOfDay) -> bool {
        self.from <= time && time <= self.until
    }

    /// How long, in minutes.
    pub fn minutes(self) -> u16 {
        self.until.minute.saturating_sub(self.from.minute)
    }
}

/// A day on the calendar, written `2026-09-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(jiff::civil::Date);

impl Day {
    /// Days since 1970-01-01, comparable with [`Wall::day`].
    pub fn number(self) -> i64 {
        let start = self.0.to_datetime(jiff::civil::Time::midnight());
        Offset::UTC.to_timestamp(start).map_or(0, |t| t.as_second().div_euclid(86_400))
    }
}

impl Day {
    /// The day so many days after 1970-01-01; nothing beyond the years of jiff's calendar (-9999 to 9999).
    pub fn from_number(days: i64) -> Option<Self> {
        let moment = Timestamp::from_second(days.checked_mul(86_400)?).ok()?;
        Some(Self(Offset::UTC.to_datetime(moment).date()))
    }

    /// The first day of its month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// Which day of the week it is.
    pub fn weekday(self) -> Weekday {
        Weekday::ALL[usize::from(self.0.weekday().to_monday_zero_offset().unsigned_abs())]
    }
}

impl From<jiff::civil::Date> for Day {
    fn from(date: jiff::civil::Date) -> Self {
        Self(date)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Weekday {
    /// From Monday to Sunday (ISO 8601).
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

impl FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| D::Error::custom(alloc::format!("{text:?} is not a day such as 2026-09-01")))
    }
}

/// How far the wall time of a [`Stamp`] can be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockQuality {
    /// Kept by a time source right now.
    Synchronised,
    /// Set since boot, but the source is away.
    Holdover {
        /// Largest error that the kernel reckons with, in milliseconds.
        error_ms: u32,
    },
    /// Not set since boot: wall time means nothing.
    #[default]
    Unset,
    /// Made up for an exercise: rules hold, evidence it is not.
    Simulated,
}

impl ClockQuality {
    /// Whether wall time may be used to decide anything.
    pub fn is_set(self) -> bool {
        !matches!(self, Self::Unset)
    }
}

/// Nobody is on campus for longer than this in one day: from before 07:00 to 20:30, the latest end of a session.
pub const LONGEST_DAY: Duration = Duration::from_secs(15 * 3600);

/// One moment, as fully as the box knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// What the wall clock said.
    pub wall: Wall,
    /// Which boot it was.
    pub boot: BootId,
    /// Time since that boot.
    #[serde(rename = "mono_ms")]
    pub mono: Mono,
    /// How far `wall` can be believed.
    pub clock: ClockQuality,
}

impl Stamp {
    /// How long before `now` this was: by the boot's own time if it is the same boot, else by wall time if both clocks
    /// were set, else unknown. Unknown, too, if time seems to have gone backwards: one of the two is wrong.
    pub fn elapsed(&self, now: &Stamp) -> Option<Duration> {
        if self.boot == now.boot {
            return now.mono.0.checked_sub(self.mono.0).map(Duration::from_millis);
        }
        if !self.clock.is_set() || !now.clock.is_set() {
            return None;
        }
        let gone_ms = now.wall.unix_ms.saturating_sub(self.wall.unix_ms);
        u64::try_from(gone_ms).ok().map(Duration::from_millis)
    }

    /// By how many milliseconds the wall clock moved between this and a later moment beyond what time passed; nothing across
    /// boots, or if either clock was not set.
    pub fn clock_moved(&self, later: &Stamp) -> i64 {
        if self.boot != later.boot || !self.clock.is_set() || !later.clock.is_set() {
            return 0;
        }
        later.wall.unix_ms.saturating_sub(self.wall.unix_ms).saturating_sub(later.mono.ahead_of(self.mono))
    }

    /// What the clock of `now` would have shown at this moment: by the boot's own time if it is the same boot, so that a
    /// clock which was set or jumped since does not matter; else what it did show, if it was set.
    pub fn seen_from(&self, now: &Stamp) -> Option<Wall> {
        if self.boot == now.boot && now.clock.is_set() {
            return Some(now.wall.shifted(self.mono.ahead_of(now.mono)));
        }
        self.clock.is_set().then_some(self.wall)
    }

    /// Whether this was on an earlier day than `now`: by the calendar, as [seen from](Self::seen_from) now, if that can be
    /// told; else a stay of [`LONGEST_DAY`] or more is taken for one.
    pub fn is_of_an_earlier_day(&self, now: &Stamp) -> bool {
        match (self.seen_from(now).map(Wall::day), now.day()) {
            (Some(then), Some(today)) => then < today,
            _ => self.elapsed(now).is_some_and(|gone| gone >= LONGEST_DAY),
        }
    }

    /// Whether `earlier` was on this same day: by the calendar if both clocks were set; else if it is known to be less
    /// than [`LONGEST_DAY`] ago.
    pub fn is_same_day(&self, earlier: &Stamp) -> bool {
        match (earlier.day(), self.day()) {
            (Some(then), Some(today)) => then == today,
            _ => earlier.elapsed(self).is_some_and(|gone| gone < LONGEST_DAY),
        }
    }

    /// The school's own calendar day, if the clock was set.
    pub fn day(&self) -> Option<i64> {
        self.clock.is_set().then(|| self.wall.day())
    }

    /// Time of day on the school's wall, if the clock was set.
    pub fn time_of_day(&self) -> Option<TimeOfDay> {
        self.clock.is_set().then(|| self.wall.time_of_day())
    }

    /// `16:31` for sentences, or nothing when the clock was not set.
    pub fn clock_text(&self) -> Option<String> {
        self.time_of_day().map(|time| time.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(text: &str) -> Wall {
        text.parse().unwrap()
    }

    #[test]
    fn wall_time_reads_back_as_written() {
        for text in ["2026-09-01T16:31:05.123+08:00", "1970-01-01T08:00:00.000+08:00", "2026-02-28T23:59:59.999-03:30"]
        {
            assert_eq!(wall(text).to_string(), text);
        }
        assert_eq!(wall("2026-09-01T08:31:05Z").to_string(), "2026-09-01T08:31:05.000+00:00");
        assert!("2026-09-01T16:31:05".parse::<Wall>().is_err(), "without an offset it is no moment");
    }

    #[test]
    fn the_days_turn_on_the_schools_wall_not_at_greenwich() {
        let late = wall("2026-09-01T23:59:59.999+08:00");
        let early = wall("2026-09-02T00:00:00.000+08:00");
        assert_eq!(early.day(), late.day() + 1);
        assert_eq!(late.day(), "2026-09-01".parse::<Day>().unwrap().number());
        assert_eq!(late.time_of_day().to_string(), "23:59");
    }

    #[test]
    fn a_time_of_day_is_two_digits_and_two_digits() {
        for bad in ["", "7:30", "24:00", "07:60", "07:3", "+7:30", "07:30:00"] {
            assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
        }
        let hours = Hours { from: "16:30".parse().unwrap(), until: "20:30".parse().unwrap() };
        assert!(hours.contain("20:30".parse().unwrap()) && !hours.contain("20:31".parse().unwrap()));
    }

    #[test]
    fn elapsed_time_across_boots_is_known_only_by_set_clocks() {
        let at = |boot, mono, text, clock| Stamp { wall: wall(text), boot: BootId(boot), mono: Mono(mono), clock };
        let before = at(1, 90_000, "2026-09-01T16:00:00+08:00", ClockQuality::Synchronised);
        let same_boot = at(1, 95_000, "1970-01-01T00:00:00+08:00", ClockQuality::Unset);
        let rebooted = at(2, 10_000, "2026-09-01T16:02:00+08:00", ClockQuality::Synchronised);
        let lost = at(3, 10_000, "1970-01-01T00:00:10+08:00", ClockQuality::Unset);
        assert_eq!(before.elapsed(&same_boot), Some(Duration::from_secs(5)));
        assert_eq!(before.elapsed(&rebooted), Some(Duration::from_secs(120)));
        assert_eq!(before.elapsed(&lost), None);
        assert_eq!(rebooted.elapsed(&before), None, "time does not go back: one of the clocks was wrong");
    }

    #[test]
    fn a_jump_of_the_clock_makes_no_yesterday_of_this_morning() {
        let at = |boot, mono, text| Stamp {
            wall: wall(text),
            boot: BootId(boot),
            mono: Mono(mono),
            clock: ClockQuality::Synchronised,
        };
        let morning = at(1, 0, "2026-09-01T07:41:00+08:00");
        let jumped = at(1, 4 * 3_600_000, "2030-01-01T12:00:00+08:00");
        assert!(!morning.is_of_an_earlier_day(&jumped), "it was four hours ago");
        assert_eq!(morning.seen_from(&jumped), Some(wall("2030-01-01T08:00:00+08:00")));
        assert!(morning.is_of_an_earlier_day(&at(1, 17 * 3_600_000, "2026-09-02T00:41:00+08:00")));
        assert!(morning.is_of_an_earlier_day(&at(2, 0, "2026-09-02T00:00:00+08:00")), "another boot: by the calendar");
    }

    #[test]
    fn walls_beyond_the_calendar_are_brought_to_its_edge() {
        assert!(Wall::new(i64::MAX, i16::MAX).to_string().starts_with("9999-"));
        let _ = Wall::new(i64::MIN, i16::MIN).to_string();
    }
}
