//! What staff are told. Ids, not names: alerts are read on shared screens.

use alloc::vec::Vec;
use serde::Serialize;

use super::{Notice, Teller};
use crate::{
    alarm::Alarm,
    entry::{MusterCause, Seq, What},
    id::StaffId,
    roster::{Post, StaffRole},
    text,
    text::Bilingual,
};

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// An alarm.
    Alarm(Alarm),
    /// An emergency in which everybody is accounted for.
    Muster(MusterFacts),
}

/// Figures of a muster; those that are known when it is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MusterFacts {
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<MusterCause>,
    /// Whether it is an exercise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<bool>,
    /// How many people were on campus when it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<u32>,
    /// How many were accounted for at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe: Option<u32>,
    /// How many never were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unaccounted: Option<u32>,
}

/// How an alert stands.
struct Standing<'a> {
    raised: Seq,
    on: bool,
    acknowledged_by: Option<&'a StaffId>,
}

impl Teller<'_> {
    pub(super) fn alerts(&self) -> Vec<Notice> {
        match &self.entry.what {
            What::AlarmRaised { alarm, .. } => {
                self.alarm(alarm, &Standing { raised: self.entry.seq, on: true, acknowledged_by: None })
            }
            What::AlarmAcknowledged { alarm, raised, by } => {
                self.alarm(alarm, &Standing { raised: *raised, on: true, acknowledged_by: Some(by) })
            }
            What::AlarmEnded { alarm, raised } => {
                self.alarm(alarm, &Standing { raised: *raised, on: false, acknowledged_by: None })
            }
            What::MusterStarted { cause, drill, people } => self.muster_started(cause, *drill, *people),
            What::MusterEnded { muster, safe, unaccounted, .. } => self.muster_ended(*muster, *safe, *unaccounted),
            _ => Vec::new(),
        }
    }

    fn alarm(&self, alarm: &Alarm, standing: &Standing<'_>) -> Vec<Notice> {
        let place_name = |place| Bilingual::say(|lang| self.place_name(place, lang).into());
        let place = alarm.place().map(place_name).unwrap_or_default();
        let says = alarm.says(&place);
        let text = Bilingual::say(|lang| {
            let says = says.get(lang);
            match (standing.on, standing.acknowledged_by) {
                (true, None) => says.into(),
                (true, Some(by)) => text!(lang, zh: "{by} 正在处理：{says}", en: "{by} sees to it: {says}"),
                (false, _) => text!(lang, zh: "已解除：{says}", en: "over: {says}"),
            }
        });
        let alert = |&role| Notice::Alert {
            role,
            whom: self.whom(role, alarm),
            matter: Matter::Alarm(alarm.clone()),
            raised: standing.raised,
            on: standing.on,
            acknowledged_by: standing.acknowledged_by.cloned(),
            text: text.clone(),
        };
        alarm.roles().iter().map(alert).collect()
    }

    /// Among everybody of that role, the one whose matter it is: by the timetable and the rota, which know nothing of
    /// somebody who stands in without having been written down there.
    fn whom(&self, role: StaffRole, alarm: &Alarm) -> Option<StaffId> {
        match (role, alarm) {
            (StaffRole::DutyLeader, _) => self.on_rota(Post::Leader),
            (StaffRole::Teacher, Alarm::StudentMissing { session, .. } | Alarm::LeftDuringSession { session, .. }) => {
                self.roster.session(session)?.staff.first().cloned()
            }
            (StaffRole::Teacher, Alarm::NotFetched { .. }) => self.on_rota(Post::ExtendedCare),
            _ => None,
        }
    }

    fn on_rota(&self, post: Post) -> Option<StaffId> {
        let at = &self.entry.at;
        Some(self.roster.on_rota(post, at.day()?, at.time_of_day()?)?.staff.clone())
    }

    fn muster_started(&self, cause: &MusterCause, drill: bool, people: u32) -> Vec<Notice> {
        let facts = MusterFacts {
            cause: Some(cause.clone()),
            drill: Some(drill),
            people: Some(people),
            ..MusterFacts::default()
        };
        let text = Bilingual::say(|lang| {
            if drill {
                text!(lang, zh: "应急演练开始清点：校内{people}人", en: "muster drill: {people} people are on campus")
            } else {
                text!(lang, zh: "紧急情况，开始清点：校内{people}人", en: "EMERGENCY, muster: {people} people are on campus")
            }
        });
        self.muster(&facts, self.entry.seq, true, &text)
    }

    fn muster_ended(&self, muster: Seq, safe: u32, unaccounted: u32) -> Vec<Notice> {
        let facts = MusterFacts { safe: Some(safe), unaccounted: Some(unaccounted), ..MusterFacts::default() };
        let text = Bilingual::say(|lang| {
            text!(
                lang,
                zh: "清点结束：{safe}人安全，{unaccounted}人未确认",
                en: "the muster is over: {safe} are safe, {unaccounted} were not accounted for"
            )
        });
        self.muster(&facts, muster, false, &text)
    }

    fn muster(&self, facts: &MusterFacts, raised: Seq, on: bool, text: &Bilingual) -> Vec<Notice> {
        let alert = |role| Notice::Alert {
            role,
            whom: None,
            matter: Matter::Muster(facts.clone()),
            raised,
            on,
            acknowledged_by: None,
            text: text.clone(),
        };
        StaffRole::ALL.into_iter().map(alert).collect()
    }
}
