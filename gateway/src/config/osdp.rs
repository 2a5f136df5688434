//! Readers on an OSDP bus: those with the same port share it.

use std::path::Path;

use schoolgate_core::text;

use super::build::path;
use super::document::{Document, Entry};
use super::fault::Report;
use super::model::{OsdpLine, ReaderKind, SerialLine};
use super::relations::{excludes, needs, note_twice};
use crate::readers::osdp::{KeyFileError, Scbk};

/// The highest address that a reader can have; 127 is everybody's.
pub(super) const MAX_ADDRESS: u32 = 126;

/// Fields that only these readers have.
const FIELDS: [&str; 5] = ["address", "secure", "enrol", "key_file", "authenticates"];
/// Fields that are about the secure channel.
const ABOUT_SECURITY: [&str; 3] = ["enrol", "key_file", "authenticates"];

fn is_osdp(reader: &Entry) -> bool {
    reader.text("kind") == Some(ReaderKind::Osdp.name())
}

/// What is written about such a reader.
pub(super) fn line(entry: &Entry, serial: SerialLine, base_dir: &Path) -> Option<OsdpLine> {
    Some(OsdpLine {
        serial,
        address: u8::try_from(entry.number("address")?).ok()?,
        secure: entry.flag("secure").unwrap_or(true),
        enrol: entry.flag("enrol").unwrap_or(true),
        key_file: path(entry, "key_file", base_dir),
        authenticates: entry.flag("authenticates").unwrap_or(false),
    })
}

/// Notes what does not fit together on the buses, and ports that two readers claim.
pub(super) fn check(document: &Document, report: &mut Report<'_>) {
    let readers = document.all("reader");
    for (index, reader) in readers.iter().enumerate() {
        let before = readers.get(..index).unwrap_or_default();
        if let Some(first) = before.iter().find(|first| first.text("port") == reader.text("port"))
            && let Some(port) = reader.text("port")
        {
            if is_osdp(first) && is_osdp(reader) {
                share(reader, first, report);
            } else {
                note_twice(reader, "port", port, &first.field("port"), report);
            }
        }
        if is_osdp(reader) {
            needs(reader, "kind", "port", report);
            needs(reader, "kind", "address", report);
            address(reader, before, report);
            security(reader, report);
        } else if let Some(kind) = reader.text("kind") {
            let setting = format!("kind = \"{kind}\"");
            FIELDS.iter().for_each(|field| excludes(reader, &setting, field, "kind = \"osdp\"", report));
        }
    }
}

/// Two readers on one bus have one rate.
fn share(reader: &Entry, first: &Entry, report: &mut Report<'_>) {
    let lang = report.lang;
    let baud = |reader: &Entry| reader.number("baud").unwrap_or(ReaderKind::Osdp.usual_baud());
    let (own, others) = (baud(reader), baud(first));
    if own != others {
        let first = first.field("baud");
        let found = text!(lang,
            zh: "{own}，而同一总线的 {first} 为 {others}",
            en: "{own}, while {first} on the same bus has {others}");
        let would_do = text!(lang, zh: "同一总线用同一速率", en: "one rate for all readers on a bus");
        report.fault(reader.place_of("baud"), reader.field("baud"), found, would_do);
    }
}

fn address(reader: &Entry, before: &[Entry], report: &mut Report<'_>) {
    let Some(address) = reader.number("address") else { return };
    let same = |first: &&Entry| {
        is_osdp(first) && first.text("port") == reader.text("port") && first.number("address") == Some(address)
    };
    if let Some(first) = before.iter().find(same) {
        note_twice(reader, "address", &address.to_string(), &first.field("address"), report);
    }
}

fn security(reader: &Entry, report: &mut Report<'_>) {
    let lang = report.lang;
    if reader.flag("secure") != Some(false) {
        return;
    }
    let found = text!(lang,
        zh: "false：接到总线上的任何人都能读取和伪造刷卡",
        en: "false, so that anybody on the bus can read and forge cards");
    let would_do = text!(lang, zh: "true，仅调试台例外", en: "true, everywhere but on a test bench");
    report.warning(reader.place_of("secure"), reader.field("secure"), found, would_do);
    ABOUT_SECURITY.iter().for_each(|field| excludes(reader, "secure = false", field, "secure = true", report));
}

/// Notes a key file that can't be used. Nothing of what it holds is repeated.
pub(super) fn key_file(reader: &Entry, base_dir: &Path, report: &mut Report<'_>) {
    let lang = report.lang;
    let Some(file) = path(reader, "key_file", base_dir) else { return };
    let Err(error) = Scbk::read(&file) else { return };
    let found = error.render(lang);
    let folder = file.parent().unwrap_or(base_dir).display();
    let found = text!(lang, zh: "{found}（在 {folder} 内）", en: "{found} (in {folder})");
    let would_do = match error {
        KeyFileError::Open { .. } => text!(lang, zh: "chmod 600 后的文件", en: "the file after chmod 600"),
        _ => text!(lang,
            zh: "含 32 个十六进制数字、仅属主可读的文件",
            en: "a file with 32 hex digits that only its owner may read"),
    };
    report.fault(reader.place_of("key_file"), reader.field("key_file"), found, would_do);
}
