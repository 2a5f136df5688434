//! What an operator sees of a ledger: sound, damaged, filtered, in both languages.

use std::fs;

use schoolgate_core::{
    credential::CredentialId,
    entry::{ENTRY_VERSION, Reason, Seq, Tap, What},
    id::{PlaceId, ReaderId, StudentId},
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};
use tempfile::TempDir;

use super::*;
use crate::ledger::{Ledger, LedgerId, Options};

fn entry(seq: u64, what: What) -> Entry {
    let wall: Wall = "2026-09-01T16:31:05.250+08:00".parse().unwrap();
    let at = Stamp { wall, boot: BootId(1), mono: Mono(seq), clock: ClockQuality::Synchronised };
    Entry { v: ENTRY_VERSION, seq: Seq(seq), at, what }
}

fn tap() -> Tap {
    let (place, reader) = (PlaceId::try_new("east-gate").unwrap(), ReaderId::try_new("east-in").unwrap());
    Tap { place, reader, credential: CredentialId([0xab; 16]) }
}

/// Started, `-s1` arrived, an unknown card refused.
fn data_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(LedgerId([7; 16]), Box::new(|| [9; 16]));
    let (ledger, _) = Ledger::open(&dir.path().join("ledger"), options).unwrap();
    let student = StudentId::try_new("-s1").unwrap();
    let entries = [
        entry(1, What::Started { version: "0.1.0".into() }),
        entry(2, What::Arrived { student, tap: tap(), missed: None }),
        entry(3, What::Refused { holder: None, tap: tap(), reason: Reason::Unknown }),
    ];
    for entry in entries {
        ledger.append(entry.seq.0, entry.encode().unwrap().into()).unwrap();
    }
    ledger.close().unwrap();
    dir
}

fn answer(dir: &TempDir, lang: Lang, command: impl Fn(LedgerArgs) -> LedgerCommand) -> (u8, String) {
    let ledger = LedgerArgs { data_dir: Some(dir.path().to_owned()), config: None };
    let mut out = Vec::new();
    let code = run(&command(ledger), lang, &mut out).unwrap();
    (code, String::from_utf8(out).unwrap())
}

fn show(filter: FilterArgs) -> impl Fn(LedgerArgs) -> LedgerCommand {
    move |ledger| LedgerCommand::Show { ledger, filter: filter.clone(), json: false }
}

#[test]
fn a_sound_ledger_is_called_sound() {
    let (code, out) = answer(&data_dir(), Lang::En, |ledger| LedgerCommand::Verify { ledger, public_key: None });
    assert_eq!(code, EXIT_FINE);
    assert!(out.starts_with("3 entries (1 to 3) in 1 segments\n"), "{out}");
    assert!(out.contains("sound: every entry follows from the one before\n"), "{out}");
}

#[test]
fn one_changed_byte_is_found_and_named() {
    let dir = data_dir();
    let ledger = dir.path().join("ledger");
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "seg");
    let segment = fs::read_dir(ledger).unwrap().flatten().map(|file| file.path()).find(is_segment).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(3).position(|window| window == b"-s1").unwrap();
    bytes[at + 2] = b'2';
    fs::write(&segment, bytes).unwrap();
    let (code, out) = answer(&dir, Lang::En, |ledger| LedgerCommand::Verify { ledger, public_key: None });
    assert_eq!(code, EXIT_FAULTS);
    assert!(out.contains("record 2"), "{out}");
    let (code, out) = answer(&dir, Lang::En, show(FilterArgs::default()));
    assert_eq!((code, out.lines().count()), (EXIT_FAULTS, 2), "what is whole is shown: {out}");
}

#[test]
fn entries_are_shown_in_words_and_filtered() {
    let dir = data_dir();
    let (_, out) = answer(&dir, Lang::En, show(FilterArgs { subject: Some("-s1".into()), ..FilterArgs::default() }));
    assert_eq!(out, "       2  2026-09-01T16:31:05.250+08:00   arrived             student -s1 arrived by east-gate\n");
    let (_, out) = answer(&dir, Lang::Zh, show(FilterArgs { from: Some(3), ..FilterArgs::default() }));
    assert_eq!(
        out,
        "       3  2026-09-01T16:31:05.250+08:00   refused             east-gate 拒绝未知的卡：不是本校发的卡\n"
    );
    let (_, out) = answer(&dir, Lang::En, show(FilterArgs { to: Some(1), ..FilterArgs::default() }));
    assert_eq!(out.lines().count(), 1);
}

#[test]
fn the_table_opens_in_a_spreadsheet_and_starts_no_formula() {
    let (code, out) = answer(&data_dir(), Lang::En, |ledger| LedgerCommand::Export {
        ledger,
        filter: FilterArgs::default(),
        format: ExportFormat::Csv,
        output: None,
    });
    assert_eq!(code, EXIT_FINE);
    let lines: Vec<_> = out.trim_start_matches('\u{FEFF}').split("\r\n").collect();
    assert!(out.starts_with('\u{FEFF}') && lines[0].starts_with("seq,wall,clock,"), "{out}");
    assert!(
        lines[2].starts_with("2,2026-09-01T16:31:05.250+08:00,synchronised,0000000000000001,2,arrived,'-s1,"),
        "{out}"
    );
    assert_eq!(lines.len(), 5, "a header, three entries and the end");
}

#[test]
fn an_exported_line_holds_the_very_bytes_that_are_hashed() {
    let (_, out) = answer(&data_dir(), Lang::En, |ledger| LedgerCommand::Export {
        ledger,
        filter: FilterArgs { from: Some(1), to: Some(1), subject: None },
        format: ExportFormat::Ndjson,
        output: None,
    });
    let body = entry(1, What::Started { version: "0.1.0".into() }).encode().unwrap();
    let leaf = ledger::leaf(&[9; 16], &body);
    let chain = hex(&ledger::link(&ledger::chain_start(LedgerId([7; 16])), &leaf));
    assert!(out.contains(&chain) && out.contains(std::str::from_utf8(&body).unwrap()), "{out}");
}

#[test]
fn a_folder_without_a_ledger_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = LedgerArgs { data_dir: Some(dir.path().to_owned()), config: None };
    let error = run(&LedgerCommand::Verify { ledger, public_key: None }, Lang::En, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, LedgerCliError::NoLedger(_)), "{error}");
}

/// One entry or more of every kind; see the core's own test of them.
fn every_kind() -> impl Iterator<Item = Entry> {
    let first = include_str!("../../core/tests/golden/first_entries.ndjson");
    let since = include_str!("../../core/tests/golden/entries.ndjson");
    first.lines().chain(since.lines()).map(|line| Entry::decode(line.as_bytes()).unwrap())
}

#[test]
fn every_kind_is_said_in_both_languages() {
    let is_chinese = |c: char| ('\u{4E00}'..='\u{9FFF}').contains(&c);
    for mut entry in every_kind() {
        if let What::Corrected { why, .. } = &mut entry.what {
            why.clear(); // in the words of whoever corrected it
        }
        let [zh, en] = [Lang::Zh, Lang::En].map(|lang| sentence::sentence(&entry.what, lang));
        assert!(zh.contains(is_chinese) && !en.contains(is_chinese), "{zh}\n{en}");
        assert!(!zh.contains('{') && !en.contains('{') && !en.contains("  "), "{zh}\n{en}");
    }
}

#[test]
fn a_sentence_stays_on_its_line_whatever_was_written() {
    let entry = entry(1, What::ReaderDown { reader: ReaderId::try_new("r").unwrap(), reason: "a\nb\x1b[2J".into() });
    assert!(!sentence::line(&entry, Lang::En).contains(char::is_control));
}

#[test]
fn whom_a_row_is_about_stands_in_columns_of_its_own() {
    let mut out = Vec::new();
    let mut table = csv_export::Table::begin(&mut out, Lang::En).unwrap();
    for entry in every_kind().filter(|entry| entry.what.kind() == "staff_hours") {
        let body = entry.encode().unwrap().into();
        table.row(&Record { seq: entry.seq.0, salt: [0; 16], chain: [0; 32], body }).unwrap();
    }
    table.end().unwrap();
    let mut reader = csv::Reader::from_reader(&out[3..]);
    let columns = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name: &str| &row[columns.iter().position(|column| column == name).unwrap()];
    assert_eq!((cell("staff"), cell("session"), cell("kind")), ("t0001", "homework-0901", "staff_hours"));
    assert_eq!(cell("sentence"), "staff t0001 gave 60 minutes to session homework-0901");
}
