//! What a guardian may see of their children: the latest state, not a history.

use alloc::{string::String, vec::Vec};
use serde::Serialize;

use super::{Notice, Teller, clock, guardian::delegate, relation};
use crate::{
    entry::{Reason, What},
    id::{GuardianId, StudentId},
    roster::{Holder, Roster},
    state::{Custodian, Presence, State, Whereabouts},
    text,
    text::Bilingual,
    time::Stamp,
};

/// What a guardian may see of one of their children.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChildStatus {
    /// Who.
    pub student: StudentId,
    /// What people call them.
    pub name: String,
    /// In one word.
    pub state: ChildState,
    /// When it became so.
    pub since: Stamp,
    /// In a sentence.
    pub text: Bilingual,
}

/// A child's state in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildState {
    /// Not at school.
    OffCampus,
    /// At school.
    OnCampus,
    /// Waiting to be fetched.
    Waiting,
    /// Called: somebody has come.
    Called,
    /// In a guardian's care, or on the way home alone.
    Released,
}

/// The students of whom guardians may see something else after this entry.
pub fn changes_status(what: &What) -> &[StudentId] {
    match what {
        What::Arrived { .. }
        | What::Waiting { .. }
        | What::Called { .. }
        | What::CallEnded { .. }
        | What::PassShown { .. }
        | What::Released { .. }
        | What::Left { .. }
        | What::LeftUnseen { .. }
        | What::CheckedIn { .. }
        | What::CheckedOut { .. }
        | What::Attendance { .. }
        | What::ExtendedCare { .. }
        | What::Refused {
            holder: Some(Holder::Student(_)),
            reason: Reason::NotReleased | Reason::NotYourTurn(_) | Reason::GateLocked,
            ..
        } => what.students(),
        _ => &[],
    }
}

impl Teller<'_> {
    pub(super) fn status_changes(&self) -> Vec<Notice> {
        let heard_by = |student| self.roster.heard_by(student, &self.entry.at);
        let heard_by = changes_status(&self.entry.what).iter().flat_map(heard_by);
        let mut notices: Vec<Notice> = Vec::new();
        for (link, guardian) in heard_by {
            let status = Notice::Status { guardian: link.guardian.clone(), token: guardian.token.clone() };
            if !notices.contains(&status) {
                notices.push(status); // siblings have the same guardians
            }
        }
        notices
    }
}

/// What this guardian may see of their children now.
pub fn statuses(guardian: &GuardianId, state: &State, roster: &Roster, now: &Stamp) -> Vec<ChildStatus> {
    let visible = roster.children_of(guardian).filter(|child| !roster.is_restricted(child, guardian, now));
    visible.filter_map(|child| child_status(child, state.presence(child)?, roster)).collect()
}

fn child_status(child: &StudentId, presence: &Presence, roster: &Roster) -> Option<ChildStatus> {
    let name = roster.student(child)?.name.clone();
    let state = state_of(presence);
    let text = match state {
        ChildState::OnCampus => here(&name, presence, roster),
        ChildState::Released => released(&name, child, presence, roster),
        ChildState::OffCampus | ChildState::Waiting | ChildState::Called => Bilingual::say(|lang| match state {
            ChildState::OffCampus => {
                let at = clock(&presence.since, lang);
                text!(lang, zh: "{name}{at}已离校", en: "{name} left school{at}")
            }
            ChildState::Waiting => text!(lang, zh: "{name}正在等待接走", en: "{name} is waiting to be picked up"),
            _ => text!(lang, zh: "已通知{name}前来", en: "{name} has been called"),
        }),
    };
    Some(ChildStatus { student: child.clone(), name: name.as_str().into(), state, since: presence.since, text })
}

fn state_of(presence: &Presence) -> ChildState {
    match &presence.whereabouts {
        Whereabouts::OffCampus => ChildState::OffCampus,
        Whereabouts::OnCampus(custodian) if !custodian.is_school() => ChildState::Released,
        Whereabouts::OnCampus(_) if !presence.calls.is_empty() => ChildState::Called,
        Whereabouts::OnCampus(_) if presence.waiting.is_some() => ChildState::Waiting,
        Whereabouts::OnCampus(_) => ChildState::OnCampus,
    }
}

fn here(name: &str, presence: &Presence, roster: &Roster) -> Bilingual {
    let session = presence.session.as_ref().and_then(|id| roster.session(id));
    let course = session.and_then(|session| roster.course(&session.course)).map(|course| course.name.as_str());
    Bilingual::say(|lang| match (course, presence.custodian()) {
        (Some(course), _) => text!(lang, zh: "{name}正在参加{course}", en: "{name} is in {course}"),
        (None, Some(Custodian::ExtendedCare)) => {
            text!(lang, zh: "{name}正在延时托管", en: "{name} is in extended care")
        }
        (None, Some(Custodian::GateDuty)) => {
            let at = clock(&presence.since, lang);
            text!(lang, zh: "{name}{at}已到校", en: "{name} came to school{at}")
        }
        (None, _) => text!(lang, zh: "{name}在校", en: "{name} is at school"),
    })
}

fn released(name: &str, child: &StudentId, presence: &Presence, roster: &Roster) -> Bilingual {
    let by = match presence.custodian() {
        Some(Custodian::Guardian(guardian)) => Some(relation(roster, child, guardian)),
        Some(Custodian::Delegate(pass)) => Some(delegate(&relation(roster, child, &pass.guardian))),
        _ => None,
    };
    Bilingual::say(|lang| {
        let at = clock(&presence.since, lang);
        match &by {
            Some(by) => {
                let by = by.get(lang);
                text!(lang, zh: "{name}{at}由{by}接走", en: "{name} was picked up by {by}{at}")
            }
            None => text!(lang, zh: "{name}{at}自行离校", en: "{name} set off home alone{at}"),
        }
    })
}
