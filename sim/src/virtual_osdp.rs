//! OSDP readers that aren't there, several on one bus: libosdp's peripherals behind a pseudo-terminal that the gateway
//! opens like an RS-485 adapter.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use libosdp::{
    Channel, ChannelError, OsdpCommand, OsdpError, OsdpEvent, OsdpEventCardRead, OsdpEventKeyPress, OsdpFlag,
    OsdpStatusReport, OsdpStatusReportType, PdCapEntity, PdCapability, PdId, PdInfoBuilder, PeripheralDevice,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::virtual_reader::{Line, VirtualReader, VirtualReaderError};

/// A reader looks for bytes at least so often, since libosdp has time-outs of its own.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// Bytes taken from the line at once.
const READ_BYTES: usize = 512;

/// What a reader was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderKey {
    /// As it left its factory: everybody's key, once.
    Factory,
    /// This one, and no other.
    Own([u8; 16]),
}

/// What a reader was told to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Colours that its lamp was lit in, by their OSDP names.
    pub lamp: Vec<String>,
    /// How often it beeped.
    pub beeps: usize,
    /// Texts on its display.
    pub texts: Vec<String>,
    /// The key that it was given.
    pub key: Option<[u8; 16]>,
}

/// One reader, which hears and answers when it is told to.
pub struct OsdpReader {
    device: PeripheralDevice,
    wire: Arc<Mutex<Wire>>,
    seen: Arc<Mutex<Seen>>,
    /// Tamper and power, as the reader tells them when it is asked.
    status: Arc<Mutex<[u8; 2]>>,
    /// Whether it has no power.
    pub silent: bool,
}

#[derive(Default)]
struct Wire {
    inward: VecDeque<u8>,
    outward: Vec<u8>,
}

struct WireEnd(Arc<Mutex<Wire>>);

impl Channel for WireEnd {
    fn get_id(&self) -> i32 {
        1
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ChannelError> {
        let wire = &mut lock(&self.0).inward;
        let count = wire.len().min(buf.len());
        buf.iter_mut().zip(wire.drain(..count)).for_each(|(to, from)| *to = from);
        Ok(count)
    }

    fn write(&mut self, buf: &[u8]) -> Result<usize, ChannelError> {
        lock(&self.0).outward.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        lock(&self.0).inward.clear();
        Ok(())
    }

    fn close(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }
}

impl OsdpReader {
    /// A reader with lamp, sounder and display.
    pub fn new(address: u8, key: ReaderKey) -> Result<Self, OsdpError> {
        let has = |compliance| PdCapEntity::new(compliance, 1);
        let info = PdInfoBuilder::new()
            .address(address.into())?
            .baud_rate(9_600)?
            .id(&PdId::from_number(address))
            .capabilities(&[
                PdCapability::CardDataFormat(has(1)),
                PdCapability::LedControl(has(4)),
                PdCapability::AudibleOutput(has(2)),
                PdCapability::TextOutput(has(1)),
                PdCapability::CheckCharacterSupport(has(1)),
                PdCapability::CommunicationSecurity(has(1)),
            ]);
        let info = match key {
            ReaderKey::Factory => info,
            ReaderKey::Own(key) => info.secure_channel_key(key).flag(OsdpFlag::EnforceSecure),
        };
        let wire = Arc::default();
        let mut device = PeripheralDevice::new(info, Box::new(WireEnd(Arc::clone(&wire))))?;
        let (seen, status): (Arc<Mutex<Seen>>, Arc<Mutex<[u8; 2]>>) = Default::default();
        let (notes, asked) = (Arc::clone(&seen), Arc::clone(&status));
        device.set_command_callback(move |command: &mut OsdpCommand| obey(command, &mut lock(&notes), *lock(&asked)));
        Ok(Self { device, wire, seen, status, silent: false })
    }

    /// Takes bytes from the wire, and gives what it answers.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.silent {
            return Vec::new();
        }
        lock(&self.wire).inward.extend(bytes);
        // A frame for another reader is thrown away with the first look, its own one answered with the second.
        for _ in 0..2 {
            self.device.refresh();
        }
        std::mem::take(&mut lock(&self.wire).outward)
    }

    /// A card with so many bits of number is laid on it.
    pub fn lay(&mut self, bits: usize, number: &[u8]) -> Result<(), OsdpError> {
        let card = OsdpEventCardRead::new_wiegand(bits, number.to_vec())?;
        self.device.notify_event(OsdpEvent::CardRead(card))
    }

    /// These keys are pressed; `#` and `*` as OSDP has them.
    pub fn press(&mut self, keys: &str) -> Result<(), OsdpError> {
        let code = |key| match key {
            b'#' => 0x0D,
            b'*' => 0x7F,
            digit => digit,
        };
        self.device.notify_event(OsdpEvent::KeyPress(OsdpEventKeyPress::new(keys.bytes().map(code).collect())))
    }

    /// Its case is open or its power fails, or not.
    pub fn set_status(&mut self, tamper: bool, power_failing: bool) -> Result<(), OsdpError> {
        let status = [tamper.into(), power_failing.into()];
        *lock(&self.status) = status;
        self.device.notify_event(OsdpEvent::Status(report(status)))
    }

    /// What it was told to do so far.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Whether its secure channel is open.
    pub fn is_secure(&self) -> bool {
        self.device.is_sc_active()
    }
}

fn report([tamper, power]: [u8; 2]) -> OsdpStatusReport {
    let mut report = [0; 64];
    report.iter_mut().zip([tamper, power]).for_each(|(to, from)| *to = from);
    OsdpStatusReport { type_: OsdpStatusReportType::Local, nr_entries: 2, report }
}

/// libosdp's convention: 0 is done, all else refused.
fn obey(command: &mut OsdpCommand, seen: &mut Seen, status: [u8; 2]) -> i32 {
    match command {
        OsdpCommand::Led(led) => seen.lamp.push(format!("{:?}", led.temporary.on_color)),
        OsdpCommand::Buzzer(buzzer) => seen.beeps += usize::from(buzzer.rep_count),
        OsdpCommand::Text(text) => seen.texts.push(String::from_utf8_lossy(&text.data).into_owned()),
        OsdpCommand::KeySet(key) => seen.key = key.data.get(..16).and_then(|key| key.try_into().ok()),
        OsdpCommand::Status(asked) => *asked = report(status),
        _ => return -1,
    }
    0
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    /// To the readers.
    Readers,
    /// To the gateway.
    Gateway,
}

/// What a wire does to bytes on their way: the pieces in which they arrive, each after a pause.
pub type Weather = Box<dyn FnMut(Toward, Vec<u8>) -> Vec<(Duration, Vec<u8>)> + Send>;

/// Readers on one RS-485 bus, with a stable path for the gateway's configuration.
///
/// Dropping it unplugs the bus and removes the path.
pub struct OsdpBus {
    port: VirtualReader,
    parts: Arc<Mutex<BusParts>>,
    gone: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What is on a bus.
pub struct BusParts {
    /// The readers.
    pub readers: Vec<OsdpReader>,
    /// What the wire does.
    pub weather: Weather,
}

impl OsdpBus {
    /// Plugs a bus in at `path`, replacing a link that is there.
    pub fn plug_in(path: impl Into<PathBuf>, readers: Vec<OsdpReader>) -> Result<Self, VirtualReaderError> {
        let port = VirtualReader::plug_in(path)?;
        let line = port.line().ok_or(VirtualReaderError::Unplugged)?;
        let heard = line.another_handle().map_err(VirtualReaderError::OpenPty)?;
        let weather: Weather = Box::new(|_, bytes| vec![(Duration::ZERO, bytes)]);
        let parts = Arc::new(Mutex::new(BusParts { readers, weather }));
        let gone = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (parts, gone) = (Arc::clone(&parts), Arc::clone(&gone));
            move || {
                while !gone.load(Ordering::Relaxed) && carry(&line, &heard, &parts).is_ok() {}
            }
        });
        Ok(Self { port, parts, gone, thread: Some(thread) })
    }

    /// The path to give the gateway.
    pub fn path(&self) -> &Path {
        self.port.path()
    }

    /// The readers and the wire, which stand still meanwhile.
    pub fn parts(&self) -> MutexGuard<'_, BusParts> {
        lock(&self.parts)
    }
}

impl Drop for OsdpBus {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Carries what is there from the gateway to the readers, and their answers back.
fn carry(line: &Line, heard: &File, parts: &Mutex<BusParts>) -> io::Result<()> {
    let mut ready = [PollFd::new(heard, PollFlags::IN)];
    poll(&mut ready, Some(&LOOK_EVERY))?;
    let mut bytes = [0; READ_BYTES];
    let count = match rustix::io::read(heard, &mut bytes) {
        Ok(count) => count,
        Err(Errno::AGAIN) => 0,
        Err(error) => return Err(error.into()),
    };
    let parts = &mut *lock(parts);
    let BusParts { readers, weather } = parts;
    let heard = bytes.get(..count).unwrap_or_default().to_vec();
    for (pause, piece) in if heard.is_empty() { vec![(Duration::ZERO, heard)] } else { weather(Toward::Readers, heard) }
    {
        thread::sleep(pause);
        for reader in readers.iter_mut() {
            let answer = reader.hear(&piece);
            if answer.is_empty() {
                continue;
            }
            for (pause, piece) in weather(Toward::Gateway, answer) {
                thread::sleep(pause);
                // A full line is one that nobody reads: a real bus would not wait either.
                let _ = line.write(&piece);
            }
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "virtual_osdp_tests.rs"]
mod tests;
