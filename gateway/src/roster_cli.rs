//! `schoolgate roster`: check a roster, and turn card numbers into the credentials that a roster has.
//!
//! Numbers come over standard input: a command line can be seen by everybody on the machine.

use std::{
    io::{self, BufRead, Read, Write},
    path::Path,
};

use schoolgate_core::{roster::MAX_FAULTS, text, text::Lang};

use crate::{
    chain::chain,
    cli::{EXIT_FAULTS, EXIT_FINE, EXIT_USAGE, RosterCommand},
    config,
    readers::card_key::CardKey,
    roster_file::{self, RosterError},
};

/// Longest line that could hold a card number, in bytes.
const MAX_LINE_BYTES: u64 = 256;

/// Carries out `command`; the answer goes to `out`. Returns the exit code, or the error of reading or writing.
pub fn run(command: &RosterCommand, lang: Lang, input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<u8> {
    match command {
        RosterCommand::Check { file } => check(file, lang, out),
        RosterCommand::Cards { config } => cards(config, lang, input, out),
    }
}

fn check(file: &Path, lang: Lang, out: &mut dyn Write) -> io::Result<u8> {
    match roster_file::load(file, None) {
        Ok(loaded) => {
            let (students, version) = (loaded.roster.student_count(), &loaded.roster.version);
            writeln!(
                out,
                "{}",
                text!(lang, zh: "名册 {version} 没有问题，学生 {students} 人", en: "roster {version} is fine: {students} students")
            )?;
            Ok(EXIT_FINE)
        }
        Err(RosterError::Faults(_, faults)) => {
            faults.iter().try_for_each(|fault| writeln!(out, "{}", fault.render(lang)))?;
            let count = faults.len();
            if count < MAX_FAULTS {
                writeln!(out, "{}", text!(lang, zh: "{count} 个错误", en: "{count} faults"))?;
            } else {
                writeln!(
                    out,
                    "{}",
                    text!(lang, zh: "{count} 个错误，其余未列出", en: "{count} faults, and perhaps more that are not listed")
                )?;
            }
            Ok(EXIT_FAULTS)
        }
        Err(error) => {
            writeln!(out, "{}", chain(&error))?;
            Ok(EXIT_FAULTS)
        }
    }
}

fn cards(file: &Path, lang: Lang, input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<u8> {
    let key = match config::load(file, lang) {
        Ok(loaded) => CardKey::new(loaded.card_key.expose()),
        Err(error) => {
            writeln!(out, "{}", error.render(lang))?;
            return Ok(EXIT_USAGE);
        }
    };
    let mut code = EXIT_FINE;
    for n in 1_u64.. {
        let mut line = Vec::new();
        if input.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match number(&line) {
            Some(number) => writeln!(out, "{}", key.credential("rdm6300", &number))?,
            None => {
                writeln!(
                    out,
                    "{}",
                    text!(lang, zh: "第 {n} 行不是卡号：应为读卡器送出的 10 个十六进制数字，如 62E3086CED", en: "line {n} is no card number: ten hex digits, as the reader sends them, would do: 62E3086CED")
                )?;
                code = EXIT_FAULTS;
            }
        }
    }
    Ok(code)
}

/// Ten hex digits, as an RDM6300 sends them.
fn number(line: &[u8]) -> Option<[u8; 5]> {
    let text = std::str::from_utf8(line).ok()?.trim();
    let all_hex = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = u64::from_str_radix(text, 16).ok().filter(|_| all_hex)?;
    let [.., a, b, c, d, e] = value.to_be_bytes();
    Some([a, b, c, d, e])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn answer(command: &RosterCommand, input: &str) -> (u8, String) {
        let mut out = Vec::new();
        let code = run(command, Lang::En, &mut input.as_bytes(), &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_number_becomes_the_credential_that_the_reader_would_make_of_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("card.key"), "5a".repeat(32)).unwrap();
        let config = dir.path().join("gate.toml");
        fs::write(&config, "[gateway]\nschool = \"s\"\nid = \"g\"\ndata_dir = \".\"\n").unwrap();
        let (code, out) = answer(&RosterCommand::Cards { config }, "62E3086CED\nnot a card\n62e3086ced\r\n");
        let lines: Vec<_> = out.lines().collect();
        let expected = CardKey::new(&[0x5a; 32]).credential("rdm6300", &[0x62, 0xE3, 0x08, 0x6C, 0xED]).to_string();
        assert_eq!((lines[0], lines[2]), (expected.as_str(), expected.as_str()));
        assert!(lines[1].starts_with("line 2 is no card number") && code == EXIT_FAULTS, "{out}");
    }

    #[test]
    fn a_roster_is_called_fine_or_every_mistake_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roster.json");
        fs::write(&file, r#"{"v":1,"version":"t","students":[]}"#).unwrap();
        assert_eq!(
            answer(&RosterCommand::Check { file: file.clone() }, ""),
            (EXIT_FINE, "roster t is fine: 0 students\n".into())
        );
        fs::write(&file, r#"{"v":2,"version":"","students":[]}"#).unwrap();
        let (code, out) = answer(&RosterCommand::Check { file }, "");
        assert_eq!((code, out.lines().count()), (EXIT_FAULTS, 3), "{out}");
    }

    #[test]
    fn the_faults_of_the_service_are_told_with_their_place_in_both_languages() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roster.json");
        let sunday = r#"{"id":"a","course":"chess","day":"2026-09-06","hours":{"from":"17:00","until":"16:00"},"place":"r","staff":["x"]}"#;
        let text = format!(
            r#"{{"v":1,"version":"t","students":[],"staff":[{{"id":"t","name":"t","roles":[]}}],"sessions":[{sunday}]}}"#
        );
        fs::write(&file, text).unwrap();
        let (code, out) = answer(&RosterCommand::Check { file: file.clone() }, "");
        let places: Vec<_> = out.lines().map(|line| line.split(':').next().unwrap()).collect();
        let expected =
            ["staff[0].roles", "sessions[0].course", "sessions[0].staff[0]", "sessions[0].hours", "4 faults"];
        assert_eq!((code, &places[..]), (EXIT_FAULTS, &expected[..]), "{out}");
        let mut chinese = Vec::new();
        run(&RosterCommand::Check { file }, Lang::Zh, &mut &b""[..], &mut chinese).unwrap();
        assert!(String::from_utf8(chinese).unwrap().contains("sessions[0].hours：结束（16:00）不晚于开始（17:00）"));
    }

    #[test]
    fn a_roster_with_more_faults_than_are_listed_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roster.json");
        let lines: Vec<_> = (0..1_100).map(|_| r#"{"student":"s","course":"c"}"#).collect();
        let text = format!(r#"{{"v":1,"version":"t","students":[],"enrolments":[{}]}}"#, lines.join(","));
        fs::write(&file, text).unwrap();
        let (_, out) = answer(&RosterCommand::Check { file }, "");
        assert!(out.ends_with("1000 faults, and perhaps more that are not listed\n"), "{out}");
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_a_number_or_none(line: Vec<u8>) {
            let _ = number(&line);
        }
    }
}
