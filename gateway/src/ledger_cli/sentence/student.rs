//! What students do between arriving and leaving.

use schoolgate_core::{
    entry::Tap,
    id::{SessionId, StaffId, StudentId},
    text,
    text::Lang,
    time::Hours,
};

pub(super) fn checked_in(
    student: &StudentId,
    session: &SessionId,
    late_min: u16,
    by: Option<&StaffId>,
    lang: Lang,
) -> String {
    let mut line = match late_min {
        0 => text!(lang, zh: "学生 {student} 到课 {session}", en: "student {student} is in session {session}"),
        late => text!(
            lang,
            zh: "学生 {student} 到课 {session}，迟到 {late} 分钟",
            en: "student {student} is in session {session}, {late} minutes late",
        ),
    };
    if let Some(staff) = by {
        line += &text!(lang, zh: "（教职工 {staff} 登记）", en: ", as staff {staff} says");
    }
    line
}

pub(super) fn checked_out(student: &StudentId, session: &SessionId, lang: Lang) -> String {
    text!(lang, zh: "学生 {student} 提前离开课次 {session}", en: "student {student} went from session {session} before its end")
}

pub(super) fn unexpected(
    student: &StudentId,
    session: Option<&SessionId>,
    Tap { place, .. }: &Tap,
    lang: Lang,
) -> String {
    match session {
        None => text!(
            lang,
            zh: "学生 {student} 出现在 {place}，此时该处无课",
            en: "student {student} showed up at {place}, where nobody expects them",
        ),
        Some(session) => text!(
            lang,
            zh: "学生 {student} 出现在 {place}，不在课次 {session} 的名单上",
            en: "student {student} showed up at {place} and is not expected in session {session}",
        ),
    }
}

pub(super) fn leave_approved(
    student: &StudentId,
    Hours { from, until }: Hours,
    alone: bool,
    by: &StaffId,
    lang: Lang,
) -> String {
    if alone {
        text!(
            lang,
            zh: "教职工 {by} 批准学生 {student} 今日 {from}–{until} 自行离校",
            en: "staff {by} approved that student {student} leaves alone today between {from} and {until}",
        )
    } else {
        text!(
            lang,
            zh: "教职工 {by} 批准学生 {student} 今日 {from}–{until} 由家长接走",
            en: "staff {by} approved that student {student} is fetched today between {from} and {until}",
        )
    }
}

pub(super) fn dined(student: &StudentId, Tap { place, .. }: &Tap, lang: Lang) -> String {
    text!(lang, zh: "学生 {student} 在 {place} 领取晚餐", en: "student {student} had dinner at {place}")
}
