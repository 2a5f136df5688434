//! libosdp's readers and the gateway's control panel: in virtual time without a line, and over a pseudo-terminal.

use std::time::Instant;

use data_encoding::HEXLOWER;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schoolgate::readers::{
    CardNumber, Desk, Displays, DownReason, Proof, ReaderEvent, ReaderHappening, SerialPort, Shown,
    card_key::CardKey,
    osdp::{
        Enrolments, Panel, Scbk, Seat, Security, Unusable,
        bus::Bus,
        happening::{Counts, Happening},
        peer::Peer,
        show,
    },
    port::Port,
};
use schoolgate_core::{
    id::ReaderId,
    picture::{Light, Tone},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use super::*;

const OURS: [u8; 16] = [0x0A; 16];
const THEIRS: [u8; 16] = [0x0B; 16];
/// Facility 1, card 1, in 26 bits.
const CARD: [u8; 4] = [0x80, 0x80, 0x00, 0x80];
const PATIENCE: Duration = Duration::from_secs(60);

fn key(bytes: [u8; 16]) -> Scbk {
    Scbk::parse(HEXLOWER.encode(&bytes).as_bytes()).unwrap()
}

fn secured(enrolled: bool) -> Security {
    Security::Required { own: key(OURS), enrolled, may_enrol: true }
}

/// Any randomness will do, as long as it does not repeat.
fn random() -> impl FnMut() -> Option<[u8; 8]> + Send + 'static {
    let mut random = ChaCha8Rng::from_rng(&mut rand::rng());
    move || Some(random.random())
}

/// The control panel's bus and libosdp's readers, in virtual time: no line, no thread, no sleep.
struct Bench {
    now: Instant,
    bus: Bus,
    readers: Vec<OsdpReader>,
    /// What the wire does, either way.
    wire: Box<dyn FnMut(Toward, Vec<u8>) -> Vec<u8>>,
    answers: Vec<Vec<u8>>,
}

impl Bench {
    fn new(readers: Vec<(u8, ReaderKey)>, security: &Security) -> Self {
        let now = Instant::now();
        let peers = readers.iter().map(|(address, _)| Peer::new(now, *address, security.clone())).collect();
        let readers = readers.into_iter().map(|(address, key)| OsdpReader::new(address, key).unwrap()).collect();
        let bus = Bus::new(now, 9_600, peers, random());
        Self { now, bus, readers, wire: Box::new(|_, bytes| bytes), answers: Vec::new() }
    }

    fn run(&mut self, time: Duration) -> Vec<String> {
        let end = self.now + time;
        let mut happened = Vec::new();
        while self.now < end {
            self.bus.handle_timeout(self.now);
            if let Some(command) = self.bus.poll_transmit(self.now) {
                self.now += Duration::from_millis(10);
                let command = (self.wire)(Toward::Readers, command);
                for reader in &mut self.readers {
                    let answer = reader.hear(&command);
                    if !answer.is_empty() {
                        self.answers.push(answer.clone());
                        self.bus.handle_bytes(self.now, &(self.wire)(Toward::Gateway, answer));
                    }
                }
            } else {
                self.now = self.bus.poll_timeout().unwrap_or(end).clamp(self.now, end);
            }
            let news = std::iter::from_fn(|| self.bus.poll_event());
            let news = news.filter(|(_, what)| *what != Happening::KeyRefused);
            happened.extend(news.map(|(peer, what)| name(peer, &what)));
        }
        happened
    }

    fn seconds(&mut self, seconds: u64) -> Vec<String> {
        self.run(Duration::from_secs(seconds))
    }
}

fn name(peer: usize, happening: &Happening) -> String {
    let what = match happening {
        Happening::Up(identity) => format!("up {} {:02x?}", identity.secure, identity.vendor),
        Happening::Down(why) => format!("down {why:?}"),
        Happening::Enrolled(_) => "enrolled".to_owned(),
        Happening::KeyRefused => "key refused".to_owned(),
        Happening::Card(number) => card_name(number),
        Happening::CardRefused(why) => format!("refused {why:?}"),
        Happening::Code(digits) => format!("code {digits}"),
        Happening::CodeRefused => "code refused".to_owned(),
        Happening::Tamper(on) => format!("tamper {on}"),
        Happening::PowerFailing(on) => format!("power failing {on}"),
    };
    format!("{peer} {what}")
}

fn card_name(number: &CardNumber) -> String {
    format!("{} {:02x?}", number.kind().name(), number.bytes())
}

const UP: &str = "0 up true [a0, b2, fe]";
const READ: &str = "0 wiegand26 [01, 00, 01]";

#[test]
fn libosdps_reader_is_enrolled_and_the_factorys_key_is_not_taken_again() {
    let mut bench = Bench::new(vec![(1, ReaderKey::Factory)], &secured(false));
    assert_eq!(bench.seconds(3), ["0 enrolled", UP]);
    assert!(bench.readers[0].is_secure());
    assert_eq!(bench.readers[0].seen().key, Some(OURS));
    bench.readers[0].lay(26, &CARD).unwrap();
    assert_eq!(bench.seconds(1), [READ]);

    bench.readers[0] = OsdpReader::new(1, ReaderKey::Factory).unwrap();
    bench.readers[0].lay(26, &CARD).unwrap();
    assert_eq!(bench.seconds(30), ["0 down WrongKey"]);
    assert_eq!(bench.readers[0].seen().key, None);
}

#[test]
fn libosdps_reader_with_another_key_is_down_for_that_and_its_cards_do_not_count() {
    let mut bench = Bench::new(vec![(1, ReaderKey::Own(THEIRS))], &secured(true));
    bench.readers[0].lay(26, &CARD).unwrap();
    assert_eq!(bench.seconds(60), ["0 down WrongKey"]);
}

#[test]
fn libosdps_reader_tells_cards_keys_tamper_and_power() {
    let mut bench = Bench::new(vec![(5, ReaderKey::Own(OURS))], &secured(true));
    assert_eq!(bench.seconds(2), [UP]);
    let reader = &mut bench.readers[0];
    reader.lay(26, &CARD).unwrap();
    reader.lay(56, &[4, 0xDE, 0x5F, 0x1E, 0xAC, 0xC0, 0x40]).unwrap();
    assert_eq!(bench.seconds(1), [READ, "0 iso14443a [04, de, 5f, 1e, ac, c0, 40]"]);
    bench.readers[0].lay(26, &[0x80, 0x80, 0x00, 0xC0]).unwrap();
    bench.readers[0].press("1234").unwrap();
    bench.readers[0].press("*12345678#").unwrap();
    assert_eq!(bench.seconds(1), ["0 refused Parity", "0 code 12345678"]);
    bench.readers[0].set_status(true, false).unwrap();
    bench.readers[0].set_status(true, true).unwrap();
    assert_eq!(bench.seconds(1), ["0 tamper true", "0 power failing true"]);
    bench.readers[0].set_status(false, false).unwrap();
    assert_eq!(bench.seconds(1), ["0 tamper false", "0 power failing false"]);
}

#[test]
fn a_tamper_switch_that_was_open_before_is_told_when_the_reader_is_online() {
    let mut bench = Bench::new(vec![(1, ReaderKey::Own(OURS))], &secured(true));
    *lock(&bench.readers[0].status) = [1, 0];
    assert_eq!(bench.seconds(2), [UP, "0 tamper true"]);
}

#[test]
fn libosdps_reader_shows_what_it_is_told() {
    let mut bench = Bench::new(vec![(1, ReaderKey::Own(OURS))], &secured(true));
    bench.seconds(2);
    let lines = ["Welcome".to_owned(), "Class 3-2".to_owned()];
    let shown = Shown { light: Light::Green, tone: Tone::Attention, lines, english: Default::default(), for_ms: 2_000 };
    bench.bus.show(bench.now, 0, show::commands(&shown));
    bench.seconds(1);
    let seen = bench.readers[0].seen();
    assert_eq!((seen.lamp, seen.beeps), (vec!["Green".to_owned()], 2));
    assert_eq!(seen.texts, ["Welcome", "Class 3-2"]);
    assert_eq!(bench.bus.take_counts(0).refused, 0);
}

#[test]
fn four_of_libosdps_readers_share_a_bus_and_a_silent_one_costs_little() {
    let answered = |silent: bool| {
        let mut bench = Bench::new((0..4).map(|address| (address, ReaderKey::Own(OURS))).collect(), &secured(true));
        bench.readers[2].silent = silent;
        bench.seconds(120);
        (0..4).map(|peer| bench.bus.take_counts(peer).answered).collect::<Vec<_>>()
    };
    let (all, three) = (answered(false), answered(true));
    assert_eq!(three[2], 0);
    for reader in [0, 1, 3] {
        assert!(three[reader] * 10 >= all[reader] * 9, "{all:?} {three:?}");
    }
}

#[test]
fn what_libosdps_reader_said_once_is_not_believed_again() {
    let mut bench = Bench::new(vec![(1, ReaderKey::Own(OURS))], &secured(true));
    bench.seconds(2);
    bench.readers[0].lay(26, &CARD).unwrap();
    bench.answers.clear();
    assert_eq!(bench.seconds(1), [READ]);
    // Every answer of that second comes again before the right one, at all sequence numbers.
    let mut recorded = std::mem::take(&mut bench.answers).into_iter().cycle();
    bench.wire = Box::new(move |toward, bytes| match toward {
        Toward::Readers => bytes,
        Toward::Gateway => [recorded.next().unwrap(), bytes].concat(),
    });
    assert_eq!(bench.seconds(60), [""; 0]);
    let Counts { forged, stray, answered, .. } = bench.bus.take_counts(0);
    assert!(forged > 100 && stray > 100 && answered > 500, "{forged} {stray} {answered}");
}

/// What a bad wire does to bytes: nothing mostly, once in `one_of` one to three changes.
fn damage(random: &mut impl Rng, one_of: u32, mut bytes: Vec<u8>) -> Vec<u8> {
    if !random.random_ratio(1, one_of) {
        return bytes;
    }
    for _ in 0..random.random_range(1..=3) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.random()),
            2 => bytes.extend_from_within(at..),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= random.random_range(1..=255_u8);
                }
            }
        }
    }
    bytes
}

#[test]
fn on_a_bad_wire_libosdps_reader_gives_only_cards_that_were_laid_and_each_once() {
    for seed in 0..4 {
        let mut bench = Bench::new(vec![(1, ReaderKey::Own(OURS))], &secured(true));
        let mut weather = ChaCha8Rng::seed_from_u64(seed);
        bench.wire = Box::new(move |toward, bytes| match toward {
            // Half a command would wait in libosdp for the end of its own time-out, which virtual time never reaches.
            Toward::Readers if weather.random_ratio(1, 8) => Vec::new(),
            Toward::Readers => bytes,
            Toward::Gateway => damage(&mut weather, 4, bytes),
        });
        let (mut laid, mut read) = (Vec::new(), Vec::new());
        for number in 1..300_u32 {
            let number = number.wrapping_mul(0x9E37_79B9);
            if bench.readers[0].lay(32, &number.to_be_bytes()).is_ok() {
                laid.push(format!("0 iso14443a {:02x?}", number.to_be_bytes()));
            }
            read.extend(bench.seconds(2).into_iter().filter(|name| name.contains("iso14443a")));
        }
        let mut expected = laid.iter();
        assert!(read.iter().all(|card| expected.any(|laid| laid == card)), "seed {seed}: {read:?}");
        // libosdp's reader forgets a card once it has sent it, so that a lost answer is a lost card.
        assert!(read.len() * 3 > laid.len(), "seed {seed}: {} of {}", read.len(), laid.len());
    }
}

/// The gateway's own task on a pseudo-terminal.
struct Gateway {
    events: mpsc::Receiver<ReaderEvent>,
    displays: Displays,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn reader_id(address: u8) -> ReaderId {
    ReaderId::try_new(&format!("reader-{address}")).unwrap()
}

impl Gateway {
    /// With keys derived from the school's secret, and a data folder that remembers.
    fn start(bus: &OsdpBus, data_dir: &Path, addresses: &[u8]) -> Self {
        let card_key = CardKey::new(&[7; 32]);
        let (sender, events) = mpsc::channel(256);
        let (stop, stopped) = watch::channel(false);
        let mut displays = Displays::default();
        let seats = addresses.iter().map(|address| {
            let reader = reader_id(*address);
            let own = Scbk::derive(&card_key, &reader);
            Seat {
                display: displays.add(reader.clone()),
                desk: Desk::new(reader, card_key.clone(), sender.clone()),
                address: *address,
                security: Security::Required { own, enrolled: true, may_enrol: true },
            }
        });
        let panel = Panel::new(9_600, seats.collect(), Enrolments::below(data_dir), random());
        let serial = SerialPort::new(bus.path().to_str().unwrap(), 9_600);
        let port = Port::new(serial, panel, || 0);
        Self { events, displays, stop, task: tokio::spawn(port.run(stopped)) }
    }

    async fn next(&mut self) -> (ReaderId, ReaderHappening) {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("a running bus");
            if !matches!(event.what, ReaderHappening::Faults(_)) {
                return (event.reader, event.what);
            }
        }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

fn presented(kind: &str, number: &[u8]) -> ReaderHappening {
    ReaderHappening::Card { credential: CardKey::new(&[7; 32]).credential(kind, number), proof: Proof::Number }
}

fn bus_of(readers: impl IntoIterator<Item = (u8, ReaderKey)>) -> (tempfile::TempDir, OsdpBus) {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers.into_iter().map(|(address, key)| OsdpReader::new(address, key).unwrap()).collect();
    let bus = OsdpBus::plug_in(folder.path().join("bus"), readers).unwrap();
    (folder, bus)
}

#[tokio::test]
async fn over_a_line_a_fresh_reader_is_enrolled_and_known_after_a_restart() {
    let (folder, bus) = bus_of([(3, ReaderKey::Factory)]);
    let mut gateway = Gateway::start(&bus, folder.path(), &[3]);
    assert_eq!(gateway.next().await, (reader_id(3), ReaderHappening::Up));
    assert!(folder.path().join("osdp/reader-3.enrolled").exists());
    bus.parts().readers[0].lay(26, &CARD).unwrap();
    assert_eq!(gateway.next().await.1, presented("wiegand26", &[1, 0, 1]));
    gateway.stop().await;

    let mut gateway = Gateway::start(&bus, folder.path(), &[3]);
    assert_eq!(gateway.next().await, (reader_id(3), ReaderHappening::Up));
    bus.parts().readers[0].set_status(true, false).unwrap();
    assert_eq!(gateway.next().await.1, ReaderHappening::Tamper(true));
    bus.parts().readers[0].press("12345678#").unwrap();
    assert!(
        matches!(gateway.next().await.1, ReaderHappening::Digits(digits) if digits.clone().into_text() == "12345678")
    );

    bus.parts().readers[0] = OsdpReader::new(3, ReaderKey::Factory).unwrap();
    assert_eq!(gateway.next().await.1, ReaderHappening::Down(DownReason::Osdp(Unusable::WrongKey)));
    std::fs::remove_file(folder.path().join("osdp/reader-3.enrolled")).unwrap();
    assert_eq!(gateway.next().await.1, ReaderHappening::Up, "it was told to forget the old reader");
    gateway.stop().await;
}

#[tokio::test]
async fn over_a_line_several_readers_answer_and_show_while_one_is_silent() {
    let own = |address| ReaderKey::Own(Scbk::derive(&CardKey::new(&[7; 32]), &reader_id(address)).expose());
    let (folder, bus) = bus_of([0, 1, 2, 126].map(|address| (address, own(address))));
    bus.parts().readers[1].silent = true;
    let mut gateway = Gateway::start(&bus, folder.path(), &[0, 1, 2, 126]);
    let mut up = Vec::new();
    while up.len() < 3 {
        let (reader, what) = gateway.next().await;
        assert_eq!(what, ReaderHappening::Up);
        up.push(reader);
    }
    up.sort();
    assert_eq!(up, [reader_id(0), reader_id(126), reader_id(2)]);

    bus.parts().readers[3].lay(32, &[0xDE, 0xAD, 0xBE, 0xEF]).unwrap();
    let card = loop {
        match gateway.next().await {
            (_, ReaderHappening::Down(DownReason::Osdp(Unusable::Silent))) => {}
            card => break card,
        }
    };
    assert_eq!(card, (reader_id(126), presented("iso14443a", &[0xDE, 0xAD, 0xBE, 0xEF])));
    let shown = Shown {
        light: Light::Red,
        tone: Tone::Refused,
        lines: Default::default(),
        english: Default::default(),
        for_ms: 500,
    };
    gateway.displays.show(&reader_id(126), shown);
    timeout(PATIENCE, async {
        while bus.parts().readers[3].seen().lamp.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(bus.parts().readers[3].seen().lamp, ["Red"]);
    gateway.stop().await;
}

#[tokio::test]
async fn over_a_line_in_bad_weather_only_cards_that_were_laid_are_presented() {
    let (folder, bus) = bus_of([(1, ReaderKey::Factory)]);
    let mut gateway = Gateway::start(&bus, folder.path(), &[1]);
    assert_eq!(gateway.next().await.1, ReaderHappening::Up);
    let mut random = ChaCha8Rng::seed_from_u64(5);
    bus.parts().weather = Box::new(move |_, bytes| {
        let bytes = damage(&mut random, 25, bytes);
        let (head, tail) = bytes.split_at(random.random_range(0..=bytes.len()));
        let pause = Duration::from_millis(random.random_range(0..8));
        vec![(Duration::ZERO, head.to_vec()), (pause, tail.to_vec())]
    });
    let mut read = 0;
    let mut last = 0_u32;
    for number in 1..1_000_u32 {
        if read >= 12 {
            break;
        }
        let _full = bus.parts().readers[0].lay(32, &number.to_be_bytes());
        let Ok(event) = timeout(Duration::from_millis(300), gateway.events.recv()).await else { continue };
        if let ReaderHappening::Card { credential, .. } = event.unwrap().what {
            let of = |number: u32| CardKey::new(&[7; 32]).credential("iso14443a", &number.to_be_bytes());
            let card = (last + 1..=number).find(|number| of(*number) == credential);
            last = card.expect("a card that was laid, and not twice");
            read += 1;
        }
    }
    assert_eq!(read, 12);
    gateway.stop().await;
}

#[tokio::test]
async fn a_bus_that_is_unplugged_takes_all_its_readers_down() {
    let (folder, bus) = bus_of([(1, ReaderKey::Factory), (2, ReaderKey::Factory)]);
    let mut gateway = Gateway::start(&bus, folder.path(), &[1, 2]);
    assert_eq!((gateway.next().await.1, gateway.next().await.1), (ReaderHappening::Up, ReaderHappening::Up));
    drop(bus);
    let down = ReaderHappening::Down(DownReason::HungUp);
    assert_eq!((gateway.next().await.1, gateway.next().await.1), (down.clone(), down));
    gateway.stop().await;
}
