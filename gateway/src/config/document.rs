//! A file against the declarations: which sections and fields it has, each with its checked value and its place.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schoolgate_core::gate::Schedule;
use schoolgate_core::text;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Report, did_you_mean, one_of, shown};
use super::fields::{Field, Need, Occurs, Section};
use super::table::SECTIONS;
use super::value::{self, Value, describe, expected};

/// Most sections of one name.
pub(super) const MAX_SECTIONS: usize = 256;

/// The sections that a file has, by name.
pub(super) struct Document {
    sections: BTreeMap<&'static str, Vec<Entry>>,
}

/// One section that stands in the file.
pub(super) struct Entry {
    /// Its path, such as `gateway` or `reader[2]`.
    pub(super) path: String,
    /// The byte at which it begins.
    pub(super) at: usize,
    values: BTreeMap<&'static str, Given>,
}

/// A field that was written (`at`), or has its default (`at` is `None`). Without a value if it was not acceptable.
struct Given {
    at: Option<usize>,
    value: Option<Value>,
}

impl Document {
    /// Reads every section that is declared and notes every fault on the way.
    pub(super) fn read(root: &DeTable<'_>, report: &mut Report<'_>) -> Self {
        note_unknown_sections(root, report);
        let read = |section: &'static Section| (section.name, read_section(section, root, report));
        Self { sections: SECTIONS.iter().map(read).collect() }
    }

    /// The section of this name, if there is one.
    pub(super) fn one(&self, name: &str) -> Option<&Entry> {
        self.all(name).first()
    }

    /// All sections of this name.
    pub(super) fn all(&self, name: &str) -> &[Entry] {
        self.sections.get(name).map_or(&[], Vec::as_slice)
    }
}

impl Entry {
    /// Path of a field, such as `reader[2].place`.
    pub(super) fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// Whether the field stands in the file, be its value right or wrong.
    pub(super) fn is_written(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|given| given.at.is_some())
    }

    /// Where the field's value stands; where its section begins if it does not stand in the file.
    pub(super) fn place_of(&self, name: &str) -> usize {
        self.values.get(name).and_then(|given| given.at).unwrap_or(self.at)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        match self.value(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn lines(&self, name: &str) -> Option<&[String]> {
        match self.value(name)? {
            Value::Lines(lines) => Some(lines),
            _ => None,
        }
    }

    pub(super) fn schedule(&self, name: &str) -> Option<&Schedule> {
        match self.value(name)? {
            Value::Schedule(schedule) => Some(schedule),
            _ => None,
        }
    }

    pub(super) fn time_zone(&self, name: &str) -> Option<&TimeZone> {
        match self.value(name)? {
            Value::TimeZone(zone) => Some(zone),
            _ => None,
        }
    }

    pub(super) fn moment(&self, name: &str) -> Option<Timestamp> {
        match self.value(name)? {
            Value::Moment(moment) => Some(*moment),
            _ => None,
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)?.value.as_ref()
    }
}

fn note_unknown_sections(root: &DeTable<'_>, report: &mut Report<'_>) {
    let lang = report.lang;
    let names: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
    for (key, value) in root {
        let name = key.get_ref().as_ref();
        if names.contains(&name) {
            continue;
        }
        let is_section = match value.get_ref() {
            DeValue::Table(_) => true,
            DeValue::Array(items) => items.iter().any(|item| item.get_ref().is_table()),
            _ => false,
        };
        let path = plain(name);
        let home = SECTIONS.iter().find(|section| section.fields.iter().any(|field| field.name == name));
        match home {
            Some(home) if !is_section => {
                let header = header(home);
                let found = text!(lang, zh: "不在任何一节之内", en: "a field outside of any section");
                report.fault(
                    key.span().start,
                    path,
                    found,
                    text!(lang, zh: "写在 {header} 之下", en: "the same below {header}"),
                );
            }
            _ => {
                let hint = did_you_mean(lang, &names, name);
                let known = SECTIONS.iter().map(header).collect::<Vec<_>>().join(" ");
                let found = text!(lang, zh: "没有这样的一节", en: "a section that does not exist");
                report.fault(key.span().start, path, found, format!("{known}{hint}"));
            }
        }
    }
}

/// `[name]` or `[[name]]`.
fn header(section: &Section) -> String {
    match section.occurs {
        Occurs::Repeatedly => format!("[[{}]]", section.name),
        Occurs::Once | Occurs::AtMostOnce => format!("[{}]", section.name),
    }
}

/// A name of the file's own as it stands in a path.
fn plain(name: &str) -> String {
    shown(name).trim_matches('"').to_owned()
}

fn read_section(section: &'static Section, root: &DeTable<'_>, report: &mut Report<'_>) -> Vec<Entry> {
    let lang = report.lang;
    let Some((key, value)) = root.iter().find(|(key, _)| key.get_ref() == section.name) else {
        if section.occurs == Occurs::Once && !report.is_partial() {
            let header = header(section);
            let found = text!(lang, zh: "缺少这一节", en: "nothing");
            let would_do = text!(
                lang,
                zh: "{header} 一节；schoolgate config template 给出样例",
                en: "a section {header}; schoolgate config template prints one",
            );
            report.fault(0, section.name, found, would_do);
        }
        return Vec::new();
    };
    let wanted = header(section);
    let tables: Vec<&Spanned<DeValue<'_>>> = match (value.get_ref(), section.occurs) {
        (DeValue::Array(items), _) => items.iter().collect(),
        _ => vec![value],
    };
    let is_list = value.get_ref().is_array();
    if is_list != (section.occurs == Occurs::Repeatedly) && tables.iter().any(|table| table.get_ref().is_table()) {
        let name = section.name;
        let found = match is_list {
            true => format!("[[{name}]]"),
            false => format!("[{name}]"),
        };
        report.fault(key.span().start, name, found, wanted.clone());
    }
    if tables.len() > MAX_SECTIONS {
        let count = tables.len();
        let found = text!(lang, zh: "{count} 节 {wanted}", en: "{count} sections {wanted}");
        let would_do = text!(lang, zh: "至多 {MAX_SECTIONS} 节", en: "at most {MAX_SECTIONS}");
        report.fault(key.span().start, section.name, found, would_do);
    }
    let mut entries = Vec::new();
    for (index, table) in tables.into_iter().take(MAX_SECTIONS).enumerate() {
        let path = match section.occurs {
            Occurs::Repeatedly => format!("{}[{}]", section.name, index + 1),
            Occurs::Once | Occurs::AtMostOnce => section.name.to_owned(),
        };
        match table.get_ref() {
            DeValue::Table(fields) => entries.push(read_fields(section, path, table.span().start, fields, report)),
            other => {
                let found = describe(other, false, lang);
                report.fault(
                    table.span().start,
                    path,
                    found,
                    text!(lang, zh: "{wanted} 一节", en: "a section {wanted}"),
                );
            }
        }
    }
    entries
}

fn read_fields(
    section: &'static Section,
    path: String,
    at: usize,
    written: &DeTable<'_>,
    report: &mut Report<'_>,
) -> Entry {
    let mut entry = Entry { path, at, values: BTreeMap::new() };
    for field in section.fields {
        let path = entry.field(field.name);
        let given = match written.iter().find(|(key, _)| key.get_ref() == field.name) {
            Some((_, value)) => {
                Given { at: Some(value.span().start), value: value::check(field, &path, value, report) }
            }
            None => match field.need {
                Need::Default => Given { at: None, value: default_of(field, &path, report) },
                Need::Required => {
                    note_missing(field, &path, at, report);
                    continue;
                }
                Need::Usual | Need::Optional => continue,
            },
        };
        entry.values.insert(field.name, given);
    }
    note_unknown_fields(section, &entry, written, report);
    entry
}

/// The default goes through the same check as a written value does.
fn default_of(field: &Field, path: &str, report: &mut Report<'_>) -> Option<Value> {
    let literal = DeValue::parse(field.example).ok()?;
    value::check(field, path, &literal, report)
}

fn note_missing(field: &Field, path: &str, at: usize, report: &mut Report<'_>) {
    if !report.is_partial() {
        let found = text!(report.lang, zh: "缺少此项", en: "nothing");
        report.fault(at, path, found, expected(field, report.lang));
    }
}

/// Values of unknown fields are not shown: someone may have written a password.
fn note_unknown_fields(section: &Section, entry: &Entry, written: &DeTable<'_>, report: &mut Report<'_>) {
    let lang = report.lang;
    let names: Vec<&str> = section.fields.iter().map(|field| field.name).collect();
    let free: Vec<&str> = names.iter().copied().filter(|name| !entry.is_written(name)).collect();
    for (key, _) in written {
        let name = key.get_ref().as_ref();
        if names.contains(&name) {
            continue;
        }
        let found = text!(lang, zh: "没有这样的字段", en: "a field that does not exist");
        let would_do = match free.as_slice() {
            [] => text!(lang, zh: "删去此行", en: "the section without it"),
            _ => one_of(lang, &free, name),
        };
        report.fault(key.span().start, entry.field(&plain(name)), found, would_do);
    }
}
