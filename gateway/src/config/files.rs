//! What the configuration names on this machine: keys, certificates, the data folder, serial ports, gate lines.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{Access, access};
use schoolgate_core::text;

use super::build::path;
use super::document::{Document, Entry};
use super::fault::Report;
use super::osdp;
use super::secret::{Secret32, SecretError, SecretText, SunSecret, unreadable};
use super::wiring;

/// Permission bits of everybody who is neither the owner nor of the group.
const OTHERS: u32 = 0o007;

/// The gateway's own secrets, as far as they could be read.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) card_key: Option<Secret32>,
    pub(super) pass_secret: Option<Secret32>,
    pub(super) sun: Option<SunSecret>,
}

/// Notes what is missing or open to everybody, and reads the gateway's own secrets.
pub(super) fn check(document: &Document, base_dir: &Path, report: &mut Report<'_>) -> Secrets {
    let mut secrets = Secrets::default();
    if let Some(gateway) = document.one("gateway") {
        secrets.card_key = secret(gateway, "card_key_file", base_dir, Secret32::read, report);
        secrets.pass_secret = secret(gateway, "pass_secret_file", base_dir, Secret32::read, report);
        data_dir(gateway, base_dir, report);
    }
    if let Some(cards) = document.one("cards") {
        secrets.sun = secret(cards, "ntag424_key_file", base_dir, SunSecret::read, report);
    }
    for reader in document.all("reader") {
        port(reader, base_dir, report);
        osdp::key_file(reader, base_dir, report);
    }
    wiring::check_board(document, report);
    if let Some(mqtt) = document.one("mqtt") {
        secret(mqtt, "password_file", base_dir, SecretText::read, report);
        readable(mqtt, "ca_file", base_dir, report);
        readable(mqtt, "client_cert_file", base_dir, report);
        readable(mqtt, "client_key_file", base_dir, report);
        private(mqtt, "client_key_file", base_dir, report);
    }
    if let Some(platform) = document.one("platform") {
        secret(platform, "token_file", base_dir, SecretText::read, report);
        readable(platform, "ca_file", base_dir, report);
    }
    secrets
}

/// Reads a secret. The file's name is not repeated in messages, as it may be the secret, put in the wrong place.
fn secret<S>(
    entry: &Entry,
    field: &str,
    base_dir: &Path,
    read: impl Fn(&Path) -> Result<S, SecretError>,
    report: &mut Report<'_>,
) -> Option<S> {
    let lang = report.lang;
    let file = path(entry, field, base_dir)?;
    let error = match read(&file) {
        Ok(secret) => {
            private(entry, field, base_dir, report);
            return Some(secret);
        }
        Err(error) => error,
    };
    let would_do = match (&error, field) {
        (_, "card_key_file") => text!(
            lang,
            zh: "含 64 个十六进制数字的文件；新机可用 openssl rand -hex 32 生成，旧机请从备份取回",
            en: "a file with 64 hex digits: from openssl rand -hex 32 on a new box, from the backup on an old one",
        ),
        (_, "pass_secret_file") => text!(
            lang,
            zh: "平台发给学校的文件，含 64 个十六进制数字",
            en: "the file that the platform gave to the school, with 64 hex digits",
        ),
        (_, "ntag424_key_file") => text!(
            lang,
            zh: "含 32 个十六进制数字（学校主密钥）或 64 个（读取元数据的密钥，后接卡密钥的主密钥）的文件，须与制卡时所用一致",
            en: "the file that the cards were made with: 32 hex digits (the school's key), or 64 (the meta read key, then the \
                 master of the cards' keys)",
        ),
        _ => text!(lang, zh: "可读且只含一行文字的文件", en: "a readable file that holds one line of text"),
    };
    let found = error.render(lang);
    let folder = file.parent().unwrap_or(base_dir).display();
    let found = text!(lang, zh: "{found}（在 {folder} 内）", en: "{found} (in {folder})");
    report.fault(entry.place_of(field), entry.field(field), found, would_do);
    None
}

fn private(entry: &Entry, field: &str, base_dir: &Path, report: &mut Report<'_>) {
    let lang = report.lang;
    let Some(Ok(about)) = path(entry, field, base_dir).map(fs::metadata) else { return };
    if about.permissions().mode() & OTHERS != 0 {
        let found = text!(lang, zh: "人人可访问的文件", en: "a file that everybody on this machine can get at");
        let would_do = text!(lang, zh: "chmod o= 后的文件", en: "the file after chmod o=");
        report.warning(entry.place_of(field), entry.field(field), found, would_do);
    }
}

fn readable(entry: &Entry, field: &str, base_dir: &Path, report: &mut Report<'_>) {
    let lang = report.lang;
    let Some(file) = path(entry, field, base_dir) else { return };
    let found = match File::open(&file).and_then(|open| open.metadata()) {
        Ok(about) if about.is_file() => return,
        Ok(_) => text!(lang, zh: "这不是文件", en: "something that is not a file"),
        Err(error) => unreadable(&error, lang),
    };
    let folder = file.parent().unwrap_or(base_dir).display();
    let found = text!(lang, zh: "{found}（在 {folder} 内）", en: "{found} (in {folder})");
    report.fault(
        entry.place_of(field),
        entry.field(field),
        found,
        text!(lang, zh: "可读的文件", en: "a readable file"),
    );
}

/// The folder itself is made at the first start, if what is above it lets us.
fn data_dir(gateway: &Entry, base_dir: &Path, report: &mut Report<'_>) {
    let lang = report.lang;
    let Some(data_dir) = path(gateway, "data_dir", base_dir) else { return };
    let (at, field) = (gateway.place_of("data_dir"), gateway.field("data_dir"));
    let Some(there) = data_dir.ancestors().find(|folder| folder.exists()) else { return };
    let shown = there.display();
    if !there.is_dir() {
        let found = text!(lang, zh: "{shown} 不是文件夹", en: "{shown}, which is no folder");
        report.fault(at, field, found, text!(lang, zh: "文件夹", en: "a folder"));
    } else if access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let found = text!(lang, zh: "{shown} 不可写", en: "{shown}, which can't be written to");
        let would_do =
            text!(lang, zh: "运行网关的用户可写的文件夹", en: "a folder that the gateway's user can write to");
        report.warning(at, field, found, would_do);
    }
}

/// A reader may be plugged in later.
fn port(reader: &Entry, base_dir: &Path, report: &mut Report<'_>) {
    let lang = report.lang;
    let Some(Err(error)) = path(reader, "port", base_dir).map(fs::metadata) else { return };
    if error.kind() == ErrorKind::NotFound {
        let found = text!(lang, zh: "该设备目前不在（未插上？）", en: "no such device at present (not plugged in?)");
        let would_do =
            text!(lang, zh: "ls /dev/serial/by-id/ 列出的名字", en: "a name that ls /dev/serial/by-id/ lists");
        report.warning(reader.place_of("port"), reader.field("port"), found, would_do);
    }
}
