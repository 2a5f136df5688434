//! What is measured: a process that reads ten lines and publishes; and the taps it is given.

use std::{
    fs,
    io::Write,
    ops::{AddAssign, Range},
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schoolgate_core::text::Lang;
use schoolgate_sim::{
    gateway_process::{self, GatewayProcess},
    scene::{Scene, Setting},
    virtual_reader::{VirtualReader, VirtualReaderError, frame},
};
use tokio::runtime::Runtime;

use crate::{
    bench_school::{campus, card, school},
    broker::{Broker, Subscriber, Told},
};

/// Taps a second, over all readers, of a full but orderly gate.
pub const PACE: u32 = 50;
/// How often the first card is read again until it is served: closer than an RDM6300 (65 ms), to see the moment.
const FIRST_CARD_EVERY: Duration = Duration::from_millis(2);
const START_PATIENCE: Duration = Duration::from_secs(20);
/// So many frames are offered to a line at once when it is fed as fast as it takes them.
const FLOOD_FRAMES: usize = 64;

const BARE_LOOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/bare_loop.py");

/// What can be measured.
pub enum Kind {
    /// Each tap is told to a guardian, in two messages, and to the place's boards.
    Gateway,
    /// Each tap is told to the place's boards only: as many messages as the loop sends.
    OneMessage,
    /// With the interpreter that runs it.
    BareLoop(PathBuf),
}

/// A process on lines of its own. It must be told to [`stop`](Self::stop), which also tells whether it ran well.
pub struct Subject {
    process: Process,
    id: u32,
    spawned: Instant,
    scene: Scene,
    subscriber: Subscriber,
}

enum Process {
    Gateway(GatewayProcess),
    BareLoop(Child),
}

/// What was measured at [`PACE`].
#[derive(Clone, Default)]
pub struct Paced {
    pub latencies: Vec<Duration>,
    pub cpu: Duration,
    /// Of the whole machine: what the system does on workers of its own counts for no process.
    pub machine_cpu: Duration,
}

impl AddAssign for Paced {
    fn add_assign(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.cpu += other.cpu;
        self.machine_cpu += other.machine_cpu;
    }
}

impl Paced {
    /// From the write to the line to the event at the subscriber, at this share of the taps.
    pub fn latency_ms(&self, share: f64) -> f64 {
        let mut latencies = self.latencies.clone();
        latencies.sort();
        latencies[(latencies.len() as f64 * share) as usize].as_secs_f64() * 1e3
    }

    pub fn cpu_per_tap(&self) -> Duration {
        self.cpu / u32::try_from(self.latencies.len()).unwrap()
    }

    pub fn machine_cpu_per_tap(&self) -> Duration {
        self.machine_cpu / u32::try_from(self.latencies.len()).unwrap()
    }
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    resident: u32,
    peak: u32,
}

impl Memory {
    pub fn resident_mib(self) -> f64 {
        f64::from(self.resident) / 1024.0
    }

    pub fn peak_mib(self) -> f64 {
        f64::from(self.peak) / 1024.0
    }
}

impl Process {
    fn stop(self, runtime: &Runtime) {
        match self {
            Self::Gateway(process) => runtime.block_on(process.stop()).unwrap(),
            Self::BareLoop(mut process) => {
                process.kill().unwrap();
                process.wait().unwrap();
            }
        }
    }
}

impl Kind {
    /// The gateway, and the bare loop if this machine has Python 3.
    pub fn all() -> Vec<Self> {
        gateway_process::binary().unwrap(); // built now, not while its start is timed
        let mut kinds = vec![Self::Gateway, Self::OneMessage];
        // The interpreter itself: what is on the path may be a script that looks for it.
        let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        if let Ok(answer) = asked
            && answer.status.success()
        {
            kinds.push(Self::BareLoop(String::from_utf8(answer.stdout).unwrap().trim().into()));
        }
        kinds
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::OneMessage => "one-message",
            Self::BareLoop(_) => "bare-loop",
        }
    }

    /// How many messages it publishes for a tap.
    pub fn messages_per_tap(&self) -> u32 {
        match self {
            Self::Gateway => 3,
            Self::OneMessage | Self::BareLoop(_) => 1,
        }
    }

    /// Whose messages the subscriber waits for.
    fn told(&self) -> Told {
        match self {
            Self::Gateway | Self::BareLoop(_) => Told::Guardians,
            Self::OneMessage => Told::Boards,
        }
    }

    /// Starts it for a school of so many students.
    pub fn start(&self, students: usize, broker: &Broker, runtime: &Runtime) -> Subject {
        let setting = Setting {
            school: school(students, !matches!(self, Self::OneMessage)),
            campus: campus(self.name()),
            broker: None, // a relay would cost time of its own
            platform: None,
            clock: None,
            lang: Lang::En,
            show_ms: None,
        };
        let scene = runtime.block_on(Scene::set(setting)).unwrap();
        let (host, port) = (broker.addr().ip(), broker.addr().port());
        let mut config = fs::OpenOptions::new().append(true).open(scene.config()).unwrap();
        writeln!(config, "\n[mqtt]\nhost = \"{host}\"\nport = {port}\ntls = false").unwrap();
        let subscriber = Subscriber::connect(broker.addr(), self.name(), self.told());
        self.start_in(scene, subscriber, broker, runtime)
    }

    /// The same in a scene where one has run before.
    fn start_in(&self, scene: Scene, subscriber: Subscriber, broker: &Broker, runtime: &Runtime) -> Subject {
        let spawned = Instant::now();
        let process = match self {
            Self::Gateway | Self::OneMessage => {
                let _runtime = runtime.enter();
                Process::Gateway(GatewayProcess::start(&scene.config(), &scene.log()).unwrap())
            }
            Self::BareLoop(python) => {
                let mut command = Command::new(python);
                command
                    .arg("-I")
                    .arg(BARE_LOOP)
                    .arg(broker.addr().port().to_string())
                    .arg(scene.folder().join("log"))
                    .arg(self.name());
                command.args(scene.readers.iter().map(VirtualReader::path));
                Process::BareLoop(command.spawn().unwrap())
            }
        };
        let id = match &process {
            Process::Gateway(process) => process.id().unwrap(),
            Process::BareLoop(process) => process.id(),
        };
        Subject { process, id, spawned, scene, subscriber }
    }
}

impl Subject {
    /// Ends it; the gateway must end in good order.
    pub fn stop(self, runtime: &Runtime) {
        self.process.stop(runtime);
    }

    /// Ends it and starts it again where it was.
    pub fn restart(self, kind: &Kind, broker: &Broker, runtime: &Runtime) -> Self {
        self.process.stop(runtime);
        self.scene.readers.iter().for_each(VirtualReader::forget_exclusive_use);
        kind.start_in(self.scene, self.subscriber, broker, runtime)
    }

    /// The card of this student lies on the first reader since the start: how long until its event comes.
    pub fn first_tap(&self, student: usize) -> Duration {
        loop {
            match self.scene.readers[0].tap(card(student)) {
                Ok(()) | Err(VirtualReaderError::NobodyReads { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            thread::sleep(FIRST_CARD_EVERY);
            let arrival = self.subscriber.try_collect().find(|arrival| arrival.student == student);
            if let Some(arrival) = arrival {
                return arrival.at - self.spawned;
            }
            let log = || fs::read_to_string(self.scene.log()).unwrap_or_default();
            assert!(self.spawned.elapsed() < START_PATIENCE, "the first tap is not served; its log:\n{}", log());
        }
    }

    /// One tap for each student, evenly spread with jitter.
    pub fn paced(&self, students: Range<usize>) -> Paced {
        let mut rng = ChaCha8Rng::seed_from_u64(students.start as u64);
        let (cpu, machine_cpu) = (cpu_time(self.id), machine_cpu_time());
        let (began, gap) = (Instant::now(), Duration::from_secs(1) / PACE);
        let first = students.start;
        let mut written = Vec::with_capacity(students.len());
        for (n, student) in (0_u32..).zip(students.clone()) {
            let due = began + gap * n + gap.mul_f64(rng.random());
            thread::sleep(due.saturating_duration_since(Instant::now()));
            written.push(Instant::now());
            self.scene.readers[student % self.scene.readers.len()].tap(card(student)).unwrap();
        }
        let arrivals = self.subscriber.collect(students);
        let latencies = arrivals.iter().map(|arrival| arrival.at - written[arrival.student - first]).collect();
        Paced { latencies, cpu: cpu_time(self.id) - cpu, machine_cpu: machine_cpu_time() - machine_cpu }
    }

    /// One tap for each student, as fast as the lines take them: how long until every event has come.
    pub fn flood(&self, students: Range<usize>) -> Duration {
        let lanes = self.scene.readers.len();
        let lane = |n: usize| students.clone().filter(move |student| student % lanes == n);
        let queues: Vec<Vec<u8>> =
            (0..lanes).map(|n| lane(n).flat_map(|student| frame(card(student))).collect()).collect();
        let readers = &self.scene.readers;
        let began = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| feed(readers, &queues));
            let arrivals = self.subscriber.collect(students.clone());
            arrivals.last().map_or(Duration::ZERO, |last| last.at - began)
        })
    }

    pub fn memory(&self) -> Memory {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap();
        let kib = |name: &str| -> u32 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        Memory { resident: kib("VmRSS:"), peak: kib("VmHWM:") }
    }
}

/// Writes every line's bytes as far as its buffer takes them, round and round.
fn feed(readers: &[VirtualReader], queues: &[Vec<u8>]) {
    let mut left: Vec<&[u8]> = queues.iter().map(Vec::as_slice).collect();
    while left.iter().any(|left| !left.is_empty()) {
        let mut moved = false;
        for (reader, left) in readers.iter().zip(&mut left).filter(|(_, left)| !left.is_empty()) {
            let chunk = &left[..left.len().min(FLOOD_FRAMES * frame(card(0)).len())];
            let taken = match reader.send(chunk) {
                Ok(()) => chunk.len(),
                Err(VirtualReaderError::NobodyReads { taken, .. }) => taken,
                Err(error) => panic!("{error}"),
            };
            *left = &left[taken..];
            moved |= taken > 0;
        }
        if !moved {
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// Linux tells processor times in hundredths of a second (USER_HZ), whatever its own tick.
const TICK: Duration = Duration::from_millis(10);

/// Time on a processor, in user and kernel mode (proc_pid_stat(5), fields 14 and 15).
fn cpu_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u32 = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

/// Time that the processors were not idle, waiting for a disk or given to other machines (proc_stat(5), first line).
fn machine_cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let fields = stat.lines().next().unwrap().split_whitespace().skip(1);
    let busy = fields.take(7).enumerate().filter(|(n, _)| ![3, 4].contains(n)); // idle, iowait
    TICK * busy.map(|(_, field)| field.parse::<u32>().unwrap()).sum()
}
