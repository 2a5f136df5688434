//! What a picture says on a reader that can show text: two lines of [`COLUMNS`] columns.
//!
//! Strangers read along, so nobody is named: no child, no guardian, no reason but what the person must do next.

use alloc::string::{String, ToString};

use super::Picture;
use crate::{id::PlaceId, text, text::Lang};

/// Columns of one line; a Chinese character takes two. Common readers' displays have two lines of 16.
pub const COLUMNS: usize = 16;

impl Picture {
    /// Two lines of at most [`COLUMNS`] columns; `place_name` gives what people call a place in that language. A name that
    /// is too long is cut.
    pub fn lines(&self, lang: Lang, place_name: impl Fn(&PlaceId) -> Option<String>) -> [String; 2] {
        let (first, second) = match self {
            Self::Welcome => (text!(lang, zh: "欢迎", en: "Welcome"), text!(lang, zh: "请进", en: "Please come in")),
            Self::Goodbye => (text!(lang, zh: "再见", en: "Goodbye"), text!(lang, zh: "路上小心", en: "Take care")),
            Self::Released => {
                (text!(lang, zh: "交接完成", en: "Handed over"), text!(lang, zh: "路上小心", en: "Take care"))
            }
            Self::Wait => {
                (text!(lang, zh: "请稍候", en: "Please wait"), text!(lang, zh: "等家长来接", en: "for your family"))
            }
            Self::Called => (text!(lang, zh: "已通知", en: "Called"), text!(lang, zh: "请稍候", en: "Please wait")),
            Self::GoTo(place) => {
                let name = place_name(place).unwrap_or_else(|| place.as_str().to_string());
                (text!(lang, zh: "请到", en: "Please go to"), fit(name))
            }
            Self::Noted => (text!(lang, zh: "已登记", en: "Noted"), String::new()),
            Self::CardRefused => (
                text!(lang, zh: "此卡无效", en: "Card not valid"),
                text!(lang, zh: "请找值班老师", en: "See duty teacher"),
            ),
            Self::SeeTeacher => {
                (text!(lang, zh: "请找值班老师", en: "Please see the"), text!(lang, zh: "谢谢", en: "duty teacher"))
            }
            Self::CheckedIn => (text!(lang, zh: "已签到", en: "Checked in"), String::new()),
            Self::Late => (text!(lang, zh: "已签到", en: "Checked in"), text!(lang, zh: "迟到", en: "Late")),
            Self::CheckedOut => (text!(lang, zh: "已签退", en: "Checked out"), String::new()),
            Self::Unexpected => (
                text!(lang, zh: "此处没有您的课", en: "Not on the list"),
                text!(lang, zh: "已告知老师", en: "Teacher was told"),
            ),
            Self::TakenUp => (text!(lang, zh: "已上岗", en: "On duty"), text!(lang, zh: "辛苦了", en: "Thank you")),
            Self::HandoverWaits => {
                (text!(lang, zh: "交接中", en: "Handover waits"), text!(lang, zh: "请接班人刷卡", en: "for other card"))
            }
            Self::HandedOver { students, missing } => {
                let (students, missing) = (students.min(&999), missing.min(&999));
                let second = match missing {
                    0 => text!(lang, zh: "共 {students} 人", en: "{students} students"),
                    _ => text!(lang, zh: "共{students}人 缺{missing}人", en: "{students}, {missing} missing"),
                };
                (text!(lang, zh: "交接完成", en: "Handed over"), second)
            }
            Self::Dinner => (text!(lang, zh: "已取餐", en: "Dinner"), text!(lang, zh: "请慢用", en: "Enjoy your meal")),
            Self::NoDinner => {
                (text!(lang, zh: "此时无餐", en: "No dinner now"), text!(lang, zh: "请找老师", en: "Ask a teacher"))
            }
            Self::Safe => (
                text!(lang, zh: "已清点", en: "You are counted"),
                text!(lang, zh: "请留在原地", en: "Please stay here"),
            ),
            Self::Degraded => {
                (text!(lang, zh: "请通行", en: "Please pass"), text!(lang, zh: "记录稍后保存", en: "recorded later"))
            }
            Self::GateBusy => {
                (text!(lang, zh: "请稍候", en: "Please wait"), text!(lang, zh: "等候开门", en: "gate will open"))
            }
            Self::GateClosed => (
                text!(lang, zh: "此门停用", en: "Gate is closed"),
                text!(lang, zh: "请走其他门", en: "Use another gate"),
            ),
            Self::NotYourTurn(time) => (
                text!(lang, zh: "还没轮到本班", en: "Not your turn"),
                text!(lang, zh: "请等到 {time}", en: "Wait until {time}"),
            ),
        };
        [first, second]
    }
}

/// How many columns a text takes: two for each wide character (Unicode's East Asian Width W and F), one for any other.
pub fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(letter: char) -> usize {
    let wide = matches!(
        u32::from(letter),
        0x1100..=0x115F
            | 0x2E80..=0x303E
            | 0x3041..=0xA4CF
            | 0xA960..=0xA97F
            | 0xAC00..=0xD7A3
            | 0xF900..=0xFAFF
            | 0xFE30..=0xFE6F
            | 0xFF00..=0xFF60
            | 0xFFE0..=0xFFE6
            | 0x1F300..=0x1FAFF
            | 0x20000..=0x3FFFD
    );
    if wide { 2 } else { 1 }
}

fn fit(mut text: String) -> String {
    if columns(&text) <= COLUMNS && !text.contains(char::is_control) {
        return text;
    }
    text.retain(|letter| !letter.is_control());
    let mut taken = 0;
    let mut fits = |letter: &char| {
        taken += width(*letter);
        taken <= COLUMNS
    };
    text.chars().take_while(|letter| fits(letter)).collect()
}
