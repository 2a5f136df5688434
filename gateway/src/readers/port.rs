//! One task per reader: keeps its port open, and turns its bytes into events.

use std::{io, sync::Arc, time::Duration};

use schoolgate_core::id::ReaderId;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

pub use super::serial::OpenPort;
use super::{
    DownReason, FaultCounts, ReaderCounters, ReaderEvent, ReaderHappening,
    card_key::CardKey,
    presence::{Confirmation, Presence},
    rdm6300::{CardNumber, Decoded, Decoder, Fault},
};
use crate::backoff::Backoff;

/// The first wait before a lost port is opened again.
pub const REOPEN_FIRST: Duration = Duration::from_millis(100);

/// The longest wait before a lost port is opened again.
pub const REOPEN_LAST: Duration = Duration::from_secs(5);

/// A port that stayed open for so long is sound: when it is lost, reopening starts from [`REOPEN_FIRST`]. One that is
/// lost sooner is tried more and more rarely.
pub const STEADY_AFTER: Duration = Duration::from_secs(5);

/// Least time between two reports of faults.
pub const FAULT_REPORT_EVERY: Duration = Duration::from_secs(10);

/// A silence inside a frame after which it is given up. A frame takes 15 ms at 9600 baud and a USB adapter holds bytes
/// back for 16 ms; the rest is for a machine under load.
pub const FRAME_SILENCE: Duration = Duration::from_millis(250);

/// Bytes taken with one read: eighteen frames, of which a reader sends fifteen a second.
const READ_BYTES: usize = 256;

/// What the card numbers of this reader type are hashed under.
const KIND: &str = "rdm6300";

/// An RDM6300 on a port, ready to [`run`](Self::run).
pub struct Port<O> {
    reader: ReaderId,
    opener: O,
    card_key: CardKey,
    counters: Arc<ReaderCounters>,
    events: mpsc::Sender<ReaderEvent>,
    presence: Presence<CardNumber>,
    backoff: Backoff,
    random: Box<dyn FnMut() -> u32 + Send>,
    /// Why the port is down, as last told; none while it is up.
    told_down: Option<DownReason>,
    unreported: FaultCounts,
    next_fault_report: Option<Instant>,
}

/// Nobody takes the events any more.
struct NobodyListens;

impl<O: OpenPort> Port<O> {
    /// A reader whose events go to `events`; `random` gives evenly spread numbers.
    pub fn new(
        reader: ReaderId,
        opener: O,
        card_key: CardKey,
        events: mpsc::Sender<ReaderEvent>,
        random: impl FnMut() -> u32 + Send + 'static,
    ) -> Self {
        Self {
            reader,
            opener,
            card_key,
            counters: Arc::default(),
            events,
            presence: Presence::new(Confirmation::First),
            backoff: Backoff::new(REOPEN_FIRST, REOPEN_LAST),
            random: Box::new(random),
            told_down: None,
            unreported: FaultCounts::default(),
            next_fault_report: None,
        }
    }

    /// The same reader, believing a card only after so many frames.
    #[must_use]
    pub fn with_confirmation(self, confirmation: Confirmation) -> Self {
        Self { presence: Presence::new(confirmation), ..self }
    }

    /// The reader's totals, which stay readable while it runs.
    pub fn counters(&self) -> Arc<ReaderCounters> {
        Arc::clone(&self.counters)
    }

    /// Reads until `stop` turns true (or its sender is gone), or nobody takes the events; then closes the port.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            NobodyListens = self.keep_open() => {}
        }
    }

    async fn keep_open(&mut self) -> NobodyListens {
        loop {
            if let Err(nobody) = self.open_and_listen().await {
                return nobody;
            }
            let wait = self.backoff.next_wait((self.random)());
            sleep(wait).await;
        }
    }

    async fn open_and_listen(&mut self) -> Result<(), NobodyListens> {
        let reason = match self.opener.open().await {
            Ok(line) => {
                self.counters.add_opening();
                self.told_down = None;
                let opened = Instant::now();
                self.tell(opened, ReaderHappening::Up).await?;
                let reason = self.listen(line).await?;
                if opened.elapsed() >= STEADY_AFTER {
                    self.backoff.reset();
                }
                reason
            }
            Err(reason) => reason,
        };
        if self.is_news(&reason) {
            self.told_down = Some(reason.clone());
            self.tell(Instant::now(), ReaderHappening::Down(reason)).await?;
        }
        Ok(())
    }

    /// A port that isn't there is what one expects after it was lost; anything else somebody has to put right.
    fn is_news(&self, reason: &DownReason) -> bool {
        self.told_down.as_ref().is_none_or(|told| told != reason && *reason != DownReason::NotThere)
    }

    /// Reads the line until it is lost, and says why it was.
    async fn listen(&mut self, mut line: O::Stream) -> Result<DownReason, NobodyListens> {
        let mut decoder = Decoder::new();
        let mut bytes = [0; READ_BYTES];
        let mut last_read = Instant::now();
        loop {
            let silent_at = decoder.holds_bytes().then(|| last_read + FRAME_SILENCE);
            let wake_at = [silent_at, self.fault_report_due()].into_iter().flatten().min();
            let read = read_until(&mut line, &mut bytes, wake_at).await;
            let now = Instant::now();
            if silent_at.is_some_and(|at| at <= now)
                && let Some(Decoded::Fault(fault)) = decoder.silence()
            {
                self.count(fault);
            }
            if let Some(read) = read {
                let read = match read {
                    Ok(0) => return Ok(DownReason::HungUp),
                    Ok(count) => bytes.get(..count).unwrap_or_default(),
                    Err(error) => return Ok(lost_because(&error)),
                };
                last_read = now;
                self.take(&mut decoder, now, read).await?;
            }
            self.report_faults(now)?;
        }
    }

    async fn take(&mut self, decoder: &mut Decoder, now: Instant, bytes: &[u8]) -> Result<(), NobodyListens> {
        for told in bytes.iter().filter_map(|&byte| decoder.push(byte)) {
            match told {
                Decoded::Fault(fault) => self.count(fault),
                Decoded::Card(card) => {
                    self.counters.add_frame();
                    if self.presence.frame(now.into_std(), card) {
                        self.counters.add_presentation();
                        let credential = self.card_key.credential(KIND, &card);
                        self.tell(now, ReaderHappening::Card(credential)).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, fault: Fault) {
        self.counters.add_fault(fault);
        self.unreported.add(fault);
    }

    /// When what is unreported will be due: never if nothing is.
    fn fault_report_due(&self) -> Option<Instant> {
        self.next_fault_report.filter(|_| !self.unreported.is_empty())
    }

    /// Reports faults if it is time to. They don't wait for a full queue: cards need it more, and the counts keep.
    fn report_faults(&mut self, now: Instant) -> Result<(), NobodyListens> {
        if self.unreported.is_empty() || self.next_fault_report.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.next_fault_report = Some(now + FAULT_REPORT_EVERY);
        match self.events.try_send(self.event(now, ReaderHappening::Faults(self.unreported))) {
            Ok(()) => self.unreported = FaultCounts::default(),
            Err(mpsc::error::TrySendError::Full(_)) => self.counters.add_queue_full(),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(NobodyListens),
        }
        Ok(())
    }

    /// Sends an event. While the shell's queue is full the line isn't read, so that bytes wait in the kernel and no
    /// card is dropped; the counter shows it.
    async fn tell(&mut self, at: Instant, what: ReaderHappening) -> Result<(), NobodyListens> {
        match self.events.try_send(self.event(at, what)) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(NobodyListens),
            Err(mpsc::error::TrySendError::Full(event)) => {
                self.counters.add_queue_full();
                self.events.send(event).await.map_err(|_closed| NobodyListens)
            }
        }
    }

    fn event(&self, at: Instant, what: ReaderHappening) -> ReaderEvent {
        ReaderEvent { reader: self.reader.clone(), at: at.into_std(), what }
    }
}

/// Reads what is there; none when it is time to wake first.
async fn read_until(
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

/// An unplugged line reads as EIO, ENODEV or ENXIO where it doesn't read as its end.
fn lost_because(error: &io::Error) -> DownReason {
    match error.raw_os_error() {
        Some(libc::EIO | libc::ENODEV | libc::ENXIO) => DownReason::HungUp,
        _ => DownReason::Failed(error.to_string()),
    }
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
