//! Entries are kept for ever, so their bytes are pinned: what an earlier version wrote is read and written again as it was.
//!
//! `golden/first_entries.ndjson` has the kinds of the first version. It must never change: if this test fails there, revert
//! your change. `golden/entries.ndjson` has one line or more for each kind since; `UPDATE_GOLDEN=1` writes it anew from
//! [`samples::all`], which is right only for kinds that no released version has written yet.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

#[path = "golden/samples.rs"]
mod samples;

use std::{collections::BTreeSet, fs};

use schoolgate_core::entry::{Entry, What};

const FIRST: &str = include_str!("golden/first_entries.ndjson");
const SINCE: &str = include_str!("golden/entries.ndjson");
const SINCE_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/entries.ndjson");
const GUIDE: &str = include_str!("../../docs/entries.md");

fn lines() -> impl Iterator<Item = (&'static str, Entry)> {
    FIRST.lines().chain(SINCE.lines()).map(|line| {
        let entry = Entry::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{line}"));
        (line, entry)
    })
}

#[test]
fn every_line_is_read_and_written_as_it_was() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return; // the file that was compiled in is no longer the one on disk
    }
    for (line, entry) in lines() {
        assert_eq!(String::from_utf8(entry.encode().unwrap()).unwrap(), line);
    }
}

#[test]
fn lines_since_the_first_version_are_those_of_the_samples() {
    let written: String =
        samples::all().iter().map(|entry| String::from_utf8(entry.encode().unwrap()).unwrap() + "\n").collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(SINCE_FILE, written).unwrap();
        return;
    }
    assert_eq!(SINCE, written, "if no released version wrote this kind: UPDATE_GOLDEN=1");
}

#[test]
fn every_kind_is_pinned() {
    let pinned: BTreeSet<_> = lines().map(|(_, entry)| entry.what.kind()).collect();
    assert_eq!(pinned, What::KINDS.iter().copied().collect());
}

#[test]
fn a_kind_is_named_as_it_is_written() {
    for (line, entry) in lines() {
        let body: serde_json::Value = serde_json::from_str(line).unwrap();
        let names: Vec<_> = body["what"].as_object().unwrap().keys().collect();
        assert_eq!(names, [entry.what.kind()]);
    }
}

/// The row of a kind in the guide's table: everything from its name to the end of the line.
fn row(kind: &str) -> &'static str {
    let begins = format!("| `{kind}` |");
    let rows: Vec<_> = GUIDE.lines().filter(|line| line.starts_with(&begins)).collect();
    let [row] = rows.as_slice() else { panic!("{kind} has {} rows in entries.md", rows.len()) };
    row
}

#[test]
fn the_guide_has_every_kind_with_its_fields() {
    let told = |kind: &str| row(kind).split('|').nth(3).unwrap_or_default();
    for kind in What::KINDS {
        row(kind);
    }
    for (line, entry) in lines() {
        let kind = entry.what.kind();
        let body: serde_json::Value = serde_json::from_str(line).unwrap();
        for field in body["what"][kind].as_object().unwrap().keys() {
            assert!(told(kind).contains(&format!("`{field}`")), "the guide does not tell of {field} of {kind}");
        }
    }
}
