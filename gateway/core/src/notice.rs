//! Who is told what about an entry, in words for people.
//!
//! Pure and repeatable: the same entry under the same roster gives the same notices in the same order, so that a message
//! that is sent again is the same message. What is late, and what has lost its meaning by then, is in [`late`].

mod event;
mod guardian;
pub mod late;
mod staff;
mod status;

use alloc::{string::String, vec::Vec};

pub use event::{Facts, GuardianEvent};
pub use staff::{Matter, MusterFacts};
pub use status::{ChildState, ChildStatus, changes_status, statuses};

use crate::{
    entry::{Entry, Seq},
    id::{GuardianId, GuardianToken, PlaceId, StaffId, StudentId},
    roster::{Roster, StaffRole},
    site::Site,
    text,
    text::{Bilingual, Lang},
    time::Stamp,
};

/// One thing to tell somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Tell a guardian what happened.
    Event {
        /// Under which their messages are published.
        token: GuardianToken,
        /// What of.
        event: GuardianEvent,
        /// Whom it concerns.
        student: StudentId,
        /// What people call the student.
        name: String,
        /// Where, if it is somewhere.
        place: Option<PlaceId>,
        /// What programs may want to know of it.
        facts: Facts,
        /// The sentence.
        text: Bilingual,
    },
    /// Bring what a guardian sees of their children up to date.
    Status {
        /// Who.
        guardian: GuardianId,
        /// Under which their messages are published.
        token: GuardianToken,
    },
    /// Tell staff that somebody ought to look, that somebody does, or that nobody needs to any more.
    Alert {
        /// Who has to look.
        role: StaffRole,
        /// Whose matter it is among them, if the roster tells.
        whom: Option<StaffId>,
        /// At what.
        matter: Matter,
        /// The entry that raised it.
        raised: Seq,
        /// Whether it is on, or over.
        on: bool,
        /// Who has said that they see to it.
        acknowledged_by: Option<StaffId>,
        /// The sentence.
        text: Bilingual,
    },
}

/// Everybody who is to be told of this entry, and what, in the order in which it is said.
pub fn notices(entry: &Entry, roster: &Roster, site: &Site) -> Vec<Notice> {
    let teller = Teller { entry, roster, site };
    let mut notices = teller.events();
    notices.extend(teller.alerts());
    notices.extend(teller.status_changes());
    notices
}

/// One entry, and all that is needed to put it into words.
struct Teller<'a> {
    entry: &'a Entry,
    roster: &'a Roster,
    site: &'a Site,
}

impl Teller<'_> {
    fn place_name<'a>(&'a self, place: &'a PlaceId, lang: Lang) -> &'a str {
        self.site.places.get(place).map_or(place.as_str(), |place| place.name.get(lang))
    }
}

/// What a guardian is to a student, in the child's words.
fn relation(roster: &Roster, student: &StudentId, guardian: &GuardianId) -> Bilingual {
    let someone = || Bilingual { zh: "家长".into(), en: "a guardian".into() };
    roster.link(student, guardian).map_or_else(someone, |link| link.relation.clone())
}

/// ` at 17:52`, or nothing if the clock was not set: a time that is not so is not said.
fn clock(at: &Stamp, lang: Lang) -> String {
    at.time_of_day().map_or_else(String::new, |time| text!(lang, zh: "{time}", en: " at {time}"))
}
