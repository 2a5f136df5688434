//! The figures that a school may set. Defaults are the domain's own.

use core::{ops::RangeInclusive, time::Duration};

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    id::PlaceId,
    proof::{BareNumber, Proofs},
    roster::SchoolLevel,
    time::{Hours, TimeOfDay, Weekday},
};

/// Declares every span of time once: its field, the method that gives it, its default, range, unit and what it is for.
macro_rules! policy {
    ($($(#[$doc:meta])* $field:ident, $method:ident: $default:literal, $range:expr, $seconds:literal;)+) => {
        /// What a school has decided. Every field may be left out.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Policy {
            $($(#[$doc])* pub $field: u16,)+
            /// The share of a session, in per cent, that a student must have been there for the lesson to count (1 to 100).
            pub consumption_share_pct: u16,
            /// So many wrong pickup codes at one place within a quarter of an hour close it to codes for as long
            /// (1 to 5; GB 50396-2007 §5.1.5 asks for an alarm after at most 5).
            pub wrong_codes: u16,
            /// When children may be handed to their families; always, if left out.
            pub release_hours: Option<Hours>,
            /// When dinner is given out; always, if left out.
            pub dinner_hours: Option<Hours>,
            /// No session may end before this time on a school day; unchecked, if left out.
            pub earliest_end: Option<TimeOfDay>,
            /// No session may end after these times.
            pub latest_end: LatestEnd,
            /// What happens at a reader that leads the other way than the student goes by the ledger.
            pub anti_passback: AntiPassback,
            /// Which kinds of proof count, by who shows them.
            pub proofs: Proofs,
            /// What is made of a card's number alone, if the card has shown secure messages here before.
            pub bare_number: BareNumber,
            /// Which class may go when, and by which gate; every class at all times, if left out.
            pub dismissal: Vec<Dismissal>,
        }

        impl Default for Policy {
            fn default() -> Self {
                Self {
                    $($field: $default,)+
                    consumption_share_pct: 50,
                    wrong_codes: 5,
                    release_hours: None,
                    dinner_hours: None,
                    earliest_end: None,
                    latest_end: LatestEnd::default(),
                    anti_passback: AntiPassback::default(),
                    proofs: Proofs::default(),
                    bare_number: BareNumber::default(),
                    dismissal: Vec::new(),
                }
            }
        }

        impl Policy {
            $(
                #[doc = concat!("See [`Policy::", stringify!($field), "`].")]
                pub fn $method(&self) -> Duration {
                    Duration::from_secs(u64::from(self.$field) * $seconds)
                }
            )+

            /// Each figure with its name and the range it must lie in.
            pub(crate) fn figures(&self) -> impl Iterator<Item = (&'static str, u16, RangeInclusive<u16>)> {
                let spans = [$((stringify!($field), self.$field, $range)),+];
                let counts = [
                    ("consumption_share_pct", self.consumption_share_pct, 1..=100),
                    ("wrong_codes", self.wrong_codes, 1..=5),
                ];
                spans.into_iter().chain(counts)
            }
        }
    };
}

policy! {
    /// A second tap of the same card at the same place within this many seconds is the same tap (0 to 60).
    repeat_window_s, repeat_window: 3, 0..=60, 1;
    /// How long a pickup call or a waiting child stays open for the other half of the release, in seconds (10 to 3600).
    release_window_s, release_window: 600, 10..=3600, 1;
    /// A release lets a child out of the gate for this many seconds (600 to 43200); whoever taps later has been away
    /// without a tap.
    release_holds_s, release_holds: 3_600, 600..=43_200, 1;
    /// An alarm about refused taps ends when none has come for this many seconds (10 to 3600).
    alarm_quiet_s, alarm_quiet: 60, 10..=3600, 1;
    /// A reader or a sensor's line that has been away for this many seconds is an alarm (1 to 600).
    reader_lost_s, reader_lost: 10, 1..=600, 1;
    /// Who comes to a session no later than this many seconds after its start is in time, and who goes no earlier than
    /// this before its end stayed to the end (0 to 3600).
    late_grace_s, late_grace: 300, 0..=3600, 1;
    /// A session's room opens this many seconds before its start, for staff and students (0 to 7200).
    early_s, early: 900, 0..=7200, 1;
    /// A student who is not there this many seconds after the start of a session is missing (60 to 3600).
    absence_after_s, absence_after: 600, 60..=3600, 1;
    /// A session is closed this many seconds after its end (60 to 7200).
    close_after_s, close_after: 900, 60..=7200, 1;
    /// Two members of staff at one reader within this many seconds are a handover (10 to 600).
    handover_window_s, handover_window: 60, 10..=600, 1;
    /// A handover that was begun and is not complete after this many seconds is an alarm (10 to 3600).
    handover_incomplete_s, handover_incomplete: 120, 10..=3600, 1;
    /// Not fetched so many minutes after the last session's end: the duty teacher is alerted, extended care begins (1 to 240).
    not_fetched_1_min, not_fetched_1: 15, 1..=240, 60;
    /// So many: duty leader and guardians (1 to 240).
    not_fetched_2_min, not_fetched_2: 30, 1..=240, 60;
    /// So many: the principal (1 to 240).
    not_fetched_3_min, not_fetched_3: 60, 1..=240, 60;
    /// A gate's door may stand open for so many seconds (3 to 600).
    gate_held_s, gate_held: 30, 3..=600, 1;
    /// A grant that nobody went through with lapses after so many seconds (3 to 60; at least 3 by IEC 60839-11-1).
    passage_s, passage: 5, 3..=60, 1;
    /// A patrol is missed so many minutes past its window (0 to 240).
    patrol_grace_min, patrol_grace: 15, 0..=240, 60;
    /// The platform may be away for so many hours (1 to 720).
    platform_unreached_h, platform_unreached: 24, 1..=720, 3_600;
    /// A roster may be so many hours old (1 to 720).
    roster_old_h, roster_old: 48, 1..=720, 3_600;
    /// News later than this many seconds says that it is late (30 to 3600).
    late_news_s, late_news: 300, 30..=3600, 1;
}

impl Policy {
    /// The three times at which a student who was not fetched is looked at, after the end of their last session.
    pub fn not_fetched(&self) -> [Duration; 3] {
        [self.not_fetched_1(), self.not_fetched_2(), self.not_fetched_3()]
    }
}

/// Most lines about the classes' dismissal.
pub const MAX_DISMISSALS: usize = 2_000;

/// When the students of a class may go alone, by which gate. Whom a family fetches, or who has leave, does not wait for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dismissal {
    /// Which class.
    pub class: String,
    /// By which gate; by any, if left out.
    #[serde(default)]
    pub place: Option<PlaceId>,
    /// From when on.
    pub from: TimeOfDay,
    /// On which days of the week; on all, if left out.
    #[serde(default)]
    pub weekdays: Vec<Weekday>,
}

/// The latest end of a session, by kind of school. Cities set 20:00 or 20:30 for junior high school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LatestEnd {
    /// Primary school.
    pub primary: Option<TimeOfDay>,
    /// Junior high school.
    pub junior: Option<TimeOfDay>,
    /// Senior high school.
    pub senior: Option<TimeOfDay>,
}

impl Default for LatestEnd {
    fn default() -> Self {
        Self { primary: None, junior: "20:30".parse().ok(), senior: None }
    }
}

impl LatestEnd {
    /// The latest end for that kind of school, if there is one.
    pub fn of(&self, level: SchoolLevel) -> Option<TimeOfDay> {
        match level {
            SchoolLevel::Primary => self.primary,
            SchoolLevel::Junior => self.junior,
            SchoolLevel::Senior => self.senior,
        }
    }
}

/// What happens to a student at a reader that leads the other way than they go by the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AntiPassback {
    /// The reader is right: a movement without a tap is written down, and people are let through.
    #[default]
    LetThrough,
    /// Nobody is let through against the ledger; the duty leader is alarmed.
    Refuse,
}
