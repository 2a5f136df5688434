//! Whatever stands in a file: a configuration or faults, never a panic.

use std::path::Path;

use proptest::prelude::*;
use schoolgate_core::text::Lang;

use super::{BASE, WHOLE};
use crate::config::{Checked, Fault, Severity, check_text};

/// Either a configuration, or at least one fault; every message in the file; both languages agree on what is wrong.
fn holds(text: &str) -> Result<(), TestCaseError> {
    let lines = u32::try_from(text.lines().count().max(1)).unwrap();
    let [zh, en] = Lang::ALL.map(|lang| check_text("gate.toml", text, Path::new(BASE), lang));
    let places = |outcome: &Result<Checked, Vec<Fault>>| -> Vec<_> {
        let faults = match outcome {
            Ok(checked) => &checked.warnings,
            Err(faults) => faults,
        };
        faults.iter().map(|fault| (fault.line, fault.column, fault.field.clone(), fault.severity)).collect()
    };
    prop_assert_eq!(places(&zh), places(&en));
    prop_assert_eq!(zh.is_ok(), en.is_ok());
    for (line, column, ..) in places(&en) {
        prop_assert!((1..=lines).contains(&line), "line {} of {}", line, lines);
        let length = text.lines().nth(line as usize - 1).unwrap_or_default().chars().count();
        prop_assert!((1..=length as u32 + 1).contains(&column), "column {} of {}", column, length);
    }
    if let Err(faults) = en {
        prop_assert!(faults.iter().any(|fault| fault.severity == Severity::Fault));
        prop_assert!(faults.iter().all(|fault| !fault.render(Lang::En).contains('\n')));
        prop_assert!(faults.iter().all(|fault| !fault.found.contains("this program's own")), "{:?}", faults);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_gives_a_configuration_or_faults(text in "(?s).{0,200}") {
        holds(&text)?;
    }

    #[test]
    fn any_toml_like_text_gives_a_configuration_or_faults(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "[", "]", "[[", "]]", "gateway", "place", "reader", "gate", "mqtt", "clock", "platform", "id", "role",
            "port", "url", "=", ".", ",", "\"", "'", "\"\"\"", "{", "}", "\n", "\r\n", "\r", " ", "#", "1", "-", "0x1F",
            "true", "inf", "1979-05-27", "T07:32:00Z", "“", "东", "\\u", "\u{FEFF}", "\0",
        ]), 0..60)
    ) {
        holds(&parts.concat())?;
    }

    #[test]
    fn a_file_with_a_change_anywhere_gives_a_configuration_or_faults(
        at in any::<proptest::sample::Index>(),
        length in 0_usize..40,
        new in "(?s).{0,10}",
    ) {
        let chars: Vec<char> = WHOLE.chars().collect();
        let from = at.index(chars.len());
        let to = (from + length).min(chars.len());
        holds(&chars[..from].iter().copied().chain(new.chars()).chain(chars[to..].iter().copied()).collect::<String>())?;
    }

    #[test]
    fn a_file_with_lines_left_out_and_moved_gives_a_configuration_or_faults(
        order in proptest::collection::vec(0..WHOLE.lines().count(), 0..60),
    ) {
        let lines: Vec<&str> = WHOLE.lines().collect();
        holds(&order.iter().map(|&n| format!("{}\n", lines[n])).collect::<String>())?;
    }

    #[test]
    fn any_value_in_any_field_gives_a_configuration_or_faults(
        line in 0..WHOLE.lines().count(),
        value in prop_oneof![
            "\"[ -~]{0,80}\"", any::<i64>().prop_map(|n| n.to_string()), any::<f64>().prop_map(|n| format!("{n:?}")),
            Just("true".to_owned()), Just("[]".to_owned()), Just("[[1]]".to_owned()), Just("{a = 1}".to_owned()),
            Just("2026-09-01T16:25:00+08:00".to_owned()),
        ],
    ) {
        let change = |(n, text): (usize, &str)| match text.split_once('=') {
            Some((name, _)) if n == line => format!("{name}= {value}\n"),
            _ => format!("{text}\n"),
        };
        holds(&WHOLE.lines().enumerate().map(change).collect::<String>())?;
    }
}
