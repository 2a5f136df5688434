//! What entries are made of.

use serde::{Deserialize, Serialize};

use super::Seq;
use crate::{
    credential::CredentialId,
    id::{GuardianId, PatrolId, PlaceId, ReaderId, SessionId, StaffId, StudentId},
    roster::Post,
    time::{Day, TimeOfDay},
};

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
    /// The student was still on campus by the ledger: they went out without a tap, today or on an earlier day.
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
    /// Somebody whom a guardian has given a pickup pass.
    Delegate(PassId),
}

/// Why a pickup call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnd {
    /// The release window passed.
    Expired,
    /// The same guardian called again, or the same pass was shown again.
    Renewed,
    /// The pickup pass that opened it was revoked.
    Revoked,
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
    /// The student has a session elsewhere now.
    SessionElsewhere(PlaceId),
    /// The pickup pass is not taken.
    Pass(PassFault),
    /// No dinner is booked for the student today.
    NoDinnerBooked,
    /// The student has had this dinner.
    DinnerTaken,
    /// Dinner is not given out at this time.
    NotDinnerTime,
    /// This instructor's institution is not admitted today.
    NotAdmitted,
    /// This holder has nothing to do here.
    NotForYou,
    /// The secure message was played back, or its counter went back: the card may be a clone.
    Cloned,
    /// The reader leads the other way, and policy lets nobody through against it.
    WrongWay,
    /// The gate is out of service.
    OutOfService,
    /// The gate is locked at this time.
    GateLocked,
    /// The student's class goes from this time on.
    NotYourTurn(TimeOfDay),
    /// The student's class goes by another gate.
    OtherGate(PlaceId),
}

/// A pickup pass: one student, one day, one use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PassId {
    /// Whom it fetches.
    pub student: StudentId,
    /// On which day.
    pub day: Day,
    /// Which of that student's passes of that day.
    pub serial: u8,
    /// Who gave it.
    pub guardian: GuardianId,
}

/// Why a pickup pass is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassFault {
    /// It is no pass at all.
    Unreadable,
    /// It was not signed by the platform, or was changed since.
    Forged,
    /// It is for another school.
    OtherSchool,
    /// It is for another day, or for other hours of this one.
    Expired,
    /// It was used before.
    Used,
    /// It was revoked.
    Revoked,
    /// Whoever gave it may not fetch the student today.
    GiverMayNot,
    /// No 8-digit code fits a student who waits here.
    WrongCode,
    /// Too many wrong codes were tried here: wait, or see the duty teacher.
    TooManyTries,
    /// The clock was never set: days can't be told.
    ClockUnset,
}

/// How a student took part in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttendanceStatus {
    /// In time, to the end.
    Present,
    /// After the grace.
    Late,
    /// Went before the end.
    LeftEarly,
    /// Not there, without leave.
    Absent,
    /// Not there, with leave.
    Excused,
}

/// What is right in place of what an earlier entry said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Of an `attendance`.
    Attendance {
        /// How they took part.
        status: AttendanceStatus,
        /// Minutes of the session they were there.
        minutes: u16,
    },
    /// Of a `consumption`: the lesson does not count. Of an `attendance` without one: it does.
    Consumption {
        /// Whether the lesson counts.
        counts: bool,
    },
    /// Of `staff_hours`.
    StaffHours {
        /// Minutes given.
        minutes: u16,
    },
    /// Of any entry that tells of a person: it was not so (somebody else held the card, say).
    NotSo,
}

/// A deadline that is looked at once a day, once a session or once a round.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Who is expected in this session and not there.
    Absence(SessionId),
    /// Whose last session ended at this time of day and who is still here; step 1 to 3.
    NotFetched {
        /// The end of their last session.
        end: TimeOfDay,
        /// Which of the three times.
        step: u8,
    },
    /// Whether every point of this round was visited.
    Patrol(PatrolId),
    /// Who has this post by the rota from this time on.
    Rota {
        /// Which post.
        post: Post,
        /// From when.
        from: TimeOfDay,
    },
    /// The last of this post's hours by the rota are over.
    RotaOver {
        /// Which post.
        post: Post,
    },
}

/// Why a gate's door could open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenCause {
    /// A tap was granted.
    Granted(Seq),
    /// The exit button was pressed.
    ExitRequest,
    /// The gate stands open in an emergency.
    Free,
    /// The gate stands open by its schedule or by order.
    Scheduled,
    /// Nobody was watching: it stood open when the gateway started.
    Unwatched,
    /// Nothing: it was forced.
    Forced,
}

/// Why a gate is out of service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutCause {
    /// A member of staff said so.
    Staff(StaffId),
    /// The line that releases it can't be driven.
    Line,
    /// Its motor does not open it.
    Motor,
}

/// Who released a gate without a tap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleasedBy {
    /// A member of staff.
    Staff(StaffId),
    /// Somebody at the exit button.
    ExitButton,
}

/// Why everybody is to be accounted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MusterCause {
    /// The fire alarm.
    FireAlarm,
    /// A panic button at this place.
    Panic(PlaceId),
    /// A member of staff.
    Staff(StaffId),
}

/// Why an order of staff was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderFault {
    /// Whoever gave it is not on the roster.
    UnknownStaff,
    /// It is not for their role.
    NotTheirRole,
    /// It names nobody on the roster.
    UnknownPerson,
    /// The student is not on campus, or has been released.
    NotHere,
    /// Nobody who may fetch the student has come.
    NobodyCame,
    /// Whoever is named may not fetch the student.
    MayNotFetch,
    /// They do not answer for the students named.
    NotInCustody,
    /// There is nothing to do it to: no such session, entry, alarm or muster.
    NoSuch,
    /// It is so already.
    AlreadySo,
    /// It can't be right: the text is empty or too long, an end is before its start.
    Senseless,
    /// The clock was never set.
    ClockUnset,
}

/// What a guardian can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardianReply {
    /// On the way, here in so many minutes.
    OnMyWay {
        /// Minutes.
        minutes: u16,
    },
    /// It was not them.
    NotMe {
        /// The entry that they deny.
        entry: Seq,
    },
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
