//! The control panel on an open line: moves bytes between it and the bus, and news between the bus and the desks.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep_until, timeout},
};
use tracing::{error, info};

use super::{
    bus::Bus,
    happening::{Counts, Happening, Identity},
    keys::Enrolments,
    peer::{Peer, Security},
    show,
    wiegand::CardRefusal,
};
use crate::readers::{
    Conversation, Desk, DownReason, Fault, ReaderDisplay, ReaderHappening,
    desk::{NobodyListens, Told},
    port::lost_because,
};

/// How long a line may take to take a command's bytes, which its driver buffers.
pub const WRITE_PATIENCE: Duration = Duration::from_secs(1);

/// Bytes taken with one read.
const READ_BYTES: usize = 256;

/// The control panel of one bus.
pub struct Panel {
    bus: Bus,
    desks: Vec<Desk>,
    displays: Vec<ReaderDisplay>,
    enrolments: Enrolments,
    /// The reader at which somebody waits for the lamp.
    awaited: Option<usize>,
}

/// One reader of a bus.
pub struct Seat {
    /// Where its news goes.
    pub desk: Desk,
    /// What it is to show.
    pub display: ReaderDisplay,
    /// Its address, 0 to [`MAX_ADDRESS`](super::bus::MAX_ADDRESS).
    pub address: u8,
    /// How its channel is to be. Whether it is enrolled is looked up.
    pub security: Security,
}

impl Panel {
    /// The panel of a bus at so many bits per second. `random` makes the challenges of the secure channel, and must be
    /// fit for keys; none if there are none.
    pub fn new(
        baud: u32,
        seats: Vec<Seat>,
        enrolments: Enrolments,
        random: impl FnMut() -> Option<[u8; 8]> + Send + 'static,
    ) -> Self {
        let now = Instant::now().into_std();
        let peers = seats.iter().map(|seat| Peer::new(now, seat.address, seat.security.clone())).collect();
        let bus = Bus::new(now, baud, peers, random);
        let (desks, displays) = seats.into_iter().map(|seat| (seat.desk, seat.display)).unzip();
        Self { bus, desks, displays, enrolments, awaited: None }
    }

    fn begin(&mut self, now: Instant) {
        self.bus.restart(now.into_std());
        self.awaited = None;
        for index in 0..self.desks.len() {
            self.look_up_enrolment(index);
        }
    }

    /// Asked again whenever a key was refused, so that deleting the mark is enough to make the gateway forget.
    fn look_up_enrolment(&mut self, index: usize) {
        if let Some(desk) = self.desks.get(index) {
            self.bus.set_enrolled(index, self.enrolments.has(desk.reader()));
        }
    }

    async fn pass_on(&mut self, now: Instant) -> Told {
        while let Some((index, happening)) = self.bus.poll_event() {
            self.tell(now, index, happening).await?;
        }
        for index in 0..self.desks.len() {
            let counts = self.bus.take_counts(index);
            let Some(desk) = self.desks.get_mut(index) else { break };
            if counts.answered > 0 {
                desk.heard(now);
            }
            faults(counts).into_iter().filter(|fault| fault.count > 0).for_each(|fault| desk.fault(fault));
            desk.on_time(now)?;
        }
        Ok(())
    }

    async fn tell(&mut self, now: Instant, index: usize, happening: Happening) -> Told {
        match &happening {
            Happening::Enrolled(identity) => self.remember(index, identity),
            Happening::KeyRefused => self.look_up_enrolment(index),
            Happening::Card(_) | Happening::Code(_) => self.awaited = Some(index),
            _ => {}
        }
        let Some(desk) = self.desks.get_mut(index) else { return Ok(()) };
        match happening {
            Happening::Up(identity) => {
                info!(reader = %desk.reader(), ?identity, "OSDP reader online");
                desk.up(now).await
            }
            Happening::Down(why) => desk.down(now, DownReason::Osdp(why)).await,
            Happening::Enrolled(_) | Happening::KeyRefused => Ok(()),
            Happening::Card(number) => desk.card(now, number).await,
            Happening::Code(digits) => desk.digits(now, digits).await,
            Happening::CardRefused(why) => {
                let damaged = matches!(why, CardRefusal::Parity | CardRefusal::Short);
                desk.fault(if damaged { Fault::BAD_CHECKSUM } else { Fault::UNEXPECTED });
                Ok(())
            }
            Happening::CodeRefused => {
                desk.fault(Fault::UNEXPECTED);
                Ok(())
            }
            Happening::Tamper(on) => desk.tell(now, ReaderHappening::Tamper(on)).await,
            Happening::PowerFailing(failing) => desk.tell(now, ReaderHappening::Power(!failing)).await,
        }
    }

    /// Some milliseconds of disk, once in a reader's life: the other readers' polls wait for it.
    fn remember(&mut self, index: usize, identity: &Identity) {
        let Some(desk) = self.desks.get(index) else { return };
        let reader = desk.reader();
        match self.enrolments.remember(reader, identity) {
            Ok(()) => info!(%reader, ?identity, "OSDP reader enrolled: it has a key of its own now"),
            Err(cause) => error!(%reader, %cause, "can't remember that the OSDP reader has a key of its own"),
        }
    }

    /// Passes on what the shell wants shown.
    fn show(&mut self, now: Instant) {
        for (index, display) in self.displays.iter_mut().enumerate() {
            if !display.has_changed().unwrap_or(false) {
                continue;
            }
            if let Some(shown) = display.borrow_and_update().as_ref() {
                self.bus.show(now.into_std(), index, show::commands(shown));
            }
            if self.awaited == Some(index) {
                self.awaited = None;
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<S> for Panel {
    fn desks(&mut self) -> &mut [Desk] {
        &mut self.desks
    }

    /// Speaks until the line is lost.
    async fn converse(&mut self, line: &mut S) -> Result<DownReason, NobodyListens> {
        self.begin(Instant::now());
        let mut bytes = [0; READ_BYTES];
        loop {
            let now = Instant::now();
            self.bus.handle_timeout(now.into_std());
            self.show(now);
            if let Some(command) = self.bus.poll_transmit(now.into_std())
                && let Err(reason) = write(line, &command).await
            {
                return Ok(reason);
            }
            self.pass_on(now).await?;
            let wake_at = self.bus.poll_timeout().map_or(now + WRITE_PATIENCE, Instant::from_std);
            tokio::select! {
                biased;
                read = line.read(&mut bytes) => match read {
                    Ok(0) => return Ok(DownReason::HungUp),
                    Ok(count) => {
                        let now = Instant::now();
                        self.bus.handle_bytes(now.into_std(), bytes.get(..count).unwrap_or_default());
                        self.pass_on(now).await?;
                    }
                    Err(error) => return Ok(lost_because(&error)),
                },
                () = shown_at(self.awaited, &mut self.displays) => {}
                () = sleep_until(wake_at) => {}
            }
        }
    }
}

/// Waits until there is something to show at the reader where somebody waits for it. The others are looked at whenever
/// the bus turns, which is every 50 ms.
async fn shown_at(awaited: Option<usize>, displays: &mut [ReaderDisplay]) {
    let display = awaited.and_then(|index| displays.get_mut(index));
    let Some(display) = display else { return std::future::pending().await };
    if display.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    // It is still to be seen afterwards.
    display.mark_changed();
}

async fn write(line: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), DownReason> {
    let written = timeout(WRITE_PATIENCE, line.write_all(bytes)).await;
    written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| lost_because(&error))
}

fn faults(counts: Counts) -> [Fault; 6] {
    let many = |fault: Fault, count: u64| Fault { count: u32::try_from(count).unwrap_or(u32::MAX), ..fault };
    [
        many(Fault::NO_ANSWER, counts.unanswered),
        many(Fault::GARBAGE_BYTE, counts.broken),
        many(Fault::UNEXPECTED, counts.stray + counts.unfit),
        many(Fault::IN_THE_CLEAR, counts.in_the_clear),
        many(Fault::FORGED, counts.forged),
        many(Fault::REFUSED, counts.refused),
    ]
}
