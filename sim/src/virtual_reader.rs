//! Readers that aren't there and only talk: a pseudo-terminal that the gateway opens like a serial port. An RDM6300, an
//! EM-18 or a scanner, byte for byte.

use std::{
    ffi::OsStr,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt},
    termios::{OptionalActions, ioctl_tiocnxcl, tcgetattr, tcsetattr},
};
use tokio::time::{MissedTickBehavior, interval};

/// A card's number as the reader sends it.
pub type CardNumber = [u8; 5];

/// How often an RDM6300 repeats the frame of a card that lies on it.
pub const REPEAT_EVERY: Duration = Duration::from_millis(65);

/// A reader's end of the line went wrong.
#[derive(Debug, thiserror::Error)]
pub enum VirtualReaderError {
    /// No pseudo-terminal could be had.
    #[error("could not open a pseudo-terminal")]
    OpenPty(#[source] io::Error),
    /// The path for the gateway's configuration could not be made.
    #[error("could not link {path} to the pseudo-terminal")]
    Link {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody reads the line, and its buffer is full.
    #[error("nobody reads the line: {taken} of {given} bytes were taken")]
    NobodyReads {
        /// Bytes the line took.
        taken: usize,
        /// Bytes it was to take.
        given: usize,
    },
    /// The line can't be written to.
    #[error("could not write to the line")]
    Write(#[source] io::Error),
    /// The reader is unplugged.
    #[error("the reader is unplugged")]
    Unplugged,
}

/// What a virtual reader speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speaks {
    /// As an RDM6300: `02`, twelve digits, `03`, again and again.
    #[default]
    Rdm6300,
    /// As an EM-18: twelve digits.
    Em18,
}

impl Speaks {
    /// As the configuration calls it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Rdm6300 => "rdm6300",
            Self::Em18 => "em18",
        }
    }
}

/// A reader on a pseudo-terminal, with a stable path for the gateway's configuration.
///
/// It is plugged in from the start. Writing never waits: what the gateway doesn't read is an error. Dropping it unplugs
/// it and removes the path.
#[derive(Debug)]
pub struct VirtualReader {
    path: PathBuf,
    speaks: Speaks,
    line: Option<Arc<Line>>,
}

/// The reader's end of an open pseudo-terminal.
#[derive(Debug)]
pub(crate) struct Line {
    /// The reader's end. Closing it hangs up the gateway's.
    master: OwnedFd,
    /// Held open so that the line's settings outlive the gateway's closing and opening, as those of a real port do.
    slave: OwnedFd,
}

impl VirtualReader {
    /// Plugs a reader in at `path`, replacing a link that is there.
    pub fn plug_in(path: impl Into<PathBuf>) -> Result<Self, VirtualReaderError> {
        Self::plug_in_as(Speaks::default(), path)
    }

    /// Plugs in a reader that speaks like this.
    pub fn plug_in_as(speaks: Speaks, path: impl Into<PathBuf>) -> Result<Self, VirtualReaderError> {
        let mut reader = Self { path: path.into(), speaks, line: None };
        reader.replug()?;
        Ok(reader)
    }

    /// Its line, while it is plugged in.
    pub(crate) fn line(&self) -> Option<Arc<Line>> {
        self.line.clone()
    }

    /// The path to give the gateway.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Pulls the cable: the gateway's line hangs up, and the path is gone. Nothing happens if it is unplugged.
    pub fn unplug(&mut self) {
        if self.line.is_some() {
            // First, and not only in name: the system soon gives the same device to the next pseudo-terminal, which may be
            // another school's reader. If the path is gone already, so much the better.
            let _ = std::fs::remove_file(&self.path);
        }
        self.line = None;
    }

    /// Plugs it in again, as a new device under the same path; first unplugs it if need be.
    pub fn replug(&mut self) -> Result<(), VirtualReaderError> {
        self.unplug();
        let (line, device) = Line::open().map_err(|error| VirtualReaderError::OpenPty(error.into()))?;
        link(&device, &self.path).map_err(|source| VirtualReaderError::Link { path: self.path.clone(), source })?;
        self.line = Some(Arc::new(line));
        Ok(())
    }

    /// A card passes over the reader so quickly that it is read once.
    pub fn tap(&self, card: CardNumber) -> Result<(), VirtualReaderError> {
        self.say(frame(card))
    }

    /// What it speaks.
    pub fn speaks(&self) -> Speaks {
        self.speaks
    }

    fn say(&self, frame: [u8; FRAME_BYTES]) -> Result<(), VirtualReaderError> {
        match self.speaks {
            Speaks::Rdm6300 => self.send(&frame),
            Speaks::Em18 => self.send(&without_ends(frame)),
        }
    }

    /// A code is held before a scanner: the line, ended as scanners do.
    pub fn scan(&self, text: &str) -> Result<(), VirtualReaderError> {
        self.send(format!("{text}\r\n").as_bytes())
    }

    /// A card lies on the reader for so long, read every 65 ms.
    pub async fn rest(&self, card: CardNumber, time: Duration) -> Result<(), VirtualReaderError> {
        let mut repeat = interval(REPEAT_EVERY);
        repeat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let lying = async {
            loop {
                repeat.tick().await;
                self.tap(card)?;
            }
        };
        tokio::time::timeout(time, lying).await.unwrap_or(Ok(()))
    }

    /// A frame of this card with a checksum that doesn't fit.
    pub fn tap_with_wrong_checksum(&self, card: CardNumber) -> Result<(), VirtualReaderError> {
        self.say(frame_with_checksum(card, !checksum(card)))
    }

    /// The first half of this card's frame: the card was taken away, or the cable moved.
    pub fn half_tap(&self, card: CardNumber) -> Result<(), VirtualReaderError> {
        self.send(frame(card).split_at(FRAME_BYTES / 2).0)
    }

    /// Any bytes: noise, or another device.
    pub fn send(&self, bytes: &[u8]) -> Result<(), VirtualReaderError> {
        let line = self.line.as_ref().ok_or(VirtualReaderError::Unplugged)?;
        let taken = line.write(bytes)?;
        if taken < bytes.len() {
            return Err(VirtualReaderError::NobodyReads { taken, given: bytes.len() });
        }
        Ok(())
    }

    /// Lets the next gateway open the line after one was killed. A real port forgets by itself that it was in exclusive
    /// use (TIOCEXCL) when its last user is gone; this one is still held by the simulator. Each tap does it as well.
    pub fn forget_exclusive_use(&self) {
        if let Some(line) = &self.line {
            line.forget_exclusive_use();
        }
    }
}

impl Drop for VirtualReader {
    fn drop(&mut self) {
        self.unplug();
    }
}

impl Line {
    /// A new raw line and the path of its device.
    fn open() -> rustix::io::Result<(Self, PathBuf)> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        let device = ptsname(&master, Vec::new())?;
        let slave = ioctl_tiocgptpeer(&master, flags)?;
        let mut settings = tcgetattr(&slave)?;
        settings.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &settings)?;
        Ok((Self { master, slave }, PathBuf::from(OsStr::from_bytes(device.as_bytes()))))
    }

    /// Writes as much as the line takes.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<usize, VirtualReaderError> {
        self.forget_exclusive_use();
        match rustix::io::write(&self.master, bytes) {
            Ok(taken) => Ok(taken),
            Err(rustix::io::Errno::AGAIN) => Ok(0),
            Err(error) => Err(VirtualReaderError::Write(error.into())),
        }
    }

    /// Another handle of the reader's end, to read what the gateway sends.
    pub(crate) fn another_handle(&self) -> io::Result<std::fs::File> {
        self.master.try_clone().map(std::fs::File::from)
    }

    /// The gateway's lock on the line (flock) still keeps a second gateway out.
    fn forget_exclusive_use(&self) {
        // It fails only on a line that hung up, and this one's other end is here.
        let _ = ioctl_tiocnxcl(&self.slave);
    }
}

/// Makes `path` lead to `device` at one stroke, whatever it led to before.
fn link(device: &Path, path: &Path) -> io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let _ = std::fs::remove_file(&fresh);
    std::os::unix::fs::symlink(device, &fresh)?;
    std::fs::rename(&fresh, path)
}

/// Bytes of a frame: start, ten digits of number, two of checksum, end.
const FRAME_BYTES: usize = 14;

/// The frame of a card: `02`, ten hex digits, two hex digits of XOR, `03` (RDM6300 data sheet).
pub fn frame(card: CardNumber) -> [u8; FRAME_BYTES] {
    frame_with_checksum(card, checksum(card))
}

/// The same as an EM-18 sends it: twelve hex digits.
pub fn em18_frame(card: CardNumber) -> [u8; FRAME_BYTES - 2] {
    without_ends(frame(card))
}

fn without_ends([_start, digits @ .., _end]: [u8; FRAME_BYTES]) -> [u8; FRAME_BYTES - 2] {
    digits
}

fn checksum(card: CardNumber) -> u8 {
    card.iter().fold(0, |sum, byte| sum ^ byte)
}

fn frame_with_checksum([a, b, c, d, e]: CardNumber, checksum: u8) -> [u8; FRAME_BYTES] {
    let mut frame = [0x02; FRAME_BYTES];
    let [_start, digits @ .., end] = &mut frame;
    for (pair, byte) in digits.chunks_exact_mut(2).zip([a, b, c, d, e, checksum]) {
        pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
    *end = 0x03;
    frame
}

fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}

#[cfg(test)]
#[path = "virtual_reader_tests.rs"]
mod tests;
