//! One entry in one line, for people who look into the ledger. Ids, not names: the ledger has no names.

use schoolgate_core::{
    entry::{CallEnd, Consumer, Entry, Missed, Reason, Recipient, Tap, What},
    roster::Holder,
    text,
    text::{Bilingual, Lang},
    time::ClockQuality,
};

/// Number, time, kind and what happened.
pub(super) fn line(entry: &Entry, lang: Lang) -> String {
    let Entry { seq, at, what, .. } = entry;
    let doubt = match at.clock {
        ClockQuality::Synchronised => "",
        ClockQuality::Holdover { .. } => "~",
        ClockQuality::Unset => "?",
        ClockQuality::Simulated => "*",
    };
    let (wall, kind) = (at.wall, what.kind());
    let sentence = sentence(what, lang);
    format!("{seq:>8}  {wall}{doubt:<1}  {kind:<14}  {sentence}")
}

fn sentence(what: &What, lang: Lang) -> String {
    match what {
        What::Started { version } => {
            text!(lang, zh: "网关启动，版本 {version}", en: "the gateway started, version {version}")
        }
        What::Stopped {} => text!(lang, zh: "网关正常停止", en: "the gateway stopped in good order"),
        What::RosterAdopted { version, students, .. } => {
            text!(lang, zh: "启用名册 {version}，学生 {students} 人", en: "roster {version} adopted, {students} students")
        }
        What::Arrived { student, tap, missed } => arrived(student.as_str(), tap, missed.as_ref(), lang),
        What::Waiting { student, tap } => {
            let place = &tap.place;
            text!(lang, zh: "学生 {student} 在 {place} 等待接走", en: "student {student} waits at {place} to be fetched")
        }
        What::Called { guardian, students, tap } => {
            let (place, students) = (&tap.place, join(students));
            text!(lang, zh: "家长 {guardian} 在 {place} 呼叫学生 {students}", en: "guardian {guardian} at {place} calls {students}")
        }
        What::CallEnded { call, why: CallEnd::Expired, .. } => {
            text!(lang, zh: "呼叫 {call} 超时结束", en: "call {call} ended: its time is over")
        }
        What::CallEnded { call, why: CallEnd::Renewed, .. } => {
            text!(lang, zh: "呼叫 {call} 由新的呼叫取代", en: "call {call} ended: called again")
        }
        What::CallEnded { call, why: CallEnd::Revoked, .. } => {
            text!(lang, zh: "呼叫 {call} 因接送凭证作废而结束", en: "call {call} ended: its pickup pass was revoked")
        }
        What::Released { student, to: Recipient::Guardian(guardian), tap, .. } => {
            let place = &tap.place;
            text!(lang, zh: "学生 {student} 在 {place} 交给家长 {guardian}", en: "student {student} handed to guardian {guardian} at {place}")
        }
        What::Released { student, to: Recipient::Alone, tap, .. } => {
            let place = &tap.place;
            text!(lang, zh: "学生 {student} 在 {place} 获准自行离校", en: "student {student} may go home alone from {place}")
        }
        What::Left { student, tap, .. } => {
            let place = &tap.place;
            text!(lang, zh: "学生 {student} 由 {place} 离校", en: "student {student} left by {place}")
        }
        What::Refused { holder, tap, reason } => {
            let (place, who, why) = (&tap.place, whose(holder.as_ref(), lang), reason_text(reason, lang));
            text!(lang, zh: "{place} 拒绝{who}：{why}", en: "{who} refused at {place}: {why}")
        }
        What::Seen { holder, tap } => {
            let (place, who) = (&tap.place, whose(Some(holder), lang));
            text!(lang, zh: "{who}在 {place} 刷卡", en: "{who} seen at {place}")
        }
        What::AlarmRaised { alarm, .. } => {
            let says = alarm_text(alarm, lang);
            text!(lang, zh: "警报：{says}", en: "alarm: {says}")
        }
        What::AlarmEnded { alarm, raised } => {
            let says = alarm_text(alarm, lang);
            text!(lang, zh: "警报 {raised} 结束：{says}", en: "alarm {raised} is over: {says}")
        }
        What::ReaderDown { reader, reason } => {
            text!(lang, zh: "读卡器 {reader} 失去联系：{reason}", en: "reader {reader} can't be heard: {reason}")
        }
        What::ReaderUp { reader } => text!(lang, zh: "读卡器 {reader} 恢复", en: "reader {reader} is heard again"),
        What::Delivered { consumer: Consumer::Notify, through } => {
            text!(lang, zh: "通知已送达至记录 {through}", en: "notifications are delivered through entry {through}")
        }
        What::Delivered { consumer: Consumer::Sync, through } => {
            text!(lang, zh: "平台已收到至记录 {through}", en: "the platform has everything through entry {through}")
        }
        other => other.kind().to_owned(),
    }
}

fn arrived(student: &str, tap: &Tap, missed: Option<&Missed>, lang: Lang) -> String {
    let place = &tap.place;
    match missed {
        None => text!(lang, zh: "学生 {student} 由 {place} 到校", en: "student {student} arrived by {place}"),
        Some(Missed::Entry) => {
            text!(lang, zh: "学生 {student} 在 {place} 出现，入校时未刷卡", en: "student {student} showed up at {place} without having tapped in")
        }
        Some(Missed::Exit { since }) => text!(
            lang,
            zh: "学生 {student} 由 {place} 到校，上次离校未刷卡（记录 {since}）",
            en: "student {student} arrived by {place}; had gone home without a tap (entry {since})",
        ),
    }
}

fn whose(holder: Option<&Holder>, lang: Lang) -> String {
    match holder {
        None => text!(lang, zh: "未知的卡", en: "an unknown card"),
        Some(Holder::Student(id)) => text!(lang, zh: "学生 {id} ", en: "student {id}"),
        Some(Holder::Guardian(id)) => text!(lang, zh: "家长 {id} ", en: "guardian {id}"),
        Some(Holder::Staff(id)) => text!(lang, zh: "教职工 {id} ", en: "staff {id}"),
        Some(Holder::Visitor(id)) => text!(lang, zh: "访客 {id} ", en: "visitor {id}"),
    }
}

fn reason_text(reason: &Reason, lang: Lang) -> String {
    match reason {
        Reason::Unknown => text!(lang, zh: "不是本校发的卡", en: "not a card of this school"),
        Reason::Lost => text!(lang, zh: "卡已挂失", en: "the card was reported lost"),
        Reason::Blocked => text!(lang, zh: "卡已停用", en: "the card is blocked"),
        Reason::Expired => text!(lang, zh: "卡已过期", en: "the card has expired"),
        Reason::NotReleased => text!(lang, zh: "尚未放行", en: "not released"),
        Reason::CalledElsewhere(place) => text!(lang, zh: "家长在 {place} 等候", en: "the family waits at {place}"),
        Reason::NobodyToFetch => text!(lang, zh: "没有可接的在校学生", en: "none of their students is on campus"),
        Reason::NotAuthorised => text!(lang, zh: "今日没有接送授权", en: "not authorised today"),
        Reason::Restricted => text!(lang, zh: "受接触限制", en: "under a restriction"),
        Reason::OutsideHours => text!(lang, zh: "不在放学时段", en: "outside the release hours"),
        other => format!("{other:?}"),
    }
}

fn alarm_text(alarm: &schoolgate_core::alarm::Alarm, lang: Lang) -> String {
    let place = alarm.place().map_or("", |place| place.as_str());
    alarm.says(&Bilingual { zh: place.into(), en: place.into() }).get(lang).to_owned()
}

fn join(ids: &[schoolgate_core::id::StudentId]) -> String {
    ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" ")
}
