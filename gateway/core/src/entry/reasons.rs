//! The words of an entry's parts, once, for whoever makes a sentence of it: the ledger's tools, boards, pages.
//!
//! Each is said so that it can stand behind a colon: `east-gate: the card has expired`.

use alloc::string::String;

use super::{AttendanceStatus, CallEnd, MusterCause, OrderFault, PassFault, Reason};
use crate::{
    id::PlaceId,
    roster::{DayKind, Post},
    site::Direction,
    text,
    text::Lang,
};

impl Reason {
    /// Why, in words for staff; places by their ids.
    pub fn says(&self, lang: Lang) -> String {
        self.says_with(lang, |place| text!(lang, zh: " {place} ", en: "{place}"))
    }

    /// Why, in words for staff; `place_name` tells what people call a place, as it can stand behind 在 or `at`.
    pub fn says_with(&self, lang: Lang, place_name: impl Fn(&PlaceId) -> String) -> String {
        match self {
            Self::Unknown => text!(lang, zh: "不是本校发的卡", en: "not a card of this school"),
            Self::Lost => text!(lang, zh: "卡已挂失", en: "the card was reported lost"),
            Self::Blocked => text!(lang, zh: "卡已停用", en: "the card is blocked"),
            Self::Expired => text!(lang, zh: "卡已过期", en: "the card has expired"),
            Self::NotReleased => text!(lang, zh: "未获放行，不能离校", en: "may not leave yet: nobody has come"),
            Self::CalledElsewhere(place) => {
                let place = place_name(place);
                text!(lang, zh: "家长在{place}等候", en: "the family waits at {place}")
            }
            Self::NobodyToFetch => text!(lang, zh: "没有可接的在校学生", en: "none of their students is on campus"),
            Self::NotAuthorised => text!(lang, zh: "今日没有接送授权", en: "not authorised today"),
            Self::Restricted => {
                text!(lang, zh: "受限制，不得接走孩子", en: "under a restriction: must not fetch the child")
            }
            Self::OutsideHours => text!(lang, zh: "不在放学时段", en: "outside the release hours"),
            Self::SessionElsewhere(place) => {
                let place = place_name(place);
                text!(lang, zh: "此时的课在{place}", en: "their session is at {place} now")
            }
            Self::Pass(fault) => fault.says(lang),
            Self::NoDinnerBooked => text!(lang, zh: "今日未订晚餐", en: "no dinner is booked for today"),
            Self::DinnerTaken => text!(lang, zh: "今日晚餐已领", en: "has had this dinner"),
            Self::NotDinnerTime => text!(lang, zh: "不在供餐时间", en: "dinner is not given out now"),
            Self::NotAdmitted => {
                text!(lang, zh: "所属机构今日未获准入", en: "their institution is not admitted today")
            }
            Self::NotForYou => text!(lang, zh: "此处与其无关", en: "has nothing to do here"),
            Self::Cloned => text!(lang, zh: "疑似复制的卡", en: "the card may be a clone"),
            Self::OutOfService => text!(lang, zh: "该通道暂停使用", en: "the gate is out of service"),
            Self::GateLocked => text!(lang, zh: "该通道此时关闭", en: "the gate is locked at this time"),
            Self::NotYourTurn(time) => text!(lang, zh: "所在班级 {time} 起放学", en: "their class goes from {time} on"),
            Self::OtherGate(place) => {
                let place = place_name(place);
                text!(lang, zh: "所在班级从{place}放学", en: "their class goes by {place}")
            }
            Self::WrongWay => {
                text!(lang, zh: "方向不符，按规定不予通过", en: "the reader leads the other way, and policy lets nobody through")
            }
        }
    }
}

impl PassFault {
    /// What is wrong with the pass, in words for staff.
    pub fn says(&self, lang: Lang) -> String {
        match self {
            Self::Unreadable => text!(lang, zh: "不是接送凭证", en: "it is no pickup pass"),
            Self::Forged => {
                text!(lang, zh: "接送凭证签名无效", en: "the pass was not signed by the platform, or was changed")
            }
            Self::OtherSchool => text!(lang, zh: "是其他学校的接送凭证", en: "the pass is for another school"),
            Self::Expired => text!(lang, zh: "接送凭证不在有效期内", en: "the pass is for another day or hour"),
            Self::Used => text!(lang, zh: "接送凭证已使用", en: "the pass was used before"),
            Self::Revoked => text!(lang, zh: "接送凭证已撤销", en: "the pass was revoked"),
            Self::GiverMayNot => {
                text!(lang, zh: "开具凭证的家长今日不得接此学生", en: "whoever gave the pass may not fetch the student today")
            }
            Self::WrongCode => text!(lang, zh: "接送码不符", en: "the code fits no student who waits here"),
            Self::TooManyTries => text!(lang, zh: "接送码错误次数过多", en: "too many wrong codes were tried here"),
            Self::ClockUnset => {
                text!(lang, zh: "时钟尚未校准，无法核对日期", en: "the clock was never set: days can't be told")
            }
        }
    }
}

impl OrderFault {
    /// Why the order was not carried out.
    pub fn says(&self, lang: Lang) -> String {
        match self {
            Self::UnknownStaff => text!(lang, zh: "名册中没有此教职工", en: "whoever gave it is not on the roster"),
            Self::NotTheirRole => text!(lang, zh: "其角色无权这样做", en: "it is not for their role"),
            Self::UnknownPerson => text!(lang, zh: "名册中没有此人", en: "it names nobody on the roster"),
            Self::NotHere => {
                text!(lang, zh: "学生不在校或已放行", en: "the student is not on campus, or has been released")
            }
            Self::NobodyCame => {
                text!(lang, zh: "可接此学生的人尚未到场", en: "nobody who may fetch the student has come")
            }
            Self::MayNotFetch => {
                text!(lang, zh: "此人不得接走该学生", en: "whoever is named may not fetch the student")
            }
            Self::NotInCustody => {
                text!(lang, zh: "所列学生不由其负责", en: "they do not answer for the students named")
            }
            Self::NoSuch => {
                text!(lang, zh: "没有这样的课次、记录、警报或清点", en: "there is no such session, entry, alarm or muster")
            }
            Self::AlreadySo => text!(lang, zh: "已经如此", en: "it is so already"),
            Self::Senseless => {
                text!(lang, zh: "内容不成立：为空、过长或时间颠倒", en: "it can't be right: empty, too long, or ends before it starts")
            }
            Self::ClockUnset => text!(lang, zh: "时钟尚未校准", en: "the clock was never set"),
        }
    }
}

impl AttendanceStatus {
    /// How they took part.
    pub fn says(self, lang: Lang) -> String {
        match self {
            Self::Present => text!(lang, zh: "出勤", en: "present"),
            Self::Late => text!(lang, zh: "迟到", en: "late"),
            Self::LeftEarly => text!(lang, zh: "早退", en: "left early"),
            Self::Absent => text!(lang, zh: "缺勤", en: "absent"),
            Self::Excused => text!(lang, zh: "请假", en: "excused"),
        }
    }

    /// Whether they were there, for all of it or a part.
    pub fn is_there(self) -> bool {
        matches!(self, Self::Present | Self::Late | Self::LeftEarly)
    }
}

impl DayKind {
    /// What the day is.
    pub fn says(self, lang: Lang) -> String {
        match self {
            Self::SchoolDay => text!(lang, zh: "上学日", en: "a school day"),
            Self::WeekendDay => text!(lang, zh: "周末服务日", en: "a weekend day of service"),
            Self::HolidayOpening => text!(lang, zh: "假期服务日", en: "a holiday opening"),
            Self::Closed => text!(lang, zh: "无服务", en: "a day without service"),
        }
    }

    /// Whether the service is due on it.
    pub fn is_service(self) -> bool {
        !matches!(self, Self::Closed)
    }
}

impl Post {
    /// The post's name.
    pub fn says(self, lang: Lang) -> String {
        match self {
            Self::Gate => text!(lang, zh: "校门值守", en: "gate duty"),
            Self::ExtendedCare => text!(lang, zh: "延时托管", en: "extended care"),
            Self::Leader => text!(lang, zh: "值班负责人", en: "duty leader"),
        }
    }
}

impl CallEnd {
    /// Why the call is over.
    pub fn says(self, lang: Lang) -> String {
        match self {
            Self::Expired => text!(lang, zh: "已超时", en: "its time is over"),
            Self::Renewed => text!(lang, zh: "已重新呼叫", en: "called again"),
            Self::Revoked => text!(lang, zh: "接送凭证已作废", en: "its pickup pass was revoked"),
        }
    }
}

impl MusterCause {
    /// Why everybody is to be accounted for.
    pub fn says(&self, lang: Lang) -> String {
        match self {
            Self::FireAlarm => text!(lang, zh: "火警", en: "the fire alarm"),
            Self::Panic(place) => text!(lang, zh: "{place} 的紧急按钮", en: "the panic button at {place}"),
            Self::Staff(staff) => text!(lang, zh: "由教职工 {staff} 发起", en: "started by staff {staff}"),
        }
    }
}

impl Direction {
    /// Which way.
    pub fn says(self, lang: Lang) -> String {
        match self {
            Self::In => text!(lang, zh: "入校", en: "in"),
            Self::Out => text!(lang, zh: "离校", en: "out"),
        }
    }
}
