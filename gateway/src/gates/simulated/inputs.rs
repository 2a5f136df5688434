//! Inputs whose levels the simulator sends.

use std::{io, time::Instant};

use schoolgate_lines::{InputLine, Inputs, Told};

/// Longest line of text that the simulator may send, in bytes.
const MAX_LINE_BYTES: usize = 128;

/// The inputs, and who is told of them.
pub(super) struct SimulatedInputs {
    names: Vec<String>,
    inputs: Inputs,
    tell: Box<dyn FnMut(Told) + Send>,
    /// The beginning of a line of text whose end has not come.
    cut: Vec<u8>,
}

impl SimulatedInputs {
    pub(super) fn new(lines: &[InputLine], tell: impl FnMut(Told) + Send + 'static) -> Self {
        let mut inputs = Inputs::new();
        for line in lines {
            inputs.add(line.contact, line.rest);
        }
        let names = lines.iter().map(|line| line.name.clone()).collect();
        Self { names, inputs, tell: Box::new(tell), cut: Vec::new() }
    }

    /// Takes what the simulator has sent. Lines of text that name no input are passed over.
    pub(super) fn take(&mut self, bytes: &[u8], now: Instant) -> io::Result<()> {
        self.cut.extend_from_slice(bytes);
        while let Some(end) = self.cut.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.cut.drain(..=end).collect();
            self.take_line(&line, now);
        }
        if self.cut.len() > MAX_LINE_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line without an end from the simulator"));
        }
        self.tell();
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], now: Instant) {
        let Some((name, high)) = std::str::from_utf8(line).ok().and_then(|line| line.trim_end().split_once(' ')) else {
            return;
        };
        let high = match high {
            "1" => true,
            "0" => false,
            _ => return,
        };
        if let Some(line) = self.names.iter().position(|known| known == name) {
            self.inputs.level(line, now, high);
        }
    }

    /// The simulator is gone.
    pub(super) fn lose(&mut self, now: Instant) {
        self.cut.clear();
        for line in 0..self.names.len() {
            self.inputs.lost(line, now, "the simulator is not there");
        }
        self.tell();
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.inputs.next_timeout()
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        self.inputs.on_timeout(now);
        self.tell();
    }

    fn tell(&mut self) {
        while let Some(told) = self.inputs.poll_told() {
            (self.tell)(told);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, channel},
        time::Duration,
    };

    use proptest::prelude::*;
    use schoolgate_lines::{Contact, Pull, ToldWhat};

    use super::*;

    fn inputs(names: &[&str]) -> (SimulatedInputs, Receiver<Told>) {
        let contact = Contact { active_low: false, normally_closed: false };
        let line = |name: &&str| InputLine { name: (*name).into(), pull: Pull::Up, contact, rest: Duration::ZERO };
        let (tell, told) = channel();
        let lines: Vec<InputLine> = names.iter().map(line).collect();
        (SimulatedInputs::new(&lines, move |what| _ = tell.send(what)), told)
    }

    fn told(told: &Receiver<Told>) -> Vec<(usize, ToldWhat)> {
        told.try_iter().map(|told| (told.line, told.what)).collect()
    }

    #[test]
    fn levels_are_taken_however_they_are_cut_and_what_is_none_is_passed_over() {
        let (mut inputs, heard) = inputs(&["a.door", "a.exit"]);
        let now = Instant::now();
        for bytes in [&b"a.do"[..], b"or 1\n\xff\nx 1\na.exit 2\na.exit 0\na.door 1", b"\n"] {
            inputs.take(bytes, now).unwrap();
        }
        let expected =
            [(0, ToldWhat::Seen), (0, ToldWhat::Active(true)), (1, ToldWhat::Seen), (1, ToldWhat::Active(false))];
        assert_eq!(told(&heard), expected);
        inputs.lose(now);
        assert_eq!(told(&heard).len(), 2);
        assert!(inputs.take(&[b'x'; 200], now).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 0..20)) {
            let (mut inputs, _heard) = inputs(&["a"]);
            for chunk in chunks {
                if inputs.take(&chunk, Instant::now()).is_err() {
                    return Ok(());
                }
                prop_assert!(inputs.cut.len() <= MAX_LINE_BYTES);
            }
        }
    }
}
