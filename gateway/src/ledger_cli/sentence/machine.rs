//! The box itself: its life, its lines, its clock and its days.

use schoolgate_core::{
    entry::{Check, Consumer, Seq},
    id::{PlaceId, ReaderId},
    roster::DayKind,
    text,
    text::Lang,
    time::{Day, Stamp},
};

pub(super) fn started(version: &str, lang: Lang) -> String {
    text!(lang, zh: "网关启动，版本 {version}", en: "the gateway started, version {version}")
}

pub(super) fn stopped(lang: Lang) -> String {
    text!(lang, zh: "网关正常停止", en: "the gateway stopped in good order")
}

pub(super) fn roster_adopted(version: &str, students: u32, lang: Lang) -> String {
    text!(lang, zh: "启用名册 {version}，学生 {students} 人", en: "roster {version} adopted, {students} students")
}

pub(super) fn reader_down(reader: &ReaderId, reason: &str, lang: Lang) -> String {
    text!(lang, zh: "读卡器 {reader} 失去联系：{reason}", en: "reader {reader} can't be heard: {reason}")
}

pub(super) fn reader_up(reader: &ReaderId, lang: Lang) -> String {
    text!(lang, zh: "读卡器 {reader} 恢复", en: "reader {reader} is heard again")
}

pub(super) fn sensor_down(place: &PlaceId, line: &str, lang: Lang) -> String {
    text!(lang, zh: "{place} 的传感器线路 {line} 失去联系", en: "sensor line {line} at {place} can't be heard")
}

pub(super) fn sensor_up(place: &PlaceId, line: &str, lang: Lang) -> String {
    text!(lang, zh: "{place} 的传感器线路 {line} 恢复", en: "sensor line {line} at {place} is heard again")
}

pub(super) fn delivered(consumer: Consumer, through: Seq, lang: Lang) -> String {
    match consumer {
        Consumer::Notify => {
            text!(lang, zh: "通知已送达至记录 {through}", en: "notifications are delivered through entry {through}")
        }
        Consumer::Sync => {
            text!(lang, zh: "平台已收到至记录 {through}", en: "the platform has everything through entry {through}")
        }
    }
}

pub(super) fn checkpoint(size: Seq, lang: Lang) -> String {
    text!(lang, zh: "签名检查点：覆盖至记录 {size}", en: "signed checkpoint of every entry through {size}")
}

pub(super) fn clock_set(first: Seq, offset_ms: i64, lang: Lang) -> String {
    text!(
        lang,
        zh: "时钟已校准：自记录 {first} 起、当时时钟未校准的记录，时间加 {offset_ms} 毫秒",
        en: "the clock was set: entries from {first} on, written while it was not, happened {offset_ms} ms later than they say",
    )
}

pub(super) fn day_began(day: Day, kind: DayKind, sessions: u32, lang: Lang) -> String {
    let kind = kind.says(lang);
    text!(lang, zh: "{day} 开始：{kind}，课次 {sessions} 个", en: "{day} began: {kind}, {sessions} sessions")
}

pub(super) fn checked(check: &Check, found: u32, lang: Lang) -> String {
    match check {
        Check::Absence(session) => {
            text!(lang, zh: "课次 {session} 应到未到：{found} 人", en: "session {session}: {found} expected and not there")
        }
        Check::NotFetched { end, step } => text!(
            lang,
            zh: "{end} 放学后未接走（第 {step} 次检查）：{found} 人",
            en: "of those whose sessions ended at {end}, {found} not fetched (check {step})",
        ),
        Check::Patrol(patrol) => {
            text!(lang, zh: "巡查 {patrol} 未到的点：{found} 处", en: "patrol {patrol}: {found} points not visited")
        }
        Check::RotaOver { post } => {
            let post = post.says(lang);
            text!(lang, zh: "{post}的值班时间结束", en: "the hours of the post {post} on the rota are over")
        }
        Check::Rota { post, from } => {
            let post = post.says(lang);
            text!(lang, zh: "按值班表核对 {from} 起的{post}", en: "the rota was asked who has {post} from {from} on")
        }
    }
}

pub(super) fn taps_unrecorded(taps: u64, since: &Stamp, lang: Lang) -> String {
    let since = since.wall;
    text!(
        lang,
        zh: "自 {since} 起磁盘不可写且内存已满：{taps} 次刷卡未能逐条记录",
        en: "{taps} taps since {since} could not be recorded one by one: the disk took nothing and memory was full",
    )
}
