//! Alarms whose cause is gone because of an entry, whatever rule wrote it.

use alloc::vec::Vec;

use crate::{
    alarm::Alarm,
    entry::What,
    id::{SessionId, StudentId},
    school::School,
    site::PlaceRole,
};

/// What an entry settles.
pub(crate) enum Settles {
    /// A student is where they were missed.
    Found(StudentId, SessionId),
    /// A student is not in the school's care any more.
    Gone(StudentId),
}

impl Settles {
    pub(crate) fn of(what: &What) -> Option<Self> {
        match what {
            What::CheckedIn { student, session, .. } => Some(Self::Found(student.clone(), session.clone())),
            What::Released { student, .. } | What::Left { student, .. } | What::LeftUnseen { student, .. } => {
                Some(Self::Gone(student.clone()))
            }
            _ => None,
        }
    }
}

/// Ends what is settled. The alarms are looked up by what they must be: a tap must not walk over all that are on.
pub(crate) fn end_alarms(school: &mut School, settles: Settles) {
    if school.state.alarms().is_empty() {
        return;
    }
    let alarms: Vec<Alarm> = match settles {
        Settles::Found(student, session) => {
            let place = school.roster.session(&session).map(|session| session.place.clone());
            place.map(|place| Alarm::StudentMissing { student, session, place }).into_iter().collect()
        }
        Settles::Gone(student) => {
            let exits = school.site.places.iter();
            let exits = exits.filter(|(_, place)| matches!(place.role, PlaceRole::Gate | PlaceRole::HandoverDesk));
            let refused = exits.map(|(place, _)| Alarm::ExitRefused { place: place.clone(), student: student.clone() });
            let not_fetched = (1..=3).map(|step| Alarm::NotFetched { student: student.clone(), step });
            refused.chain(not_fetched).collect()
        }
    };
    alarms.iter().for_each(|alarm| school.end_alarm(alarm));
}
