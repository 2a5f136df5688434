//! One line of the ledger. Entries are the only truth: whatever else is known is folded or derived from them.
//!
//! Entries tell ids, never names. A new kind is added to [`What`], and none is ever changed or removed: ledgers written by
//! every earlier version must open for ever.

use core::fmt;

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::{
    alarm::Alarm,
    credential::CredentialId,
    id::{GuardianId, PlaceId, ReaderId, StudentId},
    roster::Holder,
    time::Stamp,
};

/// Number of an entry in its ledger, from 1, without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Version of the entry's form that this core writes.
pub const ENTRY_VERSION: u32 = 1;

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this form.
    pub v: u32,
    /// Its number.
    pub seq: Seq,
    /// When it happened.
    pub at: Stamp,
    /// What happened.
    pub what: What,
}

/// Why bytes are not an entry.
pub type EntryError = serde_json::Error;

impl Entry {
    /// The entry as one JSON object: the bytes that the ledger keeps.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        serde_json::to_vec(self)
    }

    /// Reads an entry back.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        serde_json::from_slice(bytes)
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The gateway began to work.
    Started {
        /// Version of the program.
        version: String,
    },
    /// The gateway stopped in good order.
    Stopped {},
    /// A roster came into force.
    RosterAdopted {
        /// As its maker calls it.
        version: String,
        /// SHA-256 of the document, in hex.
        digest: String,
        /// How many students it has.
        students: u32,
    },
    /// A student came onto the campus; the gate duty answers for them.
    Arrived {
        /// Who.
        student: StudentId,
        /// Where and by which card.
        tap: Tap,
        /// A movement that must have happened without a tap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        missed: Option<Missed>,
    },
    /// A student who is on campus waits at a handover desk to be fetched.
    Waiting {
        /// Who.
        student: StudentId,
        /// Where and by which card.
        tap: Tap,
    },
    /// A guardian is here; these students are called.
    Called {
        /// Who called.
        guardian: GuardianId,
        /// Whom.
        students: Vec<StudentId>,
        /// Where and by which card.
        tap: Tap,
    },
    /// A pickup call is over without every called student having been released.
    CallEnded {
        /// The entry that opened it.
        call: Seq,
        /// The students who were still called.
        students: Vec<StudentId>,
        /// Why.
        why: CallEnd,
    },
    /// Custody of a student left the school.
    Released {
        /// Whom.
        student: StudentId,
        /// Into whose care.
        to: Recipient,
        /// Where and by which card it was completed.
        tap: Tap,
        /// The other half: the pickup call, or the child's waiting, that this completed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        matched: Option<Seq>,
    },
    /// A student left the campus.
    Left {
        /// Who.
        student: StudentId,
        /// Where and by which card.
        tap: Tap,
        /// The release that allowed it.
        released: Seq,
    },
    /// A tap that was granted nothing.
    Refused {
        /// Whose credential it is, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<Holder>,
        /// Where and by which card.
        tap: Tap,
        /// Why.
        reason: Reason,
    },
    /// A known card at a place that has no rule for it: kept as a sighting, nothing follows.
    Seen {
        /// Whose credential it is.
        holder: Holder,
        /// Where and by which card.
        tap: Tap,
    },
    /// Somebody ought to look.
    AlarmRaised {
        /// At what.
        alarm: Alarm,
        /// The entry that gave cause.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Seq>,
    },
    /// Nobody needs to look any more.
    AlarmEnded {
        /// At what.
        alarm: Alarm,
        /// The entry that raised it.
        raised: Seq,
    },
    /// A reader can't be heard any more.
    ReaderDown {
        /// Which.
        reader: ReaderId,
        /// As its line said.
        reason: String,
    },
    /// A reader is heard again, or for the first time.
    ReaderUp {
        /// Which.
        reader: ReaderId,
    },
    /// A consumer's receiver has acknowledged everything up to here. Lets the consumer go on from here even if its own
    /// cursor is lost.
    Delivered {
        /// Who.
        consumer: Consumer,
        /// The last entry acknowledged.
        through: Seq,
    },
}

/// Where, and by which credential, a person made themselves known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tap {
    /// Where the reader stands.
    pub place: PlaceId,
    /// Which reader.
    pub reader: ReaderId,
    /// The card's keyed hash.
    pub credential: CredentialId,
}

/// A movement that left no tap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// The student came in without a tap, and showed up inside.
    Entry,
    /// The student was still on campus by the ledger, since an earlier day.
    Exit {
        /// The entry that had them on campus.
        since: Seq,
    },
}

/// Into whose care a student was released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A guardian.
    Guardian(GuardianId),
    /// The student's own: permitted to walk home alone.
    Alone,
}

/// Why a pickup call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnd {
    /// The release window passed.
    Expired,
    /// The same guardian called again.
    Renewed,
}

/// Why a tap was granted nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The school has not given out this credential.
    Unknown,
    /// It was reported lost.
    Lost,
    /// It is blocked.
    Blocked,
    /// Its time is over.
    Expired,
    /// The student may not leave: nobody has come for them, and they may not leave alone now.
    NotReleased,
    /// The student's family waits somewhere else.
    CalledElsewhere(PlaceId),
    /// None of this guardian's students is on campus.
    NobodyToFetch,
    /// This guardian's authorisation does not hold today.
    NotAuthorised,
    /// A restriction keeps this guardian from the student.
    Restricted,
    /// Children are not handed over at this time of day.
    OutsideHours,
}

/// Who follows the ledger and has its receiver's word for how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consumer {
    /// Notifications over MQTT.
    Notify,
    /// The central platform.
    Sync,
}

impl Consumer {
    /// Every consumer.
    pub const ALL: [Self; 2] = [Self::Notify, Self::Sync];

    /// The name of its cursor.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Sync => "sync",
        }
    }
}

impl What {
    /// The kind, as it is written.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopped {} => "stopped",
            Self::RosterAdopted { .. } => "roster_adopted",
            Self::Arrived { .. } => "arrived",
            Self::Waiting { .. } => "waiting",
            Self::Called { .. } => "called",
            Self::CallEnded { .. } => "call_ended",
            Self::Released { .. } => "released",
            Self::Left { .. } => "left",
            Self::Refused { .. } => "refused",
            Self::Seen { .. } => "seen",
            Self::AlarmRaised { .. } => "alarm_raised",
            Self::AlarmEnded { .. } => "alarm_ended",
            Self::ReaderDown { .. } => "reader_down",
            Self::ReaderUp { .. } => "reader_up",
            Self::Delivered { .. } => "delivered",
        }
    }

    /// The tap that it records, if it records one.
    pub fn tap(&self) -> Option<&Tap> {
        match self {
            Self::Arrived { tap, .. }
            | Self::Waiting { tap, .. }
            | Self::Called { tap, .. }
            | Self::Released { tap, .. }
            | Self::Left { tap, .. }
            | Self::Refused { tap, .. }
            | Self::Seen { tap, .. } => Some(tap),
            _ => None,
        }
    }

    /// The place that it happened at, if it has one.
    pub fn place(&self) -> Option<&PlaceId> {
        match self {
            Self::AlarmRaised { alarm, .. } | Self::AlarmEnded { alarm, .. } => alarm.place(),
            other => other.tap().map(|tap| &tap.place),
        }
    }

    /// Every student whom it concerns.
    pub fn students(&self) -> &[StudentId] {
        match self {
            Self::Arrived { student, .. }
            | Self::Waiting { student, .. }
            | Self::Released { student, .. }
            | Self::Left { student, .. }
            | Self::Refused { holder: Some(Holder::Student(student)), .. }
            | Self::Seen { holder: Holder::Student(student), .. } => core::slice::from_ref(student),
            Self::Called { students, .. } | Self::CallEnded { students, .. } => students,
            _ => &[],
        }
    }

    /// The guardian whom it concerns.
    pub fn guardian(&self) -> Option<&GuardianId> {
        match self {
            Self::Called { guardian, .. }
            | Self::Released { to: Recipient::Guardian(guardian), .. }
            | Self::Refused { holder: Some(Holder::Guardian(guardian)), .. }
            | Self::Seen { holder: Holder::Guardian(guardian), .. } => Some(guardian),
            _ => None,
        }
    }
}
