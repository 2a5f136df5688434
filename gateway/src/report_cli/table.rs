//! A report as columns and rows, whatever it is shown as.

use schoolgate_core::{
    id::{CourseId, InstitutionId, StaffId, StudentId},
    report::{Attended, LessonSums, Rate, Report},
    roster::Roster,
    text,
    text::Lang,
    time::Day,
};

use super::columns::Column;
use crate::cli::ReportBy;

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    Count(u64),
    /// There is nothing to say.
    Empty,
}

/// Columns, and rows of as many cells.
pub(super) struct Table<'a> {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Box<dyn Iterator<Item = Vec<Cell>> + 'a>,
}

const ATTENDED: [Column; 8] = [
    Column::Expected,
    Column::Present,
    Column::Late,
    Column::LeftEarly,
    Column::Absent,
    Column::Excused,
    Column::Minutes,
    Column::Lessons,
];

/// The report by what was asked for; rows are made as they are taken.
pub(super) fn of<'a>(
    report: &'a Report,
    by: ReportBy,
    roster: Option<&'a Roster>,
    today: Day,
    lang: Lang,
) -> Table<'a> {
    let names = Names(roster);
    match by {
        ReportBy::Student => by_student(report, names),
        ReportBy::Course => by_course(report, names),
        ReportBy::Institution => by_institution(report, names, lang),
        ReportBy::Staff => by_staff(report, names),
        ReportBy::Participation => participation(report, roster, today, lang),
    }
}

fn by_student<'a>(report: &Report, names: Names<'a>) -> Table<'a> {
    let columns = [&[Column::Student, Column::Name, Column::Class], &ATTENDED[..], &[Column::Dinners]].concat();
    let rows = report.by_student().into_iter().map(move |(id, sums)| {
        let (name, class) = names.student(&id);
        let mut row = vec![Cell::Text(id.to_string()), name, class];
        row.extend(attended(&sums.attended));
        row.push(Cell::Count(sums.dinners));
        row
    });
    Table { columns, rows: Box::new(rows) }
}

fn by_course<'a>(report: &Report, names: Names<'a>) -> Table<'a> {
    let columns = [
        &[Column::Course, Column::Name, Column::Institution, Column::Sessions, Column::Held, Column::Students],
        &ATTENDED[..],
    ];
    let rows = report.by_course().into_iter().map(move |(id, sums)| {
        let (name, institution) = names.course(&id);
        let mut row = vec![Cell::Text(id.to_string()), name, institution];
        row.extend(lessons(&sums));
        row
    });
    Table { columns: columns.concat(), rows: Box::new(rows) }
}

fn by_institution<'a>(report: &Report, names: Names<'a>, lang: Lang) -> Table<'a> {
    let columns = [
        &[Column::Institution, Column::Name, Column::Courses, Column::Sessions, Column::Held, Column::Students],
        &ATTENDED[..],
    ];
    let rows = report.by_institution().into_iter().map(move |(id, sums)| {
        let name = match &id {
            Some(id) => names.institution(id),
            None => Cell::Text(text!(lang, zh: "本校", en: "the school itself")),
        };
        let id = id.map_or(Cell::Empty, |id| Cell::Text(id.to_string()));
        let mut row = vec![id, name, Cell::Count(sums.courses)];
        row.extend(lessons(&sums.lessons));
        row
    });
    Table { columns: columns.concat(), rows: Box::new(rows) }
}

fn by_staff<'a>(report: &Report, names: Names<'a>) -> Table<'a> {
    let columns = vec![
        Column::Staff,
        Column::Name,
        Column::Institution,
        Column::Sessions,
        Column::Minutes,
        Column::SubstituteSessions,
        Column::SubstituteMinutes,
    ];
    let rows = report.by_staff().into_iter().map(move |(id, sums)| {
        let (name, institution) = names.staff(&id);
        let figures = [sums.sessions, sums.minutes, sums.substitute_sessions, sums.substitute_minutes];
        [Cell::Text(id.to_string()), name, institution].into_iter().chain(figures.map(Cell::Count)).collect()
    });
    Table { columns, rows: Box::new(rows) }
}

fn participation(report: &Report, roster: Option<&Roster>, today: Day, lang: Lang) -> Table<'static> {
    let weekdays = Roster::default();
    let calendar = roster.unwrap_or(&weekdays);
    let coverage = report.coverage(today, |day| calendar.day_kind(day.number()));
    let rows = [
        (
            text!(lang, zh: "参与率（参加学生/在册学生）", en: "participation (students who took part / on the roll)"),
            report.participation(),
        ),
        (text!(lang, zh: "覆盖率（已开展服务日/应开展服务日）", en: "coverage (service days held / due)"), coverage),
    ];
    let rows = rows.map(|(name, rate)| vec![Cell::Text(name), Cell::Count(rate.part), whole(rate), percent(rate)]);
    Table {
        columns: vec![Column::Rate, Column::Part, Column::Whole, Column::Percent],
        rows: Box::new(rows.into_iter()),
    }
}

fn whole(rate: Rate) -> Cell {
    if rate.whole == 0 { Cell::Empty } else { Cell::Count(rate.whole) }
}

fn percent(rate: Rate) -> Cell {
    rate.per_myriad().map_or(Cell::Empty, |_| Cell::Text(rate.to_string()))
}

fn attended(sums: &Attended) -> impl Iterator<Item = Cell> + use<> {
    let Attended { expected, present, late, left_early, absent, excused, minutes, lessons } = *sums;
    [expected, present, late, left_early, absent, excused, minutes, lessons].map(Cell::Count).into_iter()
}

fn lessons(sums: &LessonSums) -> impl Iterator<Item = Cell> + use<> {
    [sums.sessions, sums.held, sums.students].map(Cell::Count).into_iter().chain(attended(&sums.attended))
}

/// What people and courses are called, as far as there is a roster and they are still on it.
#[derive(Clone, Copy)]
struct Names<'a>(Option<&'a Roster>);

impl Names<'_> {
    fn student(self, id: &StudentId) -> (Cell, Cell) {
        let student = self.0.and_then(|roster| roster.student(id));
        student
            .map_or((Cell::Empty, Cell::Empty), |s| (Cell::Text(s.name.to_string()), Cell::Text(s.class.to_string())))
    }

    fn course(self, id: &CourseId) -> (Cell, Cell) {
        let course = self.0.and_then(|roster| roster.course(id));
        course.map_or((Cell::Empty, Cell::Empty), |c| (Cell::Text(c.name.clone()), text_of(c.institution.as_ref())))
    }

    fn institution(self, id: &InstitutionId) -> Cell {
        let institution = self.0.and_then(|roster| roster.institution(id));
        institution.map_or(Cell::Empty, |institution| Cell::Text(institution.name.clone()))
    }

    fn staff(self, id: &StaffId) -> (Cell, Cell) {
        let staff = self.0.and_then(|roster| roster.staff(id));
        staff.map_or((Cell::Empty, Cell::Empty), |s| (Cell::Text(s.name.clone()), text_of(s.institution.as_ref())))
    }
}

fn text_of(id: Option<&InstitutionId>) -> Cell {
    id.map_or(Cell::Empty, |id| Cell::Text(id.to_string()))
}
