//! The script of an afternoon: who does what when, and what must come of it.
//!
//! Pure: the same school and seed give the same afternoon. Times are the school's own. Acts that depend on each other's
//! order lie at least [`STEP`] apart, so that an afternoon played 150 times faster than life still comes out the same.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::{
    civil::{Date, Time},
    tz::TimeZone,
};
use schoolgate_core::{
    entry::{Entry, Reason, Recipient, What},
    id::{GuardianId, StudentId},
    roster::Holder,
    time::Wall,
};

use crate::{campus::Campus, plan::Planner, school::School, virtual_reader::CardNumber};

/// Least time between two acts of which the second needs the first.
pub const STEP: Duration = Duration::from_secs(45);
/// A card comes to the same reader again only after this time, unless it is the same tap again. The readers take a card
/// that comes back within a second of real time for one that never left.
pub const SAME_READER_AGAIN: Duration = Duration::from_secs(300);
/// Fastest that an afternoon may be played, in times of real time: beyond, [`SAME_READER_AGAIN`] lasts less than
/// a second and a half.
pub const MAX_SPEED: u32 = 200;

/// When an afternoon begins.
pub(crate) const BEGINS: Time = jiff::civil::time(16, 0, 0, 0);
/// Minutes east of Greenwich: schoolgate's field is China, which has one time.
pub(crate) const OFFSET_MIN: i16 = 8 * 60;

/// A script.
#[derive(Clone, Debug)]
pub struct Afternoon {
    /// The day.
    pub date: Date,
    /// How long it takes.
    pub length: Duration,
    /// What happens, in order of time.
    pub acts: Vec<Act>,
    /// What must come of every student.
    pub fates: BTreeMap<StudentId, Fate>,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When, since the afternoon's start.
    pub at: Duration,
    /// Who does it.
    pub who: Who,
    /// What they do.
    pub what: Deed,
}

/// Who does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A student.
    Student(StudentId),
    /// A guardian.
    Guardian(GuardianId),
    /// Somebody with a card that the school has not given out.
    Stranger,
    /// Nobody: things fail by themselves.
    Nobody,
}

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Presents a card at a reader.
    Tap {
        /// Which reader, by its index in [`Campus::readers`].
        reader: usize,
        /// Which card.
        card: CardNumber,
        /// How long it lies there; the reader repeats its frame all the while.
        rests: Duration,
        /// What must come of it.
        outcome: Outcome,
    },
    /// A reader sends a frame that was damaged on the way.
    Garble {
        /// Which reader.
        reader: usize,
        /// Whose card it was.
        card: CardNumber,
    },
    /// A reader's cable comes out.
    Unplug {
        /// Which reader.
        reader: usize,
    },
    /// The cable is put back.
    Plug {
        /// Which reader.
        reader: usize,
    },
}

/// What must come of a tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is the tap before once more: nothing.
    SameTap,
    /// The student is on campus.
    Arrives,
    /// These students are called.
    Calls(Vec<StudentId>),
    /// The student waits to be fetched.
    Waits,
    /// These students are released to the guardian.
    Releases(Vec<StudentId>),
    /// These students are released, to the guardian or to themselves, and leave with the same tap.
    ReleasesAndLeave(Vec<StudentId>),
    /// The student, released before, leaves.
    Leaves,
    /// Nothing is granted.
    Refused(Reason),
}

/// What must have become of a student by the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Did not come, or came with a card that does not work: unknown to the gateway.
    NeverIn,
    /// Was fetched by this guardian and has left.
    Fetched(GuardianId),
    /// Went home alone.
    WentAlone,
    /// Is still on campus, in the school's care.
    StillHere,
}

impl Afternoon {
    /// Writes the script of that day's afternoon. `seed` is the afternoon's own: a school has many afternoons.
    pub fn script(school: &School, campus: &Campus, date: Date, seed: u64) -> Self {
        let (acts, fates) = Planner::new(school, campus, seed).plan();
        let length = acts.last().map(|act| act.at).unwrap_or_default() + Duration::from_secs(60);
        Self { date, length, acts, fates }
    }

    /// What the clock on the school's wall shows so long after the start.
    pub fn wall(&self, since_start: Duration) -> Wall {
        let utc = self.date.to_datetime(BEGINS).to_zoned(TimeZone::UTC);
        let unix_ms = utc.map_or(0, |utc| utc.timestamp().as_millisecond()) - i64::from(OFFSET_MIN) * 60_000;
        Wall::new(unix_ms.saturating_add_unsigned(since_start.as_millis() as u64), OFFSET_MIN)
    }

    /// How often a card is presented that the gateway must keep an entry of, by reader and card.
    pub fn recorded_taps(&self) -> HashMap<(usize, CardNumber), u64> {
        let mut taps = HashMap::new();
        for act in &self.acts {
            if let Deed::Tap { reader, card, outcome, .. } = &act.what
                && *outcome != Outcome::SameTap
            {
                *taps.entry((*reader, *card)).or_default() += 1;
            }
        }
        taps
    }
}

impl Outcome {
    /// The entries that the tap must leave, as far as they record a tap, in their order.
    pub fn entry_kinds(&self) -> Vec<&'static str> {
        match self {
            Self::SameTap => vec![],
            Self::Arrives => vec!["arrived"],
            Self::Calls(_) => vec!["called"],
            Self::Waits => vec!["waiting"],
            Self::Releases(students) => vec!["released"; students.len()],
            Self::ReleasesAndLeave(students) => ["released", "left"].repeat(students.len()),
            Self::Leaves => vec!["left"],
            Self::Refused(_) => vec!["refused"],
        }
    }
}

/// What has become of each student, by the entries of a ledger; students without one were never in.
pub fn fates<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> BTreeMap<StudentId, Fate> {
    let mut fates: BTreeMap<StudentId, (Fate, Option<Recipient>)> = BTreeMap::new();
    for entry in entries {
        match &entry.what {
            What::Arrived { student, .. } => {
                fates.insert(student.clone(), (Fate::StillHere, None));
            }
            What::Released { student, to, .. } => {
                fates.entry(student.clone()).or_insert((Fate::StillHere, None)).1 = Some(to.clone());
            }
            What::Left { student, .. } => {
                if let Some((fate, to)) = fates.get_mut(student) {
                    *fate = match to {
                        Some(Recipient::Guardian(guardian)) => Fate::Fetched(guardian.clone()),
                        Some(Recipient::Alone) => Fate::WentAlone,
                        Some(Recipient::Delegate(pass)) => Fate::Fetched(pass.guardian.clone()),
                        None => Fate::StillHere, // left without a release: never so
                    };
                }
            }
            _ => {}
        }
    }
    fates.into_iter().map(|(student, (fate, _))| (student, fate)).collect()
}

/// Whose credential a refusal would name.
impl Who {
    /// The holder, as the roster has it.
    pub fn holder(&self) -> Option<Holder> {
        match self {
            Self::Student(id) => Some(Holder::Student(id.clone())),
            Self::Guardian(id) => Some(Holder::Guardian(id.clone())),
            Self::Stranger | Self::Nobody => None,
        }
    }
}

#[cfg(test)]
#[path = "afternoon_tests.rs"]
mod tests;
