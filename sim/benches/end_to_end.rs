//! From a card at a reader to a message at a subscriber, through the unmodified gateway, a real mosquitto and a real disk;
//! and beside it, in the same run, through the barest loop that could do it (`bare_loop.py`). Machines and their
//! neighbours differ; the ratio between the two tells.
//!
//! `cargo bench -p schoolgate-sim --bench end_to_end -- [--quick]`; the files lie where temporary files do (`TMPDIR`),
//! which should be a disk. One tap is one event, one status and one place event of the gateway, one message of the loop; a
//! second gateway, whose students have nobody at home to be told, sends one message a tap as the loop does.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(unreachable_pub)]

#[path = "end_to_end/bench_school.rs"]
mod bench_school;
#[path = "end_to_end/broker.rs"]
mod broker;
#[path = "end_to_end/subject.rs"]
mod subject;

use std::time::Duration;

use tokio::runtime::{self, Runtime};

use broker::Broker;
use subject::{Kind, Memory, PACE, Paced, Subject};

/// Students of the school that arrives in order.
const STUDENTS: usize = 5_000;
/// A process that has just started gets so long to come to rest before its memory is looked at.
const REST: Duration = Duration::from_secs(2);

/// How much is measured. A school has room for all floods and one student more (`school::MAX_STUDENTS`).
struct Plan {
    starts: usize,
    rounds: usize,
    taps_per_round: usize,
    floods: usize,
    taps_per_flood: usize,
}

/// Rounds are short, so that a time when the machine does something else is shared by all that are measured.
const FULL: Plan = Plan { starts: 5, rounds: 40, taps_per_round: 100, floods: 4, taps_per_flood: 4_500 };
const QUICK: Plan = Plan { starts: 1, rounds: 5, taps_per_round: 50, floods: 1, taps_per_flood: 4_500 };

/// All figures of one of the two.
#[derive(Default)]
struct Figures {
    starts: Vec<Duration>,
    restarts: Vec<Duration>,
    after_restart: Memory,
    after_start: Memory,
    paced: Paced,
    after_pace: Memory,
    floods: Vec<Duration>,
    after_flood: Memory,
}

struct Bench {
    plan: Plan,
    runtime: Runtime,
    broker: Broker,
    kinds: Vec<Kind>,
}

fn main() {
    let bench = Bench {
        plan: if std::env::args().any(|arg| arg == "--quick") { QUICK } else { FULL },
        runtime: runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
        broker: Broker::start(),
        kinds: Kind::all(),
    };
    let mut figures: Vec<Figures> = bench.kinds.iter().map(|_| Figures::default()).collect();
    bench.measure_starts(&mut figures);
    bench.measure_pace(&mut figures);
    bench.measure_floods(&mut figures);
    bench.print(&figures);
}

/// They are always measured by turns, so that what else the machine does falls on both.
impl Bench {
    fn measure_starts(&self, figures: &mut [Figures]) {
        for _ in 0..self.plan.starts {
            for (kind, figures) in self.kinds.iter().zip(&mut *figures) {
                let subject = kind.start(STUDENTS, &self.broker, &self.runtime);
                figures.starts.push(subject.first_tap(0));
                let subject = subject.restart(kind, &self.broker, &self.runtime);
                figures.restarts.push(subject.first_tap(1));
                figures.after_restart = subject.memory();
                subject.stop(&self.runtime);
            }
        }
    }

    fn measure_pace(&self, figures: &mut [Figures]) {
        let Plan { rounds, taps_per_round, .. } = self.plan;
        self.with_running(STUDENTS, |subjects| {
            for (subject, figures) in subjects.iter().zip(&mut *figures) {
                figures.after_start = subject.memory();
            }
            for round in 0..rounds {
                for (subject, figures) in subjects.iter().zip(&mut *figures) {
                    figures.paced += subject.paced(round * taps_per_round..(round + 1) * taps_per_round);
                }
            }
            for (subject, figures) in subjects.iter().zip(&mut *figures) {
                figures.after_pace = subject.memory();
            }
        });
    }

    fn measure_floods(&self, figures: &mut [Figures]) {
        let Plan { floods, taps_per_flood, .. } = self.plan;
        // The last student is the one who says that all is ready.
        self.with_running(floods * taps_per_flood + 1, |subjects| {
            for n in 0..floods {
                for (subject, figures) in subjects.iter().zip(&mut *figures) {
                    figures.floods.push(subject.flood(n * taps_per_flood..(n + 1) * taps_per_flood));
                    figures.after_flood = subject.memory();
                }
            }
        });
    }

    /// Has one of each kind run, serving and come to rest; the last student has arrived by then.
    fn with_running(&self, students: usize, work: impl FnOnce(&[Subject])) {
        let start = |kind: &Kind| kind.start(students, &self.broker, &self.runtime);
        let subjects: Vec<Subject> = self.kinds.iter().map(start).collect();
        for subject in &subjects {
            subject.first_tap(students - 1);
        }
        std::thread::sleep(REST);
        work(&subjects);
        subjects.into_iter().for_each(|subject| subject.stop(&self.runtime));
    }

    fn print(&self, figures: &[Figures]) {
        print!("{:<44}", "");
        self.kinds.iter().for_each(|kind| print!("{:>12}", kind.name()));
        println!("{:>12}{:>12}", "ratio", "ratio of 1");
        let row = |what: &str, figure: &dyn Fn(&Figures) -> f64| {
            print_row(what, &figures.iter().map(figure).collect::<Vec<_>>());
        };
        row(&format!("tap to subscriber at {PACE} taps/s, p50, ms"), &|f| f.paced.latency_ms(0.5));
        row(&format!("tap to subscriber at {PACE} taps/s, p99, ms"), &|f| f.paced.latency_ms(0.99));
        row("CPU time per 1,000 taps, s", &|f| f.paced.cpu_per_tap().as_secs_f64() * 1e3);
        row("CPU time of the whole machine, the same, s", &|f| f.paced.machine_cpu_per_tap().as_secs_f64() * 1e3);
        row("taps/s as fast as they are taken, median", &|f| self.plan.taps_per_flood as f64 / median(&f.floods));
        let messages: Vec<f64> = self.kinds.iter().map(|kind| kind.messages_per_tap().into()).collect();
        let rates = figures.iter().map(|f| self.plan.taps_per_flood as f64 / median(&f.floods));
        print_row(
            "messages/s meanwhile",
            &rates.zip(messages).map(|(taps, messages)| taps * messages).collect::<Vec<_>>(),
        );
        row("resident after the start, MiB", &|f| f.after_start.resident_mib());
        row("resident peak by then, MiB", &|f| f.after_start.peak_mib());
        row("resident after the taps, MiB", &|f| f.after_pace.resident_mib());
        row("resident peak after the fast taps, MiB", &|f| f.after_flood.peak_mib());
        row("resident peak after a restart, MiB", &|f| f.after_restart.peak_mib());
        row("first start to first tap served, median, ms", &|f| median(&f.starts) * 1e3);
        row("restart to first tap served, median, ms", &|f| median(&f.restarts) * 1e3);
        if figures.len() < 3 {
            println!("skipped: the bare loop needs python3, which is not here");
        }
    }
}

/// The figures side by side, and those of the gateways as ratios to the loop's.
fn print_row(what: &str, values: &[f64]) {
    print!("{what:<44}");
    values.iter().for_each(|value| print!("{value:>12.2}"));
    match values[..] {
        [gateway, one_message, bare_loop] => println!("{:>12.2}{:>12.2}", gateway / bare_loop, one_message / bare_loop),
        _ => println!(),
    }
}

/// In seconds.
fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2].as_secs_f64()
}
