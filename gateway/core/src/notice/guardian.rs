//! What guardians are told: their own children only, and nothing if a restriction keeps them from the child.

use alloc::{string::String, vec::Vec};

use super::{Facts, GuardianEvent, Notice, Teller, clock, relation};
use crate::{
    alarm::Alarm,
    entry::{AttendanceStatus, Correction, PassId, Recipient, Seq, Tap, What},
    id::{GuardianId, PlaceId, SessionId, StudentId},
    text,
    text::{Bilingual, Lang},
};

/// An event before it is addressed.
struct News<'a> {
    event: GuardianEvent,
    student: &'a StudentId,
    place: Option<&'a PlaceId>,
    facts: Facts,
}

impl<'a> News<'a> {
    fn of(event: GuardianEvent, student: &'a StudentId) -> Self {
        Self { event, student, place: None, facts: Facts::default() }
    }

    fn at(self, place: &'a PlaceId) -> Self {
        Self { place: Some(place), ..self }
    }

    fn in_session(mut self, session: &SessionId) -> Self {
        self.facts.session = Some(session.clone());
        self
    }
}

impl Teller<'_> {
    pub(super) fn events(&self) -> Vec<Notice> {
        match &self.entry.what {
            What::Arrived { student, tap, .. } => self.arrived(student, tap),
            What::Waiting { student, tap } => self.waiting(student, tap),
            What::Called { guardian, students, tap } => {
                students.iter().flat_map(|student| self.called(guardian, student, tap)).collect()
            }
            What::PassShown { pass, tap } => self.pass_shown(pass, tap),
            What::Released { student, to, tap, .. } => self.released(student, to, tap),
            What::Attendance { student, session, status, minutes, .. } => {
                self.session_ended(student, session, *status, *minutes)
            }
            What::Corrected { entry, to, students, .. } => {
                students.iter().flat_map(|student| self.corrected(*entry, to, student)).collect()
            }
            What::AlarmRaised { alarm, .. } => self.alarmed(alarm),
            What::AlarmEnded { alarm: Alarm::StudentMissing { student, session, place }, .. } => {
                self.no_longer_missed(student, session, place)
            }
            _ => Vec::new(),
        }
    }

    fn arrived(&self, student: &StudentId, tap: &Tap) -> Vec<Notice> {
        self.everyone(News::of(GuardianEvent::Arrived, student).at(&tap.place), |lang, name| {
            let (at, place) = (clock(&self.entry.at, lang), self.place_name(&tap.place, lang));
            text!(lang, zh: "{name}{at}已到校（{place}）", en: "{name} arrived{at} ({place})")
        })
    }

    fn waiting(&self, student: &StudentId, tap: &Tap) -> Vec<Notice> {
        self.everyone(News::of(GuardianEvent::ReadyForPickup, student).at(&tap.place), |lang, name| {
            let (at, place) = (clock(&self.entry.at, lang), self.place_name(&tap.place, lang));
            text!(lang, zh: "{name}{at}起在{place}等待接走", en: "{name} is ready to be picked up{at} ({place})")
        })
    }

    /// Only the guardian who called hears of the call; the others see it in the status.
    fn called(&self, guardian: &GuardianId, student: &StudentId, tap: &Tap) -> Vec<Notice> {
        let notices = self.everyone(News::of(GuardianEvent::Called, student).at(&tap.place), |lang, name| {
            let place = self.place_name(&tap.place, lang);
            text!(lang, zh: "已通知{name}到{place}", en: "{name} has been called to: {place}")
        });
        self.only(guardian, notices)
    }

    /// Whoever gave the pass hears that somebody has come with it.
    fn pass_shown(&self, pass: &PassId, tap: &Tap) -> Vec<Notice> {
        let notices = self.everyone(News::of(GuardianEvent::Called, &pass.student).at(&tap.place), |lang, name| {
            let (at, place) = (clock(&self.entry.at, lang), self.place_name(&tap.place, lang));
            text!(
                lang,
                zh: "持您接送凭证的人{at}已到{place}，已通知{name}",
                en: "somebody came with your pickup pass{at} ({place}); {name} has been called"
            )
        });
        self.only(&pass.guardian, notices)
    }

    fn released(&self, student: &StudentId, to: &Recipient, tap: &Tap) -> Vec<Notice> {
        let by = self.recipient(student, to);
        self.everyone(News::of(GuardianEvent::Released, student).at(&tap.place), |lang, name| {
            let at = clock(&self.entry.at, lang);
            match &by {
                None => text!(lang, zh: "{name}{at}自行离校", en: "{name} set off home alone{at}"),
                Some(by) => {
                    let by = by.get(lang);
                    text!(lang, zh: "{name}{at}由{by}接走", en: "{name} was picked up by {by}{at}")
                }
            }
        })
    }

    fn recipient(&self, student: &StudentId, to: &Recipient) -> Option<Bilingual> {
        match to {
            Recipient::Alone => None,
            Recipient::Guardian(guardian) => Some(relation(self.roster, student, guardian)),
            Recipient::Delegate(pass) => Some(delegate(&relation(self.roster, student, &pass.guardian))),
        }
    }

    fn session_ended(
        &self,
        student: &StudentId,
        session: &SessionId,
        status: AttendanceStatus,
        minutes: u16,
    ) -> Vec<Notice> {
        let course = self.course(session);
        let mut news = News::of(GuardianEvent::SessionEnded, student).in_session(session);
        (news.facts.attendance, news.facts.minutes) = (Some(status), Some(minutes));
        self.everyone(news, |lang, name| {
            let (course, took_part) = (course.get(lang), took_part(lang, status, minutes));
            text!(lang, zh: "{course}已结束：{name}{took_part}", en: "{course} is over: {name} {took_part}")
        })
    }

    fn corrected(&self, wrong: Seq, to: &Correction, student: &StudentId) -> Vec<Notice> {
        let mut news = News::of(GuardianEvent::Correction, student);
        news.facts.corrects = Some(wrong);
        match to {
            Correction::Attendance { status, minutes } => {
                (news.facts.attendance, news.facts.minutes) = (Some(*status), Some(*minutes));
                self.everyone(news, |lang, name| {
                    let took_part = took_part(lang, *status, *minutes);
                    text!(lang, zh: "更正考勤：{name}{took_part}", en: "correction of attendance: {name} {took_part}")
                })
            }
            Correction::NotSo => self.everyone(news, |lang, name| {
                text!(lang, zh: "更正：此前有一条关于{name}的消息不属实", en: "correction: an earlier message about {name} was wrong")
            }),
            // Guardians were not told of these before.
            Correction::Consumption { .. } | Correction::StaffHours { .. } => Vec::new(),
        }
    }

    fn alarmed(&self, alarm: &Alarm) -> Vec<Notice> {
        match alarm {
            Alarm::StudentMissing { student, session, place } => self.not_arrived(student, session, place),
            Alarm::LeftDuringSession { student, session } => self.left_without_release(student, session),
            Alarm::NotFetched { student, step } if *step >= 2 => self.late_pickup(student, *step),
            _ => Vec::new(),
        }
    }

    fn not_arrived(&self, student: &StudentId, session: &SessionId, place: &PlaceId) -> Vec<Notice> {
        let course = self.course(session);
        let news = News::of(GuardianEvent::NotArrived, student).at(place).in_session(session);
        self.everyone(news, |lang, name| {
            let (at, course, room) = (clock(&self.entry.at, lang), course.get(lang), self.place_name(place, lang));
            text!(
                lang,
                zh: "{name}{at}仍未到{course}（{room}）",
                en: "{name} is expected in {course} ({room}) and was not there{at}"
            )
        })
    }

    /// Only while the session goes on: at its end, how the child took part says more.
    fn no_longer_missed(&self, student: &StudentId, session: &SessionId, place: &PlaceId) -> Vec<Notice> {
        let hours = self.roster.session(session).map(|session| session.hours);
        if hours.zip(self.entry.at.time_of_day()).is_some_and(|(hours, time)| time >= hours.until) {
            return Vec::new();
        }
        let course = self.course(session);
        let news = News::of(GuardianEvent::NoLongerMissed, student).at(place).in_session(session);
        self.everyone(news, |lang, name| {
            let (at, course) = (clock(&self.entry.at, lang), course.get(lang));
            text!(lang, zh: "{course}：{name}{at}已不再缺席", en: "{course}: {name} is no longer missed{at}")
        })
    }

    fn left_without_release(&self, student: &StudentId, session: &SessionId) -> Vec<Notice> {
        let course = self.course(session);
        let news = News::of(GuardianEvent::LeftWithoutRelease, student).in_session(session);
        self.everyone(news, |lang, name| {
            let (at, course) = (clock(&self.entry.at, lang), course.get(lang));
            text!(
                lang,
                zh: "{name}{at}在{course}期间未请假离校",
                en: "{name} left school{at} during {course}, without leave"
            )
        })
    }

    fn late_pickup(&self, student: &StudentId, step: u8) -> Vec<Notice> {
        let spans = self.roster.policy.not_fetched();
        let span = spans.get(usize::from(step.saturating_sub(1))).or(spans.last());
        let minutes = span.map_or(0, |span| span.as_secs() / 60);
        self.everyone(News::of(GuardianEvent::LatePickup, student), |lang, name| {
            text!(
                lang,
                zh: "{name}放学{minutes}分钟后仍未被接走，在校等候",
                en: "{name} has not been fetched {minutes} minutes after the last session and waits at school"
            )
        })
    }

    /// To each guardian who hears of this student.
    fn everyone(&self, news: News<'_>, say: impl Fn(Lang, &str) -> String) -> Vec<Notice> {
        let News { event, student, place, facts } = news;
        let Some(name) = self.roster.student(student).map(|s| s.name.as_str()) else { return Vec::new() };
        let mut heard_by = self.roster.heard_by(student, &self.entry.at).peekable();
        if heard_by.peek().is_none() {
            return Vec::new();
        }
        let text = Bilingual::say(|lang| say(lang, name));
        let notice = |token: &crate::id::GuardianToken| Notice::Event {
            token: token.clone(),
            event,
            student: student.clone(),
            name: name.into(),
            place: place.cloned(),
            facts: facts.clone(),
            text: text.clone(),
        };
        heard_by.map(|(_, guardian)| notice(&guardian.token)).collect()
    }

    fn only(&self, guardian: &GuardianId, mut notices: Vec<Notice>) -> Vec<Notice> {
        let theirs = self.roster.guardian(guardian).map(|g| &g.token);
        notices.retain(|notice| matches!(notice, Notice::Event { token, .. } if Some(token) == theirs));
        notices
    }

    /// The course with the session's hours; the session's id if the roster does not know it any more.
    fn course(&self, id: &SessionId) -> Bilingual {
        let Some(session) = self.roster.session(id) else {
            return Bilingual { zh: id.as_str().into(), en: id.as_str().into() };
        };
        let name = self.roster.course(&session.course).map_or(session.course.as_str(), |course| course.name.as_str());
        let (from, until) = (session.hours.from, session.hours.until);
        Bilingual::say(|lang| text!(lang, zh: "{name}（{from}–{until}）", en: "{name} ({from}–{until})"))
    }
}

/// Whoever comes with a pass of this guardian.
pub(super) fn delegate(giver: &Bilingual) -> Bilingual {
    Bilingual::say(|lang| {
        let giver = giver.get(lang);
        text!(lang, zh: "持{giver}接送凭证的代接人", en: "somebody with a pickup pass of {giver}")
    })
}

fn took_part(lang: Lang, status: AttendanceStatus, minutes: u16) -> String {
    match status {
        AttendanceStatus::Present => text!(lang, zh: "到课{minutes}分钟", en: "was there ({minutes} min)"),
        AttendanceStatus::Late => text!(lang, zh: "迟到，到课{minutes}分钟", en: "came late ({minutes} min)"),
        AttendanceStatus::LeftEarly => text!(lang, zh: "早退，到课{minutes}分钟", en: "left early ({minutes} min)"),
        AttendanceStatus::Absent => text!(lang, zh: "缺席", en: "was absent"),
        AttendanceStatus::Excused => text!(lang, zh: "请假", en: "was on leave"),
    }
}
