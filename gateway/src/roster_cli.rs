//! `schoolgate roster`: check a roster, and turn card numbers into the credentials that a roster has.
//!
//! Numbers come over standard input: a command line can be seen by everybody on the machine.

use std::{
    io::{self, BufRead, Read, Write},
    path::Path,
};

use data_encoding::{HEXLOWER_PERMISSIVE, HEXUPPER};
use schoolgate_cards::ntag424::Uid;
use schoolgate_core::{roster::MAX_FAULTS, text, text::Lang};

use crate::{
    chain::chain,
    cli::{EXIT_FAULTS, EXIT_FINE, EXIT_USAGE, RosterCommand},
    config,
    readers::{CardKind, CardNumber, card_key::CardKey},
    roster_file::{self, RosterError},
};

/// Longest line that could hold a card number, in bytes.
const MAX_LINE_BYTES: u64 = 256;

/// Carries out `command`; the answer goes to `out`. Returns the exit code, or the error of reading or writing.
pub fn run(command: &RosterCommand, lang: Lang, input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<u8> {
    match command {
        RosterCommand::Check { file } => check(file, lang, out),
        RosterCommand::Cards { config } => cards(config, lang, input, out),
        RosterCommand::CardKeys { config } => card_keys(config, lang, input, out),
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
    each_line(input, out, |line, n| match number(line) {
        Some(number) => Ok(key.credential(number.kind().name(), number.bytes()).to_string()),
        None => Err(
            text!(lang, zh: "第 {n} 行不是卡号：应为读卡器送出的十六进制数字，ID 卡 10 个，如 62E3086CED；IC 卡 8、14 或 20 个，如 04DE5F1EACC040", en: "line {n} is no card number: hex digits, as the reader sends them, would do: ten of a 125 kHz card, 62E3086CED; 8, 14 or 20 of a 13.56 MHz card, 04DE5F1EACC040"),
        ),
    })
}

fn card_keys(file: &Path, lang: Lang, input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<u8> {
    let keys = match config::load(file, lang).map(|loaded| loaded.sun) {
        Ok(Some(keys)) => keys,
        Ok(None) => {
            writeln!(
                out,
                "{}",
                text!(lang, zh: "配置中没有 [cards] 一节", en: "the configuration has no section [cards]")
            )?;
            return Ok(EXIT_USAGE);
        }
        Err(error) => {
            writeln!(out, "{}", error.render(lang))?;
            return Ok(EXIT_USAGE);
        }
    };
    let keys = keys.expose();
    each_line(input, out, |line, n| match number(line).and_then(|number| number.bytes().try_into().ok()) {
        Some(uid) => Ok(format!("{} {}", HEXUPPER.encode(keys.meta()), HEXUPPER.encode(&keys.of_card(Uid(uid))))),
        None => Err(
            text!(lang, zh: "第 {n} 行不是 NTAG 424 DNA 的卡号：应为 14 个十六进制数字，如 04DE5F1EACC040", en: "line {n} is no number of an NTAG 424 DNA: 14 hex digits would do: 04DE5F1EACC040"),
        ),
    })
}

/// Answers each line of the input, by its number from 1, with a line.
fn each_line(
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    answer: impl Fn(&[u8], u64) -> Result<String, String>,
) -> io::Result<u8> {
    let mut code = EXIT_FINE;
    for n in 1.. {
        let mut line = Vec::new();
        if input.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let told = answer(&line, n).unwrap_or_else(|fault| {
            code = EXIT_FAULTS;
            fault
        });
        writeln!(out, "{told}")?;
    }
    Ok(code)
}

/// Ten hex digits, as an RDM6300 sends them, or the 8, 14 or 20 of an ISO 14443 card.
fn number(line: &[u8]) -> Option<CardNumber> {
    let digits = line.trim_ascii();
    let kind = match digits.len() {
        10 => CardKind::Em4100,
        8 | 14 | 20 => CardKind::Iso14443a,
        _ => return None,
    };
    let bytes = HEXLOWER_PERMISSIVE.decode(digits).ok()?;
    CardNumber::new(kind, &bytes)
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
    fn the_number_of_a_contactless_card_becomes_the_credential_that_every_such_reader_makes_of_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("card.key"), "5a".repeat(32)).unwrap();
        let config = dir.path().join("gate.toml");
        fs::write(&config, "[gateway]\nschool = \"s\"\nid = \"g\"\ndata_dir = \".\"\n").unwrap();
        let (code, out) = answer(&RosterCommand::Cards { config }, "04DE5F1EACC040\n");
        let uid = [0x04, 0xDE, 0x5F, 0x1E, 0xAC, 0xC0, 0x40];
        let expected = CardKey::new(&[0x5a; 32]).credential("iso14443a", &uid).to_string();
        assert_eq!((code, out), (EXIT_FINE, expected + "\n"));
    }

    #[test]
    fn a_card_is_made_with_the_keys_by_which_the_gateway_knows_it() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("card.key", &"5a".repeat(32));
        write("ntag424.key", "00112233445566778899aabbccddeeff");
        let gateway = "[gateway]\nschool = \"s\"\nid = \"g\"\ndata_dir = \".\"\n";
        write("without.toml", gateway);
        write("gate.toml", &format!("{gateway}[cards]\nntag424_key_file = \"ntag424.key\"\n"));
        let keys = |file: &str, input| answer(&RosterCommand::CardKeys { config: dir.path().join(file) }, input);

        let (code, out) = keys("gate.toml", "04DE5F1EACC040\n62E3086CED\n");
        let lines: Vec<_> = out.lines().collect();
        // As OpenSSL computes them: openssl mac -cipher AES-128-CBC -macopt hexkey:… CMAC.
        assert_eq!(lines[0], "A0E4A07BA43BDA246253C5256C6E4328 49203C1D74C57E0C2765AE58B12B4818");
        assert!(lines[1].starts_with("line 2 is no number of an NTAG 424 DNA") && code == EXIT_FAULTS, "{out}");
        assert_eq!(keys("without.toml", "").0, EXIT_USAGE);
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
