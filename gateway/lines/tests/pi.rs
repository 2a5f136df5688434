//! rppal's own code on a machine that is no Raspberry Pi: its registers are a file, its interrupts come from a socket.
//!
//! Needs a C compiler for what is preloaded, and glibc. What cannot be had is said and skipped; `tests/run` counts it.
#![cfg(all(feature = "rppal", target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, clippy::expect_used)]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fd::OwnedFd,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept, bind, listen, recv, send,
        socket_with,
    },
    time::{ClockId, clock_gettime},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// Registers of the BCM2711 (BCM2711 ARM Peripherals, 5.2), by their offset in bytes.
const GPFSEL1: u64 = 0x04;
const GPSET0: u64 = 0x1C;
const GPCLR0: u64 = 0x28;
const GPLEV0: u64 = 0x34;
const PULLS_16_TO_31: u64 = 0xE8;

/// A Pi 4 that isn't there, and a program that uses its lines.
struct Pi {
    folder: TempDir,
    registers: File,
    lines: OwnedFd,
    program: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
}

impl Pi {
    fn start() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let preload = folder.path().join("board.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pi/board.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&preload).arg(source).status();
        if !compiled.is_ok_and(|status| status.success()) {
            println!("SKIPPED: no C compiler for the Raspberry Pi that isn't there");
            return None;
        }
        fs::write(folder.path().join("cpuinfo"), "Revision\t: c03111\n").unwrap();
        fs::write(folder.path().join("gpiomem"), [0; 4096]).unwrap();
        fs::write(folder.path().join("gpiochip0"), "").unwrap();
        let registers = File::options().read(true).write(true).open(folder.path().join("gpiomem")).unwrap();
        let lines = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        bind(&lines, &SocketAddrUnix::new(folder.path().join("events")).unwrap()).unwrap();
        listen(&lines, 8).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_try-lines"))
            .arg("pi")
            .env("FAKE_PI", folder.path())
            .env("LD_PRELOAD", preload)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (orders, said) = (program.stdin.take().unwrap(), program.stdout.take().unwrap());
        let (say, answers) = channel();
        thread::spawn(move || BufReader::new(said).lines().map_while(Result::ok).for_each(|line| _ = say.send(line)));
        let pi = Self { folder, registers, lines, program, orders, answers };
        pi.hear("ready");
        Some(pi)
    }

    fn say(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    /// The next answer that begins so; others are passed over.
    fn hear(&self, beginning: &str) -> String {
        loop {
            let line = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {beginning:?} in time"));
            if line.starts_with(beginning) {
                return line;
            }
            assert!(!line.starts_with("error"), "{line}");
        }
    }

    fn register(&self, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        self.registers.read_exact_at(&mut bytes, offset).unwrap();
        u32::from_ne_bytes(bytes)
    }

    fn write(&self, offset: u64, value: u32) {
        self.registers.write_all_at(&value.to_ne_bytes(), offset).unwrap();
    }

    /// A line that was asked for, with its number.
    fn line(&self) -> (OwnedFd, u32) {
        let line = accept(&self.lines).unwrap();
        let mut number = [0; 4];
        recv(&line, &mut number, RecvFlags::empty()).unwrap();
        (line, u32::from_ne_bytes(number))
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < PATIENCE, "not in time: {what}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Pi {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        let _ = &self.folder;
    }
}

/// `struct gpio_v2_line_event` of linux/gpio.h: an edge now.
fn edge(rising: bool, number: u32, seqno: u32) -> Vec<u8> {
    let now = clock_gettime(ClockId::Monotonic);
    let ns = u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap();
    let mut event = ns.to_ne_bytes().to_vec();
    for word in [if rising { 1 } else { 2 }, number, seqno, seqno, 0, 0, 0, 0, 0, 0] {
        event.extend(word.to_ne_bytes());
    }
    event
}

#[test]
fn outputs_set_their_registers() {
    let Some(mut pi) = Pi::start() else { return };
    pi.say("out GPIO17 1");
    pi.hear("ok out");
    assert_eq!(pi.register(GPSET0), 1 << 17, "high before it is an output");
    assert_eq!(pi.register(GPFSEL1) >> 21 & 0b111, 0b001, "an output");
    pi.say("set GPIO17 0");
    pi.hear("ok set");
    assert_eq!(pi.register(GPCLR0), 1 << 17);
    pi.say("out GPIO99 1");
    let refused = pi.answers.recv_timeout(PATIENCE).unwrap();
    assert_eq!(refused, "error: line GPIO99 can't be had: rppal knows GPIO0 to GPIO53");
}

#[test]
fn an_input_is_pulled_read_once_after_arming_and_told_of_edges_with_their_times() {
    let Some(mut pi) = Pi::start() else { return };
    pi.write(GPLEV0, 1 << 27);
    pi.say("in GPIO27 up NC 20");
    let (line, number) = pi.line();
    assert_eq!(number, 27);
    pi.hear("told GPIO27 Seen");
    pi.hear("told GPIO27 Active(true)");
    assert_eq!(pi.register(PULLS_16_TO_31) >> 22 & 0b11, 0b01, "pulled up");

    // The door bounces for 10 ms and is shut.
    for (n, rising) in [false, true, false].into_iter().enumerate() {
        send(&line, &edge(rising, number, u32::try_from(n).unwrap() + 1), SendFlags::empty()).unwrap();
    }
    pi.write(GPLEV0, 0);
    let told = pi.hear("told GPIO27 Active(false)");
    let us_ago: u64 = told.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(us_ago >= 20_000, "since the edge, not since it was believed: {told}");
}

#[test]
fn an_edge_that_rppal_lost_is_found_by_a_look_at_the_level() {
    let Some(mut pi) = Pi::start() else { return };
    pi.say("in GPIO27 up NO 20");
    let (_line, _) = pi.line();
    pi.hear("told GPIO27 Active(true)");
    pi.write(GPLEV0, 1 << 27);
    pi.hear("told GPIO27 Active(false)");
}

/// A gate that is held shut by power: high is locked, low is open.
#[test]
fn a_process_that_is_killed_or_panics_leaves_the_gate_open_by_its_guard() {
    for end in ["kill", "panic"] {
        let Some(mut pi) = Pi::start() else { return };
        pi.say("out GPIO17 1");
        pi.say("guard GPIO17 0");
        pi.hear("ok guard");
        assert_eq!(pi.register(GPCLR0), 0);
        match end {
            "kill" => pi.program.kill().unwrap(),
            _ => pi.say("panic"),
        }
        pi.until("the guard's level", |pi| pi.register(GPCLR0) == 1 << 17);
    }
}
