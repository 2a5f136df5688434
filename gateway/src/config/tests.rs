//! Wrong files and what is said about them.

mod files;
mod properties;
mod template;

use std::path::Path;
use std::time::Duration;

use schoolgate_cards::ntag424::Names;
use schoolgate_core::site::PlaceRole;
use schoolgate_core::text::Lang;
use schoolgate_lines::{Contact, Pull};

use super::*;
use crate::readers::presence::Confirmation;

const BASE: &str = "/etc/schoolgate";

/// A file with every section and no mistake.
const WHOLE: &str = r#"[gateway]
school = "dongfeng-primary"
id = "gate-1"
data_dir = "data"

[[place]]
id = "east-gate"
role = "gate"
name_zh = "东门"

[[place]]
id = "west-gate"
role = "gate"

[[reader]]
id = "east-1"
place = "east-gate"
kind = "rdm6300"
port = "/dev/serial/by-id/a"

[[reader]]
id = "west-1"
place = "west-gate"
kind = "rdm6300"
port = "/dev/serial/by-id/b"
baud = 19200

[[gate]]
place = "east-gate"
backend = "simulated"
socket = "lines.sock"
release_line = "release"
lamp_green_line = "green"
active_low = ["green"]

[mqtt]
host = "broker"
username = "gate-1"
password_file = "mqtt.password"

[platform]
url = "https://platform.example/api/"
token_file = "platform.token"
"#;

/// What is said about `WHOLE` after `old` was replaced by `new`.
fn about(old: &str, new: &str, lang: Lang) -> Vec<String> {
    assert!(WHOLE.contains(old), "{old:?} is not in the file");
    messages(&WHOLE.replacen(old, new, 1), lang)
}

fn messages(text: &str, lang: Lang) -> Vec<String> {
    let found = match check_text("gate.toml", text, Path::new(BASE), lang) {
        Ok(checked) => checked.warnings,
        Err(faults) => faults,
    };
    found.iter().map(|fault| fault.render(lang)).collect()
}

fn config(text: &str) -> Config {
    check_text("gate.toml", text, Path::new(BASE), Lang::En).unwrap().config
}

#[test]
fn a_whole_file_becomes_a_configuration_with_absolute_paths() {
    let checked = check_text("gate.toml", WHOLE, Path::new(BASE), Lang::En).unwrap();
    assert_eq!(checked.warnings, []);
    let site = checked.config.site(None);
    let Config { gateway, places, readers, gates, inputs, mqtt, platform, cards, retention, clock } = checked.config;
    assert_eq!(cards, None, "cards are known by their numbers unless the file says otherwise");
    assert_eq!(retention, None, "all is kept for ever unless the file says otherwise");

    assert_eq!(gateway.school.as_str(), "dongfeng-primary");
    assert_eq!(gateway.data_dir, Path::new("/etc/schoolgate/data"));
    assert_eq!(gateway.roster, Path::new("/etc/schoolgate/data/roster.json"));
    assert_eq!(gateway.card_key_file, Path::new("/etc/schoolgate/card.key"));
    assert_eq!(gateway.time_zone.iana_name(), Some("Asia/Shanghai"));
    assert_eq!((gateway.language, gateway.log.as_str()), (Lang::Zh, "info"));
    assert_eq!((places[0].name.get(Lang::Zh), places[0].name.get(Lang::En)), ("东门", "东门"));
    assert_eq!((places[1].role, places[1].name.get(Lang::Zh)), (PlaceRole::Gate, "west-gate"));
    let (place, about) = site.place_of(&readers[0].id).unwrap();
    assert_eq!((place.as_str(), about.role, about.name.get(Lang::Zh)), ("east-gate", PlaceRole::Gate, "东门"));
    let bauds = readers.iter().map(|reader| match &reader.link {
        Link::Rdm6300(line) => line.baud,
        other => panic!("{other:?}"),
    });
    assert_eq!(bauds.collect::<Vec<_>>(), [9_600, 19_200]);
    assert_eq!(gates[0].board, Board::Simulated { socket: "/etc/schoolgate/lines.sock".into() });
    assert_eq!(gates[0].release, Some(Line { name: "release".to_owned(), active_low: false }));
    assert_eq!(gates[0].lamp_green, Some(Line { name: "green".to_owned(), active_low: true }));
    assert_eq!(gates[0].behaviour, schoolgate_core::gate::Gate::default(), "a door with the usual times");
    assert_eq!(site.gate(&gates[0].place).release, Duration::from_secs(5));
    assert_eq!(inputs, []);
    let mqtt = mqtt.unwrap();
    assert_eq!(
        (mqtt.port, mqtt.client_id.as_str(), mqtt.tls),
        (8883, "schoolgate-dongfeng-primary-gate-1", Some(Tls::default()))
    );
    assert_eq!(mqtt.password_file.as_deref(), Some(Path::new("/etc/schoolgate/mqtt.password")));
    let platform = platform.unwrap();
    assert_eq!((platform.url.as_str(), platform.batch_entries), ("https://platform.example/api", 500));
    assert_eq!(clock, Clock::System);
}

#[test]
fn a_pcsc_reader_has_a_name_and_no_line() {
    let line = "kind = \"rdm6300\"\nport = \"/dev/serial/by-id/a\"";
    let warning = "gate.toml:18:8: warning: reader[1].kind";
    let good = about(line, "kind = \"pcsc\"\nreader_name = \"ACR122U\"", Lang::En);
    assert_eq!(good.len(), usize::from(!schoolgate_cards::pcsc::BUILT_IN), "{good:?}");
    assert!(good.iter().all(|said| said.starts_with(warning) && said.contains("--features pcsc")), "{good:?}");
    let nameless = about(line, "kind = \"pcsc\"", Lang::En);
    assert!(nameless.iter().any(|said| said.contains("reader[1].reader_name: found nothing")), "{nameless:?}");
    let wired = about(line, "kind = \"pcsc\"\nreader_name = \"ACR122U\"\nport = \"/dev/serial/by-id/a\"", Lang::En);
    assert!(wired.iter().any(|said| said.contains("reader[1].port: found a setting without effect")), "{wired:?}");
}

#[test]
fn secure_cards_have_parameters_that_can_be_told_apart() {
    let cards = |fields: &str| format!("{WHOLE}\n[cards]\nntag424_key_file = \"ntag424.key\"\n{fields}");
    let config = config(&cards("picc_parameter = \"e\"\ncmac_parameter = \"c\""));
    assert_eq!(config.cards.unwrap().names, Names::try_new("e", "c", "uid", "ctr").unwrap());
    for bad in ["picc_parameter = \"cmac\"", "uid_parameter = \"a=b\""] {
        let faults = check_text("gate.toml", &cards(bad), Path::new(BASE), Lang::En).unwrap_err();
        assert!(faults[0].render(Lang::En).contains("cards.picc_parameter"), "{bad}");
    }
}

#[test]
fn a_slip_in_a_reference_is_told_with_the_name_that_was_meant() {
    let (old, new) = ("place = \"east-gate\"\nkind", "place = \"eest-gate\"\nkind");
    assert_eq!(
        about(old, new, Lang::En),
        ["gate.toml:17:9: reader[1].place: found \"eest-gate\", which no [[place]] has; \
          would do: one of \"east-gate\", \"west-gate\" (did you mean \"east-gate\"?)"]
    );
    assert_eq!(
        about(old, new, Lang::Zh),
        ["gate.toml:17:9: reader[1].place：\"eest-gate\" 没有对应的 [[place]]；\
          应为：\"east-gate\"、\"west-gate\" 之一（是否想写 \"east-gate\"？）"]
    );
}

#[test]
fn every_mistake_of_a_file_is_told_at_once_in_the_order_of_the_file() {
    let text = r#"
readers = 2
[gateway]
school = "东风小学"
card_key = "0123"
language = "cn"
[[place]]
id = "east"
role = "door"
[[reader]]
id = "r"
place = "east"
kind = "rdm630"
port = "/dev/null"
baud = "9600"
[mqtt]
host = "mqtt://broker:1883"
keep_alive_s = 4
"#;
    assert_eq!(
        messages(text, Lang::En),
        [
            "gate.toml:2:1: readers: found a section that does not exist; would do: [gateway] [[place]] [[reader]] \
             [[gate]] [[input]] [mqtt] [platform] [cards] [retention] [clock] (did you mean \"reader\"?)",
            "gate.toml:3:1: gateway.id: found nothing; would do: 1 to 64 characters out of A-Z a-z 0-9 . _ -, \
             such as \"gate-1\"",
            "gate.toml:4:10: gateway.school: found \"东风小学\"; would do: 1 to 64 characters out of \
             A-Z a-z 0-9 . _ -, such as \"dongfeng-primary\"",
            "gate.toml:5:1: gateway.card_key: found a field that does not exist; would do: one of \"id\", \
             \"data_dir\", \"roster\", \"card_key_file\", \"pass_secret_file\", \"time_zone\", \"log\" (did you mean \"card_key_file\"?)",
            "gate.toml:6:12: gateway.language: found \"cn\"; would do: one of \"zh\", \"en\" (did you mean \"en\"?)",
            "gate.toml:9:8: place[1].role: found \"door\"; would do: one of \"gate\", \"classroom\", \
             \"handover_desk\", \"canteen\", \"patrol_point\", \"assembly_point\"",
            "gate.toml:13:8: reader[1].kind: found \"rdm630\"; would do: one of \"rdm6300\", \"em18\", \"pn532\", \"scanner\", \"osdp\", \"pcsc\" (did you mean \"rdm6300\"?)",
            "gate.toml:15:8: reader[1].baud: found the text \"9600\"; would do: a number without quotes, one of \
             1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400",
            "gate.toml:17:8: mqtt.host: found \"mqtt://broker:1883\"; would do: a host name or IP address alone, \
             without scheme, port or user name, such as \"mqtt.example.edu.cn\"",
            "gate.toml:18:16: mqtt.keep_alive_s: found 4; would do: a whole number from 5 to 3600 without quotes, \
             such as 30",
        ]
    );
}

/// What stands in `WHOLE`, what it is replaced by, and the field, the line and a part of the message that follow.
const WRONG: &[(&str, &str, &str, u32, &str)] = &[
    ("id = \"gate-1\"", "id = \"gate/1\"", "gateway.id", 3, "\"gate/1\""),
    ("id = \"gate-1\"", "id = \"..\"", "gateway.id", 3, "begins with a dot"),
    ("id = \"gate-1\"", "id = \"g\"\ntime_zone = \"Asia/Shangai\"", "gateway.time_zone", 4, "Asia/Shanghai"),
    ("id = \"gate-1\"", "id = \"g\"\nlog = \"inof\"", "gateway.log", 4, "\"inof\""),
    ("id = \"gate-1\"", "id = \"g\"\nlog = \"info,x=loud\"", "gateway.log", 4, "info,schoolgate=debug"),
    ("\"data\"", "\"~/data\"", "gateway.data_dir", 4, "~ is not expanded"),
    ("\"data\"", "\"\"", "gateway.data_dir", 4, "found \"\""),
    ("\"west-gate\"", "\"east-gate\"", "place[2].id", 12, "which is that of place[1].id already"),
    ("\"west-1\"", "\"east-1\"", "reader[2].id", 22, "which is that of reader[1].id already"),
    ("kind = \"rdm6300\"", "kind = \"osdp\"", "reader[1].address", 15, "address together with kind"),
    ("by-id/b", "by-id/a", "reader[2].port", 25, "which is that of reader[1].port already"),
    ("19200", "9601", "reader[2].baud", 26, "found 9601"),
    ("19200", "-9600", "reader[2].baud", 26, "found -9600"),
    ("19200", "9600.0", "reader[2].baud", 26, "found 9600.0"),
    ("socket = \"lines.sock\"\n", "", "gate[1].socket", 28, "socket together with backend"),
    ("release_line = \"release\"\n", "", "gate[1].release_line", 28, "though the place is a gate"),
    ("\"release\"", "\"green\"", "gate[1].lamp_green_line", 33, "which is that of gate[1].release_line already"),
    ("[\"green\"]", "[\"grean\"]", "gate[1].active_low", 34, "did you mean \"green\"?"),
    ("[\"green\"]", "[\"green\", \"green\"]", "gate[1].active_low", 34, "\"green\" twice"),
    ("[\"green\"]", "[true]", "gate[1].active_low", 34, "found true"),
    ("[\"green\"]", "[]\nrelease_ms = 2999", "gate[1].release_ms", 35, "from 3000 to 60000"),
    ("[\"green\"]", "[]\nkind = \"dor\"", "gate[1].kind", 35, "did you mean \"door\"?"),
    ("[\"green\"]", "[]\nkind = \"motor\"", "gate[1].opening_ms", 28, "though kind is motor"),
    ("[\"green\"]", "[]\nopening_ms = 900", "gate[1].opening_ms", 35, "without effect"),
    ("[\"green\"]", "[]\nheld_after_s = 2", "gate[1].held_after_s", 35, "from 3 to 3600"),
    ("[\"green\"]", "[]\nschedule = [\"mon 16:30 free\"]", "gate[1].schedule", 35, "DAYS FROM-UNTIL"),
    ("[\"green\"]", "[]\nschedule = [\"mon 17:30-16:30 free\"]", "gate[1].schedule", 35, "17:30-16:30"),
    ("[\"green\"]", "[]\nschedule = [3]", "gate[1].schedule", 35, "found 3"),
    ("[\"green\"]", "[]\ninterlock_with = \"west-gate\"", "gate[1].interlock_with", 35, "which no [[gate]] has"),
    ("[\"green\"]", "[]\ninterlock_with = \"east-gate\"", "gate[1].interlock_with", 35, "the gate itself"),
    ("username = \"gate-1\"\n", "", "mqtt.username", 36, "though password_file is there"),
    ("host = \"broker\"", "host = \"192.168.1.300\"", "mqtt.host", 37, "192.168.1.300"),
    ("host = \"broker\"", "host = \"b\"\nclient_key_file = \"k\"", "mqtt.client_cert_file", 36, "together"),
    (
        "host = \"broker\"",
        "host = \"::1\"\ntls = false\nca_file = \"c\"",
        "mqtt.ca_file",
        39,
        "without effect, as tls = false",
    ),
    ("host = \"broker\"", "host = \"b\"\nport = 65536", "mqtt.port", 38, "from 1 to 65535"),
    ("host = \"broker\"", "host = \"b\"\ntls = \"true\"", "mqtt.tls", 38, "without quotes"),
    ("https://platform", "http://platform", "platform.url", 42, "allow_insecure = true"),
    ("https://platform", "ftp://platform", "platform.url", 42, "http or https"),
    ("platform.example", "platform.example:99999", "platform.url", 42, "http or https"),
    ("token_file = \"platform.token\"\n", "", "platform.token_file", 41, "found nothing"),
    ("[platform]", "[clock]\nspeed = 3\n[platform]", "clock.speed", 42, "without effect, as source = \"system\""),
    ("[platform]", "[clock]\nsource = \"simulated\"\n[platform]", "clock.start", 41, "start together with source"),
    (
        "[platform]",
        "[clock]\nsource = \"simulated\"\nstart = 2026-09-01T08:00:00\n[platform]",
        "clock.start",
        43,
        "a moment with its offset",
    ),
    (
        "[mqtt]",
        "[[gate]]\nplace = \"east-gate\"\nbackend = \"simulated\"\nsocket = \"b\"\nrelease_line = \"x\"\n[mqtt]",
        "gate[2].place",
        37,
        "which is that of gate[1].place already",
    ),
    (
        "[mqtt]",
        "[[gate]]\nplace = \"west-gate\"\nbackend = \"simulated\"\nsocket = \"lines.sock\"\nrelease_line = \"green\"\n[mqtt]",
        "gate[2].release_line",
        40,
        "which is that of gate[1].lamp_green_line already",
    ),
    ("\"release\"", "\" x\"", "gate[1].release_line", 32, "a line's name"),
    ("\"release\"", "\"a:1\"", "gate[1].release_line", 32, "which this backend can't have"),
    (
        "[mqtt]",
        "[[input]]\nplace = \"north\"\nkind = \"panic\"\nline = \"a\"\n[mqtt]",
        "input[1].place",
        37,
        "no [[place]]",
    ),
    (
        "[mqtt]",
        "[[input]]\nplace = \"east-gate\"\nkind = \"door\"\nline = \"a\"\n[mqtt]",
        "input[1].kind",
        38,
        "did you mean",
    ),
    (
        "[mqtt]",
        "[[input]]\nplace = \"east-gate\"\nkind = \"panic\"\nline = \"a\"\ndebounce_ms = 401\n[mqtt]",
        "input[1].debounce_ms",
        40,
        "from 0 to 400",
    ),
    (
        "[mqtt]",
        "[[input]]\nplace = \"east-gate\"\nkind = \"panic\"\nbackend = \"simulated\"\nsocket = \"lines.sock\"\nline = \"green\"\n[mqtt]",
        "input[1].line",
        41,
        "which is that of gate[1].lamp_green_line already",
    ),
    (
        "[mqtt]",
        "[[input]]\nplace = \"east-gate\"\nkind = \"beam_a\"\nline = \"a\"\n[[input]]\nplace = \"east-gate\"\nkind = \"beam_a\"\nline = \"b\"\n[mqtt]",
        "input[2].kind",
        42,
        "which is that of input[1].kind already",
    ),
    ("place = \"east-gate\"\nbackend", "place = \"north\"\nbackend", "gate[1].place", 29, "which no [[place]] has"),
    ("https://platform.example/api/\"", "http://localhost\"\nca_file = \"c\"", "platform.ca_file", 43, "as http://"),
    ("token_file", "batch_entries = 0\ntoken_file", "platform.batch_entries", 43, "from 1 to 5000"),
    ("[mqtt]", "[[mqtt]]", "mqtt", 36, "would do: [mqtt]"),
    ("[[gate]]", "[gate]", "gate", 28, "would do: [[gate]]"),
    ("[gateway]\nschool", "school = \"x\"\n[gateway]\nschool", "school", 1, "below [gateway]"),
];

#[test]
fn a_gates_behaviour_is_what_is_written() {
    use schoolgate_core::gate::{Gate, GateKind, Mode};
    let text = WHOLE.replacen(
        "[\"green\"]",
        "[]\nkind = \"motor\"\nrelease_ms = 9000\nopening_ms = 8000\nheld_after_s = 60\n\
         one_person_per_release = true\nshorten_on_passage = false\nexit_button_releases = true\n\
         schedule = [\"school_day 16:30-17:30 free\", \"mon-fri 08:00-11:30 locked\"]",
        1,
    );
    let gate = config(&text).gates[0].behaviour.clone();
    assert_eq!(
        (gate.kind, gate.pulse(), gate.held_after),
        (GateKind::Motor, Duration::from_secs(17), Some(Duration::from_secs(60)))
    );
    assert!(gate.one_person_per_release && !gate.shorten_on_passage && gate.exit_button_releases);
    assert!(gate.schedule.has(Mode::Free) && gate.schedule.has(Mode::Locked));
    let turnstile = WHOLE.replacen("[\"green\"]", "[]\nkind = \"turnstile\"", 1);
    assert_eq!(
        config(&turnstile).gates[0].behaviour,
        Gate::of(GateKind::Turnstile),
        "one at a time, unless it says otherwise"
    );
}

#[test]
fn the_doors_of_an_airlock_name_each_other_and_never_stand_open() {
    let west = |line: &str| {
        format!(
            "[[gate]]\nplace = \"west-gate\"\nbackend = \"simulated\"\nsocket = \"b\"\nrelease_line = \"x\"\n{line}\n[mqtt]"
        )
    };
    let both = |east: &str, line: &str| {
        let text = WHOLE.replacen("[\"green\"]", &format!("[]\ninterlock_with = \"west-gate\"\n{east}"), 1);
        text.replacen("[mqtt]", &west(line), 1)
    };
    let good = config(&both("", "interlock_with = \"east-gate\""));
    let doors: Vec<_> =
        good.gates.iter().map(|gate| gate.behaviour.interlock_with.as_ref().unwrap().as_str()).collect();
    assert_eq!(doors, ["west-gate", "east-gate"]);
    let one_sided = messages(&both("", ""), Lang::En);
    assert!(
        one_sided[0].contains("gate[1].interlock_with: found a door that does not name \"east-gate\" in turn"),
        "{one_sided:?}"
    );
    let free = both("schedule = [\"daily 08:00-09:00 free\"]", "interlock_with = \"east-gate\"");
    assert!(messages(&free, Lang::En)[0].contains("gate[1].schedule: found free, though"), "{free}");
}

#[test]
fn each_wrong_file_names_the_field_the_line_and_what_would_do() {
    for (old, new, field, line, part) in WRONG {
        assert!(WHOLE.contains(old), "{old:?} is not in the file");
        let text = WHOLE.replacen(old, new, 1);
        let faults = check_text("gate.toml", &text, Path::new(BASE), Lang::En).unwrap_err();
        let hit = faults.iter().find(|fault| fault.field == *field && fault.severity == Severity::Fault);
        let hit = hit.unwrap_or_else(|| panic!("{old:?} -> {new:?}: no fault of {field} in {faults:#?}"));
        assert_eq!(hit.line, *line, "{new:?}: {hit:?}");
        assert!(hit.render(Lang::En).contains(part), "{new:?}: {}", hit.render(Lang::En));
    }
}

/// Two readers on one OSDP bus, without a mistake.
const BUS: &str = "[[reader]]
id = \"east-1\"
place = \"east-gate\"
kind = \"osdp\"
port = \"/dev/serial/by-id/a\"
address = 0

[[reader]]
id = \"west-1\"
place = \"west-gate\"
kind = \"osdp\"
port = \"/dev/serial/by-id/a\"
baud = 9600
address = 126
enrol = false
";

/// `WHOLE`, with a bus in place of its readers.
fn with_bus(bus: &str) -> String {
    let (before, rest) = WHOLE.split_once("[[reader]]").unwrap();
    let (_, after) = rest.split_once("[[gate]]").unwrap();
    format!("{before}{bus}\n[[gate]]{after}")
}

#[test]
fn a_reader_on_a_bad_line_asks_for_two_equal_frames() {
    let text = WHOLE.replacen("kind = \"rdm6300\"", "kind = \"rdm6300\"\nconfirm = true", 1);
    let checked = check_text("gate.toml", &text, Path::new(BASE), Lang::En).unwrap();
    let confirmations: Vec<_> = checked.config.readers.iter().map(|reader| reader.confirmation).collect();
    assert_eq!(confirmations, [Confirmation::Twice, Confirmation::First]);
}

#[test]
fn readers_with_the_same_port_share_an_osdp_bus() {
    let checked = check_text("gate.toml", &with_bus(BUS), Path::new(BASE), Lang::En).unwrap();
    assert_eq!(checked.warnings, []);
    let serial = SerialLine { port: "/dev/serial/by-id/a".into(), baud: 9_600 };
    let east = OsdpLine { serial, address: 0, secure: true, enrol: true, key_file: None, authenticates: false };
    let west = OsdpLine { address: 126, enrol: false, ..east.clone() };
    let links: Vec<_> = checked.config.readers.into_iter().map(|reader| reader.link).collect();
    assert_eq!(links, [Link::Osdp(east), Link::Osdp(west)]);
}

#[test]
fn each_mistake_on_an_osdp_bus_is_named() {
    for (old, new, field, part) in [
        ("address = 126", "address = 127", "reader[2].address", "from 0 to 126"),
        ("address = 126", "address = 0", "reader[2].address", "which is that of reader[1].address already"),
        ("address = 126\n", "", "reader[2].address", "address together with kind"),
        ("baud = 9600", "baud = 19200", "reader[2].baud", "while reader[1].baud on the same bus has 9600"),
        ("enrol = false", "enrol = false\nsecure = false", "reader[2].enrol", "without effect, as secure = false"),
        ("enrol = false", "enrol = false\nconfirm = true", "reader[2].confirm", "without effect, as kind = \"osdp\""),
        ("enrol = false", "enrol = false\nreader_name = \"A\"", "reader[2].reader_name", "without effect"),
        ("enrol = false", "secure = false", "reader[2].secure", "anybody on the bus can read and forge cards"),
        ("kind = \"osdp\"", "kind = \"rdm6300\"", "reader[1].address", "kind = \"osdp\", or without this field"),
        ("kind = \"osdp\"", "kind = \"rdm6300\"", "reader[2].port", "which is that of reader[1].port already"),
    ] {
        let text = with_bus(&BUS.replacen(old, new, 1));
        let faults = match check_text("gate.toml", &text, Path::new(BASE), Lang::En) {
            Ok(checked) => checked.warnings,
            Err(faults) => faults,
        };
        let hit = faults.iter().find(|fault| fault.field == field);
        let hit = hit.unwrap_or_else(|| panic!("{new:?}: no fault of {field} in {faults:#?}"));
        assert!(hit.render(Lang::En).contains(part), "{new:?}: {}", hit.render(Lang::En));
    }
}

#[test]
fn syntax_is_told_without_the_parsers_jargon_and_beside_other_mistakes() {
    let text = WHOLE.replacen("\"dongfeng-primary\"", "dongfeng", 1).replacen("19200", "1", 1);
    let said = messages(&text, Lang::En);
    assert_eq!(said[0], "gate.toml:2:10: found a text without quotes; would do: the text in \" \"");
    assert!(said[1].starts_with("gate.toml:26:8: reader[2].baud: found 1;"), "{said:?}");
    assert_eq!(said.len(), 2, "{said:?}");

    assert_eq!(
        about("id = \"gate-1\"", "id = “gate-1”", Lang::Zh),
        ["gate.toml:3:6: 全角标点；应为：半角的 \" = [ ] ,"]
    );
    assert_eq!(
        about("id = \"gate-1\"", "id = \"gate-1\"\nid = \"gate-2\"", Lang::En),
        ["gate.toml:4:1: found a name for the second time; would do: each name once"]
    );
    assert_eq!(
        about("id = \"gate-1\"", "id \"gate-1\"", Lang::En).len(),
        1,
        "what stands behind a place where the parser gave up is not missing"
    );
    assert_eq!(
        about("[[gate]]", "[[gate]", Lang::En).len(),
        1,
        "a broken header says nothing about the fields below it"
    );
}

#[test]
fn a_place_of_another_role_may_have_lamps_only_but_no_gate_without_a_line() {
    let desk = WHOLE.replacen("role = \"gate\"", "role = \"handover_desk\"", 1).replacen(
        "release_line = \"release\"\n",
        "",
        1,
    );
    assert_eq!(config(&desk).gates[0].release, None);
    let nothing = desk.replacen("lamp_green_line = \"green\"\nactive_low = [\"green\"]\n", "", 1);
    assert!(messages(&nothing, Lang::En)[0].contains("gate[1].release_line: found no line at all"));
}

#[test]
fn inputs_are_wired_to_ground_and_closed_at_rest_where_a_cut_wire_must_show() {
    let input = |kind: &str, more: &str| format!("[[input]]\nplace = \"east-gate\"\nkind = \"{kind}\"\n{more}\n");
    let text = WHOLE.replacen(
        "[mqtt]",
        &(input("door_contact", "line = \"GPIO27\"")
            + &input("exit_request", "line = \"gpiochip0:5\"\npull = \"down\"\nactive_low = false\ndebounce_ms = 50")
            + &input("fire_alarm", "line = \"fire\"\nbackend = \"simulated\"\nsocket = \"lines.sock\"")
            + "[mqtt]"),
        1,
    );
    let inputs = config(&text).inputs;
    let kinds: Vec<InputKind> = inputs.iter().map(|input| input.kind).collect();
    assert_eq!(kinds, [InputKind::DoorContact, InputKind::ExitRequest, InputKind::FireAlarm]);
    let [door, exit, fire] = [&inputs[0], &inputs[1], &inputs[2]];
    assert_eq!((&door.board, door.pull, door.debounce), (&Board::Gpiocdev, Pull::Up, Duration::from_millis(20)));
    assert_eq!(door.contact, Contact { active_low: true, normally_closed: true });
    assert_eq!((exit.pull, exit.line.as_str()), (Pull::Down, "gpiochip0:5"));
    assert_eq!(exit.contact, Contact { active_low: false, normally_closed: false });
    assert_eq!(exit.debounce, Duration::from_millis(50));
    assert_eq!((fire.contact, fire.line.as_str()), (door.contact, "fire"));
    assert!(matches!(fire.board, Board::Simulated { .. }));
}

#[test]
fn an_alarm_whose_cut_wire_would_not_show_and_a_lone_beam_are_warned_of() {
    let open = "[[input]]\nplace = \"east-gate\"\nkind = \"fire_alarm\"\nline = \"a\"\nnormally_closed = false\n[mqtt]";
    let said = about("[mqtt]", open, Lang::En);
    assert!(said[0].contains("warning: input[1].normally_closed: found a fire alarm that is open at rest"), "{said:?}");
    let said = about("backend = \"simulated\"\n", "", Lang::En);
    assert!(
        said[0].contains("warning: gate[1].socket: found a setting without effect, as backend = \"gpiocdev\""),
        "{said:?}"
    );
    let beam = "[[input]]\nplace = \"east-gate\"\nkind = \"beam_b\"\nline = \"a\"\n[mqtt]";
    let said = about("[mqtt]", beam, Lang::Zh);
    assert!(said[0].contains("警告：input[1].kind：只有一道对射，分不出方向；应为：同一位置的 beam_a"), "{said:?}");
}

#[cfg(not(feature = "rppal"))]
#[test]
fn a_backend_that_was_not_built_in_is_told() {
    let pi = "backend = \"rppal\"\nrelease_line = \"GPIO17\"\nlamp_green_line = \"28\"\nactive_low = []\n";
    let old = "backend = \"simulated\"\nsocket = \"lines.sock\"\nrelease_line = \"release\"\nlamp_green_line = \"green\"\nactive_low = [\"green\"]\n";
    let said = about(old, pi, Lang::En);
    assert!(said.iter().any(|line| line.contains("built without; would do: \"gpiocdev\"")), "{said:?}");
    assert!(said.iter().any(|line| line.contains("gate[1].lamp_green_line") && line.contains("GPIO0 to GPIO27")));
}

#[test]
fn inline_tables_and_dotted_keys_do_as_well() {
    let text = "gateway.school = \"s\"\ngateway.id = \"g\"\nplace = [{ id = \"e\", role = \"gate\" }]\n";
    assert_eq!(config(text).places[0].id.as_str(), "e");
    let said = messages(&text.replace("\"e\"", "\"é\""), Lang::En);
    assert!(said.iter().any(|line| line.starts_with("gate.toml:3:17: place[1].id: found \"é\"")), "{said:?}");
}

#[test]
fn every_role_has_the_name_that_the_core_gives_it() {
    for name in Role::NAMES {
        let role = PlaceRole::from(Role::from_name(name).unwrap());
        assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{name}\""));
    }
}

#[test]
fn an_empty_file_lacks_the_gateway() {
    let said = messages("", Lang::En);
    assert!(said.iter().any(|line| line.starts_with("gate.toml:1:1: gateway: found nothing; would do: a section")));
}

#[test]
fn what_is_allowed_but_hardly_meant_is_a_warning() {
    let cases = [
        ("host = \"broker\"", "host = \"broker\"\ntls = false", "gate.toml:38:7: warning: mqtt.tls: found \"broker\""),
        (
            "host = \"broker\"",
            "host = \"10.0.0.5\"\ntls = false",
            "gate.toml:38:7: warning: mqtt.tls: found \"10.0.0.5\"",
        ),
        (
            "https://platform.example/api/\"",
            "http://platform.example\"\nallow_insecure = true",
            "gate.toml:42:7: warning: platform.url: found plain http",
        ),
        (
            "[platform]",
            "[clock]\nsource = \"simulated\"\nstart = 2026-09-01T16:25:00+08:00\n[platform]",
            "gate.toml:42:10: warning: clock.source: found AN INVENTED CLOCK",
        ),
        ("/dev/serial/by-id/a", "/dev/ttyUSB0", "gate.toml:19:8: warning: reader[1].port: found \"/dev/ttyUSB0\""),
    ];
    for (old, new, start) in cases {
        let text = WHOLE.replacen(old, new, 1);
        let checked = check_text("gate.toml", &text, Path::new(BASE), Lang::En).unwrap();
        assert_eq!(checked.warnings.len(), 1, "{new:?}: {:?}", checked.warnings);
        let said = checked.warnings[0].render(Lang::En);
        assert!(said.starts_with(start), "{said}");
    }
    let without_tls_at_home = WHOLE.replacen("host = \"broker\"", "host = \"127.0.0.1\"\ntls = false", 1);
    let mqtt = config(&without_tls_at_home).mqtt.unwrap();
    assert_eq!((mqtt.port, mqtt.tls), (1883, None));
    assert_eq!(messages(&without_tls_at_home, Lang::En), [""; 0]);
    assert_eq!(
        config(&WHOLE.replacen("https://platform.example", "http://[::1]:8080", 1)).platform.unwrap().url,
        "http://[::1]:8080/api"
    );
}

#[test]
fn a_simulated_clock_takes_its_start_with_and_without_quotes() {
    for start in ["2026-09-01T16:25:00+08:00", "\"2026-09-01T08:25:00Z\""] {
        let text = format!("{WHOLE}[clock]\nsource = \"simulated\"\nstart = {start}\nspeed = 60\n");
        let start = "2026-09-01T08:25:00Z".parse().unwrap();
        assert_eq!(config(&text).clock, Clock::Simulated { start, speed: 60 });
    }
}

#[test]
fn secrets_in_the_wrong_place_are_not_repeated() {
    const SECRET: &str = "5eC3e7-hunter2";
    const PIN: &str = "48151623";
    let key = "0123456789abcdef".repeat(4);
    let cases = [
        ("password_file = \"mqtt.password\"", format!("password = \"{SECRET}\"")),
        ("password_file = \"mqtt.password\"", format!("password_file = \"{SECRET}\\u0000\"")),
        ("password_file = \"mqtt.password\"", format!("password_file = \"{SECRET}")),
        ("password_file = \"mqtt.password\"", format!("password {SECRET}")),
        ("password_file = \"mqtt.password\"", format!("password_file = {PIN}")),
        ("https://", format!("https://me:{SECRET}@")),
        ("/api/", format!("/api?token={SECRET}")),
        ("host = \"broker\"", format!("host = \"me:{SECRET}@broker\"")),
        ("id = \"gate-1\"", format!("id = \"g\"\ncard_key_file = \"{key}\"")),
    ];
    for (old, new) in cases {
        for lang in Lang::ALL {
            let said = about(old, &new, lang).join("\n");
            assert!(!said.is_empty(), "{new}: no fault");
            assert!(!said.contains("hunter2") && !said.contains(PIN) && !said.contains(&key), "{said}");
        }
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let text = format!("\u{FEFF}{}", WHOLE.replace('\n', "\r\n"));
    assert_eq!(config(&text), config(WHOLE));
    assert!(messages("\u{FEFF}x = 1\r\n", Lang::En).iter().any(|said| said.starts_with("gate.toml:1:1: x: ")));
}

#[test]
fn too_many_mistakes_are_cut_off_visibly() {
    let text: String = (0..1_000).map(|n| format!("[x{n}]\n")).collect();
    let faults = check_text("gate.toml", &text, Path::new(BASE), Lang::En).unwrap_err();
    assert_eq!(faults.len(), MAX_FAULTS + 1);
    assert!(faults.iter().any(|fault| fault.found.contains("more than 200 mistakes")));
    let text = "#".repeat(MAX_FILE_BYTES + 1);
    assert!(messages(&text, Lang::En)[0].contains("too large"));
    let text: String = (0..300).map(|n| format!("[[place]]\nid = \"p{n}\"\nrole = \"gate\"\n")).collect();
    assert!(
        messages(&text, Lang::En).iter().any(|line| line.contains("300 sections [[place]]; would do: at most 256"))
    );
}

#[test]
fn retention_keeps_180_days_unless_more_are_asked_for() {
    let text = |section: &str| WHOLE.replacen("[platform]", &format!("[retention]\n{section}\n[platform]"), 1);
    let usual = config(&text("")).retention.unwrap();
    assert_eq!((usual.movements_days, usual.attendance_days, usual.machine_days), (180, 180, 180));
    assert_eq!(usual.archive_dir.as_deref(), Some(Path::new("/etc/schoolgate/data/archive")));
    let longer = config(&text("attendance_days = 1100\narchive = false")).retention.unwrap();
    assert_eq!((longer.movements_days, longer.attendance_days, longer.archive_dir), (180, 1_100, None));
    let [said] = &messages(&text("machine_days = 179"), Lang::En)[..] else { panic!("one fault") };
    assert!(said.contains("retention.machine_days") && said.contains("180"), "{said}");
}
