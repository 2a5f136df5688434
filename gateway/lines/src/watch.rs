//! The thread that watches inputs: takes edges as they come, looks at every level now and then, and tells what it means.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::Errno,
};

use super::{Contact, Inputs, LineError, Pull, Told};

/// How often every level is looked at: for an edge that was lost, and for a line that can't be read any more.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An input that was just asked for is looked at once more after so long: its edges may not have been armed at once.
const LOOK_SOON: Duration = Duration::from_millis(100);

/// With so many edges in one turn, the thread rests for a moment: a line that hums must not take the processor.
const MANY_EDGES: usize = 16;
const BREATH: Duration = Duration::from_millis(5);

/// An input to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputLine {
    /// Its name, as the backend knows it.
    pub name: String,
    /// Its resistor.
    pub pull: Pull,
    /// What its levels mean.
    pub contact: Contact,
    /// How long it must be at rest to be believed.
    pub rest: Duration,
}

/// A level, and when it was so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) high: bool,
}

/// A pin of some backend.
pub(crate) trait Pin: Send {
    /// What becomes readable when there are edges.
    fn fd(&self) -> Option<BorrowedFd<'_>>;

    /// Takes the edges that wait, a bounded number of them.
    fn edges(&mut self, seen: &mut Vec<Seen>) -> Result<(), String>;

    /// Its level now. One that was let go is asked for anew.
    fn look(&mut self) -> Result<bool, String>;

    /// It can't be read.
    fn let_go(&mut self);
}

/// Inputs are watched for as long as this lives.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) fn watch<P: Pin + 'static>(
    lines: &[InputLine],
    pins: Vec<P>,
    tell: impl FnMut(Told) + Send + 'static,
) -> Result<Watch, LineError> {
    let failed = |errno: Errno| LineError::Watch(io::Error::from(errno));
    let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).map_err(failed)?);
    let mut inputs = Inputs::new();
    for line in lines {
        inputs.add(line.contact, line.rest);
    }
    let mut watcher = Watcher { pins, inputs, tell, look_at: Instant::now(), looked_once: false, seen: Vec::new() };
    let stopped = Arc::clone(&stop);
    let run = move || watcher.run(&stopped);
    let thread = thread::Builder::new().name("gate inputs".into()).spawn(run).map_err(LineError::Watch)?;
    Ok(Watch { stop, thread: Some(thread) })
}

struct Watcher<P, T> {
    pins: Vec<P>,
    inputs: Inputs,
    tell: T,
    look_at: Instant,
    looked_once: bool,
    seen: Vec<Seen>,
}

impl<P: Pin, T: FnMut(Told)> Watcher<P, T> {
    fn run(&mut self, stop: &OwnedFd) {
        loop {
            if Instant::now() >= self.look_at {
                self.look();
            }
            self.inputs.on_timeout(Instant::now());
            while let Some(told) = self.inputs.poll_told() {
                (self.tell)(told);
            }
            let Some(ready) = self.wait(stop) else { return };
            if self.take_edges(&ready) >= MANY_EDGES {
                thread::sleep(BREATH);
            }
        }
    }

    /// The pins that have something; nothing when it is time to stop.
    fn wait(&self, stop: &OwnedFd) -> Option<Vec<usize>> {
        let due = self.inputs.next_timeout().map_or(self.look_at, |due| due.min(self.look_at));
        let timeout = due.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(timeout).ok();
        let with_fd: Vec<(usize, BorrowedFd<'_>)> =
            self.pins.iter().enumerate().filter_map(|(n, pin)| Some((n, pin.fd()?))).collect();
        let mut fds = vec![PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN)];
        fds.extend(with_fd.iter().map(|(_, fd)| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return Some(Vec::new()); // a signal: look again
        }
        let (stop, pins) = fds.split_first()?;
        let ready = with_fd.iter().zip(pins).filter(|(_, fd)| !fd.revents().is_empty()).map(|((n, _), _)| *n);
        stop.revents().is_empty().then(|| ready.collect())
    }

    fn take_edges(&mut self, ready: &[usize]) -> usize {
        let mut most = 0;
        for n in ready {
            let Some(pin) = self.pins.get_mut(*n) else { continue };
            self.seen.clear();
            let taken = pin.edges(&mut self.seen);
            most = most.max(self.seen.len());
            for seen in &self.seen {
                self.inputs.level(*n, seen.at, seen.high);
            }
            match taken {
                Err(why) => self.lose(*n, why),
                // Ready without an event: the chip is gone.
                Ok(()) if self.seen.is_empty() => self.look_at_pin(*n),
                Ok(()) => {}
            }
        }
        most
    }

    /// Every level: those that wait as edges come first, so that their times count.
    fn look(&mut self) {
        let all: Vec<usize> = (0..self.pins.len()).collect();
        for n in all {
            self.look_at_pin(n);
        }
        self.look_at = Instant::now() + if self.looked_once { LOOK_EVERY } else { LOOK_SOON };
        self.looked_once = true;
    }

    fn look_at_pin(&mut self, n: usize) {
        let Some(pin) = self.pins.get_mut(n) else { return };
        self.seen.clear();
        let level = pin.edges(&mut self.seen).and_then(|()| pin.look());
        for seen in &self.seen {
            self.inputs.level(n, seen.at, seen.high);
        }
        match level {
            Ok(high) => self.inputs.level(n, Instant::now(), high),
            Err(why) => self.lose(n, why),
        }
    }

    fn lose(&mut self, n: usize, why: String) {
        if let Some(pin) = self.pins.get_mut(n) {
            pin.let_go();
        }
        self.inputs.lost(n, Instant::now(), why);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Mutex, mpsc},
    };

    use super::{super::ToldWhat, *};

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A pin as its test says, with an eventfd that says that edges wait.
    #[derive(Clone)]
    struct FakePin(Arc<(OwnedFd, Mutex<Fake>)>);

    #[derive(Default)]
    struct Fake {
        high: bool,
        edges: VecDeque<Seen>,
        broken: bool,
    }

    impl FakePin {
        fn new() -> Self {
            Self(Arc::new((eventfd(0, EventfdFlags::NONBLOCK).unwrap(), Mutex::default())))
        }

        fn edge(&self, at: Instant, high: bool) {
            let (event, fake) = &*self.0;
            let mut fake = fake.lock().unwrap();
            fake.high = high;
            fake.edges.push_back(Seen { at, high });
            rustix::io::write(event, &1_u64.to_ne_bytes()).unwrap();
        }

        fn fake<T>(&self, work: impl FnOnce(&mut Fake) -> T) -> T {
            work(&mut self.0.1.lock().unwrap())
        }
    }

    impl Pin for FakePin {
        fn fd(&self) -> Option<BorrowedFd<'_>> {
            Some(self.0.0.as_fd())
        }

        fn edges(&mut self, seen: &mut Vec<Seen>) -> Result<(), String> {
            let _ = rustix::io::read(&self.0.0, &mut [0; 8]);
            self.fake(|fake| seen.extend(fake.edges.drain(..)));
            Ok(())
        }

        fn look(&mut self) -> Result<bool, String> {
            self.fake(|fake| if fake.broken { Err("unplugged".into()) } else { Ok(fake.high) })
        }

        fn let_go(&mut self) {}
    }

    fn watched(pin: &FakePin) -> (Watch, mpsc::Receiver<Told>) {
        let contact = Contact { active_low: false, normally_closed: false };
        let line = InputLine { name: "x".into(), pull: Pull::Up, contact, rest: Duration::from_millis(20) };
        let (tell, told) = mpsc::channel();
        let watch = watch(&[line], vec![pin.clone()], move |what| _ = tell.send(what)).unwrap();
        (watch, told)
    }

    fn next(told: &mpsc::Receiver<Told>) -> ToldWhat {
        told.recv_timeout(PATIENCE).unwrap().what
    }

    #[test]
    fn the_first_level_an_edge_and_its_time_are_told() {
        let pin = FakePin::new();
        let (_watch, told) = watched(&pin);
        assert_eq!([next(&told), next(&told)], [ToldWhat::Seen, ToldWhat::Active(false)]);
        let at = Instant::now();
        pin.edge(at, true);
        let told = told.recv_timeout(PATIENCE).unwrap();
        assert_eq!((told.what, told.at), (ToldWhat::Active(true), at));
    }

    #[test]
    fn a_level_that_changed_without_an_edge_is_found() {
        let pin = FakePin::new();
        let (_watch, told) = watched(&pin);
        assert_eq!([next(&told), next(&told)], [ToldWhat::Seen, ToldWhat::Active(false)]);
        pin.fake(|fake| fake.high = true);
        assert_eq!(next(&told), ToldWhat::Active(true));
    }

    #[test]
    fn a_line_that_can_not_be_read_is_lost_and_found_again() {
        let pin = FakePin::new();
        let (_watch, told) = watched(&pin);
        assert_eq!([next(&told), next(&told)], [ToldWhat::Seen, ToldWhat::Active(false)]);
        pin.fake(|fake| fake.broken = true);
        assert_eq!(next(&told), ToldWhat::Lost("unplugged".into()));
        pin.fake(|fake| fake.broken = false);
        assert_eq!([next(&told), next(&told)], [ToldWhat::Seen, ToldWhat::Active(false)]);
    }

    #[test]
    fn a_watch_that_is_dropped_stops_its_thread() {
        let pin = FakePin::new();
        let (watch, told) = watched(&pin);
        drop(watch);
        while told.recv_timeout(PATIENCE).is_ok() {}
        assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
}
