//! What lines of gates and inputs must be to each other and to what reaches them, and whether this machine has them.

use std::collections::BTreeMap;

use schoolgate_core::text;
use schoolgate_lines::Inventory;

use super::document::{Document, Entry};
use super::fault::{Report, shown};
use super::id::PlaceId;
use super::model::{Backend, InputKind};
use super::relations::{LINES, needs, note_twice};
use crate::gates::say_line_error;

/// Notes what does not fit together.
pub(super) fn check(document: &Document, report: &mut Report<'_>) {
    let mut driven: BTreeMap<(Option<&str>, Option<&str>, &str), String> = BTreeMap::new();
    for entry in wired(document) {
        let backend = entry.text("backend");
        match backend.and_then(Backend::from_name) {
            Some(Backend::Simulated) => needs(entry, "backend", "socket", report),
            Some(backend) => idle_socket(entry, backend, report),
            None => {}
        }
        not_built_in(entry, report);
        for (field, line) in lines_of(entry) {
            let key = (backend, entry.text("socket"), line);
            match driven.get(&key) {
                Some(first) => note_twice(entry, field, line, first, report),
                None => _ = driven.insert(key, entry.field(field)),
            }
            check_name(entry, field, line, report);
        }
    }
    inputs(document, report);
}

/// Notes which lines this machine does not have. A machine without GPIO is hardly the one that the file is for.
pub(super) fn check_board(document: &Document, report: &mut Report<'_>) {
    let lang = report.lang;
    let is_cdev = |entry: &&Entry| entry.text("backend") == Some(Backend::Gpiocdev.name());
    let on_board: Vec<&Entry> = wired(document).filter(is_cdev).collect();
    let Some(first) = on_board.first() else { return };
    let there = Inventory::look();
    if there.chips.is_empty() && there.denied.is_empty() {
        let found =
            text!(lang, zh: "本机没有 GPIO，线路未检查", en: "no GPIO on this machine: its lines are not checked");
        let would_do = text!(lang, zh: "在校门的机器上检查", en: "a check on the machine at the gate");
        report.warning(first.place_of("backend"), first.field("backend"), found, would_do);
        return;
    }
    for entry in on_board {
        for (field, line) in lines_of(entry) {
            if let Err(error) = there.find(line) {
                let would_do = text!(lang, zh: "以上之一", en: "one of those");
                report.fault(entry.place_of(field), entry.field(field), say_line_error(&error, lang), would_do);
            }
        }
    }
}

/// Whoever tries real lines after simulated ones may leave it there.
fn idle_socket(entry: &Entry, backend: Backend, report: &mut Report<'_>) {
    if entry.is_written("socket") {
        let (lang, name) = (report.lang, backend.name());
        let found = text!(
            lang,
            zh: "backend = \"{name}\" 时此项不起作用",
            en: "a setting without effect, as backend = \"{name}\"",
        );
        let would_do = text!(lang, zh: "删去此项", en: "the section without it");
        report.warning(entry.place_of("socket"), entry.field("socket"), found, would_do);
    }
}

fn wired(document: &Document) -> impl Iterator<Item = &Entry> {
    document.all("gate").iter().chain(document.all("input"))
}

fn lines_of(entry: &Entry) -> impl Iterator<Item = (&'static str, &str)> {
    LINES.into_iter().chain(["line"]).filter_map(|field| Some((field, entry.text(field)?)))
}

/// A backend may know names of its own shape only.
fn check_name(entry: &Entry, field: &str, line: &str, report: &mut Report<'_>) {
    let lang = report.lang;
    let (fits, would_do) = match entry.text("backend").and_then(Backend::from_name) {
        Some(Backend::Simulated) => {
            let fits = PlaceId::try_new(line).is_ok() && !line.starts_with('.');
            (fits, text!(lang, zh: "只用 A-Z a-z 0-9 . _ - 的名称", en: "a name out of A-Z a-z 0-9 . _ -"))
        }
        Some(Backend::Rppal) => {
            let number = line.strip_prefix("GPIO").unwrap_or(line).parse::<u8>();
            (number.is_ok_and(|n| n <= 27), text!(lang, zh: "GPIO0 至 GPIO27", en: "GPIO0 to GPIO27"))
        }
        Some(Backend::Gpiocdev) | None => return,
    };
    if !fits {
        let line = shown(line);
        let found = text!(lang, zh: "此 backend 没有的线路 {line}", en: "{line}, which this backend can't have");
        report.fault(entry.place_of(field), entry.field(field), found, would_do);
    }
}

fn not_built_in(entry: &Entry, report: &mut Report<'_>) {
    if entry.text("backend") == Some(Backend::Rppal.name()) && !cfg!(feature = "rppal") {
        let lang = report.lang;
        let found = text!(lang, zh: "本程序编译时未含 rppal", en: "rppal, which this program was built without");
        let would_do = text!(lang, zh: "\"gpiocdev\"，适用于各种板子", en: "\"gpiocdev\", which does on any board");
        report.fault(entry.place_of("backend"), entry.field("backend"), found, would_do);
    }
}

fn inputs(document: &Document, report: &mut Report<'_>) {
    let lang = report.lang;
    let inputs = document.all("input");
    let kind = |entry: &Entry| entry.text("kind").and_then(InputKind::from_name);
    let mut beams: BTreeMap<(&str, &str), &Entry> = BTreeMap::new();
    for input in inputs {
        let (Some(place), Some(kind)) = (input.text("place"), kind(input)) else { continue };
        if kind == InputKind::FireAlarm && input.flag("normally_closed") == Some(false) {
            let found = text!(
                lang,
                zh: "平时断开的消防触点：断线时无人知道",
                en: "a fire alarm that is open at rest: nobody would see that its wire is cut",
            );
            report.warning(
                input.place_of("normally_closed"),
                input.field("normally_closed"),
                found,
                "normally_closed = true".to_owned(),
            );
        }
        if matches!(kind, InputKind::BeamA | InputKind::BeamB) {
            match beams.get(&(place, kind.name())) {
                Some(first) => note_twice(input, "kind", kind.name(), &first.field("kind"), report),
                None => _ = beams.insert((place, kind.name()), input),
            }
        }
    }
    for ((place, name), input) in &beams {
        let other = if *name == InputKind::BeamA.name() { InputKind::BeamB } else { InputKind::BeamA }.name();
        if !beams.contains_key(&(*place, other)) {
            let found = text!(lang, zh: "只有一道对射，分不出方向", en: "one beam alone, which tells no direction");
            let would_do = text!(lang, zh: "同一位置的 {other}", en: "a {other} at the same place, too");
            report.warning(input.place_of("kind"), input.field("kind"), found, would_do);
        }
    }
}
