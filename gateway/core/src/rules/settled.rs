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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

    use alloc::sync::Arc;

    use super::*;
    use crate::{
        id::{CourseId, PlaceId},
        roster::{CourseLine, Document, Roster, SessionLine},
        site::Site,
    };

    #[test]
    fn a_student_who_comes_late_is_not_missing_any_more() {
        let (student, session) = (StudentId::try_new("ming").unwrap(), SessionId::try_new("chess").unwrap());
        let (course, place) = (CourseId::try_new("chess").unwrap(), PlaceId::try_new("room-1").unwrap());
        let mut document = Document { v: 1, version: "t".into(), ..Document::default() };
        document.courses.push(CourseLine { id: course.clone(), name: "chess".into(), institution: None });
        let hours = crate::time::Hours { from: "16:30".parse().unwrap(), until: "17:30".parse().unwrap() };
        let day = "2026-09-01".parse().unwrap();
        let (id, at) = (session.clone(), place.clone());
        document.sessions.push(SessionLine { id, course, day, hours, place: at, staff: Vec::new() });
        let mut school = School::new(Site::default());
        school.roster = Arc::new(Roster::try_new(document).unwrap());
        let missing = Alarm::StudentMissing { student: student.clone(), session: session.clone(), place };
        school.raise(missing.clone(), None);
        assert!(school.state().alarms().contains_key(&missing));
        school.record(What::CheckedIn { student, session, late_min: 5, tap: None, by: None });
        assert!(school.state().alarms().is_empty());
    }
}
