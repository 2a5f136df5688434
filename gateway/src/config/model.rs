//! The configuration after all checks: whoever holds one need not check again.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schoolgate_cards::ntag424::Names;
use schoolgate_core::gate::{self, GateKind};
use schoolgate_core::pass::PassSecret;
use schoolgate_core::site::{self, Direction, PlaceRole, Site};
use schoolgate_core::text::{Bilingual, Lang};
use schoolgate_lines::{Contact, Pull};

use super::id::{GatewayId, PlaceId, ReaderId, SchoolId};
use super::secret::Secret32;
use crate::readers::presence::Confirmation;

/// Defines a choice between names, so that the names stand in one place.
macro_rules! choices {
    ($(#[$doc:meta])* $choice:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $choice { $($(#[$variant_doc])* $variant),+ }

        impl $choice {
            /// The names of all choices, as the file writes them.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The choice of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Its name, as the file writes it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

choices! {
    /// The names of what a place is for.
    Role {
        /// People enter and leave the campus here.
        Gate = "gate",
        /// Sessions are held here.
        Classroom = "classroom",
        /// Students are handed to their families here.
        HandoverDesk = "handover_desk",
        /// Dinner is served here.
        Canteen = "canteen",
        /// Safety patrols pass here.
        PatrolPoint = "patrol_point",
        /// People gather here in an emergency.
        AssemblyPoint = "assembly_point",
    }
}

choices! {
    /// A kind of card reader.
    ReaderKind {
        /// RDM6300, 125 kHz, on a UART.
        Rdm6300 = "rdm6300",
        /// EM-18, 125 kHz, on a UART.
        Em18 = "em18",
        /// PN532, 13.56 MHz, on a UART.
        Pn532 = "pn532",
        /// Scanner of QR codes and barcodes, on USB or a UART.
        Scanner = "scanner",
        /// A reader on an RS-485 bus that speaks OSDP v2.2.
        Osdp = "osdp",
        /// Any reader that PC/SC has a driver for.
        Pcsc = "pcsc",
    }
}

impl ReaderKind {
    /// The rate at which it speaks unless it was set to another, in baud; 0 where there is no serial line.
    pub fn usual_baud(self) -> u32 {
        match self {
            Self::Rdm6300 | Self::Em18 | Self::Scanner | Self::Osdp => 9_600,
            Self::Pn532 => 115_200,
            Self::Pcsc => 0,
        }
    }
}

choices! {
    /// The names of the kinds of gate.
    Kind {
        /// A door with a lock.
        Door = "door",
        /// Arms or wings that turn once for each person.
        Turnstile = "turnstile",
        /// A leaf or bar that a motor moves.
        Motor = "motor",
    }
}

choices! {
    /// Which way a reader leads.
    Way {
        /// Onto the campus.
        In = "in",
        /// Off the campus.
        Out = "out",
    }
}

choices! {
    /// What reaches the lines of a gate.
    Backend {
        /// The kernel's GPIO character device.
        Gpiocdev = "gpiocdev",
        /// The registers of a Raspberry Pi.
        Rppal = "rppal",
        /// Lines without hardware, behind a socket.
        Simulated = "simulated",
    }
}

choices! {
    /// What an input says.
    InputKind {
        /// A door is open.
        DoorContact = "door_contact",
        /// The exit button is pressed.
        ExitRequest = "exit_request",
        /// The beam on the side of the street is broken.
        BeamA = "beam_a",
        /// The beam on the side of the campus is broken.
        BeamB = "beam_b",
        /// A turnstile has turned inwards.
        TurnIn = "turn_in",
        /// A turnstile has turned outwards.
        TurnOut = "turn_out",
        /// A turnstile has turned, and does not say which way.
        Turned = "turned",
        /// A motor has opened its gate fully.
        FullyOpen = "fully_open",
        /// Something is in the way of a motor's gate.
        SafetyBeam = "safety_beam",
        /// The fire alarm is on.
        FireAlarm = "fire_alarm",
        /// A housing is open.
        Tamper = "tamper",
        /// A panic button is pressed.
        Panic = "panic",
    }
}

impl InputKind {
    /// Whether its contact is usually closed at rest, so that a cut wire shows.
    pub fn usually_closed(self) -> bool {
        matches!(self, Self::DoorContact | Self::FireAlarm | Self::Tamper | Self::SafetyBeam)
    }
}

choices! {
    /// The names of an input's resistors.
    PullName {
        /// To the supply.
        Up = "up",
        /// To ground.
        Down = "down",
        /// None.
        None = "none",
    }
}

choices! {
    /// Where the time comes from.
    ClockSource {
        /// The machine's clock.
        System = "system",
        /// An invented clock, for exercises.
        Simulated = "simulated",
    }
}

choices! {
    /// The names of the languages.
    Language {
        /// Chinese.
        Zh = "zh",
        /// English.
        En = "en",
    }
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Zh => Self::Zh,
            Language::En => Self::En,
        }
    }
}

impl From<PullName> for Pull {
    fn from(name: PullName) -> Self {
        match name {
            PullName::Up => Self::Up,
            PullName::Down => Self::Down,
            PullName::None => Self::None,
        }
    }
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::In => Self::In,
            Way::Out => Self::Out,
        }
    }
}

impl From<Kind> for GateKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Door => Self::Door,
            Kind::Turnstile => Self::Turnstile,
            Kind::Motor => Self::Motor,
        }
    }
}

impl From<Role> for PlaceRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Gate => Self::Gate,
            Role::Classroom => Self::Classroom,
            Role::HandoverDesk => Self::HandoverDesk,
            Role::Canteen => Self::Canteen,
            Role::PatrolPoint => Self::PatrolPoint,
            Role::AssemblyPoint => Self::AssemblyPoint,
        }
    }
}

/// One gateway's configuration. All paths are absolute; what refers to a place refers to one of `places`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// This box.
    pub gateway: Gateway,
    /// Places, with ids of their own.
    pub places: Vec<Place>,
    /// Readers, with ids and ports of their own.
    pub readers: Vec<Reader>,
    /// Outputs, at most one set for a place; no line is driven by two of them.
    pub gates: Vec<Gate>,
    /// Inputs; no line of a backend is one of two of them, or an output too.
    pub inputs: Vec<Input>,
    /// The broker; without it nothing is published.
    pub mqtt: Option<Mqtt>,
    /// The central platform; without it nothing is synchronised.
    pub platform: Option<Platform>,
    /// What is known of cards that prove themselves; `None`: cards are known by their numbers alone.
    pub cards: Option<Cards>,
    /// How long entries are kept; `None`: for ever.
    pub retention: Option<Retention>,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Config {
    /// The school, its places and readers, as the core wants to know them, and the secret of its pickup codes if it has one.
    pub fn site(&self, pass_secret: Option<&Secret32>) -> Site {
        let place = |place: &Place| (place.id.clone(), site::Place { role: place.role, name: place.name.clone() });
        let reader = |reader: &Reader| (reader.id.clone(), reader.place.clone());
        Site {
            school: Some(self.gateway.school.clone()),
            pass_secret: pass_secret.map(|secret| PassSecret::new(*secret.expose())),
            places: self.places.iter().map(place).collect(),
            readers: self.readers.iter().map(reader).collect(),
            gates: self.gates.iter().map(|gate| (gate.place.clone(), gate.behaviour.clone())).collect(),
            directions: self.readers.iter().filter_map(|r| Some((r.id.clone(), r.direction?))).collect(),
            has_platform: self.platform.is_some(),
        }
    }
}

/// This box: whose it is and where it keeps its data.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// The school.
    pub school: SchoolId,
    /// This gateway, unique in the district.
    pub id: GatewayId,
    /// Folder of ledger and store.
    pub data_dir: PathBuf,
    /// The roster's file, which need not exist yet.
    pub roster: PathBuf,
    /// File of the key that card numbers are hashed with.
    pub card_key_file: PathBuf,
    /// File of the secret that pickup codes are made with; `None`: no codes are taken.
    pub pass_secret_file: Option<PathBuf>,
    /// The school's time zone.
    pub time_zone: TimeZone,
    /// Language of texts for people.
    pub language: Lang,
    /// Filter of log lines, valid for `tracing_subscriber::filter::Targets`.
    pub log: String,
}

/// A place where readers stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: PlaceId,
    /// What it is for.
    pub role: PlaceRole,
    /// Its name; in a language in which none was given, that of the other one, or else the id.
    pub name: Bilingual,
}

/// A card reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Its id.
    pub id: ReaderId,
    /// Where it stands.
    pub place: PlaceId,
    /// What it is, and how it is reached.
    pub link: Link,
    /// Which way it leads, if it leads one way only.
    pub direction: Option<Direction>,
    /// How many frames make a card believed.
    pub confirmation: Confirmation,
}

/// What a reader is, with what is needed to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// RDM6300.
    Rdm6300(SerialLine),
    /// EM-18.
    Em18(SerialLine),
    /// PN532.
    Pn532(SerialLine),
    /// Scanner of QR codes and barcodes.
    Scanner(SerialLine),
    /// OSDP.
    Osdp(OsdpLine),
    /// A PC/SC reader.
    Pcsc {
        /// A part of its name.
        name: String,
    },
}

/// A reader's place on an OSDP bus. Those with the same port share it, at the same rate and with different addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsdpLine {
    /// The bus.
    pub serial: SerialLine,
    /// Its address, 0 to 126.
    pub address: u8,
    /// Whether it has to have a secure channel.
    pub secure: bool,
    /// Whether it is given its own key if it still has the factory's.
    pub enrol: bool,
    /// File with its key; `None`: the key is derived from the school's card secret.
    pub key_file: Option<PathBuf>,
    /// Whether it lets only cards through that have proved to be what they claim.
    pub authenticates: bool,
}

/// A serial line of one reader alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// Its port.
    pub port: PathBuf,
    /// Its rate, in baud.
    pub baud: u32,
}

/// The outputs at a place. At least one line is there; at a place of role `gate`, `release` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Where they are.
    pub place: PlaceId,
    /// What drives them.
    pub board: Board,
    /// Releases the gate.
    pub release: Option<Line>,
    /// The green lamp.
    pub lamp_green: Option<Line>,
    /// The amber lamp.
    pub lamp_amber: Option<Line>,
    /// The red lamp.
    pub lamp_red: Option<Line>,
    /// The buzzer.
    pub buzzer: Option<Line>,
    /// What closes the way and how it behaves; its release is how long the gate stays released.
    pub behaviour: gate::Gate,
    /// How long a lamp shows a decision.
    pub show_time: Duration,
}

/// An input at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where it is.
    pub place: PlaceId,
    /// What it says when it is active.
    pub kind: InputKind,
    /// What reads it.
    pub board: Board,
    /// Its name in its backend.
    pub line: String,
    /// Its resistor.
    pub pull: Pull,
    /// How its contact is wired.
    pub contact: Contact,
    /// How long it must be at rest to be believed.
    pub debounce: Duration,
}

/// What drives and reads lines, with what is needed to reach it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Board {
    /// The kernel's GPIO character device.
    Gpiocdev,
    /// The registers of a Raspberry Pi.
    Rppal,
    /// Lines without hardware.
    Simulated {
        /// The simulator's socket.
        socket: PathBuf,
    },
}

/// One output line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name in its backend.
    pub name: String,
    /// Whether it is active when low.
    pub active_low: bool,
}

/// The MQTT broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Host name or address (an IPv6 address without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Client id.
    pub client_id: String,
    /// User name, if the broker asks for one.
    pub username: Option<String>,
    /// File with the password; only ever with a user name. See [`super::SecretText`].
    pub password_file: Option<PathBuf>,
    /// Keep-alive, 5 s to an hour.
    pub keep_alive: Duration,
    /// How the connection is encrypted; `None`: not at all.
    pub tls: Option<Tls>,
    /// Whether every place's entries are published.
    pub place_events: bool,
}

/// How a connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authority that signed the server's certificate (PEM); `None`: the public ones.
    pub ca_file: Option<PathBuf>,
    /// By which certificate this box is known to the server.
    pub client: Option<ClientCert>,
}

/// A client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCert {
    /// The certificate (PEM).
    pub cert_file: PathBuf,
    /// Its private key (PEM).
    pub key_file: PathBuf,
}

/// The central platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Address without a slash at its end, user name, query or fragment. `http` only to this machine or where the
    /// operator allowed it.
    pub url: String,
    /// File with the access token. See [`super::SecretText`].
    pub token_file: PathBuf,
    /// Authority that signed the platform's certificate (PEM); `None`: the public ones.
    pub ca_file: Option<PathBuf>,
    /// Most entries in one upload, 1 to 5,000.
    pub batch_entries: usize,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

/// Cards that prove themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cards {
    /// File of the keys of NTAG 424 DNA cards. See [`super::SunSecret`].
    pub ntag424_key_file: PathBuf,
    /// How the parameters in their messages are named.
    pub names: Names,
}

/// How long entries are kept, in days: 180 to 36,500 each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Who came, went, was handed over or refused, and alarms.
    pub movements_days: u32,
    /// Lessons, attendance, consumption and hours.
    pub attendance_days: u32,
    /// The box's own entries.
    pub machine_days: u32,
    /// Where whole segments go when their time is over; `None`: nowhere.
    pub archive_dir: Option<PathBuf>,
}

/// Where the time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// An invented clock, for exercises.
    Simulated {
        /// When it starts.
        start: Timestamp,
        /// How many times faster than true time it runs, 1 to 3,600.
        speed: u32,
    },
}
