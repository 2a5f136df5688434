//! What is wrong with a line, for people: with what there is instead, in both languages.

use schoolgate_core::{text, text::Lang};
use schoolgate_lines::{ChipThere, Inventory, LineError, LineThere};

/// Most lines of a chip that are listed.
const MAX_LISTED: usize = 64;

/// The whole message.
pub fn say_line_error(error: &LineError, lang: Lang) -> String {
    match error {
        LineError::NotThere { name, there } => {
            let there = say_inventory(there, lang);
            text!(lang, zh: "没有线路 {name}；本机有：{there}", en: "no line {name}; this machine has {there}")
        }
        LineError::Ambiguous { name, at } => {
            let at = at.join(", ");
            text!(
                lang,
                zh: "线路 {name} 不止一条：{at}，请写“芯片:序号”",
                en: "line {name} more than once, {at}: name chip and number",
            )
        }
        LineError::Busy { name, by } => match by.as_str() {
            "" => text!(lang, zh: "线路 {name} 已被占用", en: "line {name}, which something else uses"),
            _ => text!(lang, zh: "线路 {name} 已被 {by} 占用", en: "line {name}, which {by} uses"),
        },
        LineError::Denied { name, path } => {
            let path = path.display();
            text!(
                lang,
                zh: "线路 {name} 无权打开（{path}）：运行网关的用户须在 gpio 组内",
                en: "line {name}, which may not be opened ({path}): the gateway's user needs the group gpio",
            )
        }
        LineError::Request { name, why } => {
            text!(lang, zh: "线路 {name} 无法取得：{why}", en: "line {name}, which can't be had: {why}")
        }
        LineError::Level { name, why } => {
            text!(lang, zh: "线路 {name} 无法读写：{why}", en: "line {name}, which can't be set or read: {why}")
        }
        LineError::NoPi { why } => text!(
            lang,
            zh: "rppal 不认识这块板子（{why}）；gpiocdev 适用于各种板子",
            en: "a board that rppal does not know ({why}); gpiocdev does on any",
        ),
        LineError::Watch(cause) => {
            text!(lang, zh: "输入线路无法监视：{cause}", en: "inputs that can't be watched: {cause}")
        }
    }
}

fn say_inventory(there: &Inventory, lang: Lang) -> String {
    let mut chips: Vec<String> = there.chips.iter().map(|chip| say_chip(chip, lang)).collect();
    for path in &there.denied {
        let path = path.display();
        chips.push(text!(lang, zh: "{path}（无权打开）", en: "{path} (may not be opened)"));
    }
    match chips.is_empty() {
        true => text!(lang, zh: "无任何 GPIO 芯片", en: "no GPIO chip at all"),
        false => chips.join(&text!(lang, zh: "；", en: "; ")),
    }
}

fn say_chip(chip: &ChipThere, lang: Lang) -> String {
    let ChipThere { name, label, lines, .. } = chip;
    let count = lines.len();
    let named: Vec<String> =
        lines.iter().filter(|line| !line.name.is_empty()).map(|line| say_line(line, lang)).collect();
    let comma = text!(lang, zh: "、", en: ", ");
    let listed = named.iter().take(MAX_LISTED).cloned().collect::<Vec<_>>().join(&comma);
    let more = match named.len().saturating_sub(MAX_LISTED) {
        0 => String::new(),
        more => text!(lang, zh: " 等（另有 {more} 条）", en: " and {more} more"),
    };
    match named.is_empty() {
        true => text!(
            lang,
            zh: "{name}（{label}，{count} 条，未命名）",
            en: "{name} ({label}, {count} lines without names)",
        ),
        false => text!(
            lang,
            zh: "{name}（{label}，{count} 条：{listed}{more}）",
            en: "{name} ({label}, {count} lines: {listed}{more})",
        ),
    }
}

fn say_line(line: &LineThere, lang: Lang) -> String {
    let name = &line.name;
    match line.used_by {
        Some(_) => text!(lang, zh: "{name}（占用）", en: "{name} (in use)"),
        None => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there() -> Inventory {
        let line =
            |name: &str, used_by: Option<&str>| LineThere { name: name.into(), used_by: used_by.map(Into::into) };
        let chip = |n: u32, label: &str, lines| ChipThere {
            path: format!("/dev/gpiochip{n}").into(),
            name: format!("gpiochip{n}"),
            label: label.into(),
            lines,
        };
        let pi = chip(0, "pinctrl-rp1", vec![line("GPIO17", None), line("", None), line("GPIO27", Some("schoolgate"))]);
        Inventory { chips: vec![pi, chip(1, "pcf8574", vec![line("", None)])], denied: vec!["/dev/gpiochip2".into()] }
    }

    #[test]
    fn a_line_that_is_not_there_is_told_with_all_chips_and_names_in_both_languages() {
        let error = LineError::NotThere { name: "GPIO71".into(), there: there() };
        assert_eq!(
            say_line_error(&error, Lang::En),
            "no line GPIO71; this machine has gpiochip0 (pinctrl-rp1, 3 lines: GPIO17, GPIO27 (in use)); \
             gpiochip1 (pcf8574, 1 lines without names); /dev/gpiochip2 (may not be opened)"
        );
        assert_eq!(
            say_line_error(&error, Lang::Zh),
            "没有线路 GPIO71；本机有：gpiochip0（pinctrl-rp1，3 条：GPIO17、GPIO27（占用））；\
             gpiochip1（pcf8574，1 条，未命名）；/dev/gpiochip2（无权打开）"
        );
        let nothing = LineError::NotThere { name: "GPIO17".into(), there: Inventory::default() };
        assert_eq!(say_line_error(&nothing, Lang::En), "no line GPIO17; this machine has no GPIO chip at all");
    }
}
