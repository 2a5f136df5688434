//! Readers that only talk: bytes come, and a decoder finds what they say.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::{Instant, sleep_until},
};

use super::{
    CardNumber, Conversation, Desk, DownReason, Fault, Trouble,
    desk::{NobodyListens, Told},
    port::lost_because,
    recognise::Recogniser,
};

/// A silence inside a frame after which it is given up, unless the decoder says otherwise. A frame takes 15 ms at 9600
/// baud and a USB adapter holds bytes back for 16 ms; the rest is for a machine under load.
pub const FRAME_SILENCE: Duration = Duration::from_millis(250);

/// Bytes taken with one read: seventy frames of an RDM6300, which sends fifteen a second.
const READ_BYTES: usize = 1_024;

/// Finds frames in bytes that come split, merged or damaged. No I/O, no clock.
pub trait Decode: Send + 'static {
    /// Takes the next byte and tells what it completes, if anything.
    fn push(&mut self, byte: u8) -> Option<Decoded>;

    /// The line has been silent for [`patience`](Self::patience), or was opened: ends or gives up what is still open.
    /// Called until it tells nothing more.
    fn silence(&mut self) -> Option<Decoded>;

    /// Whether bytes were taken that nothing has been told about yet, so that [`silence`](Self::silence) may tell
    /// something.
    fn holds_bytes(&self) -> bool;

    /// The silence that ends what is open now.
    fn patience(&self) -> Duration {
        FRAME_SILENCE
    }

    /// Whether what is open lacks nothing, so that it is better ended when nobody could look whether the line was silent.
    fn is_whole(&self) -> bool {
        false
    }
}

/// What came out of the bytes.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Decoded {
    /// A whole, sound frame of this card.
    Card(CardNumber),
    /// A line of text, without its end.
    Text(String),
    /// The digits of a pickup code.
    Digits(String),
    /// Something else than a sound frame.
    Fault(Fault),
}

/// A reader that only talks, and its decoder.
pub struct Talker<D> {
    desk: Desk,
    decoder: D,
    recogniser: Recogniser,
    heard: Heard,
}

impl<D: Decode> Talker<D> {
    /// The reader of this desk, which speaks what `decoder` understands.
    pub fn new(desk: Desk, decoder: D) -> Self {
        Self { desk, decoder, recogniser: Recogniser::default(), heard: Heard::default() }
    }

    async fn take(&mut self, now: Instant, bytes: &[u8]) -> Told {
        for &byte in bytes {
            if let Some(told) = self.decoder.push(byte) {
                self.tell(now, told).await?;
            }
        }
        self.judge(now, bytes).await
    }

    async fn end_what_is_open(&mut self, now: Instant) -> Told {
        while let Some(told) = self.decoder.silence() {
            self.tell(now, told).await?;
        }
        self.judge(now, &[]).await
    }

    async fn tell(&mut self, now: Instant, told: Decoded) -> Told {
        // A whole frame whose check is wrong comes over a bad line, but over the right one.
        match told {
            Decoded::Fault(fault) if fault != Fault::BAD_CHECKSUM => self.heard.fault = true,
            _ => self.heard.sound = true,
        }
        match told {
            Decoded::Card(card) => self.desk.card(now, card).await,
            Decoded::Text(text) => self.desk.text(now, text).await,
            Decoded::Digits(digits) => self.desk.scanned_digits(now, digits).await,
            Decoded::Fault(fault) => {
                self.desk.fault(fault);
                Ok(())
            }
        }
    }

    /// Whether these bytes are what such a reader says.
    async fn judge(&mut self, now: Instant, bytes: &[u8]) -> Told {
        let Heard { sound, fault } = std::mem::take(&mut self.heard);
        if sound {
            self.recogniser.sound();
            return self.desk.unintelligible(now, None).await;
        }
        self.recogniser.unsound(now, bytes);
        match self.recogniser.verdict() {
            Some(looks_like) if fault => self.desk.unintelligible(now, Some(Trouble::Unintelligible(looks_like))).await,
            _ => Ok(()),
        }
    }
}

/// What the decoder has told of the latest bytes.
#[derive(Clone, Copy, Default)]
struct Heard {
    sound: bool,
    fault: bool,
}

impl<D: Decode, S: AsyncRead + Unpin + Send> Conversation<S> for Talker<D> {
    fn desks(&mut self) -> &mut [Desk] {
        std::slice::from_mut(&mut self.desk)
    }

    /// Listens until the line is lost.
    async fn converse(&mut self, line: &mut S) -> Result<DownReason, NobodyListens> {
        // Nothing tells that such a reader is there until somebody taps: an open port has to do.
        self.desk.up(Instant::now()).await?;
        while self.decoder.silence().is_some() {}
        let mut bytes = [0; READ_BYTES];
        let mut last_read = Instant::now();
        loop {
            let silent_at = self.decoder.holds_bytes().then(|| last_read + self.decoder.patience());
            let wake_at = [silent_at, self.desk.wake_at()].into_iter().flatten().min();
            let read = read_until(line, &mut bytes, wake_at).await;
            let now = Instant::now();
            // What is read late, because this machine was busy or the queue full, may have come in time: only who found
            // nothing to read knows of a silence.
            let may_be_silent = read.is_none() || self.decoder.is_whole();
            if may_be_silent && silent_at.is_some_and(|at| at <= now) {
                self.end_what_is_open(now).await?;
            }
            if let Some(read) = read {
                let read = match read {
                    Ok(0) => return Ok(DownReason::HungUp),
                    Ok(count) => bytes.get(..count).unwrap_or_default(),
                    Err(error) => return Ok(lost_because(&error)),
                };
                last_read = now;
                self.take(now, read).await?;
            }
            self.desk.on_time(now)?;
        }
    }
}

/// Reads what is there; none when it is time to wake and nothing is there.
pub(super) async fn read_until(
    line: &mut (impl AsyncRead + Unpin),
    bytes: &mut [u8],
    wake_at: Option<Instant>,
) -> Option<io::Result<usize>> {
    let Some(wake_at) = wake_at else { return Some(line.read(bytes).await) };
    tokio::select! {
        biased;
        read = line.read(bytes) => Some(read),
        () = sleep_until(wake_at) => None,
    }
}
