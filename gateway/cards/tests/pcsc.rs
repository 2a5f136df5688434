//! The whole way of a card on a PC/SC reader: the virtual card, the driver of vsmartcard-vpcd, pcscd and its library.
//!
//! Needs pcscd and vsmartcard-vpcd, found at run time, and that no other pcscd runs; what is missing is printed as a test
//! that was skipped. pcscd has one socket for the whole machine, so that all of it is one test.

#![cfg(feature = "pcsc")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it fails, and says what it left out"
)]

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use schoolgate_cards::{
    ntag424::{Names, Shown, SunKeys, Uid},
    pcsc::{Away, Card, Happening, Stop, Wish, watch},
};
use schoolgate_virtual_card::{Layout, Ntag424, Plain, Replay, Slot};

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const SOCKET: &str = "/run/pcscd/pcscd.comm";
/// Not vpcd's own port: whatever else listens on that is left alone.
const PORT: u16 = 35_977;
/// A machine under load takes its time.
const PATIENCE: Duration = Duration::from_secs(30);
const UID: [u8; 7] = [0x04, 0xDE, 0x5F, 0x1E, 0xAC, 0xC0, 0x40];

/// pcscd with one virtual reader.
struct Service {
    folder: PathBuf,
    process: Child,
}

impl Service {
    /// None if it can't be had here, and why.
    fn start(folder: &Path) -> Result<Self, String> {
        let program = ["/usr/sbin/pcscd", "/usr/bin/pcscd"].into_iter().find(|path| Path::new(path).exists());
        let program = program.ok_or("pcscd is not installed")?;
        if !Path::new(DRIVER).exists() {
            return Err("vsmartcard-vpcd is not installed".into());
        }
        let process = Command::new(program)
            .args(["--foreground", "--config"])
            .arg(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("pcscd does not start: {error}"))?;
        let mut service = Self { folder: folder.into(), process };
        let began = Instant::now();
        while !Path::new(SOCKET).exists() {
            if service.process.try_wait().is_ok_and(|ended| ended.is_some()) || began.elapsed() > PATIENCE {
                return Err("pcscd does not run here: it may not, or another one does".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(service)
    }

    fn plug_in(folder: &Path) {
        let reader = format!(
            "FRIENDLYNAME \"Gate Reader\"\nDEVICENAME /dev/null:{PORT:#06X}\nLIBPATH {DRIVER}\nCHANNELID {PORT:#06X}\n"
        );
        fs::write(folder.join("reader"), reader).unwrap();
    }

    /// The driver's virtual reader can't be unplugged while pcscd runs; it is gone when pcscd starts without it.
    fn unplug(folder: &Path) {
        fs::write(folder.join("reader"), "# no reader\n").unwrap();
    }

    fn end(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let began = Instant::now();
        while self.process.try_wait().is_ok_and(|ended| ended.is_none()) && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is told of the reader, as it comes.
struct Watched {
    told: Receiver<Happening>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    fn begin() -> Self {
        let (tell, told) = mpsc::channel();
        let stop = Stop::default();
        let asked = stop.clone();
        let wish = Wish { name: "gate reader 00 00".into(), ndef: true };
        let thread = thread::spawn(move || {
            watch(&wish, &asked, |what| match tell.send(what) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
        });
        Self { told, stop, thread: Some(thread) }
    }

    fn next(&self) -> Happening {
        self.told.recv_timeout(PATIENCE).unwrap()
    }

    fn card(&self) -> Card {
        match self.next() {
            Happening::Card(card) => card,
            other => panic!("a card was due, and not {other:?}"),
        }
    }

    fn end(mut self) {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap();
        assert!(self.told.try_recv().is_err(), "a card that lies still is told once");
    }
}

fn lay_down<C: schoolgate_virtual_card::Card + 'static>(card: C) -> Slot<C> {
    // Whoever connects is a card: no trying beforehand. The driver listens before the reader is told of.
    Slot::lay_down(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), card).unwrap()
}

#[test]
fn cards_on_a_pcsc_reader_that_comes_and_goes() {
    let folder = env::temp_dir().join(format!("schoolgate-pcsc-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    Service::plug_in(&folder);
    let service =
        if Path::new(SOCKET).exists() { Err("another pcscd runs here".to_owned()) } else { Service::start(&folder) };
    match service {
        Ok(service) => play(service),
        Err(why) => println!("SKIPPED: PC/SC readers: {why}"),
    }
    fs::remove_dir_all(&folder).unwrap();
}

fn play(mut service: Service) {
    let keys = SunKeys::from_master(b"a school's key..");
    let judge = |card: &Card| keys.judge(&Names::default(), &card.number, card.ndef.as_deref().unwrap_or_default());
    let watched = Watched::begin();
    assert_eq!(watched.next(), Happening::There);

    // A card that proves itself, each time it is laid down, and counts.
    let mut card = Ntag424::new(UID, *keys.meta(), keys.of_card(Uid(UID)), Layout::encrypted()).read_before(60);
    for counter in 61..=62 {
        let slot = lay_down(card);
        assert_eq!(judge(&watched.card()), Shown::Message { uid: Uid(UID), counter });
        card = slot.take_away().unwrap();
        assert_eq!(card.counter(), counter, "it is read once, however long it lies");
    }

    // What somebody has copied of it: the gateway sees the counter stand still.
    let copy = lay_down(Replay::new(&UID, card.read_text()));
    assert_eq!(judge(&watched.card()), Shown::Message { uid: Uid(UID), counter: 63 });
    drop(copy);
    let number = lay_down(Plain(vec![0xDE, 0xAD, 0xBE, 0xEF]));
    let seen = watched.card();
    assert_eq!((seen.number.as_slice(), seen.ndef), (&[0xDE, 0xAD, 0xBE, 0xEF][..], None));
    drop(number);

    // The service ends and comes back, first without the reader.
    let folder = service.folder.clone();
    service.end();
    assert_eq!(watched.next(), Happening::Away(Away::NoService));
    Service::unplug(&folder);
    let mut service = Service::start(&folder).unwrap();
    assert_eq!(watched.next(), Happening::Away(Away::NoReader { others: Vec::new() }));
    service.end();
    assert_eq!(watched.next(), Happening::Away(Away::NoService));
    Service::plug_in(&folder);
    let _service = Service::start(&folder).unwrap();
    assert_eq!(watched.next(), Happening::There);
    let slot = lay_down(card);
    assert_eq!(judge(&watched.card()), Shown::Message { uid: Uid(UID), counter: 64 });
    watched.end();
    drop(slot);
}
