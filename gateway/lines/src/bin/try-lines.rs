//! Tries a board's lines by hand: for an installer with a screwdriver, and for tests where there is no hardware.
//!
//! Reads commands from standard input, one a line, and answers each with a line; `help` lists them. As the first process
//! of a machine (an emulated board's `/init`) it first mounts what it needs and talks on the console.
#![allow(clippy::print_stdout, reason = "this is how it answers")]

use std::{
    collections::BTreeMap,
    env,
    ffi::CStr,
    fs,
    io::{self, BufRead, BufReader, Write},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use embedded_hal::digital::{OutputPin, PinState};
#[cfg(feature = "rppal")]
use schoolgate_lines::pi;
use schoolgate_lines::{
    Contact, InputLine, Inventory, LineError, Pull, Watch, cdev,
    guard::{self, Driver, Guard, SafeLine},
};

const HELP: &str = "list | out NAME 0|1 | set NAME 0|1 | in NAME up|down|none NO|NC REST_MS | guard NAME 0|1 | \
                    doomed NAME 0|1 SAFE | free NAME | panic | exit";

type Output = Box<dyn OutputPin<Error = LineError>>;

#[derive(Default)]
struct Bench {
    driver: Option<Driver>,
    outputs: BTreeMap<String, Output>,
    watches: Vec<Watch>,
    guard: Option<Guard>,
}

fn main() -> ExitCode {
    if std::process::id() == 1 {
        settle_in();
    }
    match env::args().nth(1).as_deref() {
        Some("guard") => match guard::stand(io::stdin(), io::stdout()) {
            Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
            faults => {
                println!("guard: {faults:?}");
                ExitCode::FAILURE
            }
        },
        Some("pi") => Bench { driver: Some(Driver::Pi), ..Bench::default() }.work(),
        _ => Bench::default().work(),
    }
}

impl Bench {
    fn work(mut self) -> ExitCode {
        println!("ready");
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            let words: Vec<&str> = line.split_whitespace().collect();
            match self.obey(&words) {
                Ok(Some(answer)) => println!("{answer}"),
                Ok(None) => return ExitCode::SUCCESS,
                Err(why) => println!("error: {why}"),
            }
            let _ = io::stdout().flush();
        }
        ExitCode::SUCCESS
    }

    fn obey(&mut self, words: &[&str]) -> Result<Option<String>, String> {
        let done = |what: &str| Ok(Some(format!("ok {what}")));
        match words {
            ["list"] => Ok(Some(format!("{:?}", Inventory::look()))),
            ["out", name, level] => {
                let output = self.output(name, *level == "1").map_err(say)?;
                self.outputs.insert((*name).to_owned(), output);
                done("out")
            }
            ["set", name, level] => {
                let output = self.outputs.get_mut(*name).ok_or("no such output")?;
                output.set_state(PinState::from(*level == "1")).map_err(say)?;
                done("set")
            }
            ["free", name] => {
                self.outputs.remove(*name);
                done("free")
            }
            ["in", name, pull, contact, rest_ms] => {
                let watch = self.watch(name, pull, contact, rest_ms)?;
                self.watches.push(watch);
                done("in")
            }
            ["guard", name, level] => {
                self.guard = Some(self.post(name, *level == "1").map_err(say)?);
                done("guard")
            }
            ["doomed", name, level, safe] => self.doomed(name, level, safe).map(Some),
            ["panic"] => self.panic(),
            ["exit"] => Ok(None),
            [] => Ok(Some(String::new())),
            _ => Ok(Some(HELP.to_owned())),
        }
    }

    fn output(&self, name: &str, high: bool) -> Result<Output, LineError> {
        match self.driver {
            #[cfg(feature = "rppal")]
            Some(Driver::Pi) => pi::OutputLine::request(name, high).map(|line| Box::new(line) as Output),
            _ => cdev::OutputLine::request(name, high).map(|line| Box::new(line) as Output),
        }
    }

    fn watch(&self, name: &str, pull: &str, contact: &str, rest_ms: &str) -> Result<Watch, String> {
        let pull = match pull {
            "up" => Pull::Up,
            "down" => Pull::Down,
            _ => Pull::None,
        };
        let contact = Contact { active_low: true, normally_closed: contact == "NC" };
        let rest = Duration::from_millis(rest_ms.parse().map_err(say)?);
        let line = InputLine { name: name.to_owned(), pull, contact, rest };
        let name = name.to_owned();
        let tell = move |told: schoolgate_lines::Told| {
            let ago = Instant::now().saturating_duration_since(told.at);
            println!("told {name} {:?} {} us ago", told.what, ago.as_micros());
        };
        let watch = match self.driver {
            #[cfg(feature = "rppal")]
            Some(Driver::Pi) => pi::watch(&[line], tell),
            _ => cdev::watch(&[line], tell),
        };
        watch.map_err(say)
    }

    fn post(&self, name: &str, high: bool) -> io::Result<Guard> {
        let mut program = Command::new(env::current_exe()?);
        program.arg("guard");
        let driver = self.driver.unwrap_or(Driver::Cdev);
        Guard::post(program, &[SafeLine { driver, name: name.to_owned(), high }])
    }

    /// Another process takes an output, posts a guard unless `safe` is `-`, and is killed.
    fn doomed(&self, name: &str, level: &str, safe: &str) -> Result<String, String> {
        let program = env::current_exe().map_err(say)?;
        let mut command = Command::new(program);
        if self.driver == Some(Driver::Pi) {
            command.arg("pi");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(say)?;
        let (Some(mut orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        let guard = if safe == "-" { String::new() } else { format!("guard {name} {safe}\n") };
        orders.write_all(format!("out {name} {level}\n{guard}help\n").as_bytes()).map_err(say)?;
        let mut heard = String::new();
        for answer in BufReader::new(answers).lines() {
            let answer = answer.map_err(say)?;
            if answer == HELP {
                break;
            }
            heard.push_str(&answer);
            heard.push(' ');
        }
        child.kill().map_err(say)?;
        child.wait().map_err(say)?;
        Ok(format!("killed after: {heard}"))
    }

    #[allow(clippy::panic, reason = "to see what becomes of the lines")]
    fn panic(&self) -> ! {
        panic!("as asked");
    }
}

fn say(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The first process of a machine finds nothing mounted, and has no standard input or output.
fn settle_in() {
    const NONE: Option<&CStr> = None;
    let none = rustix::mount::MountFlags::empty();
    for (what, at) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        let _ = fs::create_dir_all(at);
        let _ = rustix::mount::mount(what, at, what, none, NONE);
    }
    if let Ok(console) = fs::File::options().read(true).write(true).open("/dev/console") {
        let _ = rustix::stdio::dup2_stdin(&console);
        let _ = rustix::stdio::dup2_stdout(&console);
        let _ = rustix::stdio::dup2_stderr(&console);
    }
}
