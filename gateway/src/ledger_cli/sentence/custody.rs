//! Who answers for whom: posts, handovers, extended care.

use schoolgate_core::{
    entry::{Seq, Tap},
    id::{StaffId, StudentId},
    roster::Post,
    text,
    text::Lang,
};

use super::{at, join};

pub(super) fn post_taken(
    post: Post,
    staff: &StaffId,
    instead_of: Option<&StaffId>,
    tap: Option<&Tap>,
    lang: Lang,
) -> String {
    let (post, at) = (post.says(lang), at(tap, lang));
    match instead_of {
        None => text!(lang, zh: "教职工 {staff} {at}接任{post}", en: "staff {staff} has {post} from now on{at}"),
        Some(other) => text!(
            lang,
            zh: "教职工 {staff} {at}代替 {other} 接任{post}",
            en: "staff {staff} has {post} from now on{at}, in place of {other}",
        ),
    }
}

pub(super) fn post_left(post: Post, staff: &StaffId, lang: Lang) -> String {
    let post = post.says(lang);
    text!(lang, zh: "教职工 {staff} 的{post}时段结束，无人接任", en: "{post} of staff {staff} is over and nobody follows")
}

pub(super) fn handover_offered(from: &StaffId, to: Option<&StaffId>, Tap { place, .. }: &Tap, lang: Lang) -> String {
    match to {
        None => text!(
            lang,
            zh: "教职工 {from} 在 {place} 发起交接，等待接班人",
            en: "staff {from} began a handover at {place} and waits for whoever takes over",
        ),
        Some(to) => text!(
            lang,
            zh: "教职工 {to} 在 {place} 准备接班，等待 {from}",
            en: "staff {to} wants to take over at {place} and waits for {from}",
        ),
    }
}

pub(super) fn handed_over(
    (from, to): (&StaffId, &StaffId),
    (students, missing): (&[StudentId], &[StudentId]),
    posts: &[Post],
    lang: Lang,
) -> String {
    let count = students.len();
    let mut line = text!(
        lang,
        zh: "教职工 {from} 将学生 {count} 人交接给 {to}",
        en: "staff {from} handed {count} students over to {to}",
    );
    if !missing.is_empty() {
        let (absent, ids) = (missing.len(), join(missing));
        line += &text!(lang, zh: "，其中 {absent} 人未到场：{ids}", en: ", {absent} of them not seen there: {ids}");
    }
    for post in posts {
        let post = post.says(lang);
        line += &text!(lang, zh: "，并移交{post}", en: ", and {post} with them");
    }
    line
}

pub(super) fn handover_lapsed(offer: Seq, lang: Lang) -> String {
    text!(lang, zh: "交接 {offer} 未完成：对方未到", en: "handover {offer} came to nothing: the other side did not come")
}

pub(super) fn extended_care(student: &StudentId, lang: Lang) -> String {
    text!(lang, zh: "学生 {student} 未被接走，转入延时托管", en: "student {student} was not fetched and is in extended care now")
}
