//! Handing children to their families: calls, passes, releases.

use schoolgate_core::{
    entry::{CallEnd, GuardianReply, PassId, Recipient, Seq, Tap},
    id::{GuardianId, StaffId, StudentId},
    text,
    text::Lang,
};

use super::join;

pub(super) fn waiting(student: &StudentId, Tap { place, .. }: &Tap, lang: Lang) -> String {
    text!(lang, zh: "学生 {student} 在 {place} 等待接走", en: "student {student} waits at {place} to be fetched")
}

pub(super) fn called(guardian: &GuardianId, students: &[StudentId], Tap { place, .. }: &Tap, lang: Lang) -> String {
    let students = join(students);
    text!(lang, zh: "家长 {guardian} 在 {place} 呼叫学生 {students}", en: "guardian {guardian} at {place} calls {students}")
}

pub(super) fn call_ended(call: Seq, why: CallEnd, lang: Lang) -> String {
    let why = why.says(lang);
    text!(lang, zh: "呼叫 {call} 结束：{why}", en: "call {call} ended: {why}")
}

pub(super) fn released(
    student: &StudentId,
    to: &Recipient,
    Tap { place, .. }: &Tap,
    confirmed_by: Option<&StaffId>,
    lang: Lang,
) -> String {
    let released = match to {
        Recipient::Guardian(guardian) => {
            text!(lang, zh: "学生 {student} 在 {place} 交给家长 {guardian}", en: "student {student} handed to guardian {guardian} at {place}")
        }
        Recipient::Delegate(pass) => {
            let pass = name(pass, lang);
            text!(lang, zh: "学生 {student} 在 {place} 交给{pass}的持有人", en: "student {student} handed at {place} to whoever had {pass}")
        }
        Recipient::Alone => {
            text!(lang, zh: "学生 {student} 在 {place} 获准自行离校", en: "student {student} may go home alone from {place}")
        }
    };
    match confirmed_by {
        None => released,
        Some(staff) => {
            text!(lang, zh: "{released}，由教职工 {staff} 确认", en: "{released}, confirmed by staff {staff}")
        }
    }
}

pub(super) fn pass_shown(pass: &PassId, Tap { place, .. }: &Tap, lang: Lang) -> String {
    let (student, pass) = (&pass.student, name(pass, lang));
    text!(lang, zh: "在 {place} 出示{pass}，呼叫学生 {student}", en: "{pass} shown at {place}: student {student} is called")
}

pub(super) fn pass_revoked(pass: &PassId, by: Option<&StaffId>, lang: Lang) -> String {
    let pass = name(pass, lang);
    match by {
        None => text!(lang, zh: "平台撤销{pass}", en: "the platform revoked {pass}"),
        Some(staff) => text!(lang, zh: "教职工 {staff} 撤销{pass}", en: "staff {staff} revoked {pass}"),
    }
}

pub(super) fn guardian_replied(guardian: &GuardianId, reply: &GuardianReply, lang: Lang) -> String {
    match reply {
        GuardianReply::OnMyWay { minutes } => {
            text!(lang, zh: "家长 {guardian} 回复：{minutes} 分钟后到", en: "guardian {guardian} replied: here in {minutes} minutes")
        }
        GuardianReply::NotMe { entry } => {
            text!(lang, zh: "家长 {guardian} 回复：记录 {entry} 并非本人", en: "guardian {guardian} replied: entry {entry} was not them")
        }
    }
}

/// Which pass: by whom, for whom, for which day.
fn name(PassId { student, day, serial, guardian }: &PassId, lang: Lang) -> String {
    text!(
        lang,
        zh: "家长 {guardian} 为学生 {student} 开具的 {day} 第 {serial} 号接送凭证",
        en: "pickup pass {serial} of {day}, given by guardian {guardian} for student {student}",
    )
}
