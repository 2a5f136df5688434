//! What is written down when a session is closed, and put right afterwards.

use schoolgate_core::{
    entry::{AttendanceStatus, Correction, Seq},
    id::{InstitutionId, SessionId, StaffId, StudentId},
    text,
    text::Lang,
};

pub(super) fn session_closed(session: &SessionId, expected: u32, present: u32, watched: bool, lang: Lang) -> String {
    let mut line = text!(
        lang,
        zh: "课次 {session} 结束：应到 {expected} 人，实到 {present} 人",
        en: "session {session} is closed: {expected} expected, {present} there",
    );
    if !watched {
        line += &text!(lang, zh: "（网关未全程在线，缺勤不明）", en: "; the box did not watch all of it, so who was absent is not known");
    }
    line
}

pub(super) fn attendance(
    student: &StudentId,
    session: &SessionId,
    status: AttendanceStatus,
    minutes: u16,
    lang: Lang,
) -> String {
    let status = status.says(lang);
    text!(lang, zh: "学生 {student} 课次 {session}：{status}，{minutes} 分钟", en: "student {student} in session {session}: {status}, {minutes} minutes")
}

pub(super) fn consumption(
    student: &StudentId,
    session: &SessionId,
    institution: Option<&InstitutionId>,
    lang: Lang,
) -> String {
    match institution {
        None => {
            text!(lang, zh: "学生 {student} 课次 {session} 消课", en: "session {session} counts as delivered to student {student}")
        }
        Some(institution) => text!(
            lang,
            zh: "学生 {student} 课次 {session} 消课，机构 {institution}",
            en: "session {session} counts as delivered to student {student} by institution {institution}",
        ),
    }
}

pub(super) fn staff_hours(
    staff: &StaffId,
    session: &SessionId,
    minutes: u16,
    instead_of: Option<&StaffId>,
    lang: Lang,
) -> String {
    match instead_of {
        None => {
            text!(lang, zh: "教职工 {staff} 课次 {session} 任课 {minutes} 分钟", en: "staff {staff} gave {minutes} minutes to session {session}")
        }
        Some(other) => text!(
            lang,
            zh: "教职工 {staff} 代替 {other} 课次 {session} 任课 {minutes} 分钟",
            en: "staff {staff} gave {minutes} minutes to session {session} in place of {other}",
        ),
    }
}

pub(super) fn corrected(entry: Seq, to: &Correction, by: &StaffId, why: &str, lang: Lang) -> String {
    let right = match to {
        Correction::Attendance { status, minutes } => {
            let status = status.says(lang);
            text!(lang, zh: "{status}，{minutes} 分钟", en: "{status}, {minutes} minutes")
        }
        Correction::Consumption { counts: true } => text!(lang, zh: "计入消课", en: "the lesson counts"),
        Correction::Consumption { counts: false } => text!(lang, zh: "不计消课", en: "the lesson does not count"),
        Correction::StaffHours { minutes } => text!(lang, zh: "任课 {minutes} 分钟", en: "{minutes} minutes given"),
        Correction::NotSo => text!(lang, zh: "并非如此", en: "it was not so"),
    };
    text!(lang, zh: "教职工 {by} 更正记录 {entry}：{right}。原因：{why}", en: "staff {by} corrected entry {entry}: {right}; because: {why}")
}
