//! The columns that reports have, each with its key for programs and its heading for people.

use schoolgate_core::{text, text::Lang};

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Student,
    Staff,
    Course,
    Institution,
    Name,
    Class,
    Courses,
    Sessions,
    Held,
    Students,
    Expected,
    Present,
    Late,
    LeftEarly,
    Absent,
    Excused,
    Minutes,
    Lessons,
    Dinners,
    SubstituteSessions,
    SubstituteMinutes,
    Rate,
    Part,
    Whole,
    Percent,
}

impl Column {
    /// Its key in JSON.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Staff => "staff",
            Self::Course => "course",
            Self::Institution => "institution",
            Self::Name => "name",
            Self::Class => "class",
            Self::Courses => "courses",
            Self::Sessions => "sessions",
            Self::Held => "held",
            Self::Students => "students",
            Self::Expected => "expected",
            Self::Present => "present",
            Self::Late => "late",
            Self::LeftEarly => "left_early",
            Self::Absent => "absent",
            Self::Excused => "excused",
            Self::Minutes => "minutes",
            Self::Lessons => "lessons",
            Self::Dinners => "dinners",
            Self::SubstituteSessions => "substitute_sessions",
            Self::SubstituteMinutes => "substitute_minutes",
            Self::Rate => "rate",
            Self::Part => "part",
            Self::Whole => "whole",
            Self::Percent => "percent",
        }
    }

    /// Its heading.
    pub(super) fn heading(self, lang: Lang) -> String {
        match self {
            Self::Student => text!(lang, zh: "学生编号", en: "student"),
            Self::Staff => text!(lang, zh: "教职工编号", en: "staff"),
            Self::Course => text!(lang, zh: "课程编号", en: "course"),
            Self::Institution => text!(lang, zh: "机构编号", en: "institution"),
            Self::Name => text!(lang, zh: "名称", en: "name"),
            Self::Class => text!(lang, zh: "班级", en: "class"),
            Self::Courses => text!(lang, zh: "课程数", en: "courses"),
            Self::Sessions => text!(lang, zh: "课次", en: "sessions"),
            Self::Held => text!(lang, zh: "实际开课", en: "held"),
            Self::Students => text!(lang, zh: "学生数", en: "students"),
            Self::Expected => text!(lang, zh: "应到人次", en: "expected"),
            Self::Present => text!(lang, zh: "出勤", en: "present"),
            Self::Late => text!(lang, zh: "迟到", en: "late"),
            Self::LeftEarly => text!(lang, zh: "早退", en: "left early"),
            Self::Absent => text!(lang, zh: "缺勤", en: "absent"),
            Self::Excused => text!(lang, zh: "请假", en: "excused"),
            Self::Minutes => text!(lang, zh: "分钟", en: "minutes"),
            Self::Lessons => text!(lang, zh: "消课", en: "lessons delivered"),
            Self::Dinners => text!(lang, zh: "晚餐", en: "dinners"),
            Self::SubstituteSessions => text!(lang, zh: "其中代课课次", en: "sessions as substitute"),
            Self::SubstituteMinutes => text!(lang, zh: "其中代课分钟", en: "minutes as substitute"),
            Self::Rate => text!(lang, zh: "指标", en: "rate"),
            Self::Part => text!(lang, zh: "实际", en: "part"),
            Self::Whole => text!(lang, zh: "总数", en: "whole"),
            Self::Percent => text!(lang, zh: "比率", en: "percent"),
        }
    }
}
