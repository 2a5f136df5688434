//! The printed template against the declarations and the parser.

use std::path::Path;

use schoolgate_core::text::Lang;

use super::{BASE, config};
use crate::config::fields::Need;
use crate::config::table::SECTIONS;
use crate::config::{Clock, check_text, template};

#[test]
fn the_template_has_every_field_and_no_mistake() {
    for lang in Lang::ALL {
        let template = template(lang);
        let checked = check_text("template", &template, Path::new(BASE), Lang::En).unwrap();
        assert_eq!(checked.warnings, []);
        for section in SECTIONS {
            assert!(template.contains(&format!("[{}]", section.name)), "{}", section.name);
            for field in section.fields {
                let line = format!("{} = {}", field.name, field.example);
                assert!(template.lines().any(|l| l.trim_start_matches('#') == line), "{line}");
                assert!(template.contains(field.doc.of(lang)), "{line} without its explanation");
            }
        }
    }
}

#[test]
fn every_commented_field_of_the_template_can_be_switched_on() {
    for lang in Lang::ALL {
        let switch = |line: &str| match line.strip_prefix('#').filter(|code| !code.starts_with(' ')) {
            Some(code) => format!("{code}\n"),
            None => format!("{line}\n"),
        };
        let text: String = template(lang).lines().map(switch).collect();
        let text = text.replace("source = \"system\"", "source = \"simulated\"");
        let text = text.replace("kind = \"rdm6300\"", "kind = \"osdp\"");
        // What only other kinds of reader have.
        let text = text.replace("confirm = true\n", "").replace("reader_name = \"ACR122U PICC\"\n", "");
        // What only some kinds of gate have, and the other door of an airlock, which is a section of its own.
        let text = text.replace("kind = \"door\"", "kind = \"motor\"").replace("interlock_with = \"west-gate\"\n", "");
        let config = config(&text);
        assert!(config.mqtt.is_some_and(|mqtt| mqtt.tls.is_some_and(|tls| tls.client.is_some())));
        assert!(matches!(config.clock, Clock::Simulated { speed: 60, .. }));
    }
}

#[test]
fn each_required_field_is_missed_and_each_default_is_the_one_declared() {
    let template = template(Lang::En);
    for section in SECTIONS.iter().filter(|section| !["mqtt", "platform", "cards"].contains(&section.name)) {
        for field in section.fields.iter().filter(|field| field.need == Need::Required) {
            let line = format!("{} = {}\n", field.name, field.example);
            let header = template.find(&format!("[{}]", section.name)).unwrap();
            let (head, tail) = template.split_at(header);
            let text = format!("{head}{}", tail.replacen(&line, "", 1));
            let faults = check_text("t", &text, Path::new(BASE), Lang::En).unwrap_err();
            assert!(
                faults.iter().any(|fault| fault.field.ends_with(&format!(".{}", field.name))),
                "{line}: {faults:?}"
            );
        }
    }
}
