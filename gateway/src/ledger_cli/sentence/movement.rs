//! Who came, went, was seen or refused.

use schoolgate_core::{
    entry::{Missed, Reason, Seq, Tap},
    id::StudentId,
    roster::Holder,
    text,
    text::Lang,
};

use super::whose;

pub(super) fn arrived(student: &StudentId, Tap { place, .. }: &Tap, missed: Option<&Missed>, lang: Lang) -> String {
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

pub(super) fn left(student: &StudentId, Tap { place, .. }: &Tap, lang: Lang) -> String {
    text!(lang, zh: "学生 {student} 由 {place} 离校", en: "student {student} left by {place}")
}

pub(super) fn left_unseen(student: &StudentId, since: Seq, lang: Lang) -> String {
    text!(
        lang,
        zh: "学生 {student} 未刷卡离校：当日已结束，自记录 {since} 起未见离开",
        en: "student {student} must have gone without a tap: the day is over, on campus since entry {since}",
    )
}

pub(super) fn came(holder: &Holder, purpose: Option<&str>, Tap { place, .. }: &Tap, lang: Lang) -> String {
    let who = whose(Some(holder), lang);
    match purpose {
        None => text!(lang, zh: "{who}由 {place} 入校", en: "{who} came in by {place}"),
        Some(purpose) => {
            text!(lang, zh: "{who}由 {place} 入校，事由：{purpose}", en: "{who} came in by {place}: {purpose}")
        }
    }
}

pub(super) fn went(holder: &Holder, Tap { place, .. }: &Tap, lang: Lang) -> String {
    let who = whose(Some(holder), lang);
    text!(lang, zh: "{who}由 {place} 离开", en: "{who} went out by {place}")
}

pub(super) fn seen(holder: &Holder, Tap { place, .. }: &Tap, lang: Lang) -> String {
    let who = whose(Some(holder), lang);
    text!(lang, zh: "{who}在 {place} 刷卡", en: "{who} seen at {place}")
}

pub(super) fn counted(Tap { place, .. }: &Tap, lang: Lang) -> String {
    text!(lang, zh: "{place}：同一次刷卡，卡片计数已记", en: "{place}: the same tap again; the card's counter is kept")
}

pub(super) fn refused(holder: Option<&Holder>, Tap { place, .. }: &Tap, reason: &Reason, lang: Lang) -> String {
    let (who, why) = (whose(holder, lang), reason.says(lang));
    text!(lang, zh: "{place} 拒绝{who}：{why}", en: "{who} refused at {place}: {why}")
}
