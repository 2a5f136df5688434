//! How custody passes: one custodian for each student on campus, always.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use crate::{
    entry::{Entry, Recipient, Seq, What},
    id::{SessionId, StaffId, StudentId},
    state::{Custodian, Presence, State, Whereabouts},
};

impl State {
    pub(super) fn fold_custody(&mut self, entry: &Entry) {
        match &entry.what {
            What::Arrived { student, .. } => self.move_to(student, Whereabouts::OnCampus(Custodian::GateDuty), entry),
            What::Released { student, to, .. } => {
                let custodian = match to {
                    Recipient::Guardian(guardian) => Custodian::Guardian(guardian.clone()),
                    Recipient::Delegate(pass) => Custodian::Delegate(pass.clone().into()),
                    Recipient::Alone => Custodian::Alone,
                };
                self.move_to(student, Whereabouts::OnCampus(custodian), entry);
            }
            What::Left { student, .. } => self.move_to(student, Whereabouts::OffCampus, entry),
            What::LeftUnseen { student, .. } => {
                self.move_to(student, Whereabouts::OffCampus, entry);
                if let Some(presence) = self.presence_mut(student) {
                    presence.since = presence.seen.at; // they went some time after that, not now
                }
            }
            What::SessionTaken { session, staff, .. } => self.take_group(session, staff, entry),
            What::CheckedIn { student, session, .. } => self.join(student, session, entry),
            What::CheckedOut { student, .. } => self.set_session(student, None),
            What::HandedOver { to, students, .. } => {
                for student in students {
                    self.pass_to(student, Custodian::Staff(to.clone()), entry);
                }
            }
            What::ExtendedCare { student } => {
                self.leave_session(student, entry);
                self.pass_to(student, Custodian::ExtendedCare, entry);
            }
            What::SessionClosed { session, .. } => {
                let students = self.lessons.get(session).into_iter().flat_map(|lesson| lesson.students.keys().cloned());
                for student in students.collect::<Vec<_>>() {
                    if self.presences.get(&student).is_some_and(|p| p.session.as_ref() == Some(session)) {
                        self.set_session(&student, None);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whoever takes a session up first answers for all who are in it already.
    fn take_group(&mut self, session: &SessionId, staff: &StaffId, entry: &Entry) {
        let Some(lesson) = self.lessons.get(session).filter(|lesson| lesson.lead().is_none()) else { return };
        let there = lesson.students.iter().filter(|(_, stay)| stay.until.is_none());
        for student in there.map(|(student, _)| student.clone()).collect::<Vec<_>>() {
            self.pass_to(&student, Custodian::Staff(staff.clone()), entry);
        }
    }

    fn join(&mut self, student: &StudentId, session: &SessionId, entry: &Entry) {
        if self.presences.get(student).is_none_or(|p| p.whereabouts == Whereabouts::OffCampus) {
            // Staff have them in the room: they came in untapped, the card forgotten. The gate duty answers for them as
            // for everybody who came in and has no teacher yet.
            self.move_to(student, Whereabouts::OnCampus(Custodian::GateDuty), entry);
        }
        let earlier = self.presences.get(student).and_then(|p| p.session.clone());
        if let Some(earlier) = earlier.filter(|earlier| earlier != session) {
            self.end_stay(student, &earlier, entry.at);
        }
        self.set_session(student, Some(session.clone()));
        let lead = self.lessons.get(session).and_then(|lesson| lesson.lead()).map(|charge| charge.staff.clone());
        if let Some(staff) = lead {
            self.pass_to(student, Custodian::Staff(staff), entry);
        }
    }

    fn set_session(&mut self, student: &StudentId, session: Option<SessionId>) {
        if let Some(presence) = self.presence_mut(student) {
            presence.session = session;
        }
    }

    fn leave_session(&mut self, student: &StudentId, entry: &Entry) {
        if let Some(session) = self.presence_mut(student).and_then(|p| p.session.take()) {
            self.end_stay(student, &session, entry.at);
        }
    }

    /// Within the school, of one who is in its care; calls and waiting go on.
    fn pass_to(&mut self, student: &StudentId, custodian: Custodian, entry: &Entry) {
        let in_care = self.presences.get_mut(student).filter(|presence| presence.in_care());
        let Some(presence) = in_care.map(Arc::make_mut) else { return };
        if presence.custodian() == Some(&custodian) {
            return;
        }
        let whereabouts = Whereabouts::OnCampus(custodian);
        regroup(&mut self.groups, student, presence.custodian(), &whereabouts);
        (presence.whereabouts, presence.since, presence.by) = (whereabouts, entry.at, entry.seq);
    }

    /// Over the border, or out of the school's care: out of any session, and of the calls.
    fn move_to(&mut self, student: &StudentId, whereabouts: Whereabouts, entry: &Entry) {
        let here = |whereabouts: &Whereabouts| matches!(whereabouts, Whereabouts::OnCampus(_));
        let Self { presences, groups, on_campus, .. } = self;
        *on_campus += usize::from(here(&whereabouts));
        let Some(presence) = presences.get_mut(student).map(Arc::make_mut) else {
            regroup(groups, student, None, &whereabouts);
            presences.insert(student.clone(), Arc::new(Presence::new(whereabouts, entry)));
            return;
        };
        *on_campus -= usize::from(here(&presence.whereabouts));
        regroup(groups, student, presence.custodian(), &whereabouts);
        let by_family = matches!(whereabouts, Whereabouts::OnCampus(Custodian::Guardian(_) | Custodian::Delegate(_)));
        presence.fetched = by_family || !here(&whereabouts) && presence.fetched;
        (presence.whereabouts, presence.since, presence.by) = (whereabouts, entry.at, entry.seq);
        (presence.waiting, presence.left_by) = (None, None);
        let (session, calls) = (presence.session.take(), core::mem::take(&mut presence.calls));
        if let Some(session) = session {
            self.end_stay(student, &session, entry.at);
        }
        for call in calls {
            self.drop_from_call(call, student);
        }
    }

    /// Whom this member of staff answers for, in the order of their ids.
    pub fn in_custody_of<'a>(&'a self, staff: &StaffId) -> impl Iterator<Item = &'a StudentId> + use<'a> {
        self.groups.get(staff).into_iter().flatten()
    }

    /// The entry since which the present custodian answers for a student on campus.
    pub fn custody_since(&self, student: &StudentId) -> Option<Seq> {
        self.presences.get(student).filter(|p| p.custodian().is_some()).map(|p| p.by)
    }
}

/// Keeps the groups right: called before every change of whereabouts.
fn regroup(
    groups: &mut BTreeMap<StaffId, BTreeSet<StudentId>>,
    student: &StudentId,
    before: Option<&Custodian>,
    to: &Whereabouts,
) {
    if let Some(Custodian::Staff(before)) = before
        && let Some(group) = groups.get_mut(before)
    {
        group.remove(student);
        if group.is_empty() {
            groups.remove(before);
        }
    }
    if let Whereabouts::OnCampus(Custodian::Staff(now)) = to {
        groups.entry(now.clone()).or_default().insert(student.clone());
    }
}
