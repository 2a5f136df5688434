//! On the real disk: files, lock, text, and the bytes that must open for ever.

use super::*;
use std::fs;

const GOLDEN_SEGMENT: &[u8] = include_bytes!("../golden/00000000000000000001.seg");
const GOLDEN_LINES: &str = include_str!("../golden/entries.ndjson");

fn write_golden(dir: &Path) {
    let (ledger, _) = Ledger::open(dir, options()).unwrap();
    for (seq, body) in [(1, r#"{"at":"gate-1"}"#), (2, "{}"), (3, r#"{"名":"门"}"#)] {
        ledger.append(seq, Bytes::from_static(body.as_bytes())).unwrap();
    }
    ledger.close().unwrap();
}

/// The golden files are the format's version 1. If this fails, the change breaks every ledger out
/// there: revert it, or give the format a new version.
#[test]
fn a_ledger_of_version_1_opens_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("00000000000000000001.seg"), GOLDEN_SEGMENT).unwrap();
    let (ledger, recovery) = Ledger::open(dir.path(), options()).unwrap();
    assert_eq!((recovery.ledger, recovery.last_seq, recovery.faults), (ID, 3, vec![]));
    let mut lines = Vec::new();
    export_ndjson(dir.path(), 1..=u64::MAX, &mut lines, |_| {}).unwrap();
    assert_eq!(String::from_utf8(lines).unwrap(), GOLDEN_LINES);
    ledger.append(4, body(4)).unwrap();
    ledger.close().unwrap();
    assert!(verify(dir.path(), |_| {}).unwrap().is_sound());
}

#[test]
fn version_1_is_written_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    write_golden(dir.path());
    let written = fs::read(dir.path().join("00000000000000000001.seg")).unwrap();
    if std::env::var_os("SCHOOLGATE_WRITE_GOLDEN").is_some() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger/golden");
        fs::write(golden.join("00000000000000000001.seg"), &written).unwrap();
        let mut lines = fs::File::create(golden.join("entries.ndjson")).unwrap();
        export_ndjson(dir.path(), 1..=u64::MAX, &mut lines, |_| {}).unwrap();
        return;
    }
    assert!(written == GOLDEN_SEGMENT, "the bytes of version 1 have changed");
}

#[test]
fn a_ledger_on_disk_is_verified_and_exported_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data/ledger");
    let (ledger, recovery) = Ledger::open(&dir, options()).unwrap();
    assert!(recovery.created);
    write(&ledger, 1..=150);
    let mut checked = 0;
    let report = verify(&dir, |_| checked += 1).unwrap();
    assert!(report.is_sound());
    assert_eq!((report.records, report.last_seq, checked), (150, 150, 150));
    let mut lines = Vec::new();
    let exported = export_ndjson(&dir, 40..=42, &mut lines, |_| {}).unwrap();
    assert_eq!((exported.records, exported.first_seq, exported.last_seq), (3, 40, 42));
    let lines = String::from_utf8(lines).unwrap();
    let entry: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&entry["seq"], &entry["entry"]["n"]), (&40.into(), &40.into()));
    assert!(matches!(Ledger::open(&dir, options()), Err(OpenError::InUse)));
    ledger.close().unwrap();
    let (ledger, recovery) = Ledger::open(&dir, options()).unwrap();
    assert_eq!(recovery.last_seq, 150);
    assert_whole(&ledger, 150);
}

#[test]
fn verifying_a_folder_without_a_ledger_finds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let report = verify(dir.path(), |_| {}).unwrap();
    assert_eq!((report.records, report.ledger, report.is_sound()), (0, None, true));
}
