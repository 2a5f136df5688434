//! Alarms: raised, seen to, over.

use schoolgate_core::{
    alarm::Alarm,
    entry::Seq,
    id::StaffId,
    text,
    text::{Bilingual, Lang},
};

pub(super) fn raised(alarm: &Alarm, lang: Lang) -> String {
    let says = says(alarm, lang);
    text!(lang, zh: "警报：{says}", en: "alarm: {says}")
}

pub(super) fn ended(alarm: &Alarm, raised: Seq, lang: Lang) -> String {
    let says = says(alarm, lang);
    text!(lang, zh: "警报 {raised} 结束：{says}", en: "alarm {raised} is over: {says}")
}

pub(super) fn acknowledged(alarm: &Alarm, raised: Seq, by: &StaffId, lang: Lang) -> String {
    let says = says(alarm, lang);
    text!(lang, zh: "教职工 {by} 处理警报 {raised}：{says}", en: "staff {by} sees to alarm {raised}: {says}")
}

fn says(alarm: &Alarm, lang: Lang) -> String {
    let place = alarm.place().map_or("", |place| place.as_str());
    alarm.says(&Bilingual { zh: place.into(), en: place.into() }).get(lang).to_owned()
}
