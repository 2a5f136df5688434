//! Lines by the registers of a Raspberry Pi (rppal). Its author has retired it, and it knows no board after Pi 5: only for
//! a Pi whose kernel has no usable character device.
//!
//! Registers belong to nobody: a line that another process uses is not refused, and none is given back when a process ends.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use embedded_hal::digital::{ErrorType, OutputPin};
use rppal::gpio::{Event, Gpio, InputPin as PiInput, OutputPin as PiOutput, Trigger};
use rustix::event::{EventfdFlags, eventfd};

use super::{
    InputLine, LineError, Pull, Told, Watch,
    cdev::instant,
    watch::{Pin, Seen, watch as watch_pins},
};

/// Edges kept for the thread that takes them; of more, the last ones stay.
const MAX_EDGES: usize = 64;

/// The number of a line of this name: `GPIO17` or `17`, as Broadcom counts.
pub fn number(name: &str) -> Option<u8> {
    name.strip_prefix("GPIO").unwrap_or(name).parse().ok().filter(|number| *number <= 53)
}

/// An output line. It keeps its level when it is dropped.
#[derive(Debug)]
pub struct OutputLine(PiOutput);

impl OutputLine {
    /// Takes the line of that name, at this level from the first moment on.
    pub fn request(name: &str, high: bool) -> Result<Self, LineError> {
        let pin = pin(name)?;
        let mut pin = if high { pin.into_output_high() } else { pin.into_output_low() };
        pin.set_reset_on_drop(false);
        Ok(Self(pin))
    }
}

impl ErrorType for OutputLine {
    type Error = LineError;
}

impl OutputPin for OutputLine {
    fn set_low(&mut self) -> Result<(), LineError> {
        self.0.set_low();
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), LineError> {
        self.0.set_high();
        Ok(())
    }
}

/// Watches inputs on a thread of its own until what this gives is dropped. Lines are numbered by their place in `lines`.
pub fn watch(lines: &[InputLine], tell: impl FnMut(Told) + Send + 'static) -> Result<Watch, LineError> {
    let pins = lines.iter().map(InputPin::request).collect::<Result<Vec<_>, _>>()?;
    watch_pins(lines, pins, tell)
}

fn pin(name: &str) -> Result<rppal::gpio::Pin, LineError> {
    let gpio = Gpio::new().map_err(|cause| LineError::NoPi { why: cause.to_string() })?;
    let busy_or = |cause| match cause {
        rppal::gpio::Error::PinUsed(_) => LineError::Busy { name: name.to_owned(), by: "schoolgate".to_owned() },
        cause => LineError::Request { name: name.to_owned(), why: cause.to_string() },
    };
    let none = || LineError::Request { name: name.to_owned(), why: "rppal knows GPIO0 to GPIO53".to_owned() };
    gpio.get(number(name).ok_or_else(none)?).map_err(busy_or)
}

struct InputPin {
    /// Edges that wait, by rppal's own thread.
    edges: Arc<Edges>,
    pin: PiInput,
}

struct Edges {
    waiting: Mutex<VecDeque<Seen>>,
    event: OwnedFd,
}

impl InputPin {
    fn request(line: &InputLine) -> Result<Self, LineError> {
        let pin = pin(&line.name)?;
        let mut pin = match line.pull {
            Pull::Up => pin.into_input_pullup(),
            Pull::Down => pin.into_input_pulldown(),
            Pull::None => pin.into_input(),
        };
        let failed = |why: String| LineError::Request { name: line.name.clone(), why };
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| LineError::Watch(errno.into()))?;
        let edges = Arc::new(Edges { waiting: Mutex::default(), event });
        let heard = Arc::clone(&edges);
        // Armed on a thread of rppal's: what happens before that is found by the looks at the level.
        pin.set_async_interrupt(Trigger::Both, None, move |event| heard.put(event))
            .map_err(|cause| failed(cause.to_string()))?;
        Ok(Self { edges, pin })
    }
}

impl Edges {
    fn put(&self, event: Event) {
        let at = instant(u64::try_from(event.timestamp.as_nanos()).unwrap_or(u64::MAX));
        let mut waiting = self.waiting();
        if waiting.len() == MAX_EDGES {
            waiting.pop_front();
        }
        waiting.push_back(Seen { at: at.min(Instant::now()), high: event.trigger == Trigger::RisingEdge });
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Seen>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pin for InputPin {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.edges.event.as_fd())
    }

    fn edges(&mut self, seen: &mut Vec<Seen>) -> Result<(), String> {
        let _ = rustix::io::read(&self.edges.event, &mut [0; 8]);
        seen.extend(self.edges.waiting().drain(..));
        Ok(())
    }

    fn look(&mut self) -> Result<bool, String> {
        Ok(self.pin.is_high())
    }

    fn let_go(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_as_broadcom_does() {
        assert_eq!((number("GPIO17"), number("4"), number("GPIO54")), (Some(17), Some(4), None));
        assert_eq!((number("pin 11"), number("gpiochip0:17"), number("")), (None, None, None));
    }
}
