//! The figures and hours that a school has decided.

use alloc::collections::BTreeSet;

use super::Check;
use crate::{
    policy::{MAX_DISMISSALS, Policy},
    roster::{Document, SchoolLevel},
};

impl Check {
    pub(super) fn policy(&mut self, policy: &Policy) {
        for (name, found, range) in policy.figures() {
            if !range.contains(&found) {
                let (least, most) = (range.start(), range.end());
                self.tell(format_args!("policy.{name}"), |lang| {
                    crate::text!(lang, zh: "是 {found}，应在 {least} 到 {most} 之间", en: "is {found}; {least} to {most} would do")
                });
            }
        }
        for (name, hours) in [("release_hours", policy.release_hours), ("dinner_hours", policy.dinner_hours)] {
            if let Some(hours) = hours {
                self.hours(format_args!("policy.{name}"), hours);
            }
        }
        self.not_fetched(policy);
        self.ends(policy);
    }

    /// A class that nobody is in is a slip of the pen, and its students would wait for no turn.
    pub(super) fn dismissal(&mut self, document: &Document) {
        let lines = &document.policy.dismissal;
        if lines.len() > MAX_DISMISSALS {
            let count = lines.len();
            self.tell(format_args!("policy.dismissal"), |lang| {
                crate::text!(lang, zh: "有 {count} 行；至多 {MAX_DISMISSALS} 行", en: "has {count} lines; at most {MAX_DISMISSALS} would do")
            });
            return;
        }
        if lines.is_empty() {
            return;
        }
        let classes: BTreeSet<&str> = document.students.iter().map(|student| student.class.as_str()).collect();
        for (n, line) in lines.iter().enumerate().filter(|(_, line)| !classes.contains(line.class.as_str())) {
            let class = &line.class;
            self.tell(format_args!("policy.dismissal[{n}].class"), |lang| {
                crate::text!(lang, zh: "“{class}”没有学生；应为某个学生所在的班级", en: "\"{class}\" has no students; the class of some student would do")
            });
        }
    }

    /// Each step comes after the one before.
    fn not_fetched(&mut self, policy: &Policy) {
        let steps = [policy.not_fetched_1_min, policy.not_fetched_2_min, policy.not_fetched_3_min];
        for ((before, found), n) in steps.into_iter().zip(steps.into_iter().skip(1)).zip(2_u8..) {
            if found <= before {
                self.tell(format_args!("policy.not_fetched_{n}_min"), |lang| {
                    crate::text!(lang, zh: "是 {found}，应大于前一级的 {before}", en: "is {found}; more than {before}, the step before, would do")
                });
            }
        }
    }

    /// A session must be able to end within both.
    fn ends(&mut self, policy: &Policy) {
        let levels =
            [("primary", SchoolLevel::Primary), ("junior", SchoolLevel::Junior), ("senior", SchoolLevel::Senior)];
        for (name, level) in levels {
            if let Some((earliest, latest)) = policy.earliest_end.zip(policy.latest_end.of(level))
                && latest < earliest
            {
                self.tell(format_args!("policy.latest_end.{name}"), |lang| {
                    crate::text!(lang, zh: "是 {latest}，早于 earliest_end（{earliest}）", en: "is {latest}; no earlier than earliest_end ({earliest}) would do")
                });
            }
        }
    }
}
