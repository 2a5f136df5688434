//! What is wrong with a configuration file, and the list of it that is drawn up while the file is checked.

use std::collections::BTreeSet;

use schoolgate_core::text;
use schoolgate_core::text::Lang;

/// Most faults and warnings that one check reports; one more then says that there are more.
pub const MAX_FAULTS: usize = 200;

/// Longest excerpt of the file's own text in a message, in characters.
const MAX_SHOWN: usize = 64;

/// Most names that a message lists as possible.
const MAX_LISTED: usize = 8;

/// Some editors put it before a file's first character.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// Whether the gateway can run with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is not accepted.
    Fault,
    /// The file is accepted, but hardly meant so.
    Warning,
}

/// One mistake: where it is, what is there and what would do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was named by whoever asked for the check.
    pub file: String,
    /// Line in the file, from 1. For something that is missing, the line of its section.
    pub line: u32,
    /// Column in the line, in characters, from 1.
    pub column: u32,
    /// Path of the field such as `reader[2].place`, the second `[[reader]]`'s place; empty for a mistake of syntax.
    pub field: String,
    /// What was found, in the language of the check. Never holds a secret.
    pub found: String,
    /// What would do instead, in the language of the check.
    pub would_do: String,
    /// Whether the gateway can run with it.
    pub severity: Severity,
}

impl Fault {
    /// The whole message in one line, without a line end. `lang` is the language that the file was checked in.
    pub fn render(&self, lang: Lang) -> String {
        let Self { file, line, column, field, found, would_do, severity } = self;
        let mark = match severity {
            Severity::Fault => String::new(),
            Severity::Warning => text!(lang, zh: "警告：", en: "warning: "),
        };
        let field = match field.as_str() {
            "" => String::new(),
            _ => text!(lang, zh: "{field}：", en: "{field}: "),
        };
        text!(
            lang,
            zh: "{file}:{line}:{column}: {mark}{field}{found}；应为：{would_do}",
            en: "{file}:{line}:{column}: {mark}{field}found {found}; would do: {would_do}",
        )
    }
}

/// The faults of one file, as they are found.
pub(super) struct Report<'a> {
    pub(super) lang: Lang,
    file: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
    broken_lines: BTreeSet<u32>,
    faults: Vec<Fault>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, text: &'a str, lang: Lang) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { lang, file, text, line_starts, broken_lines: BTreeSet::new(), faults: Vec::new() }
    }

    /// Notes a mistake of syntax at byte `at`. Only the first of a line is kept: the others follow from it.
    pub(super) fn syntax(&mut self, at: usize, found: String, would_do: String) {
        let (line, _) = self.position(at);
        if !self.broken_lines.contains(&line) {
            self.note(Severity::Fault, at, String::new(), found, would_do);
            self.broken_lines.insert(line);
        }
    }

    /// Notes a mistake at byte `at`. On a line whose syntax is broken it is left out, as nobody knows what was meant.
    pub(super) fn fault(&mut self, at: usize, field: impl Into<String>, found: String, would_do: String) {
        self.note(Severity::Fault, at, field.into(), found, would_do);
    }

    /// Notes something that is allowed but hardly meant.
    pub(super) fn warning(&mut self, at: usize, field: impl Into<String>, found: String, would_do: String) {
        self.note(Severity::Warning, at, field.into(), found, would_do);
    }

    /// Whether a part of the file could not be read, so that what seems missing may well be there.
    pub(super) fn is_partial(&self) -> bool {
        !self.broken_lines.is_empty()
    }

    pub(super) fn has_faults(&self) -> bool {
        self.faults.iter().any(|fault| fault.severity == Severity::Fault)
    }

    /// The line that holds byte `at`, without its end.
    pub(super) fn line_of(&self, at: usize) -> &'a str {
        let (line, _) = self.position(at);
        self.text.lines().nth(line as usize - 1).unwrap_or_default()
    }

    /// Everything noted, in the order of the file.
    pub(super) fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|fault| (fault.line, fault.column, fault.severity));
        self.faults
    }

    fn note(&mut self, severity: Severity, at: usize, field: String, found: String, would_do: String) {
        let (line, column) = self.position(at);
        if self.broken_lines.contains(&line) {
            return;
        }
        let file = self.file.to_owned();
        let fault = Fault { file, line, column, field, found, would_do, severity };
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
            return;
        }
        // The last one stands for all that are left out, and for the worst of them.
        let lang = self.lang;
        let found = text!(lang, zh: "超过 {MAX_FAULTS} 处错误", en: "more than {MAX_FAULTS} mistakes");
        let would_do = text!(lang, zh: "先改正其他各处", en: "the others mended first");
        let field = String::new();
        match self.faults.get_mut(MAX_FAULTS) {
            Some(last) => last.severity = last.severity.min(severity),
            None => self.faults.push(Fault { field, found, would_do, ..fault }),
        }
    }

    /// Line and column of byte `at`, both from 1. What lies behind a line's text counts to its end, and what lies behind
    /// the last line to that.
    fn position(&self, at: usize) -> (u32, u32) {
        let at = at.min(self.text.trim_end_matches(['\n', '\r']).len());
        let line = self.line_starts.partition_point(|&start| start <= at).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let text = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let before = text.as_bytes().get(..at - start).unwrap_or(text.as_bytes());
        let chars = before.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        let mark = usize::from(before.starts_with(BYTE_ORDER_MARK.as_bytes()));
        (number(line), number(chars - mark + 1))
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A text of the file as it is shown in a message: in quotes, on one line, not too long.
pub(super) fn shown(text: &str) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(MAX_SHOWN).collect();
    let more = if chars.next().is_some() { "…" } else { "" };
    format!("\"{}{more}\"", head.escape_debug())
}

/// "one of …" with the nearest name pointed out; `names` must not be empty.
pub(super) fn one_of(lang: Lang, names: &[&str], found: &str) -> String {
    let comma = text!(lang, zh: "、", en: ", ");
    let listed: Vec<String> = names.iter().take(MAX_LISTED).map(|name| shown(name)).collect();
    let more = names.len().saturating_sub(MAX_LISTED);
    let list = listed.join(&comma);
    let hint = did_you_mean(lang, names, found);
    match (names.len(), more) {
        (1, _) => format!("{list}{hint}"),
        (_, 0) => text!(lang, zh: "{list} 之一{hint}", en: "one of {list}{hint}"),
        _ => text!(lang, zh: "{list} 等之一（另有 {more} 个）{hint}", en: "one of {list} ({more} more){hint}"),
    }
}

/// ` (did you mean "…"?)`, or nothing when no name is near.
pub(super) fn did_you_mean(lang: Lang, names: &[&str], found: &str) -> String {
    match nearest(names, found) {
        Some(name) => text!(lang, zh: "（是否想写 \"{name}\"？）", en: " (did you mean \"{name}\"?)"),
        None => String::new(),
    }
}

/// The name that was probably meant: one that the found one begins or that begins it, or one a few slips away.
pub(super) fn nearest<'n>(names: &[&'n str], found: &str) -> Option<&'n str> {
    let found: String = found.chars().take(MAX_SHOWN).collect::<String>().to_lowercase();
    let slips = |name: &&str| strsim::damerau_levenshtein(&name.to_lowercase(), &found);
    let begins = |name: &&&str| found.len() >= 3 && (name.starts_with(&found) || found.starts_with(**name));
    let near = names.iter().min_by_key(|name| slips(name)).filter(|name| slips(name) <= (name.len() / 3).max(1));
    near.or_else(|| names.iter().find(begins)).copied()
}
