//! The gates' lines: outputs, inputs and the guard that leaves outputs safe, made from the configuration.

use std::{
    collections::HashMap,
    env, io,
    path::Path,
    process::Command,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use schoolgate_core::id::PlaceId;
use schoolgate_lines::{
    InputLine, LineError, Told, Watch, cdev,
    guard::{Driver, Guard, SafeLine},
};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use super::{StartError, parts::random_u32};
use crate::{
    config::{Board, Config, Gate, Input, Line},
    gates::{FailSafe, GateDriver, Output, Pins, Sensor, SensorEvent, SimulatedLines, say_line_error},
    shell::GateTimes,
};

/// Events of all inputs that wait for the core. A line that floods is held back by then.
const SENSOR_EVENTS: usize = 256;

/// A guard that could not be posted is posted anew after so long.
const POST_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// The hidden command by which this program stands guard.
pub const GUARD_COMMAND: &str = "guard-lines";

/// What watches inputs, connects simulated lines and stands guard; all of it as long as this lives.
pub(super) struct Lines {
    /// Dropped first: what watches must not wait for room in it.
    events: mpsc::Receiver<SensorEvent>,
    /// Keeps the queue open, also when there is no input.
    _event_sender: mpsc::Sender<SensorEvent>,
    _watches: Vec<Watch>,
    _simulators_alive: watch::Sender<bool>,
    guarded: Vec<SafeLine>,
    guard: Option<Guard>,
    /// Another one is being posted, off the gates' own thread.
    posting: Option<JoinHandle<io::Result<Guard>>>,
    post_again_at: Instant,
}

/// The gates' outputs, how long each stays on, and the rest.
pub(super) struct Gates {
    pub(super) driver: GateDriver,
    pub(super) times: HashMap<PlaceId, GateTimes>,
    pub(super) lines: Lines,
}

type Simulators<'a> = HashMap<&'a Path, SimulatedLines>;

impl Gates {
    /// Takes every line that the configuration names; what is not there is an error that says what is.
    pub(super) fn start(config: &Config) -> Result<Self, StartError> {
        let failed = |cause: LineError| StartError::Lines(say_line_error(&cause, config.gateway.language));
        let mut simulators = Simulators::new();
        let (mut driver, mut times) = (GateDriver::new(), HashMap::new());
        for gate in &config.gates {
            let pins = pins(gate, &mut simulators).map_err(failed)?;
            driver.add_place(Instant::now(), gate.place.clone(), pins, FailSafe::Released);
            let release_ms = millis(gate.behaviour.pulse());
            times.insert(gate.place.clone(), GateTimes { release_ms, show_ms: millis(gate.show_time) });
        }
        let (event_sender, events) = mpsc::channel(SENSOR_EVENTS);
        let watches = watch_inputs(config, &mut simulators, &event_sender).map_err(failed)?;
        let (simulators_alive, go_on) = watch::channel(false);
        for (_, lines) in simulators {
            tokio::spawn(lines.run(go_on.clone(), random_u32));
        }
        let mut lines = Lines {
            events,
            _event_sender: event_sender,
            _watches: watches,
            _simulators_alive: simulators_alive,
            guarded: config.gates.iter().flat_map(safe_lines).collect(),
            guard: None,
            posting: None,
            post_again_at: Instant::now(),
        };
        if !lines.guarded.is_empty() {
            lines.posted(post(&lines.guarded));
        }
        Ok(Self { driver, times, lines })
    }
}

impl Lines {
    /// What an input says next.
    pub(super) async fn next(&mut self) -> SensorEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await, // never: the sender lives as long as this
        }
    }

    /// Posts a guard if there is something to guard and none stands. The gates work without one.
    pub(super) fn keep_guard(&mut self) {
        if self.guarded.is_empty() || self.guard.as_mut().is_some_and(Guard::stands) {
            return;
        }
        if self.guard.take().is_some() {
            warn!("the guard of the gates' outputs is gone; posting another");
        }
        if let Some(posted) = self.posting.take_if(|posting| posting.is_finished()) {
            self.posted(posted.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())));
        } else if self.posting.is_none() && Instant::now() >= self.post_again_at {
            self.post_again_at = Instant::now() + POST_AGAIN_AFTER;
            let lines = self.guarded.clone();
            self.posting = thread::Builder::new().name("guard".into()).spawn(move || post(&lines)).ok();
        }
    }

    fn posted(&mut self, posted: io::Result<Guard>) {
        match posted {
            Ok(guard) => {
                info!(lines = self.guarded.len(), "a guard stands by the gates' outputs");
                self.guard = Some(guard);
            }
            Err(cause) => {
                error!(%cause, "no guard stands: if the gateway is killed, the gates' outputs stay as they are");
            }
        }
    }

    /// The outputs are safe and given back.
    pub(super) fn dismiss_guard(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.dismiss();
        }
    }
}

fn post(lines: &[SafeLine]) -> io::Result<Guard> {
    let mut program = Command::new(env::current_exe()?);
    program.arg(GUARD_COMMAND);
    Guard::post(program, lines)
}

fn outputs(gate: &Gate) -> impl Iterator<Item = (Output, &Line)> {
    let wired: [(Output, &Option<Line>); 5] = [
        (Output::Release, &gate.release),
        (Output::Green, &gate.lamp_green),
        (Output::Amber, &gate.lamp_amber),
        (Output::Red, &gate.lamp_red),
        (Output::Buzzer, &gate.buzzer),
    ];
    wired.into_iter().filter_map(|(output, line)| Some((output, line.as_ref()?)))
}

/// Each line at the level at which it is dark, silent and locked, from the first moment on.
fn pins<'a>(gate: &'a Gate, simulators: &mut Simulators<'a>) -> Result<Pins, LineError> {
    let mut pins = Pins::new();
    for (output, Line { name, active_low }) in outputs(gate) {
        pins = match &gate.board {
            Board::Gpiocdev => pins.with(output, cdev::OutputLine::request(name, *active_low)?, *active_low),
            #[cfg(feature = "rppal")]
            Board::Rppal => {
                pins.with(output, schoolgate_lines::pi::OutputLine::request(name, *active_low)?, *active_low)
            }
            #[cfg(not(feature = "rppal"))]
            Board::Rppal => return Err(no_rppal()),
            Board::Simulated { socket } => pins.with(output, simulator(simulators, socket).pin(name), *active_low),
        };
    }
    Ok(pins)
}

/// What the guard sets: the passage open, as [`FailSafe::Released`] has it, and all else off.
fn safe_lines(gate: &Gate) -> impl Iterator<Item = SafeLine> {
    let driver = match gate.board {
        Board::Gpiocdev => Some(Driver::Cdev),
        Board::Rppal => Some(Driver::Pi),
        Board::Simulated { .. } => None,
    };
    outputs(gate).filter_map(move |(output, line)| {
        let active = output == Output::Release;
        Some(SafeLine { driver: driver?, name: line.name.clone(), high: active != line.active_low })
    })
}

fn simulator<'s, 'a>(simulators: &'s mut Simulators<'a>, socket: &'a Path) -> &'s SimulatedLines {
    simulators.entry(socket).or_insert_with(|| SimulatedLines::new(socket))
}

/// One watch for each backend.
fn watch_inputs<'a>(
    config: &'a Config,
    simulators: &mut Simulators<'a>,
    events: &mpsc::Sender<SensorEvent>,
) -> Result<Vec<Watch>, LineError> {
    let mut by_board: HashMap<&Board, Vec<&Input>> = HashMap::new();
    for input in &config.inputs {
        by_board.entry(&input.board).or_default().push(input);
    }
    let mut watches = Vec::new();
    for (board, inputs) in by_board {
        let lines: Vec<InputLine> = inputs.iter().map(|input| input_line(input)).collect();
        let sensors: Vec<Arc<Sensor>> = inputs.iter().map(|input| Arc::new(Sensor::new(input))).collect();
        let events = events.clone();
        match board {
            Board::Gpiocdev => watches.push(cdev::watch(&lines, tell_waiting(sensors, events))?),
            #[cfg(feature = "rppal")]
            Board::Rppal => watches.push(schoolgate_lines::pi::watch(&lines, tell_waiting(sensors, events))?),
            #[cfg(not(feature = "rppal"))]
            Board::Rppal => return Err(no_rppal()),
            Board::Simulated { socket } => simulator(simulators, socket).watch(&lines, tell_at_once(sensors, events)),
        }
    }
    Ok(watches)
}

fn input_line(input: &Input) -> InputLine {
    InputLine { name: input.line.clone(), pull: input.pull, contact: input.contact, rest: input.debounce }
}

/// On a thread of its own, which may wait for room.
fn tell_waiting(sensors: Vec<Arc<Sensor>>, events: mpsc::Sender<SensorEvent>) -> impl FnMut(Told) + Send + 'static {
    move |told| {
        if let Some(event) = SensorEvent::of(&sensors, told) {
            // An error says that the gateway is stopping.
            let _ = events.blocking_send(event);
        }
    }
}

/// Beside the shell, where nothing may wait: an exercise that floods its gateway loses by it.
fn tell_at_once(sensors: Vec<Arc<Sensor>>, events: mpsc::Sender<SensorEvent>) -> impl FnMut(Told) + Send + 'static {
    move |told| {
        if let Some(event) = SensorEvent::of(&sensors, told)
            && let Err(lost) = events.try_send(event)
        {
            warn!(%lost, "a simulated input floods");
        }
    }
}

#[cfg(not(feature = "rppal"))]
fn no_rppal() -> LineError {
    LineError::NoPi { why: "built without the feature rppal".to_owned() }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(name: &str, active_low: bool) -> Option<Line> {
        Some(Line { name: name.into(), active_low })
    }

    fn gate(board: Board) -> Gate {
        Gate {
            place: PlaceId::try_new("gate").unwrap(),
            board,
            release: line("GPIO17", true),
            lamp_green: line("GPIO22", false),
            lamp_amber: None,
            lamp_red: line("GPIO24", true),
            buzzer: None,
            behaviour: schoolgate_core::gate::Gate::default(),
            show_time: Duration::from_secs(2),
        }
    }

    #[test]
    fn the_guard_opens_the_passage_and_turns_all_else_off() {
        let safe: Vec<_> = safe_lines(&gate(Board::Gpiocdev)).collect();
        let levels: Vec<_> = safe.iter().map(|line| (line.name.as_str(), line.high)).collect();
        assert_eq!(levels, [("GPIO17", false), ("GPIO22", false), ("GPIO24", true)]);
        assert!(safe.iter().all(|line| line.driver == Driver::Cdev));
        assert_eq!(safe_lines(&gate(Board::Simulated { socket: "x".into() })).count(), 0, "nothing to guard");
    }

    #[test]
    fn a_line_that_is_not_there_keeps_the_gateway_from_starting() {
        let nowhere = Gate { release: line("no such line", true), ..gate(Board::Gpiocdev) };
        let refused = pins(&nowhere, &mut Simulators::new()).map(drop).unwrap_err();
        assert!(matches!(refused, LineError::NotThere { .. }), "{refused}");
    }
}
