//! Lines by the kernel's GPIO character device: any board, any chip, edges with the kernel's own times.
//!
//! The kernel gives a line to one process, and takes it back when that process ends, however it ends. What the pin does
//! then is the chip's matter: `gateway/docs/gpio.md`.

use std::{
    os::fd::{AsFd, BorrowedFd},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use embedded_hal::digital::{ErrorType, OutputPin};
use gpiocdev::{
    Request,
    line::{Bias, EdgeDetection, EdgeKind, Value},
    request::Builder,
};
use rustix::{
    io::Errno,
    time::{ClockId, clock_gettime},
};

use super::{
    InputLine, Inventory, LineError, Pull, Told, Watch,
    inventory::Found,
    watch::{Pin, Seen, watch as watch_pins},
};

/// Under which name the kernel lists our lines.
pub const CONSUMER: &str = "schoolgate";

/// A line that another process has may be given back in a moment: a guard sets it safe, and lets go.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);
const BUSY_RETRY: Duration = Duration::from_millis(20);

/// Events of a line that are read in one go; the kernel keeps as many.
const EVENTS_AT_ONCE: usize = 16;

/// An output line. When it is dropped, the kernel has it back.
#[derive(Debug)]
pub struct OutputLine {
    name: String,
    request: Request,
}

impl OutputLine {
    /// Takes the line of that name (see [`Inventory::find`]), at this level from the first moment on.
    pub fn request(name: &str, high: bool) -> Result<Self, LineError> {
        let found = Inventory::look().locate(name)?;
        let value = if high { Value::Active } else { Value::Inactive };
        let request = take(name, &found, |builder| {
            builder.as_output(value);
        })?;
        Ok(Self { name: name.to_owned(), request })
    }

    fn set(&self, value: Value) -> Result<(), LineError> {
        self.request
            .set_lone_value(value)
            .map_err(|cause| LineError::Level { name: self.name.clone(), why: cause.to_string() })
    }
}

impl ErrorType for OutputLine {
    type Error = LineError;
}

impl OutputPin for OutputLine {
    fn set_low(&mut self) -> Result<(), LineError> {
        self.set(Value::Inactive)
    }

    fn set_high(&mut self) -> Result<(), LineError> {
        self.set(Value::Active)
    }
}

/// Watches inputs on a thread of its own until what this gives is dropped. Lines are numbered by their place in `lines`.
pub fn watch(lines: &[InputLine], tell: impl FnMut(Told) + Send + 'static) -> Result<Watch, LineError> {
    let pins = lines.iter().map(InputPin::request).collect::<Result<Vec<_>, _>>()?;
    watch_pins(lines, pins, tell)
}

/// An input line, as long as it is there.
#[derive(Debug)]
struct InputPin {
    line: InputLine,
    request: Option<Request>,
}

impl InputPin {
    fn request(line: &InputLine) -> Result<Self, LineError> {
        let found = Inventory::look().locate(&line.name)?;
        Self::take(line, &found).map(|request| Self { line: line.clone(), request: Some(request) })
    }

    fn take(line: &InputLine, found: &Found) -> Result<Request, LineError> {
        let bias = match line.pull {
            Pull::Up => Bias::PullUp,
            Pull::Down => Bias::PullDown,
            Pull::None => Bias::Disabled,
        };
        let as_input = |bias: Option<Bias>| {
            take(&line.name, found, |builder| {
                builder.as_input().with_bias(bias).with_edge_detection(EdgeDetection::BothEdges);
            })
        };
        // Not every chip has resistors: none is what it then has, and an installer who asked for one must know.
        match (as_input(Some(bias)), line.pull) {
            (Err(LineError::Request { .. }), Pull::None) => as_input(None),
            (taken, _) => taken,
        }
    }

    fn look_once(request: &Request) -> Result<bool, String> {
        request.lone_value().map(|value| value == Value::Active).map_err(|cause| cause.to_string())
    }
}

impl Pin for InputPin {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.request.as_ref().map(AsFd::as_fd)
    }

    fn edges(&mut self, seen: &mut Vec<Seen>) -> Result<(), String> {
        let Some(request) = &self.request else { return Ok(()) };
        for _ in 0..EVENTS_AT_ONCE {
            if !request.has_edge_event().map_err(|cause| cause.to_string())? {
                break;
            }
            let event = request.read_edge_event().map_err(|cause| cause.to_string())?;
            seen.push(Seen { at: instant(event.timestamp_ns), high: event.kind == EdgeKind::Rising });
        }
        Ok(())
    }

    fn look(&mut self) -> Result<bool, String> {
        match &self.request {
            Some(request) => Self::look_once(request),
            None => {
                let found = Inventory::look().locate(&self.line.name).map_err(|cause| cause.to_string())?;
                let request = Self::take(&self.line, &found).map_err(|cause| cause.to_string())?;
                let level = Self::look_once(&request);
                self.request = Some(request);
                level
            }
        }
    }

    fn let_go(&mut self) {
        self.request = None;
    }
}

/// Asks the kernel for one line, and again for a moment while somebody else has it.
fn take(name: &str, found: &Found, configure: impl Fn(&mut Builder)) -> Result<Request, LineError> {
    let began = Instant::now();
    loop {
        let mut builder = Request::builder();
        builder.on_chip(&found.path).with_consumer(CONSUMER).with_line(found.offset);
        configure(&mut builder);
        let cause = match builder.request() {
            Ok(request) => return Ok(request),
            Err(cause) => cause,
        };
        let errno = errno(&cause);
        if errno == Some(Errno::BUSY) && began.elapsed() < BUSY_PATIENCE {
            thread::sleep(BUSY_RETRY);
            continue;
        }
        return Err(match errno {
            Some(Errno::BUSY) => LineError::Busy { name: name.to_owned(), by: user_of(&found.path, found.offset) },
            Some(Errno::ACCESS | Errno::PERM) => LineError::Denied { name: name.to_owned(), path: found.path.clone() },
            _ => LineError::Request { name: name.to_owned(), why: cause.to_string() },
        });
    }
}

fn errno(cause: &gpiocdev::Error) -> Option<Errno> {
    match cause {
        gpiocdev::Error::Os(errno) | gpiocdev::Error::Uapi(_, gpiocdev_uapi::Error::Os(errno)) => {
            Some(Errno::from_raw_os_error(errno.0))
        }
        _ => None,
    }
}

fn user_of(path: &Path, offset: u32) -> String {
    let info = gpiocdev::Chip::from_path(path).and_then(|chip| chip.line_info(offset));
    info.map(|info| info.consumer).unwrap_or_default()
}

/// The kernel's time of an edge (`CLOCK_MONOTONIC`, which [`Instant`] is on Linux, too), never later than now.
pub(crate) fn instant(timestamp_ns: u64) -> Instant {
    let (now, clock) = (Instant::now(), clock_gettime(ClockId::Monotonic));
    let clock = Duration::new(u64::try_from(clock.tv_sec).unwrap_or(0), u32::try_from(clock.tv_nsec).unwrap_or(0));
    let ago = clock.saturating_sub(Duration::from_nanos(timestamp_ns));
    now.checked_sub(ago).unwrap_or(now)
}
