//! What an operator sees of a ledger: sound, damaged, filtered, in both languages.

use std::fs;

use data_encoding::HEXLOWER;
use schoolgate_core::{
    credential::CredentialId,
    entry::{ENTRY_VERSION, Reason, Seq, Tap, What},
    id::{PlaceId, ReaderId, StudentId},
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};
use tempfile::TempDir;

use super::*;
use crate::ledger::{Ledger, LedgerId, Options, Record};

fn entry(seq: u64, what: What) -> Entry {
    let wall: Wall = "2026-09-01T16:31:05.250+08:00".parse().unwrap();
    let at = Stamp { wall, boot: BootId(1), mono: Mono(seq), clock: ClockQuality::Synchronised };
    Entry { v: ENTRY_VERSION, seq: Seq(seq), at, what }
}

fn tap() -> Tap {
    let (place, reader) = (PlaceId::try_new("east-gate").unwrap(), ReaderId::try_new("east-in").unwrap());
    Tap { place, reader, credential: CredentialId([0xab; 16]), proof: Default::default() }
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
    let (_, out) = answer(&dir, Lang::Zh, show(FilterArgs { seq: "3..".parse().ok(), ..FilterArgs::default() }));
    assert_eq!(
        out,
        "       3  2026-09-01T16:31:05.250+08:00   refused             east-gate 拒绝未知的卡：不是本校发的卡\n"
    );
    let (_, out) = answer(&dir, Lang::En, show(FilterArgs { seq: "..1".parse().ok(), ..FilterArgs::default() }));
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
        filter: FilterArgs { seq: "1".parse().ok(), ..FilterArgs::default() },
        format: ExportFormat::Ndjson,
        output: None,
    });
    let body = entry(1, What::Started { version: "0.1.0".into() }).encode().unwrap();
    let leaf = ledger::leaf(&[9; 16], &body);
    let chain = HEXLOWER.encode(&ledger::link(&ledger::chain_start(LedgerId([7; 16])), &leaf));
    assert!(out.contains(&chain) && out.contains(std::str::from_utf8(&body).unwrap()), "{out}");
}

fn lines(dir: &TempDir, filter: FilterArgs) -> Vec<serde_json::Value> {
    let (code, out) = export(dir, filter, ExportFormat::Ndjson);
    assert_eq!(code, EXIT_FINE);
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn export(dir: &TempDir, filter: FilterArgs, format: ExportFormat) -> (u8, String) {
    answer(dir, Lang::En, |ledger| LedgerCommand::Export { ledger, filter: filter.clone(), format, output: None })
}

fn numbers(dir: &TempDir, filter: FilterArgs) -> Vec<u64> {
    lines(dir, filter).iter().map(|line| line["seq"].as_u64().unwrap()).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

#[test]
fn a_line_that_was_picked_out_can_be_proven_to_be_in_the_ledger() {
    let dir = data_dir();
    let filter = FilterArgs { student: Some("-s1".into()), ..FilterArgs::default() };
    let (_, text) = export(&dir, filter.clone(), ExportFormat::Ndjson);
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    let salt = bytes_of(line["salt"].as_str().unwrap()).try_into().unwrap();
    let body = text.trim_end().split_once(r#""entry":"#).unwrap().1.strip_suffix('}').unwrap();
    let tree = ledger::open_tree(&dir.path().join("ledger")).unwrap();
    let (leaf, path) = tree.prove_inclusion(2, 3).unwrap();
    assert_eq!(leaf, ledger::leaf(&salt, body.as_bytes()));
    assert!(ledger::verify_inclusion(&leaf, 1, 3, &path, &tree.root(3).unwrap()));

    let (_, table) = export(&dir, filter, ExportFormat::Csv);
    let mut table = csv::Reader::from_reader(&table.as_bytes()[3..]);
    let columns = table.headers().unwrap().clone();
    let row = table.records().next().unwrap().unwrap();
    let cell = |name: &str| &row[columns.iter().position(|column| column == name).unwrap()];
    assert_eq!(
        (cell("entry"), cell("salt"), cell("chain")),
        (body, &*HEXLOWER.encode(&salt), line["chain"].as_str().unwrap())
    );
}

#[test]
fn every_condition_holds_at_once() {
    let dir = data_dir();
    let all = FilterArgs::default;
    assert_eq!(numbers(&dir, FilterArgs { kinds: vec!["arrived", "refused"], ..all() }), [2, 3]);
    assert_eq!(numbers(&dir, FilterArgs { place: Some("east-gate".into()), ..all() }), [2, 3]);
    let both = FilterArgs { place: Some("east-gate".into()), kinds: vec!["refused"], ..all() };
    assert_eq!(numbers(&dir, both), [3]);
    for nobody in [
        FilterArgs { guardian: Some("-s1".into()), ..all() },
        FilterArgs { staff: Some("-s1".into()), ..all() },
        FilterArgs { session: Some("-s1".into()), ..all() },
        FilterArgs { from: "2026-09-02".parse().ok(), ..all() },
        FilterArgs { until: "2026-09-01T16:31:05+08:00".parse().ok(), ..all() },
    ] {
        assert!(numbers(&dir, nobody.clone()).is_empty(), "{nobody:?}");
    }
}

/// A ledger of entries as they are.
fn ledger_of(entries: &[Entry]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(LedgerId([7; 16]), Box::new(|| [9; 16]));
    let (ledger, _) = Ledger::open(&dir.path().join("ledger"), options).unwrap();
    for entry in entries {
        ledger.append(entry.seq.0, entry.encode().unwrap().into()).unwrap();
    }
    ledger.close().unwrap();
    dir
}

#[test]
fn what_was_written_before_the_clock_was_set_is_found_when_it_happened() {
    let unset = |seq: u64, boot: u64, what| {
        let wall: Wall = "1970-01-01T08:00:00+08:00".parse().unwrap();
        let at = Stamp { wall, boot: BootId(boot), mono: Mono(seq), clock: ClockQuality::Unset };
        Entry { v: ENTRY_VERSION, seq: Seq(seq), at, what }
    };
    let started = || What::Started { version: "1".into() };
    let dir = ledger_of(&[
        unset(1, 0, started()), // switched off before its clock was set: nobody knows when
        unset(2, 1, started()),
        entry(3, What::ClockSet { first: Seq(2), offset_ms: 1 }),
    ]);
    let of_day = |day: &str| FilterArgs { from: day.parse().ok(), until: day.parse().ok(), ..FilterArgs::default() };
    assert_eq!(numbers(&dir, of_day("2026-09-01")), [1, 2, 3], "the first may have happened then");
    assert_eq!(numbers(&dir, of_day("1970-01-01")), [1], "what a clock said that was not set does not count");
    assert!(numbers(&dir, of_day("2026-09-02")).is_empty(), "all was before");
}

/// Ten segments' worth; the body of the first entry is removed, of the rest nothing.
fn with_a_removed_entry() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(LedgerId([7; 16]), Box::new(|| [9; 16]));
    options.segment_bytes = ledger::MIN_SEGMENT_BYTES;
    let (ledger, _) = Ledger::open(&dir.path().join("ledger"), options).unwrap();
    for seq in 1..=200 {
        ledger.append(seq, entry(seq, What::Started { version: "x".repeat(100) }).encode().unwrap().into()).unwrap();
    }
    let mut durable = ledger.durable();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(durable.wait_for(|durable| durable.through == 200)).unwrap();
    let keep = ledger::Keep { from: u64::MAX, entries: 0 };
    assert_eq!(ledger.redact(1, keep, |record| record.seq == 1).unwrap(), 1);
    ledger.close().unwrap();
    dir
}

#[test]
fn removed_entries_are_told_and_keep_their_place_in_the_chain() {
    let dir = with_a_removed_entry();
    let first = lines(&dir, FilterArgs { seq: "1..2".parse().ok(), ..FilterArgs::default() });
    assert_eq!((first[0]["removed"].as_bool(), first[0]["entry"].is_null()), (Some(true), true), "{first:?}");
    let leaf = bytes_of(first[0]["leaf"].as_str().unwrap()).try_into().unwrap();
    let chain = ledger::link(&ledger::chain_start(LedgerId([7; 16])), &leaf);
    assert_eq!(first[0]["chain"], HEXLOWER.encode(&chain));
    let (code, table) = export(&dir, FilterArgs { seq: "1".parse().ok(), ..FilterArgs::default() }, ExportFormat::Csv);
    assert_eq!(code, EXIT_FINE, "that was in order");
    assert!(table.contains("\r\n1,,,,,removed,"), "{table}");

    let mut told = Vec::new();
    let filter = FilterArgs { kinds: vec!["started"], ..FilterArgs::default() };
    let mut seen = 0;
    let count = |_: Line<'_>| {
        seen += 1;
        Ok(())
    };
    each(&dir.path().join("ledger"), &filter, Lang::En, count, |what| told.push(what.to_owned()), |_| {}).unwrap();
    assert_eq!(seen, 199);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("1 entries were removed") && told[0].ends_with("can't be told"), "{told:?}");
}

#[test]
fn segments_that_retention_took_out_are_told() {
    let dir = with_a_removed_entry();
    let folder = dir.path().join("ledger");
    let mut segments: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    segments.sort();
    fs::remove_file(&segments[0]).unwrap();
    let (mut told, mut first) = (Vec::new(), None);
    let take = |line: Line<'_>| {
        if let Line::Entry(record) = line {
            first = first.or(Some(record.seq));
        }
        Ok(())
    };
    let tell = |what: &str| told.push(what.to_owned());
    let code = each(&folder, &FilterArgs::default(), Lang::En, take, tell, |_| {}).unwrap();
    let gone = first.unwrap() - 1;
    assert_eq!((code, told), (EXIT_FINE, vec![format!("{gone} entries were removed when their time was over")]));
}

#[test]
fn a_folder_without_a_ledger_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = LedgerArgs { data_dir: Some(dir.path().to_owned()), config: None };
    let error = run(&LedgerCommand::Verify { ledger, public_key: None }, Lang::En, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, LedgerCliError::NoLedger(_)), "{error}");
}

/// One entry or more of every kind; see the core's own test of them.
pub(crate) fn every_kind() -> impl Iterator<Item = Entry> {
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
        let record = Record { seq: entry.seq.0, salt: [0; 16], chain: [0; 32], body };
        table.row(Line::Entry(&record)).unwrap();
    }
    table.end().unwrap();
    let mut reader = csv::Reader::from_reader(&out[3..]);
    let columns = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name: &str| &row[columns.iter().position(|column| column == name).unwrap()];
    assert_eq!((cell("staff"), cell("session"), cell("kind")), ("t0001", "homework-0901", "staff_hours"));
    assert_eq!(cell("sentence"), "staff t0001 gave 60 minutes to session homework-0901");
}
