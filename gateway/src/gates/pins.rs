//! From what a gate should show to the levels of its pins.

use std::{fmt, time::Duration};

use embedded_hal::digital::{OutputPin, PinState};

use super::{Light, Outputs};

/// A pin that failed is tried again after so long, even if nothing else changes.
pub const PIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// One of a gate's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// The relay that opens the passage; active means open.
    Release,
    /// The green lamp.
    Green,
    /// The amber lamp.
    Amber,
    /// The red lamp.
    Red,
    /// The buzzer.
    Buzzer,
}

impl Output {
    /// All of them, in the order in which they are written: the passage first, since people wait for it.
    pub const ALL: [Self; 5] = [Self::Release, Self::Green, Self::Amber, Self::Red, Self::Buzzer];

    /// Its name in configuration, logs and simulated lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
            Self::Buzzer => "buzzer",
        }
    }

    fn is_active(self, outputs: Outputs) -> bool {
        match self {
            Self::Release => outputs.released,
            Self::Green => outputs.lamp == Some(Light::Green),
            Self::Amber => outputs.lamp == Some(Light::Amber),
            Self::Red => outputs.lamp == Some(Light::Red),
            Self::Buzzer => outputs.buzzer,
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A pin could not be set, in the words of its driver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pin could not be set: {0}")]
pub struct PinError(String);

/// Any [`OutputPin`], with its own kind of error put aside so that pins of several drivers can stand side by side.
pub trait Line: Send {
    /// Sets the pin's electrical level.
    fn set(&mut self, state: PinState) -> Result<(), PinError>;
}

impl<P: OutputPin + Send> Line for P {
    fn set(&mut self, state: PinState) -> Result<(), PinError> {
        self.set_state(state).map_err(|error| PinError(format!("{error:?}")))
    }
}

/// The pins of one gate. An output without a pin is one that the gate doesn't have.
#[derive(Default)]
pub struct Pins(Vec<Pin>);

struct Pin {
    output: Output,
    line: Box<dyn Line>,
    active_low: bool,
    /// As last written with success; none if that is unknown.
    active: Option<bool>,
    failure: Option<PinError>,
    failure_told: bool,
}

impl Pins {
    /// A gate without any.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pin. `active_low`: a low level lights the lamp, or opens the passage (as it does where power holds the
    /// lock shut, so that a power cut opens it). A second pin for the same output follows the first.
    #[must_use]
    pub fn with(mut self, output: Output, line: impl Line + 'static, active_low: bool) -> Self {
        self.0.push(Pin { output, line: Box::new(line), active_low, active: None, failure: None, failure_told: false });
        self.0.sort_by_key(|pin| pin.output);
        self
    }

    /// Writes every pin whose level has to change; a pin that fails doesn't keep the others from it.
    pub fn apply(&mut self, outputs: Outputs) {
        // What goes off goes first, so that no two lamps are lit at once.
        for active in [false, true] {
            for pin in self.0.iter_mut().filter(|pin| pin.output.is_active(outputs) == active) {
                pin.set(active);
            }
        }
    }

    /// Whether a pin failed at the last try.
    pub fn has_failure(&self) -> bool {
        self.0.iter().any(|pin| pin.failure.is_some())
    }

    /// A pin that has failed, or works again (then without an error), and was not told about yet.
    pub fn poll_change(&mut self) -> Option<(Output, Option<PinError>)> {
        let pin = self.0.iter_mut().find(|pin| pin.failure.is_some() != pin.failure_told)?;
        pin.failure_told = pin.failure.is_some();
        Some((pin.output, pin.failure.clone()))
    }
}

impl Pin {
    fn set(&mut self, active: bool) {
        if self.active == Some(active) {
            return;
        }
        let written = self.line.set(PinState::from(active != self.active_low));
        self.active = written.is_ok().then_some(active);
        self.failure = written.err();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use embedded_hal::digital::{ErrorKind, ErrorType};

    use super::*;

    /// Every level written to any pin of a board, and which pins are broken.
    #[derive(Clone, Default)]
    pub(in crate::gates) struct Board(Arc<Mutex<Wiring>>);

    #[derive(Default)]
    struct Wiring {
        written: Vec<(Output, bool)>,
        broken: Vec<Output>,
    }

    pub(in crate::gates) struct BoardPin(Board, Output);

    impl Board {
        pub(in crate::gates) fn pin(&self, output: Output) -> BoardPin {
            BoardPin(self.clone(), output)
        }

        pub(in crate::gates) fn pins(&self) -> Pins {
            Output::ALL.into_iter().fold(Pins::new(), |pins, output| pins.with(output, self.pin(output), false))
        }

        /// What was written since the last call.
        pub(in crate::gates) fn written(&self) -> Vec<(Output, bool)> {
            std::mem::take(&mut self.0.lock().unwrap().written)
        }

        pub(in crate::gates) fn break_pins(&self, broken: &[Output]) {
            self.0.lock().unwrap().broken = broken.to_vec();
        }
    }

    impl ErrorType for BoardPin {
        type Error = ErrorKind;
    }

    impl OutputPin for BoardPin {
        fn set_low(&mut self) -> Result<(), ErrorKind> {
            self.write(false)
        }

        fn set_high(&mut self) -> Result<(), ErrorKind> {
            self.write(true)
        }
    }

    impl BoardPin {
        fn write(&self, high: bool) -> Result<(), ErrorKind> {
            let mut board = self.0.0.lock().unwrap();
            if board.broken.contains(&self.1) {
                return Err(ErrorKind::Other);
            }
            board.written.push((self.1, high));
            Ok(())
        }
    }

    const GREEN: Outputs = Outputs { released: true, lamp: Some(Light::Green), buzzer: false };
    const RED: Outputs = Outputs { released: false, lamp: Some(Light::Red), buzzer: false };

    #[test]
    fn only_what_changes_is_written_and_what_goes_off_goes_first() {
        let board = Board::default();
        let mut pins = board.pins();
        pins.apply(RED);
        board.written();

        pins.apply(GREEN);

        assert_eq!(board.written(), [(Output::Red, false), (Output::Release, true), (Output::Green, true)]);
        pins.apply(GREEN);
        assert_eq!(board.written(), []);
    }

    #[test]
    fn an_active_low_pin_is_low_when_active() {
        let board = Board::default();
        let mut pins = Pins::new().with(Output::Release, board.pin(Output::Release), true);
        pins.apply(RED);
        pins.apply(GREEN);
        assert_eq!(board.written(), [(Output::Release, true), (Output::Release, false)]);
    }

    #[test]
    fn a_broken_pin_is_told_once_and_the_others_go_on() {
        let board = Board::default();
        let mut pins = board.pins();
        pins.apply(RED);
        board.written();
        board.break_pins(&[Output::Release]);

        pins.apply(GREEN);
        pins.apply(GREEN);

        assert_eq!(board.written(), [(Output::Red, false), (Output::Green, true)]);
        assert!(matches!(pins.poll_change(), Some((Output::Release, Some(_)))));
        assert_eq!(pins.poll_change(), None);

        board.break_pins(&[]);
        pins.apply(GREEN);
        assert_eq!(board.written(), [(Output::Release, true)]);
        assert_eq!(pins.poll_change(), Some((Output::Release, None)));
        assert!(!pins.has_failure());
    }

    #[test]
    fn a_pin_that_failed_to_change_is_not_taken_for_unchanged() {
        let board = Board::default();
        let mut pins = board.pins();
        pins.apply(RED);
        board.break_pins(&[Output::Red]);
        pins.apply(GREEN);
        board.break_pins(&[]);
        board.written();
        pins.apply(RED);
        assert!(board.written().contains(&(Output::Red, true)), "its level is unknown, so it is written");
    }
}
