//! What is said about the files that a configuration names.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use schoolgate_cards::ntag424::Uid;
use schoolgate_core::id::SchoolId;
use schoolgate_core::pass::PassSecret;
use schoolgate_core::text::Lang;

use super::WHOLE;
use crate::config::{SecretText, load, load_for_run};

/// A folder with a configuration and all files that it names.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("gate.toml"), WHOLE).unwrap();
    for (name, content) in
        [("card.key", "5a".repeat(32)), ("mqtt.password", "p\n".into()), ("platform.token", "t".into())]
    {
        fs::write(dir.path().join(name), content).unwrap();
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    dir
}

fn load_messages(dir: &Path) -> String {
    match load(&dir.join("gate.toml"), Lang::En) {
        Ok(loaded) => loaded.warnings.iter().map(|w| w.render(Lang::En)).collect::<Vec<_>>().join("\n"),
        Err(error) => error.render(Lang::En),
    }
}

#[test]
fn loading_reads_the_card_key_and_tells_of_readers_that_are_not_plugged_in() {
    let dir = folder();
    let loaded = load(&dir.path().join("gate.toml"), Lang::En).unwrap();
    assert_eq!(loaded.card_key.expose(), &[0x5a; 32]);
    assert_eq!(loaded.config.gateway.data_dir, dir.path().join("data"));
    assert_eq!(format!("{:?}", loaded.card_key), "***");
    assert_eq!(format!("{:?}", SecretText::read(&dir.path().join("mqtt.password")).unwrap()), "***");
    let fields: Vec<&str> = loaded.warnings.iter().map(|warning| warning.field.as_str()).collect();
    assert_eq!(fields, ["reader[1].port", "reader[2].port"]);
}

#[test]
fn a_bad_card_key_is_told_together_with_the_other_mistakes_and_not_shown() {
    let dir = folder();
    fs::write(dir.path().join("card.key"), "hunter2".repeat(8)).unwrap();
    fs::write(dir.path().join("gate.toml"), WHOLE.replacen("19200", "7", 1)).unwrap();
    let said = load_messages(dir.path());
    assert!(said.contains("gateway.card_key_file: found a file that does not hold 64 hex digits, but 56 characters"));
    assert!(said.contains("reader[2].baud: found 7"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_gateway_runs_without_its_brokers_password_but_not_without_its_card_key() {
    let dir = folder();
    let file = dir.path().join("gate.toml");
    fs::remove_file(dir.path().join("mqtt.password")).unwrap();
    assert!(load(&file, Lang::En).is_err(), "a check tells it as a fault");
    let loaded = load_for_run(&file, Lang::En).unwrap();
    assert!(loaded.warnings.iter().any(|warning| warning.field == "mqtt.password_file"), "and it is not passed over");
    fs::remove_file(dir.path().join("card.key")).unwrap();
    assert!(load_for_run(&file, Lang::En).is_err());
}

#[test]
fn the_secret_of_pickup_codes_goes_to_the_core_and_nowhere_else() {
    let dir = folder();
    let file = dir.path().join("gate.toml");
    let loaded = load(&file, Lang::En).unwrap();
    assert_eq!(loaded.pass_secret, None);
    assert_eq!(loaded.config.site(None).pass_secret, None);
    fs::write(&file, with_pass_secret()).unwrap();
    fs::write(dir.path().join("pass.secret"), "c3".repeat(32)).unwrap();
    let loaded = load(&file, Lang::En).unwrap();
    let site = loaded.config.site(loaded.pass_secret.as_ref());
    assert_eq!(site.pass_secret, Some(PassSecret::new([0xc3; 32])));
    assert_eq!(site.school.as_ref().map(SchoolId::as_str), Some("dongfeng-primary"));
    assert!(loaded.warnings.iter().any(|warning| warning.field == "gateway.pass_secret_file"), "everybody can read it");
    assert!(!format!("{loaded:?} {site:?}").contains("195"), "0xc3");
}

#[test]
fn a_gateway_runs_without_the_secret_of_pickup_codes_and_tells_so() {
    let dir = folder();
    let file = dir.path().join("gate.toml");
    fs::write(&file, with_pass_secret()).unwrap();
    let said = load_messages(dir.path());
    assert!(said.contains("gateway.pass_secret_file: found no such file (in "), "{said}");
    assert!(said.contains("would do: the file that the platform gave to the school"), "{said}");
    let loaded = load_for_run(&file, Lang::En).unwrap();
    assert_eq!(loaded.pass_secret, None);
    assert!(loaded.warnings.iter().any(|warning| warning.field == "gateway.pass_secret_file"));
    fs::write(dir.path().join("pass.secret"), "c3".repeat(32)).unwrap();
    fs::remove_file(dir.path().join("mqtt.password")).unwrap();
    assert!(load_for_run(&file, Lang::En).unwrap().pass_secret.is_some(), "another fault does not take it away");
}

#[test]
fn the_keys_of_secure_cards_are_read_in_both_forms_and_not_shown() {
    let dir = folder();
    let file = dir.path().join("gate.toml");
    fs::write(&file, format!("{WHOLE}\n[cards]\nntag424_key_file = \"ntag424.key\"\n")).unwrap();
    assert!(load_messages(dir.path()).contains("cards.ntag424_key_file: found no such file (in "));
    assert!(load_for_run(&file, Lang::En).unwrap().sun.is_none(), "the gates open without it");

    let key = dir.path().join("ntag424.key");
    let read = |text: String| {
        fs::write(&key, text).unwrap();
        load(&file, Lang::En)
    };
    let one = read("c3".repeat(16) + "\n").unwrap();
    let two = read("a5".repeat(16) + &"c3".repeat(16)).unwrap();
    assert!(one.warnings.iter().any(|warning| warning.field == "cards.ntag424_key_file"), "everybody can read it");
    let uid = Uid([4, 1, 2, 3, 4, 5, 6]);
    let (one_keys, two_keys) = (one.sun.as_ref().unwrap().expose(), two.sun.as_ref().unwrap().expose());
    assert_eq!(one_keys.of_card(uid), two_keys.of_card(uid), "the master is the same");
    assert!(one_keys.meta() != two_keys.meta() && *two_keys.meta() == [0xa5; 16]);
    assert!(!format!("{one:?} {two:?}").contains("195"), "0xc3");

    for bad in ["c3".repeat(15), "c3".repeat(24), "zz".repeat(16), "学".repeat(32)] {
        let said = read(bad.clone()).unwrap_err().render(Lang::En);
        assert!(said.contains("a file that does not hold 32 or 64 hex digits"), "{said}");
        assert!(!said.contains(&bad), "{said}");
    }
}

fn with_pass_secret() -> String {
    WHOLE.replacen("[gateway]\n", "[gateway]\npass_secret_file = \"pass.secret\"\n", 1)
}

#[test]
fn missing_empty_and_open_files_are_told() {
    let dir = folder();
    fs::remove_file(dir.path().join("card.key")).unwrap();
    fs::write(dir.path().join("mqtt.password"), "").unwrap();
    fs::set_permissions(dir.path().join("platform.token"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(dir.path().join("data"), "a file").unwrap();
    let said = load_messages(dir.path());
    assert!(said.contains("gateway.card_key_file: found no such file (in "), "{said}");
    assert!(said.contains("mqtt.password_file: found a file that does not hold one line of text"), "{said}");
    assert!(said.contains("warning: platform.token_file: found a file that everybody"), "{said}");
    assert!(said.contains("data, which is no folder"), "{said}");
}

#[test]
fn a_file_in_another_encoding_is_told_with_its_line() {
    let dir = folder();
    // "东门" in GBK.
    fs::write(dir.path().join("gate.toml"), b"[gateway]\nschool = \"\xB6\xAB\xC3\xC5\"\n").unwrap();
    assert!(load_messages(dir.path()).contains("gate.toml:2:11: found a text that is not UTF-8 (saved as GBK?)"));
}
