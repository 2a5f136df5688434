//! What can happen to a school, for it to decide on.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};

use crate::{
    alarm::{Alarm, ReaderTrouble},
    credential::CredentialId,
    entry::{AttendanceStatus, Consumer, Correction, Entry, GuardianReply, PassId, Seq},
    id::{GuardianId, PlaceId, ReaderId, StaffId, StudentId},
    promise::LedgerPace,
    roster::{Holder, Roster},
    site::Direction,
    time::Hours,
};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The gateway began to work.
    Started {
        /// Version of the program.
        version: String,
    },
    /// The gateway is about to stop in good order.
    Stopping,
    /// A checked roster, and the SHA-256 of its document in hex.
    Roster {
        /// Who is who.
        roster: Arc<Roster>,
        /// SHA-256 of the document, in hex.
        digest: String,
    },
    /// The platform says that the roster in force is still the right one.
    RosterConfirmed,
    /// The platform was reached.
    PlatformReached,
    /// A credential was presented.
    Tap {
        /// At which reader.
        reader: ReaderId,
        /// Which.
        credential: CredentialId,
    },
    /// A card's secure message was no good: played back, or its counter went back.
    Cloned {
        /// At which reader.
        reader: ReaderId,
        /// The card that it claims to be.
        credential: CredentialId,
    },
    /// A line of text was scanned, without its end: a pickup pass.
    Pass {
        /// At which reader.
        reader: ReaderId,
        /// As it was read.
        text: String,
    },
    /// Eight digits were typed: a pickup pass's code.
    Code {
        /// At which reader.
        reader: ReaderId,
        /// As they were typed.
        digits: String,
    },
    /// A reader is heard.
    ReaderUp {
        /// Which.
        reader: ReaderId,
    },
    /// A reader can't be heard.
    ReaderDown {
        /// Which.
        reader: ReaderId,
        /// As its line said.
        reason: String,
    },
    /// Something is wrong with a reader that is heard, or is right again.
    ReaderTrouble {
        /// Which.
        reader: ReaderId,
        /// What.
        trouble: ReaderTrouble,
        /// Whether it has begun; else it is over.
        on: bool,
    },
    /// A gate's door opened or closed. Its level right after the start belongs here, too: a door that is first heard of
    /// as open within seconds of the start is not taken for forced.
    Door {
        /// Which gate.
        place: PlaceId,
        /// Whether it is open now.
        open: bool,
    },
    /// Somebody went through a gate's beams.
    Passage {
        /// Which gate.
        place: PlaceId,
        /// Which way.
        direction: Direction,
    },
    /// The exit button of a gate was pressed. It opens the door by its own wire; nothing is done for it.
    ExitRequest {
        /// Which gate.
        place: PlaceId,
    },
    /// The fire alarm's line, and its level right after the start.
    FireAlarm {
        /// Whether it says fire: a cut wire does, too.
        on: bool,
    },
    /// A panic button was pressed.
    Panic {
        /// Where.
        place: PlaceId,
    },
    /// A sensor's line, whenever it is lost or heard again, and after the start if it can't be heard.
    Sensor {
        /// Where.
        place: PlaceId,
        /// Which.
        line: String,
        /// Whether it can be heard.
        heard: bool,
    },
    /// A member of staff says what is to be done.
    Order {
        /// Who: known by their login or their card, which is not the core's matter.
        staff: StaffId,
        /// What.
        order: Order,
    },
    /// A guardian answered over the app.
    Reply {
        /// Who.
        guardian: GuardianId,
        /// What.
        reply: GuardianReply,
    },
    /// The ledger has turned slow or has caught up.
    Ledger(LedgerPace),
    /// A consumer's receiver has acknowledged everything up to here.
    Delivered {
        /// Who.
        consumer: Consumer,
        /// The last entry acknowledged.
        through: Seq,
    },
    /// The ledger so far was signed: as [`What::Checkpoint`](crate::entry::What::Checkpoint).
    Checkpoint {
        /// How many entries the tree has.
        size: Seq,
        /// Its root, in hex.
        root: String,
        /// The gateway's public key, in hex.
        key: String,
        /// Its signature, in hex.
        signature: String,
    },
    /// The moment that [`School::poll_timeout`](crate::school::School::poll_timeout) named has come.
    Timeout,
}

/// What staff may order. Who may order what is in `rules/orders.rs`.
#[derive(Clone, Debug)]
pub enum Order {
    /// The student is handed to a guardian who has come, without the student's own tap.
    ConfirmRelease {
        /// Whom.
        student: StudentId,
    },
    /// The student may leave early today.
    ApproveLeave {
        /// Who.
        student: StudentId,
        /// From when to when.
        hours: Hours,
        /// Whether they may go alone.
        alone: bool,
    },
    /// A student is in the session that is held at this place now, without a tap.
    CheckIn {
        /// Who.
        student: StudentId,
        /// In which room.
        place: PlaceId,
    },
    /// The group that the one who orders answers for is handed over.
    HandOver {
        /// To whom.
        to: StaffId,
        /// Those who were counted.
        present: Vec<StudentId>,
    },
    /// The one who orders has this post from now on.
    TakePost {
        /// Which.
        post: crate::roster::Post,
    },
    /// A pickup pass is not to be taken any more.
    RevokePass {
        /// Which.
        pass: PassId,
    },
    /// An earlier entry is wrong.
    Correct {
        /// The entry, as the ledger has it.
        entry: Box<Entry>,
        /// What is right.
        to: Correction,
        /// Why, in 1 to 500 characters.
        why: String,
    },
    /// A closed session that the box did not watch: this is how a student took part.
    Report {
        /// Who.
        student: StudentId,
        /// The session.
        session: crate::id::SessionId,
        /// How.
        status: AttendanceStatus,
        /// Minutes of the session they were there.
        minutes: u16,
    },
    /// Everybody is to be accounted for.
    StartMuster {
        /// Whether it is an exercise.
        drill: bool,
    },
    /// Somebody is accounted for.
    MarkSafe {
        /// Who.
        holder: Holder,
    },
    /// The emergency is over.
    EndMuster,
    /// Somebody sees to this alarm.
    Acknowledge {
        /// Which.
        alarm: Alarm,
    },
}

impl Order {
    /// Its name, as entries and logs have it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ConfirmRelease { .. } => "confirm_release",
            Self::ApproveLeave { .. } => "approve_leave",
            Self::CheckIn { .. } => "check_in",
            Self::HandOver { .. } => "hand_over",
            Self::TakePost { .. } => "take_post",
            Self::RevokePass { .. } => "revoke_pass",
            Self::Correct { .. } => "correct",
            Self::Report { .. } => "report",
            Self::StartMuster { .. } => "start_muster",
            Self::MarkSafe { .. } => "mark_safe",
            Self::EndMuster => "end_muster",
            Self::Acknowledge { .. } => "acknowledge",
        }
    }
}
