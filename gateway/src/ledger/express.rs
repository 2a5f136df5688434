//! The express lane: a few entries at a time become durable without a thread that waits for the disk.
//!
//! To hand an entry to a thread and hear from it again wakes two threads, which for a single entry takes a good part of the
//! processor's time for it (ADR 15). So while few entries come, they are written from where they come from, by a ring that tells when
//! it is done. Everything else is the thread's: many at once, a new segment, zeros ahead, and whatever fails. Either of them
//! has the writer, never both: the queue says which ([`Queue::is_by_express`]), and only the one that has it gives it away.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
};

use tokio::{io::unix::AsyncFd, task::yield_now};

use super::{
    lock,
    queue::Queue,
    ring::{Ended, Ring, is_refusal},
    writer::Writer,
};

/// See the module.
pub(super) struct Express {
    writer: Arc<Mutex<Writer>>,
    queue: Arc<Queue>,
    /// None once the lane is closed.
    ring: Mutex<Option<Box<dyn Ring>>>,
}

/// What the lane does next.
enum Next {
    /// Wait for what was begun.
    Written,
    /// Wait for entries.
    Called,
    /// Nothing any more.
    Over,
}

impl Express {
    /// Opens the lane.
    pub(super) fn new(writer: Arc<Mutex<Writer>>, queue: Arc<Queue>, ring: Box<dyn Ring>) -> Self {
        queue.open_express();
        Self { writer, queue, ring: Mutex::new(Some(ring)) }
    }

    /// Works until the lane is closed.
    pub(super) async fn run(&self, ready: Option<AsyncFd<OwnedFd>>) {
        let mut next = Next::Called;
        loop {
            match next {
                Next::Over => return,
                Next::Called => self.queue.called().await,
                Next::Written => tokio::select! {
                    () = readable(ready.as_ref()) => {}
                    () = self.queue.called() => {}
                },
            }
            next = self.step();
        }
    }

    /// Sees what has ended and begins what waits. Never waits itself.
    fn step(&self) -> Next {
        let mut open = lock(&self.ring);
        let Some(ring) = open.as_mut() else { return Next::Over };
        let taken = ring.poll().is_none_or(|ended| self.settle(ended)) && (ring.is_busy() || self.begin(&mut **ring));
        match (taken, ring.is_busy()) {
            (true, true) => Next::Written,
            (true, false) => Next::Called,
            (false, _) => {
                *open = None;
                self.queue.close_express();
                Next::Over
            }
        }
    }

    /// Begins to write what waits, if the lane can. Says whether the ring is still of use.
    fn begin(&self, ring: &mut dyn Ring) -> bool {
        if !self.queue.is_by_express() {
            return true;
        }
        let mut writer = lock(&self.writer);
        let room = writer.express_room(|file| ring.takes(file));
        let Some(waiting) = self.queue.take_few(room) else { return true };
        let begun = writer.begin(waiting);
        drop(writer);
        let Some(append) = begun else {
            self.queue.hand_over();
            return true;
        };
        match ring.begin(append) {
            Ok(()) => true,
            Err((append, error)) => {
                self.settle((append, Err(error)));
                false
            }
        }
    }

    /// A write has ended. Says whether the ring is still of use.
    fn settle(&self, ended: Ended) -> bool {
        let is_of_use = ended.1.as_ref().err().is_none_or(|error| !is_refusal(error));
        let is_all = lock(&self.writer).end(ended);
        match is_all {
            true => self.queue.settled(),
            false => self.queue.hand_over(),
        }
        is_of_use
    }

    /// Whether the lane is open.
    #[cfg(test)]
    pub(super) fn is_open(&self) -> bool {
        lock(&self.ring).is_some()
    }

    /// Closes the lane once what is under way has ended: the one thing that waits for the disk.
    pub(super) fn close(&self) {
        // Held to the end: another who closes it meanwhile must not call the thread to a writer that is still lent.
        let mut open = lock(&self.ring);
        if let Some(ended) = open.take().and_then(|mut ring| ring.wait()) {
            self.settle(ended);
        }
        self.queue.close_express();
    }
}

async fn readable(ready: Option<&AsyncFd<OwnedFd>>) {
    match ready {
        None => yield_now().await,
        Some(ready) => match ready.readable().await {
            Ok(mut guard) => guard.clear_ready(),
            Err(_) => std::future::pending().await, // the runtime is ending
        },
    }
}
