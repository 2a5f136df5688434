//! Fields that have to fit each other: references, names that must differ, fields that need or exclude one another.

use std::collections::BTreeMap;

use schoolgate_core::gate::Mode;
use schoolgate_core::text;

use super::build::{PARAMETERS, names};
use super::document::{Document, Entry};
use super::fault::{Report, one_of, shown};
use super::model::{ClockSource, Kind, ReaderKind, Role};
use super::osdp;
use super::value::is_loopback;
use super::wiring;

/// The fields of a gate that name lines.
pub(super) const LINES: [&str; 5] =
    ["release_line", "lamp_green_line", "lamp_amber_line", "lamp_red_line", "buzzer_line"];

/// Notes everything that does not fit together. The document must be whole, or things would seem to be missing.
pub(super) fn check(document: &Document, report: &mut Report<'_>) {
    unique(document.all("place"), "id", report);
    unique(document.all("reader"), "id", report);
    osdp::check(document, report);
    unique(document.all("reader"), "reader_name", report);
    unique(document.all("gate"), "place", report);
    let places: Vec<&str> = document.all("place").iter().filter_map(|place| place.text("id")).collect();
    for entry in document.all("reader").iter().chain(document.all("gate")).chain(document.all("input")) {
        known_place(entry, &places, report);
    }
    gates(document, report);
    wiring::check(document, report);
    if let Some(mqtt) = document.one("mqtt") {
        check_mqtt(mqtt, report);
    }
    if let Some(platform) = document.one("platform") {
        check_platform(platform, report);
    }
    if let Some(clock) = document.one("clock") {
        check_clock(clock, report);
    }
    if let Some(cards) = document.one("cards") {
        parameters(cards, report);
    }
    ports(document, report);
}

/// No two of the entries have the same text in `field`.
fn unique(entries: &[Entry], field: &str, report: &mut Report<'_>) {
    let mut first: BTreeMap<&str, &Entry> = BTreeMap::new();
    for entry in entries {
        let Some(value) = entry.text(field) else { continue };
        if let Some(first) = first.get(value) {
            note_twice(entry, field, value, &first.field(field), report);
        } else {
            first.insert(value, entry);
        }
    }
}

pub(super) fn note_twice(entry: &Entry, field: &str, value: &str, first: &str, report: &mut Report<'_>) {
    let value = shown(value);
    let found = text!(report.lang, zh: "{value} 已用于 {first}", en: "{value}, which is that of {first} already");
    let would_do = text!(report.lang, zh: "各不相同", en: "another one");
    report.fault(entry.place_of(field), entry.field(field), found, would_do);
}

fn known_place(entry: &Entry, places: &[&str], report: &mut Report<'_>) {
    let Some(place) = entry.text("place").filter(|place| !places.contains(place)) else { return };
    let lang = report.lang;
    let would_do = match places {
        [] => {
            text!(lang, zh: "先写 id = \"{place}\" 的 [[place]] 一节", en: "a section [[place]] with id = \"{place}\"")
        }
        _ => one_of(lang, places, place),
    };
    let place = shown(place);
    let found = text!(lang, zh: "{place} 没有对应的 [[place]]", en: "{place}, which no [[place]] has");
    report.fault(entry.place_of("place"), entry.field("place"), found, would_do);
}

fn gates(document: &Document, report: &mut Report<'_>) {
    let role = |id: &str| document.all("place").iter().find(|place| place.text("id") == Some(id))?.text("role");
    for gate in document.all("gate") {
        let is_gate = gate.text("place").and_then(role) == Some(Role::Gate.name());
        if !gate.is_written("release_line") && (is_gate || !LINES.iter().any(|line| gate.is_written(line))) {
            let lang = report.lang;
            let found = match is_gate {
                true => text!(lang, zh: "缺少此项，而此处是校门", en: "nothing, though the place is a gate"),
                false => text!(lang, zh: "一条线路也没有", en: "no line at all"),
            };
            let would_do = text!(lang, zh: "开闸线路，如 \"release\"", en: "a line, such as \"release\"");
            report.fault(gate.at, gate.field("release_line"), found, would_do);
        }
        active_low(gate, report);
        behaviour(gate, report);
    }
    airlocks(document, report);
}

/// What the kind of gate needs, and what has no effect with it.
fn behaviour(gate: &Entry, report: &mut Report<'_>) {
    let lang = report.lang;
    let motor = gate.text("kind") == Some(Kind::Motor.name());
    if motor && !gate.is_written("opening_ms") {
        let found = text!(lang, zh: "缺少此项，而 kind 为 motor", en: "nothing, though kind is motor");
        let would_do =
            text!(lang, zh: "电动门打开所需毫秒数，如 8000", en: "how long the motor takes to open, such as 8000");
        report.fault(gate.at, gate.field("opening_ms"), found, would_do);
    }
    if !motor && gate.text("kind").is_some() {
        excludes(gate, "kind != \"motor\"", "opening_ms", "kind = \"motor\"", report);
    }
    let stands_open = gate.schedule("schedule").is_some_and(|schedule| schedule.has(Mode::Free));
    if stands_open && gate.is_written("interlock_with") {
        let found = text!(lang, zh: "free，而此门与另一道门互锁", en: "free, though the gate is one of an airlock");
        let would_do =
            text!(lang, zh: "只写 locked，或删去 interlock_with", en: "locked lines only, or no interlock_with");
        report.fault(gate.place_of("schedule"), gate.field("schedule"), found, would_do);
    }
}

/// The two doors of an airlock name each other, or one of them would open while the other stands open.
fn airlocks(document: &Document, report: &mut Report<'_>) {
    let gates = document.all("gate");
    for gate in gates {
        let Some(other) = gate.text("interlock_with") else { continue };
        let lang = report.lang;
        let own = gate.text("place");
        let partner = gates.iter().find(|gate| gate.text("place") == Some(other));
        let (found, would_do) = match partner {
            _ if own == Some(other) => (
                text!(lang, zh: "此门自己", en: "the gate itself"),
                text!(lang, zh: "另一道门的位置", en: "the place of the other door"),
            ),
            None => {
                let others: Vec<&str> =
                    gates.iter().filter_map(|gate| gate.text("place")).filter(|id| own != Some(id)).collect();
                let other_shown = shown(other);
                let found = text!(lang, zh: "{other_shown} 没有对应的 [[gate]]", en: "{other_shown}, which no [[gate]] has as its place");
                let would_do = match others.as_slice() {
                    [] => text!(lang, zh: "再写一节 [[gate]]", en: "a second section [[gate]]"),
                    _ => one_of(lang, &others, other),
                };
                (found, would_do)
            }
            Some(partner) if own.is_some() && partner.text("interlock_with") != own => {
                let (own, partner) = (shown(own.unwrap_or_default()), partner.field("interlock_with"));
                (
                    text!(lang, zh: "对方没有写回 {own}", en: "a door that does not name {own} in turn"),
                    text!(lang, zh: "{partner} = {own}", en: "{partner} = {own}"),
                )
            }
            Some(_) => continue,
        };
        report.fault(gate.place_of("interlock_with"), gate.field("interlock_with"), found, would_do);
    }
}

fn active_low(gate: &Entry, report: &mut Report<'_>) {
    let lines: Vec<&str> = LINES.iter().filter_map(|field| gate.text(field)).collect();
    let named = gate.lines("active_low").unwrap_or_default();
    for (index, name) in named.iter().enumerate() {
        let lang = report.lang;
        let name_shown = shown(name);
        let (found, would_do) = if named.iter().take(index).any(|earlier| earlier == name) {
            let found = text!(lang, zh: "{name_shown} 出现两次", en: "{name_shown} twice");
            (found, text!(lang, zh: "每条线路一次", en: "each line once"))
        } else if !lines.contains(&name.as_str()) {
            let found =
                text!(lang, zh: "{name_shown} 不是这里的线路", en: "{name_shown}, which is no line of this gate");
            let would_do = match lines.as_slice() {
                [] => text!(lang, zh: "[]，即没有", en: "[], that is none"),
                _ => one_of(lang, &lines, name),
            };
            (found, would_do)
        } else {
            continue;
        };
        report.fault(gate.place_of("active_low"), gate.field("active_low"), found, would_do);
    }
}

fn check_mqtt(mqtt: &Entry, report: &mut Report<'_>) {
    let lang = report.lang;
    needs(mqtt, "client_cert_file", "client_key_file", report);
    needs(mqtt, "client_key_file", "client_cert_file", report);
    needs(mqtt, "password_file", "username", report);
    if mqtt.flag("tls") != Some(false) {
        return;
    }
    for field in ["ca_file", "client_cert_file", "client_key_file"] {
        excludes(mqtt, "tls = false", field, "tls = true", report);
    }
    if let Some(host) = mqtt.text("host").filter(|host| !is_loopback(host)) {
        let host = shown(host);
        let found = text!(
            lang,
            zh: "不加密地连接 {host}：学生数据和密码可被窃听",
            en: "{host} reached without encryption: children's data and the password can be read on the way",
        );
        report.warning(mqtt.place_of("tls"), mqtt.field("tls"), found, "tls = true".to_owned());
    }
}

fn check_platform(platform: &Entry, report: &mut Report<'_>) {
    let lang = report.lang;
    let Some(rest) = platform.text("url").and_then(|url| url.strip_prefix("http://")) else { return };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next(),
        None => authority.split(':').next(),
    };
    excludes(platform, "http://", "ca_file", "https://", report);
    if is_loopback(host.unwrap_or_default()) {
        return;
    }
    let found = text!(
        lang,
        zh: "不加密的 http：学生数据和令牌可被窃听",
        en: "plain http: children's data and the token can be read on the way",
    );
    let (at, field) = (platform.place_of("url"), platform.field("url"));
    match platform.flag("allow_insecure") {
        Some(true) => report.warning(at, field, found, "https://…".to_owned()),
        _ => {
            let would_do = text!(
                lang,
                zh: "https://…；确有必要时写 allow_insecure = true",
                en: "https://…, or allow_insecure = true where there is no other way",
            );
            report.fault(at, field, found, would_do);
        }
    }
}

fn check_clock(clock: &Entry, report: &mut Report<'_>) {
    let lang = report.lang;
    match clock.text("source").and_then(ClockSource::from_name) {
        Some(ClockSource::Simulated) => {
            needs(clock, "source", "start", report);
            let found = text!(
                lang,
                zh: "虚拟时钟：记录中的时间全非真实，只可用于演练！",
                en: "AN INVENTED CLOCK: no time in the ledger will be true. FOR EXERCISES ONLY",
            );
            let would_do = text!(lang, zh: "真实运行时写 \"system\"", en: "\"system\" on a school day");
            report.warning(clock.place_of("source"), clock.field("source"), found, would_do);
        }
        Some(ClockSource::System) => {
            for field in ["start", "speed"] {
                excludes(clock, "source = \"system\"", field, "source = \"simulated\"", report);
            }
        }
        None => {}
    }
}

/// What readers are plugged into.
fn ports(document: &Document, report: &mut Report<'_>) {
    for reader in document.all("reader") {
        without_effect(reader, report);
        match reader.text("kind").and_then(ReaderKind::from_name) {
            Some(ReaderKind::Rdm6300 | ReaderKind::Em18 | ReaderKind::Pn532 | ReaderKind::Scanner) => {
                needs(reader, "kind", "port", report);
            }
            Some(ReaderKind::Pcsc) => pcsc(reader, report),
            Some(ReaderKind::Osdp) | None => {}
        }
    }
    let lang = report.lang;
    let readers = document.all("reader");
    if readers.is_empty() {
        let found = text!(lang, zh: "没有读卡器，无人能刷卡", en: "no reader, so nobody can tap a card");
        let would_do = text!(lang, zh: "至少一节 [[reader]]", en: "at least one [[reader]]");
        report.warning(0, "reader", found, would_do);
    }
    for reader in readers {
        let renumbered = |port: &&str| port.starts_with("/dev/ttyUSB") || port.starts_with("/dev/ttyACM");
        if let Some(port) = reader.text("port").filter(renumbered) {
            let port = shown(port);
            let found = text!(lang, zh: "{port}，重新插拔后可能变号", en: "{port}, whose number can change at the next plugging");
            let would_do = text!(lang, zh: "/dev/serial/by-id/ 下的名字", en: "its name under /dev/serial/by-id/");
            report.warning(reader.place_of("port"), reader.field("port"), found, would_do);
        }
    }
}

/// Fields that only some kinds of reader have.
fn without_effect(reader: &Entry, report: &mut Report<'_>) {
    let Some(kind) = reader.text("kind").and_then(ReaderKind::from_name) else { return };
    let setting = format!("kind = \"{}\"", kind.name());
    if kind != ReaderKind::Pcsc {
        excludes(reader, &setting, "reader_name", "kind = \"pcsc\"", report);
    }
    if !matches!(kind, ReaderKind::Rdm6300 | ReaderKind::Em18) {
        excludes(reader, &setting, "confirm", "kind = \"rdm6300\"", report);
    }
}

/// What a PC/SC reader needs: a name, no line, and a program that can use it.
fn pcsc(reader: &Entry, report: &mut Report<'_>) {
    needs(reader, "kind", "reader_name", report);
    for field in ["port", "baud"] {
        excludes(reader, "kind = \"pcsc\"", field, "the kind of reader that is on that line", report);
    }
    if !schoolgate_cards::pcsc::BUILT_IN {
        let found = text!(report.lang, zh: "本程序编译时未包含 PC/SC 读卡器", en: "a kind of reader that this program was built without");
        let would_do =
            text!(report.lang, zh: "以 --features pcsc 编译的程序", en: "a program built with --features pcsc");
        report.warning(reader.place_of("kind"), reader.field("kind"), found, would_do);
    }
}

/// The parameters of secure messages can be told apart.
fn parameters(cards: &Entry, report: &mut Report<'_>) {
    if names(cards).is_none() {
        let found =
            text!(report.lang, zh: "参数名无效或相同", en: "names of parameters that are not plain, or the same");
        let would_do = text!(report.lang, zh: "由字母、数字、_、- 组成且互不相同的名字", en: "names of letters, digits, _ and -, no two the same");
        report.fault(cards.place_of(PARAMETERS[0]), cards.field(PARAMETERS[0]), found, would_do);
    }
}

/// `field`, where it is in force, needs `other`.
pub(super) fn needs(entry: &Entry, field: &str, other: &str, report: &mut Report<'_>) {
    if entry.is_written(field) && !entry.is_written(other) {
        let found = text!(report.lang, zh: "缺少此项，而有 {field}", en: "nothing, though {field} is there");
        let would_do = text!(report.lang, zh: "{other} 与 {field} 同时写", en: "{other} together with {field}");
        report.fault(entry.at, entry.field(other), found, would_do);
    }
}

/// With `setting`, `field` would have no effect; with `instead` it would.
pub(super) fn excludes(entry: &Entry, setting: &str, field: &str, instead: &str, report: &mut Report<'_>) {
    if entry.is_written(field) {
        let found = text!(report.lang, zh: "{setting} 时此项不起作用", en: "a setting without effect, as {setting}");
        let would_do = text!(report.lang, zh: "{instead}，或删去此项", en: "{instead}, or without this field");
        report.fault(entry.place_of(field), entry.field(field), found, would_do);
    }
}
