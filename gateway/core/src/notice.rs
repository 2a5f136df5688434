//! Who is told what about an entry, in words for people.
//!
//! Pure and repeatable: the same entry under the same roster gives the same notices in the same order, so that a message
//! that is sent again is the same message.

use alloc::{string::String, vec::Vec};
use serde::Serialize;

use crate::{
    alarm::Alarm,
    entry::{Entry, Reason, Recipient, Seq, Tap, What},
    id::{GuardianId, GuardianToken, PlaceId, StudentId},
    roster::{Holder, Roster, StaffRole},
    site::Site,
    state::{Custodian, Presence, State, Whereabouts},
    text,
    text::Bilingual,
    time::Stamp,
};

/// What a guardian is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardianEvent {
    /// The child came onto the campus.
    Arrived,
    /// The child waits to be fetched.
    ReadyForPickup,
    /// The child has been called for this guardian.
    Called,
    /// The child has left the school's care.
    Released,
}

impl GuardianEvent {
    /// The name, as messages have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::ReadyForPickup => "ready_for_pickup",
            Self::Called => "called",
            Self::Released => "released",
        }
    }
}

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
        /// Where.
        place: PlaceId,
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
    /// Tell staff of an alarm.
    Alert {
        /// Who has to look.
        role: StaffRole,
        /// At what.
        alarm: Alarm,
        /// The entry that raised it.
        raised: Seq,
        /// Whether it is on, or over.
        on: bool,
        /// The sentence.
        text: Bilingual,
    },
}

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

/// Everybody who is to be told of this entry, and what, in the order in which it is said.
pub fn notices(entry: &Entry, roster: &Roster, site: &Site) -> Vec<Notice> {
    let teller = Teller { entry, roster, site };
    match &entry.what {
        What::Arrived { student, tap, .. } => teller.everyone(GuardianEvent::Arrived, student, tap, |name, place, at| {
            Bilingual::say(|lang| {
                let (at, place) = (at.get(lang), place.get(lang));
                text!(lang, zh: "{name}{at}已到校（{place}）", en: "{name} arrived{at} ({place})")
            })
        }),
        What::Waiting { student, tap } => {
            teller.everyone(GuardianEvent::ReadyForPickup, student, tap, |name, place, at| {
                Bilingual::say(|lang| {
                    let (at, place) = (at.get(lang), place.get(lang));
                    text!(lang, zh: "{name}{at}起在{place}等待接走", en: "{name} is ready to be picked up{at} ({place})")
                })
            })
        }
        What::Called { guardian, students, tap } => {
            students.iter().flat_map(|student| teller.called(guardian, student, tap)).collect()
        }
        What::Released { student, to, tap, .. } => teller.released(student, to, tap),
        What::Left { student, .. }
        | What::Refused { holder: Some(Holder::Student(student)), reason: Reason::NotReleased, .. } => {
            teller.statuses(student)
        }
        What::CallEnded { students, .. } => students.iter().flat_map(|student| teller.statuses(student)).collect(),
        What::AlarmRaised { alarm, .. } => teller.alert(alarm, entry.seq, true),
        What::AlarmEnded { alarm, raised } => teller.alert(alarm, *raised, false),
        _ => Vec::new(),
    }
}

/// What this guardian may see of their children now.
pub fn statuses(guardian: &GuardianId, state: &State, roster: &Roster, now: &Stamp) -> Vec<ChildStatus> {
    let visible = roster.children_of(guardian).filter(|child| !roster.is_restricted(child, guardian, now));
    visible.filter_map(|child| child_status(child, state.presence(child), roster)).collect()
}

struct Teller<'a> {
    entry: &'a Entry,
    roster: &'a Roster,
    site: &'a Site,
}

impl Teller<'_> {
    /// The event and the new status, to each guardian who hears of this student.
    fn everyone(
        &self,
        event: GuardianEvent,
        student: &StudentId,
        tap: &Tap,
        say: impl Fn(&str, &Bilingual, &Bilingual) -> Bilingual,
    ) -> Vec<Notice> {
        let Some(name) = self.roster.student(student).map(|s| s.name.as_str()) else { return Vec::new() };
        let text = say(name, &self.place_name(&tap.place), &clock(&self.entry.at));
        let mut notices = Vec::new();
        for (_, guardian) in self.roster.heard_by(student, &self.entry.at) {
            notices.push(Notice::Event {
                token: guardian.token.clone(),
                event,
                student: student.clone(),
                name: name.into(),
                place: tap.place.clone(),
                text: text.clone(),
            });
        }
        notices.extend(self.statuses(student));
        notices
    }

    fn statuses(&self, student: &StudentId) -> Vec<Notice> {
        self.roster
            .heard_by(student, &self.entry.at)
            .map(|(link, guardian)| Notice::Status { guardian: link.guardian.clone(), token: guardian.token.clone() })
            .collect()
    }

    /// Only the guardian who called hears of the call; the others see it in the status.
    fn called(&self, guardian: &GuardianId, student: &StudentId, tap: &Tap) -> Vec<Notice> {
        let caller = self.roster.guardian(guardian).map(|g| &g.token);
        let mut notices = self.everyone(GuardianEvent::Called, student, tap, |name, place, _| {
            Bilingual::say(|lang| {
                let place = place.get(lang);
                text!(lang, zh: "已通知{name}到{place}", en: "{name} has been called to: {place}")
            })
        });
        notices.retain(|notice| !matches!(notice, Notice::Event { token, .. } if Some(token) != caller));
        notices
    }

    fn released(&self, student: &StudentId, to: &Recipient, tap: &Tap) -> Vec<Notice> {
        let by = match to {
            Recipient::Alone => None,
            Recipient::Guardian(guardian) => Some(self.relation(student, guardian)),
            Recipient::Delegate(_) => {
                Some(Bilingual { zh: "持接送凭证的代接人".into(), en: "somebody with a pickup pass".into() })
            }
        };
        self.everyone(GuardianEvent::Released, student, tap, |name, _, at| {
            Bilingual::say(|lang| {
                let at = at.get(lang);
                match &by {
                    None => text!(lang, zh: "{name}{at}自行离校", en: "{name} set off home alone{at}"),
                    Some(by) => {
                        let by = by.get(lang);
                        text!(lang, zh: "{name}{at}由{by}接走", en: "{name} was picked up by {by}{at}")
                    }
                }
            })
        })
    }

    fn alert(&self, alarm: &Alarm, raised: Seq, on: bool) -> Vec<Notice> {
        let place = alarm.place().map(|place| self.place_name(place)).unwrap_or_default();
        let text = alarm.says(&place);
        let alert = |&role| Notice::Alert { role, alarm: alarm.clone(), raised, on, text: text.clone() };
        alarm.roles().iter().map(alert).collect()
    }

    fn place_name(&self, place: &PlaceId) -> Bilingual {
        let unnamed = || Bilingual { zh: place.as_str().into(), en: place.as_str().into() };
        self.site.places.get(place).map_or_else(unnamed, |place| place.name.clone())
    }

    fn relation(&self, student: &StudentId, guardian: &GuardianId) -> Bilingual {
        let someone = || Bilingual { zh: "家长".into(), en: "a guardian".into() };
        self.roster.link(student, guardian).map_or_else(someone, |link| link.relation.clone())
    }
}

/// ` at 17:52`, or nothing if the clock was not set: a time that is not so is not said.
fn clock(at: &Stamp) -> Bilingual {
    let Some(time) = at.clock_text() else { return Bilingual::default() };
    Bilingual::say(|lang| text!(lang, zh: "{time}", en: " at {time}"))
}

fn child_status(child: &StudentId, presence: Option<&Presence>, roster: &Roster) -> Option<ChildStatus> {
    let name = roster.student(child)?.name.as_str().into();
    let presence = presence?;
    let at = clock(&presence.since);
    let state = match &presence.whereabouts {
        Whereabouts::OffCampus => ChildState::OffCampus,
        Whereabouts::OnCampus(custodian) if !custodian.is_school() => ChildState::Released,
        Whereabouts::OnCampus(_) if !presence.calls.is_empty() => ChildState::Called,
        Whereabouts::OnCampus(_) if presence.waiting.is_some() => ChildState::Waiting,
        Whereabouts::OnCampus(_) => ChildState::OnCampus,
    };
    let by = match &presence.whereabouts {
        Whereabouts::OnCampus(Custodian::Guardian(guardian)) => roster.link(child, guardian).map(|link| link.relation),
        _ => None,
    };
    let text = Bilingual::say(|lang| {
        let at = at.get(lang);
        match (state, by.map(|by| by.get(lang))) {
            (ChildState::OffCampus, _) => text!(lang, zh: "{name}{at}已离校", en: "{name} left school{at}"),
            (ChildState::OnCampus, _) => text!(lang, zh: "{name}{at}已到校", en: "{name} came to school{at}"),
            (ChildState::Waiting, _) => text!(lang, zh: "{name}正在等待接走", en: "{name} is waiting to be picked up"),
            (ChildState::Called, _) => text!(lang, zh: "已通知{name}前来", en: "{name} has been called"),
            (ChildState::Released, Some(by)) => {
                text!(lang, zh: "{name}{at}由{by}接走", en: "{name} was picked up by {by}{at}")
            }
            (ChildState::Released, None) => text!(lang, zh: "{name}{at}自行离校", en: "{name} set off home alone{at}"),
        }
    });
    Some(ChildStatus { student: child.clone(), name, state, since: presence.since, text })
}
