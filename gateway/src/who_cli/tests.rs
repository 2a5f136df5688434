//! What somebody who asks gets: who answered, by which entries, in both languages and formats.

use std::fs;

use clap::Parser;
use schoolgate_core::{
    credential::CredentialId,
    entry::{ENTRY_VERSION, Recipient, Seq, Tap, What},
    id::{GuardianId, PlaceId, ReaderId, StaffId, StudentId},
    roster::Post,
    time::{BootId, ClockQuality, Mono, Stamp},
};
use tempfile::TempDir;

use super::*;
use crate::{
    cli::{Cli, Command},
    ledger::{Ledger, LedgerId, Options},
    roster_file::KEPT_FILE,
};

const ROSTER: &str = r#"{"v":1,"version":"t",
    "students":[{"id":"s1","name":"王小明","class":"三年级2班"}],
    "staff":[{"id":"zhao","name":"赵老师","roles":["duty_leader"]}]}"#;

fn s1() -> StudentId {
    StudentId::try_new("s1").unwrap()
}

fn tap() -> Tap {
    let (place, reader) = (PlaceId::try_new("east-gate").unwrap(), ReaderId::try_new("in").unwrap());
    Tap { place, reader, credential: CredentialId([1; 16]), proof: Default::default() }
}

/// Zhao takes the gate at 07:00, s1 comes at 07:41, grandmother fetches them at 17:52 and they leave at 17:53.
fn school() -> TempDir {
    let staff = StaffId::try_new("zhao").unwrap();
    let to = Recipient::Guardian(GuardianId::try_new("g1").unwrap());
    let entries = [
        ("07:00", What::PostTaken { post: Post::Gate, staff, instead_of: None, tap: None }),
        ("07:41", What::Arrived { student: s1(), tap: tap(), missed: None }),
        ("17:52", What::Released { student: s1(), to, tap: tap(), matched: None, confirmed_by: None }),
        ("17:53", What::Left { student: s1(), tap: tap(), released: Seq(3) }),
    ];
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(LedgerId([7; 16]), Box::new(|| [9; 16]));
    let (ledger, _) = Ledger::open(&dir.path().join("ledger"), options).unwrap();
    for ((time, what), seq) in entries.into_iter().zip(1..) {
        let wall: Wall = format!("2026-09-01T{time}:00+08:00").parse().unwrap();
        let mono = Mono(u64::try_from(wall.unix_ms() - 1_700_000_000_000).unwrap());
        let at = Stamp { wall, boot: BootId(1), mono, clock: ClockQuality::Synchronised };
        let entry = Entry { v: ENTRY_VERSION, seq: Seq(seq), at, what };
        ledger.append(seq, entry.encode().unwrap().into()).unwrap();
    }
    ledger.close().unwrap();
    fs::write(dir.path().join(KEPT_FILE), ROSTER).unwrap();
    dir
}

fn ask(dir: &TempDir, lang: Lang, line: &str) -> (u8, String) {
    let dir = dir.path().display();
    let cli = Cli::try_parse_from(format!("schoolgate who --data-dir {dir} --student {line}").split(' ')).unwrap();
    let Command::Who(args) = cli.command else { panic!("not who") };
    let mut out = Vec::new();
    let code = run(&args, lang, &mut out).unwrap();
    (code, String::from_utf8(out).unwrap())
}

#[test]
fn at_a_moment_on_campus_one_answers_and_the_entries_that_prove_it_are_shown() {
    let (code, out) = ask(&school(), Lang::Zh, "s1 --at 2026-09-01T16:30+08:00");
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(code, EXIT_FINE);
    assert_eq!(lines[0], "学生 s1 王小明，2026-09-01T16:30:00.000+08:00");
    let (from, until) = ("2026-09-01T07:41:00.000+08:00", "2026-09-01T17:52:00.000+08:00");
    assert_eq!(lines[1], format!("{from} – {until}：校门值守：zhao 赵老师"));
    let proofs: Vec<_> = lines[2..].iter().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(proofs, ["2", "1", "3"], "the arrival, the post, and what ended it");
    let (_, out) = ask(&school(), Lang::En, "s1 --at 2026-09-01T16:30+08:00");
    assert!(out.contains(": gate duty: zhao 赵老师\n"), "{out}");
}

#[test]
fn the_moment_at_which_custody_passes_is_the_next_ones() {
    let (_, out) = ask(&school(), Lang::En, "s1 --at 2026-09-01T17:52+08:00");
    assert!(out.contains("released to guardian g1\n"), "{out}");
}

#[test]
fn off_campus_nobody_answers_and_a_student_nobody_saw_is_told_apart() {
    let dir = school();
    let (code, out) = ask(&dir, Lang::En, "s1 --at 2026-09-01T18:00+08:00");
    assert!(code == EXIT_FINE && out.ends_with("nobody: by the ledger the student was not on campus\n"), "{out}");
    let (_, out) = ask(&dir, Lang::Zh, "s2 --history 2026-09-01");
    assert!(out.ends_with("记录中没有这名学生到校\n"), "{out}");
}

#[test]
fn a_program_gets_the_whole_day_with_the_entries_themselves() {
    let (_, out) = ask(&school(), Lang::En, "s1 --history 2026-09-01 --format json");
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    let custodians: Vec<_> =
        value["answers"].as_array().unwrap().iter().map(|a| a["custodian"].as_str().unwrap()).collect();
    assert_eq!((value["name"].as_str(), custodians), (Some("王小明"), vec!["gate_duty", "guardian"]));
    let first = &value["answers"][0];
    assert_eq!((first["person"].as_str(), first["name"].as_str()), (Some("zhao"), Some("赵老师")));
    assert_eq!(first["proof"], serde_json::json!([2, 1]));
    assert_eq!(first["entries"][0]["what"]["arrived"]["student"], "s1", "{first}");
    assert_eq!(value["answers"][1]["until"], "2026-09-01T17:53:00.000+08:00");
    let (_, out) = ask(&school(), Lang::En, "s1 --history 2026-08-31 --format json");
    assert!(out.contains("\"answers\":[]"), "{out}");
}

#[test]
fn a_moment_without_an_offset_is_the_schools_own() {
    let zone = TimeZone::fixed(jiff::tz::offset(8));
    let at = |text: &str| text.parse::<When>().unwrap().at(&zone).unwrap().to_string();
    assert_eq!(at("2026-09-01T17:42"), "2026-09-01T17:42:00.000+08:00");
    assert_eq!(at("2026-09-01T17:42+09:00"), "2026-09-01T17:42:00.000+09:00");
    for wrong in ["2026-09-01", "17:42", "", "now"] {
        assert!(wrong.parse::<When>().is_err(), "{wrong}");
    }
}

#[test]
fn damage_shows_in_the_exit_code_and_what_is_whole_answers() {
    let dir = school();
    let is_segment = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "seg");
    let ledger = fs::read_dir(dir.path().join("ledger")).unwrap();
    let segment = ledger.flatten().map(|file| file.path()).find(is_segment).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(4).position(|window| window == b"zhao").unwrap();
    bytes[at] = b'x';
    fs::write(&segment, bytes).unwrap();
    let (code, out) = ask(&dir, Lang::En, "s1 --at 2026-09-01T16:30+08:00");
    assert_eq!(code, EXIT_FAULTS);
    assert!(out.contains("gate duty (nobody has the post)"), "{out}");
}
