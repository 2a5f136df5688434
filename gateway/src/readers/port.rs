//! Keeps a port open for the readers on it, however often it is lost.

use std::{future::Future, io, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

pub use super::serial::OpenPort;
use super::{Desk, DownReason, desk::NobodyListens};
use crate::backoff::Backoff;

/// The first wait before a lost port is opened again.
pub const REOPEN_FIRST: Duration = Duration::from_millis(100);

/// The longest wait before a lost port is opened again.
pub const REOPEN_LAST: Duration = Duration::from_secs(5);

/// A port that stayed open for so long is sound: when it is lost, reopening starts from [`REOPEN_FIRST`]. One that is
/// lost sooner is tried more and more rarely.
pub const STEADY_AFTER: Duration = Duration::from_secs(5);

/// What is spoken over an open line, by one reader or by several on a bus.
pub trait Conversation<S>: Send + 'static {
    /// The desks of the readers on this line: all are told when it is lost.
    fn desks(&mut self) -> &mut [Desk];

    /// Speaks until the line is lost, and says why it was. Must be safe to drop at any await, which is how it is stopped.
    ///
    /// It tells itself when a reader is [up](Desk::up): some are when the line is open, some when they answer.
    fn converse(&mut self, line: &mut S) -> impl Future<Output = Result<DownReason, NobodyListens>> + Send;
}

/// A port and what is spoken over it, ready to [`run`](Self::run).
pub struct Port<O, C> {
    opener: O,
    conversation: C,
    backoff: Backoff,
    random: Box<dyn FnMut() -> u32 + Send>,
}

impl<O: OpenPort, C: Conversation<O::Stream>> Port<O, C> {
    /// The port that `opener` opens; `random` gives evenly spread numbers.
    pub fn new(opener: O, conversation: C, random: impl FnMut() -> u32 + Send + 'static) -> Self {
        Self { opener, conversation, backoff: Backoff::new(REOPEN_FIRST, REOPEN_LAST), random: Box::new(random) }
    }

    /// Speaks until `stop` turns true (or its sender is gone), or nobody takes the events; then closes the port.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            NobodyListens = self.keep_open() => {}
        }
    }

    async fn keep_open(&mut self) -> NobodyListens {
        loop {
            if let Err(nobody) = self.open_and_converse().await {
                return nobody;
            }
            let wait = self.backoff.next_wait((self.random)());
            sleep(wait).await;
        }
    }

    async fn open_and_converse(&mut self) -> Result<(), NobodyListens> {
        let reason = match self.opener.open().await {
            Ok(mut line) => {
                self.conversation.desks().iter().for_each(Desk::note_opening);
                let opened = Instant::now();
                let reason = self.conversation.converse(&mut line).await?;
                if opened.elapsed() >= STEADY_AFTER {
                    self.backoff.reset();
                }
                reason
            }
            Err(reason) => reason,
        };
        let now = Instant::now();
        for desk in self.conversation.desks() {
            desk.down(now, reason.clone()).await?;
        }
        Ok(())
    }
}

/// Why a line that gives this error is lost. An unplugged one gives EIO, ENODEV or ENXIO where it doesn't read as its
/// end, and EPIPE when it is written to.
pub fn lost_because(error: &io::Error) -> DownReason {
    match error.raw_os_error() {
        Some(libc::EIO | libc::ENODEV | libc::ENXIO | libc::EPIPE) => DownReason::HungUp,
        _ => DownReason::Failed(error.to_string()),
    }
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
