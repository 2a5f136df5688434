//! What a person at a reader is shown.

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Reason, What},
    id::PlaceId,
};

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
    /// Your family waits at this place.
    GoTo(PlaceId),
    /// Taken down.
    Noted,
    /// This card is of no use here.
    CardRefused,
    /// Please see the duty teacher.
    SeeTeacher,
    /// Pass: the tap is kept in memory until the disk answers.
    Degraded,
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
            What::Seen { .. } => Self::Noted,
            What::Refused { reason, .. } => match reason {
                Reason::Unknown | Reason::Lost | Reason::Blocked | Reason::Expired => Self::CardRefused,
                Reason::CalledElsewhere(place) => Self::GoTo(place.clone()),
                Reason::NotReleased
                | Reason::NobodyToFetch
                | Reason::NotAuthorised
                | Reason::Restricted
                | Reason::OutsideHours => Self::SeeTeacher,
            },
            _ => return None,
        })
    }

    /// Whether it promises that something is on disk. A refusal promises nothing and need not wait.
    pub fn promises(&self) -> bool {
        !matches!(self, Self::GoTo(_) | Self::CardRefused | Self::SeeTeacher | Self::Degraded)
    }

    /// Which lamp is lit.
    pub fn light(&self) -> Light {
        match self {
            Self::Welcome | Self::Goodbye | Self::Released | Self::Called | Self::Noted => Light::Green,
            Self::Wait | Self::GoTo(_) | Self::Degraded => Light::Amber,
            Self::CardRefused | Self::SeeTeacher => Light::Red,
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
