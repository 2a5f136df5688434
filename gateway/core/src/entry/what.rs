//! Every kind of entry. Kinds are added, and none is ever changed or removed.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    alarm::Alarm,
    gate::Mode,
    id::{CourseId, GuardianId, InstitutionId, PatrolId, PlaceId, ReaderId, SessionId, StaffId, StudentId},
    roster::{DayKind, Holder, Post},
    time::{Day, Hours},
};

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
        /// Who confirmed it, where it was not the student's own tap: `tap` is then the recipient's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confirmed_by: Option<StaffId>,
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
    /// A day of the school's calendar began, as far as the box knows: the first moment of it with a clock that was set.
    /// Told again of a day that goes on after the clock had jumped to another and back.
    DayBegan {
        /// Which day.
        day: Day,
        /// What the calendar says of it.
        kind: DayKind,
        /// Sessions due on it.
        sessions: u32,
    },
    /// A deadline was looked at when it came, and so many were found wanting. What follows from it are entries of their
    /// own; this one keeps a restart from looking twice.
    Checked {
        /// Which deadline.
        check: Check,
        /// How many students, or points of a patrol, were found wanting.
        found: u32,
    },
    /// Somebody who is no student came onto the campus.
    Came {
        /// Who.
        holder: Holder,
        /// What for, if it was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<String>,
        /// Where and by which card.
        tap: Tap,
    },
    /// Somebody who is no student left the campus.
    Went {
        /// Who.
        holder: Holder,
        /// Where and by which card.
        tap: Tap,
    },
    /// Somebody answers for a post from now on.
    PostTaken {
        /// Which post.
        post: Post,
        /// Who.
        staff: StaffId,
        /// Whom they stand in for, by the rota.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instead_of: Option<StaffId>,
        /// Where and by which card; none if the rota alone says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tap: Option<Tap>,
    },
    /// The post's hours on the rota are over and nobody follows.
    PostLeft {
        /// Which post.
        post: Post,
        /// Who had it.
        staff: StaffId,
    },
    /// A member of staff took up a session: they answer for its students, and their hours count from here.
    SessionTaken {
        /// Which.
        session: SessionId,
        /// Of which course.
        course: CourseId,
        /// Who.
        staff: StaffId,
        /// Whom they stand in for, if the session is not theirs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instead_of: Option<StaffId>,
        /// Where and by which card.
        tap: Tap,
    },
    /// A member of staff went from a session before it closed; whoever is in their custody stays so until somebody else
    /// takes over.
    SessionLeft {
        /// Which.
        session: SessionId,
        /// Who.
        staff: StaffId,
        /// Where and by which card.
        tap: Tap,
    },
    /// A student is in their session. If it is taken up, custody passes to its staff.
    CheckedIn {
        /// Who.
        student: StudentId,
        /// Which session.
        session: SessionId,
        /// Minutes late beyond the grace, 0 if in time.
        late_min: u16,
        /// Where and by which card; none if staff said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tap: Option<Tap>,
        /// Who said so, if it was no tap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<StaffId>,
    },
    /// A student went from their session: early, or after its end.
    CheckedOut {
        /// Who.
        student: StudentId,
        /// Which session.
        session: SessionId,
        /// Where and by which card.
        tap: Tap,
    },
    /// A student showed up at a classroom where nobody expects them now.
    Unexpected {
        /// Who.
        student: StudentId,
        /// The session held there, if one is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// Where and by which card.
        tap: Tap,
    },
    /// A handover was begun at a reader and waits for the other side.
    HandoverOffered {
        /// Who answers for the group now.
        from: StaffId,
        /// Who takes over, if they came first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<StaffId>,
        /// Where and by which card.
        tap: Tap,
    },
    /// Custody of a group passed from one member of staff to another. The head-count is the length of `students`.
    HandedOver {
        /// Who answered for them.
        from: StaffId,
        /// Who does from now on.
        to: StaffId,
        /// The group.
        students: Vec<StudentId>,
        /// Those of the group who were not seen where it was handed over. Custody of them passed too: the one who takes
        /// over has to look for them.
        missing: Vec<StudentId>,
        /// The sessions that passed with it: whoever took over leads them from here.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sessions: Vec<SessionId>,
        /// The posts that passed with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        posts: Vec<Post>,
        /// The offer that this completed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<Seq>,
        /// Where and by which card; none if it was done at the staff's screen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tap: Option<Tap>,
    },
    /// An offered handover came to nothing: the other side did not come.
    HandoverLapsed {
        /// The entry that offered it.
        offer: Seq,
    },
    /// A student was not fetched: whoever has the post of extended care (延时托管) answers for them now.
    ExtendedCare {
        /// Who.
        student: StudentId,
    },
    /// The day is over and the student was never seen to leave: they must have gone without a tap.
    LeftUnseen {
        /// Who.
        student: StudentId,
        /// The entry that had them on campus.
        since: Seq,
    },
    /// A pickup pass was shown and is good; its student is called.
    PassShown {
        /// Which.
        pass: PassId,
        /// Where, and the pass's own hash in place of a card's.
        tap: Tap,
    },
    /// A pickup pass will not be taken any more.
    PassRevoked {
        /// Which.
        pass: PassId,
        /// Who said so; none if the platform did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<StaffId>,
    },
    /// Staff approved that a student leaves early, today.
    LeaveApproved {
        /// Who.
        student: StudentId,
        /// From when to when they may leave.
        hours: Hours,
        /// Whether they may go alone; else whoever is authorised fetches them.
        alone: bool,
        /// Who approved it.
        by: StaffId,
    },
    /// A booked dinner was given out.
    Dined {
        /// To whom.
        student: StudentId,
        /// Where and by which card.
        tap: Tap,
    },
    /// A point of the safety patrol was visited.
    Patrolled {
        /// The round, if one was due here now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patrol: Option<PatrolId>,
        /// Who.
        staff: StaffId,
        /// Where and by which card.
        tap: Tap,
    },
    /// A session is closed. One `attendance` for each expected student, one `consumption` for each who took the lesson
    /// and one `staff_hours` for each who taught it follow.
    SessionClosed {
        /// Which.
        session: SessionId,
        /// Of which course.
        course: CourseId,
        /// Who gives it; none if the school itself does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        institution: Option<InstitutionId>,
        /// On which day.
        day: Day,
        /// When it was due.
        hours: Hours,
        /// How many students were expected.
        expected: u32,
        /// How many took part, on time or late.
        present: u32,
        /// Whether the box watched it from its start to its end. If not, nobody is written down as absent: it is not known.
        watched: bool,
    },
    /// How a student took part in a session.
    Attendance {
        /// Who.
        student: StudentId,
        /// Which.
        session: SessionId,
        /// Of which course.
        course: CourseId,
        /// On which day.
        day: Day,
        /// How.
        status: AttendanceStatus,
        /// Minutes of the session they were there.
        minutes: u16,
        /// Who reported it, if the box did not watch the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<StaffId>,
    },
    /// A lesson was delivered to a student: counted once, evidence for settlement (消课).
    Consumption {
        /// To whom.
        student: StudentId,
        /// Which.
        session: SessionId,
        /// Of which course.
        course: CourseId,
        /// Who gave it; none if the school itself did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        institution: Option<InstitutionId>,
        /// On which day.
        day: Day,
        /// The attendance that it rests on.
        attendance: Seq,
        /// Who reported that attendance, if the box did not watch the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<StaffId>,
    },
    /// Time that a member of staff gave to a session, for workload and pay.
    StaffHours {
        /// Who.
        staff: StaffId,
        /// Which.
        session: SessionId,
        /// Of which course.
        course: CourseId,
        /// For whom they teach; none if for the school itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        institution: Option<InstitutionId>,
        /// On which day.
        day: Day,
        /// Minutes within the session's hours.
        minutes: u16,
        /// Whom they stood in for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instead_of: Option<StaffId>,
    },
    /// An earlier entry was wrong; what is right is here. The earlier one stays.
    Corrected {
        /// The entry that was wrong.
        entry: Seq,
        /// What is right.
        to: Correction,
        /// Who corrected it.
        by: StaffId,
        /// Why, in their words.
        why: String,
        /// The students whom the wrong entry told of: their guardians hear of the correction.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        students: Vec<StudentId>,
    },
    /// The gate's door opened.
    GateOpened {
        /// Which gate.
        place: PlaceId,
        /// Why it could.
        cause: OpenCause,
    },
    /// The gate's door closed.
    GateClosed {
        /// Which gate.
        place: PlaceId,
    },
    /// More people went through the beam than were granted.
    Tailgated {
        /// Which gate.
        place: PlaceId,
        /// Which way.
        direction: crate::site::Direction,
    },
    /// A gate stands open from now on, is locked, or is a gate again: by its schedule or by order.
    GateMode {
        /// Which gate.
        place: PlaceId,
        /// How it is run.
        mode: Mode,
        /// Who ordered it; it then stays so until it is lifted. None if the schedule says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<StaffId>,
        /// Who lifted an order: the schedule says so again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lifted_by: Option<StaffId>,
    },
    /// A gate is out of service: it opens for nobody but in an emergency.
    GateOut {
        /// Which gate.
        place: PlaceId,
        /// Why.
        cause: OutCause,
    },
    /// A gate is in service again.
    GateBack {
        /// Which gate.
        place: PlaceId,
        /// Who said so; none if what failed works again, or will be tried anew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<StaffId>,
    },
    /// A gate was released for somebody without a tap.
    GateReleased {
        /// Which gate.
        place: PlaceId,
        /// By whom.
        by: ReleasedBy,
    },
    /// Somebody was let through and did not go: nobody went through, or the door was not opened.
    NotPassed {
        /// Which gate.
        place: PlaceId,
        /// The entry that let them through.
        grant: Seq,
    },
    /// A line of a sensor can't be heard any more.
    SensorDown {
        /// Where.
        place: PlaceId,
        /// Which.
        line: String,
    },
    /// A line of a sensor is heard again.
    SensorUp {
        /// Where.
        place: PlaceId,
        /// Which.
        line: String,
    },
    /// An emergency: everybody is to be accounted for, and the gates stand open until it ends. One that starts while an
    /// exercise is on takes its place; whoever was safe then is counted anew.
    MusterStarted {
        /// Why.
        cause: MusterCause,
        /// Whether it is an exercise.
        drill: bool,
        /// How many people are on campus by the ledger.
        people: u32,
    },
    /// Somebody is accounted for.
    Safe {
        /// Who.
        holder: Holder,
        /// Where and by which card; none if staff said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tap: Option<Tap>,
        /// Who said so, if it was no tap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<StaffId>,
    },
    /// The emergency is over; the gates are gates again unless the fire alarm is still on.
    MusterEnded {
        /// The entry that started it.
        muster: Seq,
        /// Who ended it.
        by: StaffId,
        /// How many were safe.
        safe: u32,
        /// How many were never accounted for.
        unaccounted: u32,
    },
    /// The clock was set: the true time of this boot's entries with an unset clock, from `first` on, is this entry's wall
    /// time less the boot's own time in between. That is their own plus `offset_ms`, unless the unset clock jumped.
    ClockSet {
        /// The first of them.
        first: Seq,
        /// How far the clock was behind at the first of them, in milliseconds.
        offset_ms: i64,
    },
    /// Somebody saw to an alarm; it stays on until its cause is gone.
    AlarmAcknowledged {
        /// The alarm.
        alarm: Alarm,
        /// The entry that raised it.
        raised: Seq,
        /// Who.
        by: StaffId,
    },
    /// An order of staff was not carried out.
    OrderRefused {
        /// Whose.
        staff: StaffId,
        /// Which, by its name.
        order: String,
        /// Why.
        reason: OrderFault,
    },
    /// A guardian answered over the app.
    GuardianReplied {
        /// Who.
        guardian: GuardianId,
        /// What.
        reply: GuardianReply,
    },
    /// The gateway signed what the ledger is so far: the root of the Merkle tree of its first `size` entries. What is
    /// signed, and how, is in `gateway/docs/evidence.md`.
    Checkpoint {
        /// How many entries the tree has: all through this one.
        size: Seq,
        /// Root of the tree (RFC 9162, 2.1.1), 64 lower-case hex digits.
        root: String,
        /// The gateway's public key (Ed25519, RFC 8032), 64 lower-case hex digits.
        key: String,
        /// Its signature, 128 lower-case hex digits.
        signature: String,
    },
    /// A card's secure message was good, and its tap led to no other entry: it was the same tap again, say. Keeps the
    /// message from being played back.
    Counted {
        /// Where, by which card, and its counter.
        tap: Tap,
    },
    /// The disk had taken nothing for so long that memory was full: taps could not be recorded one by one. Whom the gate
    /// could let through then passed, with an amber lamp; nothing here knows who it was.
    TapsUnrecorded {
        /// How many.
        taps: u64,
        /// When the first of them was; the last was before this entry.
        since: Stamp,
    },
}
