//! Doors and beams.

use schoolgate_core::{entry::OpenCause, id::PlaceId, site::Direction, text, text::Lang};

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
