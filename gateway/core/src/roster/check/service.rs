//! The lists of the after-school service, line by line: staff, courses, sessions, calendar, leaves, dinners, patrols,
//! passes.

use alloc::collections::BTreeSet;
use hashbrown::HashMap;

use super::{Check, Known, people::People};
use crate::{
    id::{CourseId, InstitutionId},
    roster::{DayKind, Document, PassKey, SessionLine, StaffRole},
    time::{Day, Hours},
};

/// What a line of the service may name.
pub(super) struct Service<'a> {
    institutions: Known<'a, InstitutionId>,
    pub(super) courses: Known<'a, CourseId>,
}

impl<'a> Service<'a> {
    pub(super) fn of(check: &mut Check, document: &'a Document) -> Self {
        Self {
            institutions: check.unique("institutions", ".id", document.institutions.iter().map(|i| &i.id)),
            courses: check.unique("courses", ".id", document.courses.iter().map(|c| &c.id)),
        }
    }
}

impl Check {
    pub(super) fn service(&mut self, document: &Document, people: &People<'_>, service: &Service<'_>) {
        self.staff(document, service);
        for (n, line) in document.courses.iter().enumerate() {
            if let Some(id) = &line.institution {
                self.known(format_args!("courses[{n}].institution"), id, "institutions", &service.institutions);
            }
        }
        self.calendar(document);
        self.sessions(document, people, service);
        self.bookings(document, people, service);
        self.patrols(document);
        self.passes(document, people);
    }

    fn staff(&mut self, document: &Document, service: &Service<'_>) {
        for (n, line) in document.institutions.iter().enumerate() {
            self.days(format_args!("institutions[{n}].admitted"), &line.admitted);
        }
        for (n, line) in document.staff.iter().enumerate() {
            self.days(format_args!("staff[{n}].valid"), &line.valid);
            if line.roles.is_empty() {
                self.tell(
                    format_args!("staff[{n}].roles"),
                    |lang| crate::text!(lang, zh: "为空；至少应有一个角色", en: "is empty; at least one role would do"),
                );
            }
            match &line.institution {
                Some(id) => {
                    self.known(format_args!("staff[{n}].institution"), id, "institutions", &service.institutions);
                }
                None if line.roles.contains(&StaffRole::Instructor) => {
                    self.tell(format_args!("staff[{n}].institution"), |lang| {
                        crate::text!(lang, zh: "外聘教师（instructor）没有机构；应为 institutions 之一", en: "is missing for an instructor; one of institutions would do")
                    });
                }
                None => {}
            }
        }
    }

    fn calendar(&mut self, document: &Document) {
        self.unique("calendar", ".day", document.calendar.iter().map(|line| &line.day));
    }

    fn sessions(&mut self, document: &Document, people: &People<'_>, service: &Service<'_>) {
        self.unique("sessions", ".id", document.sessions.iter().map(|s| &s.id));
        let calendar: HashMap<Day, DayKind> = document.calendar.iter().map(|line| (line.day, line.kind)).collect();
        for (n, line) in document.sessions.iter().enumerate() {
            self.known(format_args!("sessions[{n}].course"), &line.course, "courses", &service.courses);
            let mut seen = BTreeSet::new();
            for (m, id) in line.staff.iter().enumerate() {
                self.known(format_args!("sessions[{n}].staff[{m}]"), id, "staff", &people.staff);
                if !seen.insert(id) {
                    self.tell(format_args!("sessions[{n}].staff[{m}]"), |lang| {
                        crate::text!(lang, zh: "在本课次中重复；应只有一个", en: "stands there already for this session; once would do")
                    });
                }
            }
            let kind = calendar.get(&line.day).copied().unwrap_or_else(|| DayKind::by_weekday(line.day.number()));
            self.session(n, line, kind, document);
        }
    }

    fn session(&mut self, n: usize, line: &SessionLine, kind: DayKind, document: &Document) {
        let (day, Hours { from, until }) = (line.day, line.hours);
        if until <= from {
            self.tell(format_args!("sessions[{n}].hours"), |lang| {
                crate::text!(lang, zh: "结束（{until}）不晚于开始（{from}）", en: "ends ({until}) no later than it begins ({from})")
            });
            return;
        }
        if kind == DayKind::Closed {
            self.tell(format_args!("sessions[{n}].day"), |lang| {
                crate::text!(lang, zh: "{day} 不开放；应为开放日，或在 calendar 中写明", en: "{day} is closed; a day of service, or a line of calendar for this day, would do")
            });
        }
        if let Some(earliest) = document.policy.earliest_end
            && kind == DayKind::SchoolDay
            && until < earliest
        {
            self.tell(format_args!("sessions[{n}].hours.until"), |lang| {
                crate::text!(lang, zh: "是 {until}，早于 policy.earliest_end（{earliest}）", en: "is {until}; no earlier than policy.earliest_end ({earliest}) would do")
            });
        }
    }

    fn bookings(&mut self, document: &Document, people: &People<'_>, service: &Service<'_>) {
        for (n, line) in document.enrolments.iter().enumerate() {
            self.known(format_args!("enrolments[{n}].student"), &line.student, "students", &people.students);
            self.known(format_args!("enrolments[{n}].course"), &line.course, "courses", &service.courses);
            self.days(format_args!("enrolments[{n}].valid"), &line.valid);
        }
        for (n, line) in document.leaves.iter().enumerate() {
            self.known(format_args!("leaves[{n}].student"), &line.student, "students", &people.students);
            self.days(format_args!("leaves[{n}].valid"), &line.valid);
            if let Some(hours) = line.hours {
                self.hours(format_args!("leaves[{n}].hours"), hours);
            }
        }
        for (n, line) in document.dinners.iter().enumerate() {
            self.known(format_args!("dinners[{n}].student"), &line.student, "students", &people.students);
            self.days(format_args!("dinners[{n}].valid"), &line.valid);
        }
    }

    fn patrols(&mut self, document: &Document) {
        self.unique("patrols", ".id", document.patrols.iter().map(|p| &p.id));
        for (n, line) in document.patrols.iter().enumerate() {
            self.hours(format_args!("patrols[{n}].hours"), line.hours);
            if line.points.is_empty() {
                self.tell(
                    format_args!("patrols[{n}].points"),
                    |lang| crate::text!(lang, zh: "为空；至少应有一个点位", en: "is empty; at least one point would do"),
                );
            }
        }
    }

    fn passes(&mut self, document: &Document, people: &People<'_>) {
        self.unique("pass_keys", ".id", document.pass_keys.iter().map(|key| &key.id));
        for (n, key) in document.pass_keys.iter().enumerate() {
            if key.bytes().is_none() {
                let found = key.public.chars().count();
                self.tell(format_args!("pass_keys[{n}].public"), |lang| {
                    crate::text!(lang, zh: "有 {found} 个字符；应为 64 个十六进制数字", en: "has {found} characters; 64 hex digits would do")
                });
            }
        }
        // Compared as bytes: the same key in capitals is the same key.
        let mut seen = HashMap::new();
        for (n, bytes) in document.pass_keys.iter().map(PassKey::bytes).enumerate() {
            let Some(first) = bytes.map(|bytes| *seen.entry(bytes).or_insert(n)) else { continue };
            if first != n {
                self.tell(format_args!("pass_keys[{n}].public"), |lang| {
                    crate::text!(lang, zh: "与 pass_keys[{first}] 重复；应只有一个", en: "stands there already, at pass_keys[{first}]; once would do")
                });
            }
        }
        self.unique("revoked_passes", "", document.revoked_passes.iter());
        for (n, pass) in document.revoked_passes.iter().enumerate() {
            self.known(format_args!("revoked_passes[{n}].student"), &pass.student, "students", &people.students);
            self.known(format_args!("revoked_passes[{n}].guardian"), &pass.guardian, "guardians", &people.guardians);
        }
    }
}
