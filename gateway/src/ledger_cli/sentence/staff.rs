//! What staff do, besides answering for children.

use schoolgate_core::{
    entry::{OrderFault, Tap},
    id::{PatrolId, SessionId, StaffId},
    text,
    text::Lang,
};

pub(super) fn session_taken(
    session: &SessionId,
    staff: &StaffId,
    instead_of: Option<&StaffId>,
    Tap { place, .. }: &Tap,
    lang: Lang,
) -> String {
    match instead_of {
        None => {
            text!(lang, zh: "教职工 {staff} 在 {place} 接手课次 {session}", en: "staff {staff} took up session {session} at {place}")
        }
        Some(other) => text!(
            lang,
            zh: "教职工 {staff} 在 {place} 代替 {other} 接手课次 {session}",
            en: "staff {staff} took up session {session} at {place} in place of {other}",
        ),
    }
}

pub(super) fn session_left(session: &SessionId, staff: &StaffId, Tap { place, .. }: &Tap, lang: Lang) -> String {
    text!(lang, zh: "教职工 {staff} 在 {place} 离开课次 {session}", en: "staff {staff} went from session {session} at {place}")
}

pub(super) fn patrolled(patrol: Option<&PatrolId>, staff: &StaffId, Tap { place, .. }: &Tap, lang: Lang) -> String {
    match patrol {
        None => text!(lang, zh: "教职工 {staff} 到达巡查点 {place}", en: "staff {staff} visited patrol point {place}"),
        Some(patrol) => text!(
            lang,
            zh: "教职工 {staff} 到达巡查点 {place}（巡查 {patrol}）",
            en: "staff {staff} visited patrol point {place} on patrol {patrol}",
        ),
    }
}

pub(super) fn order_refused(staff: &StaffId, order: &str, reason: OrderFault, lang: Lang) -> String {
    let why = reason.says(lang);
    text!(lang, zh: "教职工 {staff} 的指令 {order} 未执行：{why}", en: "order {order} of staff {staff} was not carried out: {why}")
}
