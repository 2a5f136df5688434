//! Doors and beams.

use schoolgate_core::{
    entry::{OpenCause, OutCause, ReleasedBy, Seq},
    gate::Mode,
    id::{PlaceId, StaffId},
    site::Direction,
    text,
    text::Lang,
};

pub(super) fn opened(place: &PlaceId, cause: &OpenCause, lang: Lang) -> String {
    match cause {
        OpenCause::Granted(seq) => {
            text!(lang, zh: "{place} 开门（记录 {seq} 放行）", en: "the door at {place} opened, as entry {seq} granted")
        }
        OpenCause::ExitRequest => {
            text!(lang, zh: "{place} 开门（出门按钮）", en: "the door at {place} opened by the exit button")
        }
        OpenCause::Free => {
            text!(lang, zh: "{place} 开门（紧急敞开）", en: "the door at {place} opened: it stands free in an emergency")
        }
        OpenCause::Scheduled => {
            text!(lang, zh: "{place} 开门（按时间表或指令敞开）", en: "the door at {place} opened: it stands free by schedule or order")
        }
        OpenCause::Unwatched => {
            text!(lang, zh: "{place} 的门在网关启动时已开着", en: "the door at {place} stood open when the gateway started")
        }
        OpenCause::Forced => text!(lang, zh: "{place} 的门被强行打开", en: "the door at {place} was forced"),
    }
}

pub(super) fn closed(place: &PlaceId, lang: Lang) -> String {
    text!(lang, zh: "{place} 关门", en: "the door at {place} closed")
}

pub(super) fn tailgated(place: &PlaceId, direction: Direction, lang: Lang) -> String {
    let way = direction.says(lang);
    text!(lang, zh: "{place} 有人尾随通过（{way}）", en: "more people went {way} through {place} than were granted")
}

pub(super) fn mode(
    place: &PlaceId,
    mode: Mode,
    (by, lifted_by): (Option<&StaffId>, Option<&StaffId>),
    lang: Lang,
) -> String {
    let is = match mode {
        Mode::Free => text!(lang, zh: "敞开", en: "stands open"),
        Mode::Locked => text!(lang, zh: "关闭", en: "is locked"),
        Mode::Controlled => text!(lang, zh: "恢复凭证通行", en: "is a gate again"),
    };
    match (by, lifted_by) {
        (Some(by), _) => text!(lang, zh: "{place} {is}（{by} 下令）", en: "{place} {is}, ordered by {by}"),
        (None, Some(by)) => {
            text!(lang, zh: "{by} 撤销对 {place} 的指令，该处{is}", en: "{by} lifted the order for {place}, which {is}")
        }
        (None, None) => text!(lang, zh: "{place} 按时间表{is}", en: "{place} {is} by its schedule"),
    }
}

pub(super) fn out(place: &PlaceId, cause: &OutCause, lang: Lang) -> String {
    match cause {
        OutCause::Staff(by) => text!(lang, zh: "{by} 停用 {place}", en: "{by} took {place} out of service"),
        OutCause::Line => {
            text!(lang, zh: "{place} 停用：开闸线路故障", en: "{place} is out of service: its release line fails")
        }
        OutCause::Motor => {
            text!(lang, zh: "{place} 停用：电机没有开门", en: "{place} is out of service: its motor does not open")
        }
    }
}

pub(super) fn back(place: &PlaceId, by: Option<&StaffId>, lang: Lang) -> String {
    match by {
        Some(by) => text!(lang, zh: "{by} 恢复启用 {place}", en: "{by} put {place} back in service"),
        None => text!(lang, zh: "{place} 恢复启用", en: "{place} is in service again"),
    }
}

pub(super) fn released(place: &PlaceId, by: &ReleasedBy, lang: Lang) -> String {
    match by {
        ReleasedBy::Staff(by) => text!(lang, zh: "{by} 打开 {place}", en: "{by} let somebody through {place}"),
        ReleasedBy::ExitButton => text!(lang, zh: "出门按钮打开 {place}", en: "the exit button released {place}"),
    }
}

pub(super) fn not_passed(place: &PlaceId, grant: Seq, lang: Lang) -> String {
    text!(lang, zh: "{place} 无人通过（记录 {grant} 放行）", en: "nobody went through {place} whom entry {grant} had let")
}
