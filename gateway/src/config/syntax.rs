//! Mistakes of TOML's grammar, told so that someone who has never heard of TOML can mend them.

use schoolgate_core::text;
use schoolgate_core::text::Lang;
use toml::Spanned;
use toml::de::DeTable;

use super::fault::Report;

/// Characters that a Chinese keyboard writes where TOML wants their ASCII twins.
const FULL_WIDTH: [char; 10] = ['“', '”', '‘', '’', '＝', '［', '］', '，', '＂', '。'];

/// Parses the file as far as it can be read, and notes where it can't. `None`: what is left makes no sense by itself.
pub(super) fn parse<'t>(source: &'t str, report: &mut Report<'_>) -> Option<Spanned<DeTable<'t>>> {
    let (table, errors) = DeTable::parse_recoverable(source);
    let mut headers_hold = true;
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        let line = report.line_of(at).to_owned();
        headers_hold &= !line.trim_start().starts_with('[') || error.message() == "duplicate key";
        let (found, would_do) = explain(error.message(), &line, report.lang);
        report.syntax(at, found, would_do);
    }
    headers_hold.then_some(table)
}

/// The parser's words for a mistake, and what would do. The line itself is not repeated: it may hold a secret.
fn explain(message: &str, line: &str, lang: Lang) -> (String, String) {
    if line.split('#').next().is_some_and(|code| code.contains(FULL_WIDTH)) {
        let found = text!(lang, zh: "全角标点", en: "full-width punctuation");
        let would_do = text!(lang, zh: "半角的 \" = [ ] ,", en: "the ASCII characters \" = [ ] ,");
        return (found, would_do);
    }
    let known = match message.split(", expected").next().unwrap_or_default() {
        "duplicate key" => Some((
            text!(lang, zh: "重复的名称", en: "a name for the second time"),
            text!(lang, zh: "每个名称只写一次", en: "each name once"),
        )),
        "string values must be quoted" => Some((
            text!(lang, zh: "没有引号的文字", en: "a text without quotes"),
            text!(lang, zh: "写在 \" \" 内的文字", en: "the text in \" \""),
        )),
        "key with no value" | "missing value for key" | "missing value" => Some((
            text!(lang, zh: "有名称而没有值", en: "a name without a value"),
            text!(lang, zh: "名称 = 值", en: "name = value"),
        )),
        "invalid basic string" | "invalid literal string" | "missing opening quote" => Some((
            text!(lang, zh: "引号不成对", en: "a quote without its pair"),
            text!(lang, zh: "同一行内成对的 \" \"", en: "a pair of \" \" on one line"),
        )),
        "unclosed table" | "unclosed array table" | "unclosed array" | "unclosed inline table" => Some((
            text!(lang, zh: "括号不成对", en: "a bracket without its pair"),
            text!(lang, zh: "成对的括号", en: "brackets in pairs"),
        )),
        _ => None,
    };
    known.unwrap_or_else(|| {
        (
            text!(lang, zh: "语法错误（{message}）", en: "a mistake of syntax ({message})"),
            text!(lang, zh: "名称 = 值，文字写在 \" \" 内", en: "name = value, with texts in \" \""),
        )
    })
}
