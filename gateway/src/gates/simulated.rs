//! Gate lines of a gate that isn't there: levels go to the simulator over a Unix socket, one line of text each.
//!
//! `east-gate.green 1` followed by a newline says that this line is high now. The simulator sends the levels of inputs in
//! the same way.

mod inputs;

use std::{
    convert::Infallible,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use embedded_hal::digital::{ErrorType, OutputPin};
use tokio::{
    net::UnixStream,
    sync::{Notify, watch},
    time::{sleep, sleep_until},
};

use self::inputs::SimulatedInputs;
use crate::backoff::Backoff;
use schoolgate_lines::{InputLine, Told};

/// The first wait before the simulator is called again.
const RECONNECT_FIRST: Duration = Duration::from_millis(50);

/// The longest wait before the simulator is called again.
const RECONNECT_LAST: Duration = Duration::from_secs(1);

/// All simulated lines of this gateway, and the connection to the simulator.
///
/// A level is written to the socket by the thread that sets it, without waiting. What the socket doesn't take, and
/// everything while the simulator is away, is kept as the latest level of each line and sent when it can be: memory is
/// bounded by the number of lines, and a level that was overtaken meanwhile isn't sent.
#[derive(Clone)]
pub struct SimulatedLines(Arc<Shared>);

struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    /// Levels wait for the socket.
    waiting: Notify,
}

#[derive(Default)]
struct State {
    socket: Option<Arc<UnixStream>>,
    lines: Vec<LineLevel>,
    /// The rest of a line of text that the socket took only in part.
    cut: Vec<u8>,
    /// Until the task has taken them.
    inputs: Option<SimulatedInputs>,
}

struct LineLevel {
    name: String,
    high: Option<bool>,
    unsent: bool,
}

/// One simulated line. Setting it never fails: while the simulator is away its level is kept.
pub struct SimulatedPin {
    lines: SimulatedLines,
    index: usize,
}

impl SimulatedLines {
    /// Lines of the simulator that listens on the Unix socket at `path`. Nothing is sent before [`run`](Self::run).
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Shared { path: path.into(), state: Mutex::default(), waiting: Notify::new() }))
    }

    /// The line of this name, such as `east-gate.green`.
    pub fn pin(&self, name: &str) -> SimulatedPin {
        let mut state = self.state();
        state.lines.push(LineLevel { name: name.to_owned(), high: None, unsent: false });
        SimulatedPin { lines: self.clone(), index: state.lines.len() - 1 }
    }

    /// Watches these inputs once [`run`](Self::run) is there; `tell` numbers them by their place in `lines`. While the
    /// simulator is away they are lost; of one that it says nothing about, nothing is told.
    pub fn watch(&self, lines: &[InputLine], tell: impl FnMut(Told) + Send + 'static) {
        self.state().inputs = Some(SimulatedInputs::new(lines, tell));
    }

    /// Whether the simulator is there.
    pub fn is_connected(&self) -> bool {
        self.state().socket.is_some()
    }

    /// Keeps the connection until `stop` turns true or its sender is gone; `random` gives evenly spread numbers.
    pub async fn run(self, mut stop: watch::Receiver<bool>, random: impl FnMut() -> u32 + Send + 'static) {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.keep_connected(random) => {}
        }
        self.state().socket = None;
    }

    async fn keep_connected(&self, mut random: impl FnMut() -> u32) {
        let mut backoff = Backoff::new(RECONNECT_FIRST, RECONNECT_LAST);
        let mut inputs = self.state().inputs.take();
        loop {
            if let Ok(socket) = UnixStream::connect(&self.0.path).await {
                backoff.reset();
                let socket = Arc::new(socket);
                self.state().connected(Arc::clone(&socket));
                let lost = self.serve_until_lost(&socket, inputs.as_mut()).await;
                self.state().socket = None;
                tracing::warn!(path = %self.0.path.display(), %lost, "the simulator of the gate lines is gone");
            }
            if let Some(inputs) = &mut inputs {
                inputs.lose(Instant::now());
            }
            sleep(backoff.next_wait(random())).await;
        }
    }

    /// Sends what waits whenever the socket takes it, takes what the simulator sends, and returns why the connection ended.
    async fn serve_until_lost(&self, socket: &UnixStream, mut inputs: Option<&mut SimulatedInputs>) -> io::Error {
        loop {
            let (waits, sent) = {
                let mut state = self.state();
                let sent = state.send_waiting();
                (state.waits(), sent)
            };
            if let Err(error) = sent {
                return error;
            }
            let due = inputs.as_ref().and_then(|inputs| inputs.next_timeout());
            tokio::select! {
                ready = socket.readable() => {
                    if let Err(error) = ready.and_then(|()| read(socket, inputs.as_deref_mut())) {
                        return error;
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                    if let Some(inputs) = inputs.as_deref_mut() {
                        inputs.on_timeout(Instant::now());
                    }
                }
                _ = socket.writable(), if waits => {}
                () = self.0.waiting.notified() => {}
            }
        }
    }

    fn set(&self, index: usize, high: bool) {
        let mut state = self.state();
        // An error is left to the task, which reads it from the socket too and connects again.
        let _ = state.set(index, high);
        if state.waits() {
            self.0.waiting.notify_one();
        }
    }

    /// A poisoned lock holds levels that are still true: each is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A simulator that is new knows no level yet.
    fn connected(&mut self, socket: Arc<UnixStream>) {
        self.cut.clear();
        for line in &mut self.lines {
            line.unsent = line.high.is_some();
        }
        self.socket = Some(socket);
    }

    fn set(&mut self, index: usize, high: bool) -> io::Result<()> {
        if let Some(line) = self.lines.get_mut(index) {
            line.high = Some(high);
            line.unsent = true;
        }
        self.send_waiting()
    }

    fn waits(&self) -> bool {
        self.socket.is_some() && (!self.cut.is_empty() || self.lines.iter().any(|line| line.unsent))
    }

    /// Sends what the socket takes without waiting.
    fn send_waiting(&mut self) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        loop {
            if self.cut.is_empty() {
                let Some(line) = self.lines.iter_mut().find(|line| line.unsent) else { return Ok(()) };
                line.unsent = false;
                self.cut.extend_from_slice(line.name.as_bytes());
                self.cut.extend_from_slice(if line.high == Some(true) { b" 1\n" } else { b" 0\n" });
            }
            match socket.try_write(&self.cut) {
                Ok(count) => drop(self.cut.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Takes what the simulator has sent: levels of inputs, or that it hangs up. Without inputs, bytes from it are dropped.
fn read(socket: &UnixStream, inputs: Option<&mut SimulatedInputs>) -> io::Result<()> {
    let mut bytes = [0; 256];
    match socket.try_read(&mut bytes) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            let bytes = bytes.get(..count).unwrap_or_default();
            inputs.map_or(Ok(()), |inputs| inputs.take(bytes, Instant::now()))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}

impl ErrorType for SimulatedPin {
    type Error = Infallible;
}

impl OutputPin for SimulatedPin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.lines.set(self.index, false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.lines.set(self.index, true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::{
        io::{AsyncBufReadExt, BufReader, Lines},
        net::UnixListener,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    struct Simulator {
        listener: UnixListener,
        heard: Option<Lines<BufReader<UnixStream>>>,
    }

    impl Simulator {
        fn listen(path: &Path) -> Self {
            let _ = std::fs::remove_file(path);
            Self { listener: UnixListener::bind(path).unwrap(), heard: None }
        }

        async fn accept(&mut self) {
            let (socket, _) = tokio::time::timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
            self.heard = Some(BufReader::new(socket).lines());
        }

        async fn next(&mut self) -> String {
            let line = self.heard.as_mut().unwrap().next_line();
            tokio::time::timeout(PATIENCE, line).await.unwrap().unwrap().unwrap()
        }
    }

    async fn until_connected(lines: &SimulatedLines) {
        tokio::time::timeout(PATIENCE, async {
            while !lines.is_connected() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_level_is_on_the_wire_when_the_call_returns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut simulator = Simulator::listen(&path);
        let lines = SimulatedLines::new(&path);
        let mut green = lines.pin("east-gate.green");
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(lines.clone().run(stopped, || 0));
        simulator.accept().await;
        until_connected(&lines).await;
        green.set_low().unwrap();
        assert_eq!(simulator.next().await, "east-gate.green 0");

        green.set_high().unwrap();

        assert!(!lines.state().waits(), "nothing is left to the task");
        assert_eq!(simulator.next().await, "east-gate.green 1");
    }

    #[tokio::test]
    async fn a_simulator_that_comes_back_is_told_the_latest_level_of_each_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let lines = SimulatedLines::new(&path);
        let mut green = lines.pin("east-gate.green");
        let mut release = lines.pin("east-gate.release");
        let _never_set = lines.pin("east-gate.red");
        green.set_high().unwrap();
        release.set_high().unwrap();
        release.set_low().unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(lines.clone().run(stopped, || 0));

        for green_level in [1, 0] {
            let mut simulator = Simulator::listen(&path);
            simulator.accept().await;
            assert_eq!(simulator.next().await, format!("east-gate.green {green_level}"));
            assert_eq!(simulator.next().await, "east-gate.release 0");
            drop(simulator);
            green.set_low().unwrap();
        }

        stop.send(true).unwrap();
        task.await.unwrap();
        assert!(!lines.is_connected());
    }

    #[tokio::test]
    async fn a_simulator_that_does_not_read_holds_nobody_up_and_hears_the_latest_level_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut simulator = Simulator::listen(&path);
        let lines = SimulatedLines::new(&path);
        let mut green = lines.pin("east-gate.green");
        let mut red = lines.pin("east-gate.red");
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(lines.clone().run(stopped, || 0));
        simulator.accept().await;
        until_connected(&lines).await;

        // Far more than a socket buffers.
        for i in 0..200_000 {
            green.set_state((i % 2 == 0).into()).unwrap();
        }
        green.set_high().unwrap();
        red.set_high().unwrap();

        assert!(lines.state().cut.len() < 64);
        let mut last_green = String::new();
        loop {
            let line = simulator.next().await;
            if line == "east-gate.red 1" {
                break;
            }
            last_green = line;
        }
        assert_eq!(last_green, "east-gate.green 1");
    }
}
