//! One value against what its field takes.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schoolgate_core::gate::{MAX_SCHEDULE_LINES, Schedule};
use schoolgate_core::text;
use schoolgate_core::text::Lang;
use toml::Spanned;
use toml::de::DeValue;
use tracing_subscriber::filter::Targets;
use ureq::http::Uri;

use super::fault::{Report, one_of, shown};
use super::fields::{Field, Kind};
use super::id::{MAX_ID_BYTES, PlaceId};

/// Longest path, host name, address or log filter, in bytes.
const MAX_TEXT_BYTES: usize = 1_024;
/// Longest host name (RFC 1035), in bytes.
const MAX_HOST_BYTES: usize = 253;
/// Most entries of a list.
const MAX_LIST: usize = 64;

/// A value that its field takes.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Number(u32),
    Flag(bool),
    TimeZone(TimeZone),
    Moment(Timestamp),
    Lines(Vec<String>),
    Schedule(Schedule),
}

/// Why a field does not take a value.
struct Refusal {
    found: String,
    would_do: String,
}

/// Checks what was written for `field`; notes the fault if it will not do.
pub(super) fn check(
    field: &Field,
    path: &str,
    written: &Spanned<DeValue<'_>>,
    report: &mut Report<'_>,
) -> Option<Value> {
    let lang = report.lang;
    let outcome = match (field.kind, written.get_ref()) {
        (Kind::Lines, DeValue::Array(items)) => return lines(field, path, items, written.span().start, report),
        (Kind::Schedule, DeValue::Array(items)) => return schedule(field, path, items, written.span().start, report),
        (Kind::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
        (Kind::Number(from, to), DeValue::Integer(n)) => {
            number(n).filter(|n| (from..=to).contains(n)).map(Value::Number).ok_or_else(|| refuse(field, written, lang))
        }
        (Kind::NumberOf(allowed), DeValue::Integer(n)) => {
            number(n).filter(|n| allowed.contains(n)).map(Value::Number).ok_or_else(|| refuse(field, written, lang))
        }
        (Kind::Moment, DeValue::Datetime(moment)) => parse_moment(&moment.to_string(), field, lang),
        (kind, DeValue::String(text)) => check_text(kind, text, field, written, lang),
        _ => Err(refuse(field, written, lang)),
    };
    outcome.map_err(|no| report.fault(written.span().start, path, no.found, no.would_do)).ok()
}

fn check_text(
    kind: Kind,
    text: &str,
    field: &Field,
    written: &Spanned<DeValue<'_>>,
    lang: Lang,
) -> Result<Value, Refusal> {
    match kind {
        Kind::Id => check_id(text, field, lang).map(Value::Text),
        Kind::Line => check_line(text, field, lang).map(Value::Text),
        Kind::Text(max) => check_label(text, max, field, lang).map(Value::Text),
        Kind::Path => check_path(text, field, lang).map(Value::Text),
        Kind::SecretFile => check_secret_file(text, field, lang).map(Value::Text),
        Kind::OneOf(names) if names.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::OneOf(names) => Err(Refusal { found: shown(text), would_do: one_of(lang, names, text) }),
        Kind::Host => check_host(text, field, lang).map(Value::Text),
        Kind::Url => check_url(text, field, lang).map(Value::Text),
        Kind::TimeZone => check_time_zone(text, lang),
        Kind::LogFilter => check_log_filter(text, field, lang).map(Value::Text),
        Kind::Moment => parse_moment(text, field, lang),
        Kind::Number(..) | Kind::NumberOf(_) | Kind::Flag | Kind::Lines | Kind::Schedule => {
            Err(refuse(field, written, lang))
        }
    }
}

/// The refusal of a value that is of the wrong type or out of range: it is shown as it is.
fn refuse(field: &Field, written: &Spanned<DeValue<'_>>, lang: Lang) -> Refusal {
    let hidden = matches!(field.kind, Kind::SecretFile | Kind::Url);
    Refusal { found: describe(written.get_ref(), hidden, lang), would_do: expected(field, lang) }
}

/// What `field` takes, in words, with an example.
pub(super) fn expected(field: &Field, lang: Lang) -> String {
    let example = field.example;
    match field.kind {
        Kind::Id => text!(
            lang,
            zh: "1 至 {MAX_ID_BYTES} 个 A-Z a-z 0-9 . _ - 字符，如 {example}",
            en: "1 to {MAX_ID_BYTES} characters out of A-Z a-z 0-9 . _ -, such as {example}",
        ),
        Kind::Text(max) => text!(
            lang,
            zh: "1 至 {max} 个字的文字，写在引号内，如 {example}",
            en: "a text of 1 to {max} characters in quotes, such as {example}",
        ),
        Kind::Path => text!(lang, zh: "引号内的路径，如 {example}", en: "a path in quotes, such as {example}"),
        Kind::SecretFile => text!(
            lang,
            zh: "存放该内容的文件的路径，写在引号内，如 {example}",
            en: "the path, in quotes, of the file that holds it, such as {example}",
        ),
        Kind::OneOf(names) => one_of(lang, names, ""),
        Kind::NumberOf(numbers) => {
            let list = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(&text!(lang, zh: "、", en: ", "));
            text!(lang, zh: "不带引号的数：{list} 之一", en: "a number without quotes, one of {list}")
        }
        Kind::Number(from, to) => text!(
            lang,
            zh: "{from} 至 {to} 的整数，不带引号，如 {example}",
            en: "a whole number from {from} to {to} without quotes, such as {example}",
        ),
        Kind::Flag => text!(lang, zh: "true 或 false，不带引号", en: "true or false, without quotes"),
        Kind::Host => text!(
            lang,
            zh: "只写主机名或 IP 地址，不带协议、端口和用户名，如 {example}",
            en: "a host name or IP address alone, without scheme, port or user name, such as {example}",
        ),
        Kind::Url => text!(
            lang,
            zh: "http 或 https 地址，不带用户名、查询和 #，如 {example}",
            en: "an http or https address without user name, query or #, such as {example}",
        ),
        Kind::TimeZone => text!(lang, zh: "IANA 时区名，如 {example}", en: "an IANA time zone, such as {example}"),
        Kind::LogFilter => text!(
            lang,
            zh: "off、error、warn、info、debug、trace 之一，或 info,schoolgate=debug 这样的组合",
            en: "off, error, warn, info, debug or trace, or a combination such as info,schoolgate=debug",
        ),
        Kind::Moment => text!(
            lang,
            zh: "带时区偏移的时刻（RFC 3339），如 {example}",
            en: "a moment with its offset (RFC 3339), such as {example}",
        ),
        Kind::Schedule => text!(
            lang,
            zh: "“日子 起-止 free 或 locked”各行的列表，如 [\"school_day 16:30-17:30 free\"]；日子为 daily、school_day、weekend_day、holiday_opening、closed，或如 mon-fri、tue,thu",
            en: "a list of lines DAYS FROM-UNTIL free or locked, such as [\"school_day 16:30-17:30 free\"]; days are daily, school_day, weekend_day, holiday_opening, closed, or such as mon-fri or tue,thu",
        ),
        Kind::Line => text!(
            lang,
            zh: "线路名，如 {example}，或“芯片:序号”，如 \"gpiochip0:17\"",
            en: "a line's name, such as {example}, or chip and number, such as \"gpiochip0:17\"",
        ),
        Kind::Lines => {
            text!(lang, zh: "引号内名称的列表，如 [\"release\"]", en: "a list of names in quotes, such as [\"release\"]")
        }
    }
}

/// A value as it is shown in a message. `hidden`: its type only.
pub(super) fn describe(value: &DeValue<'_>, hidden: bool, lang: Lang) -> String {
    match value {
        DeValue::String(_) if hidden => text!(lang, zh: "一段文字", en: "a text"),
        DeValue::String(text) => {
            let text = shown(text);
            text!(lang, zh: "文字 {text}", en: "the text {text}")
        }
        DeValue::Array(_) => text!(lang, zh: "一个列表", en: "a list"),
        DeValue::Table(_) => text!(lang, zh: "一个节", en: "a section"),
        DeValue::Integer(_) | DeValue::Float(_) if hidden => text!(lang, zh: "一个数", en: "a number"),
        DeValue::Integer(n) => short(&n.to_string()),
        DeValue::Float(n) => short(&n.to_string()),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
    }
}

fn short(digits: &str) -> String {
    shown(digits).trim_matches('"').to_owned()
}

fn number(n: &toml::de::DeInteger<'_>) -> Option<u32> {
    u32::from_str_radix(n.as_str(), n.radix()).ok()
}

fn lines(
    field: &Field,
    path: &str,
    items: &[Spanned<DeValue<'_>>],
    at: usize,
    report: &mut Report<'_>,
) -> Option<Value> {
    let lang = report.lang;
    if items.len() > MAX_LIST {
        let count = items.len();
        let found = text!(lang, zh: "{count} 项", en: "{count} items");
        report.fault(at, path, found, text!(lang, zh: "至多 {MAX_LIST} 项", en: "at most {MAX_LIST}"));
        return None;
    }
    let mut names = Vec::new();
    for item in items {
        let name = match item.get_ref() {
            DeValue::String(text) => check_line(text, field, lang),
            _ => Err(refuse(field, item, lang)),
        };
        match name {
            Ok(name) => names.push(name),
            Err(no) => report.fault(item.span().start, path, no.found, no.would_do),
        }
    }
    (names.len() == items.len()).then_some(Value::Lines(names))
}

/// All ids have one shape, so that of a place stands for it.
fn check_id(text: &str, field: &Field, lang: Lang) -> Result<String, Refusal> {
    let would_do = expected(field, lang);
    match PlaceId::try_new(text) {
        Ok(_) if !text.starts_with('.') => Ok(text.to_owned()),
        // A name such as `..` would lead out of a folder, and `.x` would hide a file.
        Ok(_) => {
            let text = shown(text);
            let found = text!(lang, zh: "{text} 以点开头", en: "{text}, which begins with a dot");
            Err(Refusal { found, would_do })
        }
        Err(_) => Err(Refusal { found: shown(text), would_do }),
    }
}

/// The kernel's own limit is 31 characters; chip and number may take more.
fn check_line(text: &str, field: &Field, lang: Lang) -> Result<String, Refusal> {
    let printable = text.chars().all(|c| (' '..='~').contains(&c) && c != '"' && c != '\\');
    let fits = (1..=MAX_ID_BYTES).contains(&text.len()) && printable && text.trim() == text;
    fits.then(|| text.to_owned()).ok_or_else(|| Refusal { found: shown(text), would_do: expected(field, lang) })
}

fn check_label(text: &str, max: usize, field: &Field, lang: Lang) -> Result<String, Refusal> {
    let fits = !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| Refusal { found: shown(text), would_do: expected(field, lang) })
}

fn check_path(text: &str, field: &Field, lang: Lang) -> Result<String, Refusal> {
    if text.starts_with('~') {
        let found = shown(text);
        let would_do = text!(
            lang,
            zh: "从 / 写起的完整路径（~ 在这里不会展开）",
            en: "the whole path from / on (~ is not expanded here)",
        );
        return Err(Refusal { found, would_do });
    }
    let fits = !text.trim().is_empty() && text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| Refusal { found: shown(text), would_do: expected(field, lang) })
}

/// Like a path, but what stands here may be the secret itself.
fn check_secret_file(text: &str, field: &Field, lang: Lang) -> Result<String, Refusal> {
    let would_do = expected(field, lang);
    if text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        let found = text!(lang, zh: "看来是密钥本身", en: "what looks like the secret itself");
        return Err(Refusal { found, would_do });
    }
    check_path(text, field, lang).map_err(|no| {
        let found = match text.trim() {
            "" => shown(text),
            _ => text!(lang, zh: "不能作为路径的文字", en: "a text that can't be a path"),
        };
        Refusal { found, would_do: if text.starts_with('~') { no.would_do } else { would_do } }
    })
}

fn check_host(text: &str, field: &Field, lang: Lang) -> Result<String, Refusal> {
    if is_host(text) {
        return Ok(text.to_owned());
    }
    let found = if text.contains('@') {
        text!(lang, zh: "带用户名的地址", en: "an address with a user name in it")
    } else {
        shown(text)
    };
    Err(Refusal { found, would_do: expected(field, lang) })
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let like_ipv4 = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    text.parse::<IpAddr>().is_ok() || (!like_ipv4 && text.len() <= MAX_HOST_BYTES && text.split('.').all(label))
}

/// Whether `host` is this machine, so that what is sent to it does not leave it.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

fn check_url(text: &str, field: &Field, lang: Lang) -> Result<String, Refusal> {
    let refusal = |found| Err(Refusal { found, would_do: expected(field, lang) });
    if text.contains('@') {
        return refusal(text!(lang, zh: "带用户名或密码的地址", en: "an address with a user name or password in it"));
    }
    if text.contains(['?', '#']) {
        return refusal(text!(lang, zh: "带查询或 # 的地址", en: "an address with a query or #"));
    }
    let fits = |uri: &Uri| {
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let port_fits = authority == host || uri.port_u16().is_some_and(|port| port > 0);
        matches!(uri.scheme_str(), Some("http" | "https")) && is_host(bare) && port_fits
    };
    match text.parse::<Uri>() {
        Ok(uri) if text.len() <= MAX_TEXT_BYTES && fits(&uri) => Ok(text.trim_end_matches('/').to_owned()),
        _ => refusal(shown(text)),
    }
}

fn check_time_zone(text: &str, lang: Lang) -> Result<Value, Refusal> {
    if let Ok(zone) = TimeZone::get(text)
        && !zone.is_unknown()
    {
        return Ok(Value::TimeZone(zone));
    }
    let would_do = text!(
        lang,
        zh: "IANA 时区名，如 \"Asia/Shanghai\"（系统须装有 tzdata）",
        en: "an IANA time zone such as \"Asia/Shanghai\" (the system's tzdata package must be there)",
    );
    Err(Refusal { found: shown(text), would_do })
}

/// The library takes any word for the name of a module, so that a slip such as `inof` would log nothing: a word alone
/// has to be a level here.
fn check_log_filter(text: &str, field: &Field, lang: Lang) -> Result<String, Refusal> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let level_or_rule = |part: &str| part.contains('=') || LEVELS.contains(&part.to_ascii_lowercase().as_str());
    let fits = text.len() <= MAX_TEXT_BYTES && text.split(',').all(level_or_rule) && text.parse::<Targets>().is_ok();
    fits.then(|| text.to_owned()).ok_or_else(|| Refusal { found: shown(text), would_do: expected(field, lang) })
}

fn parse_moment(text: &str, field: &Field, lang: Lang) -> Result<Value, Refusal> {
    let refusal = || Refusal { found: shown(text), would_do: expected(field, lang) };
    text.parse().map(Value::Moment).map_err(|_| refusal())
}

fn schedule(
    field: &Field,
    path: &str,
    items: &[Spanned<DeValue<'_>>],
    at: usize,
    report: &mut Report<'_>,
) -> Option<Value> {
    let lang = report.lang;
    if items.len() > MAX_SCHEDULE_LINES {
        let count = items.len();
        let found = text!(lang, zh: "{count} 行", en: "{count} lines");
        let would_do = text!(lang, zh: "至多 {MAX_SCHEDULE_LINES} 行", en: "at most {MAX_SCHEDULE_LINES}");
        report.fault(at, path, found, would_do);
        return None;
    }
    let mut spans = Vec::new();
    for item in items {
        let line = match item.get_ref() {
            DeValue::String(text) => {
                text.parse().map_err(|_| Refusal { found: shown(text), would_do: expected(field, lang) })
            }
            _ => Err(refuse(field, item, lang)),
        };
        match line {
            Ok(span) => spans.push(span),
            Err(no) => report.fault(item.span().start, path, no.found, no.would_do),
        }
    }
    (spans.len() == items.len()).then_some(Value::Schedule(Schedule(spans)))
}
