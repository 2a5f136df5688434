//! The one binary: `schoolgate run`, `config`, `roster`, `ledger`, `key`, `report` and `who`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use jiff::Timestamp;
use rustix::process::{Resource, Rlimit, setrlimit};
use schoolgate::{
    chain::chain,
    cli::{self, Cli, Command, EXIT_FAULTS, EXIT_FINE, EXIT_USAGE},
    config::{self, Loaded},
    ledger_cli, report_cli, roster_cli, run, who_cli,
};
use schoolgate_core::{text, text::Lang};
use schoolgate_lines::guard;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let lang = cli::language(cli.lang, |name| std::env::var(name).ok());
    let mut out = io::stdout().lock();
    let code = match &cli.command {
        Command::Run { config } => match config::load_for_run(config, lang) {
            Ok(loaded) => run_gateway(loaded, lang),
            Err(error) => {
                complain(&error.render(lang));
                EXIT_FAULTS
            }
        },
        Command::GuardLines => stand_guard(),
        Command::Config(command) => or_broken_pipe(cli::run_config(command, lang, &mut out)),
        Command::Roster(command) => or_broken_pipe(roster_cli::run(command, lang, &mut io::stdin().lock(), &mut out)),
        Command::Report(args) => match report_cli::run(args, Timestamp::now(), lang, &mut out) {
            Ok(code) => code,
            Err(error) => {
                complain(&chain(&error));
                EXIT_USAGE
            }
        },
        Command::Who(args) => match who_cli::run(args, lang, &mut out) {
            Ok(code) => code,
            Err(error) => {
                complain(&chain(&error));
                EXIT_USAGE
            }
        },
        Command::Key(command) => match ledger_cli::run_key(command, lang, &mut out) {
            Ok(code) => code,
            Err(error) => {
                complain(&chain(&error));
                EXIT_USAGE
            }
        },
        Command::Ledger(command) => match ledger_cli::run(command, lang, &mut out) {
            Ok(code) => code,
            Err(error) => {
                complain(&chain(&error));
                EXIT_USAGE
            }
        },
    };
    ExitCode::from(code)
}

fn run_gateway(loaded: Loaded, lang: Lang) -> u8 {
    // A memory image would hold the school's keys and cards' numbers. Where this is refused, the system's own rule holds.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let filter = loaded.config.gateway.log.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let lines = fmt::layer().with_ansi(false).with_writer(io::stderr);
    tracing_subscriber::registry().with(lines).with(filter).init();
    for warning in &loaded.warnings {
        tracing::warn!("{}", warning.render(lang));
    }
    match run::run(loaded) {
        Ok(()) => EXIT_FINE,
        Err(error) => {
            let why = chain(&error);
            complain(&text!(lang, zh: "网关未能启动：{why}", en: "the gateway did not start: {why}"));
            EXIT_FAULTS
        }
    }
}

/// Until the gateway that drives the gates is gone. What ends services and terminals must not end the guard before it.
fn stand_guard() -> u8 {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return EXIT_FAULTS };
    let _entered = runtime.enter();
    let _deaf = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    match guard::stand(io::stdin(), io::stdout()) {
        Ok(faults) if faults.is_empty() => EXIT_FINE,
        Ok(faults) => {
            faults.iter().for_each(|fault| complain(&chain(fault)));
            EXIT_FAULTS
        }
        Err(error) => {
            complain(&error.to_string());
            EXIT_FAULTS
        }
    }
}

/// Whoever reads our output may stop reading, as `head` does; that is no fault of ours.
fn or_broken_pipe(written: io::Result<u8>) -> u8 {
    match written {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => EXIT_FINE,
        Err(error) => {
            complain(&error.to_string());
            EXIT_USAGE
        }
    }
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
