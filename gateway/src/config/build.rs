//! From a document without faults to the configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schoolgate_cards::ntag424::Names;
use schoolgate_core::gate as behaviour;
use schoolgate_core::text::Bilingual;
use schoolgate_lines::Contact;

use super::document::{Document, Entry};
use super::id::{GatewayId, PlaceId, ReaderId, SchoolId};
use super::model::{
    Backend, Board, Cards, ClientCert, Clock, ClockSource, Config, Gate, Gateway, Input, InputKind, Kind, Language,
    Line, Link, Mqtt, Place, Platform, PullName, Reader, ReaderKind, Retention, Role, SerialLine, Tls, Way,
};
use super::osdp;
use crate::readers::presence::Confirmation;

/// The fields that name the parameters of secure messages.
pub(super) const PARAMETERS: [&str; 4] = ["picc_parameter", "cmac_parameter", "uid_parameter", "counter_parameter"];

/// MQTT over TLS, as registered with IANA.
const MQTT_TLS_PORT: u16 = 8883;
/// MQTT without TLS, as registered with IANA.
const MQTT_PORT: u16 = 1883;

/// Builds the configuration; `None` if the document is not without faults.
pub(super) fn build(document: &Document, base_dir: &Path) -> Option<Config> {
    let gateway = gateway(document.one("gateway")?, base_dir)?;
    let mqtt = match document.one("mqtt") {
        Some(entry) => Some(mqtt(entry, &gateway, base_dir)?),
        None => None,
    };
    let platform = match document.one("platform") {
        Some(entry) => Some(platform(entry, base_dir)?),
        None => None,
    };
    let cards = match document.one("cards") {
        Some(entry) => Some(cards(entry, base_dir)?),
        None => None,
    };
    let retention = match document.one("retention") {
        Some(entry) => Some(retention(entry, &gateway.data_dir)?),
        None => None,
    };
    let clock = match document.one("clock") {
        Some(entry) => clock(entry)?,
        None => Clock::System,
    };
    Some(Config {
        places: document.all("place").iter().map(place).collect::<Option<_>>()?,
        readers: document.all("reader").iter().map(|entry| reader(entry, base_dir)).collect::<Option<_>>()?,
        gates: document.all("gate").iter().map(|entry| gate(entry, base_dir)).collect::<Option<_>>()?,
        inputs: document.all("input").iter().map(|entry| input(entry, base_dir)).collect::<Option<_>>()?,
        gateway,
        mqtt,
        platform,
        cards,
        retention,
        clock,
    })
}

/// The path that a field names, from the folder that relative paths start at.
pub(super) fn path(entry: &Entry, field: &str, base_dir: &Path) -> Option<PathBuf> {
    entry.text(field).map(|path| base_dir.join(path))
}

fn gateway(entry: &Entry, base_dir: &Path) -> Option<Gateway> {
    let data_dir = path(entry, "data_dir", base_dir)?;
    Some(Gateway {
        school: SchoolId::try_new(entry.text("school")?).ok()?,
        id: GatewayId::try_new(entry.text("id")?).ok()?,
        roster: path(entry, "roster", &data_dir)?,
        data_dir,
        card_key_file: path(entry, "card_key_file", base_dir)?,
        pass_secret_file: path(entry, "pass_secret_file", base_dir),
        time_zone: entry.time_zone("time_zone")?.clone(),
        language: Language::from_name(entry.text("language")?)?.into(),
        log: entry.text("log")?.to_owned(),
    })
}

fn cards(entry: &Entry, base_dir: &Path) -> Option<Cards> {
    Some(Cards { ntag424_key_file: path(entry, "ntag424_key_file", base_dir)?, names: names(entry)? })
}

/// How the parameters of secure messages are named; `None` if they can't be told apart.
pub(super) fn names(entry: &Entry) -> Option<Names> {
    let [picc, cmac, uid, counter] = PARAMETERS.map(|field| entry.text(field));
    Names::try_new(picc?, cmac?, uid?, counter?).ok()
}

fn place(entry: &Entry) -> Option<Place> {
    let id = PlaceId::try_new(entry.text("id")?).ok()?;
    let (zh, en) = (entry.text("name_zh"), entry.text("name_en"));
    Some(Place {
        role: Role::from_name(entry.text("role")?)?.into(),
        name: Bilingual {
            zh: zh.or(en).unwrap_or(id.as_str()).to_owned(),
            en: en.or(zh).unwrap_or(id.as_str()).to_owned(),
        },
        id,
    })
}

fn reader(entry: &Entry, base_dir: &Path) -> Option<Reader> {
    Some(Reader {
        id: ReaderId::try_new(entry.text("id")?).ok()?,
        place: PlaceId::try_new(entry.text("place")?).ok()?,
        link: link(entry, base_dir)?,
        direction: entry.text("direction").and_then(Way::from_name).map(Way::into),
        confirmation: match entry.flag("confirm") {
            Some(true) => Confirmation::Twice,
            Some(false) | None => Confirmation::First,
        },
    })
}

fn link(entry: &Entry, base_dir: &Path) -> Option<Link> {
    let kind = ReaderKind::from_name(entry.text("kind")?)?;
    let line = || {
        let baud = entry.number("baud").unwrap_or(kind.usual_baud());
        Some(SerialLine { port: path(entry, "port", base_dir)?, baud })
    };
    Some(match kind {
        ReaderKind::Rdm6300 => Link::Rdm6300(line()?),
        ReaderKind::Osdp => Link::Osdp(osdp::line(entry, line()?, base_dir)?),
        ReaderKind::Em18 => Link::Em18(line()?),
        ReaderKind::Pn532 => Link::Pn532(line()?),
        ReaderKind::Scanner => Link::Scanner(line()?),
        ReaderKind::Pcsc => Link::Pcsc { name: entry.text("reader_name")?.to_owned() },
    })
}

fn gate(entry: &Entry, base_dir: &Path) -> Option<Gate> {
    let active_low = entry.lines("active_low")?;
    let line = |field| {
        entry
            .text(field)
            .map(|name| Line { name: name.to_owned(), active_low: active_low.iter().any(|low| low == name) })
    };
    Some(Gate {
        place: PlaceId::try_new(entry.text("place")?).ok()?,
        board: board(entry, base_dir)?,
        release: line("release_line"),
        lamp_green: line("lamp_green_line"),
        lamp_amber: line("lamp_amber_line"),
        lamp_red: line("lamp_red_line"),
        buzzer: line("buzzer_line"),
        behaviour: behaviour(entry)?,
        show_time: Duration::from_millis(entry.number("show_ms")?.into()),
    })
}

fn input(entry: &Entry, base_dir: &Path) -> Option<Input> {
    let kind = InputKind::from_name(entry.text("kind")?)?;
    let normally_closed = entry.flag("normally_closed").unwrap_or(kind.usually_closed());
    Some(Input {
        place: PlaceId::try_new(entry.text("place")?).ok()?,
        kind,
        board: board(entry, base_dir)?,
        line: entry.text("line")?.to_owned(),
        pull: PullName::from_name(entry.text("pull")?)?.into(),
        contact: Contact { active_low: entry.flag("active_low")?, normally_closed },
        debounce: Duration::from_millis(entry.number("debounce_ms")?.into()),
    })
}

fn board(entry: &Entry, base_dir: &Path) -> Option<Board> {
    Some(match Backend::from_name(entry.text("backend")?)? {
        Backend::Gpiocdev => Board::Gpiocdev,
        Backend::Rppal => Board::Rppal,
        Backend::Simulated => Board::Simulated { socket: path(entry, "socket", base_dir)? },
    })
}

fn behaviour(entry: &Entry) -> Option<behaviour::Gate> {
    let usual = behaviour::Gate::of(Kind::from_name(entry.text("kind")?)?.into());
    let millis = |field| entry.number(field).map(|ms| Duration::from_millis(ms.into()));
    Some(behaviour::Gate {
        release: millis("release_ms")?,
        opening: millis("opening_ms").unwrap_or_default(),
        held_after: entry.number("held_after_s").map(|s| Duration::from_secs(s.into())),
        one_person_per_release: entry.flag("one_person_per_release").unwrap_or(usual.one_person_per_release),
        shorten_on_passage: entry.flag("shorten_on_passage")?,
        exit_button_releases: entry.flag("exit_button_releases")?,
        interlock_with: match entry.text("interlock_with") {
            Some(place) => Some(PlaceId::try_new(place).ok()?),
            None => None,
        },
        schedule: entry.schedule("schedule")?.clone(),
        ..usual
    })
}

fn mqtt(entry: &Entry, gateway: &Gateway, base_dir: &Path) -> Option<Mqtt> {
    // A broker ends the session of the one when another comes under the same name, and every school may have a `gate-1`.
    let client_id = || format!("schoolgate-{}-{}", gateway.school, gateway.id);
    let tls = entry.flag("tls")?;
    let cert = path(entry, "client_cert_file", base_dir).zip(path(entry, "client_key_file", base_dir));
    let usual_port = if tls { MQTT_TLS_PORT } else { MQTT_PORT };
    Some(Mqtt {
        host: entry.text("host")?.to_owned(),
        port: match entry.number("port") {
            Some(port) => u16::try_from(port).ok()?,
            None => usual_port,
        },
        client_id: entry.text("client_id").map_or_else(client_id, str::to_owned),
        username: entry.text("username").map(str::to_owned),
        password_file: path(entry, "password_file", base_dir),
        keep_alive: Duration::from_secs(entry.number("keep_alive_s")?.into()),
        tls: tls.then(|| Tls {
            ca_file: path(entry, "ca_file", base_dir),
            client: cert.map(|(cert_file, key_file)| ClientCert { cert_file, key_file }),
        }),
        place_events: entry.flag("place_events")?,
    })
}

fn platform(entry: &Entry, base_dir: &Path) -> Option<Platform> {
    Some(Platform {
        url: entry.text("url")?.to_owned(),
        token_file: path(entry, "token_file", base_dir)?,
        ca_file: path(entry, "ca_file", base_dir),
        batch_entries: usize::try_from(entry.number("batch_entries")?).ok()?,
        timeout: Duration::from_secs(entry.number("timeout_s")?.into()),
    })
}

fn retention(entry: &Entry, data_dir: &Path) -> Option<Retention> {
    Some(Retention {
        movements_days: entry.number("movements_days")?,
        attendance_days: entry.number("attendance_days")?,
        machine_days: entry.number("machine_days")?,
        archive_dir: path(entry, "archive_dir", data_dir).filter(|_| entry.flag("archive") == Some(true)),
    })
}

fn clock(entry: &Entry) -> Option<Clock> {
    Some(match ClockSource::from_name(entry.text("source")?)? {
        ClockSource::System => Clock::System,
        ClockSource::Simulated => {
            Clock::Simulated { start: entry.moment("start")?, speed: entry.number("speed").unwrap_or(1) }
        }
    })
}
