//! What a person at a reader is shown.

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Reason, What},
    id::PlaceId,
    time::TimeOfDay,
};

mod words;

pub use words::{COLUMNS, columns};

/// The one lamp that is lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// Granted, and on disk.
    Green,
    /// Wait, or: granted but not yet on disk.
    Amber,
    /// Refused.
    Red,
}

/// What is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Granted.
    Ok,
    /// Somebody should look.
    Attention,
    /// Refused.
    Refused,
}

/// The outcome of a tap, as the person who tapped may know it. Staff see the reason in the ledger and the alerts; the
/// person at the reader is told no more than whom to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// Come in.
    Welcome,
    /// Go out.
    Goodbye,
    /// The child is in the guardian's care.
    Released,
    /// Wait here to be fetched.
    Wait,
    /// Your children have been called.
    Called,
    /// Go to this place: your family waits there, or your session is held there, or your class goes by it.
    GoTo(PlaceId),
    /// Taken down.
    Noted,
    /// This card is of no use here.
    CardRefused,
    /// Please see the duty teacher.
    SeeTeacher,
    /// You are in your session.
    CheckedIn,
    /// You are in your session, and late.
    Late,
    /// You are signed out of the session.
    CheckedOut,
    /// You are not expected here; the teacher has been told.
    Unexpected,
    /// The session, or the post, is yours.
    TakenUp,
    /// The handover waits for the other teacher's card.
    HandoverWaits,
    /// The group is handed over.
    HandedOver {
        /// How many.
        students: u16,
        /// How many of them were not seen here.
        missing: u16,
    },
    /// Have a good dinner.
    Dinner,
    /// No dinner for you here now.
    NoDinner,
    /// You are accounted for.
    Safe,
    /// Pass: the tap is kept in memory until the disk answers.
    Degraded,
    /// This kind of card is not taken from you any more: ask for another.
    WeakCard,
    /// It is granted; the gate opens in a moment, when whoever is before you has gone or the other door is closed.
    GateBusy,
    /// This gate is out of service, or locked at this time: take another.
    GateClosed,
    /// Your class goes from that time on.
    NotYourTurn(TimeOfDay),
}

impl Picture {
    /// What a tap's entry shows to the person who tapped; nothing for entries that are not taps.
    pub(crate) fn of(what: &What) -> Option<Self> {
        Some(match what {
            What::Arrived { .. } => Self::Welcome,
            What::Left { .. } => Self::Goodbye,
            What::Released { .. } => Self::Released,
            What::Waiting { .. } => Self::Wait,
            What::Called { .. } => Self::Called,
            What::Seen { .. } | What::Patrolled { .. } => Self::Noted,
            What::Came { .. } => Self::Welcome,
            What::Went { .. } => Self::Goodbye,
            What::SessionTaken { .. } | What::PostTaken { .. } => Self::TakenUp,
            What::SessionLeft { .. } | What::CheckedOut { .. } => Self::CheckedOut,
            What::CheckedIn { late_min: 0, .. } => Self::CheckedIn,
            What::CheckedIn { .. } => Self::Late,
            What::Unexpected { .. } => Self::Unexpected,
            What::HandoverOffered { .. } => Self::HandoverWaits,
            What::HandedOver { students, missing, .. } => {
                let count = |list: &[_]| u16::try_from(list.len()).unwrap_or(u16::MAX);
                Self::HandedOver { students: count(students), missing: count(missing) }
            }
            What::PassShown { .. } => Self::Called,
            What::Dined { .. } => Self::Dinner,
            What::Safe { .. } => Self::Safe,
            What::Refused { reason, .. } => match reason {
                Reason::Unknown | Reason::Lost | Reason::Blocked | Reason::Expired => Self::CardRefused,
                Reason::CalledElsewhere(place) => Self::GoTo(place.clone()),
                Reason::NotReleased
                | Reason::NobodyToFetch
                | Reason::NotAuthorised
                | Reason::Restricted
                | Reason::OutsideHours
                | Reason::NotAdmitted
                | Reason::NotForYou
                | Reason::WrongWay
                | Reason::Pass(_) => Self::SeeTeacher,
                Reason::SessionElsewhere(place) | Reason::OtherGate(place) => Self::GoTo(place.clone()),
                Reason::OutOfService | Reason::GateLocked => Self::GateClosed,
                Reason::NotYourTurn(time) => Self::NotYourTurn(*time),
                Reason::NoDinnerBooked | Reason::DinnerTaken | Reason::NotDinnerTime => Self::NoDinner,
                Reason::Cloned => Self::CardRefused,
                Reason::WeakProof => Self::WeakCard,
            },
            _ => return None,
        })
    }

    /// Whether it promises that something is on disk. A refusal promises nothing and need not wait.
    pub fn promises(&self) -> bool {
        !matches!(
            self,
            Self::GoTo(_)
                | Self::CardRefused
                | Self::SeeTeacher
                | Self::NoDinner
                | Self::Degraded
                | Self::GateBusy
                | Self::GateClosed
                | Self::NotYourTurn(_)
                | Self::WeakCard
        )
    }

    /// Which lamp is lit.
    pub fn light(&self) -> Light {
        match self {
            Self::Welcome
            | Self::Goodbye
            | Self::Released
            | Self::Called
            | Self::Noted
            | Self::CheckedIn
            | Self::CheckedOut
            | Self::TakenUp
            | Self::Dinner
            | Self::Safe
            | Self::HandedOver { missing: 0, .. } => Light::Green,
            Self::Wait
            | Self::GoTo(_)
            | Self::Late
            | Self::Unexpected
            | Self::HandoverWaits
            | Self::HandedOver { .. }
            | Self::Degraded
            | Self::GateBusy
            | Self::NotYourTurn(_) => Light::Amber,
            Self::CardRefused | Self::SeeTeacher | Self::NoDinner | Self::GateClosed | Self::WeakCard => Light::Red,
        }
    }

    /// What is heard.
    pub fn tone(&self) -> Tone {
        match self.light() {
            Light::Green => Tone::Ok,
            Light::Amber => Tone::Attention,
            Light::Red => Tone::Refused,
        }
    }
}
