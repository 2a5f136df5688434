//! What an office sees of a month: sums with names, in both languages and every format.

use std::fs;

use clap::Parser;
use schoolgate_core::{
    entry::{AttendanceStatus, Correction, ENTRY_VERSION, Seq, What},
    id::{CourseId, InstitutionId, SessionId, StaffId, StudentId},
    roster::DayKind,
    time::{BootId, ClockQuality, Mono, Stamp},
};
use tempfile::TempDir;

use super::*;
use crate::{
    cli::{Cli, Command, EXIT_FAULTS},
    ledger::{Ledger, LedgerId, Options},
};

const ROSTER: &str = r#"{"v":1,"version":"t",
    "students":[{"id":"-s1","name":"王小明","class":"三年级2班"},{"id":"s2","name":"=cmd()","class":"三年级2班"}],
    "staff":[{"id":"sun","name":"孙老师","roles":["instructor"],"institution":"chess-club"}],
    "institutions":[{"id":"chess-club","name":"棋院","admitted":{}}],
    "courses":[{"id":"chess","name":"围棋","institution":"chess-club"}]}"#;

fn student(id: &str) -> StudentId {
    StudentId::try_new(id).unwrap()
}

fn course() -> CourseId {
    CourseId::try_new("chess").unwrap()
}

fn session() -> SessionId {
    SessionId::try_new("chess-0901").unwrap()
}

fn club() -> Option<InstitutionId> {
    InstitutionId::try_new("chess-club").ok()
}

/// Chess on 1 September: one student there and counted, the other absent and then corrected to late, without a lesson.
fn kinds() -> Vec<What> {
    let day: Day = "2026-09-01".parse().unwrap();
    let hours = schoolgate_core::time::Hours { from: "17:40".parse().unwrap(), until: "18:40".parse().unwrap() };
    let staff = StaffId::try_new("sun").unwrap();
    let attendance = |who, status, minutes| What::Attendance {
        by: None,
        student: student(who),
        session: session(),
        course: course(),
        day,
        status,
        minutes,
    };
    vec![
        What::RosterAdopted { version: "t".into(), digest: String::new(), students: 2 },
        What::DayBegan { day, kind: DayKind::SchoolDay, sessions: 1 },
        What::SessionClosed {
            session: session(),
            course: course(),
            institution: club(),
            day,
            hours,
            expected: 2,
            present: 1,
            watched: true,
        },
        attendance("-s1", AttendanceStatus::Present, 60),
        attendance("s2", AttendanceStatus::Absent, 0),
        What::Consumption {
            by: None,
            student: student("-s1"),
            session: session(),
            course: course(),
            institution: club(),
            day,
            attendance: Seq(4),
        },
        What::StaffHours {
            staff: staff.clone(),
            session: session(),
            course: course(),
            institution: club(),
            day,
            minutes: 60,
            instead_of: None,
        },
        What::Corrected {
            students: Vec::new(),
            entry: Seq(5),
            to: Correction::Attendance { status: AttendanceStatus::Late, minutes: 20 },
            by: staff,
            why: "came by the back door".into(),
        },
    ]
}

fn school(roster: Option<&str>) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(LedgerId([7; 16]), Box::new(|| [9; 16]));
    let (ledger, _) = Ledger::open(&dir.path().join("ledger"), options).unwrap();
    for (what, seq) in kinds().into_iter().zip(1..) {
        let wall = "2026-09-01T18:55:00+08:00".parse().unwrap();
        let at = Stamp { wall, boot: BootId(1), mono: Mono(seq), clock: ClockQuality::Synchronised };
        let entry = Entry { v: ENTRY_VERSION, seq: Seq(seq), at, what };
        ledger.append(seq, entry.encode().unwrap().into()).unwrap();
    }
    ledger.close().unwrap();
    if let Some(roster) = roster {
        fs::write(dir.path().join(KEPT_FILE), roster).unwrap();
    }
    dir
}

fn ask(dir: &TempDir, lang: Lang, line: &str) -> Result<(u8, String), ReportCliError> {
    let dir = dir.path().display();
    let cli = Cli::try_parse_from(format!("schoolgate report --data-dir {dir} {line}").split(' ')).unwrap();
    let Command::Report(args) = cli.command else { panic!("not a report") };
    let mut out = Vec::new();
    let code = run(&args, "2026-09-20T12:00:00+08:00".parse().unwrap(), lang, &mut out)?;
    Ok((code, String::from_utf8(out).unwrap()))
}

fn answer(dir: &TempDir, lang: Lang, line: &str) -> String {
    let (code, out) = ask(dir, lang, line).unwrap();
    assert_eq!(code, EXIT_FINE);
    out
}

#[test]
fn a_sheet_of_students_opens_in_a_chinese_spreadsheet() {
    let out = answer(&school(Some(ROSTER)), Lang::Zh, "--by student --format csv");
    let expected = "\u{FEFF}起始日,截止日,学生编号,名称,班级,应到人次,出勤,迟到,早退,缺勤,请假,分钟,消课,晚餐\r\n\
                    2026-09-01,2026-09-20,'-s1,王小明,三年级2班,1,1,0,0,0,0,60,1,0\r\n\
                    2026-09-01,2026-09-20,s2,'=cmd(),三年级2班,1,0,1,0,0,0,20,0,0\r\n";
    assert_eq!(out, expected);
}

#[test]
fn a_program_gets_whole_numbers_and_no_made_up_names() {
    let out = answer(&school(Some(ROSTER)), Lang::En, "--by institution --format json");
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((value["by"].as_str(), value["from"].as_str()), (Some("institution"), Some("2026-09-01")));
    let club = &value["rows"][0];
    assert_eq!(
        (club["name"].as_str(), club["lessons"].as_u64(), club["held"].as_u64()),
        (Some("棋院"), Some(1), Some(1))
    );
    let out = answer(&school(None), Lang::En, "--by course --format json");
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(value["rows"][0]["name"].is_null(), "{out}");
    assert_eq!(value["rows"][0]["minutes"].as_u64(), Some(80));
}

#[test]
fn a_terminal_shows_columns_that_stand_under_their_headings() {
    let out = answer(&school(Some(ROSTER)), Lang::Zh, "--by staff");
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[0], "2026-09-01 至 2026-09-20");
    assert_eq!(lines[1], "教职工编号  名称    机构编号    课次  分钟  其中代课课次  其中代课分钟");
    assert_eq!(lines[2], "sun         孙老师  chess-club     1    60             0             0");
}

#[test]
fn participation_and_coverage_are_fractions_and_per_cent() {
    let out = answer(&school(Some(ROSTER)), Lang::En, "--by participation --until 2026-09-02 --format csv");
    let lines: Vec<_> = out.trim_start_matches('\u{FEFF}').split("\r\n").collect();
    assert_eq!(lines[0], "from,until,rate,part,whole,percent");
    assert!(lines[1].ends_with(",2,2,100.00%") && lines[2].ends_with(",1,2,50.00%"), "{out}");
}

#[test]
fn a_period_without_entries_says_so() {
    let out = answer(&school(None), Lang::En, "--by student --from 2026-08-01 --until 2026-08-31");
    assert!(out.ends_with("nothing was written down in this period\n"), "{out}");
}

#[test]
fn a_period_that_is_none_is_told() {
    let dir = school(None);
    let told = |line| ask(&dir, Lang::En, line).unwrap_err().to_string();
    assert_eq!(
        told("--by staff --from 2026-09-02 --until 2026-09-01"),
        "the period from 2026-09-02 to 2026-09-01 ends before it begins"
    );
    assert_eq!(
        told("--by staff --from 2020-01-01 --until 2026-09-01"),
        "the period has 2436 days; at most 366 would do"
    );
    let told = ask(&dir, Lang::Zh, "--by staff --from 2026-09-02 --until 2026-09-01").unwrap_err().to_string();
    assert_eq!(told, "时段从 2026-09-02 到 2026-09-01：结束早于开始");
}

#[test]
fn what_is_whole_of_a_damaged_ledger_is_summed_up_and_the_damage_shows_in_the_exit_code() {
    let dir = school(None);
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "seg");
    let ledger = fs::read_dir(dir.path().join("ledger")).unwrap();
    let segment = ledger.flatten().map(|file| file.path()).find(is_segment).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(8).position(|window| window == b"\"staff\":").unwrap();
    bytes[at + 1] = b'x';
    fs::write(&segment, bytes).unwrap();
    let (code, out) = ask(&dir, Lang::En, "--by student --format csv").unwrap();
    assert_eq!((code, out.lines().count()), (EXIT_FAULTS, 3), "{out}");
}

#[test]
fn a_roster_that_is_named_must_be_one() {
    let error = ask(&school(None), Lang::En, "--by staff --roster /nowhere/roster.json").unwrap_err();
    assert!(matches!(error, ReportCliError::Roster(_)), "{error}");
}
