//! Roll-calls in an emergency.

use schoolgate_core::{
    entry::{MusterCause, Seq, Tap},
    id::StaffId,
    roster::Holder,
    text,
    text::Lang,
};

use super::{at, whose};

pub(super) fn started(cause: &MusterCause, drill: bool, people: u32, lang: Lang) -> String {
    let cause = cause.says(lang);
    if drill {
        text!(lang, zh: "演练清点开始（{cause}），在校 {people} 人", en: "a muster began as an exercise ({cause}): {people} people on campus")
    } else {
        text!(lang, zh: "应急清点开始（{cause}），在校 {people} 人", en: "a muster began ({cause}): {people} people on campus")
    }
}

pub(super) fn safe(holder: &Holder, tap: Option<&Tap>, by: Option<&StaffId>, lang: Lang) -> String {
    let (who, at) = (whose(Some(holder), lang), at(tap, lang));
    match by {
        None => text!(lang, zh: "{who}{at}确认安全", en: "{who} is safe{at}"),
        Some(staff) => {
            text!(lang, zh: "{who}确认安全（教职工 {staff} 登记）", en: "{who} is safe, as staff {staff} says")
        }
    }
}

pub(super) fn ended(muster: Seq, by: &StaffId, (safe, unaccounted): (u32, u32), lang: Lang) -> String {
    text!(
        lang,
        zh: "教职工 {by} 结束清点 {muster}：安全 {safe} 人，下落不明 {unaccounted} 人",
        en: "staff {by} ended muster {muster}: {safe} safe, {unaccounted} unaccounted for",
    )
}
