//! All gates of this gateway, driven by plain calls from the shell's loop.

use std::{collections::BTreeMap, time::Instant};

use schoolgate_core::{gate::Standing, id::PlaceId};

use super::{FailSafe, Light, Output, PIN_RETRY_AFTER, Panel, PinError, Pins, Tone};

/// What a gate is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateCommand {
    /// Which gate.
    pub place: PlaceId,
    /// What to do.
    pub what: GateAction,
}

/// What a gate can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateAction {
    /// Lights one lamp and sounds a tone, in place of what was before.
    Show {
        /// The lamp.
        light: Light,
        /// The tone.
        tone: Option<Tone>,
        /// How long the lamp is lit, in milliseconds.
        for_ms: u32,
    },
    /// Opens the passage.
    Release {
        /// How long, in milliseconds; an earlier release that lasts longer stays.
        for_ms: u32,
    },
    /// Shuts the passage before its time: it has been used.
    EndRelease,
    /// What the gate is until told otherwise.
    Stand(Standing),
    /// The gate stands open for everybody, with a green lamp, or is a gate again. No other action ends it.
    Free(bool),
}

/// Something that happened to a gate's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateEvent {
    /// At which gate.
    pub place: PlaceId,
    /// On which line.
    pub output: Output,
    /// How the line is now.
    pub state: LineState,
}

/// Whether a line can be driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    /// It can't: what stands at the gate is not what should. It is tried again every second.
    Failed(PinError),
    /// It can again.
    Works,
}

/// A command for a place that has no gate lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("place {0} has no gate lines in the configuration")]
pub struct UnknownPlace(pub PlaceId);

/// Owner of every gate's panel and pins.
///
/// Call [`apply`](Self::apply) with each command and [`on_timeout`](Self::on_timeout) at
/// [`next_timeout`](Self::next_timeout); after either, take events from [`poll_event`](Self::poll_event) until there are
/// none. Levels are written before a call returns. `now` never goes back.
#[derive(Default)]
pub struct GateDriver(BTreeMap<PlaceId, Gate>);

struct Gate {
    panel: Panel,
    pins: Pins,
    /// When a failed pin is tried again.
    retry_at: Option<Instant>,
}

impl GateDriver {
    /// No gates yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over a place's pins and sets them dark, silent and locked. A place that was there before is replaced.
    pub fn add_place(&mut self, now: Instant, place: PlaceId, pins: Pins, fail_safe: FailSafe) {
        let mut gate = Gate { panel: Panel::new(fail_safe), pins, retry_at: None };
        gate.write(now);
        self.0.insert(place, gate);
    }

    /// Does what the command says, now.
    pub fn apply(&mut self, now: Instant, command: &GateCommand) -> Result<(), UnknownPlace> {
        let gate = self.0.get_mut(&command.place).ok_or_else(|| UnknownPlace(command.place.clone()))?;
        gate.panel.handle_timeout(now);
        match command.what {
            GateAction::Show { light, tone, for_ms } => gate.panel.show(now, light, tone, for_ms),
            GateAction::Release { for_ms } => gate.panel.release(now, for_ms),
            GateAction::EndRelease => gate.panel.end_release(),
            GateAction::Stand(standing) => gate.panel.stand(standing),
            GateAction::Free(on) => gate.panel.free(on),
        }
        gate.write(now);
        Ok(())
    }

    /// When [`on_timeout`](Self::on_timeout) is due, at the latest.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.0.values().filter_map(Gate::next_timeout).min()
    }

    /// Ends what has ended by `now`, and tries failed pins again. Cheap where nothing has: call it whenever awake.
    pub fn on_timeout(&mut self, now: Instant) {
        for gate in self.0.values_mut() {
            let was = gate.panel.outputs();
            gate.panel.handle_timeout(now);
            if gate.panel.outputs() != was || gate.retry_at.is_some_and(|due| due <= now) {
                gate.write(now);
            }
        }
    }

    /// Puts every gate in its safe state, until [`resume`](Self::resume): on a fire alarm, and before the process ends.
    pub fn safe(&mut self, now: Instant) {
        for gate in self.0.values_mut() {
            gate.panel.safe();
            gate.write(now);
        }
    }

    /// Takes control of the passages again after [`safe`](Self::safe).
    pub fn resume(&mut self, now: Instant) {
        for gate in self.0.values_mut() {
            gate.panel.resume();
            gate.panel.handle_timeout(now);
            gate.write(now);
        }
    }

    /// The next line that has failed or works again, if any.
    pub fn poll_event(&mut self) -> Option<GateEvent> {
        self.0.iter_mut().find_map(|(place, gate)| {
            let (output, failure) = gate.pins.poll_change()?;
            Some(GateEvent { place: place.clone(), output, state: failure.map_or(LineState::Works, LineState::Failed) })
        })
    }
}

/// Whoever drops it is not in control any more, be it by a panic.
impl Drop for GateDriver {
    fn drop(&mut self) {
        self.safe(Instant::now());
    }
}

impl Gate {
    fn write(&mut self, now: Instant) {
        self.pins.apply(self.panel.outputs());
        self.retry_at = self.pins.has_failure().then(|| now + PIN_RETRY_AFTER);
    }

    fn next_timeout(&self) -> Option<Instant> {
        [self.panel.poll_timeout(), self.retry_at].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::{panel::SHOW_SLACK, pins::tests::Board},
        *,
    };

    struct School {
        start: Instant,
        board: Board,
        driver: GateDriver,
    }

    fn school(fail_safe: FailSafe) -> School {
        let (start, board, mut driver) = (Instant::now(), Board::default(), GateDriver::new());
        driver.add_place(start, place("east-gate"), board.pins(), fail_safe);
        assert_eq!(board.written().len(), 5, "every line is set once to begin with");
        School { start, board, driver }
    }

    fn place(id: &str) -> PlaceId {
        PlaceId::try_new(id).unwrap()
    }

    impl School {
        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        fn tell(&mut self, ms: u64, what: GateAction) -> Vec<(Output, bool)> {
            self.driver.apply(self.at(ms), &GateCommand { place: place("east-gate"), what }).unwrap();
            self.board.written()
        }
    }

    const GREEN: GateAction = GateAction::Show { light: Light::Green, tone: None, for_ms: 2_000 };

    #[test]
    fn a_grant_is_lit_within_the_call_and_goes_out_at_its_time() {
        let mut school = school(FailSafe::Released);
        assert_eq!(school.tell(0, GREEN), [(Output::Green, true)]);
        assert_eq!(school.tell(0, GateAction::Release { for_ms: 5_000 }), [(Output::Release, true)]);

        assert_eq!(school.driver.next_timeout(), Some(school.at(2_000) + SHOW_SLACK));
        school.driver.on_timeout(school.at(2_000));
        assert_eq!(school.board.written(), [(Output::Green, false)]);
        school.driver.on_timeout(school.at(5_000));
        assert_eq!(school.board.written(), [(Output::Release, false)]);
        assert_eq!(school.driver.next_timeout(), None);
    }

    #[test]
    fn a_place_without_lines_is_named() {
        let mut school = school(FailSafe::Released);
        let command = GateCommand { place: place("moon"), what: GREEN };
        let error = school.driver.apply(school.start, &command).unwrap_err();
        assert_eq!(error.to_string(), "place moon has no gate lines in the configuration");
    }

    #[test]
    fn a_relay_that_sticks_is_told_and_tried_again_until_it_obeys() {
        let mut school = school(FailSafe::Released);
        school.tell(0, GateAction::Release { for_ms: 3_000 });
        school.board.break_pins(&[Output::Release]);

        school.driver.on_timeout(school.at(3_000));
        let event = school.driver.poll_event().unwrap();
        assert_eq!((event.place.as_str(), event.output), ("east-gate", Output::Release));
        assert!(matches!(event.state, LineState::Failed(_)));
        assert_eq!(school.driver.next_timeout(), Some(school.at(4_000)));
        school.driver.on_timeout(school.at(4_000));
        assert_eq!(school.driver.poll_event(), None, "told once");

        school.board.break_pins(&[]);
        school.driver.on_timeout(school.at(5_000));
        assert_eq!(school.board.written(), [(Output::Release, false)]);
        assert_eq!(school.driver.poll_event().unwrap().state, LineState::Works);
        assert_eq!(school.driver.next_timeout(), None);
    }

    #[test]
    fn a_free_gate_stays_open_past_every_release() {
        let mut school = school(FailSafe::Released);
        assert_eq!(school.tell(0, GateAction::Free(true)), [(Output::Release, true), (Output::Green, true)]);
        assert_eq!(school.tell(10, GateAction::Release { for_ms: 3_000 }), []);
        assert_eq!(school.tell(20, GateAction::EndRelease), []);
        school.driver.on_timeout(school.at(10_000_000));
        assert_eq!(school.board.written(), []);
        assert_eq!(
            school.tell(10_000_001, GateAction::Free(false)),
            [(Output::Release, false), (Output::Green, false)]
        );
    }

    #[test]
    fn a_panic_leaves_every_gate_in_its_safe_state() {
        let mut school = school(FailSafe::Released);
        school.tell(0, GREEN);
        let (board, driver) = (school.board.clone(), school.driver);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _driver = driver;
            panic!("a mistake");
        }));
        assert!(panicked.is_err());
        assert_eq!(board.written(), [(Output::Green, false), (Output::Release, true)]);
    }

    #[test]
    fn a_fire_alarm_opens_the_gate_until_it_is_over() {
        let mut school = school(FailSafe::Released);
        school.tell(0, GREEN);
        school.driver.safe(school.at(10));
        assert_eq!(school.board.written(), [(Output::Green, false), (Output::Release, true)]);
        assert_eq!(school.tell(20, GateAction::EndRelease), [], "nothing shuts it meanwhile");
        school.driver.resume(school.at(60_000));
        assert_eq!(school.board.written(), [(Output::Release, false)]);
    }
}
