//! A small process that sets outputs to their safe levels when the one that drives them is gone, however that ended.
//!
//! A killed process can't set anything, and what a chip does with a line that is given back differs: some make it an input,
//! others leave it as it was, with the gate locked. The guard is told the safe levels through a pipe and waits for the
//! pipe's end, which the kernel brings about when the other process dies. Then it takes the lines, sets them and goes.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use embedded_hal::digital::PinState;

use super::{LineError, cdev};

/// How long a guard may take to say that it stands.
const STANDING_WITHIN: Duration = Duration::from_secs(5);
/// How long a dismissed guard may take to go.
const GONE_WITHIN: Duration = Duration::from_secs(2);
/// Longest order that a guard reads, in bytes.
const MAX_ORDER_BYTES: u64 = 256;

const STANDING: &str = "standing";
const ARMED: &str = "armed";
const DISMISSED: &str = "dismissed";

/// What drives a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The kernel's character device.
    Cdev,
    /// A Raspberry Pi's registers.
    Pi,
}

/// A line, and the level that is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeLine {
    /// What drives it.
    pub driver: Driver,
    /// Its name.
    pub name: String,
    /// Its safe level.
    pub high: bool,
}

/// The guard, as the process sees it that it guards. Dropping it has it act.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    /// Its end is what the guard waits for.
    orders: ChildStdin,
}

impl Guard {
    /// Starts `program`, which has to call [`stand`], and waits until it stands.
    pub fn post(mut program: Command, lines: &[SafeLine]) -> io::Result<Self> {
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(mut orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let mut text = String::new();
        for line in lines {
            text.push_str(&line.order());
        }
        text.push_str(ARMED);
        text.push('\n');
        orders.write_all(text.as_bytes())?;
        let (heard, answer) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(answers.take(MAX_ORDER_BYTES)).read_line(&mut line);
            let _ = heard.send(line);
        });
        match answer.recv_timeout(STANDING_WITHIN) {
            Ok(line) if line.trim_end() == STANDING => Ok(Self { child, orders }),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                Err(io::Error::other("the guard of the gates' outputs does not stand"))
            }
        }
    }

    /// Whether it is there.
    pub fn stands(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The outputs are safe, and given back: the guard goes without touching them.
    pub fn dismiss(mut self) {
        let _ = self.orders.write_all(format!("{DISMISSED}\n").as_bytes());
        let began = Instant::now();
        while began.elapsed() < GONE_WITHIN {
            if !self.stands() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The guard's whole life: reads its orders from `orders`, says on `answers` that it stands, and waits. Gives what went
/// wrong with each line that it could not set; nothing if it was dismissed.
pub fn stand(orders: impl Read, mut answers: impl Write) -> io::Result<Vec<LineError>> {
    let mut orders = BufReader::new(orders);
    let mut lines = Vec::new();
    loop {
        let mut order = String::new();
        (&mut orders).take(MAX_ORDER_BYTES).read_line(&mut order)?;
        match order.trim_end_matches('\n') {
            "" => return Ok(lines.iter().filter_map(|line: &SafeLine| line.make_safe().err()).collect()),
            ARMED => {
                answers.write_all(format!("{STANDING}\n").as_bytes())?;
                answers.flush()?;
            }
            DISMISSED => return Ok(Vec::new()),
            order => lines.extend(SafeLine::read(order)),
        }
    }
}

impl SafeLine {
    fn order(&self) -> String {
        let Self { driver, name, high } = self;
        let driver = match driver {
            Driver::Cdev => "cdev",
            Driver::Pi => "pi",
        };
        format!("{driver}\t{}\t{name}\n", u8::from(*high))
    }

    fn read(order: &str) -> Option<Self> {
        let mut parts = order.splitn(3, '\t');
        let driver = match parts.next()? {
            "cdev" => Driver::Cdev,
            "pi" => Driver::Pi,
            _ => return None,
        };
        let high = match parts.next()? {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        Some(Self { driver, name: parts.next()?.to_owned(), high })
    }

    /// Takes the line and sets it. Whether it stays so or becomes an input once it is given back is the chip's matter; both
    /// are safe where it is wired as the guide says.
    fn make_safe(&self) -> Result<(), LineError> {
        set(self.driver, &self.name, PinState::from(self.high))
    }
}

fn set(driver: Driver, name: &str, state: PinState) -> Result<(), LineError> {
    let high = state == PinState::High;
    match driver {
        Driver::Cdev => cdev::OutputLine::request(name, high).map(drop),
        #[cfg(feature = "rppal")]
        Driver::Pi => super::pi::OutputLine::request(name, high).map(drop),
        #[cfg(not(feature = "rppal"))]
        Driver::Pi => Err(LineError::NoPi { why: "built without the feature rppal".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn orders_are_read_as_they_were_written() {
        for driver in [Driver::Cdev, Driver::Pi] {
            let line = SafeLine { driver, name: "ID_SDA/GPIO0 [pin 27]".into(), high: driver == Driver::Pi };
            assert_eq!(SafeLine::read(line.order().trim_end_matches('\n')), Some(line));
        }
    }

    #[test]
    fn a_dismissed_guard_touches_nothing_and_an_orphaned_one_does() {
        let orders = "cdev\t1\tno such line\narmed\n";
        let mut answers = Vec::new();
        let dismissed = stand(format!("{orders}dismissed\n").as_bytes(), &mut answers).unwrap();
        assert!(dismissed.is_empty());
        assert_eq!(answers, b"standing\n");
        let orphaned = stand(orders.as_bytes(), &mut answers).unwrap();
        assert!(matches!(orphaned.as_slice(), [LineError::NotThere { .. }]), "it looked for the line: {orphaned:?}");
    }

    proptest! {
        #[test]
        fn any_orders_are_read_or_passed_over(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = stand(bytes.as_slice(), Vec::new());
        }
    }
}
