//! The answer for people and for programs.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use bytes::Bytes;
use schoolgate_core::{
    custody::Span,
    entry::{Entry, Seq},
    id::{StaffId, StudentId},
    roster::Roster,
    state::Custodian,
    text,
    text::Lang,
    time::Wall,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Asked;
use crate::{cli::WhoFormat, ledger_cli};

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) student: &'a StudentId,
    pub(super) asked: Asked,
    /// Whether the ledger has anything about them.
    pub(super) is_known: bool,
    pub(super) spans: Vec<Span>,
    /// The entries that prove it, as the ledger has them.
    pub(super) proofs: BTreeMap<Seq, Bytes>,
    pub(super) roster: Option<&'a Roster>,
}

#[derive(Serialize)]
struct Document<'a> {
    student: &'a StudentId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Wall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    answers: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    from: Wall,
    until: Option<Wall>,
    custodian: &'static str,
    /// The guardian or the member of staff, if it is one.
    id: Option<&'a str>,
    person: Option<&'a StaffId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    proof: &'a [Seq],
    ended: Option<Seq>,
    entries: Vec<&'a RawValue>,
}

impl Shown<'_> {
    pub(super) fn write(&self, format: WhoFormat, lang: Lang, mut out: &mut dyn Write) -> io::Result<()> {
        match format {
            WhoFormat::Text => self.text(lang, out)?,
            WhoFormat::Json => {
                serde_json::to_writer(&mut out, &self.document())?;
                out.write_all(b"\n")?;
            }
        }
        out.flush()
    }

    fn document(&self) -> Document<'_> {
        let (at, day) = match self.asked {
            Asked::Moment(at) => (Some(at), None),
            Asked::Day(day) => (None, Some(day.to_string())),
        };
        let line = |span| self.line(span);
        Document { student: self.student, name: self.child(), at, day, answers: self.spans.iter().map(line).collect() }
    }

    fn line<'s>(&'s self, span: &'s Span) -> Line<'s> {
        let answer = &span.answer;
        let (custodian, id) = match &answer.custodian {
            Custodian::GateDuty => ("gate_duty", None),
            Custodian::Staff(staff) => ("staff", Some(staff.as_str())),
            Custodian::ExtendedCare => ("extended_care", None),
            Custodian::Guardian(guardian) => ("guardian", Some(guardian.as_str())),
            Custodian::Delegate(pass) => ("delegate", Some(pass.guardian.as_str())),
            Custodian::Alone => ("alone", None),
        };
        let entries = self.proofs_of(span).filter_map(|(_, body)| serde_json::from_slice(body).ok()).collect();
        Line {
            from: span.from,
            until: span.until,
            custodian,
            id,
            person: answer.person.as_ref(),
            name: answer.person.as_ref().and_then(|staff| self.staff(staff)),
            proof: &answer.proof,
            ended: span.ended,
            entries,
        }
    }

    fn text(&self, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
        let student = named(self.student.as_str(), self.child());
        let when = match self.asked {
            Asked::Moment(at) => at.to_string(),
            Asked::Day(day) => day.to_string(),
        };
        writeln!(out, "{}", plain(&text!(lang, zh: "学生 {student}，{when}", en: "student {student}, {when}")))?;
        for span in &self.spans {
            let (from, who) = (span.from, self.who(span, lang));
            let until = match span.until {
                Some(until) => until.to_string(),
                None => text!(lang, zh: "至今", en: "now"),
            };
            writeln!(out, "{}", plain(&text!(lang, zh: "{from} – {until}：{who}", en: "{from} – {until}: {who}")))?;
            for (seq, body) in self.proofs_of(span) {
                match Entry::decode(body) {
                    Ok(entry) => writeln!(out, "{}", ledger_cli::line(&entry, lang))?,
                    Err(_) => writeln!(out, "{:>8}", seq.0)?,
                }
            }
        }
        if self.spans.is_empty() {
            writeln!(out, "{}", self.nobody(lang))?;
        }
        Ok(())
    }

    /// By which entries it began, then by which it ended.
    fn proofs_of<'s>(&'s self, span: &'s Span) -> impl Iterator<Item = (&'s Seq, &'s Bytes)> {
        span.answer.proof.iter().chain(&span.ended).filter_map(|seq| self.proofs.get_key_value(seq))
    }

    fn nobody(&self, lang: Lang) -> String {
        if self.is_known {
            text!(lang, zh: "按记录，该生当时不在校，无人负责", en: "nobody: by the ledger the student was not on campus")
        } else {
            text!(lang, zh: "记录中没有这名学生到校", en: "nobody: the ledger has no arrival of such a student")
        }
    }

    fn who(&self, span: &Span, lang: Lang) -> String {
        let person = span.answer.person.as_ref().map(|staff| named(staff.as_str(), self.staff(staff)));
        let of_post = |post: String| match &person {
            Some(person) => text!(lang, zh: "{post}：{person}", en: "{post}: {person}"),
            None => text!(lang, zh: "{post}（无人在岗）", en: "{post} (nobody has the post)"),
        };
        match &span.answer.custodian {
            Custodian::GateDuty => of_post(text!(lang, zh: "校门值守", en: "gate duty")),
            Custodian::ExtendedCare => of_post(text!(lang, zh: "延时看护", en: "extended care")),
            Custodian::Staff(staff) => {
                let staff = named(staff.as_str(), self.staff(staff));
                text!(lang, zh: "教职工 {staff}", en: "staff {staff}")
            }
            Custodian::Guardian(guardian) => {
                let name = self.roster.and_then(|roster| roster.guardian(guardian)).map(|found| found.name.as_str());
                let guardian = named(guardian.as_str(), name);
                text!(lang, zh: "已交给家长 {guardian}", en: "released to guardian {guardian}")
            }
            Custodian::Delegate(pass) => {
                let guardian = &pass.guardian;
                text!(lang, zh: "已交给持接送凭证者（{guardian} 委托）", en: "released to somebody with a pass of {guardian}")
            }
            Custodian::Alone => text!(lang, zh: "已放行，自行回家", en: "released to go home alone"),
        }
    }

    fn child(&self) -> Option<&str> {
        self.roster?.student(self.student).map(|student| student.name.as_str())
    }

    fn staff(&self, id: &StaffId) -> Option<&str> {
        self.roster?.staff(id).map(|staff| staff.name.as_str())
    }
}

fn named(id: &str, name: Option<&str>) -> String {
    name.map_or_else(|| id.to_owned(), |name| format!("{id} {name}"))
}

/// Names come from outside; a terminal must not obey them.
fn plain(line: &str) -> String {
    line.replace(char::is_control, " ")
}
