//! Gate lines that aren't there: takes the levels that the gateway sets, and tells tests when one changes.
//!
//! The gateway connects to a Unix socket and writes one line of text per level, such as `east-gate.green 1`. In the same
//! words it is told the levels of its inputs: all of them when it connects, and then each change.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, broadcast},
    task::JoinHandle,
};

/// Longest line of text taken, in bytes, its end included: an id of 64, a point, the output's name and the level.
pub const MAX_LINE_BYTES: usize = 128;

/// Different lines held in mind; more are faults.
pub const MAX_LINES: usize = 4_096;

/// Gateways connected at once; more wait.
pub const MAX_CONNECTIONS: usize = 64;

/// Changes kept for a watcher that doesn't take them; one that falls further behind sees the levels as they are.
pub const MAX_UNTAKEN_CHANGES: usize = 1_024;

/// A line has got another level, or its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChange {
    /// Its name, such as `east-gate.green`.
    pub line: Arc<str>,
    /// Whether it is high now.
    pub high: bool,
    /// When it was read from the socket.
    pub at: Instant,
}

/// The far end of every gateway's simulated lines. Dropping it hangs up and removes the socket.
#[derive(Debug)]
pub struct VirtualLines {
    path: PathBuf,
    board: Arc<Board>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Board {
    levels: Mutex<Levels>,
    changes: broadcast::Sender<LineChange>,
    inputs: Mutex<BTreeMap<Arc<str>, bool>>,
    input_changes: broadcast::Sender<(Arc<str>, bool)>,
    hang_up: broadcast::Sender<()>,
}

#[derive(Debug, Default)]
struct Levels {
    lines: BTreeMap<Arc<str>, bool>,
    faults: u64,
}

impl VirtualLines {
    /// Listens on a Unix socket at `path`, replacing one that is there. Needs a running tokio runtime.
    pub fn listen(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        let (changes, _) = broadcast::channel(MAX_UNTAKEN_CHANGES);
        let (hang_up, _) = broadcast::channel(1);
        let (input_changes, _) = broadcast::channel(MAX_UNTAKEN_CHANGES);
        let inputs = Mutex::default();
        let board = Arc::new(Board { levels: Mutex::default(), changes, inputs, input_changes, hang_up });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&board)));
        Ok(Self { path, board, accepting })
    }

    /// The socket's path, for the gateway's configuration.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this line is high; none if no gateway has set it yet.
    pub fn level(&self, line: &str) -> Option<bool> {
        self.board.levels().lines.get(line).copied()
    }

    /// Every line's level.
    pub fn levels(&self) -> BTreeMap<Arc<str>, bool> {
        self.board.levels().lines.clone()
    }

    /// Lines of text that were none, or too many.
    pub fn faults(&self) -> u64 {
        self.board.levels().faults
    }

    /// Sees every change from now on.
    pub fn watch(&self) -> LineWatch {
        LineWatch { changes: self.board.changes.subscribe(), board: Arc::clone(&self.board) }
    }

    /// Closes the contact between this input and ground: its level is low from now on.
    pub fn close(&self, input: &str) {
        self.board.set_input(input, false);
    }

    /// Opens the contact of this input, or cuts its wire: its level is high from now on, as its resistor pulls it up.
    pub fn open(&self, input: &str) {
        self.board.set_input(input, true);
    }

    /// Hangs up on every gateway; they may connect again.
    pub fn hang_up(&self) {
        // An error says that nobody is connected.
        let _ = self.board.hang_up.send(());
    }
}

impl Drop for VirtualLines {
    fn drop(&mut self) {
        self.accepting.abort();
        self.hang_up();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Changes from the moment at which it was asked for.
#[derive(Debug)]
pub struct LineWatch {
    changes: broadcast::Receiver<LineChange>,
    board: Arc<Board>,
}

impl LineWatch {
    /// The next change of any line. Changes missed by falling behind more than [`MAX_UNTAKEN_CHANGES`] are passed over.
    pub async fn next(&mut self) -> LineChange {
        loop {
            if let Some(change) = self.next_or_gap().await {
                return change;
            }
        }
    }

    /// The next change of this line to this level; changes of others are passed over. Waits for ever if it doesn't come.
    ///
    /// A watcher that fell behind by more than [`MAX_UNTAKEN_CHANGES`] gets the line's level if that is as asked for.
    pub async fn wait_for(&mut self, line: &str, high: bool) -> LineChange {
        loop {
            match self.next_or_gap().await {
                Some(change) if change.high == high && *change.line == *line => return change,
                None if self.board.is(line, high) => {
                    return LineChange { line: line.into(), high, at: Instant::now() };
                }
                Some(_) | None => {}
            }
        }
    }

    /// The next change; none where some were missed.
    async fn next_or_gap(&mut self) -> Option<LineChange> {
        // Never closed: the sender is on the board, which this watch holds.
        self.changes.recv().await.ok()
    }
}

async fn accept(listener: UnixListener, board: Arc<Board>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, _)) => {
                let (board, mut hang_up) = (Arc::clone(&board), board.hang_up.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = hang_up.recv() => {}
                        () = converse(socket, &board) => {}
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: let some be given back.
                tracing::warn!(%error, "could not accept a gateway's lines");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// Takes levels and gives those of inputs until the gateway hangs up.
async fn converse(socket: UnixStream, board: &Board) {
    let (from_gateway, to_gateway) = socket.into_split();
    tokio::select! {
        () = take_levels(from_gateway, board) => {}
        _ = give_levels(to_gateway, board) => {}
    }
}

/// All inputs, and then each change; all anew for a gateway that fell behind.
async fn give_levels(mut socket: OwnedWriteHalf, board: &Board) -> io::Result<()> {
    loop {
        let mut changes = board.input_changes.subscribe();
        let inputs = board.inputs().clone();
        for (input, high) in inputs {
            give(&mut socket, &input, high).await?;
        }
        while let Ok((input, high)) = changes.recv().await {
            give(&mut socket, &input, high).await?;
        }
    }
}

async fn give(socket: &mut OwnedWriteHalf, input: &str, high: bool) -> io::Result<()> {
    socket.write_all(format!("{input} {}\n", u8::from(high)).as_bytes()).await
}

/// Takes levels until the gateway hangs up, or writes a line so long that its end can't be waited for.
async fn take_levels(socket: OwnedReadHalf, board: &Board) {
    let mut socket = BufReader::new(socket);
    let mut line = Vec::with_capacity(MAX_LINE_BYTES);
    loop {
        line.clear();
        let read = (&mut socket).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line).await;
        let at = Instant::now();
        match (read, line.strip_suffix(b"\n")) {
            (Ok(0) | Err(_), _) => return,
            (Ok(_), Some(line)) => board.take(line, at),
            (Ok(_), None) => {
                board.levels().faults += 1;
                return;
            }
        }
    }
}

impl Board {
    fn levels(&self) -> MutexGuard<'_, Levels> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inputs(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, bool>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_input(&self, input: &str, high: bool) {
        let input: Arc<str> = input.into();
        let mut inputs = self.inputs();
        inputs.insert(Arc::clone(&input), high);
        // Under the lock, so that changes go out in their order; an error says that nobody is connected.
        let _ = self.input_changes.send((input, high));
    }

    fn is(&self, line: &str, high: bool) -> bool {
        self.levels().lines.get(line) == Some(&high)
    }

    fn take(&self, line: &[u8], at: Instant) {
        let mut levels = self.levels();
        let Some((name, high)) = parse(line) else {
            levels.faults += 1;
            return;
        };
        if let Some(change) = levels.set(name, high, at) {
            // An error says that nobody watches.
            let _ = self.changes.send(change);
        }
    }
}

impl Levels {
    fn set(&mut self, name: &str, high: bool, at: Instant) -> Option<LineChange> {
        match self.lines.get_key_value(name) {
            Some((_, level)) if *level == high => None,
            None if self.lines.len() >= MAX_LINES => {
                self.faults += 1;
                None
            }
            known => {
                let line = known.map_or_else(|| Arc::from(name), |(line, _)| Arc::clone(line));
                self.lines.insert(Arc::clone(&line), high);
                Some(LineChange { line, high, at })
            }
        }
    }
}

/// `name level`, where the name is made of ids' characters and the level is `0` or `1`.
fn parse(line: &[u8]) -> Option<(&str, bool)> {
    let (name, level) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let high = match level {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    (!name.is_empty() && name.chars().all(fits)).then_some((name, high))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use schoolgate::gates::{FailSafe, GateAction, GateCommand, GateDriver, Light, Output, Pins, SimulatedLines, Tone};
    use schoolgate_core::id::PlaceId;
    use schoolgate_lines::{Contact, InputLine, Pull, Told, ToldWhat};
    use tokio::{sync::watch, time::timeout};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    async fn soon<T>(what: impl Future<Output = T>) -> T {
        timeout(PATIENCE, what).await.expect("in time")
    }

    fn listening() -> (tempfile::TempDir, VirtualLines) {
        let folder = tempfile::tempdir().unwrap();
        let lines = VirtualLines::listen(folder.path().join("lines")).unwrap();
        (folder, lines)
    }

    #[tokio::test]
    async fn a_grant_at_the_gateway_is_seen_here() {
        let (_folder, lines) = listening();
        let mut watch = lines.watch();
        let simulated = SimulatedLines::new(lines.path());
        let place = PlaceId::try_new("east-gate").unwrap();
        let pins = Output::ALL
            .into_iter()
            .fold(Pins::new(), |pins, output| pins.with(output, simulated.pin(&format!("{place}.{output}")), false));
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(simulated.run(stopped, || 0));
        let mut driver = GateDriver::new();
        driver.add_place(Instant::now(), place.clone(), pins, FailSafe::Released);
        assert!(!soon(watch.wait_for("east-gate.green", false)).await.high);

        let show = GateAction::Show { light: Light::Green, tone: Some(Tone::Ok), for_ms: 2_000 };
        let told = Instant::now();
        driver.apply(told, &GateCommand { place: place.clone(), what: show }).unwrap();

        let seen = soon(watch.wait_for("east-gate.green", true)).await;
        println!("green seen {:?} after the command", seen.at - told);
        driver.on_timeout(told + Duration::from_secs(2));
        soon(watch.wait_for("east-gate.green", false)).await;

        lines.hang_up();
        driver.apply(told, &GateCommand { place, what: GateAction::Release { for_ms: 60_000 } }).unwrap();
        soon(watch.wait_for("east-gate.release", true)).await;
        assert_eq!(lines.level("east-gate.release"), Some(true));
    }

    #[tokio::test]
    async fn a_contact_that_opens_here_is_seen_at_the_gateway() {
        let (_folder, lines) = listening();
        lines.close("east-gate.door");
        let simulated = SimulatedLines::new(lines.path());
        let contact = Contact { active_low: true, normally_closed: true };
        let door =
            InputLine { name: "east-gate.door".into(), pull: Pull::Up, contact, rest: Duration::from_millis(20) };
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        simulated.watch(&[door], move |what: Told| _ = tell.send(what.what));
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(simulated.run(stopped, || 0));
        assert_eq!(soon(told.recv()).await, Some(ToldWhat::Seen));
        assert_eq!(soon(told.recv()).await, Some(ToldWhat::Active(false)));
        lines.open("east-gate.door");
        assert_eq!(soon(told.recv()).await, Some(ToldWhat::Active(true)));
        lines.hang_up();
        assert!(matches!(soon(told.recv()).await, Some(ToldWhat::Lost(_))));
        assert_eq!(soon(told.recv()).await, Some(ToldWhat::Seen));
        assert_eq!(soon(told.recv()).await, Some(ToldWhat::Active(true)), "told anew");
    }

    #[tokio::test]
    async fn lines_that_are_none_are_counted_and_the_rest_is_taken() {
        let (_folder, lines) = listening();
        let mut watch = lines.watch();
        let mut socket = UnixStream::connect(lines.path()).await.unwrap();
        socket.write_all(b"east-gate.red 2\n\n 1\neast gate 1\n\xff 1\neast-gate.red 1\n").await.unwrap();
        soon(watch.wait_for("east-gate.red", true)).await;
        assert_eq!(lines.faults(), 5);
        assert_eq!(lines.levels().len(), 1);
    }

    #[tokio::test]
    async fn a_line_without_end_is_hung_up_on() {
        let (_folder, lines) = listening();
        let mut socket = UnixStream::connect(lines.path()).await.unwrap();
        socket.write_all(&[b'x'; MAX_LINE_BYTES]).await.unwrap();
        assert_eq!(soon(socket.read(&mut [0])).await.unwrap(), 0);
        assert_eq!(lines.faults(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..MAX_LINE_BYTES)) {
            if let Some((name, high)) = parse(&bytes) {
                prop_assert_eq!(format!("{name} {}", u8::from(high)).into_bytes(), bytes);
            }
        }

        #[test]
        fn what_the_gateway_writes_is_read(name in "[A-Za-z0-9_.-]{1,70}", high: bool) {
            let line = format!("{name} {}", u8::from(high));
            prop_assert_eq!(parse(line.as_bytes()), Some((name.as_str(), high)));
        }
    }
}
